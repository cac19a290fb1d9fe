"""What a comparison shows, in two to four sentences, each with its interval: learning, or a moved threshold?

A verdict is about one strategy and the baseline, on the test rows. Its sentences are made of what was measured there; one
whose number the rows and seeds cannot carry says so, or is left out. Of several labels it is about the one with the fewest
rows; of series about all steps that count, where series are drawn, not steps.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from lib.bootstrap import Classes, Difference, class_precision, class_recall, mean_recall, paired_difference
from lib.data import Dataset
from lib.evaluation import RunResult
from lib.operating.scored import Sample, Scored, intercept, scored
from lib.snapshot import At, Snapshot
from lib.tasks import series_of_steps

Array = NDArray[np.float64]

SAME = 0.02  # two recalls, or two precisions, that are called the same
FACTOR = 1.5  # odds that are wrong by less are not worth a sentence
RESTORED = 1.25  # and those within this factor are called right


@dataclass(frozen=True, eq=False)
class Case:
    """What a verdict rests on: R seeds of a baseline and of another strategy on N test rows; all arrays [R, N].

    `shared`: all seeds read the same rows. `moved`: the baseline read where the other strategy's training puts its threshold,
    said in words by `reading`; None where there is nothing to move. `odds`: log odds that the other strategy gives the rarest
    class, None where its scores are no probabilities; `undone`: with what its training put on them taken off (`put_on`, in
    words), None where that is nothing or unknown. `series` [N]: the series that each is a step of, None for rows. `labels`: how
    many there are beside the one it is about.
    """

    baseline: str
    name: str
    class_names: tuple[str, ...]
    rare: int
    y_true: Classes
    plain: Classes
    other: Classes
    shared: bool = True
    moved: Classes | None = None
    reading: str = ""
    odds: Array | None = None
    undone: Array | None = None
    put_on: str = "the weights"
    series: Classes | None = None
    labels: int = 0

    @property
    def unit(self) -> str:
        return "row" if self.series is None else "step"

    @property
    def binary(self) -> bool:
        return len(self.class_names) == 2

    @property
    def target(self) -> str:
        """What the verdict is about, in words: the recall of the rare class, or the mean over all classes of several."""
        return f"recall of “{self.class_names[self.rare]}”" if self.binary else "the mean recall of all classes"

    @property
    def cost(self) -> str:
        """What a higher recall is paid with."""
        return "precision" if self.binary else "accuracy"

    @property
    def evidence(self) -> str:
        """Seeds, and the test rows behind the recall (of each seed)."""
        rows = int((self.y_true[0] == self.rare).sum()) if self.binary else self.y_true.shape[1]
        of = f" {'with' if self.labels else 'of'} “{self.class_names[self.rare]}”" if self.binary else ""
        series = "" if self.series is None else f" in {_count(len(np.unique(self.series)), 'series', 'series')}"
        return f"{_count(len(self.plain), 'seed')}, {_count(rows, f'test {self.unit}')}{of}{series}"

    @cached_property
    def gain(self) -> Difference:
        """Recall of the other strategy over the baseline's."""
        return self._recall(self.plain, self.other)

    @cached_property
    def price(self) -> Difference:
        return self._cost(self.plain, self.other)

    @cached_property
    def beyond(self) -> tuple[Difference, Difference] | None:
        """Recall and cost of the other strategy over those of the baseline with its threshold moved."""
        return None if self.moved is None else (self._recall(self.moved, self.other), self._cost(self.moved, self.other))

    def _recall(self, first: Classes, second: Classes) -> Difference:
        measure = class_recall(self.rare) if self.binary else mean_recall
        return paired_difference(self.y_true, first, second, measure, shared=self.shared, series=self.series)

    def _cost(self, first: Classes, second: Classes) -> Difference:
        measure = class_precision(self.rare) if self.binary else _right
        return paired_difference(self.y_true, first, second, measure, shared=self.shared, series=self.series)


def _right(counts: Array, y_true: Classes, y_pred: Classes) -> Array:
    share: Array = counts[:, y_true == y_pred].sum(1) / counts.sum(1)
    return share


def sentences(case: Case) -> list[str]:
    """The gain and its price, how much of it a threshold gives, what happened to probabilities and to accuracy."""
    return [sentence for rule in (gain, threshold, calibration, accuracy, others) if (sentence := rule(case)) is not None]


def gain(case: Case) -> str:
    """What changed, and its price. Names no winner on one seed, nor where the interval covers 0."""
    found = case.gain
    if (case.plain == case.other).all():
        return f"“{case.name}” and “{case.baseline}” say the same of every test {case.unit} ({case.evidence})."
    if not math.isfinite(found.value):
        which = "has the label" if case.labels else "is of class"
        return f"No test {case.unit} {which} “{case.class_names[case.rare]}”: {case.target} cannot be measured."
    if not found.clear:
        return (
            f"In {case.target} there is no difference that this can show between “{case.name}” and “{case.baseline}”: "
            f"{_signed(found)} ({case.evidence})."
        )
    price = ""
    if math.isfinite(case.price.value):
        level = "the same" if abs(case.price.value) < 0.005 else f"{_size(case.price.value)} {_level(case.price.value)}"
        price = f", at {level} {case.cost}"
    if len(case.plain) == 1:
        return (
            f"In this one run {case.target} is {_amount(found)} {_level(found.value)} with “{case.name}” than with "
            f"“{case.baseline}” ({case.evidence}){price}. One seed cannot say which strategy is better: train more."
        )
    verb = "raises" if found.value > 0 else "lowers"
    return f"“{case.name}” {verb} {case.target} by {_amount(found)} over “{case.baseline}” ({case.evidence}){price}."


def threshold(case: Case) -> str | None:
    """How much of the difference the baseline reaches when nothing but its threshold is moved."""
    if case.beyond is None or not case.gain.clear:
        return None
    recall, cost = case.beyond
    change, start = "gain" if case.gain.value > 0 else "loss", f"Read at {case.reading}, “{case.baseline}”"
    part = 1 - recall.value / case.gain.value  # of the change, what the threshold gives
    if abs(recall.value) <= SAME:
        same = f"{start} reaches the same recall within {max(math.ceil(abs(recall.value) * 100), 1) / 100:.2f}"
        if cost.clear and abs(cost.value) > SAME:
            other, more = ("lower", "more") if cost.value > 0 else ("higher", "worse")
            return f"{same}, but at {_amount(cost)} {other} {case.cost}: the {change} is {more} than a moved threshold."
        return f"{same}: {'the' if part >= 0.9 else 'most of the'} {change} is a moved threshold."
    if part > 1:
        return f"{start} goes further by {_size(recall.value)}: nothing here is more than a moved threshold."
    if part < 0:
        return f"{start} does not move that way at all: the {change} is no moved threshold."
    reached = f"{start} reaches {_size(case.gain.value - recall.value)} of the {_size(case.gain.value)}"
    if not recall.clear:
        return f"{reached}; whether the rest is more than a moved threshold, this cannot show: {_signed(recall)}."
    return f"{reached}: the other {_amount(recall)} is more than a moved threshold."


def calibration(case: Case) -> str | None:
    """By what factor the odds of the rare class are off, and whether undoing the shift of training restores them."""
    if case.odds is None:
        return None
    positive = case.y_true == case.rare
    places = [own.sum() if case.series is None else len(np.unique(case.series[own])) for own in (positive[0], ~positive[0])]
    noise = 2 / math.sqrt(max(min(places), 1))  # about two standard errors of a log odds; of steps at most their series count
    off = mean_log_odds_error(case.odds, positive)
    if not abs(off) > max(math.log(FACTOR), noise):  # NaN included
        return None
    start = f"Its odds of “{case.class_names[case.rare]}” are {_times(off)}"
    if case.undone is None:
        return f"{start}; no weight put that there that could be undone."
    left = mean_log_odds_error(case.undone, positive)
    if abs(left) < max(math.log(RESTORED), noise):
        return f"{start}; undoing {case.put_on} restores them."
    return f"{start}; with {case.put_on} undone they are {_times(left)}."


def accuracy(case: Case) -> str | None:
    """Where a strategy is right less often than a constant answer: the price, and no fault."""
    majority = float(np.bincount(case.y_true[0]).max() / case.y_true.shape[1])
    ours, plain = (float((predicted == case.y_true).mean()) for predicted in (case.other, case.plain))
    if not (ours < majority <= plain and case.gain.clear and case.gain.value > 0):
        return None
    return (
        f"It is right in {ours:.1%} of the {case.unit}s, less often than always saying the most frequent class "
        f"({majority:.1%}): accuracy follows the frequent class, and some of that was given up for the rare one."
    )


def others(case: Case) -> str | None:
    """That there are other labels, and where they are read."""
    if not case.labels:
        return None
    return f"Of {case.labels} labels this is the one with the fewest rows; the page Decisions reads each."


def mean_log_odds_error(odds: Array, positive: NDArray[np.bool_]) -> float:
    """How much too high log odds [R, N] are, mean over seeds; `positive` [R, N]. NaN without both classes.

    Minus the calibration intercept at slope 1: the number that makes the mean probability equal the share of positives.
    """
    both = zip(odds, positive, strict=True)
    return -float(
        np.mean([intercept(Sample(yes.astype(np.int64), own)) if np.isfinite(own).all() else np.nan for own, yes in both])
    )


def verdict(snapshot: Snapshot, results: Mapping[At, RunResult], baseline: int = 0) -> list[str]:
    """Sentences on the strategy whose recall differs most from the baseline's, on the test rows of a finished training.

    Raises ValueError when there is no such baseline.
    """
    strategies, seeds = snapshot.experiment.strategies, range(len(snapshot.experiment.seeds))
    if not 0 <= baseline < len(strategies):
        raise ValueError(f"Expected a baseline among {len(strategies)} strategies (from 0), got {baseline}.")
    if len(strategies) < 2:
        return ["One strategy alone shows no difference: add a second to compare it with."]
    rare, label = _rarest(snapshot.dataset)
    binary = label is not None or len(snapshot.dataset.class_names) == 2
    both = {
        s: [r for r in seeds if not (results[s, r].diverged or results[baseline, r].diverged)]
        for s in range(len(strategies))
        if s != baseline
    }

    def difference(s: int) -> float:
        recalls = [[results[at, r].recall for r in both[s]] for at in (s, baseline)]
        read = [np.mean([r[rare if label is None else label] if binary else np.nanmean(r) for r in row]) for row in recalls]
        return abs(float(read[0] - read[1]))

    compared = [s for s in both if both[s]]
    if not compared:
        return ["No seed of two strategies ended with finite numbers: there is nothing to compare."]
    if snapshot.dataset.task == "sequence" and snapshot.experiment.data.resample:
        return ["Each seed has series of its own, so steps cannot be compared one by one. Train all seeds on the same series."]
    widest = max(compared, key=lambda s: np.nan_to_num(difference(s)))
    return sentences(compare(snapshot, baseline, widest, both[widest]))


def _rarest(dataset: Dataset) -> tuple[int, int | None]:
    """What a verdict is about: the rarest class; of several labels (yes, and the label that the fewest rows have)."""
    counts = dataset.class_counts()
    if dataset.task != "multilabel":
        return int(counts.argmin()), None
    some = torch.where(counts[:, 1] > 0, counts[:, 1], torch.inf)
    return 1, int(some.argmin())


def compare(snapshot: Snapshot, baseline: int, other: int, seeds: Sequence[int]) -> Case:
    """The case of two strategies, for those of their seeds that ended with finite numbers."""
    rare, label = _rarest(snapshot.dataset)
    pairs = [(snapshot.models[baseline, r], snapshot.models[other, r]) for r in seeds]
    plain, trained = ([scored(pair[side], test=True, label=label) for pair in pairs] for side in (0, 1))
    names = snapshot.dataset.class_names
    classes = names if label is None else (f"no {names[label]}", names[label])
    moved, reading = _moved(plain, trained, binary=len(classes) == 2)
    one = trained[0]
    series = series_of_steps(snapshot.dataset.test, snapshot.dataset.task)
    return Case(
        snapshot.experiment.strategies[baseline].name, snapshot.experiment.strategies[other].name, classes, rare,
        y_true=np.array([own.truth("test") for own in trained]),
        plain=np.array([own.classes("test") for own in plain]), other=np.array([own.classes("test") for own in trained]),
        shared=not snapshot.experiment.data.resample, moved=moved, reading=reading,
        odds=_odds(trained, rare, undone=False) if one.calibrated else None,
        undone=_odds(trained, rare, undone=True) if one.moved else None,
        put_on=" and ".join(["the weights"] * one.weighted + ["the loss's own map"] * one.mapped),
        series=None if series is None else series.numpy(), labels=0 if label is None else len(names),
    )  # fmt: skip


def _odds(runs: Sequence[Scored], rare: int, *, undone: bool) -> Array:
    """Log odds [R, N] of the rarest class on the test rows."""
    return np.array([own.sample("test", rare, undone=undone).score for own in runs])


def _moved(plain: Sequence[Scored], trained: Sequence[Scored], *, binary: bool) -> tuple[Classes | None, str]:
    """The baseline's scores read as the other strategy's training and decision read its own, and that in words.

    Where theory knows what weights, sampler, loss and decision do to log odds, their difference moves the baseline's. Where it
    knows of none, two classes are read at the threshold that flags as many validation rows as the other strategy does.
    """
    asked = trained[0].offset + torch.as_tensor(trained[0].shift - plain[0].shift)
    change = asked - plain[0].offset
    known = plain[0].model.run.ordered and trained[0].model.run.ordered
    if known and change.max() - change.min() > 1e-6:
        moved = [own.classes("test", asked) for own in plain]
        if not binary:
            return np.array(moved), "the scores that those weights ask for"
        return np.array(moved), f"threshold {_fraction(1 / (1 + math.exp(asked[1] - asked[0])))}"
    if not binary:
        return None, ""
    return np.array([_as_many(a, b) for a, b in zip(plain, trained, strict=True)]), "a threshold that flags as many rows"


def _as_many(plain: Scored, trained: Scored) -> Classes:
    flagged = trained.classes("validation").mean()
    cut = np.quantile(plain.sample("validation", 1, undone=False).score, 1 - flagged)
    return (plain.sample("test", 1, undone=False).score > cut).astype(np.int64)


def _count(number: int, what: str, many: str | None = None) -> str:
    return f"{number:,} {what if number == 1 else many or what + 's'}".replace(",", "\u2009")


def _size(value: float) -> str:
    return f"{abs(value):.2f}"


def _level(value: float) -> str:
    return "higher" if value > 0 else "lower"


def _signed(found: Difference) -> str:
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def _amount(found: Difference) -> str:
    """How much, whatever the direction, with its interval."""
    low, high = (found.low, found.high) if found.value > 0 else (-found.high, -found.low)
    return f"{_size(found.value)} [{low:.2f}, {high:.2f}]"


def _times(log_factor: float) -> str:
    factor = float(f"{math.exp(min(abs(log_factor), 50.0)):.2g}")
    return f"{factor:{'.0f' if factor >= 10 else 'g'}} times too {'high' if log_factor > 0 else 'low'}"


def _fraction(share: float) -> str:
    """A threshold as people write it: 1/20 where it is one over a whole number, else to three digits."""
    if 0 < share < 0.5 and abs(1 / share - round(1 / share)) < 0.01:
        return f"1/{round(1 / share)}"
    return f"{share:.3g}"
