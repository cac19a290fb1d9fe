"""Confusion matrices and what is read from them, and metrics of probabilities. Decided once; see the README.

Ties go to the lowest class. A recall of a class without rows is NaN ("no rows"), and macro averages run over the classes
that have rows. Definitions are scikit-learn's.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from lib.data import Task
from lib.registry import Param, Registry

Array = NDArray[np.float64]


def confusion_matrices(y_true: Tensor, y_pred: Tensor, classes: int) -> Tensor:
    """Counts [K, ..., C, C], [true][predicted], of y_true [..., N] and the predictions y_pred [K, ..., N] of K runs."""
    several = y_pred.shape[:-1]
    which = torch.arange(several.numel()).view(*several, 1)
    cells = (which * classes + y_true) * classes + y_pred
    return torch.bincount(cells.flatten(), minlength=several.numel() * classes**2).view(*several, classes, classes)


def recall(confusion: Array) -> Array:
    """Of the rows of a class, the share that was found: [..., C, C] -> [..., C]; NaN without rows."""
    return _ratio(_hits(confusion), confusion.sum(-1))


def precision(confusion: Array) -> Array:
    """Of the rows predicted as a class, the share that is right: [..., C, C] -> [..., C]; NaN if never predicted."""
    return _ratio(_hits(confusion), confusion.sum(-2))


def _hits(confusion: Array) -> Array:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _ratio(top: Array, bottom: Array) -> Array:
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom != 0)


@dataclass(frozen=True, eq=False)
class Series:
    """What happened step by step: `truth`, `said` (bool) and `counted` (bool), each [N, T]."""

    truth: NDArray[np.bool_]
    said: NDArray[np.bool_]
    counted: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a metric may look at: counts [C, C], true classes [N], probabilities [N, C] (None where scores are not).

    Of several labels [L, 2, 2], [L, N] and [L, N, 2]; `y_pred` [L, N] then, and `series` of a sequence, are what was said.
    """

    confusion: Array
    y_true: NDArray[np.int64]
    y_prob: Array | None
    y_pred: NDArray[np.int64] | None = None
    series: Series | None = None

    @cached_property
    def rankings(self) -> "tuple[Ranking, ...]":
        """One-vs-rest by probability: of two classes the positive one, of several each that has rows; none where undefined."""
        if self.y_prob is None:
            return ()
        classes = self.y_prob.shape[1]
        present = np.flatnonzero(np.bincount(self.y_true, minlength=classes))
        if len(present) < 2:
            return ()
        wanted = (1,) if classes == 2 else present.tolist()
        return tuple(Ranking.of(self.y_true == c, self.y_prob[:, c]) for c in wanted)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows sorted by falling score: at each threshold the rows above it, and how many of them are hits. Ties move together.

    AUROC and AP are read from one sort of the scores; scikit-learn sorts for each and checks its input each time.
    """

    hits: Array  # [thresholds], the last is all hits
    rows: Array  # [thresholds], the last is all rows

    @staticmethod
    def of(positive: NDArray[np.bool_], scores: Array) -> "Ranking":
        order = np.argsort(-scores)
        falling = scores[order]
        last = np.append(np.flatnonzero(falling[1:] != falling[:-1]), len(scores) - 1)  # of each tie
        return Ranking(np.cumsum(positive[order])[last].astype(float), last + 1.0)

    @property
    def average_precision(self) -> float:
        """Sum over thresholds of the recall gained there times the precision there."""
        gained = np.diff(self.hits, prepend=0.0)
        return float((gained * self.hits / self.rows).sum() / self.hits[-1])  # no @: BLAS calls other threads, which are busy

    @property
    def auroc(self) -> float:
        """Area under hits over misses; a tie between a hit and a miss counts half."""
        misses = self.rows - self.hits
        height = self.hits + np.concatenate([[0.0], self.hits[:-1]])
        return float((np.diff(misses, prepend=0.0) * height).sum() / 2 / (self.hits[-1] * misses[-1]))


@dataclass(frozen=True)
class Metric:
    """`function(evidence) -> float`, NaN where it is undefined.

    Of several labels it is the mean over the labels where it is defined; one that is `pooled` looks at all of them at once.
    """

    key: str
    label: str
    help: str
    better: Literal["higher", "lower", "reference"]
    function: Callable[[Evidence], float]
    pooled: bool = False
    params: tuple[Param, ...] = ()


METRICS: Registry[Metric] = Registry("metric")  # for every task
LABEL_METRICS: Registry[Metric] = Registry("metric")  # more for several labels
SERIES_METRICS: Registry[Metric] = Registry("metric")  # more for series


def metric(
    key: str, label: str, better: Literal["higher", "lower", "reference"], help: str, *, pooled: bool = False,
    registry: Registry[Metric] = METRICS,
) -> Callable[[Callable[[Evidence], float]], Callable[[Evidence], float]]:  # fmt: skip
    """Decorator: register the function below as a metric."""

    def register(function: Callable[[Evidence], float]) -> Callable[[Evidence], float]:
        registry.add(Metric(key, label, help, better, function, pooled))
        return function

    return register


def metrics_of(task: Task) -> dict[str, Metric]:
    """The metrics of a task by key."""
    more: Mapping[str, Metric] = {"multilabel": LABEL_METRICS, "sequence": SERIES_METRICS}.get(task, {})
    return {**METRICS, **more}


def measure(evidence: Evidence, task: Task) -> dict[str, float]:
    """Every metric of the task by its key; NaN where it is undefined."""
    return {key: _measured(record, evidence) for key, record in metrics_of(task).items()}


def _measured(record: Metric, evidence: Evidence) -> float:
    if record.pooled or evidence.confusion.ndim == 2:
        return record.function(evidence)
    labels = zip(evidence.confusion, evidence.y_true, strict=True)
    prob = evidence.y_prob
    each = [record.function(Evidence(c, y, None if prob is None else prob[label])) for label, (c, y) in enumerate(labels)]
    defined = [value for value in each if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


@metric("accuracy", "Accuracy", "higher", "Share of rows that are right. Follows the majority.")
def accuracy(evidence: Evidence) -> float:
    return float(_hits(evidence.confusion).sum() / evidence.confusion.sum())


@metric("majority_accuracy", "Always majority", "reference", "Accuracy of always saying the most frequent class.")
def majority_accuracy(evidence: Evidence) -> float:
    return float(evidence.confusion.sum(1).max() / evidence.confusion.sum())


@metric("balanced_accuracy", "Balanced accuracy", "higher", "Mean recall over the classes that have rows.")
def balanced_accuracy(evidence: Evidence) -> float:
    return float(np.nanmean(recall(evidence.confusion)))


@metric("macro_f1", "Macro F1", "higher", "Mean over classes (or labels) of F1 = 2TP / (2TP + FP + FN).", pooled=True)
def macro_f1(evidence: Evidence) -> float:
    counts = evidence.confusion
    rows = counts.sum(-1)
    f1 = _ratio(2 * _hits(counts), rows + counts.sum(-2))
    if counts.ndim == 3:  # of a label, F1 is that of its yes
        f1, rows = f1[:, 1], rows[:, 1]
    return float(f1[rows > 0].mean()) if (rows > 0).any() else math.nan


@metric(
    "micro_f1", "Micro F1", "higher", "F1 of all yeses of all labels together: frequent labels count most.",
    pooled=True, registry=LABEL_METRICS,
)  # fmt: skip
def micro_f1(evidence: Evidence) -> float:
    counts = evidence.confusion.sum(0)
    whole = 2 * counts[1, 1] + counts[0, 1] + counts[1, 0]
    return float(2 * counts[1, 1] / whole) if whole else math.nan


@metric(
    "exact_match", "All labels right", "higher", "Share of rows in which every label is right.",
    pooled=True, registry=LABEL_METRICS,
)  # fmt: skip
def exact_match(evidence: Evidence) -> float:
    return math.nan if evidence.y_pred is None else float((evidence.y_pred == evidence.y_true).all(0).mean())


@metric(
    "event_recall", "Event recall", "higher", "Share of events (steps with an event in a row) of which any step was flagged.",
    registry=SERIES_METRICS,
)  # fmt: skip
def event_recall(evidence: Evidence) -> float:
    if evidence.series is None:
        return math.nan
    event = event_numbers(evidence.series.truth & evidence.series.counted)
    found = np.unique(event[evidence.series.said & (event > 0)])
    events = int(event.max(initial=0))
    return len(found) / events if events else math.nan


@metric(
    "false_alarms", "False alarms per 1000 steps", "lower", "Flagged steps without an event, per 1000 steps.",
    registry=SERIES_METRICS,
)  # fmt: skip
def false_alarms(evidence: Evidence) -> float:
    return float(1000 * evidence.confusion[0, 1] / evidence.confusion.sum())


def event_numbers(truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Which event each step belongs to, from 1; 0 for none. An event is an unbroken row of true steps. truth [N, T]."""
    before = np.pad(truth, ((0, 0), (1, 0)))[:, :-1]
    return np.where(truth, np.cumsum(truth & ~before).reshape(truth.shape), 0)


@metric("g_mean", "G-mean", "higher", "Geometric mean of the recalls: 0 as soon as one class is never found.")
def g_mean(evidence: Evidence) -> float:
    found = recall(evidence.confusion)
    found = found[~np.isnan(found)]
    return 0.0 if (found == 0).any() else float(np.exp(np.log(found).mean()))


@metric("mcc", "MCC", "higher", "Correlation between truth and prediction (Matthews); 0 is chance.")
def mcc(evidence: Evidence) -> float:
    counts = evidence.confusion.astype(float)  # products of four counts overflow int64 from 80 000 rows on
    n, rows, said = counts.sum(), counts.sum(1), counts.sum(0)
    covariance = _hits(counts).sum() * n - rows @ said
    spread = (n**2 - said @ said) * (n**2 - rows @ rows)
    return float(covariance / math.sqrt(spread)) if spread > 0 else 0.0


@metric("average_precision", "AP", "higher", "Average precision over all thresholds; one-vs-rest macro for several classes.")
def average_precision(evidence: Evidence) -> float:
    return _mean([ranking.average_precision for ranking in evidence.rankings])


@metric("auroc", "AUROC", "higher", "Chance that a row of the class scores above another; one-vs-rest macro for several.")
def auroc(evidence: Evidence) -> float:
    return _mean([ranking.auroc for ranking in evidence.rankings])


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


@metric("nll", "NLL", "lower", "Mean negative log probability of the true class, unweighted: comparable across losses.")
def nll(evidence: Evidence) -> float:
    if evidence.y_prob is None:
        return math.nan
    own = evidence.y_prob[np.arange(len(evidence.y_true)), evidence.y_true]
    return float(-np.log(np.maximum(own, np.finfo(np.float64).tiny)).mean())


@metric("brier", "Brier", "lower", "Mean squared distance between probabilities and truth, summed over classes.")
def brier(evidence: Evidence) -> float:
    if evidence.y_prob is None:
        return math.nan
    truth = np.eye(evidence.y_prob.shape[1])[evidence.y_true]
    return float(((evidence.y_prob - truth) ** 2).sum(1).mean())


def class_means(values: Tensor, y: Tensor, classes: int) -> Tensor:
    """Means [K, C] of values [K, N] over the rows of each class, NaN without any; of labels [K, L, N], of each label [K, L]."""
    if y.ndim > 1:
        return values.mean(-1)
    totals = values.new_zeros(len(values), classes).index_add_(1, y, values)
    return totals / torch.bincount(y, minlength=classes)


def t_interval(values: Array, level: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval of the mean over seeds (ddof 1): training noise. None for fewer than two numbers."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if len(finite) < 2:
        return None
    half = _t_quantile((1 + level) / 2, len(finite) - 1) * finite.std(ddof=1) / math.sqrt(len(finite))
    return float(finite.mean() - half), float(finite.mean() + half)


@cache  # scipy takes 0.1 ms, and recall bars ask for dozens at every tick
def _t_quantile(part: float, freedom: int) -> float:
    return float(special.stdtrit(freedom, part))


def wilson_interval(hits: float, rows: float, level: float = 0.95) -> tuple[float, float] | None:
    """Wilson's interval of a share of few rows: sampling noise. None without rows."""
    if rows == 0:
        return None
    z = special.ndtri((1 + level) / 2)
    centre = (hits + z**2 / 2) / (rows + z**2)
    half = z / (rows + z**2) * math.sqrt(hits * (rows - hits) / rows + z**2 / 4)
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))
