"""The sweeps of all visitors of one process: one each, over shared workers that end when nobody sweeps."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Literal

from lib.data.upload import Table
from lib.sweeps.drive import Outcome, Progress, sweep_cells
from lib.sweeps.store import Store
from lib.sweeps.sweep import Sweep

State = Literal["running", "stopping", "stopped", "finished", "failed"]
MAX_SWEEPS = 4  # at a time: they take turns at the workers


class Job:
    """One visitor's sweep. `outcomes` are its finished cells by index; a stopped one goes on from the store."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.state: State = "running"
        self.error: str | None = None
        self.outcomes: dict[int, Outcome] = {}
        self.progress = Progress(sweep)

    @property
    def ended(self) -> bool:
        return self.state not in ("running", "stopping")

    def stop(self) -> None:
        """End after the cells that are in training; what is finished stays."""
        if self.state == "running":
            self.state = "stopping"


class Board:
    """Starts, keeps and ends sweeps. `engine` makes the executor when the first of them starts."""

    def __init__(self, store: Store, engine: Callable[[], Executor]) -> None:
        self.store, self._engine = store, engine
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._executor: Executor | None = None
        self._users = 0

    def submit(self, visitor: str, sweep: Sweep, table: Table | None = None) -> Job:
        """Start a sweep; it replaces the visitor's earlier one.

        Raises ValueError when too many sweep already, or when the engine cannot be had. With a `table` it trains in a thread of
        this process, and its results are the visitor's alone.
        """
        with self._lock:
            if (old := self._jobs.get(visitor)) and not old.ended:
                old.stop()
            busy = sum(not job.ended for owner, job in self._jobs.items() if owner != visitor)
            if busy >= MAX_SWEEPS:
                raise ValueError(f"{busy} visitors sweep at this moment, and no more are taken. Try again in a few minutes.")
            executor = ThreadPoolExecutor(1) if table is not None else self._acquire()
            job = self._jobs[visitor] = Job(sweep)
        threading.Thread(
            target=self._drive, args=(job, visitor, executor, table), name="counterweight-sweep", daemon=True
        ).start()  # fmt: skip
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

    def _acquire(self) -> Executor:
        if self._executor is None:
            self._executor = self._engine()
        self._users += 1
        return self._executor

    def _release(self, executor: Executor) -> None:
        with self._lock:
            if executor is self._executor:
                self._users -= 1
                if self._users:
                    return
                self._executor = None
        executor.shutdown(wait=False, cancel_futures=True)

    def _drive(self, job: Job, visitor: str, executor: Executor, table: Table | None) -> None:
        owner = visitor if table is not None else ""
        try:
            for outcome in sweep_cells(
                job.sweep, executor, self.store, owner=owner, table=table, stopped=lambda: job.state != "running"
            ):
                job.outcomes[outcome.cell.index] = outcome
                job.progress.add(outcome)
            job.state = "finished" if len(job.outcomes) == job.sweep.size else "stopped"
        except Exception as error:
            job.error = f"The sweep stopped by an error of ours: {type(error).__name__}. Start it again to go on."
            job.state = "failed"
        finally:
            self._release(executor)
