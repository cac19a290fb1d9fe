"""The registry of losses, and the one reduction.

A loss is a function `loss(logits, targets, **params) -> terms`: one term per decision, no weights, no mean. What turns
terms into the number that is optimised stands here, once, for all of them.

Shapes (leading dimensions `...`, e.g. K runs trained together, are free):
  softmax losses  logits [..., N, C], targets [..., N] int64             -> terms [..., N]
  yes/no losses   logits and targets [..., N], [..., N, L] or [..., N, T] -> terms of the same shape
A parameter is a float or a tensor that broadcasts against the terms. Context that a loss may name in its signature:
`class_weight`, `class_counts` ([..., C], or [..., 2] / [..., L, 2] for yes/no losses).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from lib.data import Task
from lib.registry import Param, Registry, keyword_names

Number = float | Tensor
Link = Literal["softmax", "sigmoid", "none"]
Reduction = Literal["weighted_mean", "mean", "sum"]
Head = Literal["linear", "normalised"]

CONTEXT = ("class_weight", "class_counts")
IGNORE = Param(
    "ignore_index",
    "",
    -100,
    -100,
    999,
    1,
    help="Rows of this class are left out of the loss and of its divisor; -100: none.",
)


@dataclass(frozen=True)
class Loss:
    """A loss on record.

    `link` maps logits to probabilities (none: the scores are not probabilities); `scores` says how many outputs it needs.
    `reduction` is torch's own for it. `code` defines `criterion(logits, targets)` in plain PyTorch, with the names
    `class_weight` [C], `class_counts` [C] and, for yes/no losses, `scale` and `pos_weight` (w0 and w1/w0) given.
    `log_shift(class_counts, params)` [C] is how far the loss itself moves the log odds of its optimum off the posterior, as
    far as a constant can say it. `posterior(scores, params)` [..., C] turns class scores into those whose softmax is the
    posterior, where the optimum is another function of it (focal); the log odds that weights and `log_shift` add are still in
    them. `ordered(params, classes)`: whether the largest score of its optimum is that of the weighted, shifted posterior, so
    that theory knows its boundary (None: always).
    `head` is the last layer that it needs: `normalised` gives the cosines between features and class weights.
    `score_scale(params)`: what the loss multiplies logits with before the softmax, and probabilities and decisions too.
    `separable(params)`, of a loss that weighs itself: the class weight is a factor of each term. The engine then calls it
    with `class_weight=None` and leaves the weight to the reduction, outside the step (a fifth of a step of one run).
    """

    key: str
    label: str
    formula: str
    source: str
    summary: str
    link: Link
    scores: Literal["per class", "one"]
    tasks: tuple[Task, ...]
    reduction: Reduction
    code: str
    function: Callable[..., Tensor]
    params: tuple[Param, ...] = ()
    log_shift: Callable[[Tensor, Mapping[str, Any]], Tensor] | None = None
    posterior: Callable[[Tensor, Mapping[str, Any]], Tensor] | None = None
    separable: Callable[[Mapping[str, Any]], bool] | None = None
    ordered: Callable[[Mapping[str, Any], int], bool] | None = None
    head: Head = "linear"
    score_scale: Callable[[Mapping[str, Any]], float] | None = None

    @property
    def context(self) -> tuple[str, ...]:
        """Names of the context that the function wants."""
        return tuple(name for name in keyword_names(self.function) if name in CONTEXT)

    @property
    def weighs_itself(self) -> bool:
        """Whether terms come back already multiplied by the class weights."""
        return "class_weight" in self.context

    def outputs(self, classes: int, labels: int = 1) -> int:
        """How many numbers the model puts out per row (or time step)."""
        return classes if self.scores == "per class" else labels


LOSSES: Registry[Loss] = Registry("loss", context=CONTEXT)


def loss(**fields: Any) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Decorator: register the function below as a loss with these fields."""

    def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        LOSSES.add(Loss(function=function, **fields))
        return function

    return register


def per_logit(number: Number) -> Number:
    """A parameter that broadcasts against terms [..., N], as one that broadcasts against logits [..., N, C]."""
    return number.unsqueeze(-1) if isinstance(number, Tensor) else number


def counted(targets: Tensor, params: Mapping[str, Any], mask: Tensor | None = None) -> Tensor | None:
    """Which decisions count: the mask without rows of the ignored class. None: all of them."""
    ignored = params.get("ignore_index")
    if ignored is None or (not isinstance(ignored, Tensor) and ignored < 0 and not bool((targets == ignored).any())):
        return mask
    kept = targets != ignored
    return kept if mask is None else kept & (mask != 0)


def coefficients(
    reduction: Reduction,
    weight: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    leading: int = 0,
    weighs_itself: bool = False,
) -> Tensor:
    """What each term is multiplied with, so that the loss is `sum(coefficients * terms)`.

    The reduction: numerator sum(m s w l); divisor sum(m s w) for `weighted_mean` (torch's CrossEntropyLoss, NLLLoss),
    sum(m) for `mean` (torch's BCE family), 1 for `sum`. `weight` w, `sample_weight` s and `mask` m broadcast to the shape
    of the terms; the first `leading` dimensions are kept apart (one divisor each). For a loss that `weighs_itself`, w is
    in the divisor only. A divisor of 0 gives NaN, as in torch.
    """
    numerator = weight if sample_weight is None else weight * sample_weight
    outer = torch.ones_like(weight) if sample_weight is None else sample_weight.expand_as(weight)
    if mask is not None:
        keep = mask.to(weight.dtype)
        numerator, outer = numerator * keep, outer * keep
    divided = tuple(range(leading, weight.ndim))
    if reduction == "weighted_mean":
        divisor = numerator.sum(divided, keepdim=True)
    elif reduction == "mean":
        counts = torch.ones_like(weight) if mask is None else mask.to(weight.dtype).expand_as(weight)
        divisor = counts.sum(divided, keepdim=True)
    else:
        divisor = torch.ones((), dtype=weight.dtype)
    return (outer if weighs_itself else numerator) / divisor


def reduce(terms: Tensor, weights: Tensor, *, leading: int = 0) -> Tensor:
    """sum(coefficients * terms) over all but the first `leading` dimensions."""
    return (weights * terms).sum(tuple(range(leading, terms.ndim)))
