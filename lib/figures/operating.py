"""Thresholds in pictures: curves, costs and score histograms over one axis, and one line through all of them.

The axis is the log odds with probabilities as ticks: a weight w moves everything by log w there, and a rare event's small
probabilities get as much room as large ones. The line is a slot: a slider moves it in the browser.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart, Slot
from lib.figures.panels import axis_names, base_layout, layout_key
from lib.figures.text import escape, listed, number, shorten
from lib.figures.theme import class_color, fade, page, style
from lib.operating.costs import Costs
from lib.operating.points import LANDMARKS, Points, at_grid
from lib.operating.scored import logit, probability

Array = NDArray[np.float64]
Axes = tuple[str, str]

LABELS = {
    "recall": "recall", "precision": "precision", "f_beta": "F-beta", "mcc": "MCC", "g_mean": "G-mean",
    "balanced_accuracy": "balanced accuracy", "youden": "Youden's J", "alerts": "share of rows that get a yes",
}  # fmt: skip
MARGIN = (64, 16, 58, 46)
BETWEEN = 34  # pixels between panels
BAR = 0.25  # log odds of a histogram's bar
FINE = (0.0001, 0.0003, 0.003, 0.03, 0.3, 0.7, 0.97, 0.997, 0.9997, 0.9999)
HEIGHT = 340


def chances(low: float, high: float) -> dict[str, Any]:
    """An axis of log odds with probabilities as ticks."""
    shown = sorted(p for p in (*LANDMARKS, *FINE) if low <= logit(p) <= high)
    if len(shown) > 8:
        shown = [p for p in shown if p in LANDMARKS]
    return {
        "range": [float(low), float(high)], "tickmode": "array", "tickvals": [round(float(logit(p)), 5) for p in shown],
        "ticktext": [f"{p:g}" for p in shown], "showgrid": True, "fixedrange": True,
    }  # fmt: skip


def threshold_curves(
    points: Sequence[Points], grid: Array, curves: Sequence[str], *, beta: float = 1.0, prior: float | None = None,
    own: Sequence[float | None] = (), dark: bool, height: int = HEIGHT,
) -> Chart:  # fmt: skip
    """One panel per curve. A filled marker is the best threshold; an open one (`own`) is where the strategy decides now."""
    layout, axes = stacked((1.0,) * len(curves), grid, dark, height)
    data: list[dict[str, Any]] = []
    told = []
    for panel, name in enumerate(curves):
        label = f"F{beta:g}" if name == "f_beta" else LABELS[name]
        low = 0.0
        for place, one in enumerate(points):
            values = curve(one, grid, name, beta, prior)
            low = min(low, float(np.nanmin(values, initial=0)))
            data.append(line(one, grid, values, axes[panel], label, dark, legend=panel == 0))
            top = (0.0, np.nan) if name in ("recall", "precision", "alerts") else one.best(name, beta)
            if np.isfinite(top[1]):
                data.append(mark(one, *top, axes[panel], f"best {label}", dark, filled=True))
                told.append(f"{who(one)} best {label} {number(top[1])} at {number(float(probability(top[0])))}")
            now = own[place] if place < len(own) else None
            if now is not None and grid[0] <= now <= grid[-1]:
                there = float(curve(one, np.array([now]), name, beta, prior)[0])
                data += [mark(one, now, there, axes[panel], f"decides now: {label}", dark, filled=False)] * bool(
                    np.isfinite(there)
                )
        layout[layout_key(axes[panel][1])] |= {"range": [-1.04 if low < -0.1 else -0.02, 1.04], "nticks": 5}
        layout["annotations"].append(heading(axes[panel][1], label, dark, first=panel == 0))
    alt = f"{', '.join(LABELS[name] for name in curves)} against the threshold: {listed([who(p) for p in points])}."
    return with_line(data, layout, alt + (f" {listed(told)}." if told else ""), grid, dark)


def cost_curves(
    points: Sequence[Points], grid: Array, costs: Costs, *, dark: bool, unit: str = "row", height: int = HEIGHT
) -> Chart:
    """Expected cost per row (or step) against the threshold, the cheapest of each strategy, and where p* says it is."""
    layout, [axes] = stacked((1.0,), grid, dark, height)
    data, told, what = [], [], f"expected cost per {unit}"
    for one in points:
        data.append(line(one, grid, at_grid(one, grid).cost(costs), axes, what, dark))
        threshold, least = one.cheapest(costs)
        if np.isfinite(least):
            data.append(mark(one, threshold, least, axes, "cheapest", dark, filled=True))
            told.append(f"{who(one)} {number(least)} at {number(float(probability(threshold)))}")
    layout[layout_key(axes[1])] |= {"rangemode": "tozero", "nticks": 6}
    layout["annotations"].append(heading(axes[1], what, dark, first=True))
    star = costs.threshold(points[0].sample.prior) if points else costs.elkan
    chart = with_line(data, layout, f"{what.capitalize()} against the threshold; cheapest: {listed(told)}.", grid, dark)
    if 0 < star < 1 and grid[0] <= logit(star) <= grid[-1]:
        at, ink = float(logit(star)), page(dark).ink
        layout["shapes"].append(
            {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1,
             "line": {"color": ink, "width": 1.5, "dash": "dot"}}
        )  # fmt: skip
        layout["annotations"].append(
            {"text": f"p* = {number(star)}", "x": at, "xref": "x", "y": 1, "yref": "paper", "yanchor": "top",
             "xanchor": "left", "xshift": 4, "font": {"size": 14, "color": ink}, "bgcolor": page(dark).paper}
        )  # fmt: skip
    return chart


def histograms(
    points: Sequence[Points], grid: Array, class_name: str, positive: int, *, dark: bool, height: int = HEIGHT
) -> Chart:
    """One row per strategy: where the scores of the class and of all others lie, each scaled to its own peak."""
    layout, [axes] = stacked((1.0,), grid, dark, height)
    edges = np.arange(grid[0], grid[-1] + BAR, BAR)
    known = {0: ("all others", page(dark).quiet), 1: (escape(class_name, 24), class_color(max(positive, 1), dark))}
    data = []
    for truth, (name, color) in known.items():
        outlines = [_outline(one, truth, edges, len(points) - 1 - row) for row, one in enumerate(points)]
        joined = np.concatenate([np.zeros((2, 0)), *outlines], axis=1)
        data.append({
            "type": "scatter", "mode": "lines", "x": joined[0], "y": joined[1], "xaxis": axes[0], "yaxis": axes[1],
            "name": name, "fill": "toself", "fillcolor": fade(color, 0.3 if truth else 0.15), "hoverinfo": "skip",
            "showlegend": True,
            "line": {"color": color, "width": 2 if truth else 1.5, "dash": "solid" if truth else "dot"},
        })  # fmt: skip
    places = list(range(len(points)))
    layout[layout_key(axes[1])] |= {
        "range": [-0.03, len(points)], "tickmode": "array", "tickvals": places, "showgrid": True,
        "ticktext": [f"<b>{style(one.index, dark).letter}</b>" for one in reversed(points)],
    }  # fmt: skip
    layout["annotations"].append(heading(axes[1], "scores, each class scaled to its own peak", dark, first=True))
    middles = [
        f"{who(one)}: half of the class above {number(_middle(one, 1))}, half of the others above {number(_middle(one, 0))}"
        for one in points
    ]
    return with_line(data, layout, f"Histograms of the scores. {listed(middles)}.", grid, dark)


def _outline(one: Points, truth: int, edges: Array, base: float) -> Array:
    """The steps of a histogram [2, P] on a base line, closed, with a gap at its end."""
    inside = np.clip(one.sample.score[one.sample.y_true == truth], edges[0], edges[-1])
    rows = np.histogram(inside, edges)[0]
    tall = base + rows / max(rows.max(), 1) * 0.86
    steps = np.stack([np.repeat(edges, 2)[1:-1], np.repeat(tall, 2)])
    return np.concatenate([steps, [[edges[-1], edges[0], np.nan], [base, base, np.nan]]], axis=1)


def _middle(one: Points, truth: int) -> float:
    scores = one.sample.score[one.sample.y_true == truth]
    return float(probability(np.median(scores))) if len(scores) else np.nan


def curve(one: Points, grid: Array, name: str, beta: float, prior: float | None) -> Array:
    there = at_grid(one, grid)
    return there.alerts(prior) if name == "alerts" else there.curve(name, beta)


# What the pictures have in common


def stacked(shares: Sequence[float], grid: Array, dark: bool, height: int) -> tuple[dict[str, Any], list[Axes]]:
    """The layout of panels over each other with one axis of thresholds; `shares` are their heights."""
    layout = base_layout(height, MARGIN, dark)
    layout |= {"showlegend": True, "hovermode": "closest", "shapes": []}
    layout["legend"] = {"orientation": "h", "x": 1, "y": 1, "yanchor": "bottom", "xanchor": "right",
                        "font": {"size": 14, "color": page(dark).ink}}  # fmt: skip
    inner = height - MARGIN[2] - MARGIN[3]
    free = inner - BETWEEN * (len(shares) - 1)
    axes, top = [], float(inner)
    for panel, part in enumerate(shares):
        x, y = axis_names(panel)
        tall = free * part / sum(shares)
        last = panel == len(shares) - 1
        layout[layout_key(x)] = {"anchor": y} | ({"matches": "x"} if panel else {}) | chances(grid[0], grid[-1])
        layout[layout_key(x)] |= {"title": {"text": "probability, log odds scale"}} if last else {"showticklabels": False}
        layout[layout_key(y)] = {
            "anchor": x, "domain": [max((top - tall) / inner, 0.0), min(top / inner, 1.0)], "fixedrange": True,
        }  # fmt: skip
        axes.append((x, y))
        top -= tall + BETWEEN
    return layout, axes


def with_line(data: list[dict[str, Any]], layout: dict[str, Any], alt: str, grid: Array, dark: bool) -> Chart:
    """The chart with the threshold line through all its panels; in frame i it stands at grid[i]."""
    start = int(np.abs(grid).argmin())
    places = [float(f"{place:.5g}") for place in grid]
    layout["shapes"].insert(0, {
        "type": "line", "xref": "x", "yref": "paper", "x0": places[start], "x1": places[start], "y0": 0, "y1": 1,
        "line": {"color": page(dark).ink, "width": 2.5},
    })  # fmt: skip
    slots = tuple(Slot(("layout", "shapes", 0, end), places) for end in ("x0", "x1"))
    return Chart({"data": data, "layout": layout}, alt, slots)


def heading(y: str, text: str, dark: bool, *, first: bool) -> dict[str, Any]:
    """What a panel shows, over its left edge."""
    return {
        "text": text, "xref": "paper", "yref": f"{y} domain", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom",
        "xshift": 6 - MARGIN[0] if first else 0, "yshift": 30 if first else 4, "font": {"size": 15, "color": page(dark).ink},
    }  # fmt: skip


def line(one: Points, x: Array, y: Array, axes: Axes, what: str, dark: bool, *, legend: bool = True) -> dict[str, Any]:
    own = style(one.index, dark)
    name = f"{own.letter} {escape(one.name, 30)}"
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "xaxis": axes[0], "yaxis": axes[1], "name": own.letter,
        "legendgroup": own.letter, "showlegend": legend, "line": {"color": own.color, "width": 2.5, "dash": own.dash},
        "hovertemplate": f"<b>{name}</b><br>{what} %{{y:.3~r}}<extra></extra>",
    }  # fmt: skip


def mark(one: Points, x: float, y: float, axes: Axes, what: str, dark: bool, *, filled: bool) -> dict[str, Any]:
    """A point that is worth reading: filled where something is best, open where the strategy stands."""
    own, ground = style(one.index, dark), page(dark)
    name = f"{own.letter} {escape(one.name, 30)}"
    at = number(float(probability(x)))
    return {
        "type": "scatter", "mode": "markers", "x": [float(x)], "y": [float(y)], "xaxis": axes[0], "yaxis": axes[1],
        "name": f"{own.letter}, {what}", "legendgroup": own.letter, "showlegend": False, "cliponaxis": False,
        "marker": {
            "symbol": own.symbol, "size": 12 if filled else 11, "color": own.color if filled else ground.paper,
            "line": {"color": ground.ink if filled else own.color, "width": 1.5 if filled else 2.5},
        },
        "hovertemplate": f"<b>{name}</b><br>{what} %{{y:.3~r}}<br>threshold {at}<extra></extra>",
    }  # fmt: skip


def who(one: Points) -> str:
    return f"{style(one.index, False).letter} {shorten(one.name, 40)}"
