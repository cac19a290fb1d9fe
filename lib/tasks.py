"""Tasks: how the outputs of a model are read as choices between classes. One record for each task.

Exclusive classes are one choice per row. Several labels are L choices between no and yes; the labels stand in a dimension
of their own, [L, N, 2], so that weights [L, 2] and offsets [L, 2] meet them as those of a class do. A sequence is one choice
per step that counts: its steps are laid end to end, [M, 2], and padding is never looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lib.data import Split, Task
from lib.decisions import class_scores

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """`scores(outputs [K, N, ...], mask, one logit) -> [K, ..., P, C]`, `targets(split) -> [..., P]` int64, for P choices.

    `groups(rates [..., C])` picks what a bar is drawn for: each class, or of labels how often their yes is found.
    `unit` is what is counted, in words, and `decision` one of what a loss is averaged over.
    """

    unit: str
    decision: str
    scores: Callable[[Tensor, Tensor | None, bool], Tensor]
    targets: Callable[[Split], Tensor]
    groups: Callable[[Array], Array]


def _labels(outputs: Tensor, mask: Tensor | None, one: bool) -> Tensor:
    return class_scores(outputs.transpose(-1, -2).unsqueeze(-1), True)


def _steps(outputs: Tensor, mask: Tensor | None, one: bool) -> Tensor:
    laid = outputs.flatten(1) if mask is None else outputs[:, mask]
    return class_scores(laid.unsqueeze(-1), True)


def _step_targets(part: Split) -> Tensor:
    return (part.y.flatten() if part.mask is None else part.y[part.mask]).long()


EXCLUSIVE = Reading(
    "rows", "row", lambda outputs, mask, one: class_scores(outputs, one), lambda part: part.y, lambda rates: rates
)
MULTILABEL = Reading("rows", "answer", _labels, lambda part: part.y.T.long(), lambda rates: rates[..., 1])
SEQUENCE = Reading("steps", "step", _steps, _step_targets, lambda rates: rates)
READINGS: dict[Task, Reading] = {
    "binary": EXCLUSIVE, "multiclass": EXCLUSIVE, "multilabel": MULTILABEL, "sequence": SEQUENCE,
}  # fmt: skip


def series_of_steps(part: Split, task: Task) -> Tensor | None:
    """The series that each step is of, [P] beside `targets`; None where rows are no series. Steps of one go together."""
    if task != "sequence":
        return None
    counted = torch.ones_like(part.y, dtype=torch.bool) if part.mask is None else part.mask
    return counted.nonzero()[:, 0]


def behind(counts: Tensor, task: Task) -> Tensor:
    """How many rows or steps stand behind each bar: class counts, of labels the rows with a yes."""
    return counts[..., 1] if task == "multilabel" else counts
