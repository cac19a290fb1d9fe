"""Visits that are left: what is forgotten when the grace is over, and what is not."""

import pandas as pd
import pytest

from lib.data.upload import Table
from lib.ui import visit


class Board:
    def __init__(self):
        self.forgotten = []

    def forget(self, name):
        self.forgotten.append(name)


@pytest.fixture
def office(monkeypatch):
    """Farewells without a grace, a board that remembers, and nobody's visits."""
    kept, board = {}, Board()
    monkeypatch.setattr(visit, "GRACE", 0.0)
    monkeypatch.setattr(visit, "_kept", lambda: kept)
    monkeypatch.setattr(visit, "board", lambda: board)
    monkeypatch.setattr(visit, "engine", lambda: type("Engine", (), {"leave": lambda self, name: None})())
    farewells = visit.Farewells()
    monkeypatch.setattr(visit, "_farewells", lambda: farewells)
    return kept, board, farewells


def table(rows):
    return Table("a.csv", "0" * 64, pd.DataFrame({"x": range(rows)}))


def wait_for(farewells):
    while thread := farewells._thread:
        thread.join(10)


def test_who_does_not_come_back_is_forgotten_with_all_that_is_large(office):
    kept, board, farewells = office
    gone = visit.Visit("a" * 32, table=table(10), made={"figure": "drawn"})
    visit._left(gone)
    wait_for(farewells)
    assert not kept and board.forgotten == [gone.name]
    assert gone.table is None and not gone.made


def test_who_is_back_within_the_grace_keeps_his_file_and_his_sweep(office, monkeypatch):
    kept, board, farewells = office
    monkeypatch.setattr(visit, "GRACE", 0.2)
    back = visit.Visit("b" * 32, table=table(10))
    visit._left(back)
    assert kept.pop(back.name) is back  # as the tab that was reloaded does
    wait_for(farewells)
    assert back.table is not None and board.forgotten == []


def test_files_as_they_came_go_at_once_and_tables_stay_within_the_budget(office, monkeypatch):
    kept, _, farewells = office
    monkeypatch.setattr(visit, "GRACE", 0.2)
    monkeypatch.setattr(visit, "upload_budget", lambda: table(150).nbytes)
    dropped = []
    visits = [visit.Visit(letter * 32, table=table(100), drop_files=lambda: dropped.append(1)) for letter in "abc"]
    for own in visits:
        visit._left(own)
    assert len(dropped) == 3
    assert [own.table is None for own in visits] == [True, True, False]
    wait_for(farewells)
    assert not kept
