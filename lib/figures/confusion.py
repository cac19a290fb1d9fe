"""Confusion matrices of all strategies beside each other: same size, same order, one colour scale, a number in every cell.

Beyond ten classes a matrix is a plain heat map, and `top_confusions` and `frequency_groups` say what is in it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.panels import NOTE, Grid, axis_names, grid_layout, note, strategy_title
from lib.figures.text import count, ends, escape, listed, number, share, shorten
from lib.figures.theme import mix, on_color, page, style
from lib.metrics import recall

Array = NDArray[np.float64]
Normalise = Literal["count", "row", "column", "all"]

LESS = "#c2570c"  # the shade of a share that fell
NUMBERED = 10  # classes up to which every cell carries a number
WHOLES = {"count": "the true class", "row": "the true class", "column": "the predicted class", "all": "all rows"}
SHADES = {
    "count": "Shade: rows. Percent: share of the true class.",
    "row": "Shade and percent: share of the true class (recall on the diagonal).",
    "column": "Shade and percent: share of the predicted class (precision on the diagonal).",
    "all": "Shade and percent: share of all rows.",
}


def mean_matrices(matrices: Array) -> Array:
    """[S, R, C, C] or [S, C, C] -> [S, C, C], the mean over the seeds that have counts; NaN where none has."""
    stack = np.asarray(matrices, dtype=float)
    stack = stack[:, None] if stack.ndim == 3 else stack
    counted = stack.sum((2, 3), keepdims=True) > 0  # a run that diverged has none
    total = np.where(counted, stack, 0).sum(1)
    seeds = counted.sum(1)
    return np.divide(total, seeds, out=np.full(total.shape, np.nan), where=np.broadcast_to(seeds > 0, total.shape))


def shares(matrix: Array, normalise: Normalise) -> Array:
    """Counts [C, C] as parts of a whole; NaN where the whole is 0."""
    axis = {"count": 1, "row": 1, "column": 0, "all": None}[normalise]
    whole = np.broadcast_to(matrix.sum(axis, keepdims=True), matrix.shape)
    return np.divide(matrix, whole, out=np.full(matrix.shape, np.nan), where=whole > 0)


def columns_for(strategies: int, classes: int) -> int:
    """Panels side by side: four, fewer where the cells must hold numbers of many classes."""
    most = 4 if classes <= 5 or classes > NUMBERED else 3 if classes <= 7 else 2
    return min(strategies, most)


def confusion_panels(
    names: Sequence[str], matrices: Array, class_names: Sequence[str], *, normalise: Normalise = "row", dark: bool,
    split: str = "validation", diverged: Mapping[int, int] | None = None,
) -> Chart:  # fmt: skip
    """One panel per strategy: rows are the true classes, columns the predicted ones.

    matrices [S, R, C, C] (or [S, C, C]), counts [true][predicted]; of several seeds the mean is shown. `diverged`: of the
    strategies without a result, those of which every seed diverged, and in which epoch.
    """
    means = mean_matrices(matrices)
    seeds = matrices.shape[1] if np.ndim(matrices) == 4 else 1
    classes, numbered = len(class_names), len(class_names) <= NUMBERED
    tall = 110 + 46 * classes if numbered else 300
    longest = 12 if classes <= 4 else 9
    most = min(max(len(n) for n in class_names), longest)
    wide = 30 + 8 * max(most, 7) if numbered else 20 + 8 * most
    turned = classes > 3
    grid = Grid(
        panels=len(names), columns=columns_for(len(names), classes), panel_height=min(tall, 560), gap_x=wide,
        gap_y=96 if turned else 84, margin=(wide, 8, 34, 110 if turned else 98), narrowest=180 if classes <= 3 else 250,
    )  # fmt: skip
    top = 1.0 if normalise != "count" else max(float(np.nanmax(means, initial=0)), 1.0)
    axes = [_axes(matrix, class_names, longest, turned=turned, numbered=numbered) for matrix in means]
    layout = grid_layout(grid, dark, axes)
    layout["coloraxis"] = {"cmin": 0, "cmax": top, "colorscale": _scale(dark), "showscale": False}
    data: list[dict[str, Any]] = []
    for panel, (name, matrix) in enumerate(zip(names, means, strict=True)):
        layout["annotations"].append(strategy_title(panel, panel, name, dark))
        part = shares(matrix, normalise)
        shade = matrix if normalise == "count" else part
        data.append(_heat(panel, name, matrix, part, shade, class_names, normalise, dark))
        if np.isnan(matrix).all():
            epoch = (diverged or {}).get(panel)
            text = "no result yet" if epoch is None else f"diverged in epoch {epoch}"
            layout["annotations"].append(_nothing(panel, text, dark))
        elif numbered:
            data.append(_numbers(panel, matrix, part, shade / top, dark))
    mean = f" Mean counts of {seeds} seeds." if seeds > 1 else ""
    rows = f"Rows: true class, columns: predicted class ({escape(split)}). "
    layout["annotations"].append(note(rows + SHADES[normalise] + mean, dark, yshift=-62 if turned else -50))
    return Chart({"data": data, "layout": layout}, _alt(names, means, class_names, split, diverged or {}))


def crowded(chart: Chart, columns: int, *, numbers: bool) -> Chart:
    """Matrices in rows of `columns` on little room: names beside the first of each row alone, as columns stand in the same
    order; in the cells the share or, without `numbers`, nothing.
    """
    layout: dict[str, Any] = dict(chart.spec["layout"])
    for key in [key for key in layout if key[1:5] == "axis"]:
        first = key[0] == "y" and (int(key[5:] or 1) - 1) % columns == 0
        names = [text.split("<br>")[0] for text in layout[key]["ticktext"]]
        layout[key] = layout[key] | {"ticktext": names, "showticklabels": first}
    layout["margin"] = layout["margin"] | {"b": NOTE + 14}
    layout["meta"] = {"grid": layout["meta"]["grid"] | {"gap_x": 24, "gap_y": 40}}
    data = [
        trace | {"text": [text.split("<br>")[-1] for text in trace["text"]]} if trace.get("mode") == "text" else trace
        for trace in chart.spec["data"] if numbers or trace.get("mode") != "text"
    ]  # fmt: skip
    return Chart({"data": data, "layout": layout}, chart.alt)


def difference_panels(
    names: Sequence[str], matrices: Array, class_names: Sequence[str], *, dark: bool, split: str = "validation",
    baseline: int = 0,
) -> Chart:  # fmt: skip
    """One panel per other strategy: its shares of each true class minus the baseline's, in percentage points.

    As `confusion_panels` otherwise; for up to ten classes. Raises ValueError without another strategy.
    """
    others = [s for s in range(len(names)) if s != baseline]
    if not others or len(class_names) > NUMBERED:
        raise ValueError(f"A difference needs two strategies and at most {NUMBERED} classes. Show counts or shares.")
    means = mean_matrices(matrices)
    parts = np.array([shares(matrix, "row") for matrix in means])
    moved = parts[others] - parts[baseline]
    classes, turned = len(class_names), len(class_names) > 3
    longest = 12 if classes <= 4 else 9
    wide = 30 + 8 * max(min(max(len(n) for n in class_names), longest), 7)
    grid = Grid(
        panels=len(others), columns=columns_for(len(others), classes), panel_height=min(110 + 46 * classes, 560), gap_x=wide,
        gap_y=96 if turned else 84, margin=(wide, 8, 34, 110 if turned else 98), narrowest=180 if classes <= 3 else 250,
    )  # fmt: skip
    axes = [_axes(means[s], class_names, longest, turned=turned, numbered=True) for s in others]
    layout = grid_layout(grid, dark, axes)
    low, high = page(dark).shade
    scale = [[0, LESS], [0.5, low], [1, high]]
    layout["coloraxis"] = {"cmin": -1, "cmax": 1, "colorscale": scale, "showscale": False}
    data: list[dict[str, Any]] = []
    for panel, (s, cells) in enumerate(zip(others, moved, strict=True)):
        layout["annotations"].append(strategy_title(panel, s, names[s], dark))
        data += _moved(panel, f"{style(s, dark).letter} {escape(names[s])}", cells, dark)
        if np.isnan(cells).all():
            layout["annotations"].append(_nothing(panel, "no result to compare", dark))
    letter = style(baseline, dark).letter
    text = f"Share of each true class minus that of {letter}, in percentage points ({escape(split)})."
    layout["annotations"].append(note(text, dark, yshift=-62 if turned else -50))
    told = [
        f"{style(s, False).letter} {shorten(names[s], 40)}: "
        + listed([f"{shorten(c, 20)} {signed(d)}" for c, d in zip(class_names, np.diag(cells), strict=True)], 10)
        for s, cells in zip(others, moved, strict=True)
    ]
    alt = f"Confusion matrices on {split} rows, difference to {letter}. Recall in percentage points: {'; '.join(told)}."
    return Chart({"data": data, "layout": layout}, alt)


def signed(share_moved: float) -> str:
    """A difference of shares in percentage points: `+12.5`, `−3.0`, `0`."""
    if np.isnan(share_moved):
        return "no rows"
    points = f"{100 * share_moved:+.1f}".replace("-", "−")
    return "0" if points[1:] == "0.0" else points


def _moved(panel: int, name: str, cells: Array, dark: bool) -> list[dict[str, Any]]:
    x, y = axis_names(panel)
    low, high = page(dark).shade
    rows, columns = np.indices(cells.shape)
    inks = [on_color(mix(low, high if d > 0 else LESS, abs(d))) for d in np.nan_to_num(cells).flat]
    size = 16 if len(cells) <= 3 else 14 if len(cells) <= 7 else 12
    return [
        {"type": "heatmap", "z": np.nan_to_num(cells), "xaxis": x, "yaxis": y, "coloraxis": "coloraxis", "xgap": 2, "ygap": 2,
         "name": name, "hoverinfo": "none"},
        {"type": "scatter", "mode": "text", "x": columns.ravel(), "y": rows.ravel(), "xaxis": x, "yaxis": y,
         "text": [signed(d) for d in cells.flat], "textfont": {"size": size, "color": inks}, "hoverinfo": "skip",
         "showlegend": False},
    ]  # fmt: skip


def _axes(
    matrix: Array, class_names: Sequence[str], longest: int, *, turned: bool, numbered: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Class names at both sides; under the true ones, how many rows they have."""
    classes = len(class_names)
    places = list(range(classes)) if numbered else list(range(0, classes, -(-classes // 10)))
    short = [escape(class_names[c], longest) if numbered else ends(class_names[c], longest) for c in places]
    rows = np.where(np.isnan(matrix), 0, matrix).sum(1)
    nothing = np.isnan(matrix).all()  # of a class without rows that is said; of a strategy without a result nothing is
    true = [
        name if nothing else f"{name}<br>n = {count(rows[c])}" if rows[c] else f"{name}<br>no rows"
        for c, name in zip(places, short, strict=True)
    ]
    common = {"tickmode": "array", "tickvals": places, "showgrid": False, "fixedrange": True, "tickfont": {"size": 14}}
    x_axis = common | {"range": [-0.5, classes - 0.5], "ticktext": short, "tickangle": -40 if turned else 0}
    y_axis = common | {"range": [classes - 0.5, -0.5], "ticktext": true if numbered else short}
    return x_axis, y_axis


def _heat(
    panel: int,
    name: str,
    matrix: Array,
    part: Array,
    shade: Array,
    class_names: Sequence[str],
    normalise: Normalise,
    dark: bool,
) -> dict[str, Any]:
    x, y = axis_names(panel)
    trace: dict[str, Any] = {
        "type": "heatmap", "z": np.where(np.isnan(shade), 0, shade), "xaxis": x, "yaxis": y, "coloraxis": "coloraxis",
        "xgap": 2, "ygap": 2, "name": f"{style(panel, dark).letter} {escape(name)}",
    }  # fmt: skip
    if len(class_names) > NUMBERED:
        names = [escape(c, 30) for c in class_names]
        hover = [[f"true: {a}<br>predicted: {b}" for b in names] for a in names] if len(names) <= 40 else None
        template = "true: no. %{y}<br>predicted: no. %{x}" if hover is None else "%{text}"
        shown = "%{z:.3~r} rows" if normalise == "count" else "%{z:.1%} of " + WHOLES[normalise]
        gaps = {"xgap": 0, "ygap": 0, "hovertemplate": f"{template}<br>{shown}<extra></extra>"}
        return trace | gaps | ({} if hover is None else {"text": hover})
    full = [escape(c) for c in class_names]
    trace["text"] = [
        [
            f"true: {full[i]}<br>predicted: {full[j]}<br>{count(matrix[i, j])} of {count(matrix[i].sum())} rows of this true "
            f"class<br>{share(part[i, j])} of {WHOLES[normalise]}"
            for j in range(len(full))
        ]
        for i in range(len(full))
    ]
    return trace | {"hovertemplate": "%{text}<extra></extra>"}


def _numbers(panel: int, matrix: Array, part: Array, depth: Array, dark: bool) -> dict[str, Any]:
    """Count and share in every cell, in a colour that can be read on the cell's own."""
    x, y = axis_names(panel)
    rows, columns = np.indices(matrix.shape)
    size = 16 if len(matrix) <= 3 else 14 if len(matrix) <= 7 else 12
    texts = [
        f"{_strong(n)}<br>{share(p) if not np.isnan(p) else 'no rows'}" for n, p in zip(matrix.flat, part.flat, strict=True)
    ]
    return {
        "type": "scatter", "mode": "text", "x": columns.ravel(), "y": rows.ravel(), "text": texts, "xaxis": x, "yaxis": y,
        "textfont": {"size": size, "color": [cell_ink(d, dark) for d in np.nan_to_num(depth).flat]}, "hoverinfo": "skip",
        "showlegend": False,
    }  # fmt: skip


def _strong(n: float) -> str:
    return f"<b>{count(n)}</b>" if n else count(n)


def cell_ink(depth: float, dark: bool) -> str:
    """Colour of the text on a cell of shade 0 to 1."""
    return _ink(round(100 * min(max(float(depth), 0.0), 1.0)), dark)


@cache
def _ink(percent: int, dark: bool) -> str:
    return on_color(mix(*page(dark).shade, percent / 100))


def _scale(dark: bool) -> list[list[Any]]:
    low, high = page(dark).shade
    return [[0, low], [1, high]]


def _nothing(panel: int, text: str, dark: bool) -> dict[str, Any]:
    x, y = axis_names(panel)
    return {
        "text": text, "xref": f"{x} domain", "yref": f"{y} domain", "x": 0.5, "y": 0.5, "xanchor": "center",
        "yanchor": "middle", "font": {"size": 16, "color": page(dark).quiet},
    }  # fmt: skip


def top_confusions(names: Sequence[str], matrices: Array, class_names: Sequence[str], *, most: int = 20) -> pd.DataFrame:
    """The most frequent mistakes of each strategy: true class, predicted class, rows, share of the true class."""
    found = []
    for name, matrix in zip(names, mean_matrices(matrices), strict=True):
        wrong = np.nan_to_num(matrix * (1 - np.eye(len(matrix))))
        part = shares(matrix, "row")
        for cell in np.argsort(-wrong, axis=None, kind="stable")[:most]:
            i, j = divmod(int(cell), len(matrix))
            if wrong[i, j] > 0:
                found.append((name, class_names[i], class_names[j], float(wrong[i, j]), float(part[i, j])))
    return pd.DataFrame(found, columns=["strategy", "true", "predicted", "rows", "share of true class"])


def frequency_groups(rows: Array) -> dict[str, list[int]]:
    """Classes in three groups by training rows: head, middle, tail; each class once, the most frequent first.

    A third of the classes each (the middle takes what is left), so that the groups mean the same for any data.
    """
    order = [int(c) for c in np.argsort(-np.asarray(rows), kind="stable")]
    third = max(round(len(order) / 3), 1)
    return {"head": order[:third], "middle": order[third : len(order) - third], "tail": order[max(len(order) - third, third) :]}


def group_recalls(names: Sequence[str], recalls: Array, rows: Array) -> pd.DataFrame:
    """Mean recall of head, middle and tail classes per strategy. recalls [S, R, C] or [S, C]; classes without rows left out."""
    values = np.asarray(recalls, dtype=float)
    values = values[:, None] if values.ndim == 2 else values
    table: dict[str, list[Any]] = {"strategy": list(names)}
    for group, members in frequency_groups(rows).items():
        own = values[:, :, members].reshape(len(names), -1)
        found = np.isfinite(own)
        means = np.divide(np.where(found, own, 0).sum(1), found.sum(1), out=np.full(len(names), np.nan), where=found.any(1))
        table[f"{group} ({len(members)} classes)"] = [float(v) for v in means]
    return pd.DataFrame(table)


def _alt(names: Sequence[str], means: Array, class_names: Sequence[str], split: str, diverged: Mapping[int, int]) -> str:
    told = []
    for index, (name, matrix) in enumerate(zip(names, means, strict=True)):
        if index in diverged:
            told.append(f"{style(index, False).letter} {shorten(name, 40)}: diverged in epoch {diverged[index]}")
            continue
        found = recall(np.nan_to_num(matrix))
        per_class = [f"{shorten(c, 20)} {number(r)}" for c, r in zip(class_names, found, strict=True)]
        told.append(f"{style(index, False).letter} {shorten(name, 40)}: {listed(per_class, 10)}")
    return f"Confusion matrices on {split} rows. Share of each true class that was found: {'; '.join(told)}."
