"""Losses, one file per family, and the one reduction (`loss.py`). Importing the package fills `LOSSES`."""

from lib.losses import adjusted, binary, cross_entropy, focal
from lib.losses.loss import LOSSES, Loss, Reduction, coefficients, counted, reduce

__all__ = [
    "LOSSES", "Loss", "Reduction", "adjusted", "binary", "coefficients", "counted", "cross_entropy", "focal", "reduce",
]  # fmt: skip
