"""The pictures of the weight dial. Each shows one position of the slider; lib/figures/frames.py makes one chart of them all.

Two ways stand side by side everywhere: A, the plain model with its threshold moved to 1 / (1 + w), and B, the model whose
loss was weighted by w. What does not move is built once by the caller and shared by all frames.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.dial import Reading
from lib.figures.chart import Chart
from lib.figures.confusion import confusion_panels
from lib.figures.panels import base_layout, note, panel_title
from lib.figures.text import interval, number, share
from lib.figures.theme import Style, fade, page, style

Array = NDArray[np.float64]

NAMES = ("threshold moved", "weighted")
HEIGHT = 334
MARGIN = (58, 24, 34, 66)
PROBABILITIES = np.linspace(0, 1, 41)
TICKS = {-3: "1/1000", -2: "1/100", -1: "1/10", 0: "1", 1: "10", 2: "100", 3: "1000"}


def ratio(weight: float) -> str:
    """A weight as it is said: `19.0`, `1/50.1`."""
    return number(weight) if weight >= 1 else f"1/{number(1 / weight)}"


def confusion(reading: Reading, at: int, class_names: Sequence[str], split: str, *, dark: bool) -> Chart:
    """Both matrices at one weight; `class_names` are the rest and the class."""
    matrices = np.stack([reading.moved.counts[at], reading.weighted.counts[at]])
    chart = confusion_panels(("moved", "weighted"), matrices, class_names, normalise="row", dark=dark, split=split)
    layout = dict(chart.spec["layout"])
    said = {"ticktext": ["no", "yes"]}
    # Two beside each other in a third of the page: the rows are named once.
    layout |= {axis: layout[axis] | said for axis in ("xaxis", "xaxis2")}
    layout["yaxis2"] = layout["yaxis2"] | {"ticktext": ["", ""]}
    layout["meta"] = {"grid": layout["meta"]["grid"] | {"narrowest": 90, "gap_x": 26}}
    return Chart({"data": chart.spec["data"], "layout": layout}, f"At weight {ratio(reading.weights[at])}. {chart.alt}")


def roc(reading: Reading, at: int, *, dark: bool) -> Chart:
    """Recall against the share of false alarms: both trails over all weights, and where this weight stands on each."""
    layout = _layout("false alarms, share of the others", "found (recall)", "ROC", dark)
    layout["legend"] = {"x": 0.98, "xanchor": "right", "y": 0.04, "yanchor": "bottom"}
    data = [{"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": {"color": page(dark).grid, "width": 1},
             "hoverinfo": "skip", "showlegend": False}]  # fmt: skip
    told = []
    for index, points in enumerate((reading.moved, reading.weighted)):
        found, alarms, _ = points.intervals(at)
        data += _trail(points.false_alarms, points.recall, reading.weights, index, dark)
        data.append(_here(points.false_alarms[at], points.recall[at], alarms, found, index, dark))
        told.append(f"{style(index, dark).letter} {NAMES[index]}: recall {_with(points.recall[at], found)}, "
                    f"false alarms {_with(points.false_alarms[at], alarms)}")  # fmt: skip
    return Chart({"data": data, "layout": layout}, f"ROC at weight {ratio(reading.weights[at])}. {'; '.join(told)}.")


def precision_recall(reading: Reading, at: int, *, dark: bool) -> Chart:
    """Precision against recall: both trails, and where this weight stands on each."""
    layout = _layout("found (recall)", "alarms that are right (precision)", "Precision and recall", dark)
    layout["legend"] = {"x": 0.02, "xanchor": "left", "y": 0.04, "yanchor": "bottom"}
    data: list[dict[str, Any]] = []
    told = []
    for index, points in enumerate((reading.moved, reading.weighted)):
        found, _, right = points.intervals(at)
        data += _trail(points.recall, points.precision, reading.weights, index, dark)
        data.append(_here(points.recall[at], points.precision[at], found, right, index, dark))
        told.append(f"{style(index, dark).letter} {NAMES[index]}: precision {_with(points.precision[at], right)}, "
                    f"recall {_with(points.recall[at], found)}")  # fmt: skip
    return Chart({"data": data, "layout": layout}, f"Precision at weight {ratio(reading.weights[at])}. {'; '.join(told)}.")


def reliability(reading: Reading, at: int, *, dark: bool) -> Chart:
    """How often it is the class where the weighted model says so with probability q, and where log w moves a right model."""
    own, weight = style(1, dark), float(reading.weights[at])
    error = float(np.nansum(reading.rows[at] * np.abs(reading.mean[at] - reading.observed[at])) / reading.rows[at].sum())
    title = f"Reliability, ECE {number(error)}"
    layout = _layout("probability that the weighted model gives", "share of the class", title, dark)
    layout["showlegend"] = False
    text = f"{len(reading.rows[at])} equal bins. Thin: right probabilities. Dotted: those, with log w added to the log odds."
    layout["annotations"].append(note(text, dark))
    rows, full = reading.rows[at], reading.rows[at] > 0
    size = np.where(full, 5 + 9 * np.sqrt(rows / rows.sum()), 0.0)
    texts = [f"{int(n)} rows: said {number(q)}, were {number(o)}"
             for n, q, o in zip(rows, reading.mean[at], reading.observed[at], strict=True)]  # fmt: skip
    data = [
        {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": {"color": page(dark).quiet, "width": 1},
         "name": "right", "hoverinfo": "skip"},
        {"type": "scatter", "mode": "lines", "x": PROBABILITIES, "y": undone(PROBABILITIES, weight), "hoverinfo": "skip",
         "line": {"color": page(dark).ink, "width": 1.5, "dash": "dot"}, "name": "right, moved by log w"},
        {"type": "scatter", "mode": "lines+markers", "x": reading.mean[at], "y": reading.observed[at], "text": texts,
         "hoverinfo": "text", "name": f"{own.letter} weighted", "connectgaps": True,
         "line": {"color": own.color, "width": 2}, "marker": {"color": own.color, "symbol": own.symbol, "size": size}},
    ]  # fmt: skip
    alt = f"Reliability of the model with weight {ratio(weight)}: expected calibration error {number(error)}."
    return Chart({"data": data, "layout": layout}, alt)


def undone(probability: Array, weight: float) -> Array:
    """The true probability behind one that a weight moved: q / (q + w (1 - q))."""
    return probability / (probability + weight * (1 - probability))


def gap(reading: Reading, at: int, exact: Array | None, *, dark: bool) -> Chart:
    """Recall gained by weighting, at the same share of false alarms, against the weight; exact where theory knows it."""
    own, found = style(1, dark), reading.gap
    layout = _layout("weight w", "weighted less moved", "Recall gained at equal false alarms", dark)
    layout["xaxis"] |= {"type": "log", "range": [-3.05, 3.05], "tickvals": [10.0**p for p in TICKS],
                        "ticktext": [text if p % 2 == 0 else "" for p, text in TICKS.items()]}  # fmt: skip
    parts = [found.value, found.low, found.high] + ([exact] if exact is not None else [])
    reach = 1.15 * max(max((float(np.nanmax(np.abs(p))) for p in parts if np.isfinite(p).any()), default=0.0), 0.02)
    layout["yaxis"] |= {"range": [-reach, reach], "zeroline": True, "zerolinecolor": page(dark).quiet}
    layout["legend"] = {"x": 0.98, "xanchor": "right", "y": 0.98, "yanchor": "top"}
    sound = np.isfinite(found.low)
    band = reading.weights[sound]
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": np.concatenate([band, band[::-1]]), "fill": "toself", "line": {"width": 0},
         "y": np.concatenate([found.high[sound], found.low[sound][::-1]]), "fillcolor": fade(own.color, 0.2),
         "hoverinfo": "skip", "showlegend": False, "name": "interval"},
        {"type": "scatter", "mode": "lines", "x": reading.weights, "y": found.value, "line": {"color": own.color, "width": 2},
         "name": "on these rows", "hovertemplate": "w = %{x:.3~r}: %{y:.3~r}<extra></extra>"},
    ]  # fmt: skip
    if exact is not None:
        data.append({"type": "scatter", "mode": "lines", "x": reading.weights, "y": exact, "name": "exact",
                     "line": {"color": page(dark).ink, "width": 1.5, "dash": "dash"},
                     "hovertemplate": "w = %{x:.3~r}: exactly %{y:.3~r}<extra></extra>"})  # fmt: skip
    weight = float(reading.weights[at])
    data.append({"type": "scatter", "mode": "lines", "x": [weight, weight], "y": [-reach, reach], "hoverinfo": "skip",
                 "line": {"color": page(dark).quiet, "width": 1}, "showlegend": False})  # fmt: skip
    said = _with(found.value[at], (found.low[at], found.high[at]) if sound[at] else None)
    if sound[at] and found.low[at] == found.high[at] == 0:
        said = "on the curve of the plain model"
    said += f"; exactly {number(exact[at])}" if exact is not None else ""
    layout["annotations"].append(note(f"At w = {ratio(weight)}: {said}. Band: 95%, paired bootstrap over rows.", dark))
    alt = f"Recall that weighting by {ratio(weight)} gains over a moved threshold at equal false alarms: {said}."
    return Chart({"data": data, "layout": layout}, alt)


def histogram(reading: Reading, at: int, class_names: Sequence[str], colors: Sequence[str], *, dark: bool) -> Chart:
    """Scores of the weighted model per class, and its threshold: the picture of the boundary where there are many features.

    `class_names` and `colors` are of the rest and of the class; the names are inert already.
    """
    layout = _layout(
        "log odds that the weighted model gives", "share of the class's rows", "Scores: yes right of the line", dark
    )
    centres = (reading.edges[1:] + reading.edges[:-1]) / 2
    top = 1.1 * float(reading.scores.max(initial=0.01))
    layout["xaxis"] |= {"range": [float(reading.edges[0]), float(reading.edges[-1])]}
    layout["yaxis"] |= {"range": [0, top]}
    layout["legend"] = {"x": 0.98, "xanchor": "right", "y": 0.98, "yanchor": "top"}
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": centres, "y": reading.scores[at, c], "name": class_names[c],
         "line": {"color": colors[c], "width": 2, "shape": "hvh", "dash": "solid" if c else "dot"}, "fill": "tozeroy",
         "fillcolor": fade(colors[c], 0.2), "hovertemplate": "%{y:.1%} at %{x:.2f}<extra></extra>"} for c in (0, 1)
    ]  # fmt: skip
    data.append({"type": "scatter", "mode": "lines", "x": [0, 0], "y": [0, top], "name": "its threshold, 0.5",
                 "hoverinfo": "skip", "line": {"color": page(dark).ink, "width": 2.5}})  # fmt: skip
    alt = f"Scores of the model with weight {ratio(reading.weights[at])}: " + ", ".join(
        f"{share(r)} of {n} are above its threshold"
        for r, n in zip(
            (reading.weighted.false_alarms[at], reading.weighted.recall[at]), ("the others", "the class"), strict=True
        )
    )
    return Chart({"data": data, "layout": layout}, alt + ".")


def _layout(x_title: str, y_title: str, title: str, dark: bool) -> dict[str, Any]:
    layout = base_layout(HEIGHT, MARGIN, dark)
    common = {"range": [-0.02, 1.02], "nticks": 6, "tickformat": ".3~r"}
    layout["xaxis"] = common | {"title": {"text": x_title}}
    layout["yaxis"] = common | {"title": {"text": y_title}}
    layout["annotations"].append(panel_title(0, f"<b>{title}</b>", page(dark).ink))
    return layout | {"showlegend": True}


def _trail(x: Array, y: Array, weights: Array, index: int, dark: bool) -> list[dict[str, Any]]:
    """All weights as a line with small marks; every tenth of a decade says its weight."""
    own = style(index, dark)
    texts = [f"{own.letter} {NAMES[index]}, w = {ratio(w)}" for w in weights.tolist()]
    return [{
        "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "text": texts, "name": f"{own.letter} {NAMES[index]}",
        "line": {"color": own.color, "width": 1.5}, "marker": {"color": own.color, "size": 4, "symbol": own.symbol},
        "hovertemplate": "%{text}<br>%{x:.3~r}, %{y:.3~r}<extra></extra>",
    }]  # fmt: skip


def _here(
    x: float, y: float, across: tuple[float, float] | None, up: tuple[float, float] | None, index: int, dark: bool
) -> dict[str, Any]:
    """Where the weight stands, with its 95% intervals."""
    own: Style = style(index, dark)
    known = bool(np.isfinite(x) and np.isfinite(y))
    bars = {f"error_{axis}": _bars(value, limits, own.color) for axis, value, limits in (("x", x, across), ("y", y, up))}
    return {
        "type": "scatter", "mode": "markers", "x": [float(x) if known else None], "y": [float(y) if known else None],
        "marker": {"color": own.color if index else "rgba(0,0,0,0)", "symbol": own.symbol, "size": 12 if index else 17,
                   "line": {"color": page(dark).paper if index else own.color, "width": 1 if index else 3}},
        "showlegend": False, "hoverinfo": "skip",
    } | bars  # fmt: skip


def _bars(value: float, limits: tuple[float, float] | None, color: str) -> dict[str, Any]:
    low, high = limits if limits is not None and np.isfinite(value) else (value, value)
    lengths = [max(float(high - value), 0.0), max(float(value - low), 0.0)] if np.isfinite(value) else [0.0, 0.0]
    return {"type": "data", "symmetric": False, "array": lengths[:1], "arrayminus": lengths[1:], "color": color,
            "thickness": 1.5, "width": 0}  # fmt: skip


def _with(value: float, limits: tuple[float, float] | None) -> str:
    return number(float(value)) + (f" {interval(*limits)}" if limits is not None else "")
