"""A few training series: their features over time, with the true events as bands."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lib.data import Dataset
from lib.figures.chart import Chart
from lib.figures.panels import Grid, axis_names, grid_layout, note, panel_title
from lib.figures.strips import WIDE, bands, stretches, window_of
from lib.figures.text import count, escape, listed
from lib.figures.theme import class_color, page

FEATURES = 4  # lines that are drawn


def measured(dataset: Dataset, *, series: Sequence[int], dark: bool) -> Chart:
    """One panel per series, its first features as lines, each standardised by the training steps."""
    part = dataset.train
    assert part.mask is not None
    truth, counted = part.y.numpy() > 0, part.mask.numpy()
    own = [truth[i] & counted[i] for i in series]
    windows = [window_of(own[k], counted[i]) for k, i in enumerate(series)]
    longest = max(stop - start for start, stop in windows)
    grid = Grid(panels=len(series), columns=1 if longest > WIDE else min(len(series), 2), panel_height=150, gap_x=70, gap_y=70,
                margin=(56, 12, 34, 76), narrowest=330)  # fmt: skip
    axes = [({"range": [a + 0.5, b + 0.5], "title": {"text": "step"}, "nticks": 8, "showgrid": False, "tickformat": "d"},
             {"nticks": 4, "fixedrange": True}) for a, b in windows]  # fmt: skip
    layout = grid_layout(grid, dark, axes)
    layout["shapes"] = []
    names = dataset.feature_names[:FEATURES]
    data: list[dict[str, Any]] = []
    for panel, (i, (start, stop)) in enumerate(zip(series, windows, strict=True)):
        x, y = axis_names(panel)
        title = f"<b>series {i + 1}</b>, {count(int(counted[i].sum()))} steps"
        layout["annotations"].append(panel_title(panel, title, page(dark).ink))
        layout["shapes"] += bands(own[panel], (start, stop), panel, (f"{y} domain", 0, 1), dark)
        for feature, name in enumerate(names):
            values = part.x[i, start:stop, feature].numpy().astype(np.float64)
            data.append({
                "type": "scatter", "mode": "lines", "xaxis": x, "yaxis": y, "x": np.arange(start, stop) + 1, "y": values,
                "name": escape(name, 24), "legendgroup": name, "showlegend": panel == 0 and len(names) > 1,
                "line": {"color": class_color(feature + 2, dark), "width": 2, "shape": "hvh"},
                "hovertemplate": f"{escape(name, 24)}, step %{{x}}: %{{y:.3~r}}<extra></extra>",
            })  # fmt: skip
    left = f" {len(names)} of {len(dataset.feature_names)} features." if len(names) < len(dataset.feature_names) else ""
    layout["annotations"].append(note(f"Training series. Grey bands: steps with an event.{left}", dark, yshift=-42))
    spans = [f"series {i + 1}: {len(stretches(o, w))} events" for i, o, w in zip(series, own, windows, strict=True)]
    return Chart({"data": data, "layout": layout}, f"Features of a few training series over time. {listed(spans)}.")
