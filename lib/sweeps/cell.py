"""Training the cells of a sweep: text in, text out, so that any executor can carry it."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from lib.data import Dataset
from lib.data.upload import Table
from lib.evaluation import RunResult, evaluate
from lib.experiment import DataSpec, Experiment, Strategy, Training
from lib.limits import check_limits, check_rows
from lib.registry import Params
from lib.snapshot import At
from lib.sweeps.sweep import Cell, merged
from lib.training import load, train

Read = Callable[[Experiment, Dataset], Mapping[At, RunResult]]  # trains, and reads the test rows

MATRIX_CLASSES = 10  # up to so many classes a result carries its confusion matrix


@dataclass(frozen=True)
class Result:
    """A trained cell: per strategy and seed, what was read on the test rows; or why there is nothing.

    `runs[s][r]`: {"metrics": {key: value}, "recall": [C], "closed_form_recall": [C] or None, "diverged": bool}, and
    "confusion": [C][C] for few classes. `seconds`: this cell's part of its group's time.
    """

    runs: tuple[tuple[dict[str, Any], ...], ...] = ()
    seconds: float = 0.0
    error: str | None = None

    def to_json(self) -> str:
        return json.dumps({"runs": self.runs, "seconds": round(self.seconds, 4), "error": self.error}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Result":
        raw = json.loads(text)
        return cls(tuple(tuple(row) for row in raw["runs"]), raw["seconds"], raw["error"])


@dataclass(frozen=True)
class Outcome:
    """A cell that is done: trained now, or found in the store; or refused or failed, with `result.error`."""

    cell: Cell
    result: Result
    stored: bool = False


class StoppedError(Exception):
    """Whoever asked for the cells wants them no more."""


def at_once(experiment: Experiment, dataset: Dataset) -> Mapping[At, RunResult]:
    """Train in this thread to the end."""
    check_limits(experiment, dataset)
    *_, last = train(experiment, dataset)
    return evaluate(last)


def train_group(experiments: str, table: Table | None = None, read: Read = at_once) -> str:
    """Train a JSON list of experiments that fit one stack; a JSON list of their results in the same order.

    In a thread of this process there may be more than text: `table`, the parsed file of experiments on an upload, which stays
    here, and `read`, another way to train. Raises StoppedError when `read` does.
    """
    torch.set_num_threads(1)  # models this small lose by a second thread, and a worker is one of many
    _warm()
    own = results([Experiment.from_dict(raw) for raw in json.loads(experiments)], table, read)
    return json.dumps([result.to_json() for result in own])


@cache
def _warm() -> None:
    """At its first backward pass torch imports hundreds of modules: that must not look like the time of a cell."""
    data = DataSpec("gaussians", Params({"n": 64, "n_val": 64, "n_test": 64}))
    at_once(Experiment(strategies=(Strategy("warm"),), data=data, training=Training(epochs=1)), load(data))


def results(experiments: Sequence[Experiment], table: Table | None = None, read: Read = at_once) -> list[Result]:
    """Train experiments that fit one stack, together; where that fails, each alone: one cell must not spoil the others."""
    try:
        check_rows(experiments[0].data)
        return _together(experiments, load(experiments[0].data, table), read)
    except (ValueError, RuntimeError, MemoryError) as error:
        if len(experiments) == 1:
            return [Result(error=_sentence(error))]
        return [own for experiment in experiments for own in results([experiment], table, read)]


def _together(experiments: Sequence[Experiment], dataset: Dataset, train_and_read: Read) -> list[Result]:
    start = time.perf_counter()
    read = train_and_read(merged(experiments), dataset)
    seconds = (time.perf_counter() - start) / len(experiments)
    found, first = [], 0
    for experiment in experiments:
        mine = range(first, first + len(experiment.strategies))
        first = mine.stop
        rows = tuple(tuple(_run(read, (s, r)) for r in range(len(experiment.seeds))) for s in mine)
        found.append(Result(rows, seconds))
    return found


def _run(read: Mapping[At, RunResult], at: At) -> dict[str, Any]:
    own = read[at]
    closed = own.closed_form_recall
    few = own.confusion.ndim == 2 and len(own.confusion) <= MATRIX_CLASSES
    small = {"confusion": own.confusion.tolist()} if few else {}
    return {
        "metrics": dict(own.metrics), "recall": own.recall.tolist(), "diverged": own.diverged,
        "closed_form_recall": None if closed is None else closed.tolist(), **small,
    }  # fmt: skip


def _sentence(error: Exception) -> str:
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, MemoryError) or "not enough memory" in str(error):
        return "There was not enough memory for this cell. Take fewer rows, strategies or seeds."
    return f"Training stopped by an error of ours: {type(error).__name__}."
