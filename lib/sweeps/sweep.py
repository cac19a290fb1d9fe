"""A sweep: an experiment and one or two axes. Frozen, checked, as JSON; its cells are experiments."""

import dataclasses
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lib.experiment import MAX_STRATEGIES, Experiment, Training
from lib.registry import Param, Value, brief, check_table, read_json
from lib.sweeps.axis import Axis, pick, spaced

FORMAT = 1
MAX_CELLS = 10_000
# Runs that train as one stack. Small cells in groups of 48 took less time than in groups of 12, and no more than in groups of
# 96 or 192; a group is also what is lost when a worker dies.
GROUP_RUNS = 48


@dataclass(frozen=True)
class Cell:
    """One place of the grid: an experiment, or why there is none."""

    index: int
    values: tuple[Value, ...]  # one per axis
    experiment: Experiment | None
    error: str | None = None


@dataclass(frozen=True)
class Sweep:
    """Every combination of the axes' values; the last axis moves fastest."""

    experiment: Experiment
    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.axes) <= 2:
            raise ValueError(f"A sweep has one or two axes, got {len(self.axes)}.")
        if len({axis.address for axis in self.axes}) < len(self.axes):
            raise ValueError(f"The axes of a sweep must differ, got {brief(self.axes[0].address)} twice.")
        checked = []
        for axis in self.axes:
            param = pick(self.experiment, axis.address).param
            checked.append(Axis(axis.address, tuple(_lenient(param, value) for value in axis.values)))
        object.__setattr__(self, "axes", tuple(checked))
        if self.size > MAX_CELLS:
            shape = " x ".join(str(len(axis.values)) for axis in self.axes)
            raise ValueError(f"{shape} are {self.size} cells; at most {MAX_CELLS} are swept. Take fewer values.")

    @property
    def size(self) -> int:
        size = 1
        for axis in self.axes:
            size *= len(axis.values)
        return size

    @property
    def runs(self) -> int:
        """Trained models, if every cell is possible."""
        return self.size * len(self.experiment.strategies) * len(self.experiment.seeds)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells. One whose values make no experiment says so by name; the others run."""
        plain = self.experiment.to_dict()
        writes = [pick(self.experiment, axis.address).write for axis in self.axes]
        found = []
        for index, values in enumerate(itertools.product(*(axis.values for axis in self.axes))):
            copy = json.loads(json.dumps(plain))
            try:
                for write, value in zip(writes, values, strict=True):
                    write(copy, value)
                found.append(Cell(index, values, Experiment.from_dict(copy)))
            except ValueError as error:
                found.append(Cell(index, values, None, str(error)))
        return tuple(found)

    @classmethod
    def from_json(cls, text: str) -> "Sweep":
        """A checked sweep. Raises ValueError that names what is unknown, out of range or impossible."""
        table = check_table(read_json(text, "a sweep"), ("format", "experiment", "axes"), "The sweep")
        if table.get("format", FORMAT) != FORMAT:
            raise ValueError(f"This program reads sweeps of format {FORMAT}, got format {brief(table['format'])}.")
        axes = table.get("axes")
        if not isinstance(axes, list):
            raise ValueError(f"axes must be a list of one or two axes, got {brief(axes)}.")
        experiment = Experiment.from_dict(table.get("experiment"))
        return cls(experiment, tuple(_axis(experiment, axis) for axis in axes))

    def to_json(self) -> str:
        axes = [{"address": axis.address, "values": list(axis.values)} for axis in self.axes]
        return json.dumps(
            {"format": FORMAT, "experiment": self.experiment.to_dict(), "axes": axes}, indent=1, ensure_ascii=False
        )


def groups(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that train as one stack: same data, model, seeds and epochs; in the order of their first cells."""
    alike: dict[Any, list[Cell]] = {}
    for cell in cells:
        if cell.experiment is not None:
            own = cell.experiment
            alike.setdefault((own.data, own.model, own.seeds, own.training.epochs), []).append(cell)
    return sorted((part for members in alike.values() for part in _parts(members)), key=lambda part: part[0].index)


def merged(cells: Sequence[Experiment]) -> Experiment:
    """One experiment with the strategies of all, in order. What differs in their training settings becomes overrides."""
    first = cells[0]
    strategies = []
    for number, own in enumerate(cells):
        for index, strategy in enumerate(own.strategies):
            settings = strategy.training(own.training)
            overrides = {
                p.name: getattr(settings, p.name)
                for p in Training.FIELDS
                if getattr(settings, p.name) != getattr(first.training, p.name)
            }
            strategies.append(dataclasses.replace(strategy, name=f"{number}/{index}", overrides=overrides))  # type: ignore[arg-type]
    return dataclasses.replace(first, strategies=tuple(strategies))


def _parts(members: Sequence[Cell]) -> list[list[Cell]]:
    assert members[0].experiment is not None
    own = members[0].experiment
    most = min(GROUP_RUNS // (len(own.strategies) * len(own.seeds)), MAX_STRATEGIES // len(own.strategies))
    return [list(members[i : i + max(most, 1)]) for i in range(0, len(members), max(most, 1))]


def _lenient(param: Param, value: Value) -> Value:
    """A value in the type of its parameter; one that is out of range stays, so that its cells can say so."""
    if isinstance(value, list):
        value = tuple(value)
    try:
        return param.check(value)
    except ValueError:
        if value is not None and not isinstance(value, bool | int | float | str | tuple):
            raise
        return value


def _axis(experiment: Experiment, raw: object) -> Axis:
    """An axis with `values`, or with `from`, `to`, `count` and `scale` (log or linear)."""
    table = check_table(raw, ("address", "values", "from", "to", "count", "scale"), "An axis")
    param = pick(experiment, table.get("address")).param
    if "values" in table:
        values = table["values"]
        if not isinstance(values, list):
            raise ValueError(f"The values of an axis must be a list, got {brief(values)}.")
        return Axis(table["address"], tuple(tuple(v) if isinstance(v, list) else v for v in values))
    low: Any = table.get("from")
    high: Any = table.get("to")
    if type(low) not in (int, float) or type(high) not in (int, float):
        raise ValueError(f"An axis needs values, or from, to and count as numbers; got {brief(dict(table))}.")
    if not isinstance(param.default, int | float) or isinstance(param.default, bool):
        raise ValueError(f"{param.name} is not one number: give its values as a list.")
    count, scale = table.get("count"), table.get("scale", "linear")
    if type(count) is not int or scale not in ("log", "linear"):
        raise ValueError(f"An axis needs a whole count and the scale log or linear, got {brief(count)} and {brief(scale)}.")
    return Axis(table["address"], spaced(param, low, high, count, log=scale == "log"))
