"""Driving a sweep: cells to an executor, results to the store, outcomes to whoever watches."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from typing import Any

from lib.data.upload import Table
from lib.sweeps.cell import Outcome, Read, Result, StoppedError, train_group
from lib.sweeps.progress import work
from lib.sweeps.store import Store, key
from lib.sweeps.sweep import Cell, Sweep, groups

ATTEMPTS = 3  # a worker may be killed twice in the same cells before they count as failed
LOOK = 0.1  # seconds between two looks at `stopped`


class EngineLostError(ValueError):
    """The executor takes no more cells."""


def sweep_cells(
    sweep: Sweep, executor: Executor, store: Store, *, owner: str = "", table: Table | None = None, read: Read | None = None,
    stopped: Callable[[], bool] = lambda: False, ahead: int = 4,
) -> Iterator[Outcome]:  # fmt: skip
    """Every cell once, as it gets done. `ahead` groups at a time are with the executor, so that a stop is quick.

    A finished cell is in the store before it is yielded. A group whose worker died, or whose scheduler did, is tried again:
    the cells of one group finish together, so that what is lost is at most the groups that were in training. A group waits
    no longer than it must: cells that another sweep has finished by then come from the store. `owner` and `table` are of a
    sweep on an upload: it trains in a thread of this process, which its rows do not leave; `read` is how a thread trains.

    Raises EngineLostError when the executor is closed or its scheduler does not come back.
    """
    yield from (Outcome(cell, Result(error=cell.error)) for cell in sweep.cells if cell.experiment is None)
    waiting: list[list[Cell]] = []
    for group in groups(sweep.cells):
        known, left = _known(group, store, owner)
        yield from known
        if left:
            waiting.append(left)
    here = () if table is None and read is None else (table,) if read is None else (table, read)
    yield from _train(waiting, executor, store, owner, here, stopped, ahead)


def _train(
    waiting: list[list[Cell]], executor: Executor, store: Store, owner: str, here: tuple[Any, ...],
    stopped: Callable[[], bool], ahead: int,
) -> Iterator[Outcome]:  # fmt: skip
    waiting = _ends_first(waiting)[::-1]
    tried: Counter[int] = Counter()  # by a group's first cell
    running: dict[Future[str], list[Cell]] = {}
    lost: EngineLostError | None = None
    try:
        while (waiting or running) and not stopped():
            while waiting and len(running) < ahead and lost is None:
                known, left = _known(waiting.pop(), store, owner)  # what others have finished meanwhile
                yield from known
                if left:
                    try:
                        running[_submit(executor, left, here)] = left
                    except EngineLostError as gone:  # what it has done already is taken before it is told
                        lost = gone
                        waiting.append(left)
            if lost is not None and not running:
                raise lost
            wait(running, timeout=LOOK, return_when=FIRST_COMPLETED)
            for future in [own for own in running if own.done()]:  # `wait` overlooks what was cancelled from outside
                group = running.pop(future)
                tried[group[0].index] += 1
                error = _error(future)
                if isinstance(error, StoppedError):
                    continue
                if error is not None and tried[group[0].index] < ATTEMPTS:
                    waiting.append(group)
                    continue
                found = _failed(group, error) if error else [Result.from_json(own) for own in json.loads(future.result())]
                kept = [(cell.experiment, own) for cell, own in zip(group, found, strict=True) if own.error is None]
                store.put([(experiment, own) for experiment, own in kept if experiment is not None], owner)
                yield from (Outcome(cell, own) for cell, own in zip(group, found, strict=True))
    finally:
        for future in running:
            future.cancel()


def _ends_first(waiting: list[list[Cell]]) -> list[list[Cell]]:
    """The group with the least work, the middle one and the one with the most before the others: an estimate needs them."""
    by_work = sorted(waiting, key=lambda group: (work(group[0]), group[0].index))
    picked = {by_work[i][0].index: by_work[i] for i in (0, len(by_work) // 2, -1)} if by_work else {}
    return [*picked.values(), *(group for group in waiting if group[0].index not in picked)]


def _known(group: Sequence[Cell], store: Store, owner: str) -> tuple[list[Outcome], list[Cell]]:
    """What the store has of a group, and what is left to train."""
    possible = [(cell, cell.experiment) for cell in group if cell.experiment is not None]
    found = store.get([experiment for _, experiment in possible], owner)
    known = [Outcome(cell, found[key(own)], stored=True) for cell, own in possible if key(own) in found]
    return known, [cell for cell, own in possible if key(own) not in found]


def _submit(executor: Executor, group: Sequence[Cell], here: tuple[Any, ...]) -> Future[str]:
    experiments = json.dumps([cell.experiment.to_dict() for cell in group if cell.experiment is not None])
    try:
        return executor.submit(train_group, experiments, *here)
    except Exception as error:  # of an executor that is closed, each in its own words
        raise EngineLostError(
            f"The workers cannot be reached any more ({type(error).__name__}). What is finished is kept: start again to go on "
            "from here, or take the local engine."
        ) from error


def _error(future: Future[str]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError:  # by Dask, whose scheduler went away
        return RuntimeError("The scheduler went away in the middle of a cell.")


def _failed(group: Sequence[Cell], error: BaseException) -> list[Result]:
    return [Result(error=f"Failed {ATTEMPTS} times: {error} Run the sweep again to retry.")] * len(group)
