"""What a sweep may vary: any declared `Param` of the data, the strategies, the model or the training, by its address.

Addresses: `data.n`, `model.hidden`, `training.batch_size`, `s1.weighting.beta` (the first strategy's), `s*.loss.gamma` (of all
strategies that have it), `s1.training.lr` (an override). Two more stand for what no single Param says: `data.ratio`, the
majority rows per minority row of two classes, and `s1.weight`, the weight of class 1 over that of class 0 in a manual scheme.
"""

import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lib.data import SOURCES
from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.models import MODELS
from lib.registry import Param, Value, brief

MAX_VALUES = 1000
MAX_ADDRESS, LISTED = 60, 12  # of an unknown address: characters compared, and how many others are named
RATIO = Param("ratio", "", 19.0, 1.0, 100_000.0, help="Rows of class 0 per row of class 1.")
WEIGHT = Param("weight", "w", 19.0, 0.0, 1e6, help="Weight of class 1; class 0 has weight 1.")
Plain = dict[str, Any]  # an experiment as plain data
Write = Callable[[Plain, Any], None]


@dataclass(frozen=True, eq=False)
class Choice:
    """One thing that can be varied in a given experiment."""

    address: str
    label: str
    param: Param
    write: Write

    @property
    def ranged(self) -> bool:
        """Whether values can be spaced between two ends: one number each."""
        return isinstance(self.param.default, int | float | None) and not isinstance(self.param.default, bool)


@dataclass(frozen=True)
class Axis:
    """An address and the values that it takes, in order."""

    address: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if wrong := [value for value in self.values if not _plain(value)]:
            raise ValueError(f"A value of an axis is a number, a text, or a list of them; got {brief(wrong[0])}.")
        if not 1 <= len(self.values) <= MAX_VALUES:
            raise ValueError(f"An axis has 1 to {MAX_VALUES} values; {brief(self.address)} has {len(self.values)}.")
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"The values of an axis must differ; {brief(self.address)} has one twice.")


def _plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(part, bool | int | float | str) for part in value)
    return value is None or isinstance(value, bool | int | float | str)


def choices(experiment: Experiment) -> Mapping[str, Choice]:
    """All that can be varied in this experiment, by address."""
    return {choice.address: choice for choice in _all(experiment)}


def pick(experiment: Experiment, address: object) -> Choice:
    """The choice of an address that a stranger sent. Raises ValueError that lists what there is, the most alike first."""
    known = choices(experiment)
    if not isinstance(address, str) or address not in known:
        alike = difflib.get_close_matches(address[:MAX_ADDRESS], known, LISTED) if isinstance(address, str) else []
        first = list(dict.fromkeys([*alike, *known]))[:LISTED]
        more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
        raise ValueError(f"Nothing to vary at {brief(address)}; there is {', '.join(first)}{more}.")
    return known[address]


def spaced(param: Param, low: float, high: float, count: int, *, log: bool) -> tuple[Value, ...]:
    """`count` values from low to high, checked; whole numbers are rounded, and those that meet are taken once.

    Raises ValueError when an end is not allowed.
    """
    if not 2 <= count <= MAX_VALUES:
        raise ValueError(f"A range has 2 to {MAX_VALUES} values, got {count}.")
    if not low < high:
        raise ValueError(f"A range goes from a smaller to a larger value, got {low:g} to {high:g}.")
    if log and low <= 0:
        raise ValueError(f"A logarithmic range starts above 0, got {low:g}. Take equal steps, or a larger start.")
    steps = [i / (count - 1) for i in range(count)]
    raw = [math.exp(math.log(low) + part * math.log(high / low)) if log else low + part * (high - low) for part in steps]
    raw = [low, *raw[1:-1], high]
    found = [round(value) if isinstance(param.default, int) else float(f"{value:.6g}") for value in raw]
    return tuple(dict.fromkeys(param.check(value) for value in found))


def _all(experiment: Experiment) -> Iterator[Choice]:
    yield from _data(experiment)
    yield from _strategies(experiment)
    yield from (Choice(f"training.{p.name}", p.name, p, _into("training", p.name)) for p in Training.FIELDS)
    for param in MODELS[experiment.model.name].params:
        yield Choice(f"model.{param.name}", param.name, param, _into("model", "params", param.name))
    yield from (Choice(f"model.{p.name}", p.name, p, _into("model", p.name)) for p in ModelSpec.FIELDS)


def _data(experiment: Experiment) -> Iterator[Choice]:
    source = SOURCES[experiment.data.source]
    if source.kind == "upload":
        return
    if len(experiment.data.params.get("priors", ())) == 2:
        yield Choice("data.ratio", "imbalance ratio", RATIO, _write_ratio)
    for param in source.params:
        yield Choice(f"data.{param.name}", param.name, param, _into("data", "params", param.name))
    yield from (Choice(f"data.{p.name}", p.name, p, _into("data", p.name)) for p in DataSpec.FIELDS if p.name == "seed")


def _strategies(experiment: Experiment) -> Iterator[Choice]:
    shared: dict[str, list[Choice]] = {}
    for index, strategy in enumerate(experiment.strategies):
        for choice in _strategy(index, strategy):
            shared.setdefault(choice.address.split(".", 1)[1], []).append(choice)
    for address, found in shared.items():
        if len(found) > 1:
            first = found[0]
            writes = [choice.write for choice in found]
            yield Choice(f"s*.{address}", f"{first.label.split(': ', 1)[1]} (all strategies)", first.param, _every(writes))
    for found in shared.values():
        yield from found


def _strategy(index: int, strategy: Strategy) -> Iterator[Choice]:
    own = ("strategies", index)
    for part, (params_field, registry) in Strategy.PARTS.items():
        record = registry[getattr(strategy, part)]
        for param in record.params:
            label = f"{strategy.name}: {param.name} of {record.label}"
            yield Choice(f"s{index + 1}.{part}.{param.name}", label, param, _into(*own, params_field, param.name))
    if strategy.weighting == "manual" and len(strategy.weighting_params["weights"]) == 2:
        yield Choice(f"s{index + 1}.weight", f"{strategy.name}: weight of class 1", WEIGHT, _weight_writer(index))
    for param in Strategy.FIELDS:
        yield Choice(f"s{index + 1}.{param.name}", f"{strategy.name}: {param.name}", param, _into(*own, param.name))
    for param in Training.FIELDS:
        if param.name != "epochs":
            label = f"{strategy.name}: {param.name}"
            yield Choice(f"s{index + 1}.training.{param.name}", label, param, _into(*own, "overrides", param.name))


def _into(*place: str | int) -> Write:
    def write(plain: Plain, value: Any) -> None:
        here: Any = plain
        for step in place[:-1]:
            here = here[step] if isinstance(step, int) else here.setdefault(step, {})
        here[place[-1]] = list(value) if isinstance(value, tuple) else value

    return write


def _every(writes: list[Write]) -> Write:
    def write(plain: Plain, value: Any) -> None:
        for one in writes:
            one(plain, value)

    return write


def _write_ratio(plain: Plain, value: float) -> None:
    _into("data", "params", "priors")(plain, (value / (1 + value), 1 / (1 + value)))


def _weight_writer(index: int) -> Write:
    def write(plain: Plain, value: float) -> None:
        _into("strategies", index, "weighting_params", "weights")(plain, (1.0, value))

    return write
