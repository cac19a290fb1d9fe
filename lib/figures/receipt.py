"""Pictures beside a receipt: where its gradient goes, dials of scaled weights, micro-batches, and BCELoss along its logit."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.panels import Grid, axis_names, base_layout, grid_layout, note, panel_title
from lib.figures.text import escape, listed, number, share, shorten
from lib.figures.theme import fade, page, readable, style
from lib.receipt.what_if import Dial, MicroBatches, Saturation

Array = NDArray[np.float64]
REACH = 2.0  # dials go from 1/100 to 100


def dial_gauges(dials: Sequence[Dial], *, dark: bool) -> Chart:
    """One dial per loss: the factor by which all weights times k move it, on a log scale; under it the first steps."""
    own, layout = page(dark), base_layout(216, (4, 4, 26, 94), dark)
    data: list[dict[str, Any]] = []
    told = []
    width = 1 / len(dials)
    for index, dial in enumerate(dials):
        moved, color = dial.factor, style(1 if _stays(dial.factor) else 2, dark).color
        needle = min(max(math.log10(moved), -REACH), REACH) if moved > 0 else 0.0
        low, high = index * width + 0.03, (index + 1) * width - 0.03
        data.append({
            "type": "indicator", "mode": "gauge", "value": needle, "domain": {"x": [low, high], "y": [0.0, 1.0]},
            "gauge": {
                "axis": {"range": [-REACH, REACH], "tickvals": [-2, -1, 0, 1, 2],
                         "ticktext": ["", "", "× 1", "", ""], "tickfont": {"size": 12, "color": own.ink}},
                "bar": {"color": "rgba(0,0,0,0)"}, "borderwidth": 0, "bgcolor": own.grid,
                "threshold": {"line": {"color": color, "width": 6}, "thickness": 1, "value": needle},
            },
        })  # fmt: skip
        steps = "<br>".join(f"{name} step × {number(_ratio(*pair))}" for name, pair in dial.steps.items())
        text = f"<b>{dial.label}</b>  {number(dial.after)}<br>loss × {number(moved)}<br>{steps}"
        layout["annotations"].append({
            "text": text, "xref": "paper", "yref": "paper", "x": (low + high) / 2, "y": 0, "xanchor": "center",
            "yanchor": "top", "yshift": -4, "font": {"size": 14, "color": own.ink},
        })  # fmt: skip
        first = ", ".join(f"{name} step times {number(_ratio(*pair))}" for name, pair in dial.steps.items())
        told.append(f"{dial.label} goes from {number(dial.before)} to {number(dial.after)} ({first})")
    return Chart({"data": data, "layout": layout}, f"Losses after scaling all weights: {'; '.join(told)}.")


def _stays(factor: float) -> bool:
    return abs(factor - 1) < 1e-6


def _ratio(before: float, after: float) -> float:
    return after / before if before else math.nan


def gradient_bars(
    gradient: Array, names: Sequence[str], shares: Mapping[str, float], *, title: str, by: str, dark: bool
) -> Chart:
    """The gradient of one line by logit [K], and the share of the whole gradient that each class's rows bring."""
    own = page(dark)
    grid = Grid(2, 1, 150, gap_y=86, margin=(110, 24, 34, 44))
    finite = np.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
    reach = float(np.abs(finite).max(initial=0)) or 1.0
    parts = np.array(list(shares.values()))
    axes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"range": [-1.6 * reach, 1.6 * reach], "zeroline": True, "zerolinecolor": own.quiet, "nticks": 6,
          "title": {"text": f"gradient by {by}"}}, _category(names)),
        ({"range": [0, 1.2], "tickformat": ".0%", "tickvals": [0, 0.5, 1], "title": {"text": "share of the absolute gradient"}},
         _category(list(shares))),
    ]  # fmt: skip
    layout = grid_layout(grid, dark, axes)
    layout["annotations"] += [panel_title(0, escape(title), own.ink), panel_title(1, "All rows, by true class", own.ink)]
    data = [
        _bars(0, finite, [number(v) for v in gradient], style(1, dark).color),
        _bars(1, np.nan_to_num(parts), [share(v) for v in parts], style(4 if not dark else 5, dark).color),
    ]
    told = listed([f"{shorten(n, 30)} {number(g)}" for n, g in zip(names, gradient, strict=True)])
    whole = listed([f"{shorten(n, 30)} {share(v)}" for n, v in shares.items()])
    return Chart(
        {"data": data, "layout": layout}, f"Gradient by {by}, {shorten(title, 60)}: {told}. Share of classes: {whole}."
    )


def _category(names: Sequence[str]) -> dict[str, Any]:
    return {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": [escape(n, 18) for n in names],
            "range": [len(names) - 0.4, -0.6], "showgrid": False, "fixedrange": True}  # fmt: skip


def _bars(panel: int, values: Array, texts: list[str], color: str) -> dict[str, Any]:
    x, y = axis_names(panel)
    return {
        "type": "bar", "orientation": "h", "x": values, "y": np.arange(len(values)), "xaxis": x, "yaxis": y, "width": 0.7,
        "marker": {"color": color}, "text": texts, "textposition": "outside", "cliponaxis": False, "hoverinfo": "text",
        "textfont": {"size": 14},
    }  # fmt: skip


def micro_batch_bars(found: MicroBatches, *, dark: bool) -> Chart:
    """The loss of each micro-batch as a bar, their mean and the loss of the whole batch as lines."""
    count = len(found.parts)
    values = np.array(found.parts)
    finite = np.append(values[np.isfinite(values)], [v for v in (found.mean, found.whole) if math.isfinite(v)])
    top = float(finite.max(initial=0)) or 1.0
    layout = base_layout(300, (60, 16, 44, 52), dark)
    layout |= {
        "showlegend": True, "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        "xaxis": {"title": {"text": "micro-batch"}, "tickmode": "array", "tickvals": list(range(count)),
                  "ticktext": [str(i + 1) for i in range(count)], "range": [-0.6, count - 0.4], "showgrid": False},
        "yaxis": {"title": {"text": "loss"}, "range": [min(float(finite.min(initial=0)) * 1.1, 0), top * 1.18]},
    }  # fmt: skip
    data: list[dict[str, Any]] = [{
        "type": "bar", "x": np.arange(count), "y": values, "width": 0.7, "marker": {"color": style(0, dark).color},
        "text": [number(v) for v in values] if count <= 10 else None, "textposition": "outside", "name": "micro-batches",
        "cliponaxis": False, "textfont": {"size": 14},
    }]  # fmt: skip
    for name, value, index in (("their mean", found.mean, 2), ("whole batch", found.whole, 1)):
        own = style(index, dark)
        data.append({
            "type": "scatter", "mode": "lines", "x": np.array([-0.6, count - 0.4]), "y": np.array([value, value]),
            "name": f"{name} {number(value)}", "line": {"color": own.color, "dash": own.dash, "width": 3},
        })  # fmt: skip
    told = listed([number(v) for v in values])
    return Chart(
        {"data": data, "layout": layout},
        f"Losses of {count} micro-batches: {told}. Their mean is {number(found.mean)}; "
        f"the whole batch has {number(found.whole)}.",
    )


def saturation_curves(found: Saturation, target: int, logit: float, *, dark: bool) -> Chart:
    """Loss and gradient of BCELoss and of BCEWithLogitsLoss along the logit, where BCELoss learns nothing shaded."""
    own = page(dark)
    grid = Grid(2, 1, 165, gap_y=58, margin=(60, 16, 62, 52))
    span: dict[str, Any] = {"range": [-122, 122], "tickvals": [-120, -80, -40, 0, 40, 80, 120]}
    axes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (dict(span), {"range": [-6, 128], "title": {"text": "loss"}}),
        (span | {"title": {"text": "logit z"}}, {"range": [-1.25, 1.25], "title": {"text": "gradient"}}),
    ]
    layout = grid_layout(grid, dark, axes) | {
        "showlegend": True, "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "yref": "paper"},
    }  # fmt: skip
    data: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    lines = (
        ("BCEWithLogitsLoss", found.stable_loss, found.stable_gradient, 1),
        ("BCELoss on sigmoid(z)", found.loss, found.gradient, 2),
    )
    for panel in range(2):
        x, y = axis_names(panel)
        for name, loss, gradient, index in lines:
            look = style(index, dark)
            data.append({
                "type": "scatter", "mode": "lines", "x": found.logits, "y": (loss, gradient)[panel], "xaxis": x, "yaxis": y,
                "name": name, "showlegend": panel == 0, "line": {"color": look.color, "dash": look.dash, "width": 3},
            })  # fmt: skip
        edge = {"type": "rect", "xref": x, "yref": f"{y} domain", "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
        if found.dead:
            low, high = found.dead
            shapes.append(edge | {"x0": low, "x1": high, "fillcolor": fade(style(2, dark).color, 0.16)})
        shapes.append({"type": "line", "xref": x, "yref": f"{y} domain", "x0": logit, "x1": logit, "y0": 0, "y1": 1,
                       "line": {"color": own.ink, "width": 1.5, "dash": "dot"}})  # fmt: skip
    layout["shapes"] = shapes
    if found.dead:
        low, high = found.dead
        layout["annotations"].append({
            "text": "BCELoss learns nothing", "xref": "x", "yref": "y domain", "x": (low + high) / 2, "y": 0.02,
            "yanchor": "bottom", "font": {"size": 14, "color": readable(style(2, dark).color, dark)},
        })  # fmt: skip
    layout["xaxis"]["showticklabels"] = False
    zone = f"from z = {number(found.dead[0])} to {number(found.dead[1])}" if found.dead else "nowhere"
    return Chart(
        {"data": data, "layout": layout},
        f"Loss and gradient along the logit for target {target}. BCELoss has lost its gradient {zone}; "
        "BCEWithLogitsLoss keeps it.",
    )


def effective_prior_bars(names: Sequence[str], stages: Mapping[str, Array], *, dark: bool) -> Chart:
    """The share of each class in the data, after the sampler, and after the weights: stacked bars, one per stage."""
    own = page(dark)
    layout = base_layout(60 + 62 * len(stages) + 70, (128, 20, 44, 60), dark)
    layout |= {
        "barmode": "stack", "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"range": [0, 1], "tickformat": ".0%", "title": {"text": "share of the class in the loss"}},
        "yaxis": {"tickmode": "array", "tickvals": list(range(len(stages))), "ticktext": list(stages), "showgrid": False,
                  "range": [len(stages) - 0.5, -0.5], "fixedrange": True},
    }  # fmt: skip
    values = np.array(list(stages.values()))  # [stages, C]
    data: list[dict[str, Any]] = []
    for c, name in enumerate(names):
        color = style(c, dark).color
        data.append({
            "type": "bar", "orientation": "h", "x": values[:, c], "y": np.arange(len(stages)), "name": escape(name, 24),
            "width": 0.66, "marker": {"color": color, "line": {"color": own.paper, "width": 1}},
            "text": [share(v) if v > 0.08 else "" for v in values[:, c]], "textposition": "inside",
            "insidetextanchor": "middle",
            "hoverinfo": "text", "hovertext": [f"{escape(name)}: {share(v)}" for v in values[:, c]], "textfont": {"size": 14},
        })  # fmt: skip
    last = shorten(names[-1], 20)
    layout["annotations"].append(note(f"{escape(names[-1], 20)}: {' → '.join(share(v) for v in values[:, -1])}", dark))
    told = "; ".join(f"{stage} {share(v)}" for stage, v in zip(stages, values[:, -1], strict=True))
    return Chart({"data": data, "layout": layout}, f"Share of {last}: {told}.")
