"""Strips: truth, score and decision of a few series over time, for each strategy, over one time axis.

Each series is a panel. Its top lane is the truth; below it each strategy has a lane with its score as a line between 0 and 1,
a dotted line at the threshold above which it says yes, and a bar under every step that it flags. The grey bands of the true
events run through all lanes, so that what was found, missed and falsely flagged can be seen at once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lib.data import Split
from lib.decisions import DECISIONS
from lib.figures.chart import Chart
from lib.figures.panels import Grid, axis_names, grid_layout, note, panel_title
from lib.figures.text import count, escape, listed, shorten
from lib.figures.theme import fade, page, style
from lib.metrics import event_numbers
from lib.snapshot import Snapshot

Array = NDArray[np.float64]

LANE = 46  # pixels
LONGEST = 200  # steps that a panel shows
WIDE = 60  # steps from which panels stand below each other


def choose(part: Split, first: int = 0, most: int = 4) -> list[int]:
    """Series to show, from number `first` on: those with an event, and one without if there is one."""
    on = (part.y > 0) if part.mask is None else (part.y > 0) & part.mask
    some = on.any(1).numpy()
    order = np.roll(np.arange(len(some)), -first)
    events, quiet = order[some[order]].tolist(), order[~some[order]].tolist()
    picked = events[: most - 1] + quiet[:1]
    return sorted(picked + (events[most - 1 :] + quiet[1:])[: most - len(picked)])


def strips(
    snapshot: Snapshot, *, series: Sequence[int], seed_index: int = 0, split: str = "validation", dark: bool
) -> Chart:  # fmt: skip
    """Raises ValueError for data that are no series."""
    dataset = snapshot.dataset
    if dataset.task != "sequence":
        raise ValueError(f"Strips are drawn for series, got a {dataset.task} task.")
    part, strategies = dataset.splits[split], snapshot.experiment.strategies
    rows = torch.tensor(list(series))
    mask = part.mask[rows] if part.mask is not None else torch.ones(len(rows), part.y.shape[1], dtype=torch.bool)
    x, truth, counted = part.x[rows], part.y[rows].numpy() > 0, mask.numpy()
    windows = [window_of(truth[i] & counted[i], counted[i]) for i in range(len(rows))]
    longest = max(stop - start for start, stop in windows)
    lanes = len(strategies) + 1
    grid = Grid(
        panels=len(rows), columns=1 if longest > WIDE else min(len(rows), 2), panel_height=LANE * lanes, gap_x=150, gap_y=70,
        margin=(138, 12, 34, 76), narrowest=330,
    )  # fmt: skip
    layout = grid_layout(grid, dark, [_axes(window, snapshot, dark) for window in windows])
    layout["shapes"] = []
    data: list[dict[str, Any]] = []
    for panel, (number, window) in enumerate(zip(series, windows, strict=True)):
        start, stop = window
        what = f"<b>series {number + 1}</b>, {count(int(counted[panel].sum()))} steps"
        part_shown = f", steps {start + 1} to {stop} shown" if stop - start < counted[panel].sum() else ""
        layout["annotations"].append(panel_title(panel, what + part_shown, page(dark).ink))
        layout["shapes"] += bands(truth[panel] & counted[panel], window, panel, (axis_names(panel)[1], 0, lanes), dark)
        data.append(_truth(truth[panel] & counted[panel], window, panel, lanes, dark))
    found = []
    for index, strategy in enumerate(strategies):
        at = (index, seed_index)
        if at in snapshot.diverged or at not in snapshot.rules:
            found.append(f"{style(index, False).letter} {shorten(strategy.name, 30)}: no result")
            continue
        prob, said, threshold = _decided(snapshot, at, x, mask)
        for panel, window in enumerate(windows):
            data += _lane(
                prob[panel], said[panel] & counted[panel], threshold, window, panel, index, strategy.name, lanes, dark
            )
        found.append(_told(index, strategy.name, truth & counted, said & counted))
    text = "Top lane and grey bands: true events. Line: score, from 0 to 1. Dotted: the threshold. Bars below: flagged steps."
    layout["annotations"].append(
        note(f"{text} Seed {snapshot.experiment.seeds[seed_index]}, {split} series.", dark, yshift=-42)
    )
    events = int(event_numbers(truth & counted).max(initial=0))
    alt = f"Truth, score and decision over time of {len(rows)} {split} series with {events} events. {'; '.join(found)}."
    return Chart({"data": data, "layout": layout}, alt)


def _decided(
    snapshot: Snapshot, at: tuple[int, int], x: torch.Tensor, mask: torch.Tensor
) -> tuple[Array, NDArray[np.bool_], float]:  # fmt: skip
    """Scores as probabilities [n, T], what is flagged [n, T], and the score above which it is."""
    model, offset = snapshot.measured[at], snapshot.rules[at].offset
    shift = float(offset[1] - offset[0])
    z = model.outputs(x, mask).double()
    moved = DECISIONS[model.run.strategy.decision].recalibrates
    shown = torch.sigmoid(z + shift if moved else z).numpy()
    return shown, (z + shift > 0).numpy(), 0.5 if moved else 1 / (1 + float(np.exp(shift)))


def window_of(truth: NDArray[np.bool_], counted: NDArray[np.bool_]) -> tuple[int, int]:
    """First step shown and the one after the last: all, or LONGEST around the first event."""
    length = int(np.flatnonzero(counted).max(initial=0)) + 1
    if length <= LONGEST:
        return 0, length
    first = int(truth.argmax()) if truth.any() else 0
    start = min(max(first - LONGEST // 3, 0), length - LONGEST)
    return start, start + LONGEST


def _axes(window: tuple[int, int], snapshot: Snapshot, dark: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    strategies = snapshot.experiment.strategies
    lanes = len(strategies) + 1
    looks = [style(i, dark) for i in range(len(strategies))]
    own = [f"{look.glyph} <b>{look.letter}</b> {escape(s.name, 11)}" for look, s in zip(looks, strategies, strict=True)]
    x_axis = {
        "range": [window[0] + 0.5, window[1] + 0.5],
        "title": {"text": "step"},
        "nticks": 8,
        "showgrid": False,
        "tickformat": "d",
    }
    y_axis = {
        "range": [0, lanes], "tickmode": "array", "ticktext": ["truth", *own],
        "tickvals": [lanes - i - 0.5 for i in range(lanes)],
        "showgrid": False, "fixedrange": True,
    }  # fmt: skip
    return x_axis, y_axis


def stretches(on: NDArray[np.bool_], window: tuple[int, int]) -> list[tuple[int, int]]:
    """First and last step, from 1, of each unbroken row of steps within the window."""
    steps = np.flatnonzero(on)
    steps = steps[(steps >= window[0]) & (steps < window[1])]
    groups = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1) if len(steps) else []
    return [(int(g[0]) + 1, int(g[-1]) + 1) for g in groups]


def bands(
    truth: NDArray[np.bool_], window: tuple[int, int], panel: int, up: tuple[str, float, float], dark: bool
) -> list[dict[str, Any]]:  # fmt: skip
    """A band behind each true event; `up` is a y reference and from where to where the band reaches."""
    x, _ = axis_names(panel)
    return [
        {"type": "rect", "xref": x, "yref": up[0], "x0": a - 0.5, "x1": b + 0.5, "y0": up[1], "y1": up[2], "layer": "below",
         "line": {"width": 0}, "fillcolor": fade(page(dark).quiet, 0.28)}
        for a, b in stretches(truth, window)
    ]  # fmt: skip


def _bars(
    on: NDArray[np.bool_], window: tuple[int, int], panel: int, base: float, height: float, color: str
) -> dict[str, Any]:  # fmt: skip
    """One bar for each unbroken row of steps."""
    x, y = axis_names(panel)
    spans = stretches(on, window)
    return {
        "type": "bar", "xaxis": x, "yaxis": y, "x": [(a + b) / 2 for a, b in spans], "width": [b - a + 1 for a, b in spans],
        "y": [height] * len(spans), "base": [base] * len(spans), "marker": {"color": color, "line": {"width": 0}},
        "showlegend": False, "hoverinfo": "text",
    }  # fmt: skip


def _truth(truth: NDArray[np.bool_], window: tuple[int, int], panel: int, lanes: int, dark: bool) -> dict[str, Any]:
    spans = [f"true event, steps {a} to {b}" for a, b in stretches(truth, window)]
    return _bars(truth, window, panel, lanes - 0.75, 0.5, page(dark).ink) | {"name": "truth", "hovertext": spans}


def _lane(
    prob: Array, said: NDArray[np.bool_], threshold: float, window: tuple[int, int], panel: int, index: int, name: str,
    lanes: int, dark: bool,
) -> list[dict[str, Any]]:  # fmt: skip
    """The score, its threshold, and what is flagged, in the strategy's lane."""
    x, y = axis_names(panel)
    own, (start, stop) = style(index, dark), window
    floor, room = lanes - index - 2 + 0.24, 0.68  # of the line: a score of 0, and how high a score of 1 stands above it
    steps = np.arange(start, stop)
    common = {"type": "scatter", "mode": "lines", "xaxis": x, "yaxis": y, "showlegend": False}
    label = f"{own.letter} {escape(name)}"
    hover = f"<b>{label}</b><br>step %{{x}}: score %{{customdata:.3f}}<extra></extra>"
    return [
        common | {
            "x": steps + 1, "y": floor + room * prob[start:stop], "name": label, "customdata": prob[start:stop],
            "hovertemplate": hover, "line": {"color": own.color, "width": 2, "shape": "hvh"},
        },
        common | {
            "x": [start + 0.5, stop + 0.5], "y": [floor + room * threshold] * 2, "name": f"{label}, threshold",
            "hoverinfo": "skip", "line": {"color": own.color, "width": 1.2, "dash": "dot"},
        },
        _bars(said, window, panel, floor - 0.2, 0.15, own.color)
        | {"name": f"{label}, flagged", "hovertext": [f"{label}: flagged {a} to {b}" for a, b in stretches(said, window)]},
    ]  # fmt: skip


def _told(index: int, name: str, truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> str:
    numbers = event_numbers(truth)
    hit, false = len(np.unique(numbers[said & truth])), int((said & ~truth).sum())
    parts = [f"{hit} events found", f"{false} steps falsely flagged"]
    return f"{style(index, False).letter} {shorten(name, 30)}: {listed(parts)}"
