"""One loss number taken apart: the terms, the numerator, the divisor and its name, the result, and torch's beside it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lib.receipt.batch import Batch
from lib.receipt.criterion import Array, Numbers, Work
from lib.receipt.torch_side import Answer, ask_torch, held_inputs

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


@dataclass(frozen=True, eq=False)
class Receipt:
    """`values` is one number, or every term for reduction none; `gradient` [M, K] is that of their sum."""

    batch: Batch
    numbers: Numbers
    work: Work
    numerator: float
    divisor: float
    values: Array
    gradient: Array

    @property
    def value(self) -> float:
        """The loss; for reduction none the sum of its terms."""
        return float(self.values.sum())

    @property
    def divisor_name(self) -> str:
        """What the divisor is, in torch's words."""
        columns = len(self.batch.names)
        if self.batch.reduction == "mean":
            return self.work.divisor if self.work.inner == 1 else f"{self.work.divisor} × K = {self.work.inner:g} labels"
        if self.batch.reduction == "sum":
            return "nothing" if self.work.inner == 1 else f"K = {columns} labels"
        return ""

    @cached_property
    def torch(self) -> Answer:
        """What torch's own module says."""
        return ask_torch(self.batch)

    @cached_property
    def difference(self) -> float:
        """The largest difference between by hand and torch, in value or gradient, relative to the size of the numbers.

        0 where both are NaN; NaN where only one is or torch refuses.
        """
        if self.torch.error:
            return float("nan")
        return max(apart(self.values, self.torch.values), apart(self.gradient, self.torch.gradient))

    @property
    def agrees(self) -> bool:
        return self.difference <= TOLERANCE[self.batch.dtype]


def apart(one: Array, other: Array) -> float:
    """Largest difference, relative to the largest number where that is above 1. Equal infinities and NaNs are 0 apart."""
    if one.shape != other.shape or (np.isnan(one) != np.isnan(other)).any():
        return float("nan")
    finite = np.isfinite(one) & np.isfinite(other)
    if (one[~finite & ~np.isnan(one)] != other[~finite & ~np.isnan(one)]).any():
        return float("nan")
    size = max(1.0, float(np.abs(one[finite]).max(initial=0)))
    return float(np.abs(one[finite] - other[finite]).max(initial=0)) / size


def take_apart(batch: Batch) -> Receipt:
    """The receipt of a batch, by hand."""
    numbers = batch.numbers(held_inputs(batch))
    work = batch.record.function(numbers, **batch.parameters)
    numerator = float(work.weighted.sum())
    divisor = float(work.counts.sum()) * work.inner if batch.reduction == "mean" else work.inner
    # torch adds two quotients under label smoothing: that of the true classes is 0/0 also where the other has a numerator.
    over = np.float64(np.nan if batch.reduction == "mean" and not work.counts.any() else divisor)
    with np.errstate(divide="ignore", invalid="ignore"):
        if batch.reduction == "none":
            values = _terms(batch, work)
        else:
            values = np.array([np.float64(numerator) / over])
        gradient = np.where(_touched(numbers, work), work.gradient / over, 0.0)
    return Receipt(batch, numbers, work, numerator, divisor, values, gradient)


def _terms(batch: Batch, work: Work) -> Array:
    """Every term as reduction none orders them: [N, K, ...] flattened, or one per row."""
    if work.weighted.ndim == 1:
        return work.weighted
    if work.inner != 1:  # the criterion takes the mean over labels inside each row
        return work.weighted.sum(1) / work.inner
    shaped = work.weighted.reshape(batch.rows, *batch.places, -1)
    return np.moveaxis(shaped, -1, 1).ravel()


def _touched(numbers: Numbers, work: Work) -> Array:
    """Which inputs the loss depends on at all, [M, K]: an ignored row keeps gradient 0 even where the divisor is 0."""
    kept = np.ones(work.gradient.shape, dtype=bool)
    if numbers.index is not None:
        kept &= (numbers.index >= 0)[:, None]
        if numbers.given == "probabilities" and work.divisor == "sum of weights":
            kept &= (numbers.targets > 0) | (work.gradient != 0)
    return kept
