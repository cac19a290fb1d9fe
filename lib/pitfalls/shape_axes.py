"""Which axis of a tensor lies on which axis of the loss, where that is an accident, and what mends it.

Axes are counted on the logits. BCE and BCEWithLogits line every tensor up from the last axis (broadcasting);
CrossEntropyLoss and NLLLoss take axis 1 for the classes (axis 0 where there is only one), which the targets do not have.
Nothing here runs torch: that is `shape_lab.py`.
"""

from dataclasses import dataclass, replace
from typing import Literal

Shape = tuple[int, ...]
LossName = Literal["BCEWithLogitsLoss", "BCELoss", "CrossEntropyLoss", "NLLLoss"]
State = Literal["own", "repeated", "clash", "trap", "none"]
ELEMENTWISE = ("BCEWithLogitsLoss", "BCELoss")
TENSORS = ("logits", "targets", "weight", "pos_weight")


@dataclass(frozen=True)
class Shapes:
    """What stands in the lab. None: not given. `pos_weight` is BCEWithLogitsLoss's alone."""

    loss: LossName
    logits: Shape
    targets: Shape
    weight: Shape | None = None
    pos_weight: Shape | None = None

    @property
    def elementwise(self) -> bool:
        return self.loss in ELEMENTWISE

    @property
    def class_axis(self) -> int:
        return 0 if len(self.logits) < 2 else 1

    @property
    def soft(self) -> bool:
        """Whether torch reads the targets as probabilities of the classes: by their shape alone."""
        return self.loss == "CrossEntropyLoss" and self.targets == self.logits

    def given(self) -> dict[str, Shape]:
        """The tensors that are there, in the order of the lab."""
        found = {name: getattr(self, name) for name in TENSORS}
        return {name: shape for name, shape in found.items() if shape is not None}


@dataclass(frozen=True)
class Cell:
    """One axis of one tensor under one axis of the loss. `size` is None where the tensor has no such axis."""

    size: int | None
    state: State


@dataclass(frozen=True)
class Trap:
    """Shapes that fit by accident: `tensor` lies on axis `axis`, and would on axis `rival` too if torch were to ask."""

    tensor: str
    name: str  # N = L
    sentence: str
    axis: int
    rival: int


@dataclass(frozen=True)
class Repair:
    """A line of code, and the shapes after it."""

    code: str
    after: Shapes


def axis_names(shapes: Shapes) -> tuple[str, ...]:
    """The usual letters of the logits' axes; of a shape with more axes than anybody uses, plain numbers."""
    usual = {1: "C", 2: "NC", 3: "NCT", 4: "NCHW", 5: "NCDHW"}
    if shapes.elementwise:
        usual |= {1: "N", 2: "NL"}
    letters = usual.get(len(shapes.logits))
    return tuple(letters) if letters else tuple(f"axis {i}" for i in range(len(shapes.logits)))


def columns(shapes: Shapes) -> int:
    """How many axes the picture has: those of the logits, and more where a tensor has more."""
    sizes = [len(shape) for shape in shapes.given().values()]
    if shapes.elementwise or shapes.soft:
        return max([1, *sizes])
    return max(1, len(shapes.logits), len(shapes.targets) + 1)


def placed(name: str, shape: Shape, shapes: Shapes) -> list[int | None]:
    """The sizes of a tensor under the columns of the picture; None where it has no axis."""
    wide = columns(shapes)
    if shapes.elementwise:
        return [*[None] * (wide - len(shape)), *shape]
    if name == "targets" and not shapes.soft:  # all axes but that of the classes
        at = shapes.class_axis
        return ([*shape[:at], None, *shape[at:]] + [None] * wide)[:wide]
    if name == "weight":
        last = min(shapes.class_axis, wide - 1)
        row: list[int | None] = [None] * wide
        for step, size in enumerate(reversed(shape)):
            if last - step >= 0:
                row[last - step] = size
        return row
    return [*shape, *[None] * (wide - len(shape))]


def cells(shapes: Shapes) -> dict[str, list[Cell]]:
    """Per tensor one cell per axis of the loss."""
    table = {name: placed(name, shape, shapes) for name, shape in shapes.given().items()}
    wide, base = columns(shapes), table["logits"]
    caught = {(trap.tensor, trap.axis) for trap in traps(shapes)}
    found: dict[str, list[Cell]] = {}
    for name, row in table.items():
        states = [_state(name, i, row, base, shapes, (name, i) in caught) for i in range(wide)]
        found[name] = [Cell(row[i], states[i]) for i in range(wide)]
    return found


def _state(name: str, axis: int, row: list[int | None], base: list[int | None], shapes: Shapes, caught: bool) -> State:
    size, wanted = row[axis], base[axis]
    if caught:
        return "trap"
    if name == "logits":
        return "own" if size is not None else "none"
    if shapes.elementwise:
        return _broadcast(size, wanted, stretches=name != "targets")
    if axis == shapes.class_axis and name == "weight":
        return "own" if shapes.weight == (wanted,) else "clash"
    if name == "weight" or (axis == shapes.class_axis and not shapes.soft):
        return "none" if size is None else "clash"
    alone = len(shapes.logits) == 1 and shapes.targets == (1,)  # torch lets one target stand in a list of its own
    return "none" if size is None and wanted is None else "own" if size == wanted or alone else "clash"


def _broadcast(size: int | None, wanted: int | None, *, stretches: bool) -> State:
    """How one axis of a tensor meets that of the logits; a `weight` or `pos_weight` stretches over it."""
    if size == wanted:
        return "none" if size is None else "own"
    if wanted is None:
        return "clash"
    return "repeated" if stretches and size in (None, 1) else "clash"


def traps(shapes: Shapes) -> tuple[Trap, ...]:
    """Every tensor that lies where it does because two axes happen to be equally long."""
    found = _elementwise_traps(shapes) if shapes.elementwise else _class_traps(shapes)
    return tuple(found)


def _elementwise_traps(shapes: Shapes) -> list[Trap]:
    found: list[Trap] = []
    logits, letters = shapes.logits, axis_names(shapes)
    if shapes.targets != logits:
        return []
    for name in ("weight", "pos_weight"):
        shape = getattr(shapes, name)
        if shape is None or not 1 <= len(shape) < len(logits) or max(shape) < 2 or logits[-len(shape) :] != shape:
            continue
        starts = [j for j in range(len(logits) - len(shape)) if logits[j : j + len(shape)] == shape]
        if name == "pos_weight":  # it means classes or labels, never rows
            starts = [j for j in starts if j == 1]
        if starts:
            rival, axis = max(starts), len(logits) - len(shape)
            meaning = {0: "each row", 1: "each class"}.get(rival, f"axis {rival}")
            where = {"L": "the labels", "W": "the columns of the picture", "T": "the time steps"}.get(
                letters[axis], "the last axes"
            )
            sentence = f"{name} fits by accident and lands on {where}. If it was meant for {meaning}, torch will not tell you."
            found.append(Trap(name, _called(letters[rival], letters[axis]), sentence, axis, rival))
    return found


def _called(one: str, other: str) -> str:
    """N first, C last: N = L, W = C."""
    return f"{one} = {other}" if one == "N" else f"{other} = {one}"


def _class_traps(shapes: Shapes) -> list[Trap]:
    found: list[Trap] = []
    logits, targets, letters = shapes.logits, shapes.targets, axis_names(shapes)
    if len(logits) == 1 and targets == logits and logits[0] > 1:
        said = f"Without an axis for the rows torch reads one row of {logits[0]} classes, and the targets as probabilities."
        found.append(Trap("logits", "N = C", said, 0, 0))
    if len(logits) >= 3 and targets == (logits[0], *logits[2:]) == logits[:-1] and logits[1] > 1:
        said = "torch takes axis 1 for the classes. If the classes stand last, it reads the wrong axis and will not tell you."
        found.append(Trap("logits", f"{letters[-1]} = C", said, 1, len(logits) - 1))
    if len(logits) >= 2 and shapes.weight == (logits[1],) and logits[0] == logits[1] > 1:
        said = "weight is read per class. If it was meant for each row, torch will not tell you: there are as many of both."
        found.append(Trap("weight", "N = C", said, 1, 0))
    return found


def repairs(shapes: Shapes) -> tuple[Repair, ...]:
    """What could be meant instead, as one line of code each. Whoever offers one asks torch first whether it runs."""
    found = _target_repairs(shapes)
    for name in ("weight", "pos_weight"):
        shape = getattr(shapes, name)
        if shape is not None:
            found += _weight_repairs(shapes, name, shape)
    return tuple(found)


def _target_repairs(shapes: Shapes) -> list[Repair]:
    logits, targets = shapes.logits, shapes.targets
    found: list[Repair] = []
    if shapes.elementwise:
        if targets != logits and logits == (*targets, 1):
            found.append(Repair("logits = logits.squeeze(-1)", replace(shapes, logits=targets)))
        if targets != logits and targets == (*logits, 1):
            found.append(Repair("targets = targets.squeeze(-1)", replace(shapes, targets=logits)))
        return found
    if len(logits) >= 3 and targets == logits[:-1]:
        moved = (logits[0], logits[-1], *logits[1:-1])
        code = "logits = logits.transpose(1, 2)" if len(logits) == 3 else "logits = logits.movedim(-1, 1)"
        found.append(Repair(code, replace(shapes, logits=moved)))
        flat = (_product(logits[:-1]), logits[-1])
        code = f"logits, targets = logits.reshape(-1, {logits[-1]}), targets.reshape(-1)"
        found.append(Repair(code, replace(shapes, logits=flat, targets=flat[:1])))
    if len(logits) == 2 and targets == (logits[0], 1) and logits[1] != 1:
        found.append(Repair("targets = targets.squeeze(1)", replace(shapes, targets=logits[:1])))
    if len(logits) == 1 and targets == logits:
        found.append(
            Repair(
                "criterion = nn.BCEWithLogitsLoss()  # one yes/no answer per row", Shapes("BCEWithLogitsLoss", logits, targets)
            )
        )
    return found


def _weight_repairs(shapes: Shapes, name: str, shape: Shape) -> list[Repair]:
    logits, found = shapes.logits, []

    def become(code: str, after: Shape) -> None:
        found.append(Repair(f"{name} = {code}", _with(shapes, name, after)))

    flat = _product(shape)
    if not shapes.elementwise:
        classes = logits[shapes.class_axis] if logits else 1
        if len(shape) > 1 and flat == classes:
            become(f"{name}.flatten()", (flat,))
        elif shape != (classes,):
            become(f"torch.ones({classes})  # one per class", (classes,))
        elif len(logits) == 2 and logits[0] == classes:
            found.append(
                Repair(
                    'loss = (w * nn.CrossEntropyLoss(reduction="none")(logits, targets)).sum() / w.sum()  # w: one per row',
                    replace(shapes, weight=None),
                )
            )
        return found
    if len(shape) == 1 and name == "weight" and len(logits) > 1 and flat == logits[0]:
        become(f"weight.view({', '.join(['-1', *['1'] * (len(logits) - 1)])})  # one per row", (flat, *[1] * (len(logits) - 1)))
    if len(shape) == 1 and len(logits) > 2 and flat == logits[1]:
        become(
            f"{name}.view({', '.join(['-1', *['1'] * (len(logits) - 2)])})  # one per class", (flat, *[1] * (len(logits) - 2))
        )
    if len(shape) == len(logits) + 1 and shape[-1] == 1 and shape[:-1] == logits:
        become(f"{name}.squeeze(-1)", logits)
    if len(shape) == len(logits) == 1 and name == "weight" and shape != logits:
        become(f"torch.ones({logits[0]})  # made anew for each batch", logits)
    if name == "pos_weight" and not found and len(logits) == 2 and shape != logits[-1:]:
        become(f"torch.ones({logits[-1]})  # one per label", logits[-1:])
    return found


def _with(shapes: Shapes, name: str, after: Shape) -> Shapes:
    return replace(shapes, weight=after) if name == "weight" else replace(shapes, pos_weight=after)


def _product(shape: Shape) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
