"""The shape lab: shapes that a visitor typed, tried on torch itself.

Only sizes are taken from the text. The tensors are zeros and ones on the CPU, because torch's meta device answers
otherwise (it lets BCEWithLogitsLoss take a weight [5] for logits [5, 1]); how large they may be is bounded.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lib.pitfalls.shape_axes import Cell, LossName, Repair, Shape, Shapes, Trap, axis_names, cells, repairs, traps
from lib.registry import brief

LOSSES: tuple[LossName, ...] = ("BCEWithLogitsLoss", "BCELoss", "CrossEntropyLoss", "NLLLoss")
MOST_AXES = 6
MOST_ELEMENTS = 100_000
SEPARATORS = re.compile(r"[\s,;x×*]+")


@dataclass(frozen=True)
class Look:
    """What torch says about shapes: `error` in its own words, or the loss and the shape of its terms."""

    shapes: Shapes
    error: str
    value: float
    terms: Shape
    traps: tuple[Trap, ...]
    repairs: tuple[Repair, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return axis_names(self.shapes)

    @property
    def cells(self) -> Mapping[str, list[Cell]]:
        """Per tensor one cell per axis. torch has the last word: what it takes is no clash.

        It takes, for instance, a class weight [2, 1] for logits [1, 2, 1], but not for logits [1, 2].
        """
        found = cells(self.shapes)
        if self.error:
            return found
        return {name: [Cell(c.size, "own" if c.state == "clash" else c.state) for c in row] for name, row in found.items()}


@dataclass(frozen=True)
class Preset:
    """Shapes that a card opens the lab with."""

    label: str
    shapes: Shapes


PRESETS: Mapping[str, Preset] = {
    "n_is_l": Preset("Trap: N = L", Shapes("BCEWithLogitsLoss", (3, 3), (3, 3), weight=(3,))),
    "t_is_c": Preset("Trap: T = C", Shapes("CrossEntropyLoss", (5, 3, 3), (5, 3))),
    "w_is_c": Preset("Trap: W = C", Shapes("BCEWithLogitsLoss", (2, 3, 4, 3), (2, 3, 4, 3), pos_weight=(3,))),
    "rows": Preset("Weight per row", Shapes("BCEWithLogitsLoss", (5, 3), (5, 3), weight=(5,))),
    "two_values": Preset("Two values, one output", Shapes("BCEWithLogitsLoss", (5, 1), (5, 1), pos_weight=(2,))),
    "picture": Preset("Pictures", Shapes("BCEWithLogitsLoss", (2, 3, 4, 5), (2, 3, 4, 5), pos_weight=(3,))),
    "sequence": Preset("Sequences", Shapes("CrossEntropyLoss", (5, 7, 3), (5, 7))),
    "class_weight": Preset("Class weight", Shapes("CrossEntropyLoss", (4, 3), (4,), weight=(2,))),
    "column": Preset("Column of weights", Shapes("BCELoss", (4,), (4,), weight=(4, 1))),
    "last_batch": Preset("Last batch", Shapes("BCEWithLogitsLoss", (2,), (2,), weight=(4,))),
}


def read_shape(text: str, name: str) -> Shape | None:
    """A shape as people write it: `5, 3`, `[5, 3]`, `5 x 3`; nothing is None, `[]` the shape of one number.

    Raises ValueError with what was expected, what came, and what to do.
    """
    plain = text.strip()
    if not plain:
        return None
    inner = re.fullmatch(r"(?:torch\.Size)?\s*[\[(]*([^\[\]()]*)[\])]*", plain[:200])
    parts = [part for part in SEPARATORS.split(inner.group(1).strip()) if part] if inner else [plain]
    if len(plain) > 200 or not all(re.fullmatch(r"[0-9]{1,12}", part) for part in parts):
        raise ValueError(f"{name}: expected sizes such as 5, 3 (whole numbers, none negative), got {brief(plain, 40)}.")
    shape = tuple(int(part) for part in parts)
    if len(shape) > MOST_AXES:
        raise ValueError(f"{name}: expected at most {MOST_AXES} axes, got {len(shape)}. Leave some out.")
    if (size := elements(shape)) > MOST_ELEMENTS:
        raise ValueError(
            f"{name}: expected at most {MOST_ELEMENTS} elements, got {brief(size, 30)}. "
            "The rules are the same for small sizes; type those."
        )
    return shape


def elements(shape: Shape) -> int:
    """How many numbers; an axis of size 0 counts as 1, because the others must stay small beside it."""
    return math.prod(max(size, 1) for size in shape)


def check(shapes: Shapes) -> None:
    """Raises ValueError where torch would build a tensor that is too large to try, or an argument does not exist."""
    if shapes.pos_weight is not None and shapes.loss != "BCEWithLogitsLoss":
        raise ValueError(f"pos_weight: {shapes.loss} has none, got {list(shapes.pos_weight)}. Leave it empty.")
    if shapes.logits == () and shapes.loss in ("CrossEntropyLoss", "NLLLoss"):
        raise ValueError(f"logits: {shapes.loss} expects at least the axis of the classes, got [].")
    widest = max(map(len, shapes.given().values()))
    padded = [(1,) * (widest - len(shape)) + shape for shape in shapes.given().values()]
    spanned = elements(tuple(max(sizes) for sizes in zip(*padded, strict=True)))
    if shapes.elementwise and spanned > MOST_ELEMENTS:
        raise ValueError(
            f"Together these shapes span {brief(spanned, 30)} elements; at most {MOST_ELEMENTS} are tried. Type smaller sizes."
        )


def look(shapes: Shapes) -> Look:
    """Try shapes on torch. Raises ValueError as `check` does."""
    check(shapes)
    error, value, terms = _ask(shapes)
    caught = () if error else traps(shapes)
    offered = repairs(shapes) if error or caught else ()
    return Look(shapes, error, value, terms, caught, tuple(r for r in offered if not _ask(r.after)[0]))


def _ask(shapes: Shapes) -> tuple[str, float, Shape]:
    """torch's error, or the loss and the shape of its terms."""
    arguments = {name: torch.ones(shape) for name in ("weight", "pos_weight") if (shape := getattr(shapes, name)) is not None}
    logits, targets = _batch(shapes)
    make = getattr(nn, shapes.loss)
    try:
        value = make(**arguments)(logits, targets)
        terms = make(**arguments, reduction="none")(logits, targets)
    except (RuntimeError, ValueError, IndexError, TypeError) as raised:
        return f"{type(raised).__name__}: {raised}", math.nan, ()
    return "", float(value), tuple(terms.shape)


def _batch(shapes: Shapes) -> tuple[Tensor, Tensor]:
    """Logits of zeros as the loss wants them, and targets: class indices, or numbers where torch reads probabilities."""
    logits = torch.zeros(shapes.logits)
    if shapes.loss == "BCELoss":
        logits = logits.sigmoid()
    if shapes.loss == "NLLLoss":
        logits = logits.log_softmax(shapes.class_axis)
    dtype = torch.float32 if shapes.elementwise or shapes.soft else torch.int64
    return logits, torch.zeros(shapes.targets, dtype=dtype)
