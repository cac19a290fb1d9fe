"""Reliability: what share of the rows with a probability p really is a yes, on the axis of the thresholds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.operating import HEIGHT, chances, heading, stacked, who, with_line
from lib.figures.panels import layout_key
from lib.figures.text import count, escape, listed, number
from lib.figures.theme import fade, page, style
from lib.metrics import wilson_interval
from lib.operating.calibration import reliability
from lib.operating.points import Points
from lib.operating.scored import intercept, logit, probability

Array = NDArray[np.float64]

BIN = 0.8  # log odds


def reliability_diagram(
    points: Sequence[Points], grid: Array, *, dark: bool, units: str = "rows", height: int = HEIGHT
) -> Chart:
    """Share of yes against the mean probability per bin, whiskers by Wilson; below, how many rows stand behind each point.

    Both axes are log odds, on which weights are a shift and right probabilities a straight line. A bin without any yes, or
    with nothing else, lies on the edge.
    """
    layout, [upper, lower] = stacked((3.0, 1.0), grid, dark, height)
    low, high = float(grid[0]), float(grid[-1])
    data: list[dict[str, Any]] = [{
        "type": "scatter", "mode": "lines", "x": [low, high], "y": [low, high], "xaxis": upper[0], "yaxis": upper[1],
        "name": "right", "showlegend": False, "hoverinfo": "skip", "line": {"color": page(dark).quiet, "width": 1.5},
    }]  # fmt: skip
    edges = probability(np.arange(np.floor(low / BIN) * BIN, high + BIN, BIN))
    edges = np.concatenate([[0.0], edges, [1.0]])
    told = []
    for one in points:
        found = reliability(one.sample, edges)
        data += [_shares(one, found.predicted, found.observed, found.rows, (low, high), upper, dark, units),
                 _rows(one, found.predicted, found.rows, lower, dark, units)]  # fmt: skip
        told.append(f"{who(one)} intercept {number(intercept(one.sample))}")
    layout[layout_key(upper[1])] |= chances(low, high)
    layout[layout_key(lower[1])] |= {"type": "log", "nticks": 3, "tickformat": "~s"}
    layout["annotations"] += [
        heading(upper[1], f"share of yes among {units} with this probability", dark, first=True),
        heading(lower[1], f"{units} per point", dark, first=False),
    ]
    return with_line(data, layout, f"Reliability: {listed(told)}; 0 is right.", grid, dark)


def _shares(
    one: Points,
    predicted: Array,
    observed: Array,
    rows: Array,
    limits: tuple[float, float],
    axes: tuple[str, str],
    dark: bool,
    units: str,
) -> dict[str, Any]:
    own = style(one.index, dark)
    at, ends = np.clip(logit(observed), *limits), []
    for part, n in zip(observed, rows, strict=True):
        bounds = wilson_interval(part * n, n)
        assert bounds is not None  # bins have rows
        ends.append(np.clip(logit(np.array(bounds)), *limits))
    whiskers = np.where(observed[:, None] > 0, np.array(ends).reshape(-1, 2), at[:, None])  # on the edge there is no lower end
    hover = [
        f"<b>{own.letter} {escape(one.name, 30)}</b><br>{count(n)} {units} with probability {number(p)} on average<br>"
        f"share of yes {number(o)}"
        for p, o, n in zip(predicted, observed, rows, strict=True)
    ]
    return {
        "type": "scatter", "mode": "lines+markers", "x": logit(predicted), "y": at, "xaxis": axes[0], "yaxis": axes[1],
        "name": own.letter, "legendgroup": own.letter, "hovertext": hover, "hoverinfo": "text", "cliponaxis": False,
        "line": {"color": own.color, "width": 2, "dash": own.dash},
        "marker": {"symbol": own.symbol, "size": 9, "color": own.color},
        "error_y": {"type": "data", "symmetric": False, "array": np.maximum(whiskers[:, 1] - at, 0), "thickness": 1,
                    "arrayminus": np.maximum(at - whiskers[:, 0], 0), "width": 3, "color": fade(own.color, 0.6)},
    }  # fmt: skip


def _rows(one: Points, predicted: Array, rows: Array, axes: tuple[str, str], dark: bool, units: str) -> dict[str, Any]:
    own = style(one.index, dark)
    return {
        "type": "scatter", "mode": "lines+markers", "x": logit(predicted), "y": rows, "xaxis": axes[0], "yaxis": axes[1],
        "name": f"{own.letter}, {units}", "legendgroup": own.letter, "showlegend": False,
        "line": {"color": own.color, "width": 1.5, "dash": own.dash},
        "marker": {"symbol": own.symbol, "size": 6, "color": own.color},
        "hovertemplate": f"<b>{own.letter} {escape(one.name, 30)}</b><br>%{{y}} {units}<extra></extra>",
    }  # fmt: skip
