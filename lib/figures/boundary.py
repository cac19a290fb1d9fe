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
from torch import Tensor

from lib.data import Dataset, Split
from lib.decisions import effective_shift
from lib.figures.chart import Chart
from lib.figures.panels import PAGE_WIDTH, Grid, axis_names, grid_layout, note, strategy_title
from lib.figures.regions import edges, marks, picture
from lib.figures.text import count, escape, listed, shorten
from lib.figures.theme import class_color, class_symbol, fade, page, style
from lib.snapshot import Snapshot, TrainedModel
from lib.theory import bayes_rule
from lib.training import decide

Array = NDArray[np.float64]
Segment = tuple[tuple[float, float], tuple[float, float]]
Box = tuple[float, float, float, float]  # x low, x high, y low, y high

CELLS = 48  # of the grid along each axis
POINTS = 1600  # in all panels together
NAMED = 10  # classes up to which the legend names each
PLAIN, OWN, DASH = "best without weights", "best for these weights", "10px,6px"
FEW = 6  # classes up to which the dashed lines are thick
AT_LEAST = 40  # points of a class, where it has them


def boundaries(
    snapshot: Snapshot, *, seed_index: int = 0, dark: bool, max_points: int = 800, split: str = "validation"
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
        margin=(46, 12, 34, 132), narrowest=190,
    )  # fmt: skip
    names = dataset.feature_names or ("x1", "x2")
    axes = [_axes(box, names, last=panel >= len(strategies) - grid.columns) for panel in range(len(strategies))]
    layout = grid_layout(grid, dark, axes) | {"images": []}
    points = _points(rows, len(dataset.class_names), min(max_points, POINTS // len(strategies)))
    outlines = _outlines(points, box, grid)
    plain = _plain(snapshot, box)
    data = _legend(dataset, dark)
    for panel, strategy in enumerate(strategies):
        at = (panel, seed_index)
        layout["annotations"].append(strategy_title(panel, panel, strategy.name, dark))
        data += _scatter(outlines, panel, dark)
        if at in snapshot.diverged:
            layout["annotations"].append(_diverged(panel, snapshot.diverged[at], dark))
            continue
        model = snapshot.models[at]
        decision = offset(model)
        tint, learned = _regions(model, decision, box, panel, dark)
        layout["images"].append(tint)
        data += [learned, *_theory(model, decision, plain, box, panel, dark)]
    shown = sum(len(across) for across, _ in points)
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


def margins(model: TrainedModel, decision: Tensor, box: Box, cells: int = CELLS) -> tuple[Array, Array, Array]:
    """By how much each class's score, with the offset [C] of the decision, leads on a grid [C, cells, cells] (y first), and the
    grid's x and y values."""
    across, up = np.linspace(box[0], box[1], cells), np.linspace(box[2], box[3], cells)
    mesh = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    with torch.no_grad():
        scores = model.scores(torch.from_numpy(mesh).float()).double()
    decided = (scores + decision).numpy().T  # [C, cells * cells]
    best = np.sort(decided, axis=0)
    rival = np.where(decided == best[-1], best[-2], best[-1])
    return (decided - rival).reshape(-1, cells, cells), across, up


def offset(model: TrainedModel) -> Tensor:
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


def _points(rows: Split, classes: int, most: int) -> list[tuple[Array, Array]]:
    """A sample (x [n], y [n]) per class, evenly spaced over its rows: in proportion, but never few of a rare class.

    All panels share these arrays, so that they are sent once.
    """
    y = rows.y.numpy()
    chosen = []
    for c in range(classes):
        own = np.flatnonzero(y == c)
        wanted = min(len(own), max(round(most * len(own) / len(y)), AT_LEAST, 0))
        picked = own[np.linspace(0, len(own) - 1, wanted).astype(int)] if wanted else own
        across, up = rows.x.numpy()[picked].astype(float).T
        chosen.append((across, up))
    return chosen


def _outlines(points: list[tuple[Array, Array]], box: Box, grid: Grid) -> list[tuple[Array, Array]]:
    """The marks of each class as outlines; those of few points larger."""
    left, right, _, _ = grid.margin
    wide = (PAGE_WIDTH - left - right - (grid.columns - 1) * grid.gap_x) / grid.columns
    per_pixel = (box[1] - box[0]) / wide, (box[3] - box[2]) / grid.panel_height
    size = 3.0 if len(points) <= 10 else 2.4
    return [
        marks(across, up, class_symbol(c), (per_pixel[0] * own, per_pixel[1] * own))
        for c, (across, up) in enumerate(points)
        for own in [size + (len(across) < 100)]
    ]


def _scatter(outlines: list[tuple[Array, Array]], panel: int, dark: bool) -> list[dict[str, Any]]:
    """Points by class; the most frequent first, so that rare ones lie on top."""
    x, y = axis_names(panel)
    return [
        {
            "type": "scatter", "mode": "none", "fill": "toself", "x": outlines[c][0], "y": outlines[c][1],
            "xaxis": x, "yaxis": y, "legendgroup": f"class {c}", "showlegend": False,
            "fillcolor": fade(class_color(c, dark), 0.75),
            "hoverinfo": "skip",  # a hover over each of them doubles the time of drawing
        }
        for c in sorted(range(len(outlines)), key=lambda c: -len(outlines[c][0]))
    ]  # fmt: skip


def _legend(dataset: Dataset, dark: bool) -> list[dict[str, Any]]:
    """What marks and lines mean: traces without points, there whatever becomes of the panels."""
    common = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip", "showlegend": True}
    entries: list[dict[str, Any]] = [
        common | {"mode": "markers", "name": escape(name, 24), "legendgroup": f"class {c}",
                  "marker": {"color": class_color(c, dark), "symbol": class_symbol(c), "size": 8}}
        for c, name in enumerate(dataset.class_names[:NAMED])
    ]  # fmt: skip
    lines = [("learned", {"color": page(dark).ink, "width": 2.5})]
    if dataset.means is not None:
        lines += [
            (PLAIN, {"color": page(dark).quiet, "width": 1.5}),
            (OWN, {"color": page(dark).ink, "width": 3, "dash": DASH}),
        ]
    return entries + [common | {"mode": "lines", "name": name, "legendgroup": name, "line": line} for name, line in lines]


def _regions(model: TrainedModel, decision: Tensor, box: Box, panel: int, dark: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The region of each class as a tint (a picture for the layout), and the learned boundary as a line."""
    x, y = axis_names(panel)
    lead, across, up = margins(model, decision, box)
    winners = lead.argmax(0)
    right, top = across[-1] - across[0], up[-1] - up[0]
    wide, high = right * CELLS / (CELLS - 1), top * CELLS / (CELLS - 1)  # a cell reaches half a step around its point
    tint = {
        "source": picture(winners, [class_color(c, dark) for c in range(len(lead))], 0.22), "xref": x, "yref": y,
        "x": box[0] - (wide - right) / 2, "y": box[3] + (high - top) / 2, "sizex": wide, "sizey": high, "sizing": "stretch",
        "layer": "below",
    }  # fmt: skip
    largest = int(np.bincount(winners.ravel()).argmax())
    line = edges(np.delete(lead, largest, axis=0), across, up)  # each boundary has another class on one side at least
    return tint, {
        "type": "scatter", "mode": "lines", "x": line[:, 0], "y": line[:, 1], "xaxis": x, "yaxis": y, "name": "learned",
        "legendgroup": "learned", "line": {"color": page(dark).ink, "width": 2.5}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _plain(snapshot: Snapshot, box: Box) -> tuple[Array, Array]:
    """The best boundary for the classes as they come: the same in all panels, and sent once."""
    means = snapshot.dataset.means
    counts = snapshot.dataset.class_counts()
    return (np.empty(0), np.empty(0)) if means is None else _path(means.double().numpy(), (counts / counts.sum()).numpy(), box)


def _path(means: Array, shares: Array, box: Box) -> tuple[Array, Array]:
    """x and y of the segments of theory one after the other, with a gap after each."""
    ends = np.array(bayes_segments(means, shares, box)).reshape(-1, 2, 2)  # [segments, end, (x, y)]
    across, up = np.concatenate([ends, np.full((len(ends), 1, 2), np.nan)], axis=1).reshape(-1, 2).T
    return across, up


def _theory(
    model: TrainedModel, decision: Tensor, plain: tuple[Array, Array], box: Box, panel: int, dark: bool
) -> list[dict[str, Any]]:
    """The Bayes boundary of the strategy, dashed where theory knows it, and the plain one, thin."""
    run, means = model.run, model.run.dataset.means
    if means is None:
        return []
    counts = run.class_counts
    shift = effective_shift(counts, run.class_weight, run.seen_counts, run.loss_shift) + decision
    shares = (counts.log() + shift).softmax(0)
    shares = torch.where((run.class_weight > 0) & (run.loss_shift > -torch.inf), shares, 0.0)
    own = _path(means.double().numpy(), shares.numpy(), box) if run.ordered else (np.empty(0), np.empty(0))
    dashed = {"color": style(panel, dark).color, "width": 4 if len(means) <= FEW else 2, "dash": DASH}
    x, y = axis_names(panel)
    return [
        {"type": "scatter", "mode": "lines", "xaxis": x, "yaxis": y, "line": line, "legendgroup": name, "name": name,
         "x": across, "y": up, "showlegend": False, "hoverinfo": "skip"}
        for name, (across, up), line in ((PLAIN, plain, {"color": page(dark).quiet, "width": 1.5}), (OWN, own, dashed))
    ]  # fmt: skip


def _diverged(panel: int, epoch: int, dark: bool) -> dict[str, Any]:
    x, y = axis_names(panel)
    return {
        "text": f"diverged in epoch {epoch}", "xref": f"{x} domain", "yref": f"{y} domain", "x": 0.5, "y": 0.5,
        "xanchor": "center", "yanchor": "middle", "font": {"size": 16}, "bgcolor": page(dark).paper,
    }  # fmt: skip


def _caption(snapshot: Snapshot, seed_index: int, shown: int, rows: int, split: str) -> str:
    seed = snapshot.experiment.seeds[seed_index]
    text = f"Seed {seed}. {count(shown)} of {count(rows)} {split} rows."
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
