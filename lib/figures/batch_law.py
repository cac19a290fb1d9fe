"""Pictures of two closed forms: the class ratio that small batches leave of weights, and label smoothing under weights."""

from typing import Any

import numpy as np

from lib.figures.chart import Chart
from lib.figures.panels import base_layout, note
from lib.figures.text import number
from lib.figures.theme import page, style
from lib.receipt.what_if import flipping_ratio, smoothed_optimum
from lib.theory import effective_ratio

SIZES = sorted({round(2 ** (step / 2)) for step in range(21)})  # 1 to 1024


def ratio_curve(ratio: float, positive_share: float, batch_size: int, *, dark: bool) -> Chart:
    """r_B against the batch size, the wanted ratio, and where the batch is now."""
    values = np.array([effective_ratio(ratio, positive_share, size) for size in SIZES])
    here = effective_ratio(ratio, positive_share, batch_size)
    line, wanted = style(1, dark), style(0, dark)
    reach = np.array([min(*values, ratio, 1.0), max(*values, ratio, 1.0)])
    layout = base_layout(330, (64, 20, 16, 56), dark)
    layout["xaxis"] = {"type": "log", "title": {"text": "batch size B"}, "tickvals": [1, 4, 16, 64, 256, 1024],
                       "ticktext": ["1", "4", "16", "64", "256", "1 024"], "range": [-0.1, 3.15]}  # fmt: skip
    layout["yaxis"] = {"title": {"text": "ratio that acts"}, "rangemode": "tozero", "range": [0, float(reach[1]) * 1.12]}
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": np.array([0.8, 1400.0]), "y": np.array([ratio, ratio]), "hoverinfo": "skip",
         "line": {"color": wanted.color, "dash": "dash", "width": 2}},
        {"type": "scatter", "mode": "lines+markers", "x": np.array(SIZES), "y": values,
         "line": {"color": line.color, "width": 3}, "marker": {"size": 6},
         "hovertext": [f"B = {size}: {number(v)}" for size, v in zip(SIZES, values, strict=True)], "hoverinfo": "text"},
        {"type": "scatter", "mode": "markers+text", "x": np.array([batch_size]), "y": np.array([here]),
         "marker": {"size": 15, "symbol": "diamond", "color": style(2, dark).color},
         "text": [f"B = {batch_size}: {number(here)}"], "textposition": "middle right" if batch_size < 60 else "bottom left",
         "textfont": {"size": 15, "color": style(2, dark).ink}, "hoverinfo": "skip", "cliponaxis": False},
    ]  # fmt: skip
    layout["annotations"].append({
        "text": f"wanted: {number(ratio)}", "xref": "paper", "x": 0.01, "xanchor": "left", "yref": "y", "y": ratio,
        "yanchor": "bottom" if ratio >= 1 else "top", "font": {"size": 14, "color": wanted.ink},
    })  # fmt: skip
    told = ", ".join(f"B {size}: {number(v)}" for size, v in zip(SIZES[::4], values[::4], strict=True))
    return Chart(
        {"data": data, "layout": layout},
        f"The weight ratio {number(ratio)} that acts, by batch size: {told}. At B = {batch_size}: {number(here)}.",
    )


def smoothing_map(classes: int, ratio: float, label_smoothing: float, *, dark: bool) -> Chart:
    """The best p(true) by weight ratio and label smoothing, with the line where another class takes the argmax."""
    own = page(dark)
    ratios = np.logspace(0, 3, 61)
    spreads = np.linspace(0, 0.5, 51)
    best = smoothed_optimum(ratios[None, :], spreads[:, None], classes)
    here = float(smoothed_optimum(ratio, label_smoothing, classes))
    line = flipping_ratio(spreads[1:], classes)
    layout = base_layout(350, (64, 16, 16, 76), dark)
    layout["xaxis"] = {
        "type": "log",
        "title": {"text": "weight of the rival over weight of the true class"},
        "range": [0, 3],
        "tickvals": [1, 3, 10, 30, 100, 300, 1000],
        "ticktext": ["1", "3", "10", "30", "100", "300", "1 000"],
    }
    layout["yaxis"] = {"title": {"text": "label smoothing"}, "range": [0, 0.5]}  # fmt: skip
    low, high = own.shade
    data: list[dict[str, Any]] = [
        {"type": "heatmap", "x": ratios, "y": spreads, "z": best, "zmin": 0, "zmax": 1, "colorscale": [[0, low], [1, high]],
         "colorbar": {"title": {"text": "best p(true)", "font": {"size": 14}}, "thickness": 14, "tickfont": {"size": 14}},
         "hovertemplate": "ratio %{x:.3g}, smoothing %{y:.2f}: best p(true) %{z:.3f}<extra></extra>"},
        {"type": "scatter", "mode": "lines", "x": line, "y": spreads[1:], "hoverinfo": "skip",
         "line": {"color": style(2, dark).color, "width": 4}},
        {"type": "scatter", "mode": "markers+text", "x": np.array([min(max(ratio, 1.0), 1000.0)]),
         "y": np.array([min(label_smoothing, 0.5)]), "text": [f"<b>{number(here)}</b>"], "textposition": "top center",
         "textfont": {"size": 16, "color": own.ink}, "cliponaxis": False, "hoverinfo": "skip",
         "marker": {"size": 15, "symbol": "diamond", "color": style(2, dark).color, "line": {"color": own.paper, "width": 2}}},
    ]  # fmt: skip
    layout["annotations"].append(note("Right of the line the rival is the better answer: the argmax flips.", dark, yshift=-54))
    flips = float(flipping_ratio(label_smoothing, classes))
    return Chart(
        {"data": data, "layout": layout},
        f"Best p(true) for {classes} classes by weight ratio and label smoothing. At ratio {number(ratio)} and smoothing "
        f"{number(label_smoothing)} it is {number(here)}; the argmax flips above ratio {number(flips)}.",
    )
