"""Paired bootstrap over rows: how far a difference between two readings of the same rows is the luck of those rows.

Rows that no reading tells apart are one pattern: a thousand draws of 20 000 rows then cost what a few dozen patterns cost.
Steps of one series are no rows of their own: what one says, its neighbour says too. There whole series are drawn (the cluster
bootstrap, Davison & Hinkley 1997, section 3.8).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from lib.metrics import t_interval

Array = NDArray[np.float64]
Classes = NDArray[np.integer]
Measure = Callable[[Array, Classes, Classes], Array]  # (row counts [B, P], y_true [P], y_pred [P]) -> [B]

DRAWS = 1000


def class_recall(target: int) -> Measure:
    """Of the rows of one class, the share that was found; NaN in a draw without such rows."""

    def measure(counts: Array, y_true: Classes, y_pred: Classes) -> Array:
        of_class = y_true == target
        return _share(counts, of_class & (y_pred == target), of_class)

    return measure


def class_precision(target: int) -> Measure:
    """Of the rows predicted as one class, the share that is right; NaN in a draw where it is never predicted."""

    def measure(counts: Array, y_true: Classes, y_pred: Classes) -> Array:
        predicted = y_pred == target
        return _share(counts, predicted & (y_true == target), predicted)

    return measure


def mean_recall(counts: Array, y_true: Classes, y_pred: Classes) -> Array:
    """Balanced accuracy: the mean of the recalls of the classes that have rows."""
    return np.mean([class_recall(c)(counts, y_true, y_pred) for c in np.unique(y_true)], axis=0)


def _share(counts: Array, part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Array:
    top, bottom = counts[:, part].sum(1), counts[:, whole].sum(1)
    return np.divide(top, bottom, out=np.full(len(counts), np.nan), where=bottom > 0)


@dataclass(frozen=True)
class Difference:
    """A difference between two readings, and its 95 % interval; `low` and `high` are NaN where nothing can be said."""

    value: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def draws(patterns: Classes, series: Classes | None = None) -> tuple[Classes, Array]:
    """The distinct columns [.., P] of rows [.., N], and their counts [1 + DRAWS, P]: as they are, then in each draw.

    Drawn are rows or, with the number of the series [N] that a row is of, whole series.
    """
    found, place, counts = _distinct(patterns)
    draw = np.random.default_rng(0)
    if series is None:
        drawn = draw.multinomial(counts.sum(), counts / counts.sum(), size=DRAWS).astype(float)
    else:
        names, of = np.unique(series, return_inverse=True)
        each = np.zeros((len(names), len(counts)))  # [series, P]
        np.add.at(each, (of, place.ravel()), 1)
        drawn = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS).astype(float) @ each
    return found, np.vstack([counts.astype(float), drawn])


def _distinct(patterns: Classes) -> tuple[Classes, Classes, Classes]:
    """The distinct columns of rows [.., N] in lexicographic order, which of them each column is, and how often it is there.

    As `np.unique(patterns, axis=1)`, which compares columns byte by byte and takes several times as long.
    """
    place = np.zeros(patterns.shape[1], dtype=np.int64)
    for row in patterns:  # ranks of the columns so far; one row more keeps their order
        low, high = int(row.min(initial=0)), int(row.max(initial=0))
        _, first, place, counts = np.unique(
            place * (high - low + 1) + (row - low), return_index=True, return_inverse=True, return_counts=True
        )
    return patterns[:, first], place, counts


def paired_difference(
    y_true: Classes,
    first: Classes,
    second: Classes,
    measure: Measure,
    *,
    shared: bool = True,
    series: Classes | None = None,
    level: float = 0.95,
) -> Difference:
    """`measure` of `second` minus that of `first`, mean over R seeds; all [R, N]: true classes and two readings of the rows.

    With `shared`, all seeds read the same rows, and the interval carries two kinds of luck: of the rows, from a paired
    bootstrap (quantiles), and of training, from Student's t over the seeds' differences. Independent, so their half-widths add
    as squares; one seed: the rows' alone. With the `series` [N] that each row is a step of, series are drawn. Where each seed
    has rows of its own, t over the seeds carries both.
    """
    each, luck = _shared(y_true[0], first, second, measure, series) if shared else _apart(y_true, first, second, measure)
    value, training = float(each.mean()), t_interval(each, level)
    if not np.isfinite(value) or (training is None and not len(luck)):
        return Difference(value, np.nan, np.nan)
    half = 0.0 if training is None else (training[1] - training[0]) / 2
    below, above = np.quantile(luck, [(1 - level) / 2, (1 + level) / 2]) if len(luck) else (value, value)
    return Difference(value, value - hypot(value - below, half), value + hypot(above - value, half))


def _shared(y_true: Classes, first: Classes, second: Classes, measure: Measure, series: Classes | None) -> tuple[Array, Array]:
    """Differences of each seed [R], and their mean in each draw of the rows [up to DRAWS]."""
    patterns, rows = draws(np.vstack([y_true, first, second]), series)
    truth, ours, theirs = np.split(patterns, [1, 1 + len(first)])
    each = np.array([measure(rows, truth[0], b) - measure(rows, truth[0], a) for a, b in zip(ours, theirs, strict=True)])
    luck = each[:, 1:].mean(0)
    return each[:, 0], luck[np.isfinite(luck)]


def _apart(y_true: Classes, first: Classes, second: Classes, measure: Measure) -> tuple[Array, Array]:
    """Differences of each seed [R], and no draws."""
    ones = np.ones((1, y_true.shape[1]))
    each = [measure(ones, y, b) - measure(ones, y, a) for y, a, b in zip(y_true, first, second, strict=True)]
    return np.concatenate(each), np.empty(0)
