"""Two criteria side by side: the value, and the gradient of the logits."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lib.data import Task
from lib.losses import LOSSES, coefficients, counted, reduce
from lib.weighting import element_weight

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
DTYPES = list(TOLERANCE)
Criterion = Callable[[Tensor], Tensor]


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def value_and_gradient(criterion: Criterion, logits: Tensor) -> tuple[Tensor, Tensor]:
    z = logits.detach().clone().requires_grad_()
    value = criterion(z)
    value.sum().backward()
    assert z.grad is not None
    return value.detach(), z.grad


def assert_agree(ours: Criterion, theirs: Criterion, logits: Tensor) -> None:
    """Same value and same gradient, relative to the size of the numbers and never looser than 1e-6 (float64: 1e-12)."""
    for mine, other in zip(value_and_gradient(ours, logits), value_and_gradient(theirs, logits), strict=True):
        torch.testing.assert_close(mine, other, rtol=TOLERANCE[logits.dtype], atol=TOLERANCE[logits.dtype])


def criterion(
    key: str,
    targets: Tensor,
    *,
    params: dict[str, Any] | None = None,
    class_weight: Tensor | None = None,
    class_counts: Tensor | None = None,
    reduction: str | None = None,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    task: Task | None = None,
    leading: int = 0,
) -> Criterion:
    """Our loss and our reduction as one function of the logits. `reduction` None: the record's own; "none": every term."""
    loss = LOSSES[key]
    values = {param.name: param.default for param in loss.params} | (params or {})

    def evaluate(logits: Tensor) -> Tensor:
        classes = logits.shape[-1] if loss.scores == "per class" else 2
        shape = (targets.shape[-1], 2) if task == "multilabel" else (classes,)
        weight = torch.ones(shape, dtype=logits.dtype) if class_weight is None else class_weight
        counts = torch.ones(shape, dtype=logits.dtype) if class_counts is None else class_counts
        context = {"class_weight": weight, "class_counts": counts}
        terms = loss.function(logits, targets, **values, **{name: context[name] for name in loss.context})
        factors = coefficients(
            {None: loss.reduction, "none": "sum"}.get(reduction, reduction),
            element_weight(weight, targets.clamp(min=0), task or "multiclass").to(logits.dtype),
            sample_weight=sample_weight,
            mask=counted(targets, values, mask),
            leading=leading,
            weighs_itself=loss.weighs_itself,
        )
        return factors * terms if reduction == "none" else reduce(terms, factors, leading=leading)

    return evaluate
