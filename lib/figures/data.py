"""Pictures of data and of weights: class counts, weights per scheme, splits, points, and thumbnails of results."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lib.data import Dataset
from lib.figures.chart import Chart
from lib.figures.panels import Grid, axis_names, base_layout, grid_layout, note, panel_title
from lib.figures.recall import rare_classes
from lib.figures.text import count, escape, listed, number, share, shorten
from lib.figures.theme import class_color, class_symbol, page, style

Array = NDArray[np.float64]

NAMED = 30  # classes up to which each bar has its name and number


def class_counts(
    counts: Array, class_names: Sequence[str], *, log: bool = False, dark: bool, height: int = 340, unit: str = "rows"
) -> Chart:
    """Rows per class as bars with their numbers; the ratio of the largest to the smallest class in words."""
    rows = np.asarray(counts, dtype=float)
    order = np.arange(len(rows)) if len(rows) <= NAMED else np.argsort(-rows, kind="stable")
    names, rows = [class_names[i] for i in order], rows[order]
    marks = rare_classes(rows)
    named = len(rows) <= NAMED
    layout = base_layout(height, (72, 12, 34, 84), dark)
    ticks = [("• " if rare else "") + escape(n, max(6, 60 // len(rows))) for n, rare in zip(names, marks, strict=True)]
    step = -(-len(rows) // 40)
    places = list(range(0, len(rows), step))
    layout["xaxis"] = {
        "range": [-0.5, len(rows) - 0.5], "tickmode": "array", "tickvals": places, "ticktext": [ticks[i] for i in places],
        "showgrid": False, "tickangle": 0 if len(rows) <= 8 else -60,
    }  # fmt: skip
    largest = max(float(rows.max(initial=0)), 1.0)
    layout["yaxis"] = {"title": {"text": f"{unit} (log)" if log else unit}, "type": "log" if log else "linear",
                       "range": [-0.3, np.log10(largest) * 1.1 + 0.1] if log else [0, largest * 1.12], "nticks": 6,
                       "tickformat": ",d"}  # fmt: skip
    shown = np.where(rows > 0, rows, np.nan) if log else rows
    parts = rows / max(rows.sum(), 1)
    hover = [f"{escape(n)}: {count(r)} {unit}, {share(p)}" for n, r, p in zip(names, rows, parts, strict=True)]
    data: list[dict[str, Any]] = [{
        "type": "bar", "x": np.arange(len(rows)), "y": shown, "marker": {"color": style(1, dark).color}, "width": 0.75,
        "hovertext": hover, "hoverinfo": "text", "base": 0.5 if log else 0,
        "text": [count(r) if r else "no rows" for r in rows] if named else None,
        "textposition": "outside", "textangle": 0 if len(rows) <= 14 else -90, "cliponaxis": False, "textfont": {"size": 14},
    }]  # fmt: skip
    if log:  # a bar on a log axis starts at half a row
        data[0]["y"] = shown - 0.5
    present = rows[rows > 0]
    ratio = (
        f"The largest class has {number(present.max() / present.min())} times the {unit} of the smallest."
        if len(present)
        else ""
    )
    rare = " • rare: at most a tenth of the largest." if any(marks) else ""
    layout["annotations"].append(note(ratio + rare, dark, yshift=-54))
    told = listed([f"{shorten(n, 30)} {count(r) if r else 'no rows'}" for n, r in zip(names, rows, strict=True)])
    return Chart({"data": data, "layout": layout}, f"{unit.capitalize()} per class: {told}. {ratio}".strip())


def scheme_weights(table: pd.DataFrame, *, dark: bool, log: bool = True) -> Chart:
    """Weights of every scheme as bars: one panel per scheme, one bar per class, up or down from 1 (a row counts once).

    `table` has a row per scheme (its label as index) and a column per class; NaN where a scheme does not apply.
    """
    schemes, classes = [str(s) for s in table.index], [str(c) for c in table.columns]
    values = table.to_numpy(dtype=float)
    grid = Grid(panels=len(schemes), columns=min(len(schemes), 4), panel_height=140, gap_x=60, gap_y=96,
                margin=(60, 12, 52, 36), narrowest=220)  # fmt: skip
    named = len(classes) <= 6
    x_axis = {"range": [-0.5, len(classes) - 0.5], "tickmode": "array", "showgrid": False, "fixedrange": True,
              "tickvals": list(range(len(classes))) if named else [],
              "ticktext": [escape(c, max(6, 32 // len(classes))) for c in classes] if named else []}  # fmt: skip
    layout = grid_layout(grid, dark, [(x_axis, _weight_axis(values, log))] * len(schemes))
    data: list[dict[str, Any]] = []
    told = []
    for panel, scheme in enumerate(schemes):
        x, y = axis_names(panel)
        own = values[panel]
        some = own[np.isfinite(own) & (own > 0)]
        ratio = f"max/min {number(some.max() / some.min())}" if len(some) else "not for these classes"
        layout["annotations"].append(panel_title(panel, f"<b>{escape(scheme, 26)}</b><br>{ratio}", page(dark).ink))
        data.append({
            "type": "bar", "x": np.arange(len(classes)), "y": np.where(own > 0, own - 1, np.nan) if log else own,
            "base": 1 if log else 0, "xaxis": x, "yaxis": y, "width": 0.7, "marker": {"color": style(1, dark).color},
            "cliponaxis": False, "textposition": "outside", "textangle": 0, "textfont": {"size": 14}, "hoverinfo": "text",
            "text": [number(w) for w in own] if named else None,
            "hovertext": [f"{escape(scheme)}<br>{escape(c)}: {number(w)}" for c, w in zip(classes, own, strict=True)],
        })  # fmt: skip
        weights = listed([f"{shorten(c, 20)} {number(w)}" for c, w in zip(classes, own, strict=True)], 6)
        told.append(f"{shorten(scheme, 40)} ({ratio}): {weights}")
    scale = " Log axis." if log else ""
    return Chart({"data": data, "layout": layout}, f"Weights of each scheme. {'; '.join(told)}.{scale}")


def _weight_axis(values: Array, log: bool) -> dict[str, Any]:
    """One y axis for all schemes, with room for numbers at the ends of the bars."""
    some = values[np.isfinite(values) & (values > 0)]
    low, high = float(some.min(initial=1.0)), float(some.max(initial=1.0))
    if not log:
        return {"range": [0, high * 1.25], "nticks": 4, "fixedrange": True}
    room = max((high / low) ** 0.3, 2.0)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [10.0**power for power in powers][:: -(-len(powers) // 5)]
    return {"type": "log", "range": [math.log10(low / room), math.log10(high * room)], "fixedrange": True,
            "tickmode": "array", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}  # fmt: skip


def scatter(dataset: Dataset, *, dark: bool, max_points: int = 2000, height: int = 380) -> Chart:
    """Training rows by class: the two features, or the first two principal components of more."""
    x, y = dataset.train.x.double().numpy(), dataset.train.y.numpy()
    if y.ndim != 1 or x.ndim != 2:
        raise ValueError(f"scatter is for rows with one class each, got a {dataset.task} task.")
    names, told = _plane_names(dataset)
    step = max(len(x) // 50_000, 1)
    plane, explained = _plane(x, x[::step])
    layout = base_layout(height, (60, 12, 44, 76), dark)
    layout |= {"showlegend": True, "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}}
    layout["xaxis"] = {"title": {"text": names[0]}, "nticks": 6, "showgrid": False}
    layout["yaxis"] = {"title": {"text": names[1]}, "nticks": 6, "showgrid": False}
    data: list[dict[str, Any]] = []
    shown = 0
    totals = np.bincount(y, minlength=len(dataset.class_names))
    for c in np.argsort(-totals, kind="stable"):
        rows = np.flatnonzero(y == c)
        wanted = min(len(rows), max(round(max_points * len(rows) / len(y)), 40))
        picked = rows[np.linspace(0, len(rows) - 1, wanted).astype(int)] if wanted else rows
        shown += wanted
        data.append({
            "type": "scatter", "mode": "markers", "x": plane[picked, 0], "y": plane[picked, 1], "opacity": 0.7,
            "name": f"{escape(dataset.class_names[c], 24)} ({count(totals[c])})", "showlegend": len(data) < 12,
            "marker": {"size": 6, "color": class_color(int(c), dark), "symbol": class_symbol(int(c))}, "hoverinfo": "name",
        })  # fmt: skip
    text = f"{count(shown)} of {count(len(x))} training rows. "
    text += f"{told}: {share(explained)} of the variance." if dataset.features > 2 else told
    layout["annotations"].append(note(text.strip(), dark, yshift=-50))
    sizes = listed([f"{shorten(n, 20)} {count(v)}" for n, v in zip(dataset.class_names, totals, strict=True)])
    return Chart({"data": data, "layout": layout}, f"Training rows by class ({sizes}). {text.strip()}")


def _plane_names(dataset: Dataset) -> tuple[tuple[str, str], str]:
    if dataset.features == 1:
        return (escape((dataset.feature_names or ("x",))[0], 30), ""), "One feature; the height is the class."
    if dataset.features == 2:
        names = dataset.feature_names or ("x1", "x2")
        return (escape(names[0], 30), escape(names[1], 30)), ""
    return ("first principal component", "second principal component"), "First two principal components"


def _plane(x: Array, some: Array) -> tuple[Array, float]:
    """Rows in two dimensions [N, 2], and the share of variance that these hold. Components are those of `some` rows."""
    if x.shape[1] == 1:
        return np.column_stack([x[:, 0], np.zeros(len(x))]), 1.0
    if x.shape[1] == 2:
        return x, 1.0
    centre, spread = some.mean(0), some.std(0)
    scaled = (some - centre) / np.where(spread > 0, spread, 1.0)
    _, sizes, basis = np.linalg.svd(scaled[:5000], full_matrices=False)
    signs = np.sign(basis[np.arange(2), np.abs(basis[:2]).argmax(1)])  # the sign of a component is arbitrary: fix it
    plane = (x - centre) / np.where(spread > 0, spread, 1.0) @ (basis[:2] * signs[:, None]).T
    return plane, float((sizes[:2] ** 2).sum() / max((sizes**2).sum(), 1e-300))


def thumbnail(whole: Chart, *, height: int = 120) -> Chart:
    """A figure, small: no axes, no text, nothing that reacts. The alt text is that of the whole figure."""
    layout = dict(whole.spec["layout"])
    bare = {"visible": False, "fixedrange": True}
    for key in [k for k in layout if k.startswith(("xaxis", "yaxis"))]:
        layout[key] = layout[key] | bare
    layout |= {
        "height": height, "margin": {"l": 4, "r": 4, "t": 4, "b": 4}, "annotations": [], "showlegend": False,
        "hovermode": False, "dragmode": False,
    }  # fmt: skip
    shown = [trace for trace in whole.spec["data"] if trace.get("mode") != "text"]
    traces = [trace | {"hoverinfo": "skip", "hovertemplate": None} for trace in shown]
    return Chart({"data": traces, "layout": layout}, whole.alt)
