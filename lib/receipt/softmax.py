"""CrossEntropyLoss and NLLLoss by hand: one class per row, and a mean that divides by the weights in the batch."""

import numpy as np

from lib.receipt.criterion import Array, Numbers, Work, criterion, signed, tex
from lib.registry import Param

IGNORE = Param("ignore_index", "", -100, -100, 999, 1, help="Rows with this target are left out of numerator and divisor.")


def log_softmax(logits: Array) -> Array:
    """z - log sum exp z, by row."""
    top = logits.max(1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))


def log_probabilities(numbers: Numbers) -> Array:
    """log p [M, K] of logits, or of probabilities as they stand."""
    if numbers.given == "logits":
        return log_softmax(numbers.inputs)
    with np.errstate(divide="ignore"):
        return np.log(numbers.inputs)


def weight_shown(mass: Array, weight: Array, plain: Array) -> Array:
    """The one weight that acts on a row's term [M]: NaN where weights that differ are mixed."""
    shown = np.full(len(mass), np.nan)
    for i, (own, share) in enumerate(zip(mass, plain, strict=True)):
        acting = weight[share > 0]
        if len(acting) and (acting == acting[0]).all():
            shown[i] = acting[0]
        elif not own.any() and not share.any():
            shown[i] = 0.0
    return shown


def masses(numbers: Numbers, label_smoothing: float) -> tuple[Array, Array]:
    """How much of -log p_c stands in the term of each row [M, K]: without weights, and weighted class by class.

    Zero in ignored rows.
    """
    kept = np.ones(len(numbers.inputs)) if numbers.index is None else (numbers.index >= 0).astype(float)
    spread = (1 - label_smoothing) * numbers.targets + label_smoothing / numbers.inputs.shape[1]
    plain = spread * kept[:, None]
    return plain, plain * numbers.weight


def weighed(mass: Array, log_p: Array) -> Array:
    """sum_c mass_c (-log p_c) [M]; a class without mass adds nothing, even at p = 0."""
    return (mass * -np.where(mass == 0, 0.0, log_p)).sum(1)


def worked_softmax(numbers: Numbers, line: int, column: int, **params: float) -> str:
    smoothing = params.get("label_smoothing", 0.0)
    plain, mass = masses(numbers, smoothing)
    log_p = log_probabilities(numbers)[line]
    scale = numbers.row_weight[line]
    parts = [
        f"{tex(scale * mass[line, c])} \\cdot {signed(-log_p[c])}" for c in range(len(log_p)) if plain[line, c] > 0
    ]  # fmt: skip
    if not parts:
        return r"w\,\ell = 0 \quad\text{(ignored)}"
    total = tex(scale * weighed(mass, log_p[None])[line] if len(mass) == 1 else scale * weighed(mass[[line]], log_p[None])[0])
    if len(parts) == 1 and numbers.given == "logits":
        c = int(plain[line].argmax())
        z = numbers.inputs[line]
        logs = f"\\log\\left({' + '.join(f'e^{{{tex(v)}}}' for v in z)}\\right) - {signed(z[c])}"
        return rf"w\,\ell = {tex(scale * mass[line, c])} \cdot \left[{logs}\right] = {' + '.join(parts)} = {total}"
    return rf"w\,\ell = \sum_c w_c\, t_c\, (-\log p_c) = {' + '.join(parts)} = {total}"


@criterion(
    key="cross_entropy",
    label="CrossEntropyLoss",
    formula=r"\ell = -\log \frac{e^{z_y}}{\sum_c e^{z_c}},\qquad \mathrm{mean} = \frac{\sum_i w_{y_i} \ell_i}{\sum_i w_{y_i}}",
    source="PyTorch, torch.nn.CrossEntropyLoss",
    summary="One class per row. The mean of index targets divides by the sum of weights in the batch.",
    worked=worked_softmax,
    takes="logits",
    soft_targets=True,
    params=(
        Param("label_smoothing", r"\varepsilon", 0.0, 0.0, 1.0, 0.05, help="Share of the target spread over all classes."),
        IGNORE,
    ),
)
def cross_entropy(numbers: Numbers, *, label_smoothing: float, ignore_index: int) -> Work:
    """(1-e) w_y l_y + (e/K) sum_c w_c l_c with l_c = -log p_c; by logit, a row's gradient is p sum(mass) - mass.

    Index targets count w_y in the divisor of the mean, whatever the smoothing; probability targets count 1.
    """
    log_p = log_probabilities(numbers)
    if numbers.given == "probabilities":  # their logarithms are logits, up to a constant per row
        log_p = log_softmax(log_p)
    plain, mass = masses(numbers, label_smoothing)
    rows = numbers.row_weight
    own = np.exp(log_p)
    counts = rows if numbers.index is None else rows * _true_weight(numbers)
    shown = weight_shown(mass, numbers.weight, plain) * rows
    gradient = (own * mass.sum(1, keepdims=True) - mass) * rows[:, None]
    name = "N" if numbers.index is None else "sum of weights"
    if numbers.index is None:
        counts = np.ones(len(rows))
    return Work(own, weighed(plain, log_p), shown, weighed(mass, log_p) * rows, counts, gradient, name)


@criterion(
    key="nll",
    label="NLLLoss",
    formula=r"\ell = -\log p_y,\qquad \mathrm{mean} = \frac{\sum_i w_{y_i} \ell_i}{\sum_i w_{y_i}}",
    source="PyTorch, torch.nn.NLLLoss",
    summary="Cross-entropy in two steps: log-softmax first. The mean divides by the sum of weights in the batch.",
    worked=worked_softmax,
    takes="log-probabilities",
    params=(IGNORE,),
)
def nll(numbers: Numbers, *, ignore_index: int) -> Work:
    """-w_y log p_y. By probability only the true class has a gradient, -w_y / p_y."""
    log_p = log_probabilities(numbers)
    plain, mass = masses(numbers, 0.0)
    rows = numbers.row_weight
    own = np.exp(log_p)
    if numbers.given == "logits":
        gradient = own * mass.sum(1, keepdims=True) - mass
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            gradient = np.where(plain > 0, -mass / own, 0.0)
    shown = weight_shown(mass, numbers.weight, plain) * rows
    counts = rows * _true_weight(numbers)
    return Work(
        own, weighed(plain, log_p), shown, weighed(mass, log_p) * rows, counts, gradient * rows[:, None], "sum of weights"
    )


def _true_weight(numbers: Numbers) -> Array:
    """w_y [M], 0 where the row is ignored."""
    assert numbers.index is not None
    return np.where(numbers.index >= 0, numbers.weight[np.maximum(numbers.index, 0)], 0.0)
