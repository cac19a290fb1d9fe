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
from lib.figures.theme import mix, page
from lib.operating.costs import Costs
from lib.operating.points import AtGrid, Points, at_grid
from lib.operating.scored import probability

Array = NDArray[np.float64]

# In a panel 300 wide and 132 tall; cells are [true][said], no first.
WIDE, TALL, HEAD = 300, 152, 20
CELLS = ((66, HEAD), (126, HEAD), (66, HEAD + 66), (126, HEAD + 66))
CELL = (60, 66)
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
        narrowest=270,
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
        frames = [_cells(there, position, dark) for position in range(len(grid))]
        numbers = _numbers(there, reading)
        x, y = axis_names(panel)
        for cell, (left, top) in enumerate(CELLS):
            slots.append(Slot(("layout", "shapes", len(layout["shapes"]), "fillcolor"), [frame[1][cell] for frame in frames]))
            layout["shapes"].append({
                "type": "rect", "xref": x, "yref": y, "x0": left + 1, "x1": left + CELL[0] - 1, "y0": top + 1,
                "y1": top + CELL[1] - 1, "line": {"width": 0}, "layer": "below", "fillcolor": frames[start][1][cell],
            })  # fmt: skip
        texts = [[*frame[0], told] for frame, told in zip(frames, numbers, strict=True)]
        inks = [[*frame[2], page(dark).ink] for frame in frames]
        slots += [Slot(("data", len(data), "text"), texts), Slot(("data", len(data), "textfont", "color"), inks)]
        data += [_texts((x, y), texts[start], inks[start], one), _sides((x, y), class_name, one, dark)]
        letter = title["text"].split("<b>")[1][0]
        recalls, precisions = there.curve("recall"), there.curve("precision")
        for i in range(len(grid)):
            sentences[i] += f" {letter}: recall {number(recalls[i])}, precision {number(precisions[i])}."
    begin = [f"Confusion matrices at the threshold {number(float(probability(place)))}." for place in grid]
    alts = [a + b for a, b in zip(begin, sentences, strict=True)]
    return Chart({"data": data, "layout": layout}, alts[start], (*slots, Slot(("alt",), alts)))


def _cells(there: AtGrid, position: int, dark: bool) -> tuple[list[str], list[str], list[str]]:
    """Texts, shades and inks of the four cells; the share is of the true class."""
    matrix = there.confusion(position)
    rows = matrix.sum(1, keepdims=True)
    part = np.divide(matrix, rows, out=np.full((2, 2), np.nan), where=rows > 0)
    texts = [f"<b>{count(n)}</b><br>{share(p)}" for n, p in zip(matrix.flat, part.flat, strict=True)]
    depth = np.nan_to_num(part).ravel()
    low, high = page(dark).shade
    return texts, [mix(low, high, round(float(d), 2)) for d in depth], [cell_ink(float(d), dark) for d in depth]


def _numbers(there: AtGrid, reading: Reading) -> list[str]:
    """One text of several lines per position."""
    lines = []
    for name in NUMBERS:
        short = f"F{reading.beta:g}" if name == "f_beta" else SHORT[name]
        lines.append([f"{short} <b>{number(v)}</b>" for v in there.curve(name, reading.beta)])
    prior = reading.costs.prior if reading.costs else None
    if reading.rows_per_day is not None:
        lines.append([f"yes a day <b>{number(v)}</b>" for v in there.alerts(prior) * reading.rows_per_day])
    if reading.costs is not None:
        lines.append([f"cost a row <b>{number(v)}</b>" for v in there.cost(reading.costs)])
    return ["<br>".join(parts) for parts in zip(*lines, strict=True)]


def _texts(axes: tuple[str, str], texts: list[str], inks: list[str], one: Points) -> dict[str, Any]:
    middles = [(left + CELL[0] / 2, top + CELL[1] / 2) for left, top in CELLS]
    return {
        "type": "scatter", "mode": "text", "x": [m[0] for m in middles] + [192], "y": [m[1] for m in middles] + [HEAD + 66],
        "xaxis": axes[0], "yaxis": axes[1], "text": texts, "textposition": ["middle center"] * 4 + ["middle right"],
        "textfont": {"size": 14, "color": inks}, "hoverinfo": "skip", "showlegend": False, "cliponaxis": False,
        "name": escape(one.name),
    }  # fmt: skip


def _sides(axes: tuple[str, str], class_name: str, one: Points, dark: bool) -> dict[str, Any]:
    """What rows and columns are, and how many rows there are of each."""
    short = escape(class_name, 9)
    texts = [
        "said no", "said yes", f"others<br>{count(one.cuts.negatives)}", f"<b>{short}</b><br>{count(one.cuts.positives)}",
    ]  # fmt: skip
    return {
        "type": "scatter", "mode": "text", "x": [96, 156, 62, 62], "y": [HEAD / 2, HEAD / 2, HEAD + 33, HEAD + 99],
        "xaxis": axes[0], "yaxis": axes[1], "text": texts, "textposition": ["middle center"] * 2 + ["middle left"] * 2,
        "textfont": {"size": 14, "color": page(dark).quiet}, "hoverinfo": "skip", "showlegend": False, "cliponaxis": False,
        "name": f"{escape(one.name)}, sides",
    }  # fmt: skip
