"""Cross-entropy and its two-step form: how surprised the model is by the true class."""

import torch
from torch import Tensor
from torch.nn import functional

from lib.losses.loss import IGNORE, Number, loss
from lib.registry import Param


def true_class(targets: Tensor, ignore_index: Number) -> Tensor:
    """Targets that can be looked up: ignored rows point to class 0, and the reduction leaves them out."""
    return torch.where(targets == ignore_index, 0, targets)


@loss(
    key="cross_entropy",
    label="Cross-entropy",
    formula=r"\ell = -(1-\varepsilon) \log p_y - \tfrac{\varepsilon}{C} \sum_c \log p_c,\quad p = \mathrm{softmax}(z)",
    source="PyTorch, CrossEntropyLoss; label smoothing: Szegedy et al. 2016 (arXiv 1512.00567)",
    summary="The usual loss for classes that exclude each other. Its mean divides by the sum of weights.",
    link="softmax",
    scores="per class",
    tasks=("binary", "multiclass"),
    reduction="weighted_mean",
    params=(
        Param("label_smoothing", r"\varepsilon", 0.0, 0.0, 1.0, 0.01, help="Share of the target spread over all classes."),
        IGNORE,
    ),
    separable=lambda params: params["label_smoothing"] == 0,
    code="criterion = nn.CrossEntropyLoss(weight=class_weight, label_smoothing={label_smoothing}, ignore_index={ignore_index})",
)
def cross_entropy(
    logits: Tensor, targets: Tensor, *, label_smoothing: Number, ignore_index: Number, class_weight: Tensor | None
) -> Tensor:
    """Terms already weighted: (1-e) w_y l_y + (e/C) sum_c w_c l_c, with l_c = -log p_c.

    The smoothing mass is weighted class by class, so that no single w[y] can be factored out of a term. Without smoothing
    it can: class_weight None leaves it to the caller.
    """
    if class_weight is None:
        return true_class_nll(logits, targets, ignore_index)
    y = true_class(targets, ignore_index)
    weight = class_weight.expand(*logits.shape[:-2], -1)
    own = weight.gather(-1, y) * true_class_nll(logits, y)
    if not isinstance(label_smoothing, Tensor) and label_smoothing == 0:
        return own
    # Classes of weight 0 are multiplied out before the sum: 0 * inf must not become NaN.
    every = -torch.where(weight.unsqueeze(-2) == 0, 0.0, logits.log_softmax(-1) * weight.unsqueeze(-2)).sum(-1)
    return (1 - label_smoothing) * own + label_smoothing / logits.shape[-1] * every


@loss(
    key="nll",
    label="NLL on log-softmax",
    formula=r"\ell = -\log p_y,\quad p = \mathrm{softmax}(z)",
    source="PyTorch, LogSoftmax + NLLLoss",
    summary="Cross-entropy in two steps: the model ends in LogSoftmax, and NLLLoss picks the true class.",
    link="softmax",
    scores="per class",
    tasks=("binary", "multiclass"),
    reduction="weighted_mean",
    params=(IGNORE,),
    code="nll = nn.NLLLoss(weight=class_weight, ignore_index={ignore_index})\n"
    "criterion = lambda logits, targets: nll(logits.log_softmax(-1), targets)",
)
def nll(logits: Tensor, targets: Tensor, *, ignore_index: Number) -> Tensor:
    """-log p_y from log-softmax, picked by index."""
    y = true_class(targets, ignore_index)
    log_p = logits.transpose(-1, -2).log_softmax(-2)  # classes before rows, as in true_class_nll
    return -log_p.gather(-2, y.unsqueeze(-2)).squeeze(-2)


def true_class_nll(logits: Tensor, targets: Tensor, ignore_index: Number = -100) -> Tensor:
    """-log softmax(logits)[target]. logits [..., N, C], targets [..., N] -> [..., N]. Terms of ignored rows are not used.

    torch's kernel with the classes before the rows, [K, C, N]: up to 10 times faster than [K*N, C] for few classes.
    """
    if isinstance(ignore_index, Tensor):
        return true_class_nll(logits, true_class(targets, ignore_index))
    if logits.ndim > 3:
        return true_class_nll(logits.flatten(0, -3), targets.flatten(0, -2), ignore_index).view(targets.shape)
    classes_first = logits if logits.ndim == 2 else logits.transpose(1, 2)
    return functional.cross_entropy(classes_first, targets, ignore_index=int(ignore_index), reduction="none")
