"""Frames of one chart: what differs from frame to frame becomes its slots, which a slider changes in the browser."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lib.figures.chart import Chart, Slot
from lib.figures.panels import axis_names
from lib.figures.theme import page

Step = tuple[str | int, ...]


def animated(frames: Sequence[Chart], start: int = 0) -> Chart:
    """One chart that shows `frames[i]` at position i of a slider. All are built alike; what is the same travels once.

    Raises ValueError without frames.
    """
    if not frames:
        raise ValueError("A chart needs at least one frame, got none.")
    slots = [Slot(path, values) for path, values in _changes((), [frame.spec for frame in frames])]
    alts = [frame.alt for frame in frames]
    slots += [Slot(("alt",), alts)] if len(set(alts)) > 1 else []
    return Chart(frames[start].spec, frames[start].alt, tuple(slots))


def _changes(path: Step, values: Sequence[Any]) -> Iterator[tuple[Step, Sequence[Any]]]:
    """The deepest places at which the values differ."""
    first = values[0]
    if all(_same(first, value) for value in values):
        return
    keys: Any = None
    if all(isinstance(value, Mapping) and value.keys() == first.keys() for value in values if isinstance(first, Mapping)):
        keys = first.keys() if isinstance(first, Mapping) else None
    if keys is None and isinstance(first, list) and all(isinstance(v, list) and len(v) == len(first) for v in values):
        keys = range(len(first)) if any(isinstance(part, Mapping) for part in first) else None
    if keys is None:
        yield path, values
        return
    for key in keys:
        yield from _changes((*path, key), [value[key] for value in values])


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
        return both and one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def with_cursor(chart: Chart, places: Sequence[float], *, dark: bool) -> Chart:
    """The chart with a line across at x = `places[i]` for position i of a slider, in each panel; it starts at the last."""
    layout = dict(chart.spec["layout"])
    panels = layout.get("meta", {}).get("grid", {}).get("panels", 0)
    across = [(x, f"{y} domain") for x, y in map(axis_names, range(panels))] or [("x", "paper")]
    lines = [
        {"type": "line", "xref": x, "yref": y, "x0": places[-1], "x1": places[-1], "y0": 0, "y1": 1, "layer": "below",
         "line": {"color": page(dark).quiet, "width": 1.5}}
        for x, y in across
    ]  # fmt: skip
    before = list(layout.get("shapes", []))
    slots = [
        Slot(("layout", "shapes", len(before) + at, end), list(places)) for at in range(len(lines)) for end in ("x0", "x1")
    ]
    spec = dict(chart.spec) | {"layout": layout | {"shapes": before + lines}}
    return Chart(spec, chart.alt, (*chart.slots, *slots))
