"""Fair tuning: every strategy trains at each learning rate of a grid, and shows the one that is best for it.

One learning rate for all punishes the losses whose weights scale them. The best one is chosen by balanced accuracy on
validation, the mean over seeds: never by the weighted loss, which cannot be compared between strategies. All candidates
train together, as strategies of an experiment of their own.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.experiment import Experiment
from lib.registry import Params
from lib.strategy import Strategy, rates

METRIC = "balanced accuracy on validation"


@dataclass(frozen=True)
class Tuned:
    """The learning rates that a strategy tried, their scores (mean over seeds; NaN: not yet, or diverged), the chosen one."""

    rates: tuple[float, ...]
    scores: tuple[float, ...]
    chosen: int

    @property
    def lr(self) -> float:
        return self.rates[self.chosen]


def candidates(experiment: Experiment) -> Experiment:
    """The experiment whose strategies are all pairs of strategy and learning rate, in order; itself without a grid."""
    if not experiment.training.lr_grid:
        return experiment
    tried = [at_rate(s, lr) for s in experiment.strategies for lr in rates(s, experiment.training)]
    numbered = tuple(dataclasses.replace(strategy, name=str(number)) for number, strategy in enumerate(tried))
    return dataclasses.replace(experiment, strategies=numbered, training=dataclasses.replace(experiment.training, lr_grid=()))


def owners(experiment: Experiment) -> list[int]:
    """Of each candidate, the number of its strategy."""
    return [s for s, strategy in enumerate(experiment.strategies) for _ in rates(strategy, experiment.training)]


def at_rate(strategy: Strategy, lr: float) -> Strategy:
    return dataclasses.replace(strategy, overrides=Params({**strategy.overrides, "lr": lr}))


def choose(experiment: Experiment, scores: NDArray[np.float64], diverged: Mapping[tuple[int, int], int]) -> tuple[Tuned, ...]:
    """For each strategy its best learning rate, given the scores [candidates, R] on validation.

    A rate at which any seed diverged is out. Ties go to the first of the grid; without any score the rate stands that is
    nearest to the common one.
    """
    means = scores.mean(1)
    means[[candidate for candidate, _ in diverged]] = np.nan
    found, start = [], 0
    for strategy in experiment.strategies:
        tried = rates(strategy, experiment.training)
        own = means[start : start + len(tried)]
        start += len(tried)
        best = int(np.nanargmax(own)) if np.isfinite(own).any() else _nearest(tried, experiment.training.lr)
        found.append(Tuned(tried, tuple(own.tolist()), best))
    return tuple(found)


def picked(tuned: Sequence[Tuned]) -> list[int]:
    """The numbers of the chosen candidates."""
    starts = np.cumsum([0, *(len(own.rates) for own in tuned)])
    return [int(start) + own.chosen for start, own in zip(starts, tuned, strict=False)]


def _nearest(tried: Sequence[float], lr: float) -> int:
    return min(range(len(tried)), key=lambda k: abs(math.log(tried[k] / lr)))
