"""Losses for several yes/no questions of one row: asymmetric loss (Ridnik et al. 2021), torch's MultiLabelSoftMargin."""

import torch
from torch import Tensor
from torch.nn import functional

from lib.losses.loss import Number, loss
from lib.registry import Param

STEEPEST = 80.0  # e^80 is a float32


@loss(
    key="asymmetric",
    label="Asymmetric (ASL)",
    formula=r"\ell = -t\,(1-p)^{\gamma_+} \log p - (1-t)\,p_m^{\gamma_-} \log(1-p_m),\quad p = \sigma(z),\; p_m = \max(p-m, 0)",
    source="Ridnik et al. 2021 (arXiv 2009.14119), eq. 7; Alibaba-MIIL/ASL, losses.py",
    summary="Sure negatives count less, and below the margin not at all. Summed over rows and labels, not averaged: larger "
    "batches take larger steps under SGD.",
    link="sigmoid",
    scores="one",
    tasks=("multilabel",),
    reduction="sum",
    params=(
        Param("gamma_pos", r"\gamma_+", 1.0, 0.0, 10.0, 0.5, help="How fast sure positives lose weight (the paper: often 0)."),
        Param("gamma_neg", r"\gamma_-", 4.0, 0.0, 10.0, 0.5, help="How fast sure negatives lose weight."),
        Param("margin", "m", 0.05, 0.0, 1.0, 0.01, help="Negatives below this probability count nothing."),
    ),
    ordered=lambda params, classes: False,
    code="def criterion(logits, targets):\n"
    "    p = torch.sigmoid(logits)\n"
    "    above = p > {margin}  # a no below the margin counts nothing\n"
    "    p_m = torch.where(above, p - {margin}, 0.5)\n"
    "    yes = (1 - p) ** {gamma_pos} * -F.logsigmoid(logits)\n"
    "    no = torch.where(above, p_m ** {gamma_neg} * -torch.log1p(-p_m), 0.0)\n"
    "    weight = scale * torch.where(targets > 0, pos_weight, 1.0)\n"
    "    return (weight * torch.where(targets > 0, yes, no)).sum()",
)
def asymmetric(logits: Tensor, targets: Tensor, *, gamma_pos: Number, gamma_neg: Number, margin: Number) -> Tensor:
    """The exact derivative: the focusing factors are not detached (as in the authors' AsymmetricLossOptimized).

    In logs: log p_m = log p + log(1 - m / p), log(1 - p_m) = log(1 - p + m), so that no power of 0 and no log of 0 occurs.
    """
    log_p, log_not_p = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    yes = -torch.exp(gamma_pos * log_not_p) * log_p
    m = torch.as_tensor(margin, dtype=logits.dtype)
    left = 1 - m * (1 + (-logits).clamp(max=STEEPEST).exp())  # 1 - m / p
    above = left > 0
    log_p_m = log_p + torch.where(above, left, 1.0).log()
    no = -torch.exp(gamma_neg * log_p_m) * torch.logaddexp(log_not_p, m.log()).clamp(max=0)
    return torch.where(targets > 0, yes, torch.where(above, no, 0.0))


@loss(
    key="multilabel_soft_margin",
    label="MultiLabelSoftMargin",
    formula=r"\ell = t\,\mathrm{softplus}(-z) + (1-t)\,\mathrm{softplus}(z)",
    source="PyTorch, MultiLabelSoftMarginLoss",
    summary="The mean over labels, then over rows: the same number and gradient as BCE with logits, under another name.",
    link="sigmoid",
    scores="one",
    tasks=("multilabel",),
    reduction="mean",
    code="def criterion(logits, targets):\n"
    "    weight = scale * torch.where(targets > 0, pos_weight, 1.0)  # MultiLabelSoftMarginLoss has no pos_weight\n"
    "    return F.multilabel_soft_margin_loss(logits, targets, weight=weight)",
)
def multilabel_soft_margin(logits: Tensor, targets: Tensor) -> Tensor:
    """-(t log sigmoid(z) + (1 - t) log sigmoid(-z)), one term per label."""
    t = targets.to(logits.dtype)
    return -(t * functional.logsigmoid(logits) + (1 - t) * functional.logsigmoid(-logits))
