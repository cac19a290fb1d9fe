"""The models of a dial on a dataset: exact linear ones, or trained ones of any kind, read on one split."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lib.data import Dataset
from lib.dial import exact
from lib.dial.path import NoOptimumError, Path, dial_weights, weight_path
from lib.dial.reading import Reading, read
from lib.dial.trained import log_odds
from lib.snapshot import Snapshot
from lib.stack import standardise

Array = NDArray[np.float64]

FALLBACK_L2 = 1.0  # where there is no optimum without: scikit-learn's default, C = 1
MOST_READ = 200_000  # rows that are read: decisions of all weights on them take 50 MB
WORK = 100_000_000  # rows x (features + 1)^2 of one fit: a few seconds for all weights


@dataclass(frozen=True, eq=False)
class Dial:
    """The models of all weights and what was read off them.

    `score(i, x)` and `plain(x)` give the log odds [N] of the class for raw features x [N, D]. `exact_gap` [W] and
    `exact_recall` [W] are closed forms on what was learned, where theory has them. `notices` are sentences for the visitor.
    """

    score: Callable[[int, Tensor], Array]
    plain: Callable[[Tensor], Array]
    reading: Reading
    exact_gap: Array | None = None
    exact_recall: Array | None = None
    notices: tuple[str, ...] = ()


def balanced(dataset: Dataset, positive: int) -> float:
    """The weight that gives the class as much mass as all others together."""
    counts = dataset.class_counts()
    own = float(counts[positive])
    return (float(counts.sum()) - own) / own if own else 1.0


def linear_dial(dataset: Dataset, positive: int, l2: float = 0.0, *, split: str = "validation", clean: bool = True) -> Dial:
    """The exact optimum of every weight. Without one, and no L2 given, the path with L2 = FALLBACK_L2, and a notice.

    `clean`: whether the labels are those of the recipe, so that its closed forms hold. Raises ValueError as weight_path does.
    """
    rows = _thinned(dataset.train.y, WORK // (dataset.features + 1) ** 2)
    x = standardise(dataset, dataset.train.x[rows].double())
    y = (dataset.train.y[rows] == positive).long()
    own = None if dataset.train.sample_weight is None else dataset.train.sample_weight[rows]
    weights = dial_weights(balanced(dataset, positive))
    notices = _of_many("Fitted", len(rows), len(dataset.train), "training")
    try:
        path = weight_path(x, y, weights, l2, own)
    except NoOptimumError:
        if l2:
            raise
        path = weight_path(x, y, weights, FALLBACK_L2, own)
        notices.append(
            "The features separate the classes (or nearly so): without a penalty the coefficients grow for ever, and there is "
            f"no best line to show. This is the path with L2 = {FALLBACK_L2:g}, scikit-learn's default."
        )
    if path.constant:
        notices.append(f"Left out, because they never change in training: {_names(dataset, path.constant)}.")
    gap, recall = _exact(dataset, path, positive) if clean and dataset.means is not None else (None, None)

    def score(at: int, raw: Tensor) -> Array:
        return path.scores(standardise(dataset, raw.double()), at).numpy()

    def plain(raw: Tensor) -> Array:
        return path.plain_scores(standardise(dataset, raw.double())).numpy()

    reading, told = _read(dataset, positive, split, weights.numpy(), score, plain)
    return Dial(score, plain, reading, gap, recall, (*notices, *told))


def trained_dial(snapshot: Snapshot, positive: int, weights: Tensor, *, split: str = "validation") -> Dial:
    """The dial of a finished training of lib/dial/trained.py; weights [W] are those of its strategies.

    Raises ValueError when the model of weight 1 is not among those that stayed finite.
    """
    sound = [s for s in range(len(weights)) if (s, 0) not in snapshot.diverged]
    kept = weights[sound]
    if not (kept == 1).any():
        raise ValueError(
            "Expected a plain model beside the weighted ones; its training diverged. Take a smaller learning rate."
        )
    models = [snapshot.models[s, 0] for s in sound]
    one = int((kept == 1).nonzero()[0])

    def score(at: int, raw: Tensor) -> Array:
        return log_odds(models[at], raw, positive).numpy()

    def plain(raw: Tensor) -> Array:
        return score(one, raw)

    reading, told = _read(snapshot.dataset, positive, split, kept.numpy(), score, plain)
    return Dial(score, plain, reading, notices=tuple(told))


def equal_errors(dial: Dial, dataset: Dataset, positive: int) -> tuple[int, bool]:
    """The position at which both sides are missed equally often, and whether the Bayes rule says so or the rows do."""
    weights = dial.reading.weights
    if dial.exact_gap is not None and dataset.means is not None and len(dataset.class_names) == 2:
        best = exact.equal_errors(dataset.means.double().numpy(), _shares(dataset), positive)
        return int(np.abs(np.log(weights / best)).argmin()), True
    points = dial.reading.weighted
    return int(np.abs(np.nan_to_num(points.recall - (1 - points.false_alarms), nan=2.0)).argmin()), False


def _read(
    dataset: Dataset, positive: int, split: str, weights: Array, score: Callable[[int, Tensor], Array],
    plain: Callable[[Tensor], Array],
) -> tuple[Reading, list[str]]:  # fmt: skip
    part = dataset.splits[split]
    rows = _thinned(part.y, MOST_READ)
    x, y = part.x[rows], (part.y[rows] == positive).numpy()
    return read(weights, lambda at: score(at, x), plain(x), y), _of_many("Read", len(rows), len(part), split)


def _of_many(done: str, rows: int, of: int, split: str) -> list[str]:
    return [f"{done} on {rows} of {of} {split} rows, evenly spaced within each class."] if rows < of else []


def _exact(dataset: Dataset, path: Path, positive: int) -> tuple[Array, Array]:
    assert dataset.means is not None
    truth = (dataset.means.double().numpy(), _shares(dataset), positive)
    coef, intercept = path.coef.numpy(), path.intercept.numpy()
    return exact.gap(coef, intercept, path.plain_coef.numpy(), *truth), exact.rates(coef, intercept, *truth)[0]


def _shares(dataset: Dataset) -> Array:
    counts = dataset.class_counts()
    return (counts / counts.sum()).numpy()


def _thinned(y: Tensor, most: int) -> Tensor:
    """Row numbers of all rows or, of too many, of evenly spaced ones within each class, in proportion."""
    if len(y) <= most:
        return torch.arange(len(y))
    chosen = []
    for c in y.unique():
        own = torch.nonzero(y == c).flatten()
        wanted = min(len(own), max(round(most * len(own) / len(y)), 1))
        chosen.append(own[torch.linspace(0, len(own) - 1, wanted, dtype=torch.float64).long()])
    return torch.cat(chosen)


def _names(dataset: Dataset, features: tuple[int, ...], most: int = 6) -> str:
    names = [dataset.feature_names[f] if dataset.feature_names else f"x{f + 1}" for f in features]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
