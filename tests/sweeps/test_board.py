"""The sweeps of all visitors: shared workers, slots, faults of engines, and what is whose."""

import dataclasses
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest

from lib.data.columns import params_of
from lib.data.upload import read_table
from lib.evaluation import evaluate
from lib.experiment import DataSpec
from lib.runner import Runner
from lib.sweeps.axis import Axis
from lib.sweeps.board import MAX_SWEEPS, Board
from lib.sweeps.drive import sweep_cells
from lib.sweeps.local import Processes
from lib.sweeps.store import Store
from lib.sweeps.sweep import Sweep
from lib.training import load, train
from tests.sweeps.conftest import small_sweep
from tests.sweeps.test_drive import RATES, ROWS, Here, numbers


class Picky(Executor):
    """Fails with 300 rows until it is mended; it can be shut down and taken again."""

    def __init__(self):
        self.own, self.heals = Here(), False

    def submit(self, function, *texts):
        if self.heals or '"n": 300' not in texts[0]:
            return self.own.submit(function, *texts)
        future = Future()
        future.set_exception(RuntimeError("out of order."))
        return future


class Fragile(Executor):
    """Takes two calls and is gone."""

    def __init__(self):
        self.own, self.left = Here(), 2

    def submit(self, function, *texts):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("closed")
        return self.own.submit(function, *texts)


def wait_for(job, seconds=120):
    end = time.monotonic() + seconds
    while not job.ended and time.monotonic() < end:
        time.sleep(0.01)
    return job


def test_two_visitors_with_the_same_sweep_get_the_same_and_none_counts_twice(store):
    board = Board(lambda: store, {"local": lambda: ThreadPoolExecutor(1)})
    sweep = small_sweep(RATES, ROWS)
    jobs = [wait_for(job) for job in [board.submit(name, sweep) for name in ("ann", "bob")]]
    assert [job.state for job in jobs] == ["finished", "finished"]
    assert numbers(jobs[0].outcomes.values()) == numbers(jobs[1].outcomes.values())
    assert len(store) == 6


def test_a_stopped_sweep_keeps_what_it_has_and_goes_on(store):
    board, gate = Board(lambda: store, {"local": lambda: ThreadPoolExecutor(1)}), threading.Event()
    sweep = small_sweep({"address": "data.n", "values": list(range(200, 1200, 50))})
    job = board.submit("ann", sweep)
    while not job.outcomes:
        gate.wait(0.005)
    job.stop()
    assert wait_for(job).state == "stopped"
    before = len(store)
    assert 0 < before < 20
    again = wait_for(board.submit("ann", sweep))
    assert again.state == "finished"
    assert again.progress.stored == before


def test_workers_end_when_nobody_sweeps(store):
    board = Board(lambda: store, {"local": lambda: Processes(1)})
    job = board.submit("ann", small_sweep({"address": "data.n", "values": [200]}))
    while not board._executors:
        time.sleep(0.005)
    executor = board._executors["local"]
    assert wait_for(job).state == "finished"
    end = time.monotonic() + 10
    while executor.pids and time.monotonic() < end:
        time.sleep(0.05)
    assert not executor.pids
    assert not board._executors


def test_too_many_visitors_are_told(store):
    board = Board(lambda: store, {"local": lambda: ThreadPoolExecutor(1)})
    long = small_sweep({"address": "data.n", "values": list(range(200, 2200, 10))})
    for visitor in range(MAX_SWEEPS):
        board.submit(str(visitor), long)
    with pytest.raises(ValueError, match="4 visitors sweep at this moment"):
        board.submit("one more", long)
    jobs = [board.job(str(visitor)) for visitor in range(MAX_SWEEPS)]
    for visitor in range(MAX_SWEEPS):
        board.forget(str(visitor))
    assert {wait_for(job).state for job in jobs} == {"stopped"}
    assert board.job("0") is None


def test_an_engine_that_cannot_be_had_says_so(store):
    def dead():
        raise ValueError("No Dask scheduler answers at tcp://x. Start one, mend the address, or take the local engine.")

    job = wait_for(Board(lambda: store, {"dask": dead}).submit("ann", small_sweep(RATES), engine="dask"))
    assert job.state == "failed"
    assert "take the local engine" in job.error


def test_a_limit_trains_the_first_cells_for_an_estimate(store):
    board = Board(lambda: store, {"local": lambda: ThreadPoolExecutor(1)})
    job = wait_for(board.submit("ann", small_sweep({"address": "data.n", "values": list(range(200, 1200, 50))}), limit=3))
    assert job.state == "stopped"
    assert 3 <= len(job.outcomes) < 10
    assert job.progress.remaining is not None


def test_a_lost_engine_is_said_and_the_next_sweep_gets_another(store):
    made = []

    def engine():
        made.append(Fragile())
        return made[-1]

    board = Board(lambda: store, {"dask": engine})
    sweep = small_sweep(ROWS)
    job = wait_for(board.submit("ann", sweep, engine="dask"))
    assert job.state == "failed"
    assert "What is finished is kept: start again" in job.error
    assert len(job.outcomes) == len(store) == 2
    again = wait_for(board.submit("ann", sweep, engine="dask"))
    assert (again.state, again.progress.stored, len(made)) == ("finished", 2, 2)


def test_failed_cells_can_be_trained_again_and_the_others_are_not(store):
    broken = Picky()
    board = Board(lambda: store, {"local": lambda: broken})
    sweep = small_sweep(ROWS)
    first = wait_for(board.submit("ann", sweep))
    assert (first.state, first.progress.failed) == ("finished", 1)
    assert first.outcomes[1].result.error.startswith("Failed 3 times: out of order")
    broken.heals = True
    again = wait_for(board.submit("ann", sweep))
    assert (again.state, again.progress.failed, again.progress.stored) == ("finished", 0, 2)


# Cells in a thread of the app


LONG = {"training": {"epochs": 5000, "batch_size": 8}}  # minutes


@pytest.fixture
def runner():
    own = Runner(max_running=1)
    yield own
    own.close()


def in_threads(store, runner):
    return Board(lambda: store, {"local": lambda: ThreadPoolExecutor(1)}, runner)


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


def test_a_cell_in_a_thread_gives_the_numbers_of_a_cell_elsewhere(store, runner, tmp_path):
    sweep = small_sweep(RATES, ROWS)
    job = wait_for(in_threads(store, runner).submit("ann", sweep))
    assert job.state == "finished", job.error
    assert numbers(job.outcomes.values()) == numbers(sweep_cells(sweep, Here(), Store(tmp_path / "other")))


def test_cells_in_a_thread_wait_for_a_slot_of_the_trainings(store, runner):
    busy = small_sweep(ROWS, **LONG).cells[0].experiment
    training = runner.submit("bob", busy, load(busy.data))
    until(lambda: training.state == "running")
    job = in_threads(store, runner).submit("ann", small_sweep(ROWS))
    until(lambda: runner.job("ann/sweep") is not None)
    assert runner.job("ann/sweep").state == "queued"
    assert runner.running == 1
    assert not job.outcomes
    training.stop()
    assert wait_for(job).state == "finished"


def test_stop_ends_a_cell_in_a_thread_in_its_middle(store, runner):
    board, sweep = in_threads(store, runner), small_sweep(ROWS, **LONG)
    job = board.submit("ann", sweep)
    until(lambda: runner.running == 1)
    before = time.monotonic()
    job.stop()
    assert wait_for(job).state == "stopped"
    until(lambda: runner.running == 0)
    assert time.monotonic() - before < 10  # the cell takes minutes
    until(lambda: not [own for own in threading.enumerate() if own.name.startswith("ThreadPoolExecutor")])


def test_a_sweep_on_an_upload_with_a_weight_column_is_its_owners_and_leaves_with_him(store, runner):
    lines = [f"{i % 7},{i % 5},{i % 2},{1 + i % 3}" for i in range(200)]
    table = read_table("rows.csv", "\n".join(["a,b,y,w", *lines]).encode())
    data = DataSpec("upload", params_of(table, label="y", sample_weight="w"))
    sweep = Sweep(dataclasses.replace(small_sweep(RATES).experiment, data=data), (Axis("training.lr", (0.01, 0.1)),))
    board = in_threads(store, runner)
    job = wait_for(board.submit("ann", sweep, table=table))
    assert job.state == "finished"
    assert [own.result.error for own in job.outcomes.values()] == [None, None]
    *_, last = train(job.outcomes[0].cell.experiment, load(data, table))
    for (s, r), own in evaluate(last).items():
        found = job.outcomes[0].result.runs[s][r]
        np.testing.assert_allclose(found["metrics"]["nll"], own.metrics["nll"], atol=1e-4)
    assert not store.get([own.experiment for own in sweep.cells])
    assert len(store.get([own.experiment for own in sweep.cells], "ann")) == 2
    board.forget("ann")
    assert len(store) == 0
