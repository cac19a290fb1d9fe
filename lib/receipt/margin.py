"""MultiMarginLoss by hand: the true class should lead every other one by a margin."""

import numpy as np

from lib.receipt.criterion import Array, Numbers, Work, criterion, signed, tex
from lib.receipt.softmax import log_softmax
from lib.registry import Param


def gaps(numbers: Numbers, margin: float) -> Array:
    """margin - z_y + z_j [M, K], 0 for the true class itself."""
    assert numbers.index is not None
    rows = np.arange(len(numbers.index))
    short = margin - numbers.inputs[rows, numbers.index][:, None] + numbers.inputs
    short[rows, numbers.index] = 0.0
    return np.maximum(short, 0.0)


def worked_margin(numbers: Numbers, line: int, column: int, *, p: int, margin: float) -> str:
    assert numbers.index is not None
    z, y = numbers.inputs[line], int(numbers.index[line])
    w = numbers.weight[y] * numbers.row_weight[line]
    power = "" if p == 1 else "^2"
    parts = [
        rf"\max(0, {tex(margin)} - {signed(z[y])} + {signed(z[j])}){power}" for j in range(len(z)) if j != y
    ] or ["0"]  # fmt: skip
    value = w * (gaps(numbers, margin)[line] ** p).sum() / len(z)
    return rf"w\,\ell = \frac{{{tex(w)}}}{{{len(z)}}} \left[{' + '.join(parts)}\right] = {tex(value)}"


@criterion(
    key="multi_margin",
    label="MultiMarginLoss",
    formula=r"\ell = \frac{1}{K} \sum_{j \ne y} \max(0,\, m - z_y + z_j)^p,\qquad "
    r"\mathrm{mean} = \frac{1}{N} \sum_i w_{y_i} \ell_i",
    source="PyTorch, torch.nn.MultiMarginLoss",
    summary="A hinge on scores. The weight stands outside the power, and the mean divides by N.",
    worked=worked_margin,
    takes="logits",
    given=("logits",),
    dense=False,
    params=(
        Param("p", "p", 1, 1, 2, 1, help="Power of the hinge: 1 or 2."),
        Param("margin", "m", 1.0, -100.0, 100.0, 0.5, help="By how much the true class should lead."),
    ),
)
def multi_margin(numbers: Numbers, *, p: int, margin: float) -> Work:
    """w_y / K sum_{j != y} max(0, m - z_y + z_j)^p. At a gap of exactly 0 the gradient is 0, as in torch."""
    assert numbers.index is not None
    short = gaps(numbers, margin)
    rows, columns = np.arange(len(short)), short.shape[1]
    w = numbers.weight[numbers.index] * numbers.row_weight
    losses = (short**p).sum(1) / columns
    gradient = (w / columns)[:, None] * p * np.where(short > 0, short ** (p - 1), 0.0)
    gradient[rows, numbers.index] = -gradient.sum(1)
    shares = np.exp(log_softmax(numbers.inputs))  # softmax of the scores: for the eye only
    return Work(shares, losses, w, w * losses, np.ones(len(w)), gradient, "N")
