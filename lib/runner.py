"""Live trainings of all visitors: a queue, at most so many worker threads, and steering.

A `Job` is one training of one visitor. A worker thread drives `lib.training.train`, a generator, and looks up every
twentieth of a second for what the visitor wants (lib/pacing.py); a paused training is put aside and holds no thread. Pages
read a job's attributes at any time: a snapshot is immutable, and `version` rises after what belongs to it is in place.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from itertools import count, takewhile
from statistics import fmean
from typing import Literal

from lib.courtesy import Courtesy
from lib.data import Dataset
from lib.evaluation import RunResult, evaluations
from lib.experiment import Experiment
from lib.failure import told
from lib.limits import check_limits, kept, memory, training_budget
from lib.pacing import Pace, Unit
from lib.reuse import Kept, Latest, keep
from lib.snapshot import At, Snapshot
from lib.training import train
from lib.waiting import until_free

State = Literal["queued", "running", "paused", "stopping", "stopped", "finished", "failed"]
ENDED = ("stopped", "finished", "failed")
GRACE = 55.0  # seconds that a visitor who left has to come back: gone within a minute
MAX_QUEUED = 64
MAX_SECONDS = 30 * 60.0  # of one training, pauses left out
GONE = "The visitor left."
MAX_KEPT = 32  # ended trainings that are kept for visitors who are there

NUMBERS = count(1)


class Job:
    """One training of one visitor: its state, its latest snapshot, and the visitor's steering.

    `snapshot` is the latest one (None before the first), `results` are there when the state is finished, `error` is a
    sentence for the visitor about a training that failed or was stopped by us. `version` rises with every change. The runs
    in `reused`, of an earlier training, are not trained again. Steering is safe in any state, from any thread, at any time.
    """

    def __init__(self, runner: "Runner", visitor: str, experiment: Experiment, dataset: Dataset, reused: Kept | None) -> None:
        self.visitor, self.experiment, self.dataset = visitor, experiment, dataset
        self.number = next(NUMBERS)  # no two trainings have the same
        self.state: State = "queued"
        self.results: Mapping[At, RunResult] | None = None
        self.error: str | None = None
        self.version = 0
        self.since = runner.clock()  # when the state last changed
        self._runner, self._changed, self._clock = runner, runner.changed, runner.clock
        self._course: Iterator[Snapshot] | None = None
        self._latest, self.reused = Latest(reused), reused.runs if reused else frozenset()
        self._pace = Pace()
        self._spent = 0.0  # seconds of running, until `_started`
        self._started: float | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def snapshot(self) -> Snapshot | None:
        return self._latest.whole

    @property
    def progress(self) -> float:
        """Epochs that are done, a part of the running one included."""
        return self._latest.rest.progress if self._latest.rest else 0.0

    @property
    def elapsed(self) -> float:
        """Seconds of running, without queue and pauses."""
        with self._changed:
            return self._spent + (self._clock() - self._started if self._started is not None else 0.0)

    @property
    def remaining(self) -> float | None:
        """Seconds of running that are left, estimated; None before the first batch and after the end."""
        rate = self._pace.rate
        return None if self.ended or rate is None else (self.experiment.training.epochs - self.progress) / rate

    @property
    def place(self) -> int | None:
        """Place in the queue, from 1; None when it does not wait."""
        with self._changed:
            return self._runner.queue.index(self) + 1 if self in self._runner.queue else None

    @property
    def expected_wait(self) -> float | None:
        """Seconds until a queued training starts, estimated; None when nothing is known."""
        return self._runner.expected_wait(self)

    @property
    def speed(self) -> float | None:
        """Epochs per second; None: as fast as possible. Setting it raises ValueError out of range."""
        return self._pace.speed

    @speed.setter
    def speed(self, speed: float | None) -> None:
        with self._changed:
            self._pace.set_speed(speed)
            self._pace.anchor(self._clock())
            self._changed.notify_all()

    def pause(self) -> None:
        with self._changed:
            self._pace.hold()
            if self.state == "queued":
                self._runner.queue.remove(self)
                self._become("paused")
            self._changed.notify_all()

    def resume(self) -> None:
        with self._changed:
            self._pace.steps = None
            self._go()

    def step(self, epochs: int = 1) -> None:
        """Train to the end of the running epoch (or of the `epochs`-th from here) and pause."""
        self._step("epochs", epochs)

    def step_batch(self) -> None:
        """Train one batch and pause."""
        self._step("batches", 1)

    def stop(self, reason: str | None = None) -> None:
        """End the training where it is; a running one ends when it looks up."""
        with self._changed:
            if self.ended or self.state == "stopping":
                return
            self.error = reason
            if self.state == "running":
                self._become("stopping")
                self._changed.notify_all()
                return
            if self.state == "queued":
                self._runner.queue.remove(self)
            self._end("stopped")

    def _step(self, unit: Unit, count: int) -> None:
        with self._changed:
            self._pace.add_steps(unit, count)
            self._go()

    def _go(self) -> None:
        """Back into the queue, if it was put aside and has something to do."""
        if self.state == "paused" and not self._pace.held:
            self._become("queued")
            self._runner.enqueue(self)
        self._changed.notify_all()

    def drive(self) -> None:
        """Train until the end, a stop, a failure, or a pause, which leaves `_course` where it is."""
        try:
            self._course = self._course or train(self.experiment, self.dataset, stride=self._pace.stride, skip=self.reused)
            for snapshot in self._slices(self._course):
                with self._changed:
                    if self._leaves(snapshot):
                        return
            self._evaluate()
        except Exception as error:
            with self._changed:
                self.error = told(error)
                self._end("failed")

    def reusable(self, experiment: Experiment, dataset: Dataset) -> Kept | None:
        """What of this training stands in another one."""
        snapshot = self._latest.earlier
        found = keep(snapshot, self.results or self._latest.known, experiment, dataset) if snapshot else None
        return found if found and memory(experiment, dataset) + kept(found.snapshot) <= training_budget() else None

    def _slices(self, course: Iterator[Snapshot]) -> Iterator[Snapshot]:
        """Publish and yield snapshots."""
        while True:
            self._runner.courtesy.give_way(lambda: self.state == "stopping" or self._pace.held)
            started, before = self._clock(), self._latest.rest
            snapshot = next(course, None)
            if snapshot is None:
                return
            with self._changed:
                if before is not None:
                    self._pace.measure(before, snapshot, self._clock() - started)
                self._latest.put(snapshot)
                self.version += 1
            yield snapshot

    def _leaves(self, snapshot: Snapshot) -> bool:
        """Wait as the speed wants; then whether the training was put aside or ended."""
        while self.state == "running" and not self._pace.held and (early := self._pace.early(self._clock())):
            self._changed.wait(early)
        if self.state == "stopping":
            self._end("stopped")
        elif self._pace.held and not snapshot.done:
            self._become("paused")
            self._runner.trim()
        elif self.elapsed > self._runner.max_seconds and not snapshot.done:
            minutes = self._runner.max_seconds / 60
            self.error = f"Stopped after {minutes:g} minutes, the longest that a training may take. Take fewer epochs or rows."
            self._end("stopped")
        return self.state != "running"

    def _evaluate(self) -> None:
        snapshot = self.snapshot
        assert snapshot is not None
        results = {}
        for at, result in evaluations(snapshot, known=self._latest.known):
            results[at] = result
            if self.state == "stopping":
                break
        with self._changed:
            if self.state == "running":
                self.results = results
            self._end("finished" if self.state == "running" else "stopped")

    def _become(self, state: State) -> None:
        now = self._clock()
        if self._started is not None and state != "stopping":
            self._spent, self._started = self._spent + now - self._started, None
        if state == "running":
            self._started = now
            self._pace.anchor(now)
        self.since, self.state = now, state
        self.version += 1

    def _end(self, state: State) -> None:
        self._course = None
        self._latest.close()
        self._become(state)
        self._runner.trim()


def _start(target: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=target, name=f"counterweight-{name}", daemon=True)
    thread.start()
    return thread


class Runner:
    """The trainings of all visitors, one each.

    At most `max_running` train at a time, in daemon threads that end when nothing waits; the others wait in the order in
    which they came, and a visitor has one place. A page calls `back(visitor)` once when a session starts and
    `leave(visitor)` once when it ends; a visitor without sessions is cancelled and forgotten after `grace` seconds.
    """

    def __init__(
        self, max_running: int = 2, clock: Callable[[], float] = time.monotonic, *, grace: float = GRACE,
        max_queued: int = MAX_QUEUED, max_seconds: float = MAX_SECONDS, max_kept: int = MAX_KEPT,
    ) -> None:  # fmt: skip
        self.max_running, self.clock, self.grace = max_running, clock, grace
        self.max_queued, self.max_seconds, self.max_kept = max_queued, max_seconds, max_kept
        self.changed = threading.Condition(threading.RLock())  # guards all below, and the states of jobs
        self.queue: deque[Job] = deque()
        self.courtesy = Courtesy()
        self._jobs: dict[str, Job] = {}
        self._active: list[Job] = []  # those that have a thread
        self.sessions: Counter[str] = Counter()  # open ones of each visitor
        self._gone: dict[str, float] = {}  # visitor -> when to forget
        self._workers: set[threading.Thread] = set()
        self._watcher: threading.Thread | None = None
        self._took: deque[float] = deque(maxlen=20)  # seconds of the last trainings
        self._open = True

    @property
    def running(self) -> int:
        """How many train at this moment."""
        return len(self._active)

    def submit(self, visitor: str, experiment: Experiment, dataset: Dataset, *, reuse: bool = True) -> Job:
        """Start a training, or queue it; it replaces the visitor's earlier one (in its place, if that was waiting).

        `reuse`: runs that the earlier one has trained to the end are kept, where there is memory for that. Raises ValueError
        when it is too large (lib/limits.py) or too many wait already; the earlier one then goes on.
        """
        check_limits(experiment, dataset)
        with self.changed:
            old = self._jobs.get(visitor)
            reused = old.reusable(experiment, dataset) if old is not None and reuse else None
            place = self.queue.index(old) if old is not None and old in self.queue else len(self.queue)
            if not self._open:
                raise ValueError("The program is closing and takes no more trainings.")
            if place >= self.max_queued:
                raise ValueError(f"{place} trainings are waiting, and no more are taken. Try again in a minute.")
            job = self._jobs[visitor] = Job(self, visitor, experiment, dataset, reused)
            if old is not None:
                old.stop("Replaced by a newer training.")
            self.enqueue(job, place)
            return job

    def job(self, visitor: str) -> Job | None:
        """The visitor's latest training. Ask each time instead of keeping it: ended ones are forgotten when there are many."""
        return self._jobs.get(visitor)

    def back(self, visitor: str) -> Job | None:
        """A session of the visitor starts; what he left within the grace goes on."""
        with self.changed:
            self.sessions[visitor] += 1
            self._gone.pop(visitor, None)
            return self._jobs.get(visitor)

    def leave(self, visitor: str) -> None:
        """A session of the visitor ends. After the last one his training has `grace` seconds to live."""
        with self.changed:
            self.sessions[visitor] -= 1
            if self.sessions[visitor] > 0:
                return
            del self.sessions[visitor]
            self._gone[visitor] = self.clock() + self.grace
            if self._watcher is None:
                self._watcher = _start(self._watch, "watch")
            self.changed.notify_all()

    def sweep(self) -> None:
        """Cancel and forget the visitors whose grace is over."""
        with self.changed:
            for visitor in [v for v, when in self._gone.items() if self.clock() >= when]:
                del self._gone[visitor]
                for own in [name for name in self._jobs if name.partition("/")[0] == visitor]:  # and "visitor/dial"
                    self._jobs.pop(own).stop(GONE)

    def close(self, seconds: float = 5.0) -> None:
        """Stop everything and wait for the threads to end."""
        with self.changed:
            self._open = False
            for job in [*self._active, *self._jobs.values()]:
                job.stop("The program is closing.")
            self._jobs.clear()
            self._gone.clear()
            self.changed.notify_all()
            threads = [*self._workers, *([self._watcher] if self._watcher else [])]
        for thread in threads:
            thread.join(seconds)

    def expected_wait(self, job: Job) -> float | None:
        """When a slot is free for a queued job: those ahead take what they have left, or what others took or will take."""
        with self.changed:
            if job not in self.queue:
                return None
            known = [*self._took, *(own.elapsed + own.remaining for own in self._active if own.remaining is not None)]
            usual = fmean(known) if known else None
            ahead = [*self._active, *takewhile(lambda other: other is not job, self.queue)]
            left = [usual if other.remaining is None else other.remaining for other in ahead]
            return until_free(self.max_running, len(self._active), left)

    def enqueue(self, job: Job, place: int | None = None) -> None:
        """To the end of the queue, or to a place in it, with a thread on its way if there may be one more."""
        with self.changed:
            self.queue.insert(len(self.queue) if place is None else place, job)
            try:
                if len(self._workers) < self.max_running:
                    self._workers.add(_start(self._work, "training"))
            except RuntimeError:  # the system gives no thread; one that is there already comes to the job later
                if not self._workers:
                    job.stop("The machine has no room for a training at the moment. Try again in a minute.")

    def trim(self) -> None:
        """Within the memory for one training each: forget the oldest that ended, stop those that paused longest."""
        with self.changed:
            jobs = sorted(self._jobs.values(), key=lambda job: job.since)
            ended = [job for job in jobs if job.ended]
            sizes = [kept(job.snapshot) if job.snapshot else 0 for job in ended]
            while len(ended) > 1 and (len(ended) > self.max_kept or sum(sizes) > training_budget()):
                del self._jobs[ended.pop(0).visitor], sizes[0]
            paused = [job for job in jobs if job.state == "paused" and job.snapshot]
            needs = [memory(job.experiment, job.dataset) for job in paused]
            while len(paused) > 1 and sum(needs) > training_budget():
                del needs[0]
                paused.pop(0).stop("Stopped: it was paused for long, and others needed the memory.")

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.drive()
            finally:
                with self.changed:
                    self._active.remove(job)
                    if job.state == "finished":
                        self._took.append(job.elapsed)

    def _next(self) -> Job | None:
        with self.changed:
            if not self.queue:
                self._workers.discard(threading.current_thread())
                return None
            job = self.queue.popleft()
            self._active.append(job)
            job._become("running")
            return job

    def _watch(self) -> None:
        with self.changed:
            while self._gone:
                self.changed.wait(max(min(self._gone.values()) - self.clock(), 0.01))
                self.sweep()
            self._watcher = None
