"""Runs that train together: one set of tensors with a leading K, one forward, one backward, one optimiser step.

Adam and SGD are element-wise and the K losses are summed, so this equals K separate trainings; a step costs Python once,
not K times. What is global elsewhere (divisors, learning rates) is per run here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lib.data import Dataset, Task
from lib.experiment import Experiment, Strategy, Training
from lib.losses import LOSSES, Loss, coefficients, counted, reduce
from lib.models import MODELS, forward, initial, layers
from lib.sampling import SAMPLERS, RowStream, strata
from lib.weighting import class_weights, element_weight

CHUNK_BYTES = 32_000_000  # gathered rows that are held at a time
BETAS, EPSILON = (0.9, 0.999), 1e-8  # torch.optim.Adam's defaults


@dataclass(frozen=True, eq=False)
class Run:
    """One strategy x one seed, with the dataset that it trains on and what follows from its class counts, [C] each."""

    strategy: Strategy
    seed: int
    at: tuple[int, int]  # strategy index, seed index
    dataset: Dataset

    @cached_property
    def loss(self) -> Loss:
        return LOSSES[self.strategy.loss]

    @cached_property
    def class_counts(self) -> Tensor:
        return self.dataset.class_counts()

    @cached_property
    def class_weight(self) -> Tensor:
        """The weights that the criterion is given, as the scheme scales them."""
        return class_weights(self.strategy.weighting, self.class_counts, self.strategy.weighting_params)

    @cached_property
    def seen_counts(self) -> Tensor:
        """Class counts in the proportions that the sampler shows."""
        return SAMPLERS[self.strategy.sampler].seen_counts(self.class_counts, self.strategy.sampler_params)

    @cached_property
    def loss_shift(self) -> Tensor:
        """How far the loss itself moves the log odds of its optimum."""
        shift = self.loss.log_shift
        return torch.zeros_like(self.class_counts) if shift is None else shift(self.class_counts, self.strategy.loss_params)


@dataclass(frozen=True, eq=False)
class Group:
    """Neighbours in a stack that use the same loss and reduction: one call computes all their terms."""

    loss: Loss
    runs: slice
    reduction: Any
    params: Mapping[str, Any]  # numbers that all share, or [k, 1] tensors
    context: Mapping[str, Tensor]
    class_weight: Tensor  # [k, C]


def widths_of(experiment: Experiment, run: Run) -> tuple[int, ...]:
    """Layer widths of a run's model, first and last included."""
    outputs = run.loss.outputs(len(run.dataset.class_names))
    return MODELS[experiment.model.name].function(run.dataset.features, outputs, **experiment.model.params)


def stacks(experiment: Experiment, runs: Sequence[Run], dtype: torch.dtype) -> list["Stack"]:
    """Runs that can share tensors, together: same architecture, batch size and optimiser."""
    together: dict[Any, list[Run]] = {}
    for run in runs:
        training = run.strategy.training(experiment.training)
        key = (widths_of(experiment, run), training.batch_size, training.optimizer)
        together.setdefault(key, []).append(run)
    return [Stack(experiment, members, dtype) for members in together.values()]


class Stack:
    """K runs of one architecture. `epoch()` trains them for one epoch, a batch per `next`."""

    def __init__(self, experiment: Experiment, runs: Sequence[Run], dtype: torch.dtype) -> None:
        def order(run: Run) -> tuple[Any, ...]:
            training = run.strategy.training(experiment.training)
            return run.strategy.loss, training.normaliser, training.lr, training.weight_decay

        self.runs = sorted(runs, key=order)
        self.widths = widths_of(experiment, self.runs[0])
        self.settings = [run.strategy.training(experiment.training) for run in self.runs]
        self._read_data(dtype)
        self._make_parameters(experiment, dtype)
        self._streams = [
            RowStream(run.strategy.sampler, run.strategy.sampler_params, strata(run.dataset.train.y, self._task), run.seed)
            for run in self.runs
        ]
        self.loss_sum = torch.zeros(len(self.runs), dtype=dtype)
        self.batches_done = 0

    @property
    def batch_size(self) -> int:
        return self.settings[0].batch_size

    @property
    def batches(self) -> int:
        """Batches per epoch: ceil(N / B)."""
        return -(-self._rows // self.batch_size)

    def _read_data(self, dtype: torch.dtype) -> None:
        """One table of rows for the stack; runs with data of their own have an offset into it."""
        self._task: Task = self.runs[0].dataset.task
        datasets = list({id(run.dataset): run.dataset for run in self.runs}.values())
        self._rows = len(datasets[0].train)
        starts = {id(dataset): position * self._rows for position, dataset in enumerate(datasets)}
        self._offsets = torch.tensor([starts[id(run.dataset)] for run in self.runs]).unsqueeze(1)
        self._x = torch.cat([standardise(d, d.train.x.to(dtype)) for d in datasets])
        self._y = torch.cat([d.train.y for d in datasets])
        own = [d.train.sample_weight for d in datasets]
        self._sample_weight = torch.cat([s.to(dtype) for s in own if s is not None]) if own[0] is not None else None

    def _make_parameters(self, experiment: Experiment, dtype: torch.dtype) -> None:
        """Parameters, gradients and Adam's moments as flat buffers [K*P]; weights and biases are leaf views into them."""
        rows = torch.stack([initial(self.widths, run.seed) for run in self.runs]).to(dtype)
        parts = layers(self.widths)
        if experiment.model.bias_init == "log_prior":
            rows[:, parts[-1].bias_start : parts[-1].end] = torch.stack([_log_prior(run) for run in self.runs]).to(dtype)
        self._buffers = [torch.zeros(rows.numel(), dtype=dtype) for _ in range(4)]
        views = [[view for layer in parts for view in layer.dense_views(buffer, len(rows))] for buffer in self._buffers]
        leaves, gradients, firsts, seconds = views
        for leaf, gradient, values in zip(leaves, gradients, (v for layer in parts for v in layer.views(rows)), strict=True):
            leaf.copy_(values).requires_grad_().grad = gradient  # autograd adds into the flat buffer
        self._views = list(zip(leaves[::2], leaves[1::2], strict=True))
        self._step = torch.zeros((), dtype=torch.float32)
        stretches = _neighbours([(s.lr, s.weight_decay) for s in self.settings])
        self._segments: list[tuple[Training, list[list[Tensor]]]] = [
            (self.settings[a], [[view.detach()[a:b] for view in kind] for kind in views]) for a, b in stretches
        ]
        if len(stretches) == 1:  # one setting for all: the buffers as wholes
            self._segments = [(self.settings[0], [[buffer] for buffer in self._buffers])]

    def parameters(self) -> Tensor:
        """A copy of all parameters as rows [K, P], each in the order of `nn.Sequential.parameters()`."""
        return torch.cat([view.detach().flatten(1) for pair in self._views for view in pair], dim=1)

    def epoch(self, number: int) -> Iterator[None]:
        """Train for one epoch (`number` from 0). Yields after each batch."""
        groups = self._groups(number)
        self.loss_sum = torch.zeros_like(self.loss_sum)
        self.batches_done = 0
        rows = torch.stack([stream.epoch() for stream in self._streams]) + self._offsets
        per_row = (self._x[0].numel() + 4) * self._x.element_size() * len(self.runs)
        per_chunk = max(CHUNK_BYTES // (per_row * self.batch_size), 1) * self.batch_size
        for chunk in rows.split(per_chunk, dim=1):
            x = self._x.index_select(0, chunk.flatten()).unflatten(0, chunk.shape)
            y = self._y[chunk]
            weights = [self._coefficients(group, chunk, y) for group in groups]
            targets = [y[group.runs] for group in groups]
            for start in range(0, chunk.shape[1], self.batch_size):
                self._train_batch(x, slice(start, start + self.batch_size), groups, targets, weights)
                self.batches_done += 1
                yield

    def _train_batch(
        self, x: Tensor, batch: slice, groups: Sequence[Group], targets: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> None:
        logits = forward(self._views, x[:, batch])
        losses = []
        for group, y, weight in zip(groups, targets, weights, strict=True):
            z = logits if len(groups) == 1 else logits[group.runs]
            z = z.squeeze(-1) if group.loss.scores == "one" else z
            terms = group.loss.function(z, y[:, batch], **group.params, **group.context)
            losses.append(reduce(terms, weight[:, batch], leading=1))
        loss = losses[0] if len(losses) == 1 else torch.cat(losses)  # [K]
        self._buffers[1].zero_()
        loss.sum().backward()
        with torch.no_grad():
            self._update()
            self.loss_sum += loss

    def _update(self) -> None:
        """One step of torch.optim.Adam or SGD per setting; no optimiser object and its Python in between."""
        self._step += 1
        for settings, (values, gradients, firsts, seconds) in self._segments:
            if settings.optimizer == "adam":
                torch._fused_adam_(
                    values, gradients, firsts, seconds, [], [self._step] * len(values), lr=settings.lr, beta1=BETAS[0],
                    beta2=BETAS[1], weight_decay=settings.weight_decay, eps=EPSILON, amsgrad=False, maximize=False,
                )  # fmt: skip
                continue
            for value, gradient in zip(values, gradients, strict=True):
                step = gradient.add(value, alpha=settings.weight_decay) if settings.weight_decay else gradient
                value.add_(step, alpha=-settings.lr)

    def _groups(self, epoch: int) -> list[Group]:
        """One group per loss and reduction, with this epoch's weights."""
        alike = [(run.strategy.loss, s.normaliser) for run, s in zip(self.runs, self.settings, strict=True)]
        return [self._group(slice(a, b), epoch) for a, b in _neighbours(alike)]

    def _group(self, members: slice, epoch: int) -> Group:
        runs, settings = self.runs[members], self.settings[members.start]
        loss, dtype = runs[0].loss, self._x.dtype
        weight = torch.stack([_weights_at(run, epoch, settings) for run in runs]).to(dtype)
        counts = torch.stack([run.class_counts for run in runs]).to(dtype)
        context = {name: {"class_weight": weight, "class_counts": counts}[name] for name in loss.context}
        params: dict[str, Any] = {}
        for param in loss.params:
            values = [run.strategy.loss_params[param.name] for run in runs]
            kind = torch.int64 if isinstance(param.default, int) else dtype
            params[param.name] = values[0] if len(set(values)) == 1 else torch.tensor(values, dtype=kind).unsqueeze(1)
        reduction = "mean" if settings.normaliser == "fixed" else loss.reduction
        return Group(loss, members, reduction, params, context, weight)

    def _coefficients(self, group: Group, rows: Tensor, y: Tensor) -> Tensor:
        """The factor of each term [k, n], normalised batch by batch: the whole reduction, outside the training loop."""
        targets = y[group.runs]
        pairs = zip(group.class_weight, targets, strict=True)
        weight = torch.stack([element_weight(own, own_targets.clamp(min=0), self._task) for own, own_targets in pairs])
        sample_weight = None if self._sample_weight is None else self._sample_weight[rows[group.runs]]
        mask = counted(targets, group.params)
        whole = targets.shape[1] // self.batch_size * self.batch_size
        parts = []
        for part, batches in ((slice(0, whole), whole // self.batch_size), (slice(whole, None), 1)):
            if weight[:, part].shape[1]:
                own = coefficients(
                    group.reduction,
                    weight[:, part].unflatten(1, (batches, -1)),
                    sample_weight=None if sample_weight is None else sample_weight[:, part].unflatten(1, (batches, -1)),
                    mask=None if mask is None else mask[:, part].unflatten(1, (batches, -1)),
                    leading=2,
                    weighs_itself=group.loss.weighs_itself,
                )
                parts.append(own.flatten(1, 2))
        return torch.cat(parts, dim=1)


def standardise(dataset: Dataset, x: Tensor) -> Tensor:
    """Features as the model sees them: (x - shift) / scale where the dataset says so."""
    if dataset.shift is None or dataset.scale is None:
        return x
    return (x - dataset.shift.to(x.dtype)) / dataset.scale.to(x.dtype)


def _weights_at(run: Run, epoch: int, settings: Training) -> Tensor:
    """Class weights [C] of one epoch: all 1 before `weights_from_epoch`; mean 1 over the rows for the fixed normaliser."""
    weight = run.class_weight if epoch >= run.strategy.weights_from_epoch else torch.ones_like(run.class_counts)
    if settings.normaliser == "fixed":
        weight = weight * run.class_counts.sum() / (weight * run.class_counts).sum()
    return weight


def _log_prior(run: Run) -> Tensor:
    """Output bias whose probabilities are the class shares: [C], or the log odds [1] for one logit. No share below 1/(2n)."""
    counts = run.class_counts.clamp(min=0.5)
    log_share = (counts / counts.sum()).log()
    return log_share[1:] - log_share[:1] if run.loss.scores == "one" else log_share


def _neighbours(keys: Sequence[Any]) -> list[tuple[int, int]]:
    """Start and end of each stretch of equal keys."""
    edges = [0, *(i for i in range(1, len(keys)) if keys[i] != keys[i - 1]), len(keys)]
    return list(zip(edges, edges[1:], strict=False))
