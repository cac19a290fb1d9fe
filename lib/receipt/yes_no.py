"""BCELoss, BCEWithLogitsLoss and MultiLabelSoftMarginLoss by hand: every column a yes/no question, every element a term."""

import numpy as np

from lib.receipt.criterion import Array, Numbers, Work, criterion, signed, tex

LOWEST_LOG = -100.0  # BCELoss clamps its logarithms here
SMALLEST = float(np.float32(1e-12))  # and divides its backward by no less than this: a float32, also in float64


def sigmoid(logits: Array) -> Array:
    """1 / (1 + exp(-z)), without overflow."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)


def softplus(logits: Array) -> Array:
    """log(1 + exp(z)), without overflow."""
    return np.maximum(logits, 0.0) + np.log1p(np.exp(-np.abs(logits)))


def logits_of(numbers: Numbers) -> Array:
    """Logits [M, K], given or log(p / (1-p))."""
    if numbers.given == "logits":
        return numbers.inputs
    return np.log(numbers.inputs) - np.log1p(-numbers.inputs)


def targets_of(numbers: Numbers) -> tuple[Array, Array]:
    """Targets with 0 for padding, and which elements are none, both [M, K]."""
    real = ~np.isnan(numbers.targets)
    return np.where(real, numbers.targets, 0.0), real.astype(float)


def element_weight(numbers: Numbers) -> Array:
    """Row weight times label weight, 0 at padding, [M, K]: what BCELoss and BCEWithLogitsLoss call `weight`."""
    return numbers.row_weight[:, None] * numbers.weight * targets_of(numbers)[1]


def worked_bce(numbers: Numbers, line: int, column: int) -> str:
    t, _ = targets_of(numbers)
    p, y = numbers.inputs[line, column], t[line, column]
    w = element_weight(numbers)[line, column]
    terms = [(y, "p", p), (1 - y, "(1-p)", 1 - p)]
    shown = " - ".join(f"{tex(k)} \\cdot \\log {tex(v)}" for k, _, v in terms if k > 0)
    with np.errstate(divide="ignore"):
        value = -w * (y * max(np.log(p), LOWEST_LOG) + (1 - y) * max(np.log1p(-p), LOWEST_LOG))
    return rf"w\,\ell = {tex(w)} \cdot \left[-{shown}\right] = {tex(value)}"


@criterion(
    key="bce",
    label="BCELoss",
    formula=r"\ell = -\left[t \log p + (1-t) \log (1-p)\right],\qquad "
    r"\mathrm{mean} = \frac{\sum w\, \ell}{\mathrm{numel}},\quad \log \ge -100",
    source="PyTorch, torch.nn.BCELoss",
    summary="Takes probabilities; `weight` is a weight per element and there is no pos_weight. The mean divides by numel.",
    worked=worked_bce,
    takes="probabilities",
    yes_no=True,
    own_row_weight=True,
)
def bce(numbers: Numbers) -> Work:
    """`inputs` are probabilities, also where logits were given: then torch's own sigmoid has rounded them to the dtype.

    Both logarithms stop at -100. The backward is not the derivative of that: it is (p-t) / max(p(1-p), 1e-12).
    """
    t, real = targets_of(numbers)
    p = numbers.inputs
    with np.errstate(divide="ignore"):
        losses = -(t * np.maximum(np.log(p), LOWEST_LOG) + (1 - t) * np.maximum(np.log1p(-p), LOWEST_LOG)) * real
    w = element_weight(numbers)
    gradient = w * (p - t) / np.maximum(p * (1 - p), SMALLEST)
    if numbers.given == "logits":
        gradient = gradient * p * (1 - p)
    return Work(p, losses, w, w * losses, np.ones_like(p), gradient, "numel")


def worked_with_logits(numbers: Numbers, line: int, column: int) -> str:
    t, _ = targets_of(numbers)
    z, y = logits_of(numbers)[line, column], t[line, column]
    w, pos = element_weight(numbers)[line, column], numbers.pos_weight[column]
    parts = []
    if y > 0:
        parts.append(rf"{tex(pos)} \cdot {tex(y)} \cdot \log(1 + e^{{{tex(-z)}}})")
    if y < 1:
        parts.append(rf"{tex(1 - y)} \cdot \log(1 + e^{{{tex(z)}}})")
    value = w * (pos * y * softplus(-z) + (1 - y) * softplus(z))
    return rf"w\,\ell = {signed(w)} \cdot \left[{' + '.join(parts)}\right] = {tex(value)}"


@criterion(
    key="bce_with_logits",
    label="BCEWithLogitsLoss",
    formula=r"\ell = P\, t \log(1 + e^{-z}) + (1-t) \log(1 + e^{z}),\qquad "
    r"\mathrm{mean} = \frac{\sum w\, \ell}{\mathrm{numel}}",
    source="PyTorch, torch.nn.BCEWithLogitsLoss",
    summary="Takes logits. pos_weight multiplies a label's yes-terms, weight the whole element. The mean divides by numel.",
    worked=worked_with_logits,
    takes="logits",
    yes_no=True,
    pos_weight=True,
    own_row_weight=True,
)
def bce_with_logits(numbers: Numbers) -> Work:
    """w [P t softplus(-z) + (1-t) softplus(z)]; the weight shown is w (P t + 1 - t), which is one weight where t is 0 or 1."""
    t, real = targets_of(numbers)
    z, pos = logits_of(numbers), numbers.pos_weight
    w = element_weight(numbers)
    p = sigmoid(z)
    losses = (t * softplus(-z) + (1 - t) * softplus(z)) * real
    weighted = w * (pos * t * softplus(-z) + (1 - t) * softplus(z))
    one = (t == 0) | (t == 1) | (pos == 1)
    gradient = w * ((1 - t) * p - pos * t * sigmoid(-z))
    return Work(p, losses, np.where(one, w * (pos * t + 1 - t), np.nan), weighted, np.ones_like(p), gradient, "numel")


def worked_multilabel(numbers: Numbers, line: int, column: int) -> str:
    z, t = logits_of(numbers)[line], targets_of(numbers)[0][line]
    w = numbers.weight * numbers.row_weight[line]
    terms = t * softplus(-z) + (1 - t) * softplus(z)
    shown = " + ".join(f"{tex(a)} \\cdot {tex(b)}" for a, b in zip(w, terms, strict=True))
    return rf"\tfrac{{1}}{{K}} \sum_c w_c\, \ell_c = \tfrac{{1}}{{{len(z)}}} \left[{shown}\right] = {tex((w * terms).mean())}"


@criterion(
    key="multilabel_soft_margin",
    label="MultiLabelSoftMarginLoss",
    formula=r"\ell = \frac{1}{K} \sum_c w_c \left[t_c \log(1 + e^{-z_c}) + (1-t_c) \log(1 + e^{z_c})\right],\qquad "
    r"\mathrm{mean} = \frac{1}{N} \sum_i \ell_i",
    source="PyTorch, torch.nn.MultiLabelSoftMarginLoss",
    summary="BCE with logits with one weight per label: a mean over the K labels, then over the N rows.",
    worked=worked_multilabel,
    takes="logits",
    yes_no=True,
    dense=False,
)
def multilabel_soft_margin(numbers: Numbers) -> Work:
    """w_c [t softplus(-z) + (1-t) softplus(z)]; torch divides by K inside each row, whatever the reduction."""
    t, _ = targets_of(numbers)
    z = logits_of(numbers)
    w = numbers.weight * numbers.row_weight[:, None]
    losses = t * softplus(-z) + (1 - t) * softplus(z)
    columns = z.shape[1]
    p = sigmoid(z)
    gradient = w * (p - t)
    return Work(p, losses, w, w * losses, np.full_like(z, 1 / columns), gradient, "N", inner=columns)
