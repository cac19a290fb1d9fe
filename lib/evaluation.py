"""What is read off a finished training, once, on the test split: matrices, recalls, metrics, and the closed form.

Decisions are fitted on validation scores and applied to the split that is read.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lib.data import Split
from lib.decisions import DECISIONS, Rule
from lib.metrics import (
    LABEL_METRICS,
    METRICS,
    SERIES_METRICS,
    Evidence,
    Series,
    confusion_matrices,
    measure,
    metrics_of,
    precision,
    recall,
    t_interval,
)
from lib.models import layers
from lib.snapshot import At, Snapshot, TrainedModel
from lib.tasks import READINGS
from lib.theory import linear_recall
from lib.training import decide

Array = NDArray[np.float64]

MAX_PLANE_CLASSES, MAX_SPACE_CLASSES = 20, 6  # a closed form takes 0.1 s up to here, in two dimensions and in more


@dataclass(frozen=True, eq=False)
class RunResult:
    """One run on one split. Of a run that diverged everything is NaN, and its matrix counts nothing."""

    confusion: NDArray[np.int64]  # [C, C] [true][predicted]; of several labels [L, 2, 2]; of a sequence [2, 2], steps
    recall: Array  # [C], NaN for a class without rows; of several labels [L], of their yes
    precision: Array  # [C], NaN for a class that is never predicted; of several labels [L], of their yes
    metrics: Mapping[str, float]  # by key, those of the task
    closed_form_recall: Array | None  # [C], exact recall of a linear model's rule; None where no closed form exists
    diverged: bool = False


@dataclass(frozen=True)
class Estimate:
    """Mean over the seeds that gave a number, their t interval (training noise; None below two), and how many they are."""

    mean: float
    interval: tuple[float, float] | None
    seeds: int


@dataclass(frozen=True, eq=False)
class Summary:
    """A strategy over its seeds."""

    metrics: Mapping[str, Estimate]
    recall: tuple[Estimate, ...]  # [C]
    precision: tuple[Estimate, ...]  # [C]


def evaluate(snapshot: Snapshot, split: str = "test") -> Mapping[At, RunResult]:
    """Every run of a training, read on one split."""
    return dict(evaluations(snapshot, split))


def evaluations(
    snapshot: Snapshot, split: str = "test", known: Mapping[At, RunResult] = MappingProxyType({})
) -> Iterator[tuple[At, RunResult]]:
    """As `evaluate`, run by run, so that whoever drives it can stop in between. What is `known` is not read again."""
    for run in snapshot.runs:
        if run.at in known:
            yield run.at, known[run.at]
        else:
            yield run.at, _failed(snapshot) if run.at in snapshot.diverged else _read(snapshot, snapshot.models[run.at], split)


def summarise(results: Iterable[RunResult]) -> Summary:
    """Means and intervals over the seeds of one strategy. Raises ValueError without any result."""
    seeds = list(results)
    if not seeds:
        raise ValueError("A summary needs the result of at least one seed, got none. Train first.")
    return Summary(
        metrics={key: estimate([result.metrics[key] for result in seeds]) for key in seeds[0].metrics},
        recall=tuple(estimate(column) for column in np.array([result.recall for result in seeds]).T),
        precision=tuple(estimate(column) for column in np.array([result.precision for result in seeds]).T),
    )


def estimate(values: Sequence[float] | Array) -> Estimate:
    """Mean and t interval of the finite ones among the values of several seeds."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    return Estimate(float(finite.mean()) if len(finite) else math.nan, t_interval(finite), len(finite))


def paired_differences(strategies: Sequence[Sequence[RunResult]], baseline: int) -> list[Mapping[str, Estimate]]:
    """By how much each metric of each strategy exceeds the baseline's: mean over the paired seeds, and their t interval.

    `strategies` holds the results of each one's seeds, in the same order of seeds.
    """
    return [
        {
            key: estimate(
                [one.metrics[key] - other.metrics[key] for one, other in zip(seeds, strategies[baseline], strict=True)]
            )
            for key in seeds[0].metrics
        }
        for seeds in strategies
    ]


def clear_best(strategies: Sequence[Sequence[RunResult]], key: str) -> int | None:
    """The strategy that is best in a metric beyond training noise; None where that cannot be said.

    `strategies` holds the results of each one's seeds, in the same order of seeds.
    """
    better = {**METRICS, **LABEL_METRICS, **SERIES_METRICS}[key].better
    return clear_winner(np.array([[result.metrics[key] for result in seeds] for seeds in strategies]), better)


def clear_winner(values: Array, better: str) -> int | None:
    """Of S strategies, the one whose values [S, R] are best beyond training noise; None where that cannot be said.

    Seeds are paired over strategies: the best one must differ from each other one, with a t interval of the differences
    that leaves out 0.
    """
    if better == "reference" or values.shape[1] < 2 or not np.isfinite(values).all():
        return None
    values = values if better == "higher" else -values
    best = int(values.mean(1).argmax())
    for other in set(range(len(values))) - {best}:
        interval = t_interval(values[best] - values[other])
        if interval is None or interval[0] <= 0:
            return None
    return best


def probabilities(model: TrainedModel, scores: Tensor, rule: Rule) -> Array | None:
    """Class probabilities [..., N, C] of class scores, float64; None where scores are no probabilities.

    A decision that corrects probabilities (undo) is applied to them; one that moves a threshold is not.
    """
    if model.run.loss.link == "none":
        return None
    shown = scores.double()
    if DECISIONS[model.run.strategy.decision].recalibrates:
        shown = shown + rule.offset.unsqueeze(-2)
    return shown.transpose(-1, -2).contiguous().softmax(-2).transpose(-1, -2).numpy()  # few long rows: six times as fast


def _read(snapshot: Snapshot, model: TrainedModel, split: str) -> RunResult:
    dataset = model.run.dataset
    part, reading = dataset.splits[split], READINGS[dataset.task]
    fitted, scores = model.scores(dataset.validation.x, dataset.validation.mask), model.scores(part.x, part.mask).contiguous()
    if not (torch.isfinite(fitted).all() and torch.isfinite(scores).all()):
        return _failed(snapshot)
    rule = decide(model.run, model.epoch, fitted, reading.targets(dataset.validation))
    y_true, y_pred = reading.targets(part), rule(scores)
    counts = confusion_matrices(y_true, y_pred[None], scores.shape[-1])[0].numpy()
    evidence = Evidence(
        counts.astype(float), y_true.numpy(), probabilities(model, scores, rule), y_pred.numpy(), series_of(part, y_pred)
    )
    return RunResult(
        counts, reading.groups(recall(evidence.confusion)), reading.groups(precision(evidence.confusion)),
        measure(evidence, dataset.task), _closed_form(model, rule),
    )  # fmt: skip


def series_of(part: Split, y_pred: Tensor) -> Series | None:
    """What was said at each step [N, T], of the steps that count, end to end [M]; None where rows are no series."""
    if part.y.ndim != 2 or part.mask is None:
        return None
    said = torch.zeros_like(part.mask)
    said[part.mask] = y_pred > 0
    return Series(part.y.numpy() > 0, said.numpy(), part.mask.numpy())


def _failed(snapshot: Snapshot) -> RunResult:
    shape = tuple(snapshot.dataset.class_counts().shape)
    nothing = np.full(len(snapshot.dataset.class_names), np.nan)
    empty = np.zeros((*shape, shape[-1]), dtype=np.int64)
    return RunResult(empty, nothing, nothing, dict.fromkeys(metrics_of(snapshot.dataset.task), math.nan), None, diverged=True)


def _closed_form(model: TrainedModel, rule: Rule) -> Array | None:
    """Exact recalls [C] of what was learned, where classes are unit Gaussians and the model is linear."""
    dataset = model.run.dataset
    if dataset.means is None or dataset.shift is not None or len(model.widths) != 2 or model.run.loss.head != "linear":
        return None
    classes, dimensions = dataset.means.shape
    if classes > (MAX_PLANE_CLASSES if dimensions <= 2 else MAX_SPACE_CLASSES):
        return None
    weight, bias = (part[0].double() for part in layers(model.widths)[0].views(model.parameters[None]))
    if model.run.loss.scores == "one":  # one logit z stands for the two scores (0, z)
        weight, bias = (torch.cat([torch.zeros_like(part), part]) for part in (weight, bias))
    return linear_recall(weight.numpy(), (bias + rule.offset).numpy(), dataset.means.double().numpy())
