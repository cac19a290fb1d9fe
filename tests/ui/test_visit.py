"""Visits that are left: what is forgotten when the grace is over, and what is not."""

import gc

import pandas as pd
import pytest
from streamlit.proto.Common_pb2 import FileURLs as FileURLsProto
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import SessionState
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from lib.data.upload import Table
from lib.ui import visit


class Board:
    def __init__(self):
        self.forgotten = []

    def forget(self, name):
        self.forgotten.append(name)


class Engine:
    def __init__(self):
        self.sessions = set()

    def leave(self, name):
        self.sessions.discard(name)


class HaltError(Exception):
    """The run ends here."""


class Streamlit:
    """As much of it as one run of a page needs."""

    def __init__(self):
        self.session_state = {}

    def stop(self):
        raise HaltError("stop")


@pytest.fixture
def tab(office, monkeypatch):
    """Runs of one tab that was somebody before: what it is asked, and what it answers."""
    engine, asked = visit.engine(), []

    class Tab:
        name = None

        def run(self):
            visit.st.session_state[visit.TAB] = {"name": self.name}
            try:
                return visit.recognise()
            except HaltError as halt:
                return str(halt)

    one = Tab()

    def ask(*, data, **_):
        asked.append(data)
        return one

    monkeypatch.setattr(visit, "st", Streamlit())
    monkeypatch.setattr(visit, "_tab", ask)
    monkeypatch.setattr(visit, "_present", lambda name, own: engine.sessions.add(name))
    one.asked = asked
    return one


@pytest.fixture
def office(monkeypatch):
    """Farewells without a grace, a board that remembers, and nobody's visits."""
    kept, board, engine = {}, Board(), Engine()
    monkeypatch.setattr(visit, "GRACE", 0.0)
    monkeypatch.setattr(visit, "_kept", lambda: kept)
    monkeypatch.setattr(visit, "board", lambda: board)
    monkeypatch.setattr(visit, "engine", lambda: engine)
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


def test_streamlit_forgets_what_was_sent_and_nothing_else():
    manager, state = MemoryUploadedFileManager("/upload"), SessionState()
    for session in ("gone", "here"):
        manager.add_file(session, UploadedFileRec("1", "a.csv", "text/csv", b"x" * 1000))
    [sent] = manager.get_files("gone", ["1"])
    state["upload/file"], state["name"] = UploadedFile(sent, FileURLsProto()), "half typed"
    visit._drop_files(manager, "gone", SafeSessionState(state, lambda: None))
    assert dict(state.filtered_state) == {"name": "half typed"}
    assert manager.get_files("gone", ["1"]) == [] and len(manager.get_files("here", ["1"])) == 1


def test_a_file_as_it_came_counts_while_its_visitor_is_there(office):
    own = visit.Visit("a" * 32, table=table(100), sent=5000, drop_files=lambda: None)
    before = own.nbytes
    visit._left(own)
    assert before - own.nbytes == 5000


def test_files_of_all_visitors_share_one_budget_and_who_left_makes_room(office, monkeypatch):
    everybody, one = {}, table(100).nbytes
    monkeypatch.setattr(visit, "st", Streamlit())
    monkeypatch.setattr(visit, "_everybody", lambda: everybody)
    monkeypatch.setattr(visit, "upload_budget", lambda: 3 * one)
    visits = []
    for _ in range(3):
        visit.st.session_state.clear()
        visits.append(visit.current())
        visits[-1].table = table(100)
    assert len(everybody) == 3  # the third is this visitor, whose file another one replaces
    visit.check_room(one)
    with pytest.raises(ValueError, match="leave no room for one of .* Try again when somebody has left"):
        visit.check_room(2 * one)
    assert visits[0].table is not None
    office[0][visits[0].name] = visits[0]  # gone, and could come back
    visit.check_room(2 * one)
    assert visits[0].table is None and visits[1].table is not None
    del visits[:], everybody[next(iter(everybody))]
    gc.collect()
    visit.st.session_state.clear()
    office[0].clear()
    visit.check_room(10 * one)  # alone: the limits of a single file hold (lib/data/upload.py)


def test_a_tab_that_was_reloaded_gets_its_visit_back_before_a_page_is_drawn(office, tab):
    back = visit.Visit("d" * 32)
    office[0][back.name] = back
    assert tab.run() == "stop" and tab.asked[-1]["asked"]
    tab.name = f"{back.name}.0"
    assert tab.run() is True
    assert visit.current() is back and not office[0]
    assert tab.asked[-1]["name"] == back.name, "the tab was told a stranger's name"


def test_who_comes_back_before_his_old_session_has_ended_is_asked_again(office, tab):
    back = visit.Visit("e" * 32)
    visit.engine().sessions.add(back.name)
    assert tab.run() is False  # nobody is away: a page is drawn
    tab.name = f"{back.name}.0"
    assert tab.run() is False and tab.asked[-1]["again"] == 1 and tab.asked[-1]["wait"] > 0
    office[0][back.name] = back  # the old session has ended
    visit.engine().sessions.discard(back.name)
    assert tab.run() is False  # the tab has not answered yet, and what it shows stays
    tab.name = f"{back.name}.1"
    assert tab.run() is True and visit.current() is back


def test_a_copy_of_a_tab_becomes_a_visitor_of_its_own(office, tab):
    original = "f" * 32
    visit.engine().sessions.add(original)
    for again in range(len(visit.WAITS) - 1):
        tab.name = f"{original}.{again}"
        assert tab.run() is False and tab.asked[-1]["again"] == again + 1
    tab.name = f"{original}.{len(visit.WAITS) - 1}"
    assert tab.run() is False
    own = visit.current()
    assert own.settled and own.name != original and original in visit.engine().sessions


def test_a_page_that_is_on_screen_stays_when_somebody_else_leaves(office, tab):
    assert tab.run() is False
    office[0]["a" * 32] = visit.Visit("a" * 32)
    assert tab.run() is False and not tab.asked[-1]["asked"]


@pytest.mark.parametrize("answer", [17, "", "x" * 34, "a" * 32, f"{'a' * 32}.9", f"{'A' * 32}.0", f"{'a' * 32}.0.0"])
def test_what_no_tab_of_ours_would_answer_is_no_answer(office, tab, answer):
    office[0]["a" * 32] = visit.Visit("a" * 32)
    tab.name = answer
    assert tab.run() == "stop" and "a" * 32 in office[0]
