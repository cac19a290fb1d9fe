"""What can be said about a comparison before it is trained: where weights cannot act, cancel, or correct twice.

Each rule is one function from the strategies and their class counts to sentences. Numbers come from lib/theory.py.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lib.data import Dataset, called
from lib.decisions import effective_shift
from lib.experiment import Experiment, Training
from lib.registry import Params
from lib.sampling import SAMPLERS, strata
from lib.stack import Run
from lib.theory import chance_of_none, effective_prior, effective_ratio

OFTEN = 0.5  # a batch misses the rare class "often" when it does so in more than half of all cases
FADED = 0.8  # weights act "less" when less than this part of their ratio is left


@dataclass(frozen=True)
class Advice:
    """A sentence about some strategies (indices). `kind`: warning (probably a mistake) or note (good to know)."""

    kind: str
    strategies: tuple[int, ...]
    sentence: str


@dataclass(frozen=True, eq=False)
class Case:
    """One strategy and what its class counts make of it."""

    index: int
    run: Run
    epochs: int
    batch_size: int
    torch_mean: bool  # divides by the sum of weights in the batch
    names: tuple[str, ...]
    model: str
    counts: Tensor
    weight: Tensor  # of the last epoch: all 1 when they are to start after it
    seen: Tensor  # counts in the proportions that the sampler shows
    shift: Tensor  # how far the loss itself moves the log odds
    drawn: tuple[int, int]  # rows (series) that an epoch draws, and those among them that hold the rare class
    unit: str = "rows"

    @property
    def decisions(self) -> str:
        return "steps" if self.unit == "series" else "rows"

    @property
    def ratio(self) -> float:
        """Largest class weight to smallest."""
        weights = self.weight[self.counts > 0]
        return float(weights.max() / weights.min()) if bool((weights > 0).all()) else float("inf")

    @property
    def rarest(self) -> int:
        return int(torch.where(self.counts > 0, self.counts, torch.inf).argmin())

    def named(self, these: Tensor) -> str:
        """The names of some classes, [C] true or false."""
        return ", ".join(name for name, one in zip(self.names, these.tolist(), strict=True) if one)

    def share(self, part: float) -> str:
        return f"{100 * part:.3g} %"


Rule = Callable[[Sequence[Case]], Iterator[Advice]]


def advise(experiment: Experiment, dataset: Dataset) -> list[Advice]:
    """Everything that the rules below have to say; strategies with the same sentence share it."""
    cases = []
    for index, strategy in enumerate(experiment.strategies):
        settings = strategy.training(experiment.training)
        run = Run(strategy, experiment.seeds[0], (index, 0), dataset)
        torch_mean = settings.normaliser == "torch" and run.loss.reduction == "weighted_mean"
        cases.append(_case(index, run, settings, torch_mean, experiment.model.name))
    merged: dict[tuple[str, str], tuple[int, ...]] = {}
    for found in (advice for rule in RULES for advice in rule(cases)):
        about = (found.kind, found.sentence)
        merged[about] = (*merged.get(about, ()), *found.strategies)
    return [Advice(kind, strategies, sentence) for (kind, sentence), strategies in merged.items()]


def _case(index: int, run: Run, settings: Training, torch_mean: bool, model: str) -> Case:
    """What the rules look at: [C] each. Of several labels, no and yes of the one that is rarest."""
    dataset = run.dataset
    names = tuple(map(called, dataset.class_names))
    tensors = (run.class_counts, run.weight_in(settings.epochs - 1), run.seen_counts, run.loss_shift)
    if dataset.task == "multilabel":
        positives = run.class_counts[:, 1]
        label = int(torch.where(positives > 0, positives, torch.inf).argmin())
        names = (f"no {names[label]}", names[label])
        tensors = tuple(own[label] for own in tensors)  # type: ignore[assignment]
    counts, weight, seen, shift = tensors
    rows = int(counts.sum())
    rare = int(torch.where(counts > 0, counts, torch.inf).argmin())
    drawn = (rows, round(float(seen[rare] / seen.sum()) * rows))
    if dataset.task == "sequence":  # a batch draws whole series
        kinds = torch.bincount(strata(dataset.train.y, dataset.task, dataset.train.mask), minlength=2).double()
        shown = SAMPLERS[run.strategy.sampler].seen_counts(kinds, run.strategy.sampler_params)
        drawn = (int(kinds.sum()), round(float(shown[1] / shown.sum() * kinds.sum())))
    unit = "series" if dataset.task == "sequence" else "rows"
    return Case(
        index, run, settings.epochs, settings.batch_size, torch_mean, names, model, counts, weight, seen, shift, drawn, unit
    )


def corrects_twice(cases: Sequence[Case]) -> Iterator[Advice]:
    """Two of weights, sampler, loss and decision that each even the classes out (F6; Menon et al. 2021, section 5)."""
    for case in cases:
        rare = case.rarest
        even = torch.ones_like(case.counts)
        none = torch.zeros_like(even)
        parts = {
            "weights": effective_shift(case.counts, case.weight, case.counts, none),
            "sampler": effective_shift(case.counts, even, case.seen, none),
            "loss": case.shift,
            "decision": _decision_shift(case),
        }
        lifts = [name for name, shift in parts.items() if float(shift[rare] - shift.min()) > 0.2]
        if len(lifts) > 1:
            total = torch.stack(list(parts.values())).sum(0)
            believed = torch.softmax(case.counts.log() + total, 0)
            own = float(case.counts[rare] / case.counts.sum())
            yield Advice("warning", (case.index,), (
                f"{' and '.join(lifts)} both lift the rare class, so it is corrected twice: {case.names[rare]} is decided as "
                f"if it were {case.share(float(believed[rare]))} of the {case.decisions}; it is {case.share(own)}. "
                "Keep one of them."
            ))  # fmt: skip


def _decision_shift(case: Case) -> torch.Tensor:
    """What a logit-adjusting decision adds; decisions that correct for the training add nothing that counts here."""
    strategy = case.run.strategy
    if strategy.decision != "logit_adjust":
        return torch.zeros_like(case.counts)
    shares = case.counts / case.counts.sum()
    return torch.where(shares > 0, -strategy.decision_params["tau"] * shares.log(), 0.0)


def smoothing_turns(cases: Sequence[Case]) -> Iterator[Advice]:
    """Weights whose ratio exceeds (C - (C-1)e) / e turn the optimum of a smoothed loss where a class is certain (F5)."""
    for case in cases:
        smoothing = case.run.strategy.loss_params.get("label_smoothing", 0.0)
        if not smoothing:
            continue
        classes = len(case.names)
        limit = (classes - (classes - 1) * smoothing) / smoothing
        if case.ratio > limit:
            weights = case.weight
            high, low = int(weights.argmax()), int(weights.argmin())
            yield Advice("warning", (case.index,), (
                f"with label smoothing {smoothing:g} and weights of 1 : {case.ratio:.3g}, a row that is surely "
                f"{case.names[low]} is best called {case.names[high]}: the smoothed part is weighted too. This happens beyond "
                f"1 : {limit:.3g}."
            ))  # fmt: skip


def batch_misses(cases: Sequence[Case]) -> Iterator[Advice]:
    """Batches that hold no row of the rare class, more often than not."""
    for case in cases:
        rare, (rows, own) = case.rarest, case.drawn
        chance = chance_of_none(own, rows, case.batch_size)
        if chance > OFTEN and case.batch_size > 1:
            yield Advice("warning", (case.index,), (
                f"{case.share(chance)} of the batches of {case.batch_size} {case.unit} hold no {case.decisions[:-1]} of "
                f"{case.names[rare]}: such a step learns nothing about it, whatever its weight. Take larger batches."
            ))  # fmt: skip


def weights_fade(cases: Sequence[Case]) -> Iterator[Advice]:
    """Small batches weaken weights where the mean divides by the sum of weights (F1, F4)."""
    for case in cases:
        counts = case.counts
        if not case.torch_mean or case.ratio < 1.05 or case.ratio == float("inf"):
            continue
        if case.batch_size == 1:
            yield Advice("warning", (case.index,), (
                "in a batch of one row the weight stands above and below the fraction line and cancels: the weights do "
                "nothing. Take larger batches, or the normaliser 'fixed'."
            ))  # fmt: skip
        elif len(counts) == 2 and case.run.strategy.sampler == "shuffle":
            w = float(case.weight[1] / case.weight[0])
            left = effective_ratio(w, float(counts[1] / counts.sum()), case.batch_size)
            if max(left, 1 / left) < FADED * max(w, 1 / w):
                yield Advice("note", (case.index,), (
                    f"in batches of {case.batch_size}, weights of 1 : {w:.3g} act like 1 : {left:.3g}, because each batch "
                    "divides by the weights that happen to be in it."
                ))  # fmt: skip


def undo_takes_too_much(cases: Sequence[Case]) -> Iterator[Advice]:
    """Undo subtracts the weights in full, also where small batches have weakened them (F4)."""
    for case in cases:
        weak = case.batch_size == 1 or any(advice.kind == "note" for advice in weights_fade([case]))
        if case.run.strategy.decision == "undo" and case.torch_mean and case.ratio > 1.05 and weak:
            yield Advice("warning", (case.index,), (
                "'undo' takes the weights off in full, but batches this small have weakened them: it takes too much. Take "
                "larger batches, or the normaliser 'fixed'."
            ))  # fmt: skip


def undo_of_nothing(cases: Sequence[Case]) -> Iterator[Advice]:
    """Undo divides by what training put on a class, and by nothing it cannot."""
    for case in cases:
        none = (case.counts > 0) & ((case.weight == 0) | (case.shift == -torch.inf))
        if case.run.strategy.decision == "undo" and bool(none.any()):
            yield Advice("warning", (case.index,), (
                f"training gives {case.named(none)} no weight at all, so there is nothing that 'undo' could divide by: its "
                "score stays as it is. Give it a small weight instead of 0."
            ))  # fmt: skip


def undo_is_not_all(cases: Sequence[Case]) -> Iterator[Advice]:
    """Undo adds constants to log odds; some losses do to them what no constant undoes."""
    for case in cases:
        if case.run.strategy.decision == "undo" and not case.run.ordered:
            yield Advice("note", (case.index,), (
                f"'undo' takes off what weights and sampler put on the log odds; what {case.run.loss.label} itself does to "
                "them is no constant, and stays."
            ))  # fmt: skip


def through_the_origin(cases: Sequence[Case]) -> Iterator[Advice]:
    """A normalised layer on bare features: cosines know directions only."""
    for case in cases:
        if case.run.loss.head == "normalised" and case.model == "linear":
            yield Advice("warning", (case.index,), (
                f"{case.run.loss.label} normalises the last layer and drops its bias; with a linear model every boundary then "
                "goes through the origin. Take the MLP."
            ))  # fmt: skip


def weight_of_zero(cases: Sequence[Case]) -> Iterator[Advice]:
    """A batch whose rows all have weight 0 divides 0 by 0 (F1)."""
    for case in cases:
        none = (case.weight == 0) & (case.counts > 0)
        if case.torch_mean and bool(none.any()):
            yield Advice("warning", (case.index,), (
                f"{case.named(none)} has weight 0, and a batch that holds nothing else divides 0 by 0: the loss becomes NaN, "
                "and the strategy diverges. Take a small weight instead of 0."
            ))  # fmt: skip


def one_curve(cases: Sequence[Case]) -> Iterator[Advice]:
    """Strategies whose weights differ by a common factor only: under cross-entropy's mean it cancels (F8)."""
    groups: list[list[Case]] = []
    for case in cases:
        if not case.torch_mean:
            continue
        for group in groups:
            if _same_but_for_scale(group[0], case):
                group.append(case)
                break
        else:
            groups.append([case])
    for group in groups:
        if len(group) > 1:
            same = all(bool(torch.equal(case.weight, group[0].weight)) for case in group)
            yield Advice("note", tuple(case.index for case in group), "they are the same and give one curve." if same else (
                "their weights differ by a common factor only, and the mean of this loss divides by the sum of weights: the "
                "factor cancels, and they give one curve."
            ))  # fmt: skip


def _same_but_for_scale(one: Case, other: Case) -> bool:
    first, second = one.run.strategy, other.run.strategy

    def rest(strategy: object) -> tuple[object, ...]:
        return tuple(
            getattr(strategy, name)
            for name in (
                "loss",
                "loss_params",
                "sampler",
                "sampler_params",
                "decision",
                "decision_params",
                "weights_from_epoch",
                "sample_weight",
            )
        )

    if rest(first) != rest(second) or Params(first.overrides) != Params(second.overrides):
        return False
    mine, theirs = (effective_prior(case.counts, case.weight) for case in (one, other))
    return bool(torch.allclose(mine, theirs, rtol=1e-9, atol=0.0))


RULES: tuple[Rule, ...] = (
    corrects_twice, smoothing_turns, batch_misses, weights_fade, undo_takes_too_much, undo_of_nothing, undo_is_not_all,
    through_the_origin, weight_of_zero, one_curve,
)  # fmt: skip
