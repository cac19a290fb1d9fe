"""Binary cross-entropy: one yes/no question per logit, from logits or from probabilities."""

from torch import Tensor
from torch.nn import functional

from lib.data import Task
from lib.losses.loss import loss

YES_NO: tuple[Task, ...] = ("binary", "multilabel", "sequence")


@loss(
    key="bce_with_logits",
    label="BCE with logits",
    formula=r"\ell = t\,\mathrm{softplus}(-z) + (1-t)\,\mathrm{softplus}(z)",
    source="PyTorch, BCEWithLogitsLoss",
    summary="One yes/no question per logit; weights become pos_weight. Its mean divides by the number of decisions.",
    link="sigmoid",
    scores="one",
    tasks=YES_NO,
    reduction="mean",
    code="criterion = nn.BCEWithLogitsLoss(weight=scale, pos_weight=pos_weight)",
)
def bce_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """max(z, 0) - z t + log(1 + exp(-|z|)): exact for every finite logit."""
    return functional.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none")


@loss(
    key="bce",
    label="BCE on probabilities",
    formula=r"\ell = -t \max(\log p, -100) - (1-t) \max(\log(1-p), -100),\quad p = \sigma(z)",
    source="PyTorch, Sigmoid + BCELoss",
    summary="The model ends in Sigmoid. Sure and wrong decisions lose their gradient: see BCE with logits.",
    link="sigmoid",
    scores="one",
    tasks=YES_NO,
    reduction="mean",
    code="def criterion(logits, targets):\n"
    "    weight = scale * torch.where(targets > 0, pos_weight, 1.0)  # BCELoss has no pos_weight\n"
    "    return F.binary_cross_entropy(logits.sigmoid(), targets, weight=weight)",
)
def bce(logits: Tensor, targets: Tensor) -> Tensor:
    """torch's own kernel on sigmoid(z), whose backward divides by max(p(1-p), 1e-12) and is not that of the clamp."""
    return functional.binary_cross_entropy(logits.sigmoid(), targets.to(logits.dtype), reduction="none")
