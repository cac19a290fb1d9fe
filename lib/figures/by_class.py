"""A training class by class: the validation NLL of each, and whose terms the loss and its gradient are made of.

All panels have the same axes. Of more than ten classes the most and the least frequent are shown.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.curves import NEAR, POINTS, Curve, curve_of, end_labels, known, limits, log_ticks, spread, traces_of
from lib.figures.panels import Grid, axis_names, grid_layout, note, panel_title, strategy_title
from lib.figures.recall import rare_classes
from lib.figures.text import count, escape, listed, number, share, shorten
from lib.figures.theme import class_color, fade, page, readable, style
from lib.losses import LOSSES
from lib.snapshot import Snapshot
from lib.tasks import READINGS, behind

Array = NDArray[np.float64]
Of = Literal["loss", "gradient"]

MOST = 10  # classes that are shown
FEWEST = 40  # points of a curve, of however many classes
ROW = 18  # pixels between two names
CLASS_PANEL, SHARE_PANEL = 150, 180  # pixels


def shown_classes(rows: Array) -> list[int]:
    """All classes, or of more than ten the five with the most and the five with the fewest training rows; by index."""
    if len(rows) <= MOST:
        return list(range(len(rows)))
    order = [int(c) for c in np.argsort(-np.asarray(rows), kind="stable")]
    return sorted(order[: MOST // 2] + order[-(MOST // 2) :])


def class_panels(snapshot: Snapshot, *, dark: bool, log: bool = False, smooth: bool = False) -> Chart:
    """Validation NLL of the rows of each class, unweighted: one panel per class, one line per strategy."""
    dataset, epochs = snapshot.dataset, snapshot.experiment.training.epochs
    classes = shown_classes(_train_rows(snapshot))
    rows = behind(dataset.class_counts("validation"), dataset.task).numpy()
    silent = [s for s, own in enumerate(snapshot.experiment.strategies) if LOSSES[own.loss].link == "none"]
    speaking = [s for s in range(len(snapshot.experiment.strategies)) if s not in silent]
    points, values = max(POINTS // len(classes), FEWEST), snapshot.history.class_nll
    curves = [[curve_of(snapshot, s, *known(snapshot, s, values[..., c]), points) for s in speaking] for c in classes]
    grid = Grid(len(classes), min(len(classes), 5), CLASS_PANEL, gap_x=52, gap_y=58, margin=(60, 30, 34, 96), narrowest=150)
    low, high = limits([curve for own in curves for curve in own], log)
    y_axis: dict[str, Any] = {"type": "log" if log else "linear", "range": [low, high], "nticks": 4}
    y_axis |= log_ticks(low, high) if log else {}
    axes = [(_epochs(epochs, panel), y_axis | ({"matches": "y"} if panel else {})) for panel in range(len(classes))]
    layout = grid_layout(grid, dark, axes) | {"hoverdistance": NEAR}
    data: list[dict[str, Any]] = []
    for panel, (c, own) in enumerate(zip(classes, curves, strict=True)):
        title = f"<b>{escape(dataset.class_names[c], 18)}</b> n = {count(rows[c])}"
        layout["annotations"].append(panel_title(panel, title, page(dark).ink))
        layout["annotations"] += end_labels(own, axis_names(panel), (low, high), CLASS_PANEL, log, dark, letters=True)
        for curve in own:
            data += traces_of(curve, axis_names(panel), dark, smooth)
    unit = READINGS[dataset.task].decision
    behind_each = "rows with a yes" if dataset.task == "multilabel" else READINGS[dataset.task].unit
    said = f"Validation NLL per {unit} of a {_kind(snapshot)}, unweighted, by epoch (comparable). n: validation {behind_each}."
    said += f" {listed([style(s, dark).letter for s in silent])}: no probabilities, so no NLL." if silent else ""
    layout["annotations"].append(note(" ".join([said, *_left_out(snapshot)]), dark))
    told = [
        f"{shorten(dataset.class_names[c], 20)}: "
        + listed([f"{style(curve.index, False).letter} {_last(curve)}" for curve in own], 8)
        for c, own in zip(classes, curves, strict=True)
    ]
    return Chart({"data": data, "layout": layout}, f"{said} After {snapshot.epoch} of {epochs} epochs. {'; '.join(told)}.")


def share_panels(snapshot: Snapshot, of: Of, *, dark: bool) -> Chart:
    """Each class's share of the loss as optimised, or of its gradient: one panel per strategy, areas on each other.

    Mean over the seeds that are finite; of more than ten classes the others stand together.
    """
    history, dataset, epochs = snapshot.history, snapshot.dataset, snapshot.experiment.training.epochs
    strategies = snapshot.experiment.strategies
    values = history.loss_share if of == "loss" else history.gradient_share
    classes = shown_classes(_train_rows(snapshot))
    rest = [c for c in range(values.shape[3]) if c not in classes]
    names = [dataset.class_names[c] for c in classes] + ([f"{len(rest)} others"] if rest else [])
    marks = rare_classes(_train_rows(snapshot))
    titles = [f"{'• ' if marks[c] else ''}{escape(dataset.class_names[c], 12)}" for c in classes] + names[len(classes) :]
    colors = [class_color(c, dark) for c in range(len(classes))] + [page(dark).quiet] * bool(rest)
    wide = 30 + 8 * max(min(max(map(len, names)), 12), 6)
    grid = Grid(
        len(strategies),
        min(len(strategies), 4),
        SHARE_PANEL,
        gap_x=wide + 40,
        gap_y=58,
        margin=(52, wide, 34, 96),
        narrowest=170,
    )
    y_axis = {"range": [0, 1], "tickvals": [0, 0.5, 1], "ticktext": ["0", "50%", "100%"], "fixedrange": True}
    layout = grid_layout(grid, dark, [(_epochs(epochs, panel), y_axis) for panel in range(len(strategies))])
    data: list[dict[str, Any]] = []
    told = []
    for s, strategy in enumerate(strategies):
        layout["annotations"].append(strategy_title(s, s, strategy.name, dark))
        x, parts = _shares(values[s], classes, rest)
        data += _areas(s, x, parts, list(zip(names, colors, strict=True)), of, dark)
        layout["annotations"] += _names_beside(s, x, parts, titles, colors, dark)
        ends = [f"{shorten(name, 20)} {share(part[-1])}" for name, part in zip(names, parts, strict=True) if len(x)]
        told.append(f"{style(s, False).letter} {shorten(strategy.name, 40)}: {listed(ends, 11) or 'no value yet'}")
    said = f"Share of the {of} by {_kind(snapshot)}, as it is optimised, by epoch."
    rare = " • rare class." if any(marks[c] for c in classes) else ""
    layout["annotations"].append(note(" ".join([said + rare, *_left_out(snapshot)]), dark))
    return Chart({"data": data, "layout": layout}, f"{said} After {snapshot.epoch} of {epochs} epochs. {'; '.join(told)}.")


def _train_rows(snapshot: Snapshot) -> Array:
    rows: Array = behind(snapshot.dataset.class_counts(), snapshot.dataset.task).numpy()
    return rows


def _kind(snapshot: Snapshot) -> str:
    return "label" if snapshot.dataset.task == "multilabel" else "class"


def _left_out(snapshot: Snapshot) -> list[str]:
    """A sentence where not all classes are shown."""
    classes, half = len(snapshot.dataset.class_names), MOST // 2
    named = "labels" if snapshot.dataset.task == "multilabel" else "classes"
    return [f"Of {classes} {named} the {half} most and the {half} least frequent."] if classes > MOST else []


def _epochs(epochs: int, panel: int) -> dict[str, Any]:
    """An axis over the whole training, the same in every panel."""
    ticks = {"nticks": 5} if epochs > 6 else {"dtick": 1}
    return {"range": [0, epochs], "tickformat": "d", "showgrid": False, "showline": True, "minallowed": 0,
            "maxallowed": epochs} | ticks | ({"matches": "x"} if panel else {})  # fmt: skip


def _last(curve: Curve) -> str:
    sound = curve.mean[np.isfinite(curve.mean)]
    return number(float(sound[-1])) if len(sound) else "no value"


def _shares(values: Array, classes: Sequence[int], rest: Sequence[int]) -> tuple[Array, list[Array]]:
    """Of shares [R, E, C] the epochs that were measured [P], and the mean of each class shown, and of the rest, [P]."""
    sound = np.atleast_2d(np.isfinite(values).all(2))  # [R, E]
    at = np.flatnonzero(sound.any(0))
    mean: Array = np.where(sound[:, at, None], values[:, at], 0).sum(0) / sound[:, at].sum(0)[:, None]
    parts: list[Array] = [mean[:, c] for c in classes] + ([mean[:, rest].sum(1)] if rest else [])
    return at.astype(float) + 1, parts


def _areas(
    panel: int, x: Array, parts: Sequence[Array], looks: Sequence[tuple[str, str]], of: Of, dark: bool
) -> list[dict[str, Any]]:  # fmt: skip
    """Areas on each other, the first class at the bottom, with a line of the page's colour between them."""
    horizontal, vertical = axis_names(panel)
    common = {
        "type": "scatter", "xaxis": horizontal, "yaxis": vertical, "x": x, "mode": "lines+markers", "showlegend": False,
        "stackgroup": f"shares {panel}", "line": {"color": page(dark).paper, "width": 1.5},
    }  # fmt: skip
    return [
        common | {
            "y": part, "fillcolor": fade(color, 0.62), "marker": {"size": 5, "color": color},
            "name": f"{style(panel, dark).letter} {escape(name)}",
            "hovertemplate": f"<b>{escape(name)}</b><br>epoch %{{x}}: %{{y:.1%}} of the {of}<extra></extra>",
        }
        for (name, color), part in zip(looks, parts, strict=True)
    ]  # fmt: skip


def _names_beside(
    panel: int, x: Array, parts: Sequence[Array], titles: Sequence[str], colors: Sequence[str], dark: bool
) -> list[dict[str, Any]]:  # fmt: skip
    """The name of each class at the right end of its area."""
    if not len(x):
        return []
    horizontal, vertical = axis_names(panel)
    ends = np.array([part[-1] for part in parts])
    middles = [float(middle) for middle in (np.cumsum(ends) - ends / 2) * SHARE_PANEL]
    return [
        {"name": "end", "text": title, "xref": f"{horizontal} domain", "yref": f"{vertical} domain", "x": 1,
         "y": min(max(place / SHARE_PANEL, 0), 1), "xanchor": "left", "yanchor": "middle", "xshift": 6,
         "font": {"size": 14, "color": readable(color, dark)}}
        for title, color, place in zip(titles, colors, spread(middles, ROW, SHARE_PANEL), strict=True)
    ]  # fmt: skip
