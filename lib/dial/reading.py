"""What is read off a weight path on some rows: decisions, reliability, and the plain model with a moved threshold beside it.

A weighted model says yes above 0.5, the plain one above 1 / (1 + w). Where the plain probabilities are right, both decide
alike; where the model is misspecified they part, and the gap between them on the ROC plane is what weighting really did.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.metrics import precision, recall, wilson_interval

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

BINS = 10  # of the reliability curve: equally wide
SCORE_BINS = 40
RESAMPLES = 400
FEW_RESAMPLES = 100  # of very many rows
WORK = 40_000_000  # resampled rows
ENOUGH = 30  # rows of a class below which a bootstrap is not to be trusted


@dataclass(frozen=True, eq=False)
class Points:
    """Yes/no decisions at each weight, as counts [W, 2, 2]: [true][predicted]."""

    counts: Array

    @property
    def recall(self) -> Array:
        """Of the rows of the class, the share that was found, [W]."""
        return recall(self.counts)[:, 1]

    @property
    def false_alarms(self) -> Array:
        """Of the other rows, the share that was taken for the class, [W]."""
        return 1 - recall(self.counts)[:, 0]

    @property
    def precision(self) -> Array:
        """Of the rows taken for the class, the share that is of it, [W]."""
        return precision(self.counts)[:, 1]

    def intervals(self, at: int) -> tuple[tuple[float, float] | None, ...]:
        """Wilson's intervals of recall, share of false alarms and precision at one weight; None without rows."""
        (quiet, alarms), (missed, found) = self.counts[at]
        pairs = ((found, found + missed), (alarms, alarms + quiet), (found, found + alarms))
        return tuple(wilson_interval(hits, rows) for hits, rows in pairs)


@dataclass(frozen=True, eq=False)
class Gap:
    """Recall of the weighted model less that of the plain one at the same share of false alarms, [W]: how far, upwards, its
    point lies from the plain model's ROC curve.

    NaN where there are no false alarms, or nothing else: such a point lies at the curve's end. `low` and `high`
    [W] are 95% intervals of a paired bootstrap over rows; NaN where too few rows stand behind them.
    """

    value: Array
    low: Array
    high: Array


@dataclass(frozen=True, eq=False)
class Reading:
    """A path on some rows. `mean`, `observed` and `rows` [W, BINS] are the reliability of the weighted model's probabilities;
    `scores` [W, 2, SCORE_BINS] is the share of each class's rows by log odds between `edges` [SCORE_BINS + 1]."""

    weights: Array
    weighted: Points
    moved: Points
    mean: Array
    observed: Array
    rows: Array
    edges: Array
    scores: Array
    gap: Gap

    @property
    def class_rows(self) -> tuple[int, int]:
        """Rows that are not of the class, and rows that are."""
        others, own = self.weighted.counts[0].sum(1)
        return int(others), int(own)


def read(weights: Array, score: Callable[[int], Array], plain: Array, y: Flags, *, seed: int = 0) -> Reading:
    """Read a path on rows: `score(i)` gives the log odds [N] of the model of weight number i, `plain` [N] those of weight 1.

    y [N]: whether a row is of the class that the weights are for. `seed` draws the bootstrap.
    """
    said = np.empty((len(weights), len(y)), dtype=bool)
    reliabilities, histograms = [], []
    edges = _edges(plain, weights)
    for at in range(len(weights)):
        z = score(at)
        said[at] = z > 0
        reliabilities.append(reliability(1 / (1 + np.exp(-np.clip(z, -700, 700))), y))
        histograms.append(_histogram(z, y, edges))
    mean, observed, rows = (np.array(part) for part in zip(*reliabilities, strict=True))
    moved = plain > -np.log(weights)[:, None]
    return Reading(
        weights, Points(_counts(said, y)), Points(_counts(moved, y)), mean, observed, rows, edges, np.array(histograms),
        gap(said, plain, y, seed=seed),
    )  # fmt: skip


def _counts(said: Flags, y: Flags) -> Array:
    """Counts [W, 2, 2], [true][predicted], of decisions [W, N]."""
    yes = np.stack([(said & ~y).sum(1), (said & y).sum(1)], axis=1).astype(float)
    rows = np.array([(~y).sum(), y.sum()], dtype=float)
    return np.stack([rows - yes, yes], axis=2)


def reliability(probability: Array, y: Flags) -> tuple[Array, Array, Array]:
    """Mean probability, share of the class and rows in BINS equally wide bins [0, 0.1), ..., [0.9, 1]; NaN in empty bins."""
    own = np.minimum((probability * BINS).astype(int), BINS - 1)
    rows = np.bincount(own, minlength=BINS).astype(float)
    sums = (np.bincount(own, values, BINS) for values in (probability, y.astype(float)))
    mean, observed = (np.divide(part, rows, out=np.full(BINS, np.nan), where=rows > 0) for part in sums)
    return mean, observed, rows


def _edges(plain: Array, weights: Array) -> Array:
    """Bins of the log odds that hold nearly all rows at every weight, were the plain scores moved by log w."""
    low, high = np.quantile(plain, [0.002, 0.998])
    shift = np.log([weights.min(), weights.max()])
    return np.linspace(max(low + shift[0], -25), min(high + shift[1], 25), SCORE_BINS + 1)


def _histogram(z: Array, y: Flags, edges: Array) -> Array:
    """Share of each class's rows per bin, [2, SCORE_BINS]; what lies beyond is counted in the last ones."""
    within = np.clip(z, edges[0], edges[-1])
    both = [np.histogram(within[y == c], edges)[0] / max((y == c).sum(), 1) for c in (False, True)]
    return np.array(both)


def gap(said: Flags, plain: Array, y: Flags, *, seed: int = 0) -> Gap:
    """The gap on the ROC plane between decisions [W, N] and a plain score [N] with any threshold, with its interval."""
    curve, said_yes = _Curve.of(plain, y), said.T.astype(np.float32)
    everyone = np.ones((1, len(y)), dtype=np.float32)
    value = curve.gaps(said_yes, everyone)[0, 0]
    nothing = np.full(len(said), np.nan)
    if min(y.sum(), (~y).sum()) < ENOUGH:
        return Gap(value, nothing, nothing)
    draw = np.random.default_rng(seed)
    resamples = int(np.clip(WORK // len(y), FEW_RESAMPLES, RESAMPLES))
    at_once = max(4_000_000 // len(y), 1)
    found = []
    for start in range(0, resamples, at_once):
        drawn = [np.bincount(draw.integers(0, len(y), len(y)), minlength=len(y))
                 for _ in range(min(at_once, resamples - start))]  # fmt: skip
        found.append(curve.gaps(said_yes, np.array(drawn, dtype=np.float32)))
    _, lows, highs = np.concatenate(found).transpose(1, 0, 2)  # both [B, W]: an interval holds the curve's own steps
    sound = np.isfinite(value) & (np.isfinite(lows).mean(0) >= 0.95)
    low, high = nothing.copy(), nothing.copy()
    low[sound], high[sound] = np.nanquantile(lows[:, sound], 0.025, axis=0), np.nanquantile(highs[:, sound], 0.975, axis=0)
    return Gap(value, low, high)


@dataclass(frozen=True, eq=False)
class _Curve:
    """Rows by falling plain score: `order` [N], the last place of each distinct score, and which are of the class."""

    order: NDArray[np.int64]
    last: NDArray[np.int64]
    y: Flags

    @classmethod
    def of(cls, plain: Array, y: Flags) -> "_Curve":
        order = np.argsort(-plain, kind="stable")
        sorted_scores = plain[order]
        last = np.flatnonzero(np.append(sorted_scores[1:] != sorted_scores[:-1], True))
        return cls(order, last, y)

    def gaps(self, said: NDArray[np.float32], times: NDArray[np.float32]) -> Array:
        """The gap of decisions [N, W], 0 or 1, when the rows count `times` [B, N] each, [B, 3, W]: to the nearest point of the
        curve, to the highest and to the lowest that has as many false alarms."""
        alarms, found = (times * ~self.y) @ said, (times * self.y) @ said  # [B, W]: whole numbers, exact up to 2^24
        return np.array([self._one(*row) for row in zip(times, alarms, found, strict=True)])

    def _one(self, times: NDArray[np.float32], alarms: Array, found: Array) -> Array:
        own = times[self.order].astype(float)
        of_class = np.where(self.y[self.order], own, 0.0)
        negatives = np.concatenate([[0.0], np.cumsum(own - of_class)[self.last]])
        positives = np.concatenate([[0.0], np.cumsum(of_class)[self.last]])
        if not (negatives[-1] and positives[-1]):
            return np.full((3, len(alarms)), np.nan)
        # Thresholds with as many false alarms find between `low` and `high` rows of the class, and a point between lies on the
        # curve; where none has as many (a tie), the curve is the straight line between its neighbours.
        first = np.searchsorted(negatives, alarms, side="left")
        final = np.searchsorted(negatives, alarms, side="right") - 1
        lowest, highest = positives[first], positives[final]
        met = final >= first
        part = (alarms - negatives[final]) / np.where(met, 1.0, negatives[first] - negatives[final])
        within = highest + part * (lowest - highest)
        low, high = np.where(met, lowest, within), np.where(met, highest, within)
        told = (alarms > 0) & (alarms < negatives[-1])
        gaps = np.stack([found - np.clip(found, low, high), found - high, found - low])
        return np.where(told, gaps / positives[-1], np.nan)
