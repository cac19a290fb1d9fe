"""train(experiment, dataset) -> Snapshots. A generator without threads, clocks or Streamlit.

Pacing, pausing and stepping belong to whoever drives it: `stride()` says how many batches to run until the next yield, and
how often it yields changes no number.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from lib.class_shares import ClassShares, Sample, wants
from lib.data import SOURCES, Dataset, Split
from lib.data.upload import Table
from lib.decisions import DECISIONS, Context, Rule
from lib.experiment import DataSpec, Experiment, check_fit, check_model
from lib.metrics import class_means, confusion_matrices, recall
from lib.moments import MAX_CLASSES, Moment, Moments, affordable
from lib.registry import brief
from lib.series_stack import SeriesStack, series_stacks
from lib.snapshot import At, History, Snapshot, TrainedModel, each_field, predictions, read_only
from lib.stack import Run, Stack, neighbours, stacks
from lib.tasks import READINGS
from lib.tuning import candidates, choose, owners, picked

Stride = Callable[[], int]

EVALUATED = 8_000_000  # scores that are held at a time


def load(spec: DataSpec, table: Table | None = None) -> Dataset:
    """The dataset of an experiment. `table` is the visitor's parsed file, which an upload needs.

    Raises ValueError when the file is missing or is not the one that the experiment names.
    """
    source = SOURCES[spec.source]
    if source.kind == "upload":
        if not isinstance(table, Table):
            raise ValueError(
                f"This experiment is on the file {brief(spec.params['file'])}, which does not travel with it. Give the file: "
                "upload it on the page Data, or name it with --data."
            )
        return source.function(table, seed=spec.seed, **spec.params)
    return source.function(seed=spec.seed, **spec.params)


def whole_epochs() -> int:
    """A stride that yields after each epoch only."""
    return 2**62


def train(
    experiment: Experiment, dataset: Dataset, *, stride: Stride = whole_epochs, dtype: torch.dtype = torch.float32,
    skip: Collection[At] = (),
) -> Iterator[Snapshot]:  # fmt: skip
    """Train every strategy x seed of the experiment; yields at each epoch's end and every `stride()` batches between.

    The first snapshot comes before the first batch. With `resample`, seed s trains on the recipe drawn with
    `data.seed + s`. The runs in `skip` are left out: NaN or 0 stands in their places. Raises ValueError when a strategy does
    not fit the dataset.
    """
    check_fit(experiment.strategies, dataset.task, len(dataset.class_names))
    check_model(experiment.model, dataset.task)
    if experiment.training.lr_grid:
        tune = _Tuning(experiment)
        left_out = {(c, r) for c, s in enumerate(owners(experiment)) for own, r in skip if own == s}
        yield from map(tune.best, train(candidates(experiment), dataset, stride=stride, dtype=dtype, skip=left_out))
        return
    progress = _Progress(experiment, dataset, dtype, skip)
    yield progress.snapshot()
    allowance = stride()
    for epoch in range(progress.epoch, experiment.training.epochs):
        for stack in progress.stacks:
            for _ in stack.epoch(epoch):
                allowance -= 1
                if allowance <= 0 and not progress.at_end_of_epoch():
                    yield progress.snapshot()
                    allowance = stride()
        progress.finish_epoch()
        yield progress.snapshot()
        allowance = stride()


def moments_of(dataset: Dataset, runs: int, parameters: int) -> tuple[int, bool]:
    """How many moments of a training are kept, and whether with `parameters`, those of all first seeds together."""
    shape = dataset.class_counts("validation").shape
    if shape[-1] > MAX_CLASSES:
        return 0, False
    plane = dataset.features == 2 and dataset.task in ("binary", "multiclass")
    drawn = plane or dataset.task == "sequence"  # boundaries, strips
    return affordable(runs * shape.numel() * shape[-1], parameters if drawn else 0)


def decide(run: Run, epoch: int, scores: Tensor, y: Tensor) -> Rule:
    """The rule of a run's decision after `epoch` epochs, fitted on validation scores [N, C] and targets [N].

    Of several labels scores are [L, N, 2] and targets [L, N], as lib/tasks.py reads them.
    """
    context = Context(run.class_counts, run.weight_in(epoch - 1), run.seen_counts, run.loss_shift)
    rule: Rule = DECISIONS[run.strategy.decision].function(scores, y, context, **run.strategy.decision_params)
    return Rule(rule.offset.expand_as(run.class_counts))


class _Tuning:
    """Of the snapshots of all candidates, what belongs to the best learning rate of each strategy."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._runs: dict[At, Run] = {}  # by candidate and seed, kept for what they have worked out

    def best(self, every: Snapshot) -> Snapshot:
        recalls = recall(every.confusion).reshape(*every.loss_now.shape, -1)  # NaN before the first epoch
        there = np.isfinite(recalls)
        with np.errstate(invalid="ignore"):
            scores = np.where(there, recalls, 0).sum(2) / there.sum(2)
        tuned = choose(self._experiment, scores, every.diverged)
        chosen = picked(tuned)
        history = each_field(every.history, lambda values: values[chosen])
        at = {(s, r): (c, r) for s, c in enumerate(chosen) for r in range(len(self._experiment.seeds))}
        models, measured = (
            {own: dataclasses.replace(of[c], run=self._run(of[c].run, own)) for own, c in at.items() if c in of}
            for of in (every.models, every.measured)
        )
        moments = tuple(
            Moment(m.epoch, m.confusion[chosen], *(
                {s: of[c] for s, c in enumerate(chosen) if c in of} for of in (m.parameters, m.offsets)
            ))
            for m in every.moments
        )  # fmt: skip
        return dataclasses.replace(
            every, experiment=self._experiment, history=history, loss_now=every.loss_now[chosen],
            confusion=read_only(every.confusion[chosen]), models=models, runs=tuple(model.run for model in models.values()),
            diverged={own: every.diverged[c] for own, c in at.items() if c in every.diverged},
            rules={own: every.rules[c] for own, c in at.items() if c in every.rules}, tuned=tuned, moments=moments,
            measured=measured,
        )  # fmt: skip

    def _run(self, candidate: Run, at: At) -> Run:
        """The candidate as a run of the visitor's strategy, at its learning rate."""
        if candidate.at not in self._runs:
            strategy = dataclasses.replace(candidate.strategy, name=self._experiment.strategies[at[0]].name)
            self._runs[candidate.at] = dataclasses.replace(candidate, strategy=strategy, at=at)
        return self._runs[candidate.at]


class _Progress:
    """The state of one training: its stacks and what has been measured so far."""

    def __init__(self, experiment: Experiment, dataset: Dataset, dtype: torch.dtype, skip: Collection[At]) -> None:
        self.experiment, self.dataset = experiment, dataset
        places = [(s, r) for s in range(len(experiment.strategies)) for r in range(len(experiment.seeds)) if (s, r) not in skip]
        own = {r: dataset for _, r in places}
        if experiment.data.resample:
            own = {r: load(dataclasses.replace(experiment.data, seed=experiment.data.seed + experiment.seeds[r])) for r in own}
        self.runs = tuple(Run(experiment.strategies[s], experiment.seeds[r], (s, r), own[r]) for s, r in places)
        self.reading = READINGS[dataset.task]
        make = series_stacks if dataset.task == "sequence" else stacks
        self.stacks: Sequence[Stack | SeriesStack] = make(experiment, self.runs, dtype)
        self.epoch = 0 if self.runs else experiment.training.epochs  # nothing is left to train
        self.diverged: dict[At, int] = {}
        self.rules: dict[At, Rule] = {}
        self._measured: dict[At, TrainedModel] = {}
        shape = (len(experiment.strategies), len(experiment.seeds))
        self._shares = [ClassShares(stack.runs, stack.settings, dtype) for stack in self.stacks]
        of_runs = (*shape, experiment.training.epochs)
        of_classes = (*of_runs, len(dataset.class_names))
        self._history = History(*(np.full(of_runs, np.nan) for _ in range(2)), *(np.full(of_classes, np.nan) for _ in range(4)))
        counts = dataset.class_counts("validation").shape
        self._confusion = np.zeros((*shape, *counts, counts[-1]))
        firsts = sum(own.shape[0] for _, own in self._firsts())
        most, self._drawn = moments_of(dataset, len(self.runs), firsts)
        self._moments = Moments(most)

    def at_end_of_epoch(self) -> bool:
        return all(stack.batches_done == stack.batches for stack in self.stacks)

    def finish_epoch(self) -> None:
        """Evaluate on validation and write the epoch into the history."""
        self._confusion = np.zeros_like(self._confusion)
        for stack, shares in zip(self.stacks, self._shares, strict=True):
            losses = (stack.loss_sum / stack.batches).double().numpy()
            finite = torch.isfinite(stack.parameters()).all(1) & torch.isfinite(stack.loss_sum)
            for run, loss, sound in zip(stack.runs, losses, finite.tolist(), strict=True):
                self._history.train_loss[(*run.at, self.epoch)] = loss
                if not sound:
                    self.diverged.setdefault(run.at, self.epoch + 1)
            self._validate(stack)
            if wants(self.epoch, self.experiment.training.epochs, stack.batches):
                self._share(stack, shares)
            stack.batches_done, stack.loss_sum = 0, torch.zeros_like(stack.loss_sum)
        self._history.recall[:, :, self.epoch] = self.reading.groups(recall(self._confusion))
        self.epoch += 1
        if self._moments.wants(self.epoch):
            parameters = dict(self._firsts()) if self._drawn else {}
            offsets = {s: self.rules[s, 0].offset for s in parameters}
            self._moments.add(Moment(self.epoch, self._confusion.astype(np.int32), parameters, offsets))

    def _firsts(self) -> Iterator[tuple[int, Tensor]]:
        """Strategy and parameters [P] of the runs of the first seed."""
        for stack in self.stacks:
            for run, own in zip(stack.runs, stack.parameters(), strict=True):
                if run.at[1] == 0:
                    yield run.at[0], own.clone()

    def _validate(self, stack: Stack | SeriesStack) -> None:
        classes, parameters = self._confusion.shape[-1], stack.parameters()
        for run, own in zip(stack.runs, parameters, strict=True):
            self._measured[run.at] = TrainedModel(run, own, self.epoch + 1, stack.widths)
        for first, end in neighbours([id(run.dataset) for run in stack.runs]):  # all, unless data are drawn anew for each seed
            part = stack.runs[first].dataset.validation
            at_once = max(EVALUATED // (part.decisions * classes), 1)
            for start in range(first, end, at_once):
                self._validate_runs(stack, parameters, slice(start, min(start + at_once, end)), part)

    def _validate_runs(self, stack: Stack | SeriesStack, parameters: Tensor, members: slice, part: Split) -> None:
        runs, rows = stack.runs[members], parameters[members]
        head = runs[0].loss.head
        scale = torch.tensor([run.score_scale for run in runs], dtype=rows.dtype)
        outputs = predictions(rows, stack.widths, runs[0].dataset, part.x, part.mask, head)
        outputs = outputs * scale.view(-1, *[1] * (outputs.ndim - 1))
        scores = self.reading.scores(outputs, part.mask, runs[0].loss.scores == "one")
        y = self.reading.targets(part)
        rules = [decide(run, self.epoch + 1, own, y) for run, own in zip(runs, scores, strict=True)]
        self.rules |= {run.at: rule for run, rule in zip(runs, rules, strict=True)}
        offset = torch.stack([rule.offset for rule in rules])
        matrices = confusion_matrices(y, Rule(offset)(scores), scores.shape[-1]).double().numpy()
        shown = torch.stack([
            rule.offset if DECISIONS[run.strategy.decision].recalibrates else torch.zeros_like(rule.offset)
            for run, rule in zip(runs, rules, strict=True)
        ])  # fmt: skip
        log_prob = (scores + shown.to(scores.dtype).unsqueeze(-2)).log_softmax(-1)
        nll = -log_prob.gather(-1, y.expand(len(runs), *y.shape).unsqueeze(-1)).squeeze(-1).double()
        overall, of_class = nll.flatten(1).mean(1).numpy(), class_means(nll, y, scores.shape[-1]).numpy()
        for run, matrix, value, values in zip(runs, matrices, overall, of_class, strict=True):
            if run.at not in self.diverged:
                self._confusion[run.at] = matrix
                if run.loss.link != "none":
                    self._history.val_nll[(*run.at, self.epoch)] = value
                    self._history.class_nll[(*run.at, self.epoch)] = values

    def _share(self, stack: Stack | SeriesStack, shares: ClassShares) -> None:
        """Whom the epoch that is over listened to."""
        rows = stack.parameters()

        def outputs(members: slice, sample: Sample) -> Tensor:
            head = stack.runs[members.start].loss.head
            return predictions(rows[members], stack.widths, sample.dataset, sample.x, sample.mask, head)

        loss, gradient = (found.double().numpy() for found in shares.measure(self.epoch, outputs))
        for run, of_loss, of_gradient in zip(stack.runs, loss, gradient, strict=True):
            if run.at not in self.diverged:
                self._history.loss_share[(*run.at, self.epoch)] = of_loss
                self._history.gradient_share[(*run.at, self.epoch)] = of_gradient

    def snapshot(self) -> Snapshot:
        shape = self._history.train_loss.shape[:2]
        now, batches, done = np.full(shape, np.nan), 0, 0
        models: dict[At, TrainedModel] = {}
        for stack in self.stacks:
            batches, done = batches + stack.batches, done + stack.batches_done
            rows = stack.parameters() if stack.batches_done or not self.epoch else None  # else nothing has moved since
            means = (
                (stack.loss_sum / stack.batches_done).double().tolist() if stack.batches_done else [np.nan] * len(stack.runs)
            )
            for k, (run, mean) in enumerate(zip(stack.runs, means, strict=True)):
                models[run.at] = (
                    self._measured[run.at] if rows is None else TrainedModel(run, rows[k], self.epoch, stack.widths)
                )
                now[run.at] = mean
        history = each_field(self._history, lambda values: values[:, :, : self.epoch])
        return Snapshot(
            self.experiment, self.dataset, self.epoch, self.epoch + done / max(batches, 1), history, now,
            read_only(self._confusion), dict(self.diverged), models, self.runs, dict(self.rules),
            moments=self._moments.kept, measured=dict(self._measured),
        )  # fmt: skip
