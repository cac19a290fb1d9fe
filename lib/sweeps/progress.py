"""How far a sweep is, and how long the rest may take, from what its cells took so far."""

import math

import numpy as np

from lib.sweeps.cell import Outcome
from lib.sweeps.sweep import Cell, Sweep

STEP_ROWS = 256  # a training step of a small model takes about as long as so many rows in it
FLOOR, CEILING = 0.15, 0.9  # of the range to each side, as a part
ONE_GROUP = 0.5  # the same where all cells trained in one stack: they are one observation


def work(cell: Cell) -> float:
    """What a cell takes beside another one of the same sweep, roughly: training steps, and rows that go through a model."""
    if (experiment := cell.experiment) is None:
        return 0.0
    rows = experiment.data.params.get("n")
    if not isinstance(rows, int):  # other sources have the same rows in every cell
        rows = STEP_ROWS
    steps = 0.0
    for strategy in experiment.strategies:
        settings = strategy.training(experiment.training)
        steps += settings.epochs * (math.ceil(rows / settings.batch_size) + rows / STEP_ROWS)
    return steps


class Progress:
    """Counts outcomes. `workers`: how many cells train at the same time."""

    def __init__(self, sweep: Sweep, workers: int = 1) -> None:
        self.cells, self.done, self.failed, self.stored = sweep.size, 0, 0, 0
        self.workers = workers
        self._left = {cell.index: work(cell) for cell in sweep.cells if cell.experiment is not None}
        self._work, self._seconds = list[float](), list[float]()

    def add(self, outcome: Outcome) -> None:
        self.done += 1
        self.failed += outcome.result.error is not None
        self.stored += outcome.stored
        own = self._left.pop(outcome.cell.index, None)
        if own is not None and outcome.result.error is None:
            self._work.append(own)
            self._seconds.append(outcome.result.seconds)

    @property
    def remaining(self) -> tuple[float, float] | None:
        """Seconds that are left, from and to: two standard errors. None before two cells are trained.

        A cell takes a fixed time and one that grows with its work. While only cells of the same work are known, it may be all
        of the one or all of the other: that is the range then.
        """
        if len(self._seconds) < 2 or sum(self._seconds) <= 0:
            return None
        known, took = np.array(self._work), np.array(self._seconds)
        left = np.array([*self._left.values()])
        lines = [(took.mean(), 0.0), (0.0, took.sum() / known.sum())]
        if np.ptp(known) > 0.01 * known.mean():
            lines = [_line(known, took)]
        fixed, growing = lines[-1]
        groups = len(np.unique(took))  # cells of one stack share its time evenly
        error = float(np.std(took - fixed - growing * known, ddof=1)) / float(took.mean()) / groups**0.5
        spread = min(max(2 * error, FLOOR), CEILING) if groups > 1 else ONE_GROUP
        totals = [float((fixed + growing * left).sum()) / min(self.workers, max(len(left), 1)) for fixed, growing in lines]
        return min(totals) * (1 - spread), max(totals) * (1 + spread)


def _line(known: np.ndarray, took: np.ndarray) -> tuple[float, float]:
    """The least squares line of seconds over work, neither part below 0."""
    growing, fixed = np.polyfit(known, took, 1)
    if growing < 0:
        return float(took.mean()), 0.0
    if fixed < 0:
        return 0.0, float((known * took).sum() / (known**2).sum())
    return float(fixed), float(growing)
