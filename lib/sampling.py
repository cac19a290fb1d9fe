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

from lib.data import TASKS, Task
from lib.registry import Param, Params, Registry, brief


@dataclass(frozen=True, eq=False)
class Strata:
    """The class of each row [N] int64; counted and sorted once, because a pass may be far shorter than the table.

    `names` of the classes are for messages.
    """

    classes: Tensor
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.classes)

    @cached_property
    def counts(self) -> Tensor:
        return torch.bincount(self.classes)

    @cached_property
    def rows(self) -> tuple[Tensor, ...]:
        """Row indices of each class, ascending."""
        return self.classes.argsort(stable=True).split(self.counts.tolist())


@dataclass(frozen=True, eq=False)
class Synthetic:
    """M new rows on the segments between two rows of a class: (1 - step) `start` + step `end`; [M] each."""

    start: Tensor
    end: Tensor
    step: Tensor

    def __len__(self) -> int:
        return len(self.start)

    def between(self, values: Tensor) -> Tensor:
        """The new rows [M, ...] of values [N, ...]."""
        step = self.step.to(values.dtype).view(-1, *[1] * (values.ndim - 1))
        return values[self.start] + step * (values[self.end] - values[self.start])


@dataclass(frozen=True)
class Sampler:
    """`function(strata, generator, **params) -> row indices of one pass`.

    `seen_counts(counts, params)` [C]: class counts in the proportions that the model sees. A sampler that makes rows does so
    once per run, from training rows alone: `synthesise(x, strata, generator, **params)`; in a pass they stand behind the
    rows of the table, from index N on.
    `seen_code` says the same of `{counts}`, all positive, as an expression (up to a factor).
    `code` defines `sampler`, one pass as torch's DataLoader takes it, with `dataset`, `targets` [N], `counts` [C] float64 and
    `generator` given; `whole_passes`: a pass has N rows.
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
    tasks: tuple[Task, ...] = TASKS
    synthesise: Callable[..., Synthetic] | None = None
    whole_passes: bool = True
    seen_code: str = "{counts}"


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
    params=(
        Param(
            "power",
            "a",
            1.0,
            0.0,
            2.0,
            0.05,
            help="How much more often rare classes are drawn. 1: every class equally often. 0: as in the data.",
        ),
    ),
    code="sampler = WeightedRandomSampler((counts ** -{power})[targets], len(targets), generator=generator)",
    seen_counts=lambda counts, params: torch.where(counts > 0, counts ** (1 - params["power"]), 0.0),
    seen_code="{counts} ** (1 - {power})",
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
    "extra = [own[torch.randint(len(own), (n,), generator=generator)] for own, n in zip(classes, short) if n and len(own)]\n"
    "sampler = SubsetRandomSampler(torch.cat([torch.arange(len(targets)), *extra]), generator=generator)",
    whole_passes=False,
    seen_counts=lambda counts, params: torch.where(counts > 0, counts.maximum(params["ratio"] * counts.max()), 0.0),
    seen_code="{counts}.maximum({ratio} * {counts}.max())",
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
    "kept = [own[some_of(len(own), allowed, generator)] for own in classes]  # others in each pass\n"
    "sampler = SubsetRandomSampler(torch.cat(kept), generator=generator)",
    whole_passes=False,
    seen_counts=lambda counts, params: counts.minimum(counts[counts > 0].min() / params["ratio"]),
    seen_code="{counts}.minimum({counts}.min() / {ratio})",
)
def undersample(strata: Strata, generator: torch.Generator, *, ratio: float) -> Tensor:
    allowed = int(int(strata.counts[strata.counts > 0].min()) / ratio)
    rows = torch.cat([own[some_of(len(own), allowed, generator)] for own in strata.rows])
    return rows[torch.randperm(len(rows), generator=generator)]


def short_of(counts: Tensor, ratio: float) -> Tensor:
    """How many rows each class lacks [C] to be `ratio` times as many as the most frequent one; 0 for a class without rows."""
    wanted = int(ratio * int(counts.max()))
    return torch.where(counts > 0, (wanted - counts).clamp(min=0), 0)


def neighbour_rows(x: Tensor, strata: Strata, generator: torch.Generator, *, ratio: float, k_neighbors: int) -> Synthetic:
    """SMOTE's rows: a random row of the class, one of its nearest in the class, a random place between; class by class.

    Of a class with too few rows for `k_neighbors`, all the others are neighbours (imbalanced-learn refuses it). Raises
    ValueError for a class with a single row.
    """
    from sklearn.neighbors import NearestNeighbors

    starts, ends = [torch.empty(0, dtype=torch.int64)], [torch.empty(0, dtype=torch.int64)]
    for c, (own, missing) in enumerate(zip(strata.rows, short_of(strata.counts, ratio).tolist(), strict=True)):
        if not missing:
            continue
        if len(own) < 2:
            name = brief(strata.names[c]) if strata.names else str(c)
            raise ValueError(
                f"SMOTE draws new rows between two rows of a class, and class {name} has {len(own)} training row. "
                "Add rows of it, lower the ratio, or take the sampler oversample."
            )
        near = min(k_neighbors, len(own) - 1)
        points = x[own].numpy()
        _, found = NearestNeighbors(n_neighbors=near + 1).fit(points).kneighbors(points)
        pick = torch.randint(len(own) * near, (missing,), generator=generator)
        starts.append(own[pick // near])
        ends.append(own[torch.from_numpy(found[:, 1:])[pick // near, pick % near]])  # the first is the row itself
    start = torch.cat(starts)
    return Synthetic(start, torch.cat(ends), torch.rand(len(start), generator=generator, dtype=torch.float64))


@sampler(
    key="smote",
    label="SMOTE",
    summary="Every row, and new rows of rare classes on the lines between neighbours, made once from the training rows as the "
    "model sees them. 0/1 columns take values between.",
    formula=r"x' = x_i + \lambda\,(x_j - x_i),\quad j \in \mathrm{kNN}(i),\; \lambda \sim U(0,1),\quad"
    r" n'_c = \max(n_c,\; r \max_k n_k)",
    source="Chawla et al. 2002 (arXiv 1106.1813); imbalanced-learn, SMOTE",
    params=(RATIO, Param("k_neighbors", "k", 5, 1, 100, 1, help="Nearest rows of the class to draw towards.")),
    tasks=("binary", "multiclass"),
    synthesise=neighbour_rows,
    code="for c, n in enumerate((int({ratio} * counts.max()) - counts.long()).clamp(min=0).tolist()):\n"
    "    own = x[targets == c]  # training rows only, once, before the first epoch\n"
    "    if n and len(own):\n"
    "        near = torch.cdist(own, own).fill_diagonal_(torch.inf).argsort(1)[:, : min({k_neighbors}, len(own) - 1)]\n"
    "        i = torch.randint(len(own), (n,), generator=generator)\n"
    "        j = near[i, torch.randint(near.shape[1], (n,), generator=generator)]\n"
    "        between = own[i] + torch.rand(n, 1, generator=generator) * (own[j] - own[i])\n"
    "        x, targets = torch.cat([x, between]), torch.cat([targets, torch.full((n,), c)])\n"
    "dataset = TensorDataset(x, targets)\n"
    "sampler = RandomSampler(dataset, generator=generator)",
    seen_counts=lambda counts, params: torch.where(counts > 0, counts.maximum(params["ratio"] * counts.max()), 0.0),
    seen_code="{counts}.maximum({ratio} * {counts}.max())",
)
def smote(strata: Strata, generator: torch.Generator, *, ratio: float, k_neighbors: int) -> Tensor:
    """All rows, old and new, in a new order; `k_neighbors` shapes the new ones, not their number."""
    return torch.randperm(len(strata) + int(short_of(strata.counts, ratio).sum()), generator=generator)


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
    """The endless rows of one run: call `epoch()` for the next N of them (numbers from N on are synthetic rows).

    The generator belongs to the stream and is seeded with the run's seed: runs of one seed with the same sampler see the
    same rows in the same order.
    """

    def __init__(self, key: str, params: Params, strata: Strata, seed: int) -> None:
        self._draw = SAMPLERS[key].function
        self._params = params
        self._strata = strata
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
