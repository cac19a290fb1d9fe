"""Losses with a margin: LDAM (Cao et al. 2019), wider for rare classes, and torch's multi-class hinge."""

import torch
from torch import Tensor

from lib.losses.cross_entropy import true_class_nll
from lib.losses.loss import Number, loss, per_logit
from lib.registry import Param


def margins(class_counts: Tensor, max_margin: Number) -> Tensor:
    """m_c = max_margin (n_min / n_c)^(1/4) [..., C], n_min the rarest class that has rows; 0 for a class without rows."""
    present = class_counts > 0
    rarest = torch.where(present, class_counts, torch.inf).amin(-1, keepdim=True)
    return max_margin * torch.where(present, (rarest / class_counts) ** 0.25, 0.0)


@loss(
    key="ldam",
    label="LDAM (margins by class)",
    formula=r"\ell = -\log \mathrm{softmax}\big(s\,(z - m_y e_y)\big)_y,\quad m_c = m\,(n_{min} / n_c)^{1/4},"
    r"\quad z_c = \cos(h, W_c)",
    source="Cao et al. 2019 (arXiv 1906.07413), eq. 13; LDAM-DRW, losses.py",
    summary="Rare classes must be right by a wider margin. Logits are cosines: the last layer is normalised, without bias. "
    "Its authors let weights start late: see 'weights from epoch'.",
    link="softmax",
    scores="per class",
    tasks=("binary", "multiclass"),
    reduction="weighted_mean",
    head="normalised",
    score_scale=lambda params: float(params["s"]),
    params=(
        Param("s", "s", 30.0, 0.1, 100.0, 1.0, help="Scale of the cosines before the softmax."),
        Param("max_margin", "m", 0.5, 0.0, 1.0, 0.05, help="Margin of the rarest class, as a cosine. 0: cross-entropy of s z."),
    ),
    ordered=lambda params, classes: params["max_margin"] == 0,
    code="ce = nn.CrossEntropyLoss(weight=class_weight)\n"
    "margin = {max_margin} * (class_counts.min() / class_counts) ** 0.25\n"
    "def criterion(cosines, targets):  # of F.normalize(features) and F.normalize(last_layer.weight)\n"
    "    return ce({s} * (cosines - margin * F.one_hot(targets, len(margin))), targets)",
)
def ldam(logits: Tensor, targets: Tensor, *, s: Number, max_margin: Number, class_counts: Tensor) -> Tensor:
    """Cross-entropy of s (z - m_y) at the true class and s z elsewhere; `logits` z are cosines, before the scale."""
    own = margins(class_counts.to(logits.dtype), max_margin).expand(*logits.shape[:-2], -1).gather(-1, targets)
    moved = logits - torch.zeros_like(logits).scatter(-1, targets.unsqueeze(-1), own.unsqueeze(-1))
    return true_class_nll(per_logit(s) * moved, targets)


@loss(
    key="multi_margin",
    label="Multi-class hinge (MultiMargin)",
    formula=r"\ell = \frac{1}{C} \sum_{j \ne y} \max(0,\; m - z_y + z_j)^p",
    source="PyTorch, MultiMarginLoss; Weston & Watkins 1999",
    summary="Rows that are right by the margin teach nothing more. Scores are no probabilities.",
    link="none",
    scores="per class",
    tasks=("binary", "multiclass"),
    reduction="mean",
    params=(
        Param("margin", "m", 1.0, 0.0, 100.0, 0.1, help="By how much the true class must lead."),
        Param("p", "p", 1, 1, 2, 1, help="The power of what is missing to the margin. 1: hinge. 2: squared hinge."),
    ),
    # Sums of hinges over pairs have the Bayes order for two classes, or squared (Zhang 2004; Tewari & Bartlett 2007).
    ordered=lambda params, classes: params["margin"] > 0 and (classes == 2 or params["p"] == 2),
    code="criterion = nn.MultiMarginLoss(p={p}, margin={margin}, weight=class_weight)",
)
def multi_margin(logits: Tensor, targets: Tensor, *, margin: Number, p: Number) -> Tensor:
    """The sum over the other classes, by the number of all classes. The weight of a row stands outside the power."""
    y = targets.unsqueeze(-1)
    short = (per_logit(margin) - logits.gather(-1, y) + logits).clamp(min=0).scatter(-1, y, 0.0)
    power = per_logit(p)
    return torch.where(torch.as_tensor(power == 2), short * short, short).sum(-1) / logits.shape[-1]
