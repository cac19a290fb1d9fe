"""Runs that train together: one set of tensors with a leading K, one forward, one backward, one optimiser step.

Adam and SGD are element-wise and the K losses are summed, so this equals K separate trainings; a step costs Python once,
not K times. What is global elsewhere (divisors, learning rates) is per run here.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lib.data import Dataset, Task
from lib.experiment import Experiment, Strategy, Training
from lib.losses import LOSSES, Loss, coefficients, counted, reduce
from lib.models import MODELS, Pass, initial, layers
from lib.optimiser import Optimiser
from lib.sampling import SAMPLERS, RowStream, Strata, strata
from lib.weighting import class_weights, element_weight

CHUNK_BYTES = 8_000_000  # gathered rows that are held at a time; Stop waits for a gathering, so it is kept short
ORDER_BYTES = 256_000_000  # row numbers of an epoch
# A stack is split where the widest layer of a batch outgrows the cache. Per run and step, in us, alone / at 1 MB / all 160:
# 2-32-32-3 at batch 128: 156 / 23 / 28; at batch 512: 232 / 93 / 114; with 100 classes: 247 / 86 / 118; at batch 4096
# (alone 0.5 MB): 946 / 855 / 959. Wide nets gain little either way: 256 units, batch 512: 3311 alone, 2936 by sixteens.
LAYER_BYTES = 1_000_000


@dataclass(frozen=True, eq=False)
class Run:
    """One strategy x one seed, with the dataset that it trains on and what follows from its class counts, [C] or [L, 2]."""

    strategy: Strategy
    seed: int
    at: tuple[int, int]  # strategy index, seed index
    dataset: Dataset

    @cached_property
    def loss(self) -> Loss:
        return LOSSES[self.strategy.loss]

    @cached_property
    def score_scale(self) -> float:
        """What outputs are multiplied with to be scores: the s of cosines, else 1."""
        scale = self.loss.score_scale
        return 1.0 if scale is None else scale(self.strategy.loss_params)

    @cached_property
    def class_counts(self) -> Tensor:
        return self.dataset.class_counts()

    @cached_property
    def class_weight(self) -> Tensor:
        """The weights that the criterion is given, as the scheme scales them."""
        return class_weights(self.strategy.weighting, self.class_counts, self.strategy.weighting_params)

    def weight_in(self, epoch: int) -> Tensor:
        """The weights of one epoch (from 0): all 1 before `weights_from_epoch`."""
        started = epoch >= self.strategy.weights_from_epoch
        return self.class_weight if started else torch.ones_like(self.class_counts)

    @cached_property
    def seen_counts(self) -> Tensor:
        """Class counts in the proportions that the sampler shows."""
        seen, params = SAMPLERS[self.strategy.sampler].seen_counts, self.strategy.sampler_params
        if self.dataset.task in ("binary", "multiclass"):
            return seen(self.class_counts, params)
        within = self.dataset.counts_by_stratum  # rows are drawn by whether they hold any yes: each group brings its own counts
        rows = torch.bincount(strata(self.dataset.train.y, self.dataset.task, self.dataset.train.mask), minlength=2).double()
        often = torch.where(rows > 0, seen(rows, params) / rows.clamp(min=1), 0.0)
        return torch.stack([own * factor for own, factor in zip(within, often, strict=True)]).sum(0)

    @cached_property
    def ordered(self) -> bool:
        """Whether theory knows the boundary of the loss's optimum: that of its weights, sampler and shift."""
        ordered = self.loss.ordered
        return ordered is None or ordered(self.strategy.loss_params, len(self.dataset.class_names))

    @cached_property
    def loss_shift(self) -> Tensor:
        """How far the loss itself moves the log odds of its optimum."""
        shift = self.loss.log_shift
        if shift is None:
            return torch.zeros_like(self.class_counts)
        return shift(self.class_counts, self.strategy.loss_params).expand_as(self.class_counts)


@dataclass(frozen=True, eq=False)
class Group:
    """Neighbours in a stack that use the same loss and reduction: one call computes all their terms."""

    loss: Loss
    runs: slice
    reduction: Any
    params: Mapping[str, Any]  # numbers that all share, or [k, 1] tensors
    context: Mapping[str, Tensor | None]
    class_weight: Tensor  # [k, C], or [k, L, 2]
    weighs_itself: bool

    def terms(self, logits: Tensor, targets: Tensor) -> Tensor:
        """One term per decision of a batch: logits [k, B, outputs], targets [k, B, ...]."""
        scores = logits.squeeze(-1) if logits.ndim > targets.ndim and self.loss.scores == "one" else logits
        return self.loss.function(scores, targets, **self.params, **self.context)


def outputs_of(loss: Loss, dataset: Dataset) -> int:
    """How many numbers a model puts out per row, or per time step."""
    classes = len(dataset.class_names)
    return loss.outputs(2, labels=classes) if dataset.task == "multilabel" else loss.outputs(classes)


def widths_of(experiment: Experiment, run: Run) -> Any:
    """Layer widths of a run's model, first and last included; of a model of series its `Tagging`."""
    outputs = outputs_of(run.loss, run.dataset)
    return MODELS[experiment.model.name].function(run.dataset.features, outputs, **experiment.model.params)


@dataclass(frozen=True, eq=False)
class Table:
    """The training rows of all datasets, standardised, one under another: the stacks share it."""

    task: Task
    rows: int  # N, of each dataset
    starts: Mapping[int, int]  # id of a dataset -> its first row
    x: Tensor
    y: Tensor
    sample_weight: Tensor | None


def table_of(runs: Sequence[Run], dtype: torch.dtype) -> Table:
    datasets = list({id(run.dataset): run.dataset for run in runs}.values())
    rows = len(datasets[0].train)
    own = [d.train.sample_weight for d in datasets]
    return Table(
        task=datasets[0].task,
        rows=rows,
        starts={id(dataset): position * rows for position, dataset in enumerate(datasets)},
        x=_joined([standardise(d, d.train.x.to(dtype)) for d in datasets]),
        y=_joined([d.train.y.to(dtype) if d.task == "multilabel" else d.train.y for d in datasets]),
        sample_weight=_joined([s.to(dtype) for s in own if s is not None]) if own[0] is not None else None,
    )


def stacks(experiment: Experiment, runs: Sequence[Run], dtype: torch.dtype) -> list["Stack"]:
    """Runs that can share tensors, together: same architecture, batch size and optimiser.

    As many as keep the widest layer of a batch in the processor's cache, and the order of the rows in memory.
    """

    def order(run: Run) -> tuple[Any, ...]:
        training = run.strategy.training(experiment.training)
        return run.strategy.loss, training.normaliser, run.seed

    together: dict[Any, list[Run]] = {}
    for run in sorted(runs, key=order):
        training = run.strategy.training(experiment.training)
        key = (widths_of(experiment, run), run.loss.head, training.batch_size, training.optimizer)
        together.setdefault(key, []).append(run)
    if not together:
        return []
    table = table_of(runs, dtype)
    found = []
    for (widths, _, batch_size, _), members in together.items():
        layer_bytes = max(widths) * min(batch_size, table.rows) * table.x.element_size()
        at_most = max(min(LAYER_BYTES // layer_bytes, ORDER_BYTES // (8 * table.rows)), 1)
        parts = -(-len(members) // at_most)
        edges = [len(members) * part // parts for part in range(parts + 1)]
        found += [Stack(experiment, members[a:b], table) for a, b in zip(edges, edges[1:], strict=False)]
    return found


class Stack:
    """K runs of one architecture. `epoch()` trains them for one epoch, a batch per `next`."""

    def __init__(self, experiment: Experiment, runs: Sequence[Run], table: Table) -> None:
        self.runs = runs
        self.widths, self.head = widths_of(experiment, self.runs[0]), self.runs[0].loss.head
        self.settings = [run.strategy.training(experiment.training) for run in self.runs]
        self._table = table
        self._make_parameters(experiment, table.x.dtype)
        self._make_streams()
        self.loss_sum = torch.zeros(len(self.runs), dtype=table.x.dtype)
        self.batches_done = 0

    @property
    def batch_size(self) -> int:
        return self.settings[0].batch_size

    @property
    def batches(self) -> int:
        """Batches per epoch: ceil(N / B)."""
        return -(-self._table.rows // self.batch_size)

    def _make_streams(self) -> None:
        """One stream of rows for all runs that see the same rows: those of one seed, sampler and dataset."""
        streams: dict[Any, RowStream] = {}
        made: dict[Any, int] = {}  # where the synthetic rows of a stream start
        keys = [(run.strategy.sampler, run.strategy.sampler_params, id(run.dataset), run.seed) for run in self.runs]
        for key, run in zip(keys, self.runs, strict=True):
            if key not in streams:
                classes = Strata(strata(run.dataset.train.y, self._table.task), run.dataset.class_names)
                streams[key] = RowStream(run.strategy.sampler, run.strategy.sampler_params, classes, run.seed)
                made[key] = self._synthesise(run, classes)
        self._streams = list(streams.values())
        self._stream_of_run = torch.tensor([list(streams).index(key) for key in keys])
        self._first_row = torch.tensor([[self._table.starts[id(run.dataset)]] for run in self.runs])
        self._first_made = torch.tensor([[made[key]] for key in keys]) if any(made.values()) else None

    def _synthesise(self, run: Run, classes: Strata) -> int:
        """Appends the rows that the run's sampler makes to the table. Where they start; 0 when it makes none."""
        make = SAMPLERS[run.strategy.sampler].synthesise
        if make is None:
            return 0
        table, first, at = self._table, self._table.starts[id(run.dataset)], len(self._table.x)
        own = slice(first, first + table.rows)
        made = make(table.x[own], classes, torch.Generator().manual_seed(run.seed), **run.strategy.sampler_params)
        weight = table.sample_weight
        self._table = dataclasses.replace(
            table, x=torch.cat([table.x, made.between(table.x[own])]), y=torch.cat([table.y, table.y[own][made.start]]),
            sample_weight=None if weight is None else torch.cat([weight, made.between(weight[own])]),
        )  # fmt: skip
        return at

    def _make_parameters(self, experiment: Experiment, dtype: torch.dtype) -> None:
        """Parameters, gradients and Adam's moments as flat buffers [K*P]; weights and biases are views into them."""
        rows = torch.stack([initial(self.widths, run.seed, self.head) for run in self.runs]).to(dtype)
        parts = layers(self.widths, self.head)
        if experiment.model.bias_init == "log_prior" and parts[-1].biases:
            rows[:, parts[-1].bias_start : parts[-1].end] = torch.stack([log_prior(run) for run in self.runs]).to(dtype)
        self._buffers = [torch.zeros(rows.numel(), dtype=dtype) for _ in range(4)]
        views = [[view for layer in parts for view in layer.dense_views(buffer, len(rows))] for buffer in self._buffers]
        for view, values in zip(views[0], (v for layer in parts for v in layer.views(rows)), strict=True):
            view.copy_(values)
        self._views, self._gradients = (list(zip(kind[::2], kind[1::2], strict=True)) for kind in views[:2])
        self._optimiser = Optimiser(
            self._buffers, self.settings[0].optimizer, self._per_parameter([settings.lr for settings in self.settings]),
            self._per_parameter([settings.weight_decay for settings in self.settings]),
        )  # fmt: skip

    def _per_parameter(self, numbers: Sequence[float]) -> float | Tensor:
        """A setting of each run, as one number where all share it, else for every parameter [K*P]."""
        if len(set(numbers)) == 1:
            return numbers[0]
        spread = torch.zeros_like(self._buffers[0])
        for layer in layers(self.widths, self.head):
            for view in layer.dense_views(spread, len(numbers)):
                view.transpose(0, -1).copy_(torch.tensor(numbers, dtype=spread.dtype))
        return spread

    def parameters(self) -> Tensor:
        """A copy of all parameters as rows [K, P], each in the order of `nn.Sequential.parameters()`."""
        return torch.cat([view.flatten(1) for pair in self._views for view in pair], dim=1)

    def epoch(self, number: int) -> Iterator[None]:
        """Train for one epoch (`number` from 0). Yields after each batch."""
        groups = self._groups(number)
        self.loss_sum = torch.zeros_like(self.loss_sum)
        self.batches_done = 0
        step: Pass | None = None  # of this epoch only: stacks that wait hold no work space
        for x, targets, weights in self._batches(groups):
            if step is None or step.batch != x.shape[-1]:
                step = Pass(self._views, self._gradients, x.shape[-1])
            self._train_batch(step, x, groups, targets, weights)
            self.batches_done += 1
            yield

    def _batches(self, groups: Sequence[Group]) -> Iterator[tuple[Tensor, Sequence[Tensor], Sequence[Tensor]]]:
        """x [K, D, B] of each batch of an epoch, and per group the targets [k, B] and the factors of the terms [k, B].

        Rows are gathered for many batches at once, so that a step gathers nothing.
        """
        order = [stream.epoch() for stream in self._streams]  # [N] each
        per_batch = (
            (self._table.x[0].numel() + 3 + self._table.y[0].numel())
            * self._table.x.element_size()
            * len(self.runs)
            * self.batch_size
        )
        whole = self._table.rows // self.batch_size * self.batch_size
        chunk = max(CHUNK_BYTES // per_batch, 1) * self.batch_size
        for start, stop in [*((at, min(at + chunk, whole)) for at in range(0, whole, chunk)), (whole, self._table.rows)]:
            if start == stop:
                continue
            size = min(self.batch_size, stop - start)
            rows = torch.stack([own[start:stop] for own in order]).index_select(0, self._stream_of_run)
            rows = self._in_table(rows).unflatten(1, (-1, size))
            rows = rows.transpose(0, 1).contiguous()  # [batches, K, B]
            x = self._table.x.index_select(0, rows.flatten()).unflatten(0, rows.shape).transpose(2, 3).contiguous()
            y = self._table.y.index_select(0, rows.flatten()).unflatten(0, rows.shape)
            targets = [y[:, group.runs] for group in groups]
            weights = [self._coefficients(g, rows[:, g.runs], t) for g, t in zip(groups, targets, strict=True)]
            for batch, own_x in enumerate(x.unbind()):
                yield own_x, [of_group[batch] for of_group in targets], [of_group[batch] for of_group in weights]

    def _in_table(self, rows: Tensor) -> Tensor:
        """Where the rows [K, n] of each run's own dataset (and those its sampler made, from N on) stand in the table."""
        if self._first_made is None:
            return rows + self._first_row
        return torch.where(rows < self._table.rows, rows + self._first_row, rows - self._table.rows + self._first_made)

    def _train_batch(
        self, step: Pass, x: Tensor, groups: Sequence[Group], targets: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> None:
        outputs = step.forward(x)  # [K, outputs, B]
        leaves = [outputs[group.runs].detach().requires_grad_() for group in groups]
        terms = [group.terms(leaf.transpose(1, 2), y) for group, leaf, y in zip(groups, leaves, targets, strict=True)]
        gradients = torch.autograd.grad(terms, leaves, weights)
        step.backward(x, _joined(gradients))
        self._optimiser.step()
        self.loss_sum += _joined([reduce(t.detach(), w, leading=1) for t, w in zip(terms, weights, strict=True)])

    def _groups(self, epoch: int) -> list[Group]:
        """One group per loss and reduction, with this epoch's weights."""
        alike = [(run.strategy.loss, s.normaliser) for run, s in zip(self.runs, self.settings, strict=True)]
        return [group_of(self.runs, self.settings, slice(a, b), epoch, self._table.x.dtype) for a, b in neighbours(alike)]

    def _sample_weight(self, group: Group, rows: Tensor, targets: Tensor) -> Tensor | None:
        """The weight of each row, shaped as the terms; 1 for strategies that do without; None where rows have none."""
        used = [run.strategy.sample_weight for run in self.runs[group.runs]]
        if self._table.sample_weight is None or not any(used):
            return None
        weight = self._table.sample_weight[rows]
        return _as_terms(weight if all(used) else torch.where(torch.tensor(used)[:, None], weight, 1.0), targets)

    def _coefficients(self, group: Group, rows: Tensor, targets: Tensor) -> Tensor:
        """The factor of each term [batches, k, B], normalised batch by batch: the whole reduction, outside the step."""
        return coefficients(
            group.reduction,
            element_weight(
                group.class_weight.expand(len(rows), *group.class_weight.shape), targets.clamp(min=0), self._table.task
            ),
            sample_weight=self._sample_weight(group, rows, targets),
            mask=counted(targets, group.params),
            leading=2,
            weighs_itself=group.weighs_itself,
        )


def group_of(runs: Sequence[Run], settings: Sequence[Training], members: slice, epoch: int, dtype: torch.dtype) -> Group:
    """The group of these neighbours, with the weights of an epoch (from 0)."""
    own, first = runs[members], settings[members.start]
    loss, task = own[0].loss, own[0].dataset.task
    weight = torch.stack([_weights_at(run, epoch, first) for run in own]).to(dtype)
    counts = torch.stack([run.class_counts for run in own]).to(dtype)
    separable = loss.separable is not None and all(loss.separable(run.strategy.loss_params) for run in own)
    known = {"class_weight": None if separable else weight, "class_counts": counts}
    context = {name: known[name] for name in loss.context}
    params: dict[str, Any] = {}
    for param in loss.params:
        values = [run.strategy.loss_params[param.name] for run in own]
        kind = torch.int64 if isinstance(param.default, int) else dtype
        column = (-1, 1) if task in ("binary", "multiclass") else (-1, 1, 1)  # to broadcast against the terms
        params[param.name] = values[0] if len(set(values)) == 1 else torch.tensor(values, dtype=kind).view(column)
    reduction = "mean" if first.normaliser == "fixed" else loss.reduction
    return Group(loss, members, reduction, params, context, weight, loss.weighs_itself and not separable)


def _as_terms(sample_weight: Tensor, targets: Tensor) -> Tensor:
    """The weight of each row, for all of its decisions."""
    return sample_weight.view(*sample_weight.shape, *[1] * (targets.ndim - sample_weight.ndim)).expand_as(targets)


def standardise(dataset: Dataset, x: Tensor) -> Tensor:
    """Features as the model sees them: (x - shift) / scale where the dataset says so."""
    if dataset.shift is None or dataset.scale is None:
        return x
    return (x - dataset.shift.to(x.dtype)) / dataset.scale.to(x.dtype)


def _weights_at(run: Run, epoch: int, settings: Training) -> Tensor:
    """Class weights [C] of one epoch as the reduction takes them: mean 1 over the rows for the fixed normaliser."""
    weight = run.weight_in(epoch)
    if settings.normaliser == "fixed":
        weight = weight * run.class_counts.sum() / (weight * run.class_counts).sum()
    return weight


def log_prior(run: Run) -> Tensor:
    """Output bias whose probabilities are the class shares: [C], or log odds: [1] for one logit, [L] for labels.

    No share below 1/(2n).
    """
    counts = run.class_counts.clamp(min=0.5)
    log_share = (counts / counts.sum(-1, keepdim=True)).log()
    if run.loss.scores == "per class":
        return log_share
    return (log_share[..., 1] - log_share[..., 0]).view(-1)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def neighbours(keys: Sequence[Any]) -> list[tuple[int, int]]:
    """Start and end of each stretch of equal keys."""
    edges = [0, *(i for i in range(1, len(keys)) if keys[i] != keys[i - 1]), len(keys)]
    return list(zip(edges, edges[1:], strict=False))
