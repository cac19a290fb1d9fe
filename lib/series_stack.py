"""Runs on series: each is a module of torch's own, and the runs take their steps one after another.

A hand-stacked LSTM cell is several times slower than torch's kernel. What can be shared is shared: the batches of runs that
see the same rows, the flat buffers, and one optimiser step for all. Only one run's intermediate results are in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lib.data import Dataset
from lib.experiment import Experiment
from lib.losses import coefficients, counted, reduce
from lib.optimiser import Optimiser
from lib.sampling import RowStream, Strata, strata
from lib.sequence_models import initial, install, lengths_of
from lib.stack import Group, Run, group_of, log_prior, standardise, widths_of
from lib.weighting import element_weight


@dataclass(frozen=True, eq=False)
class Batch:
    """Some series, no longer than the longest of them: x [B, T, D], targets and mask [B, T], lengths [B], row weights [B]."""

    x: Tensor
    y: Tensor
    mask: Tensor
    lengths: Tensor
    sample_weight: Tensor | None


class SeriesStack:
    """K runs of one architecture on series. `epoch()` trains them for one epoch, a batch of each per `next`."""

    def __init__(self, experiment: Experiment, runs: Sequence[Run], tables: Mapping[int, Tensor], dtype: torch.dtype) -> None:
        self.runs, self.dtype = runs, dtype
        self.widths = widths_of(experiment, runs[0])
        self.settings = [run.strategy.training(experiment.training) for run in runs]
        self._tables = tables  # id of a dataset -> its training series, standardised
        self._make_modules(experiment)
        self._streams: dict[Any, RowStream] = {}
        self._keys = [(run.strategy.sampler, run.strategy.sampler_params, id(run.dataset), run.seed) for run in runs]
        for key, run in zip(self._keys, runs, strict=True):
            if key not in self._streams:
                classes = Strata(strata(run.dataset.train.y, "sequence", run.dataset.train.mask))
                self._streams[key] = RowStream(run.strategy.sampler, run.strategy.sampler_params, classes, run.seed)
        self.loss_sum = torch.zeros(len(runs), dtype=dtype)
        self.batches_done = 0

    def _make_modules(self, experiment: Experiment) -> None:
        rows = torch.stack([initial(self.widths, run.seed) for run in self.runs]).to(self.dtype)
        if experiment.model.bias_init == "log_prior":
            rows[:, -1] = torch.cat([log_prior(run) for run in self.runs])
        values, gradients, *moments = (torch.zeros_like(rows) for _ in range(4))
        values.copy_(rows)
        self._values, self._gradients = values, gradients
        self._modules = [self.widths.module() for _ in self.runs]
        for module, own, gradient in zip(self._modules, values, gradients, strict=True):
            install(module, own, gradient)

        def per_parameter(numbers: Sequence[float]) -> float | Tensor:
            if len(set(numbers)) == 1:
                return numbers[0]
            return torch.tensor(numbers, dtype=self.dtype).repeat_interleave(rows.shape[1])

        self._optimiser = Optimiser(
            [buffer.view(-1) for buffer in (values, gradients, *moments)], self.settings[0].optimizer,
            per_parameter([own.lr for own in self.settings]), per_parameter([own.weight_decay for own in self.settings]),
        )  # fmt: skip

    @property
    def batch_size(self) -> int:
        return self.settings[0].batch_size

    @property
    def batches(self) -> int:
        """Batches per epoch: ceil(N / B)."""
        return -(-len(self.runs[0].dataset.train) // self.batch_size)

    def parameters(self) -> Tensor:
        """A copy of all parameters as rows [K, P], each in the order of `nn.Module.parameters()`."""
        return self._values.clone()

    def epoch(self, number: int) -> Iterator[None]:
        """Train for one epoch (`number` from 0). Yields after each batch."""
        groups = [group_of(self.runs, self.settings, slice(k, k + 1), number, self.dtype) for k in range(len(self.runs))]
        order = {key: stream.epoch().split(self.batch_size) for key, stream in self._streams.items()}
        self.loss_sum = torch.zeros_like(self.loss_sum)
        self.batches_done = 0
        for at in range(self.batches):
            self._gradients.zero_()
            shared: dict[Any, Batch] = {}
            for k, (key, run) in enumerate(zip(self._keys, self.runs, strict=True)):
                if key not in shared:
                    shared[key] = self._batch(run.dataset, order[key][at])
                self.loss_sum[k] += self._backward(k, groups[k], shared[key])
            self._optimiser.step()
            self.batches_done += 1
            yield

    def _batch(self, dataset: Dataset, rows: Tensor) -> Batch:
        part = dataset.train
        assert part.mask is not None
        mask = part.mask[rows]
        lengths = lengths_of(mask)
        longest = int(lengths.max())
        own = None if part.sample_weight is None else part.sample_weight[rows].to(self.dtype)
        x = self._tables[id(dataset)][rows, :longest]
        return Batch(x, part.y[rows, :longest].to(self.dtype), mask[:, :longest], lengths, own)

    def _backward(self, k: int, group: Group, batch: Batch) -> Tensor:
        """Adds the gradient of one run's loss to its buffer; the loss."""
        logits, targets = self._modules[k](batch.x, batch.lengths)[None], batch.y[None]  # [1, B, T]
        terms, own, strategy = group.terms(logits, targets), batch.sample_weight, self.runs[k].strategy
        weights = coefficients(
            group.reduction,
            element_weight(group.class_weight, targets, "sequence"),
            sample_weight=own[None, :, None].expand_as(targets) if own is not None and strategy.sample_weight else None,
            mask=counted(targets, group.params, batch.mask[None]),
            leading=1,
            weighs_itself=group.weighs_itself,
        )
        torch.autograd.backward(terms, weights)
        return reduce(terms.detach(), weights, leading=1)[0]


def series_stacks(experiment: Experiment, runs: Sequence[Run], dtype: torch.dtype) -> list[SeriesStack]:
    """Runs with the same batch size and optimiser, together."""
    tables = {id(run.dataset): standardise(run.dataset, run.dataset.train.x.to(dtype)) for run in runs}
    together: dict[Any, list[Run]] = {}
    for run in runs:
        training = run.strategy.training(experiment.training)
        together.setdefault((training.batch_size, training.optimizer), []).append(run)
    return [SeriesStack(experiment, members, tables, dtype) for members in together.values()]
