"""The store: what is finished is kept, bounded, and shown to nobody else."""

import dataclasses
import sqlite3
import threading

import pytest

from lib.experiment import Experiment
from lib.sweeps import store as store_module
from lib.sweeps.cell import Result
from lib.sweeps.store import SCHEMA, Store, default_path, key
from tests.sweeps.conftest import SMALL

EXPERIMENT = Experiment.from_dict(SMALL)
OTHER = dataclasses.replace(EXPERIMENT, seeds=(7,))
FOUND = Result((({"metrics": {"accuracy": 0.5}, "recall": [1.0, float("nan")]},),), 0.25)


def test_what_was_put_is_got(store):
    store.put([(EXPERIMENT, FOUND)])
    got = store.get([EXPERIMENT, OTHER])
    assert list(got) == [key(EXPERIMENT)]
    assert str(got[key(EXPERIMENT)]) == str(FOUND)


def test_display_names_do_not_matter_and_everything_else_does():
    renamed = dataclasses.replace(
        EXPERIMENT, strategies=tuple(dataclasses.replace(s, name=s.name + "!") for s in EXPERIMENT.strategies)
    )
    assert key(renamed) == key(EXPERIMENT) != key(OTHER)


def test_other_library_versions_are_another_result(store, monkeypatch):
    store.put([(EXPERIMENT, FOUND)])
    monkeypatch.setattr(store_module, "versions", lambda: "torch 99")
    assert not store.get([EXPERIMENT])


def test_the_first_result_stays(store):
    store.put([(EXPERIMENT, FOUND)])
    store.put([(EXPERIMENT, dataclasses.replace(FOUND, seconds=9.0))])
    assert store.get([EXPERIMENT])[key(EXPERIMENT)].seconds == 0.25
    assert len(store) == 1


def test_an_owners_results_are_nobody_elses(store):
    store.put([(EXPERIMENT, FOUND)], owner="ann")
    assert not store.get([EXPERIMENT])
    assert not store.get([EXPERIMENT], "bob")
    assert store.get([EXPERIMENT], "ann")
    store.forget("ann")
    assert len(store) == 0


def test_the_least_asked_for_goes_first(tmp_path):
    small = Store(tmp_path / "s.sqlite", max_bytes=2 * len(FOUND.to_json()))
    cells = [dataclasses.replace(EXPERIMENT, seeds=(i,)) for i in range(3)]
    for cell in cells[:2]:
        small.put([(cell, FOUND)])
    small.get([cells[0]])
    small.put([(cells[2], FOUND)])
    assert set(small.get(cells)) == {key(cells[0]), key(cells[2])}


def test_threads_write_together(store):
    cells = [dataclasses.replace(EXPERIMENT, seeds=(i,)) for i in range(20)]
    threads = [threading.Thread(target=store.put, args=([(cell, FOUND)],)) for cell in cells * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store) == 20
    assert store.problem is None


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    connection = sqlite3.connect(tmp_path / "s.sqlite")
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    with pytest.raises(ValueError, match="written by a newer version.*COUNTERWEIGHT_STORE"):
        Store(tmp_path / "s.sqlite")


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "s.sqlite").write_bytes(b"hello world" * 1000)
    with pytest.raises(ValueError, match="is no store of sweeps"):
        Store(tmp_path / "s.sqlite")


def test_a_store_that_cannot_be_written_says_so_and_goes_on(store, monkeypatch):
    store.put([(EXPERIMENT, FOUND)])

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store, "_trim", full)
    store.put([(OTHER, FOUND)])
    assert store.problem == "Results are not kept: database or disk is full. The sweep goes on without a store."
    assert store.get([EXPERIMENT, OTHER]).keys() == {key(EXPERIMENT)}


def test_a_read_only_store_still_gives_its_results(store):
    store.put([(EXPERIMENT, FOUND)])
    connection = sqlite3.connect(store.path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    locked = Store(store.path)
    locked.read_only = True
    assert locked.get([EXPERIMENT])


def test_a_folder_that_cannot_be_made_is_a_problem_and_no_crash(tmp_path):
    (tmp_path / "file").write_text("x")
    broken = Store(tmp_path / "file" / "s.sqlite")
    assert broken.problem is not None
    assert not broken.get([EXPERIMENT])


def test_the_place_of_the_store_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("COUNTERWEIGHT_STORE", str(tmp_path / "x"))
    assert default_path() == tmp_path / "x"
    monkeypatch.delenv("COUNTERWEIGHT_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "counterweight" / "sweeps.sqlite"
