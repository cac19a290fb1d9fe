"""What every threshold on a score says, by one sort; and the threshold, or the offsets of several classes, that are best.

Flat on purpose: a row is a 0 or 1 and a score, perhaps with a weight. One class against the rest, a label, an unpadded time
step all come in this form. The answer is yes when the score is strictly above the threshold.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CRITERIA = ("balanced_accuracy", "f_beta", "mcc", "g_mean", "youden")
CANDIDATES = 200  # offsets of a class that one step of the search over several classes looks at
SWEEPS = 5


@dataclass(frozen=True, eq=False)
class Tally:
    """What matrices say about each class, classes first, [C, ...]: rows that are right, said, and there ([C] or [C, ...])."""

    hits: Array
    said: Array
    rows: Array


@dataclass(frozen=True, eq=False)
class Cuts:
    """Every threshold that makes a difference: all t with low[k] <= t < high[k] say yes to the same rows.

    low [T] is -inf and then the distinct scores, ascending; high [T] the same one further, +inf last. tp and fp [T] are rows
    (or their weights) above; `positives` and `negatives` are all there are.
    """

    low: Array
    high: Array
    tp: Array
    fp: Array
    positives: float
    negatives: float

    @property
    def tally(self) -> Tally:
        return tally(self.tp, self.fp, self.positives, self.negatives)

    def at(self, thresholds: Array | float) -> tuple[Array, Array]:
        """tp and fp at any thresholds."""
        k = np.searchsorted(self.low, thresholds, side="right") - 1
        return self.tp[k], self.fp[k]


def cuts(y_true: NDArray[Any], score: Array, weight: Array | None = None) -> Cuts:
    """All thresholds of scores [N] on y_true [N] in {0, 1}. Raises ValueError for scores that are not finite."""
    values = np.asarray(score, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("Scores must be finite numbers, got some that are not. The run has diverged; lower its learning rate.")
    order = np.argsort(values)
    values, yes = values[order], np.asarray(y_true)[order].astype(float)
    mass = None if weight is None else np.asarray(weight, dtype=float)[order]
    own = yes if mass is None else yes * mass
    below = np.cumsum(own)  # positives up to here
    both = np.arange(1, len(values) + 1, dtype=float) if mass is None else np.cumsum(mass)
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True)[: len(values)])  # of each run of equal scores
    positives = float(below[-1]) if len(below) else 0.0
    negatives = float(both[-1]) - positives if len(both) else 0.0
    low = np.concatenate([[-np.inf], values[last]])
    tp = positives - np.concatenate([[0.0], below[last]])
    fp = negatives - np.concatenate([[0.0], both[last] - below[last]])
    return Cuts(low, np.append(low[1:], np.inf), tp, fp, positives, negatives)


def tally(tp: Array, fp: Array, positives: Array | float, negatives: Array | float) -> Tally:
    """The tally of yes/no decisions: class 0 is no, class 1 is yes."""
    hits = np.stack([negatives - fp, tp])
    yes = tp + fp
    return Tally(hits, np.stack([positives + negatives - yes, yes]), np.stack([np.asarray(negatives), np.asarray(positives)]))


def criterion(name: str, counts: Tally, beta: float = 1.0) -> Array:
    """A metric of every matrix of a tally, [...]; NaN where it is undefined.

    recall, precision and, for two classes, f_beta are those of class 1; f_beta of several is the mean over the classes that
    have rows, as balanced accuracy is. g_mean is 0 as soon as one recall is; mcc is 0 where it would be 0/0; youden is the sum
    of the recalls less 1 for two classes, and rises with balanced accuracy for any number.
    """
    rows = counts.rows if counts.rows.ndim > 1 else counts.rows.reshape(-1, *(1,) * (counts.hits.ndim - 1))
    present = rows.reshape(len(rows), -1).max(1) > 0
    if name == "recall":
        return _ratio(counts.hits[1], rows[1])
    if name == "precision":
        return _ratio(counts.hits[1], counts.said[1])
    if name == "mcc":
        return _mcc(counts, rows)
    if name == "f_beta":
        of = present if len(rows) > 2 else np.array([False, present[1]])
        if not of.any():
            return np.full(counts.hits.shape[1:], np.nan)
        hits, square = counts.hits[of], beta**2
        return np.where(rows[of] > 0, _ratio((1 + square) * hits, square * rows[of] + counts.said[of]), np.nan).mean(0)
    if not present.any():
        return np.full(counts.hits.shape[1:], np.nan)
    recalls = _ratio(counts.hits[present], rows[present])
    if name == "g_mean":
        return np.prod(recalls, axis=0) ** (1 / len(recalls))
    if name == "balanced_accuracy":
        return recalls.mean(0)
    if name == "youden":
        return (recalls.sum(0) - 1) / max(len(recalls) - 1, 1)
    raise ValueError(f"Unknown criterion {name!r}; choose one of {', '.join(('recall', 'precision', *CRITERIA))}.")


def best(values: Array, found: Cuts) -> tuple[float, float]:
    """The threshold where `values` [T] are highest, and that value.

    Among equal ones the stretch nearest to 0 (probability 0.5) wins; within a stretch 0 itself where it lies in it, else the
    middle between the two scores; outside all scores, 1 beyond the last. (0, NaN) where nothing is defined.
    """
    if not np.isfinite(values).any():
        return 0.0, np.nan
    top = np.nanmax(values)
    places = np.flatnonzero(values >= top - 1e-12)
    low, high = found.low[places], found.high[places]
    k = _nearest(low, high)
    return _inside(float(low[k]), float(high[k])), float(top)


def best_threshold(y_true: NDArray[Any], score: Array, name: str, beta: float = 1.0) -> float:
    """The threshold on scores [N] that is best for a criterion; 0 where rows of one of the two classes are missing."""
    found = cuts(y_true, score)
    if not (found.positives and found.negatives):
        return 0.0
    return best(criterion(name, found.tally, beta), found)[0]


def best_offsets(y_true: NDArray[Any], scores: Array, name: str, beta: float = 1.0) -> Array:
    """Offsets [C], the first 0, that added to scores [N, C] make argmax good for a criterion.

    Coordinate ascent: class after class gets the offset that is best while the others stay, among at most `CANDIDATES`
    stretches between the rows' own margins, until a whole sweep changes nothing. It starts from the scores as they are and
    from logit adjustment (minus the log of the class shares); for g_mean, which is 0 as long as one class is never found, also
    from what is best for balanced accuracy. The best end counts, ties to the first: a local optimum, never worse on these rows
    than any start.
    """
    classes = scores.shape[1]
    rows = np.bincount(y_true, minlength=classes).astype(float)
    shares = np.where(rows > 0, rows, rows.max(initial=1.0)) / max(rows.sum(), 1.0)
    if not (rows > 0).sum() > 1:
        return np.zeros(classes)
    starts = [np.zeros(classes), -np.log(shares)]
    if name == "g_mean":
        starts.append(best_offsets(y_true, scores, "balanced_accuracy"))
    ends = [_ascend(y_true, scores, rows, start, name, beta) for start in starts]
    offsets, _ = max(ends, key=lambda end: end[1])
    return offsets - offsets[0]


def _ascend(
    y_true: NDArray[Any], scores: Array, rows: Array, offsets: Array, name: str, beta: float
) -> tuple[Array, float]:  # fmt: skip
    """Where coordinate ascent ends, and the criterion there."""
    offsets = offsets.copy()
    top = float(criterion(name, _tally_of(y_true, (scores + offsets).argmax(1), rows), beta))
    for _ in range(SWEEPS):
        before = top
        for c in range(len(rows)):
            offset, value = _best_offset(y_true, scores, rows, offsets, c, name, beta)
            changed = offsets.copy()
            changed[c] = offset
            # Counted as the rule will count, so that ties and rounding are what they will be.
            real = float(criterion(name, _tally_of(y_true, (scores + changed).argmax(1), rows), beta)) if value > top else top
            if real > top + 1e-12:
                offsets, top = changed, real
        if top <= before:
            break
    return offsets, top


def _tally_of(y_true: NDArray[Any], y_pred: NDArray[Any], rows: Array) -> Tally:
    classes = len(rows)
    hits = np.bincount(y_true[y_true == y_pred], minlength=classes).astype(float)
    return Tally(hits, np.bincount(y_pred, minlength=classes).astype(float), rows)


def _best_offset(
    y_true: NDArray[Any], scores: Array, rows: Array, offsets: Array, c: int, name: str, beta: float
) -> tuple[float, float]:
    """The best offset of class c while the others stay: a row is said to be c when the offset exceeds its margin."""
    rivals = scores + offsets
    rivals[:, c] = -np.inf
    rival = rivals.argmax(1)
    margins = rivals.max(1) - scores[:, c]
    every = np.unique(margins)
    distinct = every[np.unique(np.linspace(0, len(every) - 1, CANDIDATES).round().astype(int))]
    step = np.searchsorted(distinct, margins)  # the first of the candidates that wins this row
    many, classes = len(distinct) + 1, len(rows)
    # Before the first candidate no row is c; each candidate takes the rows of its step from their rivals.
    right, own = y_true == rival, y_true == c
    cell = rival * many + step + 1
    lost = np.bincount(cell, minlength=classes * many).reshape(classes, many)
    lost_hits = np.bincount(cell[right], minlength=classes * many).reshape(classes, many)
    said = np.bincount(rival, minlength=classes)[:, None] - lost.cumsum(1)
    hits = np.bincount(rival[right], minlength=classes)[:, None] - lost_hits.cumsum(1)
    said[c] = np.bincount(step + 1, minlength=many).cumsum()
    hits[c] = np.bincount((step + 1)[own], minlength=many).cumsum()
    values = criterion(name, Tally(hits.astype(float), said.astype(float), rows), beta)
    if not np.isfinite(values).any():
        return float(offsets[c]), -np.inf
    top = np.nanmax(values)
    places = np.flatnonzero(values >= top - 1e-12)
    low = np.concatenate([[-np.inf], distinct])[places]
    high = np.append(every, np.inf)[np.searchsorted(every, low, side="right")]
    now = float(offsets[c])
    k = _nearest(low - now, high - now)
    return now + _inside(float(low[k]) - now, float(high[k]) - now), float(top)


def _nearest(low: Array, high: Array) -> int:
    """The stretch, low <= t < high, that holds 0 or is nearest to it."""
    return int(np.argmin(np.where((low <= 0) & (high > 0), -1.0, np.maximum(low, -high))))


def _inside(low: float, high: float) -> float:
    """0 where it lies between, else the middle; 1 beyond an end that is open."""
    if low <= 0 < high:
        return 0.0
    if np.isinf(low):
        return high - 1
    return low + 1 if np.isinf(high) else (low + high) / 2


def _mcc(counts: Tally, rows: Array) -> Array:
    n = rows.sum(0)
    covariance = counts.hits.sum(0) * n - (rows * counts.said).sum(0)
    spread = (n**2 - (counts.said**2).sum(0)) * (n**2 - (rows**2).sum(0))
    return np.divide(covariance, np.sqrt(np.maximum(spread, 0)), out=np.zeros_like(covariance), where=spread > 1e-9 * n**2)


def _ratio(top: Array, bottom: Array | float) -> Array:
    bottom = np.broadcast_to(bottom, np.shape(top))
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


def roc(found: Cuts) -> tuple[Array, Array]:
    """False and true positive rates [T] from (0, 0) to (1, 1), every threshold kept; NaN without rows of a class."""
    return _ratio(found.fp[::-1], found.negatives), _ratio(found.tp[::-1], found.positives)


def auroc(found: Cuts) -> float:
    """The area under ROC by trapezoids: ties count half. NaN without rows of a class."""
    x, y = roc(found)
    return float(np.trapezoid(y, x)) if found.positives and found.negatives else np.nan


def precision_recall(found: Cuts) -> tuple[Array, Array]:
    """Precision and recall [T - 1] at the thresholds that say yes to some row, recall descending as scikit-learn has it."""
    return _ratio(found.tp[:-1], found.tp[:-1] + found.fp[:-1]), _ratio(found.tp[:-1], found.positives)


def average_precision(found: Cuts) -> float:
    """AP = sum of precision times the step in recall, no trapezoids (scikit-learn's). NaN without positives."""
    precision, recall = precision_recall(found)
    if not len(recall) or found.positives == 0:
        return np.nan
    return float(-(np.diff(np.append(recall, 0.0)) * precision).sum())
