"""Loss curves: the loss as optimised, one panel per divisor, and the plain validation NLL that all strategies share.

A line is the mean over seeds, a band reaches from the lowest to the highest seed; under the pointer each seed has its number.
The x axis spans the whole training from the start and y limits move in round steps, so that nothing jumps while points arrive.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.panels import axis_names, base_layout, layout_key
from lib.figures.text import escape, listed, number, shorten
from lib.figures.theme import fade, page, style
from lib.losses import LOSSES
from lib.snapshot import Snapshot
from lib.tasks import READINGS

Array = NDArray[np.float64]

DIVISORS = {
    "weighted_mean": "loss, divided by the sum of weights",
    "mean": "loss, divided by the number of rows",
    "sum": "loss, summed over rows",
}
RUNAWAY = 1000  # a curve so many times above the middle one does not set the axis
LINE_HEIGHT = 18  # pixels between two labels
POINTS = 400  # per curve; longer trainings are thinned
KEEP = 0.8  # share of the smoothed value that stays from one point to the next
TOP, BOTTOM, BETWEEN = 34, 46, 62  # pixels
NAMED = 8  # seeds whose numbers stand under the pointer
NEAR = 60  # pixels from the pointer to the line that it tells of: a band is seldom wider
SHORTEST = 96  # pixels of a panel: in less, ticks run into each other


@dataclass(frozen=True, eq=False)
class Curve:
    """One strategy's values at `x` [P], for its seeds [R, P]; NaN where there is none."""

    index: int
    name: str
    x: Array
    values: Array
    stopped: tuple[tuple[int, int], ...]  # place among the seeds, and epoch, of runs that diverged
    seeds: tuple[int, ...]

    @property
    def mean(self) -> Array:
        """Mean over the seeds that are finite there."""
        finite = np.isfinite(self.values)
        total = np.where(finite, self.values, 0).sum(0)
        return np.divide(total, finite.sum(0), out=np.full(len(self.x), np.nan), where=finite.any(0))


def divisor(snapshot: Snapshot, index: int) -> str:
    """What the loss of a strategy is divided by: a key of `DIVISORS`."""
    strategy = snapshot.experiment.strategies[index]
    if strategy.training(snapshot.experiment.training).normaliser == "fixed":
        return "mean"
    return LOSSES[strategy.loss].reduction


def train_loss(
    snapshot: Snapshot, *, dark: bool, height: int = 340, log: bool = False, smooth: bool = False
) -> Chart:  # fmt: skip
    """The loss as optimised, one panel per divisor, the running epoch included."""
    running = snapshot.progress > snapshot.epoch
    panels: dict[str, list[Curve]] = {}
    for s in range(len(snapshot.experiment.strategies)):
        places, values = known(snapshot, s, snapshot.history.train_loss)
        if running and len(places) == snapshot.epoch and np.isfinite(snapshot.loss_now[s]).any():
            values = np.concatenate([values, snapshot.loss_now[s][:, None]], axis=1)
            places = np.append(places, snapshot.progress)
        panels.setdefault(divisor(snapshot, s), []).append(curve_of(snapshot, s, places, values))
    decision = READINGS[snapshot.dataset.task].decision
    ordered = [(DIVISORS[key].replace("row", decision), panels[key]) for key in DIVISORS if key in panels]
    alt = _alt("Training loss as optimised", snapshot, [c for _, curves in ordered for c in curves])
    if len(ordered) > 1:
        alt += f" {len(ordered)} panels, because these losses are divided by different things and cannot be compared."
    return _chart(ordered, snapshot, "epoch (each its own loss)", dark=dark, height=height, log=log, smooth=smooth, alt=alt)


def validation_nll(
    snapshot: Snapshot, *, dark: bool, height: int = 340, log: bool = False, smooth: bool = False
) -> Chart:  # fmt: skip
    """Plain negative log likelihood on validation rows: unweighted, the same quantity for every strategy."""
    values = snapshot.history.val_nll
    curves = [curve_of(snapshot, s, *known(snapshot, s, values)) for s in range(len(values))]
    silent = [c for c in curves if LOSSES[snapshot.experiment.strategies[c.index].loss].link == "none"]
    shown = [c for c in curves if c not in silent]
    alt = _alt("Validation NLL, unweighted", snapshot, shown)
    title = f"validation NLL per {READINGS[snapshot.dataset.task].decision}, unweighted"
    if silent:
        letters = listed([style(c.index, dark).letter for c in silent])
        title = f"validation NLL, unweighted; {letters}: none"
        alt += f" {letters}: no probabilities, so no NLL."
    return _chart([(title, shown)], snapshot, "epoch (comparable)", dark=dark, height=height, log=log, smooth=smooth, alt=alt)


def known(snapshot: Snapshot, index: int, values: Array) -> tuple[Array, Array]:
    """The epochs [P] that there are of a strategy, and its values [R, P]; of a strategy that is kept all of them."""
    epochs = snapshot.epochs_of(index)
    return np.arange(1, epochs + 1, dtype=float), values[index][:, :epochs]


def curve_of(snapshot: Snapshot, index: int, x: Array, values: Array, points: int = POINTS) -> Curve:
    """The curve up to where runs diverged; thinned when it is long."""
    values = np.array(values, dtype=float)
    stopped = tuple(sorted((at[1], epoch) for at, epoch in snapshot.diverged.items() if at[0] == index))
    for seed, epoch in stopped:
        values[seed, epoch - 1 :] = np.nan
    values[~np.isfinite(values)] = np.nan
    if len(x) > points:
        keep = np.unique(np.linspace(0, len(x) - 1, points).round().astype(int))
        x, values = x[keep], values[:, keep]
    return Curve(index, snapshot.experiment.strategies[index].name, x, values, stopped, snapshot.experiment.seeds)


def _chart(
    panels: Sequence[tuple[str, list[Curve]]], snapshot: Snapshot, under: str, *, dark: bool, height: int, log: bool,
    smooth: bool, alt: str,
) -> Chart:  # fmt: skip
    """Panels over each other, each with its own y axis and all with the same epochs."""
    epochs, own = snapshot.experiment.training.epochs, page(dark)
    labels = [len(_label(curve.index, curve.name, dark)[1]) for _, curves in panels for curve in curves]
    margin = (64, 20 + 8 * max(labels, default=0), TOP, BOTTOM)
    between = BETWEEN * (len(panels) - 1)
    height = max(height, TOP + len(panels) * SHORTEST + between + BOTTOM)
    layout = base_layout(height, margin, dark) | {"hoverdistance": NEAR}
    inner = height - TOP - BOTTOM
    each = (inner - between) / max(len(panels), 1)
    data: list[dict[str, Any]] = []
    for panel, (title, curves) in enumerate(panels):
        x, y = axis_names(panel)
        top = inner - panel * (each + BETWEEN)
        low, high = limits(curves, log)
        last = panel == len(panels) - 1
        x_title = {"title": {"text": under}} if last else {}
        layout[layout_key(x)] = {
            "anchor": y, "range": [0, epochs], "tickformat": "d", "showgrid": False, "showline": True, "minallowed": 0,
            "maxallowed": epochs, **({"nticks": 6} if epochs > 6 else {"dtick": 1}), **({"matches": "x"} if panel else {}),
        } | x_title  # fmt: skip
        layout[layout_key(y)] = {
            "anchor": x, "domain": [max((top - each) / inner, 0), top / inner], "type": "log" if log else "linear",
            "range": [low, high], "nticks": 5 if each > 1.4 * SHORTEST else 4,
        } | (log_ticks(low, high) if log else {})  # fmt: skip
        heading = escape(title, 80)
        layout["annotations"].append({
            "text": heading, "xref": "paper", "yref": f"{y} domain", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom",
            "xshift": -margin[0] + 6, "yshift": 8, "font": {"size": 15, "color": own.ink},
        })  # fmt: skip
        for curve in curves:
            data += traces_of(curve, (x, y), dark, smooth)
        layout["annotations"] += end_labels(curves, (x, y), (low, high), each, log, dark)
        layout["annotations"] += _gone(curves, (x, y), dark)
    return Chart({"data": data, "layout": layout}, alt)


def traces_of(curve: Curve, axes: tuple[str, str], dark: bool, smooth: bool) -> list[dict[str, Any]]:
    """The band over seeds, the mean, and where runs diverged. Always as many traces, so that a zoom finds its own."""
    own, mean = style(curve.index, dark), curve.mean
    common = {"type": "scatter", "xaxis": axes[0], "yaxis": axes[1], "showlegend": False}
    name = f"{own.letter} {escape(curve.name)}"
    seeds = f", mean of {len(curve.values)} seeds" if len(curve.values) > 1 else ""
    told: dict[str, Any] = {"hovertemplate": f"<b>{name}</b><br>epoch %{{x:.3~r}}: %{{y:.3~r}}<extra></extra>"}
    traces: list[dict[str, Any]] = []
    if len(curve.values) > 1:
        traces += _band(curve, name, common, fade(own.color, 0.16))
        told = _each_seed(curve, name)
    few, thick = len(curve.x) <= 40 and not smooth, {"color": own.color, "width": 3, "dash": own.dash}
    if smooth:
        traces.append(common | {
            "x": curve.x, "y": smoothed(mean), "mode": "lines", "name": f"{name}, smoothed", "cliponaxis": False,
            "line": thick,
            "hovertemplate": f"<b>{name}</b>{seeds}, smoothed<br>epoch %{{x:.3~r}}: %{{y:.3~r}}<extra></extra>",
        })  # fmt: skip
    traces.append(common | {
        "x": curve.x, "y": mean, "mode": "lines+markers" if few else "lines", "name": name, "cliponaxis": False,
        "line": {"color": fade(own.color, 0.45), "width": 1.5} if smooth else thick,
        "marker": {"symbol": own.symbol, "size": 7, "color": own.color},
    } | told)  # fmt: skip
    return traces + [_crosses(curve, common, name, dark)]


def _band(curve: Curve, name: str, common: dict[str, Any], color: str) -> list[dict[str, Any]]:
    """The lowest and the highest seed, and what lies between."""
    sound = np.isfinite(curve.values).any(0)
    whole = bool(sound.all())  # then nothing travels twice
    x, values = (curve.x, curve.values) if whole else (curve.x[sound], curve.values[:, sound])
    low, high = (np.nanmin(values, axis=0), np.nanmax(values, axis=0)) if len(x) else (x, x)
    edge = common | {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    return [
        edge | {"y": low, "name": f"{name}, lowest seed"},
        edge | {"y": high, "name": f"{name}, highest seed", "fill": "tonexty", "fillcolor": color},
    ]


def _each_seed(curve: Curve, name: str) -> dict[str, Any]:
    """The mean and each seed's own number under the pointer, and in which epoch a seed diverged."""
    gone = dict(curve.stopped)
    drawn = curve.values[:, np.isfinite(curve.mean)]
    there = [r for r in range(len(curve.seeds)) if r not in gone]
    named = [r for r in there if np.isfinite(drawn[r]).all()][:NAMED]  # beside seeds that are kept, others may yet be short
    numbers = [f"{curve.seeds[r]}: %{{customdata[{at}]:.3~r}}" for at, r in enumerate(named)]
    told = [f"seeds {', '.join(numbers)}{', …' if len(there) > len(named) else ''}"] if numbers else []
    told += [f"seed {curve.seeds[r]} diverged in epoch {epoch}" for r, epoch in list(gone.items())[:NAMED]]
    head = f"<b>{name}</b><br>epoch %{{x:.3~r}}: mean %{{y:.3~r}}"
    return {"customdata": curve.values[named].T, "hovertemplate": "<br>".join([head, *told]) + "<extra></extra>"}


def smoothed(values: Array) -> Array:
    """Exponential moving average of the finite values, divided by the sum of its weights (as Adam's moments are)."""
    found, total, weight = np.full(len(values), np.nan), 0.0, 0.0
    for i in np.flatnonzero(np.isfinite(values)):
        total, weight = KEEP * total + (1 - KEEP) * values[i], KEEP * weight + (1 - KEEP)
        found[i] = total / weight
    return found


def _crosses(curve: Curve, common: dict[str, Any], name: str, dark: bool) -> dict[str, Any]:
    """A cross at the last finite value of each run that diverged."""
    x, y, text = [], [], []
    for seed, epoch in curve.stopped:
        sound = np.flatnonzero(np.isfinite(curve.values[seed]))
        if len(sound):
            x.append(float(curve.x[sound[-1]]))
            y.append(float(curve.values[seed][sound[-1]]))
            text.append(f"<b>{name}</b><br>seed no. {seed + 1} diverged in epoch {epoch}: its loss is no finite number")
    return common | {
        "x": x, "y": y, "mode": "markers", "name": f"{name}, diverged", "hovertext": text, "hoverinfo": "text",
        "marker": {"symbol": "x-thin", "size": 13, "line": {"width": 4, "color": page(dark).ink}}, "cliponaxis": False,
    }  # fmt: skip


def limits(curves: Sequence[Curve], log: bool) -> tuple[float, float]:
    """Round limits of the y axis around the means; in powers of ten for a log axis."""
    sound = [c.mean for c in curves if not c.stopped] or [c.mean for c in curves]
    drawn = [mean[np.isfinite(mean)] for mean in sound if np.isfinite(mean).any()]
    if drawn:  # one that is running away does not flatten the others
        usual = np.quantile([part.max() for part in drawn], 0.5, method="lower")
        drawn = [part for part in drawn if part.max() <= RUNAWAY * usual]
    values = np.concatenate([np.empty(0), *drawn])
    if log:
        values = values[values > 0]
        if not len(values):
            return -1.0, 0.0
        return math.floor(np.log10(values.min()) * 5 - 0.5) / 5, math.ceil(np.log10(values.max()) * 5 + 0.5) / 5
    if not len(values) or values.max() <= 0:
        return 0.0, 1.0
    return 0.0, _round_up(float(values.max()) * 1.04)


def log_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks at 1, 2 and 5 times powers of ten, all in the same type."""
    values = [digit * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for digit in (1, 2, 5)]
    return {"tickmode": "array", "tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def _round_up(value: float) -> float:
    """The next of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if step * power >= value), 10 * power)


def _label(index: int, name: str, dark: bool) -> tuple[str, str]:
    """The text at a line's end, as Plotly text and as plain characters."""
    letter = style(index, dark).letter
    return f"<b>{letter}</b> {escape(name, 14)}", f"{letter} {shorten(name, 14)}"


def end_labels(
    curves: Sequence[Curve],
    axes: tuple[str, str],
    limits: tuple[float, float],
    pixels: float,
    log: bool,
    dark: bool,
    *,
    letters: bool = False,
) -> list[dict[str, Any]]:
    """Name at each line's end, or its letter; where ends lie close together the names are pushed apart, in pixels."""
    ends = []
    for curve in curves:
        sound = np.flatnonzero(np.isfinite(curve.mean))
        if len(sound):
            value = float(curve.mean[sound[-1]])
            at = math.log10(value) if log and value > 0 else value
            ends.append((curve, float(curve.x[sound[-1]]), min(max(at, limits[0]), limits[1])))
    span = limits[1] - limits[0]
    wanted = [(at - limits[0]) / span * pixels for _, _, at in ends]
    labels = []
    for (curve, x, at), want, place in zip(ends, wanted, spread(wanted, LINE_HEIGHT, pixels), strict=True):
        text = f"<b>{style(curve.index, dark).letter}</b>" if letters else _label(curve.index, curve.name, dark)[0]
        labels.append({
            "name": "end", "text": text + (" ✕" if curve.stopped else ""), "xref": axes[0], "yref": axes[1], "x": x, "y": at,
            "xanchor": "left", "yanchor": "middle", "xshift": 8, "yshift": round(place - want),
            "font": {"size": 14, "color": style(curve.index, dark).ink},
        })  # fmt: skip
    return labels


def spread(places: Sequence[float], gap: float, room: float) -> list[float]:
    """Places moved as little as needed to lie `gap` apart, between 0 and `room` where they fit."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    groups: list[list[float]] = []  # sum of wanted first places, members
    for rank, i in enumerate(order):
        groups.append([places[i] - rank * gap, 1])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, members = groups.pop()
            groups[-1] = [groups[-1][0] + total, groups[-1][1] + members]
    starts = [total / members for total, members in groups for _ in range(int(members))]
    highest = room - (len(places) - 1) * gap
    moved = [max(min(start, highest), min(highest, 0.0)) + rank * gap for rank, start in enumerate(starts)]
    return [moved[order.index(i)] for i in range(len(places))]


def _gone(curves: Sequence[Curve], axes: tuple[str, str], dark: bool) -> list[dict[str, Any]]:
    """A line of text for strategies that never had a finite value."""
    gone = [c for c in curves if c.stopped and not np.isfinite(c.values).any()]
    if not gone:
        return []
    text = "<br>".join(f"✕ <b>{style(c.index, dark).letter}</b> {escape(c.name, 20)} diverged in epoch 1" for c in gone)
    return [{"text": text, "xref": f"{axes[0]} domain", "yref": f"{axes[1]} domain", "x": 0.98, "y": 0.98, "xanchor": "right",
             "yanchor": "top", "align": "right", "font": {"size": 14, "color": page(dark).ink}}]  # fmt: skip


def _alt(what: str, snapshot: Snapshot, curves: Sequence[Curve]) -> str:
    ends = []
    for curve in curves:
        sound = curve.mean[np.isfinite(curve.mean)]
        value = number(float(sound[-1])) if len(sound) else "no value yet"
        gone = f", diverged in epoch {min(e for _, e in curve.stopped)}" if curve.stopped else ""
        gone += " (kept, after all epochs)" if snapshot.epochs_of(curve.index) > snapshot.epoch else ""
        ends.append(f"{style(curve.index, False).letter} {shorten(curve.name, 40)} {value}{gone}")
    when = f"after {snapshot.progress:.3g} of {snapshot.experiment.training.epochs} epochs"
    return f"{what}, {when}: {listed(ends)}."
