"""Losses that move or stretch logits by class: logit adjustment (Menon et al. 2021), vector scaling (Kini et al. 2021)."""

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
    params=(
        Param(
            "tau",
            r"\tau",
            1.0,
            0.0,
            5.0,
            0.1,
            help="How much of the class shares the loss is told. 0: plain cross-entropy. 1: balanced softmax.",
        ),
    ),
    log_shift=adjusted_shift,
    code="ce = nn.CrossEntropyLoss(weight=class_weight)\n"
    "log_prior = torch.log(class_counts / class_counts.sum())\n"
    "criterion = lambda logits, targets: ce(logits + {tau} * log_prior, targets)",
)
def logit_adjusted(logits: Tensor, targets: Tensor, *, tau: Number, class_counts: Tensor) -> Tensor:
    """Cross-entropy of z + tau log pi; at prediction time the logits are read without the adjustment."""
    return true_class_nll(logits + log_prior(class_counts, tau).to(logits.dtype).unsqueeze(-2), targets)


def stretch(class_counts: Tensor, gamma: Number) -> Tensor:
    """Delta_c = (n_c / n_max)^gamma [..., C]: 1 for the most frequent class, and everywhere for gamma = 0."""
    return (class_counts / class_counts.amax(-1, keepdim=True)) ** gamma


@loss(
    key="vs",
    label="Vector scaling (VS)",
    formula=r"\ell = -\log \mathrm{softmax}(\Delta \odot z + \tau \log \pi)_y,\quad \Delta_c = (n_c / n_{max})^\gamma",
    source="Kini et al. 2021 (arXiv 2103.01550); CDT alone: Ye et al. 2020 (arXiv 2001.01385)",
    summary="Logit adjustment that also shrinks the logits of rare classes: they must grow larger, also late in training.",
    link="softmax",
    scores="per class",
    tasks=("binary", "multiclass"),
    reduction="weighted_mean",
    params=(
        Param("gamma", r"\gamma", 0.3, 0.0, 2.0, 0.05, help="How much rare classes are shrunk. 0: logit adjustment."),
        Param("tau", r"\tau", 1.0, 0.0, 5.0, 0.1, help="How much of the class shares is added. 0: stretching alone (CDT)."),
    ),
    log_shift=adjusted_shift,  # the additive part; the stretch is no constant on the log odds
    # With a stretch, adding a number to all Delta z changes no loss but the order of z: the optimum has no order of its own.
    ordered=lambda params, classes: params["gamma"] == 0,
    code="ce = nn.CrossEntropyLoss(weight=class_weight)\n"
    "stretch = (class_counts / class_counts.max()) ** {gamma}\n"
    "log_prior = torch.log(class_counts / class_counts.sum())\n"
    "criterion = lambda logits, targets: ce(stretch * logits + {tau} * log_prior, targets)",
)
def vs(logits: Tensor, targets: Tensor, *, gamma: Number, tau: Number, class_counts: Tensor) -> Tensor:
    """Cross-entropy of Delta z + tau log pi; at prediction time the logits are read as they are."""
    delta, iota = stretch(class_counts, gamma), log_prior(class_counts, tau)
    return true_class_nll(logits * delta.to(logits.dtype).unsqueeze(-2) + iota.to(logits.dtype).unsqueeze(-2), targets)
