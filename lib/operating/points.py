"""All strategies at all thresholds of one question, and the few hundred positions that a slider shows of them.

Best thresholds are exact, over every threshold; the slider's positions hold them, evenly spaced ones and quantiles of the
scores, so that it goes where something happens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lib.operating.costs import Costs, alerts, cheapest, expected_cost
from lib.operating.scored import Sample, logit
from lib.thresholds import CRITERIA, Cuts, auroc, average_precision, best, criterion, cuts, tally

Array = NDArray[np.float64]

EVEN, QUANTILES = 121, 100  # positions evenly spaced on the log odds, and at quantiles of the scores
MANY = 20_000  # scores of a strategy that quantiles are taken of
OUTSIDE = 0.6  # log odds beyond the middle 99.8 % of the scores
WIDEST = 12.0  # log odds; a probability of 6e-6
LANDMARKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
CURVES = ("recall", "precision", *CRITERIA)


@dataclass(frozen=True, eq=False)
class Points:
    """One strategy's question at all thresholds."""

    index: int
    name: str
    sample: Sample

    @cached_property
    def cuts(self) -> Cuts:
        return cuts(self.sample.y_true, self.sample.score)

    @property
    def both_classes(self) -> bool:
        return bool(self.cuts.positives and self.cuts.negatives)

    @property
    def constant(self) -> bool:
        """Whether all scores are the same, so that no threshold tells rows apart."""
        return len(self.cuts.low) <= 2

    def best(self, name: str, beta: float = 1.0) -> tuple[float, float]:
        """The best threshold on the log odds, and the criterion there; (0, NaN) without rows of both classes."""
        if not self.both_classes:
            return 0.0, np.nan
        return best(criterion(name, self.cuts.tally, beta), self.cuts)

    def cheapest(self, costs: Costs) -> tuple[float, float]:
        return cheapest(self.cuts, costs)

    @cached_property
    def auroc(self) -> float:
        return auroc(self.cuts)

    @cached_property
    def average_precision(self) -> float:
        return average_precision(self.cuts)


@dataclass(frozen=True, eq=False)
class AtGrid:
    """One strategy at the slider's positions: counts [G] and whatever follows from them."""

    tp: Array
    fp: Array
    positives: float
    negatives: float

    def curve(self, name: str, beta: float = 1.0) -> Array:
        return criterion(name, tally(self.tp, self.fp, self.positives, self.negatives), beta)

    def cost(self, costs: Costs) -> Array:
        return expected_cost(self.tp, self.fp, self.positives, self.negatives, costs)

    def alerts(self, prior: float | None = None) -> Array:
        return alerts(self.tp, self.fp, self.positives, self.negatives, prior)

    def confusion(self, position: int) -> Array:
        """[true][said], no first."""
        tp, fp = self.tp[position], self.fp[position]
        return np.array([[self.negatives - fp, fp], [self.positives - tp, tp]])


def at_grid(points: Points, grid: Array) -> AtGrid:
    tp, fp = points.cuts.at(grid)
    return AtGrid(tp, fp, points.cuts.positives, points.cuts.negatives)


def grid_of(samples: Sequence[Sample], also: Sequence[float] = ()) -> Array:
    """Positions [G] on the log odds, ascending: even steps, quantiles of all scores, landmarks and `also`, within the range
    of the scores (and always around a half)."""
    scores = np.concatenate([np.zeros(1), *(sample.score[:: len(sample.score) // MANY + 1] for sample in samples)])
    low, high = np.quantile(scores, [0.001, 0.999]) + [-OUTSIDE, OUTSIDE]
    low, high = max(min(low, -1.0), -WIDEST), min(max(high, 1.0), WIDEST)
    marks = np.concatenate([logit(np.array(LANDMARKS)), np.asarray(also, dtype=float)])
    places = np.concatenate([
        np.linspace(low, high, EVEN), np.quantile(scores, np.linspace(0, 1, QUANTILES), method="nearest"), marks,
    ])  # fmt: skip
    return np.unique(places[(places >= low) & (places <= high)])
