"""Running sweeps: engines agree, nothing is lost, nothing counts twice."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib.evaluation import evaluate
from lib.sweeps import __main__ as command
from lib.sweeps.cluster import dask
from lib.sweeps.drive import ATTEMPTS, EngineLostError, sweep_cells
from lib.sweeps.local import Processes, WorkerError, local, worker_count
from lib.sweeps.store import Store
from lib.sweeps.sweep import Sweep
from lib.sweeps.table import tidy, values, winners
from lib.training import load, train
from tests.sweeps.conftest import SMALL, small_sweep

ROOT = Path(__file__).parents[2]
RATES = {"address": "training.lr", "values": [0.01, 0.1]}
ROWS = {"address": "data.n", "values": [200, 300, 400]}


class Here:
    """An executor that works at once, in this thread."""

    def __init__(self, fail=()):
        self.calls, self.fail, self.open = 0, list(fail), True

    def submit(self, function, *texts):
        if not self.open:
            raise RuntimeError("closed")
        self.calls += 1
        future = Future()
        if self.fail and self.fail.pop(0):
            future.set_exception(WorkerError("A worker process ended in the middle of a cell (code -9)."))
        else:
            future.set_result(function(*texts))
        return future


class Dropping(Here):
    """It cancels the first calls that it takes."""

    def __init__(self, drops):
        super().__init__()
        self.drops = drops

    def submit(self, function, *texts):
        if not self.drops:
            return super().submit(function, *texts)
        self.drops -= 1
        future = Future()
        future.cancel()
        return future


def numbers(outcomes):
    return {own.cell.index: own.result.runs for own in outcomes}


def test_a_cell_is_its_experiment_trained_alone(store):
    """Within the tolerance of stacked training: float32 kernels differ with the number of runs."""
    sweep = small_sweep(RATES)
    for outcome in sweep_cells(sweep, Here(), store):
        *_, last = train(outcome.cell.experiment, load(outcome.cell.experiment.data))
        for (s, r), own in evaluate(last).items():
            found = outcome.result.runs[s][r]
            np.testing.assert_allclose(found["metrics"]["nll"], own.metrics["nll"], atol=1e-4)
            np.testing.assert_allclose(found["recall"], own.recall, atol=0.01)
            np.testing.assert_allclose(found["closed_form_recall"], own.closed_form_recall, atol=1e-4)


def test_a_finished_cell_is_not_trained_again(store):
    sweep, engine = small_sweep(RATES, ROWS), Here()
    first = list(sweep_cells(sweep, engine, store))
    calls = engine.calls
    again = list(sweep_cells(sweep, engine, store))
    assert engine.calls == calls == 3  # one per data set
    assert numbers(first) == numbers(again)
    assert all(own.stored for own in again)
    assert len(first) == len(again) == 6


def test_a_sweep_that_was_stopped_goes_on_where_it_was(store):
    sweep, engine = small_sweep(ROWS), Here()
    done = []
    for outcome in sweep_cells(sweep, engine, store, stopped=lambda: bool(done), ahead=1):
        done.append(outcome)
    assert len(done) == 1
    rest = list(sweep_cells(sweep, engine, store))
    assert sorted(own.cell.index for own in rest) == [0, 1, 2]
    assert sum(own.stored for own in rest) == 1
    assert engine.calls == 3


def test_a_worker_that_dies_costs_an_attempt_and_no_cell(store):
    sweep, engine = small_sweep(ROWS), Here(fail=[True, False, True])
    outcomes = list(sweep_cells(sweep, engine, store))
    assert sorted(own.cell.index for own in outcomes) == [0, 1, 2]
    assert all(own.result.error is None for own in outcomes)
    assert len(store) == 3


def test_a_cell_that_kills_its_worker_each_time_fails_alone_and_can_be_tried_again(store):
    sweep = small_sweep({"address": "data.n", "values": [200]})
    (failed,) = sweep_cells(sweep, Here(fail=[True] * ATTEMPTS), store)
    assert failed.result.error.startswith("Failed 3 times: A worker process ended in the middle of a cell")
    assert len(store) == 0
    (retried,) = sweep_cells(sweep, Here(), store)
    assert retried.result.error is None


def test_cells_that_another_sweep_finished_meanwhile_are_not_trained(store):
    sweep, engine = small_sweep(ROWS), Here()
    mine, found = sweep_cells(sweep, engine, store, ahead=1), []
    found.append(next(mine))
    theirs = list(sweep_cells(sweep, engine, store))
    found += mine
    assert engine.calls == 3
    assert numbers(found) == numbers(theirs)
    assert [own.stored for own in found] == [False, True, True]


def test_work_that_the_engine_drops_is_given_again(store):
    """As Dask does when its scheduler goes away: the futures are cancelled."""
    sweep, engine = small_sweep(ROWS), Dropping(2)
    outcomes = list(sweep_cells(sweep, engine, store))
    assert sorted(own.cell.index for own in outcomes) == [0, 1, 2]
    assert all(own.result.error is None for own in outcomes)


def test_an_engine_that_is_gone_says_so_and_what_is_finished_stays(store):
    sweep, engine = small_sweep(ROWS), Here()
    found = []
    with pytest.raises(EngineLostError, match="What is finished is kept.*local engine"):
        for outcome in sweep_cells(sweep, engine, store, ahead=1):
            found.append(outcome)
            engine.open = False
    assert len(found) == len(store) == 1


def test_impossible_cells_say_why_and_the_others_run(store):
    sweep = small_sweep({"address": "training.batch_size", "values": [-1, 64]})
    refused, trained = sweep_cells(sweep, Here(), store)
    assert "batch_size must be in" in refused.result.error
    assert trained.result.error is None


def test_a_cell_that_diverges_counts_as_done_and_says_so(store):
    sweep = small_sweep({"address": "training.lr", "values": [1000.0]}, 
                        training={"epochs": 30, "optimizer": "sgd", "weight_decay": 10.0})  # fmt: skip
    (outcome,) = sweep_cells(sweep, Here(), store)
    assert outcome.result.error is None
    assert any(run["diverged"] for runs in outcome.result.runs for run in runs)


def test_a_cell_too_large_for_the_machine_does_not_spoil_its_group(store, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "300MB")
    sweep = small_sweep(
        {"address": "training.batch_size", "values": [64, 1_000_000]},
        model={"name": "mlp", "params": {"hidden": [1024, 1024]}},
        data={"source": "gaussians", "params": {"n": 20_000, "n_val": 100, "n_test": 100}},
        training={"epochs": 1}, seeds=[0],
    )  # fmt: skip
    small, large = sorted(sweep_cells(sweep, Here(), store), key=lambda own: own.cell.index)
    assert large.result.error is not None
    assert "Take" in large.result.error
    assert small.result.error is None or "Take" in small.result.error


# Engines


@pytest.fixture(scope="module")
def workers():
    with Processes(2) as executor:
        yield executor


def test_worker_processes_give_the_numbers_of_a_thread(workers, tmp_path):
    sweep = small_sweep(RATES, ROWS)
    in_processes = list(sweep_cells(sweep, workers, Store(tmp_path / "a")))
    with ThreadPoolExecutor(1) as thread:
        in_thread = list(sweep_cells(sweep, thread, Store(tmp_path / "b")))
    assert numbers(in_processes) == numbers(in_thread)
    assert len(workers.pids) == 2


def test_killed_workers_change_no_number(workers, store, tmp_path):
    sweep = small_sweep({"address": "data.n", "values": list(range(200, 1000, 100))})
    undisturbed = list(sweep_cells(sweep, Here(), Store(tmp_path / "calm")))
    found, killed = [], 0
    for outcome in sweep_cells(sweep, workers, store):
        found.append(outcome)
        if len(found) in (1, 4):
            for pid in workers.pids[:1]:
                os.kill(pid, signal.SIGKILL)
                killed += 1
    assert killed == 2
    assert sorted(own.cell.index for own in found) == list(range(8))
    assert numbers(found) == numbers(undisturbed)
    assert len(store) == 8


def test_a_worker_runs_functions_of_sweeps_only(workers):
    with pytest.raises(RuntimeError, match="A worker runs functions of lib.sweeps, got json"):
        workers.submit(json.dumps, "x").result(30)


def test_a_closed_executor_takes_nothing():
    executor = Processes(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="closed"):
        executor.submit(json.dumps, "x")


def test_without_memory_for_a_worker_there_is_a_thread(monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "690MB")
    assert worker_count() == 0
    with local() as executor:
        assert isinstance(executor, ThreadPoolExecutor)
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "8GB")
    assert worker_count() >= 1


def test_a_dead_address_is_told_within_five_seconds():
    importlib.import_module("distributed")  # a second of its own
    start = time.monotonic()
    with pytest.raises(ValueError, match="No Dask scheduler answers at tcp://127.0.0.1:9.*local engine"):
        dask("tcp://127.0.0.1:9")
    assert time.monotonic() - start < 5


# Tables


def test_the_table_is_tidy(store):
    sweep = small_sweep({"address": "training.batch_size", "values": [-1, 64]}, {"address": "data.ratio", "values": [9]})
    table = tidy(sweep, sweep_cells(sweep, Here(), store))
    assert list(table.columns) == ["cell", "training.batch_size", "data.ratio", "strategy", "seed", "metric", "value", "error"]
    assert table[table.cell == 0].error.item().endswith("got -1.")
    own = table[(table.cell == 1) & (table.strategy == "weighted") & (table.metric == "recall 1")]
    assert own.seed.tolist() == [0, 1]
    assert own.value.between(0, 1).all()


def test_winners_need_a_lead_beyond_noise():
    measured = np.array([[[[0.9, 0.91, 0.92], [0.5, 0.51, 0.49]]], [[[0.9, 0.5, 0.7], [0.6, 0.7, 0.5]]]])  # [2, 1, S, R]
    best, clear = winners(measured, "balanced_accuracy")
    assert best.ravel().tolist() == [0, 0]
    assert clear.ravel().tolist() == [True, False]
    assert winners(measured, "nll")[0].ravel().tolist() == [1, 1]
    assert winners(measured * np.nan, "nll")[0].ravel().tolist() == [-1, -1]


def test_values_stand_at_their_cells(store):
    sweep = small_sweep(RATES, ROWS)
    outcomes = {own.cell.index: own for own in sweep_cells(sweep, Here(), store)}
    found = values(sweep, outcomes, "recall 1")
    assert found.shape == (2, 3, 2, 2)
    assert found[1, 2, 1, 0] == outcomes[5].result.runs[1][0]["recall"][1]
    assert np.isnan(values(sweep, {}, "nll")).all()
    with pytest.raises(ValueError, match="No metric 'recall 9'"):
        values(sweep, outcomes, "recall 9")


# The program started again


def test_a_program_killed_in_a_sweep_loses_no_finished_cell_and_counts_none_twice(tmp_path):
    rows = {"address": "data.n", "values": list(range(2000, 2400, 10))}
    (tmp_path / "sweep.json").write_text(json.dumps({"experiment": SMALL | {"training": {"epochs": 5}}, "axes": [rows]}))
    sweep = Sweep.from_json((tmp_path / "sweep.json").read_text())
    store = Store(tmp_path / "s.sqlite")
    first = subprocess.Popen(
        [sys.executable, "-m", "lib.sweeps", tmp_path / "sweep.json", "--workers", "0", "--store", store.path, "--out",
         tmp_path / "a.csv"], cwd=ROOT, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while len(store) < 2:
        assert first.poll() is None
        time.sleep(0.005)
    first.kill()
    first.wait()
    known, engine = len(store), Here()
    assert 2 <= known < sweep.size
    found = list(sweep_cells(sweep, engine, Store(store.path)))
    assert sorted(own.cell.index for own in found) == list(range(sweep.size))
    assert sum(own.stored for own in found) == known
    assert engine.calls == sweep.size - known
    assert len(store) == sweep.size


# The command line


def test_no_name_is_a_formula_in_the_csv_and_the_parquet_keeps_it(tmp_path):
    name = "=cmd|' /C calc'!A0"
    changes = {"strategies": [{"name": name}], "seeds": [0]}
    (tmp_path / "sweep.json").write_text(json.dumps({"experiment": SMALL | changes, "axes": [ROWS]}))
    call = [str(tmp_path / "sweep.json"), "--workers", "0", "--store", str(tmp_path / "s.sqlite"), "--out"]
    assert command.main([*call, str(tmp_path / "a.csv")]) == command.main([*call, str(tmp_path / "a.parquet")]) == 0
    written, kept = pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")
    assert set(written["strategy"]) == {"'" + name}
    assert set(kept["strategy"]) == {name}
    np.testing.assert_allclose(written["value"], kept["value"])
    assert (written["data.n"] == kept["data.n"]).all()


def test_the_command_writes_the_table_and_goes_on_from_the_store(tmp_path, capsys):
    (tmp_path / "sweep.json").write_text(json.dumps({"experiment": SMALL, "axes": [ROWS]}))
    call = [str(tmp_path / "sweep.json"), "--workers", "0", "--store", str(tmp_path / "s.sqlite"), "--out"]
    assert command.main([*call, str(tmp_path / "a.csv")]) == 0
    assert command.main([*call, str(tmp_path / "b.csv")]) == 0
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
    assert "3 of 3 cells, 0 without a result" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "message"),
    [(["--out", "x.xlsx"], "written as .parquet or .csv"), (["--out", "x.csv", "--engine", "dask"], "needs --address"),
     (["--out", "/nonexistent/x.csv", "--workers", "0"], "Cannot read or write")],
)  # fmt: skip
def test_the_command_says_what_does_not_fit(tmp_path, capsys, monkeypatch, extra, message):
    monkeypatch.delenv("COUNTERWEIGHT_DASK", raising=False)
    (tmp_path / "sweep.json").write_text(json.dumps({"experiment": SMALL, "axes": [RATES]}))
    assert command.main([str(tmp_path / "sweep.json"), "--store", str(tmp_path / "s"), *extra]) == 2
    assert message in capsys.readouterr().err
