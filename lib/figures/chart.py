"""A figure and what it says in words.

Figures are built as plain Plotly JSON, because building and validating `graph_objects` at every tick of a training costs
60 ms for eight panels, and the training thread waits meanwhile. `Chart.figure` is the validated Figure; the tests build it
for every chart.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import plotly.graph_objects as go

INLINE = 48  # numbers up to which an array is written out; longer ones travel as base64 of their bytes


@dataclass(frozen=True, eq=False)
class Slot:
    """A place of a chart whose content depends on a slider: in frame i, `values[i]` stands at `path`.

    `path`: keys and indices into the spec, as ("data", 3, "x"), or ("alt",) for the text alternative. `values`: plain JSON
    values or numpy arrays.
    """

    path: tuple[str | int, ...]
    values: Sequence[Any]


@dataclass(frozen=True)
class Track:
    """A slider over frames: `labels[i]` is the sentence shown at position i, `ticks` stand under some positions."""

    name: str
    labels: tuple[str, ...]
    start: int = 0
    ticks: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.start < len(self.labels):
            raise ValueError(f"A slider with {len(self.labels)} positions cannot start at {self.start}. Start within.")
        if wrong := [place for place in self.ticks if not 0 <= place < len(self.labels)]:
            raise ValueError(f"A slider with {len(self.labels)} positions has no tick at {wrong[0]}. Leave it out.")


@dataclass(frozen=True, eq=False)
class Chart:
    """`spec` is {"data": [...], "layout": {...}} in Plotly's schema, with numpy arrays; `alt` is for screen readers.

    `layout.meta.grid`, where there is one, tells the live component how to lay out panels in a narrow window. `slots` are
    what a slider changes, in the browser and without a word to the server; all have as many values.
    """

    spec: Mapping[str, Any]
    alt: str
    slots: Sequence[Slot] = ()

    def __post_init__(self) -> None:
        if len({len(slot.values) for slot in self.slots}) > 1:
            raise ValueError("Slots of one chart need as many values each: one per position of the slider.")

    @property
    def figure(self) -> "go.Figure":
        """The validated Plotly figure."""
        import plotly.graph_objects as go

        return go.Figure(dict(self.spec))

    @property
    def height(self) -> int:
        """Pixels at the width of a page."""
        return int(self.spec["layout"]["height"])

    def payload(self) -> str:
        """The figure as compact JSON `{data, layout, slots, arrays}`; made once.

        Every array stands once, in `arrays`; where it belongs there is `{"$": index}`. Panels that show the same points
        then cost them once.
        """
        return self._payload

    @cached_property
    def _payload(self) -> str:
        arrays: list[NDArray[Any]] = []
        places: dict[int, int] = {}

        def refer(value: object) -> dict[str, int]:
            if not isinstance(value, np.ndarray):
                raise TypeError(f"A figure holds plain values and numpy arrays, got {type(value).__name__}.")
            if id(value) not in places:
                places[id(value)] = len(arrays)
                arrays.append(value)
            return {"$": places[id(value)]}

        whole = dict(self.spec)
        if self.slots:
            whole["slots"] = [{"path": slot.path, "values": list(slot.values)} for slot in self.slots]
        body = json.dumps(whole, default=refer, separators=(",", ":"), allow_nan=False)
        packed = json.dumps([pack(array) for array in arrays], separators=(",", ":"), allow_nan=False)
        return f'{body[:-1]},"arrays":{packed}}}'


def pack(array: NDArray[Any]) -> Any:
    """An array as Plotly reads it: a list, or its typed bytes. NaN becomes null."""
    if array.dtype.kind not in "fiub" or array.ndim > 2:
        return array.tolist()
    if array.size <= INLINE:
        return [[_plain(v) for v in row] for row in array.tolist()] if array.ndim == 2 else [_plain(v) for v in array.tolist()]
    small = array.astype("<f4") if array.dtype.kind == "f" else _narrow(array)
    code = f"{small.dtype.kind}{small.dtype.itemsize}"
    packed = {"dtype": code, "bdata": base64.b64encode(np.ascontiguousarray(small).tobytes()).decode()}
    return packed | ({"shape": f"{array.shape[0]},{array.shape[1]}"} if array.ndim == 2 else {})


def _plain(value: Any) -> float | int | None:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return int(value)


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers in the smallest type that holds them."""
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for name in ("i1", "<i2", "<i4"):
        info = np.iinfo(name)
        if info.min <= low and high <= info.max:
            return array.astype(name)
    return array.astype("<f8")
