"""Focal loss: rows that the model is already sure of count less (Lin et al. 2017, arXiv 1708.02002)."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lib.losses.binary import YES_NO
from lib.losses.loss import Number, loss
from lib.registry import Param


def focal_posterior(scores: Tensor, params: Mapping[str, Any]) -> Tensor:
    """-log a(q_c) [..., C] of q = softmax(scores), a(q) = (1-q)^gamma / q - gamma (1-q)^(gamma-1) log q.

    At the optimum eta_c a(q_c) is the same for every class (Charoenphakdee et al. 2021, arXiv 2011.09172); a class weight
    multiplies its a. In logs, with 1 - q as the sum of the others; where q rounds to 1, -log q is 1 - q.
    """
    gamma = float(params["gamma"])
    log_q = scores.log_softmax(-1)
    top = log_q.argmax(-1, keepdim=True)  # no other probability is above a half
    beside_top = log_q.scatter(-1, top, -torch.inf).logsumexp(-1, keepdim=True)
    log_rest = torch.log1p(-log_q.exp().clamp(max=0.5)).scatter(-1, top, beside_top)
    if gamma == 0:
        return log_q
    minus_log_q = torch.where(log_rest > -20, (-log_q).clamp(min=0), log_rest.exp())
    log_a = (gamma - 1) * log_rest + torch.logaddexp(log_rest - log_q, math.log(gamma) + minus_log_q.log())
    return -log_a


GAMMA = Param("gamma", r"\gamma", 2.0, 0.0, 10.0, 0.1, help="How fast sure rows lose weight; 0 is the plain loss.")


@loss(
    key="focal",
    label="Focal (softmax)",
    formula=r"\ell = -(1-p_y)^\gamma \log p_y,\quad p = \mathrm{softmax}(z)",
    source="Lin et al. 2017 (arXiv 1708.02002), for classes that exclude each other",
    summary="Cross-entropy that looks away from sure rows. Moves no decision by itself; makes probabilities timid.",
    link="softmax",
    scores="per class",
    tasks=("binary", "multiclass"),
    reduction="mean",
    params=(GAMMA,),
    posterior=focal_posterior,
    code="def criterion(logits, targets):\n"
    "    ce = F.cross_entropy(logits, targets, reduction='none')\n"
    "    p = torch.exp(-ce)\n"
    "    return (class_weight[targets] * (1 - p) ** {gamma} * ce).mean()",
)
def focal(logits: Tensor, targets: Tensor, *, gamma: Number) -> Tensor:
    """(1 - p_y)^gamma * -log p_y, with 1 - p_y as the summed probability of the other classes.

    In logs, so that its power has a finite gradient where p_y rounds to 1; of log-softmax, whose numbers are near 0
    where it matters: of raw logits, log(1 - p_y) would lose two digits of float32.
    """
    y = targets.unsqueeze(-1)
    log_p = logits.log_softmax(-1)
    log_rest = log_p.scatter(-1, y, -torch.inf).logsumexp(-1)
    return -torch.exp(gamma * log_rest) * log_p.gather(-1, y).squeeze(-1)


def alpha_shift(class_counts: Tensor, params: Mapping[str, Any]) -> Tensor:
    """(log(1 - alpha), log alpha), the larger one moved to 0: exact where gamma is 0; gamma alone moves no decision."""
    share = torch.tensor([1 - params["alpha"], params["alpha"]], dtype=class_counts.dtype).log()
    return share - share.max()


@loss(
    key="sigmoid_focal",
    label="Focal (sigmoid)",
    formula=r"\ell = \alpha_t (1-p_t)^\gamma\, \mathrm{softplus}(-z_t),\quad \alpha_t = \alpha t + (1-\alpha)(1-t)",
    source="Lin et al. 2017 (arXiv 1708.02002), eq. 5; torchvision, sigmoid_focal_loss",
    summary="One yes/no question per logit. alpha below 0.5 turns positives DOWN (RetinaNet's 0.25 does).",
    link="sigmoid",
    scores="one",
    tasks=YES_NO,
    reduction="mean",
    params=(
        GAMMA,
        Param(
            "alpha",
            r"\alpha",
            0.5,
            0.0,
            1.0,
            0.05,
            help="Weight of positives; negatives get 1 - alpha. 0.5: no preference.",
        ),
    ),
    log_shift=alpha_shift,
    posterior=focal_posterior,
    code="def criterion(logits, targets):\n"
    "    z_t = (2 * targets - 1) * logits\n"
    "    alpha_t = {alpha} * targets + (1 - {alpha}) * (1 - targets)\n"
    "    weight = scale * torch.where(targets > 0, pos_weight, 1.0)\n"
    "    return (weight * alpha_t * torch.sigmoid(-z_t) ** {gamma} * -F.logsigmoid(z_t)).mean()",
)
def sigmoid_focal(logits: Tensor, targets: Tensor, *, gamma: Number, alpha: Number) -> Tensor:
    """alpha_t (1 - p_t)^gamma (-log p_t), with p_t = sigmoid(z_t) and (1 - p_t)^gamma = exp(gamma log sigmoid(-z_t)).

    Through logsigmoid everything stays finite, value and gradient, where 1 - p_t underflows.
    """
    t = (targets > 0).to(logits.dtype)
    z_t = (2 * t - 1) * logits
    alpha_t = alpha * t + (1 - alpha) * (1 - t)
    return -alpha_t * torch.exp(gamma * functional.logsigmoid(-z_t)) * functional.logsigmoid(z_t)
