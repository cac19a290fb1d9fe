"""How sure one can be: bootstrap over rows, and Wilson's interval where the rare rows are few.

Two strategies are compared on the same draws of the same rows (lib/bootstrap.py), so that a difference carries the noise of the
difference only. Steps of one series are drawn together, and there Wilson's interval, which takes rows for independent, is not
given: `series` [N] is the series that each step is of.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.bootstrap import Classes, Measure, draws, paired_difference
from lib.metrics import wilson_interval
from lib.thresholds import Tally, criterion

Array = NDArray[np.float64]

FEW = 30  # rows of a class below which a bootstrap interval is not to be trusted


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval; `kind` is bootstrap or wilson, or none, with NaN for the ends."""

    value: float
    low: float = np.nan
    high: float = np.nan
    kind: str = "none"


@dataclass(frozen=True)
class Metric:
    """A criterion of lib/thresholds.py over C classes; `positive` reads that class against all others."""

    name: str
    classes: int = 2
    beta: float = 1.0
    positive: int | None = None

    def question(self, y: Classes) -> Classes:
        return y if self.positive is None else (y == self.positive).astype(np.int64)

    @property
    def measure(self) -> Measure:
        """As lib/bootstrap.py wants it: (row counts [B, P], y_true [P], y_pred [P]) -> [B]."""
        each = np.eye(self.classes if self.positive is None else 2)

        def measure(counts: Array, y_true: Classes, y_pred: Classes) -> Array:
            truth, said = each[self.question(y_true)], each[self.question(y_pred)]
            parts = ((counts @ part).T for part in (truth * said, said, truth))
            return criterion(self.name, Tally(*parts), self.beta)

        return measure


def few_rows(y_true: Classes, metric: Metric, series: Classes | None = None) -> bool:
    """Whether a class that has rows has fewer than `FEW` (or stands in fewer series), or one of two has none."""
    asked = metric.question(y_true)
    if series is not None:
        asked = np.unique(np.stack([asked, series]), axis=1)[0]
    rows = np.bincount(asked, minlength=2)
    return bool(rows[(rows > 0) | (len(rows) == 2)].min() < FEW)


def interval(y_true: Classes, y_pred: Classes, metric: Metric, series: Classes | None = None) -> Interval:
    """A metric of answers [N] on rows [N].

    With `FEW` rows of each class or more: percentiles of the bootstrap. Below: Wilson's for recall and precision, which are
    shares of rows, and none for the others.
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if not len(y_true):
        return Interval(np.nan)
    patterns, counts = draws(np.stack([y_true, y_pred]), series)
    values = metric.measure(counts, *patterns)
    value, values = float(values[0]), values[1:][np.isfinite(values[1:])]
    if few_rows(y_true, metric, series):
        whole = series is None
        return _wilson(metric.question(y_true), metric.question(y_pred), value, metric) if whole else Interval(value)
    if not len(values) or not np.isfinite(value):
        return Interval(value)
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(value, float(low), float(high), "bootstrap")


def difference(y_true: Classes, first: Classes, second: Classes, metric: Metric, series: Classes | None = None) -> Interval:
    """By how much `second` exceeds `first` on the same rows; no interval where a class has few rows."""
    found = paired_difference(y_true[None], first[None], second[None], metric.measure, series=series)
    if few_rows(y_true, metric, series) or not np.isfinite(found.low):
        return Interval(found.value)
    return Interval(found.value, found.low, found.high, "bootstrap")


def _wilson(y_true: Classes, y_pred: Classes, value: float, metric: Metric) -> Interval:
    whole = {"recall": y_true == 1, "precision": y_pred == 1}.get(metric.name)
    bounds = None if whole is None else wilson_interval(float((y_true & y_pred).sum()), float(whole.sum()))
    return Interval(value) if bounds is None else Interval(value, *bounds, "wilson")
