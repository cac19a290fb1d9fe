"""A dataset: features, targets, class names, and the split into train, validation and test.

Tensors, so that training copies nothing. A `Dataset` is immutable by convention: nobody writes into its tensors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Task = Literal["binary", "multiclass", "multilabel", "sequence"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "multilabel", "sequence")


@dataclass(frozen=True, eq=False)
class Split:
    """Some rows. x [N, D] float32 (raw, unscaled); y [N] int64, or [N, L] of 0 and 1, int8.

    Of series, a row is one series: x [N, T, D], y [N, T] int8, `mask` [N, T] bool: which steps count. Padding stands at the
    end of a series, holds zeros, and never counts; a step without a label does not count either.
    `sample_weight` [N] is None when every row counts the same. `rows` [N] are row numbers in the visitor's file, 0-based
    (of a series: its first), None for synthesised rows; `step_rows` [N, T] are those of each step, -1 for padding.
    """

    x: Tensor
    y: Tensor
    sample_weight: Tensor | None = None
    mask: Tensor | None = None
    rows: Tensor | None = None
    step_rows: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def decisions(self) -> int:
        """Yes-or-no answers, or choices of one class, that are counted."""
        return self.y.numel() if self.mask is None else int(self.mask.sum())


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits and what a reader of a picture needs to know about them.

    `class_names` are the classes; of `multilabel` the labels, of `sequence` what a step without and with an event is called.
    `shift` and `scale` [D] standardise features, (x - shift) / scale, inside the model; None where features are used as
    they are. `notices` are sentences for the visitor about what was done to the data.
    """

    task: Task
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    feature_names: tuple[str, ...] = ()
    shift: Tensor | None = None
    scale: Tensor | None = None
    notices: tuple[str, ...] = ()
    means: Tensor | None = field(default=None)  # [C, D] of recipes whose classes are unit Gaussians
    all_counts: Tensor | None = field(default=None)  # [C] of all the visitor's rows, where training has a part of them
    first_row: int = 0  # the number of row 0 of `Split.rows` as its owner counts: of a file see lib/data/upload.py, Table
    drawn: tuple[tuple[int, ...], ...] = ()  # rows of each class in each split as a recipe drew them, before label noise

    @property
    def features(self) -> int:
        return self.train.x.shape[-1]

    @property
    def splits(self) -> Mapping[str, Split]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def class_counts(self, split: str = "train") -> Tensor:
        """Rows per class, float64: [C] for binary and multiclass, [2] for sequence steps, [L, 2] for multilabel.

        Of training rows that are a part of a visitor's rows, the counts of all the visitor's rows: weights are made from those.
        """
        if split == "train" and self.all_counts is not None:
            return self.all_counts
        part = self.splits[split]
        return count_classes(part.y, self.task, len(self.class_names), part.mask)

    @cached_property
    def counts_by_stratum(self) -> tuple[Tensor, Tensor]:
        """Class counts of the training rows without any yes, and of those with one; for several questions or steps."""
        part = self.train
        some = ((part.y > 0) if part.mask is None else (part.y > 0) & part.mask).any(dim=1)
        halves = ((part.y[own], None if part.mask is None else part.mask[own]) for own in (~some, some))
        none, any_yes = (count_classes(y, self.task, len(self.class_names), mask) for y, mask in halves)
        return none, any_yes


TRAINING_ROWS = 200_000  # of more, a stratified sample is trained on


def sample_counts(counts: Sequence[int], most: int) -> list[int]:
    """Rows of each class in a stratified sample of about `most` rows: in proportion, and three of a class that has them."""
    return [max(quota, min(count, 3)) for quota, count in zip(apportion(most, counts), counts, strict=True)]


def count_classes(y: Tensor, task: Task, classes: int, mask: Tensor | None = None) -> Tensor:
    """Class counts of targets, float64. Shapes as in `Dataset.class_counts`; masked-out steps do not count."""
    if task in ("binary", "multiclass"):
        return torch.bincount(y, minlength=classes).double()
    counted = torch.ones_like(y, dtype=torch.float64) if mask is None else mask.double()
    dims = (0,) if task == "multilabel" else (0, 1)
    positive = (counted * y).sum(dims)
    return torch.stack([counted.sum(dims) - positive, positive], dim=-1)


DATA_SEEDS = 2**31 + 2**29  # in the upper half, with room above it for 2**29 streams


def called(name: str) -> str:
    """A class as it stands in a sentence: `class 0`, but `fraud`."""
    return f"class {name}" if name[:1].isdigit() or len(name) == 1 else name


def generator(seed: int, stream: int = 0) -> torch.Generator:
    """A generator of its own for each seed of data; `stream` keeps the splits of one seed apart.

    Seeds of data are in the upper half of the 32 bits that torch uses and seeds of runs in the lower half: the noise of the
    rows is never the noise of the initial weights.
    """
    return torch.Generator().manual_seed(DATA_SEEDS + (8 * seed + stream) % 2**29)


def stratified_split(y: Tensor, fractions: Sequence[float], seed: int, *, classes: int | None = None) -> tuple[Tensor, ...]:
    """Row indices of each part, shuffled, every class divided in the same proportions.

    y [N] int64; `fractions` sum to 1. Within a class the largest remainders get the odd rows and, where a class has at
    least as many rows as there are parts, every part gets at least one of them.
    """
    draw = generator(seed, stream=7)
    parts: list[list[Tensor]] = [[] for _ in fractions]
    for label in range(classes if classes is not None else int(y.max()) + 1):
        rows = torch.nonzero(y == label).squeeze(-1)
        rows = rows[torch.randperm(len(rows), generator=draw)]
        sizes = apportion(len(rows), fractions)
        if len(rows) >= len(fractions):
            while 0 in sizes:
                sizes[sizes.index(max(sizes))] -= 1
                sizes[sizes.index(0)] += 1
        for part, piece in zip(parts, rows.split(sizes), strict=True):
            part.append(piece)
    joined = [torch.cat(part) for part in parts]
    return tuple(rows[torch.randperm(len(rows), generator=draw)] for rows in joined)


def stratified_sample(
    codes: NDArray[np.int64], rows: NDArray[np.int64], most: int, seed: int
) -> NDArray[np.int64]:  # fmt: skip
    """About `most` of the rows, each class in proportion, in file order; `codes` are the classes of all frame rows."""
    draw = generator(seed, stream=6)
    counts = np.bincount(codes[rows]).tolist()
    order = rows[torch.randperm(len(rows), generator=draw).numpy()]
    order = order[np.argsort(codes[order], kind="stable")]  # class after class, shuffled within each
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    quotas = sample_counts(counts, most)
    return np.sort(np.concatenate([order[start : start + quota] for start, quota in zip(starts, quotas, strict=True)]))


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers that sum to `total`, in proportion to `shares` (largest remainder; ties to the first)."""
    whole = sum(shares)
    exact = [total * share / whole for share in shares]
    counts = [int(value + 1e-9) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts
