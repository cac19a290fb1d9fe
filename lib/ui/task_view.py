"""What Compare and Data show for several labels and for series only."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import torch

from lib.data import Dataset
from lib.figures.chart import Chart
from lib.figures.confusion import confusion_panels, difference_panels
from lib.figures.labels import together
from lib.figures.recall import recall_bars
from lib.figures.series import measured
from lib.figures.strips import choose, strips
from lib.figures.text import count, number
from lib.metrics import precision
from lib.registry import Params
from lib.sampling import strata
from lib.snapshot import Snapshot
from lib.tasks import READINGS, behind
from lib.theory import chance_of_none
from lib.ui import state
from lib.ui.epochs_view import Scene
from lib.ui.live_plotly import Click
from lib.ui.text import inert

Show = Callable[[tuple[object, ...], Callable[[], Chart], str], None]


def rows_of(dataset: Dataset, split: str) -> Any:
    """What stands behind each bar: rows of a class, rows with a yes to a label, or steps."""
    return behind(dataset.class_counts(split), dataset.task).numpy()


def size_of(dataset: Dataset, split: str) -> str:
    """`20 000 test rows`, or `512 test series with 25 600 steps`."""
    part = dataset.splits[split]
    if dataset.task == "sequence":
        return f"{count(len(part))} {split} series with {count(part.decisions)} steps"
    return f"{count(len(part))} {split} rows"


def classes_of_matrix(dataset: Dataset, label: int) -> tuple[str, ...]:
    """The classes of a matrix: of several labels no and yes of one of them."""
    if dataset.task != "multilabel":
        return dataset.class_names
    return (f"no {dataset.class_names[label]}", dataset.class_names[label])


def chosen_label(dataset: Dataset) -> int:
    """Of several labels, the one whose 2 x 2 is shown."""
    if dataset.task != "multilabel":
        return 0
    names = dataset.class_names
    found = st.selectbox(
        "Label", range(len(names)), format_func=lambda i: inert(names[i]), key=state.key("matrix/label"),
        help="Each label is a yes/no question with a matrix of its own.",
    )  # fmt: skip
    return int(found or 0)


def matrices(
    shown: Scene, scale: Any, diverged: Callable[[Snapshot], Mapping[int, int]], baseline: int
) -> tuple[Click | None, int]:
    """Confusion matrices of all strategies: classes, steps, or one label; `diverged` and `baseline` as the figures want.

    Returns the cell that was clicked, and the label that is shown.
    """
    dataset = shown.snapshot.dataset
    label, dark = chosen_label(dataset), state.dark()
    names = [strategy.name for strategy in shown.snapshot.experiment.strategies]
    classes = classes_of_matrix(dataset, label)

    def panels(at: Snapshot) -> Chart:
        counts = at.confusion[:, :, label] if dataset.task == "multilabel" else at.confusion
        if scale == "difference":
            return difference_panels(names, counts, classes, dark=dark, baseline=baseline)
        return confusion_panels(names, counts, classes, normalise=scale, dark=dark, diverged=diverged(at))

    stands = [baseline] if scale == "difference" else []
    return shown.show("confusion", panels, scale, label, *stands, clicks=True), label


def more(shown: Scene, show: Show) -> None:
    """Below the matrices: precision per label or class, and strips of a few series."""
    dataset = shown.snapshot.dataset
    nothing = shown.snapshot.epoch == 0 and not shown.snapshot.reused
    if nothing or dataset.task not in ("multilabel", "sequence"):
        return
    names = [strategy.name for strategy in shown.snapshot.experiment.strategies]
    reading, rows, dark = READINGS[dataset.task], rows_of(dataset, "validation"), state.dark()
    if dataset.task == "sequence":
        _strips(shown, show)
    st.subheader("Of what was said, how much is right", anchor=False)
    shown.show(
        "precision",
        lambda at: recall_bars(
            names, reading.groups(precision(np.asarray(at.confusion))), dataset.class_names, rows, dark=dark, width=1000,
            rate="precision", unit=reading.unit,
        ),
    )  # fmt: skip


def _strips(shown: Scene, show: Show) -> None:
    snapshot, dark = shown.snapshot, state.dark()
    part = snapshot.dataset.validation
    st.subheader("A few series over time", anchor=False)
    first = st.number_input(
        "From series number", 1, len(part), state.first("strips/first", 1), 1, key=state.key("strips/first"),
        help="Shows the next series with an event from this number on, and one without.",
    )  # fmt: skip
    series = choose(part, int(first) - 1)
    if not shown.times or snapshot.moments[0].parameters:
        shown.show("strips", lambda at: strips(at, series=series, dark=dark), first)
        return
    st.caption("As they are now: these models are too large to keep those of earlier epochs.")
    show(("strips", first, *shown.stamp), lambda: strips(snapshot, series=series, dark=dark), "strips")


def picture(dataset: Dataset, stamp: tuple[object, ...], show: Show) -> None:
    """On Data: how labels occur together, or a few series."""
    if dataset.task == "multilabel":
        st.markdown("How often two labels stand on one row.")
        show(
            ("together", *stamp), lambda: together(dataset.train.y.numpy(), dataset.class_names, dark=state.dark()), "together"
        )
    else:
        show(("series", *stamp), lambda: measured(dataset, series=choose(dataset.train), dark=state.dark()), "series")


def sentences(dataset: Dataset, batch_size: int) -> list[str]:
    """The imbalance of labels or steps in words."""
    if dataset.task == "sequence":
        return _about_series(dataset, batch_size)
    counts, names = dataset.class_counts(), [inert(name) for name in dataset.class_names]
    ratio = torch.where(counts[:, 1] > 0, counts[:, 0] / counts[:, 1], torch.nan)
    rarest = int(counts[:, 1].where(counts[:, 1] > 0, torch.inf).argmin())
    missed = chance_of_none(int(counts[rarest, 1]), int(counts[rarest].sum()), batch_size)
    several = dataset.train.y.sum(1).double().mean().item()
    return [
        f"Each label is a yes/no question of its own; a row has **{number(several)}** of the {len(names)} labels on average.",
        f"The rarest label is **{names[rarest]}**: for one yes there are **{number(float(ratio[rarest]))}** noes.",
        f"A batch of {count(batch_size)} rows has no **{names[rarest]}** {odds(missed)}.",
    ]


def _about_series(dataset: Dataset, batch_size: int) -> list[str]:
    part = dataset.train
    quiet, on = dataset.class_counts().tolist()
    some = int(strata(part.y, "sequence", part.mask).sum())
    lengths = torch.full((len(part),), part.y.shape[1]) if part.mask is None else part.mask.sum(1)
    missed = chance_of_none(some, len(part), batch_size)
    return [
        f"**{count(len(part))}** training series of {_from_to(int(lengths.min()), int(lengths.max()))} steps.",
        f"For one step with an event there are **{number(quiet / on if on else math.inf)}** without.",
        f"**{count(some)}** of the series have an event; a batch of {count(batch_size)} series has none {odds(missed)}.",
    ]


def _from_to(low: int, high: int) -> str:
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def odds(chance: float) -> str:
    """How often something happens to a batch, in words."""
    if chance < 1e-4:
        return "less than once in ten thousand batches"
    often = "in most batches its weight acts on nothing" if chance > 0.5 else f"about one batch in {1 / chance:.0f}"
    return f"with probability **{chance:.2g}**: {often}"


def uses(params: Params) -> pd.DataFrame:
    """What the columns of an upload with labels or series are used for."""
    named = {"label": params["label"], "series": params["series"], "time": params["time"]}
    rows = [{"used as": use, "column": column} for use, column in named.items() if column]
    rows += [{"used as": "label", "column": column} for column in params["labels"]]
    rows += [{"used as": "feature", "column": column} for column in params["features"]]
    return pd.DataFrame(
        rows if params["features"] else [*rows, {"used as": "features", "column": "all others that can be used"}]
    )
