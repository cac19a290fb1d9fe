"""The store: what is finished is kept, bounded, and shown to nobody else."""

import dataclasses
import os
import sqlite3
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from lib.experiment import Experiment
from lib.sweeps import store as store_module
from lib.sweeps.cell import Result
from lib.sweeps.store import SCHEMA, Store, default_path, key
from tests.sweeps.conftest import SMALL

EXPERIMENT = Experiment.from_dict(SMALL)
OTHER = dataclasses.replace(EXPERIMENT, seeds=(7,))
LARGE = Result((({"metrics": {}, "recall": [0.125] * 2000},),), 0.25)  # takes pages of its own
FOUND = Result((({"metrics": {"accuracy": 0.5}, "recall": [1.0, float("nan")]},),), 0.25)


@contextmanager
def full_disk(monkeypatch):
    """No database may grow."""
    connect = sqlite3.connect

    def full(*arguments, **options):
        connection = connect(*arguments, **options)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", full)
        yield


@pytest.fixture
def unprivileged():
    """A folder that other users reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o700)


@contextmanager
def without_privileges():
    """As somebody whom file permissions stop."""
    key(EXPERIMENT)  # its library versions are read before
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


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


def test_a_full_disk_is_said_and_nothing_finished_is_lost(store, monkeypatch):
    store.put([(EXPERIMENT, FOUND)])
    with full_disk(monkeypatch):
        store.put([(OTHER, LARGE)])
        assert store.problem == (
            "New results are not written to the store: database or disk is full. They last as long as the program runs."
        )
        assert store.get([EXPERIMENT, OTHER]).keys() == {key(EXPERIMENT), key(OTHER)}
        assert len(store) == 1
    third = dataclasses.replace(EXPERIMENT, seeds=(9,))
    store.put([(third, LARGE)])  # there is room again: what waited is written too
    assert store.problem is None
    assert len(Store(store.path)) == 3


def test_what_waits_for_the_disk_is_bounded_and_its_owners_own(store, monkeypatch):
    with full_disk(monkeypatch):
        store.put([(EXPERIMENT, LARGE)], owner="ann")
        assert not store.get([EXPERIMENT])
        assert store.get([EXPERIMENT], "ann")
        store.forget("ann")
        assert not store.get([EXPERIMENT], "ann")
        monkeypatch.setattr(store_module, "MAX_HELD", 2 * len(LARGE.to_json()))
        cells = [dataclasses.replace(EXPERIMENT, seeds=(i,)) for i in range(3)]
        store.put([(cell, LARGE) for cell in cells])
        assert set(store.get(cells)) == {key(cell) for cell in cells[1:]}


@pytest.mark.parametrize("folder", ["writable", "read-only"])
def test_a_read_only_store_still_gives_its_results_and_says_that_it_takes_none(unprivileged, folder):
    path = unprivileged / "s.sqlite"
    Store(path).put([(EXPERIMENT, FOUND)])
    path.chmod(0o444)
    unprivileged.chmod(0o777 if folder == "writable" else 0o555)
    with without_privileges():
        locked = Store(path)
        assert set(locked.get([EXPERIMENT, OTHER])) == {key(EXPERIMENT)}
        locked.put([(OTHER, FOUND)])
        assert locked.problem.startswith("New results are not written to the store: attempt to write a readonly database.")
        assert set(locked.get([EXPERIMENT, OTHER])) == {key(EXPERIMENT), key(OTHER)}
        assert set(Store(path).get([EXPERIMENT, OTHER])) == {key(EXPERIMENT)}


def test_a_read_only_store_of_a_newer_version_is_refused_too(unprivileged):
    path = unprivileged / "s.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    path.chmod(0o444)
    unprivileged.chmod(0o555)
    with without_privileges(), pytest.raises(ValueError, match="written by a newer version"):
        Store(path)


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
