"""The confusion matrices of all strategies at the slider's threshold, with the numbers that are read off them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart, Slot
from lib.figures.confusion import cell_ink
from lib.figures.panels import Grid, axis_names, grid_layout, strategy_title
from lib.figures.text import count, escape, number, share
from lib.figures.theme import mix, page, style
from lib.operating.costs import Costs
from lib.operating.points import AtGrid, Points, at_grid
from lib.operating.scored import probability

Array = NDArray[np.float64]

# Pixels of a panel as narrow as it gets; cells are [true][said], no first. Below the matrix stand two columns of numbers.
WIDE, TALL, HEAD, SIDE = 236, 194, 20, 70
CELL = (76, 48)
CELLS = tuple((SIDE + CELL[0] * said, HEAD + CELL[1] * true) for true in (0, 1) for said in (0, 1))
BELOW = HEAD + 2 * CELL[1] + 6
NUMBERS = ("recall", "precision", "f_beta", "mcc", "g_mean", "balanced_accuracy")
SHORT = {"recall": "recall", "precision": "precision", "f_beta": "F", "mcc": "MCC", "g_mean": "G-mean",
         "balanced_accuracy": "bal. acc."}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What the numbers beside the matrices need: beta of F-beta, rows per day (None: no queue), costs (None: no cost)."""

    beta: float = 1.0
    rows_per_day: float | None = None
    costs: Costs | None = None


def board(points: Sequence[Points], grid: Array, class_name: str, reading: Reading, *, dark: bool) -> Chart:
    """One panel per strategy: its 2 x 2 matrix and its numbers; in frame i those at grid[i]."""
    panels = Grid(
        panels=len(points), columns=min(max(len(points), 2), 4), panel_height=TALL, gap_x=16, gap_y=40, margin=(4, 4, 30, 6),
        narrowest=WIDE,
    )  # fmt: skip
    hidden = {"visible": False, "fixedrange": True}
    axes = [({"range": [0, WIDE]} | hidden, {"range": [TALL, 0]} | hidden) for _ in points]
    layout = grid_layout(panels, dark, axes) | {"shapes": []}
    start = int(np.abs(grid).argmin())
    data: list[dict[str, Any]] = []
    slots: list[Slot] = []
    sentences = [""] * len(grid)
    for panel, one in enumerate(points):
        there = at_grid(one, grid)
        title = strategy_title(panel, one.index, one.name, dark)
        layout["annotations"].append(title)
        data.append(_sides(axis_names(panel), class_name, one, dark))
        first = len(layout["shapes"])
        layout["shapes"] += _frames(axis_names(panel), dark)
        slots += _slots(there, reading, first, len(grid), dark)
        recalls, precisions = there.curve("recall"), there.curve("precision")
        letter = style(one.index, dark).letter
        for i in range(len(grid)):
            sentences[i] += f" {letter}: recall {number(recalls[i])}, precision {number(precisions[i])}."
    begin = [f"Confusion matrices at the threshold {number(float(probability(place)))}." for place in grid]
    alts = [a + b for a, b in zip(begin, sentences, strict=True)]
    chart = Chart({"data": data, "layout": layout}, alts[start], (*slots, Slot(("alt",), alts)))
    _stand_at(chart, start)
    return chart


def _frames(axes: tuple[str, str], dark: bool) -> list[dict[str, Any]]:
    """The cells of a matrix and, below it, two boxes for numbers: shapes, because a slider moves shapes at once."""
    x, y = axes
    corners = [(left + 1, top + 1, left + CELL[0] - 1, top + CELL[1] - 1) for left, top in CELLS]
    corners += [(left, BELOW, left + 116, TALL) for left in (0, 120)]
    return [
        {"type": "rect", "xref": x, "yref": y, "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": {"width": 0},
         "fillcolor": "rgba(0,0,0,0)", "label": {
             "text": "", "textposition": "middle center" if place < 4 else "top left", "padding": 0,
             "font": {"size": 14, "color": page(dark).ink}}}
        for place, (x0, y0, x1, y1) in enumerate(corners)
    ]  # fmt: skip


def _slots(there: AtGrid, reading: Reading, first: int, frames: int, dark: bool) -> list[Slot]:
    """Texts, shades and inks of a panel's shapes."""
    cells = [_cells(there, position, dark) for position in range(frames)]
    found = []
    for cell in range(4):
        at: tuple[str | int, ...] = ("layout", "shapes", first + cell)
        found += [
            Slot((*at, "fillcolor"), [frame[1][cell] for frame in cells]),
            Slot((*at, "label", "text"), [frame[0][cell] for frame in cells]),
            Slot((*at, "label", "font", "color"), [frame[2][cell] for frame in cells]),
        ]
    numbers = _numbers(there, reading)
    return found + [
        Slot(("layout", "shapes", first + 4 + box, "label", "text"), [texts[box] for texts in numbers]) for box in (0, 1)
    ]


def _stand_at(chart: Chart, frame: int) -> None:
    """The picture as its slider finds it: what stands in the slots of one frame."""
    for slot in chart.slots:
        if slot.path[0] == "layout":
            place: Any = chart.spec
            for step in slot.path[:-1]:
                place = place[step]
            place[slot.path[-1]] = slot.values[frame]


def _cells(there: AtGrid, position: int, dark: bool) -> tuple[list[str], list[str], list[str]]:
    """Texts, shades and inks of the four cells; the share is of the true class."""
    matrix = there.confusion(position)
    rows = matrix.sum(1, keepdims=True)
    part = np.divide(matrix, rows, out=np.full((2, 2), np.nan), where=rows > 0)
    texts = [f"<b>{count(n)}</b><br>{share(p)}" for n, p in zip(matrix.flat, part.flat, strict=True)]
    depth = np.nan_to_num(part).ravel()
    low, high = page(dark).shade
    return texts, [mix(low, high, round(float(d), 2)) for d in depth], [cell_ink(float(d), dark) for d in depth]


def _numbers(there: AtGrid, reading: Reading) -> list[tuple[str, str]]:
    """Two texts of several lines per position."""
    lines = []
    for name in NUMBERS:
        short = f"F{reading.beta:g}" if name == "f_beta" else SHORT[name]
        lines.append([f"{short} <b>{number(v)}</b>" for v in there.curve(name, reading.beta)])
    prior = reading.costs.prior if reading.costs else None
    if reading.rows_per_day is not None:
        lines.append([f"yes a day <b>{number(v)}</b>" for v in there.alerts(prior) * reading.rows_per_day])
    if reading.costs is not None:
        lines.append([f"cost <b>{number(v)}</b>" for v in there.cost(reading.costs)])
    half = (len(lines) + 1) // 2
    return [("<br>".join(parts[:half]), "<br>".join(parts[half:])) for parts in zip(*lines, strict=True)]


def _sides(axes: tuple[str, str], class_name: str, one: Points, dark: bool) -> dict[str, Any]:
    """What rows and columns are, and how many rows there are of each."""
    short = escape(class_name, 9)
    texts = [
        "said no", "said yes", f"others<br>{count(one.cuts.negatives)}", f"<b>{short}</b><br>{count(one.cuts.positives)}",
    ]  # fmt: skip
    return {
        "type": "scatter", "mode": "text",
        "x": [SIDE + CELL[0] * (0.5 + said) for said in (0, 1)] + [SIDE - 4] * 2,
        "y": [HEAD / 2] * 2 + [HEAD + CELL[1] * (0.5 + true) for true in (0, 1)],
        "xaxis": axes[0], "yaxis": axes[1], "text": texts, "textposition": ["middle center"] * 2 + ["middle left"] * 2,
        "textfont": {"size": 14, "color": page(dark).quiet}, "hoverinfo": "skip", "showlegend": False, "cliponaxis": False,
        "name": f"{escape(one.name)}, sides",
    }  # fmt: skip
