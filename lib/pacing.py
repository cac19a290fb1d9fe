"""How far a live training goes before it looks up again: slices of time, steps, and a speed. Without threads or clocks."""

from typing import Literal

from lib.snapshot import Snapshot

Unit = Literal["epochs", "batches"]

SLICE = 0.05  # seconds of training between two looks at what the visitor wants
SPEEDS = (0.1, 1000.0)  # epochs per second
LAG = 1.0  # seconds behind its speed after which a training no longer tries to catch up


class Pace:
    """What the visitor wants of a training, and what has been measured of it. `stride` is its length in batches.

    `speed` is in epochs per second, None as fast as possible. `steps` are what is left until it pauses, None for no pause.
    """

    def __init__(self) -> None:
        self.speed: float | None = None
        self.steps: tuple[Unit, int] | None = None
        self._anchor = (0.0, 0.0)  # time and progress from which the speed counts
        self._busy = 0.0  # seconds of training, without waiting
        self._progress = 0.0
        self._per_epoch = 0  # batches, of all stacks; 0: not known yet
        self._per_batch: float | None = None  # seconds

    @property
    def held(self) -> bool:
        """Whether the training is to pause here."""
        return self.steps is not None and self.steps[1] == 0

    @property
    def rate(self) -> float | None:
        """Epochs per second; None before the first batch."""
        if not self._progress or not self._busy:
            return None
        rate = self._progress / self._busy
        return min(rate, self.speed) if self.speed else rate

    def hold(self) -> None:
        self.steps = ("batches", 0)

    def add_steps(self, unit: Unit, count: int) -> None:
        """Steps of the same unit add up."""
        before = self.steps[1] if self.steps and self.steps[0] == unit else 0
        self.steps = (unit, before + max(count, 0))

    def set_speed(self, speed: float | None) -> None:
        if speed is not None and not SPEEDS[0] <= speed <= SPEEDS[1]:
            raise ValueError(f"The speed must be {SPEEDS[0]:g} to {SPEEDS[1]:g} epochs per second, or none, got {speed:g}.")
        self.speed = speed

    def anchor(self, now: float) -> None:
        """The speed counts from here."""
        self._anchor = (now, self._progress)

    def early(self, now: float) -> float:
        """Seconds that the training has to wait so as not to be ahead of its speed; 0 for none."""
        if not self.speed:
            return 0.0
        since, progress = self._anchor
        early = since + (self._progress - progress) / self.speed - now
        if early < -LAG:
            self.anchor(now)
        return max(early, 0.0)

    def stride(self) -> int:
        """Batches until the next look: a slice of time, one batch at first, finer at a slow speed.

        Never past a step, nor past the end of the epoch: there `train` yields, and what is wanted may be different.
        """
        if not self._per_batch:
            return 1
        left = self._per_epoch - round(self._progress % 1 * self._per_epoch)
        batches = min(SLICE / self._per_batch, left)
        if speed := self.speed:
            batches = min(batches, speed * self._per_epoch * 2 * SLICE)
        if (steps := self.steps) and steps[0] == "batches":
            batches = min(batches, steps[1])
        return max(int(batches), 1)

    def measure(self, before: Snapshot, now: Snapshot, seconds: float) -> None:
        """Between two snapshots: learn how long a batch takes, and count steps down."""
        self._busy, self._progress = self._busy + seconds, now.progress
        gained = now.progress - before.progress
        self._per_epoch = self._per_epoch or round(1 / gained)  # the first stride is one batch
        batches = max(round(gained * self._per_epoch), 1)
        if now.epoch == before.epoch:  # else there is validation in it
            each = seconds / batches
            self._per_batch = (each + (self._per_batch or each)) / 2
        if self.steps:
            unit, left = self.steps
            self.steps = (unit, max(left - (now.epoch - before.epoch if unit == "epochs" else batches), 0))
