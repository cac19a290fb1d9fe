"""Driving a sweep: cells to an executor, results to the store, outcomes to whoever watches."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from statistics import fmean, stdev

from lib.data.upload import Table
from lib.sweeps.cell import Result, train_group
from lib.sweeps.store import Store, key
from lib.sweeps.sweep import Cell, Sweep, groups

ATTEMPTS = 3  # a worker may be killed twice in the same cells before they count as failed
LOOK = 0.1  # seconds between two looks at `stopped`


@dataclass(frozen=True)
class Outcome:
    """A cell that is done: trained now, or found in the store; or refused or failed, with `result.error`."""

    cell: Cell
    result: Result
    stored: bool = False


def sweep_cells(
    sweep: Sweep, executor: Executor, store: Store, *, owner: str = "", table: Table | None = None,
    stopped: Callable[[], bool] = lambda: False, ahead: int = 4,
) -> Iterator[Outcome]:  # fmt: skip
    """Every cell once, as it gets done. `ahead` groups at a time are with the executor, so that a stop is quick.

    A group whose worker died is tried again; a finished cell is in the store before it is yielded. `owner` and `table` are
    of a sweep on an upload: it trains in a thread of this process, which its rows do not leave.
    """
    yield from (Outcome(cell, Result(error=cell.error)) for cell in sweep.cells if cell.experiment is None)
    waiting: list[list[Cell]] = []
    for group in groups(sweep.cells):
        known = store.get([cell.experiment for cell in group if cell.experiment is not None], owner)
        for cell in group:
            if cell.experiment is not None and (found := known.get(key(cell.experiment))):
                yield Outcome(cell, found, stored=True)
        if left := [cell for cell in group if cell.experiment is not None and key(cell.experiment) not in known]:
            waiting.append(left)
    yield from _train(waiting, executor, store, owner, table, stopped, ahead)


def _train(
    waiting: list[list[Cell]], executor: Executor, store: Store, owner: str, table: Table | None,
    stopped: Callable[[], bool], ahead: int,
) -> Iterator[Outcome]:  # fmt: skip
    waiting = waiting[::-1]
    tried: Counter[int] = Counter()  # by a group's first cell
    running: dict[Future[str], list[Cell]] = {}
    while (waiting or running) and not stopped():
        while waiting and len(running) < ahead:
            group = waiting.pop()
            running[_submit(executor, group, table)] = group
        done, _ = wait(running, timeout=LOOK, return_when=FIRST_COMPLETED)
        for future in done:
            group = running.pop(future)
            tried[group[0].index] += 1
            error = future.exception()
            if error is not None and tried[group[0].index] < ATTEMPTS:
                waiting.append(group)
                continue
            found = (
                _failed(group, error) if error is not None else [Result.from_json(own) for own in json.loads(future.result())]
            )
            kept = [(cell.experiment, own) for cell, own in zip(group, found, strict=True) if own.error is None]
            store.put([(experiment, own) for experiment, own in kept if experiment is not None], owner)
            yield from (Outcome(cell, own) for cell, own in zip(group, found, strict=True))
    for future in running:
        future.cancel()


def _submit(executor: Executor, group: Sequence[Cell], table: Table | None) -> Future[str]:
    experiments = json.dumps([cell.experiment.to_dict() for cell in group if cell.experiment is not None])
    return executor.submit(train_group, experiments) if table is None else executor.submit(train_group, experiments, table)


def _failed(group: Sequence[Cell], error: BaseException) -> list[Result]:
    return [Result(error=f"Failed {ATTEMPTS} times: {error} Run the sweep again to retry.")] * len(group)


class Progress:
    """How far a sweep is, and how long the rest may take, from the cells that were trained in this run."""

    def __init__(self, sweep: Sweep, clock: Callable[[], float] = time.monotonic) -> None:
        self.cells, self.done, self.failed, self.stored = sweep.size, 0, 0, 0
        self._clock, self._start, self._seconds = clock, clock(), list[float]()
        self._arrived = list[float]()  # when each trained cell came

    def add(self, outcome: Outcome) -> None:
        self.done += 1
        self.failed += outcome.result.error is not None
        self.stored += outcome.stored
        if not outcome.stored and outcome.result.error is None:
            self._seconds.append(outcome.result.seconds)
            self._arrived.append(self._clock())

    @property
    def elapsed(self) -> float:
        return self._clock() - self._start

    @property
    def remaining(self) -> tuple[float, float] | None:
        """Seconds that are left, from and to: two standard errors of what a cell takes. None before two cells are trained."""
        trained = len(self._seconds)
        if trained < 2 or fmean(self._seconds) <= 0:
            return None
        # The first group waited for its worker to start; the pace is that of the cells after it.
        after = [at for at in self._arrived if at > self._arrived[0]]
        each = (after[-1] - self._arrived[0]) / len(after) if after else fmean(self._seconds)
        spread = min(2 * stdev(self._seconds) / (fmean(self._seconds) * trained**0.5), 0.9)
        left = self.cells - self.done
        return left * each * (1 - spread), left * each * (1 + spread)
