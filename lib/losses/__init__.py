"""Losses, one file per family, and the one reduction (`loss.py`). Importing the package fills `LOSSES`."""

from lib.losses import cross_entropy, binary, focal, adjusted, margin, poly, multilabel  # isort: skip - the order of the picker
from lib.losses.loss import LOSSES, Head, Loss, Reduction, coefficients, counted, reduce

__all__ = [
    "LOSSES", "Head", "Loss", "Reduction", "adjusted", "binary", "coefficients", "counted", "cross_entropy", "focal", "margin",
    "multilabel", "poly", "reduce",
]  # fmt: skip
