"""Losses that move logits by class: logit adjustment (Menon et al. 2021, arXiv 2007.07314)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lib.losses.cross_entropy import true_class_nll
from lib.losses.loss import Number, loss
from lib.registry import Param


def log_prior(class_counts: Tensor, tau: Number) -> Tensor:
    """tau log(n_c / n) [..., C]: -inf for a class without rows, and 0 everywhere for tau = 0."""
    prior = class_counts / class_counts.sum(-1, keepdim=True)
    return torch.xlogy(torch.as_tensor(tau, dtype=prior.dtype), prior)


def adjusted_shift(class_counts: Tensor, params: Mapping[str, Any]) -> Tensor:
    return -log_prior(class_counts, params["tau"])


@loss(
    key="logit_adjusted",
    label="Logit-adjusted (= balanced softmax at tau 1)",
    formula=r"\ell = -\log \mathrm{softmax}(z + \tau \log \pi)_y",
    source="Menon et al. 2021 (arXiv 2007.07314), eq. 10; tau = 1: Ren et al. 2020 (arXiv 2007.10740)",
    summary="Tells the loss the class shares, so that the logits need not learn them: argmax then favours no class.",
    link="softmax",
    scores="per class",
    tasks=("binary", "multiclass"),
    reduction="weighted_mean",
    params=(Param("tau", r"\tau", 1.0, 0.0, 5.0, 0.1, help="0: plain cross-entropy. 1: balanced softmax."),),
    log_shift=adjusted_shift,
    code="ce = nn.CrossEntropyLoss(weight=class_weight)\n"
    "log_prior = torch.log(class_counts / class_counts.sum())\n"
    "criterion = lambda logits, targets: ce(logits + {tau} * log_prior, targets)",
)
def logit_adjusted(logits: Tensor, targets: Tensor, *, tau: Number, class_counts: Tensor) -> Tensor:
    """Cross-entropy of z + tau log pi; at prediction time the logits are read without the adjustment."""
    return true_class_nll(logits + log_prior(class_counts, tau).to(logits.dtype).unsqueeze(-2), targets)
