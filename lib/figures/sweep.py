"""Maps of a sweep: lines over one axis, heat maps over two, and who wins where."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.confusion import cell_ink
from lib.figures.panels import Grid, axis_names, base_layout, grid_layout, note, panel_title, strategy_title
from lib.figures.text import UNDEFINED, escape, number, shorten
from lib.figures.theme import fade, page, style
from lib.metrics import t_interval

Array = NDArray[np.float64]
NUMBERED = 140  # cells up to which each has its number written in it


def sweep_lines(
    names: Sequence[str],
    ticks: Sequence[str],
    measured: Array,
    axis: str,
    metric: str,
    *,
    theory: Array | None = None,
    dark: bool,
) -> Chart:
    """One axis: measured [A, S, R] as a line per strategy with the t interval over seeds; `theory` [A, S] as dashes."""
    layout = base_layout(420, (64, 150, 16, 76), dark)
    places = list(range(len(ticks)))
    layout |= {
        "xaxis": {"title": {"text": escape(axis)}, "tickvals": places, "ticktext": [escape(t, 14) for t in ticks],
                  "range": [-0.3, len(ticks) - 0.7]},
        "yaxis": {"title": {"text": escape(metric)}, "zeroline": False}, "showlegend": False, "hovermode": "x unified",
    }  # fmt: skip
    data: list[dict[str, Any]] = []
    for s, name in enumerate(names):
        own, values = style(s, dark), measured[:, s]
        mean, low, high = _bands(values)
        data.append({
            "type": "scatter", "mode": "lines", "x": [*places, *places[::-1]], "y": np.concatenate([high, low[::-1]]),
            "fill": "toself", "fillcolor": fade(own.color, 0.15), "line": {"width": 0}, "hoverinfo": "skip",
        })  # fmt: skip
        if theory is not None:
            data.append({
                "type": "scatter", "mode": "lines", "x": places, "y": theory[:, s], "hoverinfo": "skip",
                "line": {"color": own.color, "dash": "dot", "width": 2},
            })  # fmt: skip
        data.append({
            "type": "scatter", "mode": "lines+markers", "x": places, "y": mean, "name": f"{own.letter} {escape(name)}",
            "line": {"color": own.color, "width": 2.5}, "marker": {"symbol": own.symbol, "size": 9},
            "text": [_told(m, a, b) for m, a, b in zip(mean, low, high, strict=True)], "hovertemplate": "%{text}",
        })  # fmt: skip
        ends = np.flatnonzero(np.isfinite(mean))
        if len(ends):
            layout["annotations"].append({
                "name": "end", "text": f"<b>{own.letter}</b> {escape(name, 16)}", "x": places[ends[-1]],
                "y": float(mean[ends[-1]]), "xanchor": "left", "xshift": 10, "showarrow": False,
                "font": {"size": 14, "color": own.ink},
            })  # fmt: skip
    words = "Mean and 95 % interval over seeds (training noise)."
    layout["annotations"].append(note(words + (" Dots: theory." if theory is not None else ""), dark, yshift=-52))
    return Chart({"data": data, "layout": layout}, _alt(names, ticks, measured, axis, metric))


def sweep_maps(
    names: Sequence[str], rows: tuple[str, Sequence[str]], columns: tuple[str, Sequence[str]], measured: Array, metric: str,
    *, winners: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None, dark: bool,
) -> Chart:  # fmt: skip
    """Two axes: a heat map of measured [A, B, S, R] per strategy (mean over seeds), on one colour scale.

    `winners`: per cell the best strategy and whether its lead is beyond noise; drawn as one more panel, its letter in each cell
    and the cells hatched where the interval says nothing.
    """
    panels = len(names) + (winners is not None)
    height = max(min(60 + 34 * len(rows[1]), 460), 160)
    grid = Grid(
        panels=panels,
        columns=2 if panels == 4 else min(panels, 3),
        panel_height=height,
        gap_x=90,
        gap_y=110,
        margin=(90, 16, 34, 110),
        narrowest=280,
    )
    axes = [_axes(rows, columns) for _ in range(panels)]
    layout = grid_layout(grid, dark, axes)
    means = _mean(measured)  # [A, B, S]
    finite = means[np.isfinite(means)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    scale = page(dark).shade
    layout["barmode"] = "overlay"  # the squares of `_winners` stand where they stand, whatever else is in their row
    layout["coloraxis"] = {
        "cmin": low, "cmax": high if high > low else low + 1e-9, "colorscale": [[0, scale[0]], [1, scale[1]]],
        "showscale": False,
    }  # fmt: skip
    data: list[dict[str, Any]] = []
    for s, name in enumerate(names):
        layout["annotations"].append(strategy_title(s, s, name, dark))
        data.append(_heat(s, means[:, :, s], rows, columns, metric))
        if means[:, :, s].size <= NUMBERED:
            data.append(_numbers(s, means[:, :, s], low, high, dark))
    if winners is not None:
        layout["annotations"].append(panel_title(len(names), "<b>Best</b> (hatched: not beyond noise)", page(dark).ink))
        data += _winners(len(names), names, *winners, dark)
    words = f"{metric}, mean over seeds, {number(low)} (faint) to {number(high)} (strong)."
    layout["annotations"].append(note(escape(words, 200), dark, yshift=-70))
    flat = measured.reshape(-1, *measured.shape[2:])
    ticks = [f"{a}, {b}" for a in rows[1] for b in columns[1]]
    return Chart({"data": data, "layout": layout}, _alt(names, ticks, flat, f"{rows[0]}, {columns[0]}", metric))


def _axes(rows: tuple[str, Sequence[str]], columns: tuple[str, Sequence[str]]) -> tuple[dict[str, Any], dict[str, Any]]:
    def axis(title: str, ticks: Sequence[str], longest: int) -> dict[str, Any]:
        return {
            "title": {"text": escape(title, 40)}, "tickvals": list(range(len(ticks))), "showgrid": False, "fixedrange": True,
            "ticktext": [escape(t, longest) for t in ticks],
        }  # fmt: skip

    across, down = axis(*columns, 8), axis(*rows, 10)
    return across | {"range": [-0.5, len(columns[1]) - 0.5]}, down | {"range": [-0.5, len(rows[1]) - 0.5]}


def _heat(
    panel: int, means: Array, rows: tuple[str, Sequence[str]], columns: tuple[str, Sequence[str]], metric: str
) -> dict[str, Any]:
    x, y = axis_names(panel)
    text = [
        [
            f"{escape(rows[0])} {escape(rows[1][i])}<br>{escape(columns[0])} {escape(columns[1][j])}<br>"
            f"{escape(metric)} {number(means[i, j])}"
            for j in range(means.shape[1])
        ]
        for i in range(means.shape[0])
    ]
    return {
        "type": "heatmap", "z": means, "xaxis": x, "yaxis": y, "coloraxis": "coloraxis", "xgap": 2, "ygap": 2, "text": text,
        "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _numbers(panel: int, means: Array, low: float, high: float, dark: bool) -> dict[str, Any]:
    x, y = axis_names(panel)
    at = np.argwhere(np.isfinite(means))
    depth = [(means[i, j] - low) / (high - low) if high > low else 0.0 for i, j in at]
    return {
        "type": "scatter", "mode": "text", "x": at[:, 1], "y": at[:, 0], "text": [number(means[i, j]) for i, j in at],
        "textfont": {"size": 13, "color": [cell_ink(d, dark) for d in depth]}, "xaxis": x, "yaxis": y, "hoverinfo": "skip",
    }  # fmt: skip


def _winners(
    panel: int, names: Sequence[str], best: NDArray[np.int64], clear: NDArray[np.bool_], dark: bool
) -> list[dict[str, Any]]:
    """A square per cell in the colour of the best strategy, full where its lead is clear, hatched where it is not."""
    x, y = axis_names(panel)
    found: list[dict[str, Any]] = []
    for s, name in enumerate(names):
        own = style(s, dark)
        for sure in (True, False):
            at = np.argwhere((best == s) & (clear == sure))
            if not len(at):
                continue
            told = f"{own.letter} {escape(name)} is best{'' if sure else ', but not beyond the noise of seeds'}"
            found.append({
                "type": "bar", "x": at[:, 1], "y": np.full(len(at), 0.92), "base": at[:, 0] - 0.46, "width": 0.92,
                "xaxis": x, "yaxis": y, "text": [own.letter] * len(at), "textposition": "inside", "insidetextanchor": "middle",
                "textangle": 0, "textfont": {"size": 14, "color": page(dark).ink if not sure else None}, "showlegend": False,
                "marker": {"color": own.color if sure else fade(own.color, 0.15), "line": {"width": 0},
                           "pattern": {"shape": "" if sure else "/", "fgcolor": own.color, "size": 6, "solidity": 0.2}},
                "hovertemplate": f"{told}<extra></extra>",
            })  # fmt: skip
    return found


def _mean(measured: Array) -> Array:
    """Mean over the seeds (last axis) that gave a number; NaN where none did."""
    finite = np.isfinite(measured)
    total = np.where(finite, measured, 0).sum(-1)
    return np.divide(total, finite.sum(-1), out=np.full(total.shape, np.nan), where=finite.any(-1))


def _bands(values: Array) -> tuple[Array, Array, Array]:
    """Mean and t interval [A] of values [A, R]; without an interval the mean itself."""
    mean = _mean(values)
    ends = [t_interval(row) or (m, m) for row, m in zip(values, mean, strict=True)]
    low, high = np.array(ends, dtype=float).reshape(-1, 2).T
    return mean, low, high


def _told(mean: float, low: float, high: float) -> str:
    return f"{number(mean)} [{number(low)}, {number(high)}]" if low < high else number(mean)


def _alt(names: Sequence[str], ticks: Sequence[str], measured: Array, axis: str, metric: str) -> str:
    told = []
    for s, name in enumerate(names):
        mean = _mean(measured[:, s])
        done = np.flatnonzero(np.isfinite(mean))
        if not len(done):
            told.append(f"{style(s, False).letter} {shorten(name, 40)}: {UNDEFINED}")
            continue
        low, high = done[int(mean[done].argmin())], done[int(mean[done].argmax())]
        told.append(
            f"{style(s, False).letter} {shorten(name, 40)}: from {number(mean[low])} at {shorten(ticks[low], 30)} to "
            f"{number(mean[high])} at {shorten(ticks[high], 30)}"
        )
    return f"{shorten(metric, 60)} over {shorten(axis, 60)}, {len(ticks)} cells. {'; '.join(told)}."
