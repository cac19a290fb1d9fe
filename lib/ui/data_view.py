"""What the data are, and what the weights would be."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st
import torch

from lib.data import Dataset, called, count_classes
from lib.data.columns import Column, suggest
from lib.experiment import Experiment
from lib.export.tensors import weight_code
from lib.figures.data import class_counts, scatter, scheme_weights
from lib.figures.text import count, number
from lib.tasks import READINGS, behind
from lib.theory import chance_of_none
from lib.ui import state, task_view
from lib.ui.compare_view import show
from lib.ui.controls import explained
from lib.ui.text import inert, inert_table
from lib.weighting import WEIGHTINGS, class_weights, realised_ratio, weight_table


def overview(dataset: Dataset, experiment: Experiment) -> None:
    """Class counts, ratio, and what a batch will hold."""
    counts = dataset.class_counts()
    names, unit = dataset.class_names, READINGS[dataset.task].unit
    for notice in dataset.notices:
        st.info(inert(notice, 400))
    grid = st.grid(2, min_column_width=330)
    with grid.cell():
        log = st.toggle(
            "Logarithmic", key=state.key("counts/log"), help="Each grid line is ten times the last: rare classes stay in sight."
        )
        stamp = (experiment.data, log, state.dark())
        bars = behind(counts, dataset.task).numpy()
        show(("counts", *stamp), lambda: class_counts(bars, names, log=log, dark=state.dark(), unit=unit), "counts")
    with grid.cell():
        for sentence in sentences(dataset, experiment.training.batch_size):
            st.markdown(sentence)
        st.dataframe(inert_table(split_table(dataset)), hide_index=True, alt=f"{unit.capitalize()} of each class in the splits")


def sentences(dataset: Dataset, batch_size: int) -> list[str]:
    """The imbalance in words: ratio, and the odds that a batch holds no rare row."""
    if dataset.task in ("multilabel", "sequence"):
        return task_view.sentences(dataset, batch_size)
    counts = dataset.class_counts()
    names = [inert(called(name)) for name in dataset.class_names]
    rows, present = int(counts.sum()), [c for c in range(len(counts)) if counts[c] > 0]
    most, least = max(present, key=lambda c: counts[c]), min(present, key=lambda c: counts[c])
    ratio = float(counts[most] / counts[least])
    missed = chance_of_none(int(counts[least]), rows, batch_size)
    found = [
        f"For one row of **{names[least]}** there are **{number(ratio)}** of **{names[most]}**.",
        f"A batch of {count(batch_size)} rows has no row of **{names[least]}** {task_view.odds(missed)}.",
    ]
    empty = [names[c] for c in range(len(counts)) if counts[c] == 0]
    if empty:
        found.append(f"No training rows: {', '.join(empty)}. Such a class gets weight 0.")
    return found


def split_table(dataset: Dataset) -> pd.DataFrame:
    """Rows of each class per split."""

    def counts(split: str) -> list[int]:
        part = dataset.splits[split]
        found = count_classes(part.y, dataset.task, len(dataset.class_names), part.mask)
        return behind(found, dataset.task).long().tolist()

    first = "label (rows with a yes)" if dataset.task == "multilabel" else "class"
    return pd.DataFrame({first: list(dataset.class_names)} | {split: counts(split) for split in dataset.splits})


def schemes(dataset: Dataset, experiment: Experiment) -> None:
    """The weights of every scheme side by side, and the tensor as code."""
    counts = dataset.class_counts()
    table, bars, code = st.tabs(["Weights of every scheme", "As bars", "As PyTorch"])
    with table:
        st.dataframe(inert_table(weights_frame(dataset)), hide_index=True, alt="Weights of every scheme, one column per class")
        if dataset.task == "multilabel":
            st.caption("Each label: the weight of a yes over that of a no (pos_weight).")
        else:
            st.caption(
                "Under cross-entropy only ratios matter: its mean divides by the sum of weights. Under BCE scale counts."
            )
    with bars:
        stamp = (experiment.data, state.dark())
        show(("schemes", *stamp), lambda: scheme_weights(_by_scheme(dataset), dark=state.dark()), "schemes")
    with code:
        fitting = [key for key, record in WEIGHTINGS.items() if dataset.task in record.tasks and key != "manual"]
        key = st.selectbox("Scheme", fitting, index=fitting.index("balanced"), format_func=lambda k: WEIGHTINGS[k].label,
                           help=explained("manual", "The rule that turns class counts into weights."))  # fmt: skip
        st.code(weight_code(class_weights(key, counts), dataset.class_names, dataset.task), language="python")


def weights_frame(dataset: Dataset) -> pd.DataFrame:
    """One row per scheme, one column per class, and the realised ratio. Column names are the strangers' own."""
    columns = [name if name == str(index) else f"{index}: {name}" for index, name in enumerate(dataset.class_names)]
    rows = []
    for key, weights in weight_table(dataset.class_counts(), dataset.task).items():
        if dataset.task == "multilabel":  # shown as PyTorch takes it
            weights = torch.where(weights[:, 0] > 0, weights[:, 1] / weights[:, 0], 0.0)
        values = dict(zip(columns, (float(f"{w:.4g}") for w in weights.tolist()), strict=True))
        rows.append({"scheme": WEIGHTINGS[key].label, "max / min": float(f"{realised_ratio(weights):.4g}"), **values})
    return pd.DataFrame(rows)


def _by_scheme(dataset: Dataset) -> pd.DataFrame:
    frame = weights_frame(dataset).set_index("scheme").drop(columns="max / min")
    return frame.set_axis(list(dataset.class_names), axis=1)


def columns(experiment: Experiment) -> None:
    """Of an upload: the first rows, and what each column is used for and why."""
    table = state.table()
    if table is None or experiment.data.source != "upload":
        return
    preview, plan = st.tabs(["First rows", "What each column is used for"])
    with preview:
        st.dataframe(inert_table(table.frame.head(20)), alt="The first rows of the file")
    with plan:
        if experiment.data.params["task"] != "exclusive":
            st.dataframe(inert_table(task_view.uses(experiment.data.params)), hide_index=True, alt="The use of each column")
            return
        found = suggest(table, label=str(experiment.data.params["label"]))
        chosen = experiment.data.params["features"]
        rows = [
            {"column": c.name, "used as": _use(c, chosen), "why": c.why, "missing": c.missing}
            for c in found.columns
        ]  # fmt: skip
        st.dataframe(inert_table(pd.DataFrame(rows)), hide_index=True, alt="The use of each column")


def _use(column: Column, chosen: Sequence[str]) -> str:
    used = not chosen or column.name in chosen or column.role in ("label", "sample_weight")
    return (column.role if used else "left_out").replace("_", " ")


def picture(dataset: Dataset, experiment: Experiment) -> None:
    """Training rows, in two dimensions."""
    stamp = (experiment.data, state.dark())
    if dataset.task in ("multilabel", "sequence"):
        task_view.picture(dataset, stamp, show)
        return
    show(("scatter", *stamp), lambda: scatter(dataset, dark=state.dark()), "scatter")
