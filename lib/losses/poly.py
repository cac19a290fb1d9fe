"""Poly-1: cross-entropy with another first coefficient in its series (Leng et al. 2022, arXiv 2204.12511)."""

from torch import Tensor

from lib.losses.cross_entropy import true_class_nll
from lib.losses.loss import Number, loss
from lib.registry import Param


@loss(
    key="poly1",
    label="Poly-1",
    formula=r"\ell = -\log p_y + \varepsilon\,(1 - p_y),\quad p = \mathrm{softmax}(z)",
    source="Leng et al. 2022 (arXiv 2204.12511), eq. 5",
    summary="Cross-entropy that pulls harder (or softer) on rows that are not yet sure. Moves no decision by itself.",
    link="softmax",
    scores="per class",
    tasks=("binary", "multiclass"),
    reduction="weighted_mean",
    params=(
        Param(
            "epsilon", r"\varepsilon", 1.0, -1.0, 10.0, 0.5, help="How much harder unsure rows pull. 0: plain cross-entropy."
        ),
    ),
    ordered=lambda params, classes: params["epsilon"] > -1,  # at -1 the loss is flat where p_y is 1
    code="def criterion(logits, targets):\n"
    "    ce = F.cross_entropy(logits, targets, reduction='none')\n"
    "    weight = class_weight[targets]\n"
    "    return (weight * (ce + {epsilon} * (1 - torch.exp(-ce)))).sum() / weight.sum()",
)
def poly1(logits: Tensor, targets: Tensor, *, epsilon: Number) -> Tensor:
    """-log p_y + epsilon (1 - p_y). The weight of a row multiplies both parts, and divides as in cross-entropy."""
    nll = true_class_nll(logits, targets)
    return nll - epsilon * (-nll).expm1()
