"""The registry of torch's own classification criteria, each with its arithmetic written out in numpy.

Nothing here calls torch: what a criterion works out by hand is the check of torch, and torch is the check of it.

Shapes: M lines (rows, or row x place), K columns (classes, labels, or one yes/no question).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lib.registry import Param, Registry

Array = NDArray[np.float64]
Given = Literal["logits", "probabilities"]


@dataclass(frozen=True, eq=False)
class Numbers:
    """A batch as arrays. `inputs` [M, K] float64, as the batch's dtype holds them.

    `index` [M] is the true class, -1 where the row is ignored (criteria of classes with index targets); `targets` [M, K]
    are probabilities or yes/no, NaN where padding. `given` says what the inputs are.
    """

    inputs: Array
    given: Given
    targets: Array
    index: NDArray[np.int64] | None
    weight: Array  # [K]
    pos_weight: Array  # [K]
    row_weight: Array  # [M]


@dataclass(frozen=True, eq=False)
class Work:
    """The terms of a batch, by hand; what is [M] for criteria of classes is [M, K] for yes/no questions.

    `weighted` is w*l and `weights` is w, NaN where several weights act on one term; `counts` is what a term adds to the
    divisor of the mean, and `divisor` names it; `gradient` [M, K] is that of the sum of `weighted`, by logit (or by
    probability where the criterion takes those and those were given). `inner`: what torch divides by inside a row.
    """

    probability: Array  # [M, K]
    losses: Array
    weights: Array
    weighted: Array
    counts: Array
    gradient: Array
    divisor: str
    inner: float = 1.0


@dataclass(frozen=True)
class Criterion:
    """One of torch's criteria. `function(numbers, **params) -> Work`; `label` is its name in torch.nn.

    `worked(numbers, line, column, **params)` is its formula with the numbers of one term in it, as LaTeX. `yes_no`: every
    column is a question of its own. `dense`: takes [N, K, T] and [N, K, H, W], and targets may be left out.
    `own_row_weight`: torch's `weight` is one per element.
    """

    key: str
    label: str
    formula: str
    source: str
    summary: str
    function: Callable[..., Work]
    worked: Callable[..., str]
    takes: Given | Literal["log-probabilities"]
    params: tuple[Param, ...] = ()
    given: tuple[Given, ...] = ("logits", "probabilities")
    yes_no: bool = False
    soft_targets: bool = False
    pos_weight: bool = False
    dense: bool = True
    own_row_weight: bool = False

    def differentiates(self, given: Given) -> str:
        """By what the gradient is taken."""
        return "probability" if given == "probabilities" and self.takes != "logits" else "logit"


CRITERIA: Registry[Criterion] = Registry("criterion")


def criterion(**fields: Any) -> Callable[[Callable[..., Work]], Callable[..., Work]]:
    """Decorator: register the function below as a criterion with these fields."""

    def register(function: Callable[..., Work]) -> Callable[..., Work]:
        CRITERIA.add(Criterion(function=function, **fields))
        return function

    return register


def tex(value: float) -> str:
    """A number inside a formula: four significant digits."""
    if np.isnan(value):
        return r"\mathrm{NaN}"
    if np.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    digits, _, power = f"{value:.4g}".partition("e")
    return rf"{digits}\cdot 10^{{{int(power)}}}" if power else digits


def signed(value: float) -> str:
    """A number that stands behind an operator: in brackets where it is negative."""
    return f"({tex(value)})" if value < 0 else tex(value)
