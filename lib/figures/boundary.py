"""Decision boundaries of two features: learned regions, validation points, and the Bayes boundary of the same weighting.

The dashed line is the best rule for what a strategy trains on (class shares x weights x what the sampler and the loss add,
then its decision); the thin one is the best rule for the classes as they come. Both exist for recipes of unit Gaussians.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lib.data import Split
from lib.decisions import effective_shift
from lib.figures.chart import Chart
from lib.figures.panels import Grid, axis_names, grid_layout, note, strategy_title
from lib.figures.text import count, escape, listed, shorten
from lib.figures.theme import class_color, class_symbol, fade, page, style
from lib.theory import bayes_rule
from lib.training import Snapshot, TrainedModel, decide

Array = NDArray[np.float64]
Segment = tuple[tuple[float, float], tuple[float, float]]
Box = tuple[float, float, float, float]  # x low, x high, y low, y high

CELLS = 64  # of the grid along each axis
POINTS = 2400  # in all panels together: each is a node in the browser, drawn anew at every tick
SMOOTH = 6  # classes up to which each region is a contour; beyond, one map of the winners
AT_LEAST = 40  # points of a class, where it has them


def boundaries(
    snapshot: Snapshot, *, seed_index: int = 0, dark: bool, max_points: int = 1500, split: str = "validation"
) -> Chart:
    """One panel per strategy, all with the same axes. Raises ValueError for data that are not two-dimensional."""
    dataset = snapshot.dataset
    if dataset.features != 2:
        raise ValueError(f"Boundaries are drawn for two features, got {dataset.features}. Choose data with two.")
    rows = dataset.splits[split]
    strategies = snapshot.experiment.strategies
    box = view(rows.x.numpy())
    grid = Grid(
        panels=len(strategies), columns=min(len(strategies), 4), panel_height=270, gap_x=46, gap_y=64,
        margin=(46, 12, 34, 112), narrowest=190,
    )  # fmt: skip
    names = dataset.feature_names or ("x1", "x2")
    axes = [_axes(box, names, last=panel >= len(strategies) - grid.columns) for panel in range(len(strategies))]
    layout = grid_layout(grid, dark, axes)
    points = _points(rows, len(dataset.class_names), min(max_points, POINTS // len(strategies)))
    data: list[dict[str, Any]] = []
    for panel, strategy in enumerate(strategies):
        at = (panel, seed_index)
        layout["annotations"].append(strategy_title(panel, panel, strategy.name, dark))
        data += _scatter(points, dataset.class_names, panel, dark)
        if at in snapshot.diverged:
            layout["annotations"].append(_diverged(panel, snapshot.diverged[at], dark))
            continue
        data += _regions(snapshot.models[at], box, panel, dark)
        data += _theory(snapshot.models[at], box, panel, dark)
    shown = sum(len(part) for part in points)
    layout["annotations"].append(note(_caption(snapshot, seed_index, shown, len(rows), split), dark, yshift=-46))
    layout |= {
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yanchor": "top", "yref": "container",
                   "itemsizing": "constant"},
    }  # fmt: skip
    layout["legend"] |= {"yref": "container", "yanchor": "bottom"}
    return Chart({"data": data, "layout": layout}, _alt(snapshot, seed_index, split))


def view(x: Array) -> Box:
    """The part of the plane that all panels show: nearly all points, and a margin. It depends on the data alone."""
    low, high = np.quantile(x, [0.003, 0.997], axis=0)
    pad = 0.06 * np.maximum(high - low, 1e-6)
    return (float(low[0] - pad[0]), float(high[0] + pad[0]), float(low[1] - pad[1]), float(high[1] + pad[1]))


def margins(model: TrainedModel, box: Box, cells: int = CELLS) -> tuple[Array, Array, Array]:
    """By how much each class's score leads on a grid [C, cells, cells] (y first), and the grid's x and y values."""
    across, up = np.linspace(box[0], box[1], cells), np.linspace(box[2], box[3], cells)
    mesh = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    with torch.no_grad():
        scores = model.scores(torch.from_numpy(mesh).float()).double()
    decided = (scores + offset(model)).numpy().T  # [C, cells * cells]
    best = np.sort(decided, axis=0)
    rival = np.where(decided == best[-1], best[-2], best[-1])
    return (decided - rival).reshape(-1, cells, cells), across, up


def offset(model: TrainedModel) -> torch.Tensor:
    """What the decision adds to the scores, [C]; fitted on validation as in training."""
    rows = model.run.dataset.validation
    with torch.no_grad():
        return decide(model.run, model.epoch, model.scores(rows.x), rows.y).offset.double()


def bayes_segments(means: Array, shares: Array, box: Box) -> tuple[Segment, ...]:
    """The boundaries between the classes of unit Gaussians with these shares (up to a factor), clipped to the box."""
    means, shares = np.ascontiguousarray(means, dtype=float), np.ascontiguousarray(shares, dtype=float)
    return _bayes_segments(means.tobytes(), shares.tobytes(), box)


@lru_cache(maxsize=256)  # they are the same at every tick
def _bayes_segments(mean_bytes: bytes, share_bytes: bytes, box: Box) -> tuple[Segment, ...]:
    shares = np.frombuffer(share_bytes)
    means = np.frombuffer(mean_bytes).reshape(len(shares), -1)
    weight, bias = bayes_rule(means, shares)
    segments = []
    for i, j in combinations(range(len(means)), 2):
        normal, level = weight[i] - weight[j], bias[j] - bias[i]
        length = np.linalg.norm(normal)
        if not np.isfinite(level) or length < 1e-12:
            continue
        start = normal * level / length**2  # the nearest point of the line to the origin
        along = np.array([-normal[1], normal[0]]) / length
        rivals = np.isfinite(bias)
        rivals[[i, j]] = False
        # Where start + t * along is in the box and i leads every rival: slopes * t + levels >= 0.
        slopes = [along[0], -along[0], along[1], -along[1], *((weight[i] - weight[rivals]) @ along)]
        levels = [start[0] - box[0], box[1] - start[0], start[1] - box[2], box[3] - start[1],
                  *((weight[i] - weight[rivals]) @ start + bias[i] - bias[rivals])]  # fmt: skip
        low, high = _interval(np.array(slopes), np.array(levels))
        if low < high:
            a, b = start + low * along, start + high * along
            segments.append(((float(a[0]), float(a[1])), (float(b[0]), float(b[1]))))
    return tuple(segments)


def _interval(slopes: Array, levels: Array) -> tuple[float, float]:
    """All t with slopes * t + levels >= 0."""
    flat = np.abs(slopes) < 1e-12
    if (levels[flat] < 0).any():
        return 0.0, 0.0
    edges = -levels[~flat] / slopes[~flat]
    rising = slopes[~flat] > 0
    return float(edges[rising].max(initial=-np.inf)), float(edges[~rising].min(initial=np.inf))


def _axes(box: Box, names: Sequence[str], *, last: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    common = {"showgrid": False, "nticks": 5, "tickfont": {"size": 14}}
    x_axis = common | {"range": list(box[:2]), "title": {"text": escape(names[0], 24), "standoff": 4}}
    y_axis = common | {"range": list(box[2:]), "title": {"text": escape(names[1], 24), "standoff": 2}}
    return (x_axis if last else x_axis | {"title": {"text": ""}}), y_axis


def _points(rows: Split, classes: int, most: int) -> list[Array]:
    """A sample [n, 2] per class, evenly spaced over its rows: in proportion, but never few of a rare class."""
    y = rows.y.numpy()
    chosen = []
    for c in range(classes):
        own = np.flatnonzero(y == c)
        wanted = min(len(own), max(round(most * len(own) / len(y)), AT_LEAST, 0))
        picked = own[np.linspace(0, len(own) - 1, wanted).astype(int)] if wanted else own
        chosen.append(rows.x.numpy()[picked].astype(float))
    return chosen


def _scatter(points: list[Array], class_names: Sequence[str], panel: int, dark: bool) -> list[dict[str, Any]]:
    """Points by class; the most frequent first, so that rare ones lie on top. The first panel names them in the legend."""
    x, y = axis_names(panel)
    size = 5 if len(points) <= 10 else 4
    traces = []
    for c in sorted(range(len(points)), key=lambda c: -len(points[c])):
        name = escape(class_names[c], 24)
        traces.append({
            "type": "scatter", "mode": "markers", "x": points[c][:, 0], "y": points[c][:, 1], "xaxis": x, "yaxis": y,
            "name": name, "legendgroup": f"class {c}", "showlegend": panel == 0 and c < 10, "opacity": 0.75,
            "marker": {"color": class_color(c, dark), "symbol": class_symbol(c), "size": size + (len(points[c]) < 100) * 2,
                       "line": {"width": 0.5, "color": page(dark).paper}},
            "hovertemplate": f"true class {escape(class_names[c])}<br>%{{x:.3~r}}, %{{y:.3~r}}<extra></extra>",
        })  # fmt: skip
    return traces


def _regions(model: TrainedModel, box: Box, panel: int, dark: bool) -> list[dict[str, Any]]:
    """The region of each class as a tint, with the learned boundary as a line. One filled contour per class."""
    x, y = axis_names(panel)
    lead, across, up = margins(model, box)
    if len(lead) > SMOOTH:
        return [_winners(lead, across, up, panel, dark)]
    traces = []
    for c, own in enumerate(lead):
        if (own < 0).all():
            continue
        scale = max(float(np.quantile(np.abs(own), 0.5)), 1e-12)
        steps = np.clip(np.round(own / scale * 100), -127, 127).astype(np.int8)  # a byte per cell: only the sign change counts
        steps[(steps == 0) & (own > 0)] = 1
        traces.append({
            "type": "contour", "z": steps, "x": across[[0, -1]], "y": up[[0, -1]], "xaxis": x, "yaxis": y, "x0": across[0],
            "dx": across[1] - across[0], "y0": up[0], "dy": up[1] - up[0], "xtype": "scaled", "ytype": "scaled",
            "contours": {"type": "constraint", "operation": "<", "value": 0}, "fillcolor": fade(class_color(c, dark), 0.2),
            "line": {"color": page(dark).ink, "width": 2.5}, "hoverinfo": "skip", "showlegend": False, "showscale": False,
        })  # fmt: skip
        del traces[-1]["x"], traces[-1]["y"]
    return traces


def _winners(lead: Array, across: Array, up: Array, panel: int, dark: bool) -> dict[str, Any]:
    """Which class wins in each cell, as tints: one small map, however many classes there are."""
    x, y = axis_names(panel)
    classes = len(lead)
    steps = [[c / classes, fade(class_color(c, dark), 0.3)] for c in range(classes)]
    ends = [[(c + 1) / classes, color] for c, (_, color) in enumerate(steps)]
    return {
        "type": "heatmap", "z": lead.argmax(0), "xaxis": x, "yaxis": y, "x0": across[0], "dx": across[1] - across[0],
        "y0": up[0], "dy": up[1] - up[0], "xtype": "scaled", "ytype": "scaled", "zmin": -0.5, "zmax": classes - 0.5,
        "colorscale": [pair for both in zip(steps, ends, strict=True) for pair in both], "showscale": False,
        "hoverinfo": "skip",
    }  # fmt: skip


def _theory(model: TrainedModel, box: Box, panel: int, dark: bool) -> list[dict[str, Any]]:
    """The Bayes boundary of the strategy, dashed, and the plain one, thin."""
    run, means = model.run, model.run.dataset.means
    if means is None:
        return []
    counts = run.class_counts
    shift = effective_shift(counts, run.class_weight, run.seen_counts, run.loss_shift) + offset(model)
    shares = (counts.log() + shift).softmax(0)
    shares = torch.where(run.class_weight > 0, shares, 0.0)
    own = style(panel, dark)
    lines = (
        (counts / counts.sum(), {"color": page(dark).quiet, "width": 1.5, "dash": "solid"}, "best without weights"),
        (shares, {"color": own.color, "width": 4 if len(means) <= SMOOTH else 2, "dash": "10px,6px"}, "best for these weights"),
    )
    x, y = axis_names(panel)
    traces = []
    for part, line, name in lines:
        segments = bayes_segments(means.double().numpy(), part.numpy(), box)
        path = [(*p, *q) for p, q in segments]
        traces.append({
            "type": "scatter", "mode": "lines", "xaxis": x, "yaxis": y, "line": line, "name": name, "legendgroup": name,
            "x": [v for a in path for v in (a[0], a[2], None)], "y": [v for a in path for v in (a[1], a[3], None)],
            "showlegend": panel == 0, "hoverinfo": "skip",
        })  # fmt: skip
    return traces


def _diverged(panel: int, epoch: int, dark: bool) -> dict[str, Any]:
    x, y = axis_names(panel)
    return {
        "text": f"diverged in epoch {epoch}", "xref": f"{x} domain", "yref": f"{y} domain", "x": 0.5, "y": 0.5,
        "xanchor": "center", "yanchor": "middle", "font": {"size": 16}, "bgcolor": page(dark).paper,
    }  # fmt: skip


def _caption(snapshot: Snapshot, seed_index: int, shown: int, rows: int, split: str) -> str:
    seed = snapshot.experiment.seeds[seed_index]
    text = f"Seed {seed}. Full line: learned boundary. {count(shown)} of {count(rows)} {split} rows."
    if shown < rows:
        text += f" Rare classes: at least {AT_LEAST} points each."
    return text


def _alt(snapshot: Snapshot, seed_index: int, split: str) -> str:
    names = snapshot.dataset.class_names
    told = []
    for s, strategy in enumerate(snapshot.experiment.strategies):
        at = (s, seed_index)
        letter = f"{style(s, False).letter} {shorten(strategy.name, 40)}"
        if at in snapshot.diverged:
            told.append(f"{letter}: diverged in epoch {snapshot.diverged[at]}")
            continue
        said = snapshot.confusion[at].sum(0)
        if said.sum():
            parts = [f"{shorten(n, 20)} {v / said.sum():.0%}" for n, v in zip(names, said, strict=True)]
            told.append(f"{letter} says {listed(parts, 6)}")
    told = told or ["before the first epoch"]
    theory = " Dashed: the best boundary for the weights of each." if snapshot.dataset.means is not None else ""
    return f"Decision boundaries over two features, {split} rows. {'; '.join(told)}.{theory}"
