"""Where the boundary between two points stands, epoch by epoch, beside the closed form (recipe `points`).

Validation rows fill the room between the points evenly, so recall of 0 minus recall of 1 is where the boundary stands.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.panels import base_layout
from lib.figures.text import escape, listed, number, shorten
from lib.figures.theme import page, style
from lib.snapshot import Snapshot
from lib.theory import boundary_after, boundary_between, margin_with_decay

Array = NDArray[np.float64]

MOST = 300  # points per curve, evenly on the log axis
LOW, HIGH = -1.0, 0.6


def shows_course(snapshot: Snapshot) -> bool:
    """Whether the data are those on which the boundary can be read off the recalls."""
    return snapshot.experiment.data.source == "points"


def boundary_course(snapshot: Snapshot, *, dark: bool, height: int = 340) -> Chart:
    """One line per strategy (first seed), dotted its closed form where there is one."""
    epochs = snapshot.experiment.training.epochs
    own = page(dark)
    layout = base_layout(height, (64, 150, 34, 46), dark)
    layout["xaxis"] = {"type": "log", "range": [0, max(float(np.log10(epochs)), 0.3)], "title": {"text": "epoch"},
                       "showgrid": False, "showline": True, "dtick": 1, "exponentformat": "none"}  # fmt: skip
    layout["yaxis"] = {"range": [LOW, HIGH], "nticks": 6, "zeroline": True, "zerolinecolor": own.quiet, "zerolinewidth": 1}
    layout["annotations"].append({
        "text": "where the boundary stands: 0 is half way between the points", "xref": "paper", "yref": "paper", "x": 0, "y": 1,
        "xanchor": "left", "yanchor": "bottom", "xshift": -58, "yshift": 8, "font": {"size": 15, "color": own.ink},
    })  # fmt: skip
    data: list[dict[str, Any]] = []
    told = []
    whole = _epochs(epochs)
    for s, strategy in enumerate(snapshot.experiment.strategies):
        line = style(s, dark)
        name = f"{line.letter} {escape(strategy.name, 40)}"
        recall, seen = snapshot.history.recall[s, 0], _epochs(snapshot.models[s, 0].epoch)
        course = (recall[:, 0] - recall[:, 1])[seen - 1] if len(seen) else np.empty(0)
        data.append({
            "type": "scatter", "mode": "lines", "x": seen, "y": course, "name": name, "showlegend": False,
            "line": {"color": line.color, "width": 3, "dash": line.dash},
            "hovertemplate": f"<b>{name}</b><br>epoch %{{x}}: %{{y:.3f}}<extra></extra>",
        })  # fmt: skip
        theory = closed_form(snapshot, s, whole)
        if theory is not None:
            data.append({
                "type": "scatter", "mode": "lines", "x": whole, "y": theory, "name": f"{name}, closed form",
                "showlegend": False, "line": {"color": line.color, "width": 2, "dash": "2px,4px"},
                "hovertemplate": f"<b>{name}</b>, closed form<br>epoch %{{x}}: %{{y:.3f}}<extra></extra>",
            })  # fmt: skip
        if len(course):
            layout["annotations"].append(_end(f"<b>{line.letter}</b> {escape(strategy.name, 18)}", float(course[-1]), line.ink))
        told.append(_told(f"{line.letter} {shorten(strategy.name, 40)}", course, theory))
    when = f"after {snapshot.epoch} of {epochs} epochs"
    alt = f"Boundary between the points -1 and +1, {when}: {listed(told)}. Dotted: closed form."
    return Chart({"data": data, "layout": layout}, alt)


def closed_form(snapshot: Snapshot, index: int, epochs: Array) -> Array | None:
    """The boundary [E] that theory gives: the course of gradient flow from zero or, with decay, where it comes to rest.

    For BCE with logits on a linear model, SGD, whole batches. The mean over rows makes it the summed loss of two points that
    weigh share x weight each; the lighter one's is the unit of time, and of the penalty.
    """
    experiment = snapshot.experiment
    run = snapshot.models[index, 0].run
    strategy, settings = run.strategy, run.strategy.training(experiment.training)
    whole_batch = settings.batch_size >= len(run.dataset.train) and settings.optimizer == "sgd"
    plain = strategy.sampler == "shuffle" and strategy.decision == "argmax" and strategy.weights_from_epoch == 0
    separable = not experiment.data.params["label_noise"] and experiment.model.name == "linear"
    if not (whole_batch and plain and separable and strategy.loss == "bce_with_logits"):
        return None
    light, heavy = (run.class_weight * run.class_counts / run.class_counts.sum()).tolist()
    if settings.normaliser != "torch" or min(light, heavy) <= 0:
        return None
    if settings.weight_decay:
        decay = settings.weight_decay / light
        rest = boundary_between(margin_with_decay(heavy / light, decay), margin_with_decay(1.0, decay))
        return np.full(len(epochs), float(rest))
    return boundary_after(heavy / light, settings.lr * light * epochs)


def _epochs(count: int) -> Array:
    """Epochs 1 ... count, thinned evenly on a log axis."""
    return (
        np.unique(np.geomspace(1, count, min(count, MOST)).round()).astype(np.int64) if count else np.empty(0, dtype=np.int64)
    )


def _end(text: str, y: float, color: str) -> dict[str, Any]:
    return {"text": text, "xref": "paper", "yref": "y", "x": 1, "y": min(max(y, LOW), HIGH), "xanchor": "left",
            "yanchor": "middle", "xshift": 8, "font": {"size": 14, "color": color}}  # fmt: skip


def _told(name: str, course: Array, theory: Array | None) -> str:
    now = number(float(course[-1])) if len(course) else "no value yet"
    return name + f" {now}" + ("" if theory is None else f" (closed form at the end {number(float(theory[-1]))})")
