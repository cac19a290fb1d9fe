"""What if: the same batch with all weights scaled, in smaller batches, smoothed; and BCELoss along its logit."""

import dataclasses
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from lib.receipt.batch import Batch, Reduction
from lib.receipt.convert import as_criterion
from lib.receipt.criterion import Array, Numbers
from lib.receipt.receipt import Receipt, take_apart
from lib.receipt.yes_no import bce, bce_with_logits
from lib.theory import effective_prior

ADAM_EPS = 1e-8  # torch.optim.Adam's default


def scaled(batch: Batch, k: float) -> Batch:
    """All weights times k: of classes or, where there are none, of labels; pos_weight is a ratio and stays."""
    return dataclasses.replace(batch, weight=tuple(k * w for w in batch.weight or (1.0,) * len(batch.names)))


@dataclass(frozen=True)
class Dial:
    """One loss of the same rows, before and after all weights are multiplied by k.

    `steps`: how far the first step moves the output bias, at learning rate 1, per optimiser: before and after.
    """

    label: str
    before: float
    after: float
    steps: dict[str, tuple[float, float]]

    @property
    def factor(self) -> float:
        return self.after / self.before if self.before else float("nan")


DIALS: tuple[tuple[str, str, Reduction], ...] = (
    ("CE mean", "cross_entropy", "mean"),
    ("CE sum", "cross_entropy", "sum"),
    ("BCE mean", "bce_with_logits", "mean"),
)


def dials(batch: Batch, k: float) -> list[Dial]:
    """The rows as cross-entropy mean and sum and as BCE mean, at weights w and k*w."""
    found = []
    for label, key, reduction in DIALS:
        own = dataclasses.replace(as_criterion(batch, key)[0], reduction=reduction)
        before, after = take_apart(own), take_apart(scaled(own, k))
        pairs = zip(first_steps(before).items(), first_steps(after).values(), strict=True)
        found.append(Dial(label, before.value, after.value, {name: (one, other) for (name, one), other in pairs}))
    return found


def first_steps(receipt: Receipt) -> dict[str, float]:
    """The largest move of the output bias in the first step at learning rate 1: |g| under SGD, |g| / (|g| + eps) under Adam.

    The bias is added to every row's logits, so that its gradient is their sum.
    """
    gradient = np.abs(receipt.gradient.sum(0))
    return {"SGD": float(gradient.max()), "Adam": float((gradient / (gradient + ADAM_EPS)).max())}


@dataclass(frozen=True)
class MicroBatches:
    """`parts`: the loss of each micro-batch; their mean, and the loss of the whole batch."""

    parts: tuple[float, ...]
    mean: float
    whole: float


def micro_batches(batch: Batch, count: int) -> MicroBatches:
    """The batch in `count` consecutive parts of nearly equal size, as gradient accumulation or ranks would see it."""
    if not 1 <= count <= batch.rows:
        raise ValueError(f"{batch.rows} rows make 1 to {batch.rows} micro-batches, got {count}.")
    each = batch.lines // batch.rows
    cuts = [part * each for part in np.linspace(0, batch.rows, count + 1).round().astype(int)]
    values = [take_apart(_slice(batch, low, high)).value for low, high in zip(cuts, cuts[1:], strict=False)]
    return MicroBatches(tuple(values), float(np.mean(values)), take_apart(batch).value)


def _slice(batch: Batch, low: int, high: int) -> Batch:
    return dataclasses.replace(
        batch, inputs=batch.inputs[low:high], targets=batch.targets[low:high], row_weight=batch.row_weight[low:high]
    )


def smoothed_optimum(ratio: Array | float, label_smoothing: Array | float, classes: int) -> Array:
    """The best p(true) where the class is certain, w_true = 1, one rival has weight `ratio` and all others 1.

    q_c is proportional to (e/K) w_c + (1-e) w_y [c = y]: the mass that smoothing spreads is weighted class by class.
    """
    label_smoothing = np.asarray(label_smoothing)
    spread = label_smoothing / classes
    own = 1 - label_smoothing + spread
    return own / (own + spread * (ratio + classes - 2))


def flipping_ratio(label_smoothing: Array | float, classes: int) -> Array:
    """The ratio of weights above which the rival beats the true class: (K - (K-1) e) / e; infinite without smoothing."""
    label_smoothing = np.asarray(label_smoothing, dtype=float)
    with np.errstate(divide="ignore"):
        return (classes - (classes - 1) * label_smoothing) / label_smoothing


def gradient_shares(receipt: Receipt) -> dict[str, float]:
    """Share of the total absolute gradient that comes from the rows of each class, or from yes and no of each label."""
    size = np.abs(receipt.gradient)
    batch, numbers = receipt.batch, receipt.numbers
    if numbers.index is not None:
        parts = {name: size[numbers.index == c].sum() for c, name in enumerate(batch.names)}
    elif batch.record.yes_no:
        yes = np.nan_to_num(numbers.targets)
        parts = {}
        for c, name in enumerate(batch.names):
            parts |= {f"{name}: no": (size[:, c] * (1 - yes[:, c])).sum(), f"{name}: yes": (size[:, c] * yes[:, c]).sum()}
    else:
        parts = {name: (size.sum(1) * numbers.targets[:, c]).sum() for c, name in enumerate(batch.names)}
    total = sum(parts.values())
    return {name: float(part / total) if total else float("nan") for name, part in parts.items()}


@dataclass(frozen=True, eq=False)
class Saturation:
    """BCELoss on sigmoid(z) beside BCEWithLogitsLoss, for one target along the logit; all [Z]."""

    logits: Array
    loss: Array
    gradient: Array
    stable_loss: Array
    stable_gradient: Array

    @property
    def dead(self) -> tuple[float, float] | None:
        """The logits between which BCELoss has lost more than half of the gradient that it should have."""
        lost = np.abs(self.gradient) < 0.5 * np.abs(self.stable_gradient)
        lost &= np.abs(self.stable_gradient) > 0.5
        found = self.logits[lost]
        return (float(found.min()), float(found.max())) if len(found) else None


@cache
def saturation(target: float, low: float = -120.0, high: float = 120.0, points: int = 961) -> Saturation:
    """Both losses in float32, as torch's sigmoid rounds it."""
    logits = np.linspace(low, high, points)
    p = torch.from_numpy(logits).float().sigmoid().double().numpy()[:, None]
    one, t = np.ones(1), np.full((points, 1), target)
    rounded = bce(Numbers(p, "logits", t, None, one, one, np.ones(points)))
    stable = bce_with_logits(Numbers(logits[:, None], "logits", t, None, one, one, np.ones(points)))
    return Saturation(
        logits, rounded.losses[:, 0], rounded.gradient[:, 0], stable.losses[:, 0], stable.gradient[:, 0]
    )  # fmt: skip


def prior_stages(rare: float, balanced_sampler: bool, ratio: float) -> dict[str, Array]:
    """Shares [2] of a common and a rare class: in the data, as the sampler shows them, as the weighted loss sees them."""
    counts = torch.tensor([1 - rare, rare], dtype=torch.float64)
    seen = torch.full((2,), 0.5, dtype=torch.float64) if balanced_sampler else counts
    weight = torch.tensor([1.0, ratio], dtype=torch.float64)
    return {
        "data": counts.numpy(),
        "after the sampler": effective_prior(counts, torch.ones(2, dtype=torch.float64), seen).numpy(),
        "after the weights": effective_prior(counts, weight, seen).numpy(),
    }
