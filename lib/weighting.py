"""Schemes: class counts -> class weights.

Every scheme maps counts `[..., C]` (last axis the classes) to weights of the same shape, in float64. `scale` says what its
source normalises to: it matters for losses that do not divide by the sum of weights. A class without rows gets weight 0.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lib.data import Task
from lib.registry import Param, Params, Registry

EVERY_TASK: tuple[Task, ...] = ("binary", "multiclass", "multilabel", "sequence")
YES_NO: tuple[Task, ...] = ("binary", "multilabel", "sequence")

CAP = Param("cap", "w_{max}", None, 1e-6, 1e9, 1.0, help="No weight above this; left out: no cap.")


@dataclass(frozen=True)
class Scheme:
    """A rule for weights. `code` is the expression that a PyTorch user would write, with `counts` a float tensor [C]."""

    key: str
    label: str
    formula: str
    source: str
    scale: str
    summary: str
    code: str
    function: Callable[..., Tensor]
    params: tuple[Param, ...] = ()
    tasks: tuple[Task, ...] = EVERY_TASK


WEIGHTINGS: Registry[Scheme] = Registry("weighting")


def scheme(**fields: Any) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Decorator: register the function below as a scheme; `cap` is added to its parameters here."""
    params = (*fields.pop("params", ()), CAP)

    def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def capped(counts: Tensor, *, cap: float | None = None, **values: Any) -> Tensor:
            weights = function(counts, **values)
            return weights if cap is None else weights.clamp(max=cap)

        capped.__signature__ = _with_cap(function)  # type: ignore[attr-defined]
        WEIGHTINGS.add(Scheme(function=capped, params=params, **fields))
        return function

    return register


def _with_cap(function: Callable[..., Tensor]) -> inspect.Signature:
    signature = inspect.signature(function)
    cap = inspect.Parameter("cap", inspect.Parameter.KEYWORD_ONLY, default=None)
    return signature.replace(parameters=[*signature.parameters.values(), cap])


def class_weights(key: str, counts: Tensor, params: Params | None = None) -> Tensor:
    """Weights of a scheme for class counts [..., C]: float64, same shape, 0 where a class has no rows.

    Raises ValueError when the scheme does not fit the shape.
    """
    record = WEIGHTINGS.pick(key)
    values = {p.name: p.default for p in record.params} | dict(params or {})
    counts = counts.double()
    return torch.where(counts > 0, record.function(counts, **values), 0.0)


def weight_table(counts: Tensor, task: Task) -> dict[str, Tensor]:
    """Weights of every scheme that fits the task and needs no typing, by key; shapes as the counts."""
    return {key: class_weights(key, counts) for key, record in WEIGHTINGS.items() if task in record.tasks and key != "manual"}


def realised_ratio(weights: Tensor) -> float:
    """Largest weight to smallest, over classes that have one."""
    present = weights[weights > 0]
    return float(present.max() / present.min()) if len(present) else float("nan")


def _per_class(raw: Tensor, counts: Tensor) -> Tensor:
    """Scaled to mean 1 over the classes that have rows; raw values of classes without rows are ignored."""
    present = counts > 0
    raw = torch.where(present, raw, 0.0)
    return raw * present.sum(-1, keepdim=True) / raw.sum(-1, keepdim=True)


@scheme(
    key="none",
    label="None",
    formula=r"w_c = 1",
    source="-",
    scale="all 1",
    summary="Every row counts the same.",
    code="torch.ones_like(counts)",
)
def none(counts: Tensor) -> Tensor:
    return torch.ones_like(counts)


@scheme(
    key="inverse",
    label="Inverse frequency",
    formula=r"w_c \propto 1 / n_c",
    source="timm, class_weights 'inv_freq'",
    scale="mean 1 over classes",
    summary="A class with half the rows gets twice the weight.",
    code="(1 / counts) / (1 / counts).mean()",
)
def inverse(counts: Tensor) -> Tensor:
    return _per_class(1 / counts, counts)


@scheme(
    key="balanced",
    label="Balanced",
    formula=r"w_c = \frac{n}{C\, n_c}",
    source="scikit-learn, compute_class_weight; King & Zeng 2001",
    scale="mean 1 over rows",
    summary="Inverse frequency, scaled so that the average row keeps weight 1.",
    code="counts.sum() / (len(counts) * counts)",
)
def balanced(counts: Tensor) -> Tensor:
    present = (counts > 0).sum(-1, keepdim=True)
    return counts.sum(-1, keepdim=True) / (present * counts)


@scheme(
    key="sqrt",
    label="Inverse square root",
    formula=r"w_c \propto n_c^{-1/2}",
    source="timm, class_weights (power 0.5)",
    scale="mean 1 over classes",
    summary="Half way, on a log scale, between no weights and balanced.",
    code="counts**-0.5 / (counts**-0.5).mean()",
)
def sqrt(counts: Tensor) -> Tensor:
    return _per_class(counts**-0.5, counts)


@scheme(
    key="power",
    label="Inverse power",
    formula=r"w_c \propto n_c^{-a}",
    source="timm, class_weights (power)",
    scale="mean 1 over classes",
    summary="From no weights (a = 0) to inverse frequency (a = 1), and everything between.",
    params=(
        Param("a", "a", 0.5, 0.0, 2.0, 0.05, help="How far to go. 0: no weights. 0.5: square root. 1: inverse frequency."),
    ),
    code="counts**-{a} / (counts**-{a}).mean()",
)
def power(counts: Tensor, *, a: float) -> Tensor:
    return _per_class(counts**-a, counts)


@scheme(
    key="effective_number",
    label="Effective number",
    formula=r"w_c \propto \frac{1-\beta}{1-\beta^{n_c}}",
    source="Cui et al. 2019 (arXiv 1901.05555)",
    scale="sum C (mean 1 over classes)",
    summary="Extra rows of a class count less and less. Depends on absolute counts, not only on their ratio.",
    params=(
        Param(
            "beta",
            r"\beta",
            0.999,
            0.0,
            0.999999,
            0.001,
            help="How slowly extra rows stop counting. 0: no weights. Towards 1: inverse frequency.",
        ),
    ),
    code="((1 - {beta}) / (1 - {beta} ** counts.double())) / ((1 - {beta}) / (1 - {beta} ** counts.double())).mean()",
)
def effective_number(counts: Tensor, *, beta: float) -> Tensor:
    # expm1 keeps the digits that 1 - beta**n loses when n is small: 1e-4 relative in float32.
    numbers = -torch.expm1(torch.xlogy(counts, torch.tensor(beta, dtype=counts.dtype))) / (1 - beta)
    return _per_class(1 / numbers, counts)


@scheme(
    key="median_frequency",
    label="Median frequency",
    formula=r"w_c = \frac{\mathrm{median}(n)}{n_c}",
    source="Eigen & Fergus 2015 (arXiv 1411.4734), section 6.3.2",
    scale="1 for the median class",
    summary="Inverse frequency, scaled so that the middle class keeps weight 1.",
    code="counts.quantile(0.5) / counts",
)
def median_frequency(counts: Tensor) -> Tensor:
    middle = torch.where(counts > 0, counts, torch.nan).nanquantile(0.5, dim=-1, keepdim=True)
    return middle / counts


@scheme(
    key="enet",
    label="ENet log",
    formula=r"w_c = \frac{1}{\ln(c + \pi_c)}",
    source="Paszke et al. 2016 (arXiv 1606.02147)",
    scale="none: between 1.42 and 50.5 for c = 1.02",
    summary="Inverse of a shifted logarithm: rare classes hit a ceiling.",
    params=(Param("c", "c", 1.02, 1.001, 10.0, 0.01, help="Bounds the weights: the largest is 1 / ln c."),),
    code="1 / torch.log({c} + counts / counts.sum())",
)
def enet(counts: Tensor, *, c: float) -> Tensor:
    return 1 / torch.log(c + counts / counts.sum(-1, keepdim=True))


@scheme(
    key="pos_weight",
    label="pos_weight (neg / pos)",
    formula=r"w = \left(1,\; n_0 / n_1\right)",
    source="PyTorch, BCEWithLogitsLoss",
    scale="1 for the negative class",
    summary="Each positive weighs as much as all the negatives it stands against.",
    code="torch.stack([torch.ones(()), counts[0] / counts[1]])",
    tasks=YES_NO,
)
def pos_weight(counts: Tensor) -> Tensor:
    if counts.shape[-1] != 2:
        raise ValueError(f"pos_weight is for yes/no targets; here are {counts.shape[-1]} exclusive classes. Take 'inverse'.")
    negative, positive = counts.unbind(-1)
    # Without negatives there is nothing to stand against.
    return torch.stack([torch.ones_like(negative), torch.where(negative > 0, negative / positive, 1.0)], dim=-1)


@scheme(
    key="manual",
    label="Manual",
    formula=r"w_c = \text{yours}",
    source="-",
    scale="yours",
    summary="The weights you type, one per class in the order of the classes; of several labels the pos_weight of each.",
    params=(Param("weights", "w", (1.0, 10.0), 0.0, 1e9, 0.1, help="One weight per class, in class order.", length=(2, 1000)),),
    code="torch.tensor({weights}, dtype=counts.dtype)",
)
def manual(counts: Tensor, *, weights: tuple[float, ...]) -> Tensor:
    if counts.ndim > 1 and len(weights) == counts.shape[-2]:  # labels: one pos_weight each
        own = torch.tensor(weights, dtype=counts.dtype)
        return torch.stack([torch.ones_like(own), own], dim=-1).expand_as(counts)
    if len(weights) != counts.shape[-1]:
        raise ValueError(f"weights must have one value per class: {counts.shape[-1]} classes, got {len(weights)} weights.")
    return torch.tensor(weights, dtype=counts.dtype).expand_as(counts)


def element_weight(weights: Tensor, targets: Tensor, task: Task) -> Tensor:
    """The weight of each decision, in the shape of the targets: weights [..., C] for [..., N], [..., 2] for [..., N, T],
    [..., L, 2] for [..., N, L]."""
    if task == "multilabel":
        return torch.where(targets > 0, weights[..., 1].unsqueeze(-2), weights[..., 0].unsqueeze(-2))
    decisions = targets.flatten(weights.ndim - 1).long()
    return weights.gather(-1, decisions).view(targets.shape)
