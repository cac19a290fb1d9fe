"""Which class the training listens to: each class's share of the loss as it is optimised, and of its gradient.

Share of the loss: the sum of weight x term over what training sees of a class, by that sum over all classes. Share of the
gradient: the same with the length of d(weight x term) / d(logits) in place of weight x term (`gradient norm` in Li et al. 2019,
arXiv 1811.05181). What a loss is divided by is the same for all classes, and left out.

Measured at the end of an epoch, with that epoch's weights, on some of the training rows, evenly spaced within each class; each
stands for as many rows as the sampler shows of its class. Rows that a sampler makes are stood for by those of their class.
Where an epoch has few batches, only every second, third, ... epoch is measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lib.data import Dataset
from lib.experiment import Training
from lib.losses import coefficients, counted
from lib.sampling import SAMPLERS, strata
from lib.stack import Group, Run, group_of, neighbours
from lib.weighting import element_weight

FEWEST, MOST, PART = 128, 512, 16  # rows that are looked at: one in `PART` of the training rows, within these bounds
BATCHES = 32  # that lie between two looks: one costs about as much as a batch, so that this takes a few percent of a training


def wants(epoch: int, epochs: int, batches: int) -> bool:
    """Whether an epoch (from 0) of so many batches is measured: the first, the last, and some between."""
    return epoch % -(-BATCHES // batches) == 0 or epoch == epochs - 1


@dataclass(frozen=True, eq=False)
class Sample:
    """M training rows of a dataset, shaped as in `Split`; `stratum` [M], and the rows of each stratum, there and taken [G]."""

    dataset: Dataset
    x: Tensor
    y: Tensor
    mask: Tensor | None
    sample_weight: Tensor | None
    stratum: Tensor
    there: Tensor
    taken: Tensor

    def stands_for(self, run: Run) -> Tensor:
        """For how many rows of what a run's sampler shows each row stands, [M]."""
        seen = SAMPLERS[run.strategy.sampler].seen_counts(self.there, run.strategy.sampler_params)
        return (seen / self.taken.clamp(min=1))[self.stratum]


def sample_of(dataset: Dataset) -> Sample:
    """Rows evenly spaced within each class; for several questions or steps, within the rows with and without a yes."""
    part = dataset.train
    kinds = strata(part.y, dataset.task, part.mask)
    there = torch.bincount(kinds)
    most = min(max(len(part) // PART, FEWEST), MOST)
    quota = len(part) if len(part) <= most else -(-most // int((there > 0).sum()))
    taken = there.clamp(max=quota)
    by_kind = kinds.argsort(stable=True).split(there.tolist())
    rows = torch.cat([own[torch.arange(n) * len(own) // max(n, 1)] for own, n in zip(by_kind, taken.tolist(), strict=True)])
    mask, weight = (None if of_rows is None else of_rows[rows] for of_rows in (part.mask, part.sample_weight))
    return Sample(dataset, part.x[rows], part.y[rows], mask, weight, kinds[rows], there.double(), taken.double())


@dataclass(frozen=True, eq=False)
class _Part:
    """Neighbours in a stack with one dataset, loss and reduction.

    Their targets and the factors of their terms [k, M, ...], and to which class a decision belongs, [decisions, C]: of several
    labels the answers of a row stand one after another.
    """

    group: Group
    sample: Sample
    targets: Tensor
    factors: Tensor
    member: Tensor

    def shares(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Of the loss and of the gradient [k, C], for outputs [k, M, ...]."""
        by_row = outputs.ndim > self.targets.ndim
        leaf = (outputs.transpose(1, 2) if by_row else outputs).detach().contiguous().requires_grad_()
        with torch.enable_grad():
            terms = self.group.terms(leaf.transpose(1, 2) if by_row else leaf, self.targets)
            (gradient,) = torch.autograd.grad(terms, leaf, self.factors)
        length = gradient.square().sum(1).sqrt() if by_row else gradient.abs()  # rows last: several times as fast as norm()
        return self._by_class(terms.detach() * self.factors), self._by_class(length)

    def _by_class(self, values: Tensor) -> Tensor:
        """The share of each class [k, C] in the sum of values [k, M, ...]; NaN where that is 0."""
        totals = values.flatten(1) @ self.member
        return totals / totals.sum(1, keepdim=True)


class ClassShares:
    """Measures the runs of one stack, epoch after epoch; what stays the same is worked out once."""

    def __init__(self, runs: Sequence[Run], settings: Sequence[Training], dtype: torch.dtype) -> None:
        self._runs, self._settings, self._dtype = runs, settings, dtype
        self._samples = {own: sample_of(dataset) for own, dataset in {id(run.dataset): run.dataset for run in runs}.items()}
        alike = [(id(run.dataset), run.strategy.loss, own.normaliser) for run, own in zip(runs, settings, strict=True)]
        self._members = [slice(a, b) for a, b in neighbours(alike)]
        self._parts: list[_Part] = []
        self._of: list[bool] = []  # which runs use their weights, in the epoch of `_parts`

    def measure(self, epoch: int, outputs: Callable[[slice, Sample], Tensor]) -> tuple[Tensor, Tensor]:
        """Shares of the loss and of the gradient [K, C] (of several labels [K, L]) in an epoch (from 0).

        `outputs(runs, sample)` are what these models put out for the sample's rows, [k, M, ...].
        """
        started = [epoch >= run.strategy.weights_from_epoch for run in self._runs]
        if started != self._of:
            self._parts, self._of = [self._part(members, epoch) for members in self._members], started
        found = [part.shares(outputs(part.group.runs, part.sample)) for part in self._parts]
        loss, gradient = (torch.cat(shares) for shares in zip(*found, strict=True))
        return loss, gradient

    def _part(self, members: slice, epoch: int) -> _Part:
        runs = self._runs[members]
        sample, task = self._samples[id(runs[0].dataset)], runs[0].dataset.task
        group = group_of(self._runs, self._settings, members, epoch, self._dtype)
        y = sample.y if task in ("binary", "multiclass") else sample.y.to(self._dtype)
        targets = y.expand(len(runs), *y.shape)
        stands_for = torch.stack([sample.stands_for(run) * _row_weight(run, sample) for run in runs]).to(self._dtype)
        factors = coefficients(
            "sum",
            element_weight(group.class_weight, targets, task),
            sample_weight=stands_for.view(*stands_for.shape, *[1] * (y.ndim - 1)),
            mask=counted(targets, group.params, None if sample.mask is None else sample.mask[None]),
            leading=1,
            weighs_itself=group.weighs_itself,
        )
        classes = len(sample.dataset.class_names)
        of = torch.arange(classes).repeat(len(y)) if task == "multilabel" else y.flatten().long()
        return _Part(group, sample, targets, factors, one_hot(of, classes).to(self._dtype))


def _row_weight(run: Run, sample: Sample) -> Tensor | float:
    """The weight of each row [M] where the strategy uses them."""
    return 1.0 if sample.sample_weight is None or not run.strategy.sample_weight else sample.sample_weight.double()
