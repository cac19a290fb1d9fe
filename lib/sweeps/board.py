"""The sweeps of all visitors of one process: one each, over shared workers that end when nobody sweeps."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import count
from typing import Literal

from lib.data.upload import Table
from lib.runner import Runner
from lib.sweeps.cell import Outcome
from lib.sweeps.drive import EngineLostError, sweep_cells
from lib.sweeps.progress import Progress
from lib.sweeps.slots import in_slots
from lib.sweeps.store import Store
from lib.sweeps.sweep import Sweep

State = Literal["running", "stopping", "stopped", "finished", "failed"]
MAX_SWEEPS = 4  # at a time: they take turns at the workers

log = logging.getLogger(__name__)

NUMBERS = count(1)


class Job:
    """One visitor's sweep. `outcomes` are its finished cells by index; a stopped one goes on from the store."""

    def __init__(self, sweep: Sweep, engine: str, limit: int | None) -> None:
        self.sweep, self.engine, self.limit = sweep, engine, limit
        self.number = next(NUMBERS)  # no two sweeps have the same
        self.state: State = "running"
        self.error: str | None = None
        self.outcomes: dict[int, Outcome] = {}
        self.progress = Progress(sweep)

    @property
    def ended(self) -> bool:
        return self.state not in ("running", "stopping")

    def stop(self) -> None:
        """End now: what is finished stays, what is in training is given up."""
        if self.state == "running":
            self.state = "stopping"

    def wants_no_more(self) -> bool:
        trained = len(self.outcomes) - self.progress.stored
        return self.state != "running" or (self.limit is not None and trained >= self.limit)


class Board:
    """Starts, keeps and ends sweeps. `open_store` and `engines` make the store and the executors when a sweep needs them.

    Cells that train in a thread of this process (an upload, or no memory for workers) take the slots of `runner`, so that
    sweeps and trainings together are no more than it allows, and a stop ends them in the middle of a cell.
    """

    def __init__(
        self, open_store: Callable[[], Store], engines: Mapping[str, Callable[[], Executor]], runner: Runner | None = None
    ) -> None:
        self._open_store, self._engines, self._runner = open_store, engines, runner
        self._store: Store | None = None
        self._lock, self._engine_lock = threading.Lock(), threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._executors: dict[str, Executor] = {}
        self._users: Counter[str] = Counter()

    @property
    def store(self) -> Store:
        """The store of finished cells. Raises ValueError when it belongs to a newer program or is none."""
        self._store = self._store or self._open_store()
        return self._store

    def submit(
        self, visitor: str, sweep: Sweep, *, engine: str = "local", table: Table | None = None, limit: int | None = None
    ) -> Job:
        """Start a sweep; it replaces the visitor's earlier one. `limit`: stop after so many trained cells, for an estimate.

        With a `table` it trains in a thread of this process, and its results are the visitor's alone. Raises ValueError when
        too many sweep already, or for a store that cannot be read.
        """
        with self._lock:
            if (old := self._jobs.get(visitor)) and not old.ended:
                old.stop()
            busy = sum(not job.ended for owner, job in self._jobs.items() if owner != visitor)
            if busy >= MAX_SWEEPS:
                raise ValueError(f"{busy} visitors sweep at this moment, and no more are taken. Try again in a few minutes.")
            store = self.store
            job = self._jobs[visitor] = Job(sweep, engine, limit)
        arguments = (job, visitor, engine, table, store)
        threading.Thread(target=self._drive, args=arguments, name="counterweight-sweep", daemon=True).start()
        return job

    def job(self, visitor: str) -> Job | None:
        return self._jobs.get(visitor)

    def forget(self, visitor: str) -> None:
        """A visitor left for good: his sweep stops, and what his upload gave is dropped."""
        with self._lock:
            job = self._jobs.pop(visitor, None)
        if job is not None:
            job.stop()
            self.store.forget(visitor)

    def _drive(self, job: Job, visitor: str, engine: str, table: Table | None, store: Store) -> None:
        try:
            executor = ThreadPoolExecutor(1) if table is not None else self._acquire(engine)
        except ValueError as error:
            job.error, job.state = str(error), "failed"
            return
        owner = visitor if table is not None else ""
        job.progress.workers = getattr(executor, "workers", 1)
        in_thread = isinstance(executor, ThreadPoolExecutor) and self._runner is not None
        read = in_slots(self._runner, visitor, lambda: job.state != "running") if in_thread and self._runner else None
        try:
            cells = sweep_cells(job.sweep, executor, store, owner=owner, table=table, read=read, stopped=job.wants_no_more)
            for outcome in cells:
                job.outcomes[outcome.cell.index] = outcome
                job.progress.add(outcome)
            job.state = "finished" if len(job.outcomes) == job.sweep.size else "stopped"
        except EngineLostError as error:
            job.error, job.state = str(error), "failed"
            self._drop(executor, engine)
        except Exception as error:
            log.error("A sweep failed.", exc_info=error)
            job.error = f"The sweep stopped by an error of ours: {type(error).__name__}. Start it again to go on."
            job.state = "failed"
        finally:
            self._release(executor, engine)
            if owner and self._jobs.get(visitor) is None:  # gone while the last cells were put away
                store.forget(owner)

    def _acquire(self, engine: str) -> Executor:
        with self._engine_lock:
            if engine not in self._executors:
                self._executors[engine] = self._engines[engine]()
            self._users[engine] += 1
            return self._executors[engine]

    def _drop(self, executor: Executor, engine: str) -> None:
        """The next sweep gets an executor of its own."""
        with self._engine_lock:
            if executor is self._executors.get(engine):
                del self._executors[engine], self._users[engine]

    def _release(self, executor: Executor, engine: str) -> None:
        with self._engine_lock:
            if executor is self._executors.get(engine):
                self._users[engine] -= 1
                if self._users[engine]:
                    return
                del self._executors[engine]
        executor.shutdown(wait=False, cancel_futures=True)
