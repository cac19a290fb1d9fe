"""The scores of a snapshot as yes/no questions: one class against the rest, as trained or with the weights undone.

A score is the log odds of the class, log p / (1 - p). For two classes undoing weights subtracts one number from it; for more
it is subtracted class by class before the odds are taken.
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
from lib.training import Snapshot, TrainedModel, decide

Array = NDArray[np.float64]
TASKS = ("binary", "multiclass")
LARGEST = 700.0  # log odds: exp of it is still a number


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
    """One run read on validation (and, once training is over, on test)."""

    index: int  # of the strategy: its letter and colour
    name: str
    model: TrainedModel
    dataset: Dataset
    shift: Array  # [C] what weights, sampler and loss put on the log odds
    rule: Rule  # the strategy's own decision
    calibrated: bool  # its scores are log odds at all (a margin's are not)
    reads: tuple[str, ...]  # the splits that may be looked at

    @cached_property
    def scores(self) -> Mapping[str, Tensor]:
        """Class scores [N, C] as trained, float64."""
        return {split: self.model.scores(self.dataset.splits[split].x).double() for split in self.reads}

    def sample(self, split: str, positive: int, *, undone: bool) -> Sample:
        """A split as the question: is it class `positive`?"""
        scores = self.undo(self.scores[split]) if undone else self.scores[split]
        y = self.dataset.splits[split].y
        return Sample((y == positive).long().numpy(), log_odds(scores, positive))

    def undo(self, scores: Tensor) -> Tensor:
        """Class scores with the loss's own map (focal) and then the weights taken off: log posterior, up to a constant."""
        loss = self.model.run.loss
        mapped = scores if loss.posterior is None else loss.posterior(scores, self.model.run.strategy.loss_params)
        return mapped - torch.as_tensor(self.shift)

    @property
    def moved(self) -> bool:
        """Whether undoing changes anything."""
        return bool(np.ptp(self.shift) > 1e-9) or (
            self.model.run.loss.posterior is not None and self.model.run.strategy.loss_params.get("gamma", 0) != 0
        )

    @property
    def weight(self) -> float:
        """w = w1 / w0 of a binary run, sampler and loss included: what its odds were multiplied with."""
        return float(np.exp(self.shift[1] - self.shift[0]))

    @property
    def own_threshold(self) -> float | None:
        """The threshold on the log odds as trained at which a binary strategy decides now."""
        offset = self.rule.offset.numpy()
        return float(offset[0] - offset[1]) if len(offset) == 2 else None

    def as_trained(self, threshold: float) -> float:
        """The threshold on the log odds as trained that says what `threshold` says on undone ones (binary; by bisection)."""
        low, high = -LARGEST, LARGEST
        for _ in range(100):
            middle = (low + high) / 2
            undone = log_odds(self.undo(torch.tensor([[0.0, middle]], dtype=torch.float64)), 1)
            low, high = (middle, high) if undone[0] < threshold else (low, middle)
        return (low + high) / 2


def read(snapshot: Snapshot, seed: int = 0, *, test: bool = False) -> list[Scored]:
    """The runs of one seed (its place among the seeds), those that diverged left out.

    `test`: whether the test rows may be read. Raises ValueError before the first epoch, and for tasks that ask several
    questions at a time.
    """
    if snapshot.dataset.task not in TASKS:
        raise ValueError(f"Thresholds are read for {' and '.join(TASKS)} data, got {snapshot.dataset.task}. Choose other data.")
    if snapshot.epoch == 0:
        raise ValueError("Thresholds need scores of at least one epoch, got none yet. Wait for the first epoch, or train.")
    found = []
    for run in snapshot.runs:
        if run.at[1] != seed or run.at in snapshot.diverged:
            continue
        model = snapshot.models[run.at]
        weight = run.weight_in(model.epoch - 1)
        shift = effective_shift(run.class_counts, weight, run.seen_counts, run.loss_shift)
        part = run.dataset.validation
        rule = decide(run, model.epoch, model.scores(part.x), part.y)
        splits = ("validation", "test") if test else ("validation",)
        found.append(
            Scored(run.at[0], run.strategy.name, model, run.dataset, shift.numpy(), rule, run.loss.link != "none", splits)
        )
    return found


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
