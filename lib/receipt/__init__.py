"""One loss number taken apart, by hand and by torch. Importing the package fills `CRITERIA` and `PRESETS`."""

from lib.receipt import margin, softmax, yes_no  # isort: skip
from lib.receipt import presets, presets_yes_no  # isort: skip
from lib.receipt.batch import Batch
from lib.receipt.criterion import CRITERIA, Criterion
from lib.receipt.preset import PRESETS, Preset
from lib.receipt.receipt import Receipt, take_apart

__all__ = [
    "CRITERIA", "PRESETS", "Batch", "Criterion", "Preset", "Receipt", "margin", "presets", "presets_yes_no", "softmax",
    "take_apart", "yes_no",
]  # fmt: skip
