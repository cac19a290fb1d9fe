"""The scores of a snapshot as yes/no questions: one class against the rest, as trained or with the weights undone.

A score is the log odds of the class, log p / (1 - p). For two classes undoing weights subtracts one number from it; for more
it is subtracted class by class before the odds are taken. A label and the steps of series are two classes, no and yes; steps
of one series go together, which intervals have to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lib.data import Dataset
from lib.decisions import Rule, effective_shift
from lib.snapshot import Snapshot, TrainedModel
from lib.tasks import READINGS, series_of_steps
from lib.training import decide

Array = NDArray[np.float64]
LARGEST = 700.0  # log odds: exp of it is still a number
STEPS = 100  # of bisection


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one split and one question: y_true [N] in {0, 1} and the score [N], log odds of yes."""

    y_true: NDArray[np.int64]
    score: Array

    @property
    def positives(self) -> int:
        return int(self.y_true.sum())

    @property
    def negatives(self) -> int:
        return len(self.y_true) - self.positives

    @property
    def prior(self) -> float:
        return self.positives / len(self.y_true) if len(self.y_true) else np.nan


@dataclass(frozen=True, eq=False)
class Scored:
    """One run read on validation (and, once training is over, on test); of several labels, one of them."""

    index: int  # of the strategy: its letter and colour
    name: str
    model: TrainedModel
    dataset: Dataset
    shift: Array  # [C] what weights, sampler and loss put on the log odds
    rule: Rule  # the strategy's own decision, of all labels
    calibrated: bool  # its scores are log odds at all (a margin's are not)
    reads: tuple[str, ...]  # the splits that may be looked at
    label: int | None = None  # of several labels, the one that is asked about

    @cached_property
    def all_scores(self) -> Mapping[str, Tensor]:
        """Class scores as trained, float64, as lib/tasks.py reads them: of several labels [L, N, 2]."""
        parts = {split: self.dataset.splits[split] for split in self.reads}
        return {split: self.model.scores(part.x, part.mask).double() for split, part in parts.items()}

    @property
    def scores(self) -> Mapping[str, Tensor]:
        """Class scores [N, C]."""
        return {split: scores if self.label is None else scores[self.label] for split, scores in self.all_scores.items()}

    def truth(self, split: str) -> NDArray[np.int64]:
        """Classes [N] of the rows, or of the steps that count."""
        if split not in self.reads:
            raise KeyError(split)
        y = READINGS[self.dataset.task].targets(self.dataset.splits[split])
        return (y if self.label is None else y[self.label]).numpy()

    def series(self, split: str) -> NDArray[np.int64] | None:
        """The series [N] that each step is of; None for rows."""
        found = series_of_steps(self.dataset.splits[split], self.dataset.task)
        return None if found is None else found.numpy()

    def sample(self, split: str, positive: int, *, undone: bool) -> Sample:
        """A split as the question: is it class `positive`?"""
        scores = self.undo(self.scores[split]) if undone else self.scores[split]
        return Sample((self.truth(split) == positive).astype(np.int64), log_odds(scores, positive))

    def undo(self, scores: Tensor) -> Tensor:
        """Class scores with the loss's own map (focal) and then the weights taken off: log posterior, up to a constant.

        As they are where no theory says what training put on them: margins, VS, LDAM, asymmetric.
        """
        if not self.understood:
            return scores
        loss = self.model.run.loss
        mapped = scores if loss.posterior is None else loss.posterior(scores, self.model.run.strategy.loss_params)
        return mapped - torch.as_tensor(self.shift)

    @property
    def understood(self) -> bool:
        """Whether theory knows how far weights, sampler and loss move the log odds."""
        return self.calibrated and self.model.run.ordered

    @property
    def mapped(self) -> bool:
        """Whether the loss turns the posterior into another function of it (focal)."""
        run = self.model.run
        return self.understood and run.loss.posterior is not None and run.strategy.loss_params.get("gamma", 0) != 0

    @property
    def weighted(self) -> bool:
        """Whether weights, sampler or loss add something to the log odds, and theory knows what."""
        return self.understood and bool(np.ptp(self.shift) > 1e-6)

    @property
    def moved(self) -> bool:
        """Whether undoing changes anything."""
        return self.weighted or self.mapped

    @property
    def offset(self) -> Tensor:
        """[C] what the strategy's own decision adds to the scores before the largest is taken."""
        return self.rule.offset if self.label is None else self.rule.offset[self.label]

    def classes(self, split: str, offset: Tensor | None = None) -> NDArray[np.int64]:
        """Predicted classes [N] of a split, by the strategy's own decision or by other offsets [C]."""
        return (self.scores[split] + (self.offset if offset is None else offset)).argmax(-1).numpy()

    @property
    def weight(self) -> float:
        """w = w1 / w0 of a binary run, sampler and loss included: what its odds were multiplied with."""
        return float(np.exp(self.shift[1] - self.shift[0]))

    @property
    def own_threshold(self) -> float | None:
        """The threshold on the log odds as trained at which a binary strategy decides now."""
        return float(self.offset[0] - self.offset[1]) if len(self.offset) == 2 else None

    @property
    def label_thresholds(self) -> tuple[float, ...]:
        """The probabilities as trained above which each of several labels is said now; empty for other tasks."""
        offset = self.rule.offset
        return () if self.label is None else tuple((offset[:, 0] - offset[:, 1]).sigmoid().tolist())

    def as_trained(self, threshold: float) -> float:
        """The threshold on the log odds as trained that says what `threshold` says on undone ones (binary; by bisection)."""
        low, high = -LARGEST, LARGEST
        for _ in range(STEPS):
            middle = (low + high) / 2
            undone = log_odds(self.undo(torch.tensor([[0.0, middle]], dtype=torch.float64)), 1)
            low, high = (middle, high) if undone[0] < threshold else (low, middle)
        return (low + high) / 2


def read(snapshot: Snapshot, seed: int = 0, *, test: bool = False, label: int | None = None) -> list[Scored]:
    """The runs of one seed (its place among the seeds), those that diverged left out.

    `test`: whether the test rows may be read. `label`: of several labels, the one that is asked about. Raises ValueError before
    the first epoch, and where there is no such label.
    """
    labels = len(snapshot.dataset.class_names) if snapshot.dataset.task == "multilabel" else 0
    if label not in range(labels) if labels else label is not None:
        raise ValueError(f"Expected {f'a label from 0 to {labels - 1}' if labels else 'no label'}, got {label}.")
    if snapshot.epoch == 0:
        raise ValueError("Thresholds need scores of at least one epoch, got none yet. Wait for the first epoch, or train.")
    runs = [run for run in snapshot.runs if run.at[1] == seed and run.at not in snapshot.diverged]
    return [scored(snapshot.models[run.at], test=test, label=label) for run in runs]


def scored(model: TrainedModel, *, test: bool = False, label: int | None = None) -> Scored:
    """One run, with its own decision fitted on validation."""
    run, part = model.run, model.run.dataset.validation
    shift = effective_shift(run.class_counts, run.weight_in(model.epoch - 1), run.seen_counts, run.loss_shift).numpy()
    rule = decide(run, model.epoch, model.scores(part.x, part.mask), READINGS[run.dataset.task].targets(part))
    return Scored(
        run.at[0], run.strategy.name, model, run.dataset, shift if label is None else shift[label], rule,
        run.loss.link != "none", ("validation", "test") if test else ("validation",), label,
    )  # fmt: skip


def intercept(sample: Sample) -> float:
    """a of logit P(yes) = a + score, slope 1: where mean probability and share of yes agree. NaN without one of the classes."""
    if not (sample.positives and sample.negatives):
        return np.nan
    low, high = -2 * LARGEST, 2 * LARGEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(sample.score + middle).mean() < sample.prior else (low, middle)
    return (low + high) / 2


def log_odds(scores: Tensor, positive: int) -> Array:
    """log p / (1 - p) [N] of one class's probability under softmax of class scores [N, C]."""
    rest = torch.cat([scores[:, :positive], scores[:, positive + 1 :]], dim=1)
    return (scores[:, positive] - rest.logsumexp(1)).clamp(-LARGEST, LARGEST).numpy()


def probability(score: Array | float) -> Array:
    """1 / (1 + exp(-score)) without overflow."""
    return np.asarray(torch.sigmoid(torch.as_tensor(np.asarray(score, dtype=float))).numpy())


def logit(p: Array | float) -> Array:
    """log p / (1 - p); infinite at 0 and 1."""
    share = np.asarray(p, dtype=float)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(share) - np.log1p(-share))
