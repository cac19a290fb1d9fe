"""Samplers: the rows of each epoch, per run.

A sampler draws passes; a run reads its passes as one stream and takes N rows of it per epoch, so that every strategy takes
ceil(N/B) batches per epoch whatever its sampler. Generators are consumed exactly as torch's DataLoader consumes its own,
so that a plain script sees the same batches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lib.data import Task
from lib.registry import Param, Params, Registry


@dataclass(frozen=True, eq=False)
class Strata:
    """The class of each row [N] int64; counted and sorted once, because a pass may be far shorter than the table."""

    classes: Tensor

    def __len__(self) -> int:
        return len(self.classes)

    @cached_property
    def counts(self) -> Tensor:
        return torch.bincount(self.classes)

    @cached_property
    def rows(self) -> tuple[Tensor, ...]:
        """Row indices of each class, ascending."""
        return self.classes.argsort(stable=True).split(self.counts.tolist())


@dataclass(frozen=True)
class Sampler:
    """`function(strata, generator, **params) -> row indices of one pass`.

    `seen_counts(counts, params)` [C]: class counts in the proportions that the model sees.
    """

    key: str
    label: str
    summary: str
    formula: str
    source: str
    code: str
    function: Callable[..., Tensor]
    seen_counts: Callable[[Tensor, Mapping[str, Any]], Tensor]
    params: tuple[Param, ...] = ()


SAMPLERS: Registry[Sampler] = Registry("sampler")


def sampler(**fields: Any) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Decorator: register the function below as a sampler with these fields."""

    def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        SAMPLERS.add(Sampler(function=function, **fields))
        return function

    return register


RATIO = Param("ratio", "r", 1.0, 0.001, 1.0, 0.05, help="Rows of a rare class to those of the most frequent one, afterwards.")


@sampler(
    key="shuffle",
    label="Shuffle",
    summary="Every row once per epoch, in a new order.",
    formula=r"\pi'_c = \pi_c",
    source="PyTorch, RandomSampler",
    code="sampler = RandomSampler(dataset, generator=generator)",
    seen_counts=lambda counts, params: counts,
)
def shuffle(strata: Strata, generator: torch.Generator) -> Tensor:
    rows = torch.randperm(len(strata), generator=generator)
    # RandomSampler draws a second permutation, of which it uses no row: keep step with it.
    torch.randperm(len(strata), generator=generator)
    return rows


@sampler(
    key="weighted_random",
    label="Weighted random",
    summary="Rows drawn with replacement, rare classes more often. Expects the same as weights, with more noise.",
    formula=r"P(\text{row } i) \propto n_{y_i}^{-a},\quad \pi'_c \propto n_c^{1-a}",
    source="PyTorch, WeightedRandomSampler",
    params=(Param("power", "a", 1.0, 0.0, 2.0, 0.05, help="1: every class equally often. 0: as in the data."),),
    code="sampler = WeightedRandomSampler((counts ** -{power})[targets], len(targets), generator=generator)",
    seen_counts=lambda counts, params: torch.where(counts > 0, counts ** (1 - params["power"]), 0.0),
)
def weighted_random(strata: Strata, generator: torch.Generator, *, power: float) -> Tensor:
    row_weight = (strata.counts.double() ** -power)[strata.classes]
    return torch.multinomial(row_weight, len(strata), replacement=True, generator=generator)


@sampler(
    key="oversample",
    label="Oversample",
    summary="Every row, and rows of rare classes again until they are as many as asked.",
    formula=r"n'_c = \max(n_c,\; r \max_k n_k)",
    source="imbalanced-learn, RandomOverSampler",
    params=(RATIO,),
    code="classes = [torch.nonzero(targets == c).flatten() for c in range(len(counts))]\n"
    "short = [max(int({ratio} * counts.max()) - len(own), 0) for own in classes]\n"
    "extra = [own[torch.randint(len(own), (n,), generator=generator)] for own, n in zip(classes, short) if n]\n"
    "sampler = SubsetRandomSampler(torch.cat([torch.arange(len(targets)), *extra]), generator=generator)",
    seen_counts=lambda counts, params: torch.where(counts > 0, counts.maximum(params["ratio"] * counts.max()), 0.0),
)
def oversample(strata: Strata, generator: torch.Generator, *, ratio: float) -> Tensor:
    wanted = int(ratio * int(strata.counts.max()))
    drawn = [torch.arange(len(strata))]
    for own in strata.rows:
        if 0 < len(own) < wanted:
            drawn.append(own[torch.randint(len(own), (wanted - len(own),), generator=generator)])
    rows = torch.cat(drawn)
    return rows[torch.randperm(len(rows), generator=generator)]


@sampler(
    key="undersample",
    label="Undersample",
    summary="As many rows of frequent classes as asked, drawn anew at each pass.",
    formula=r"n'_c = \min(n_c,\; \min_k n_k / r)",
    source="imbalanced-learn, RandomUnderSampler",
    params=(RATIO,),
    code="classes = [torch.nonzero(targets == c).flatten() for c in range(len(counts))]\n"
    "allowed = int(counts[counts > 0].min() / {ratio})\n"
    "kept = [own[torch.randperm(len(own), generator=generator)[:allowed]] for own in classes]\n"
    "sampler = SubsetRandomSampler(torch.cat(kept), generator=generator)  # build it anew for each epoch",
    seen_counts=lambda counts, params: counts.minimum(counts[counts > 0].min() / params["ratio"]),
)
def undersample(strata: Strata, generator: torch.Generator, *, ratio: float) -> Tensor:
    allowed = int(int(strata.counts[strata.counts > 0].min()) / ratio)
    rows = torch.cat([own[some_of(len(own), allowed, generator)] for own in strata.rows])
    return rows[torch.randperm(len(rows), generator=generator)]


def some_of(n: int, wanted: int, generator: torch.Generator) -> Tensor:
    """`wanted` different numbers below n (all n, if that is fewer), at a cost that follows `wanted`, not n."""
    if 4 * wanted > n:
        return torch.randperm(n, generator=generator)[:wanted]
    found = torch.empty(0, dtype=torch.int64)
    while len(found) < wanted:  # a number that is there already is drawn again
        found = torch.cat([found, torch.randint(n, (wanted - len(found),), generator=generator)]).unique()
    return found


def strata(y: Tensor, task: Task, mask: Tensor | None = None) -> Tensor:
    """The class by which a row is sampled: its class; for several questions or steps, whether any that counts is a yes."""
    if y.ndim == 1:
        return y
    return ((y > 0) if mask is None else (y > 0) & mask).any(dim=1).long()


class RowStream:
    """The endless rows of one run: call `epoch()` for the next N of them.

    The generator belongs to the stream and is seeded with the run's seed: runs of one seed with the same sampler see the
    same rows in the same order.
    """

    def __init__(self, key: str, params: Params, row_classes: Tensor, seed: int) -> None:
        self._draw = SAMPLERS[key].function
        self._params = params
        self._strata = Strata(row_classes)
        self._generator = torch.Generator().manual_seed(seed)
        self._left = torch.empty(0, dtype=torch.int64)

    def epoch(self) -> Tensor:
        """Row indices [N] of the next epoch."""
        torch.empty((), dtype=torch.int64).random_(generator=self._generator)  # DataLoader's seed for its workers
        parts, have = [self._left], len(self._left)
        while have < len(self._strata):
            parts.append(self._draw(self._strata, self._generator, **self._params))
            have += len(parts[-1])
        stream = torch.cat(parts)
        self._left = stream[len(self._strata) :].clone()  # a view would keep the whole stream in memory
        return stream[: len(self._strata)]
