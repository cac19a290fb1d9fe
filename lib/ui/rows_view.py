"""The rows of a cell of the confusion matrices: by a click on it, or by its names.

While a training runs the list stays as it was when it was asked for, so that it can be read; a button brings it up to date.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from lib.data import Dataset
from lib.export.tables import frame_csv
from lib.figures.text import count
from lib.rows import FEATURES, Cell, Listed, counted_from, rows_of, table
from lib.runner import Job
from lib.snapshot import At, Snapshot
from lib.tasks import READINGS
from lib.ui import state, task_view
from lib.ui.epochs_view import Scene
from lib.ui.live_plotly import Click
from lib.ui.strategy_editor import letter
from lib.ui.text import inert, inert_table

SAVED = 100_000  # rows of a file
TALL = 320  # pixels of the table


@dataclass(frozen=True)
class Asked:
    """A cell that was clicked: its strategy, its row and column, where the epoch slider stood; `click` counts the clicks."""

    training: int
    click: int
    strategy: int = 0
    true: int = 1
    predicted: int = 0
    position: int | None = None


def draw(own: Job, shown: Scene, label: int, click: Click | None, panels: Sequence[int]) -> None:
    """Below the matrices, whose `panels` show these strategies."""
    asked: Asked | None = state.remembered("rows/asked", None)
    asked = asked if asked is not None and asked.training == own.number else None
    if click is not None and len(click.at) == 2 and click.panel < len(panels):
        position = click.position if shown.times else None
        asked = Asked(own.number, _clicks() + 1, panels[click.panel], click.at[0], click.at[1], position)
        state.remember("rows/asked", asked)
    if asked is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Click a cell to list its rows.", width="content")
            st.button("List rows", on_click=_open, args=(own.number,), key="rows/open", type="tertiary")
        return
    with st.container(border=True, key="rows"):
        if not shown.snapshot.measured:
            st.caption("After the first epoch the rows of a cell stand here.")
            return
        _listed(own, shown, label, asked)


def _clicks() -> int:
    before: Asked | None = state.remembered("rows/asked", None)
    return before.click if before is not None else 0


def _open(training: int) -> None:
    state.remember("rows/asked", Asked(training, _clicks() + 1))


def _close() -> None:
    state.remember("rows/asked", Asked(-1, _clicks()))


def _up_to_date() -> None:
    state.remember("rows/fresh", state.remembered("rows/fresh", 0) + 1)


def _listed(own: Job, shown: Scene, label: int, asked: Asked) -> None:
    dataset = shown.snapshot.dataset
    cell, at, split, epoch = _chosen(own, shown, label, asked)
    ended = own.ended or own.state == "paused"
    if ended:
        _up_to_date()  # so that the list does not go back in time when the training goes on
    moment = shown.snapshot.progress if ended else ("running", state.remembered("rows/fresh", 0))
    name = ("rows", own.number, cell, at, split, epoch, moment)
    try:
        read, found = state.newest(
            "rows", name, lambda: _read(shown.snapshot if epoch is None else shown.times[epoch], at, cell, split)
        )
    except ValueError as error:
        st.caption(inert(str(error), 300))
        st.button("Close", on_click=_close, key="rows/close", type="tertiary")
        return
    classes = task_view.classes_of_matrix(dataset, label)
    names = classes[cell.true], classes[cell.predicted]
    run = shown.snapshot.experiment
    unit = READINGS[dataset.task].unit
    what = f"1 {split} {unit[:-1]}" if found.total == 1 else f"{count(found.total)} {split} {unit}"
    st.markdown(
        f"**{letter(at[0])} {inert(run.strategies[at[0]].name)}**: **{what}** of *{inert(names[0])}* taken for "
        f"*{inert(names[1])}*, seed {run.seeds[at[1]]}, after epoch {read.measured[at].epoch}."
    )
    own_data = read.measured[at].run.dataset
    lines = state.memo(("rows table", *name), lambda: inert_table(table(found, own_data, names, _series(own, found))))
    if found.total:
        config: dict[Any, Any] = {c: st.column_config.NumberColumn(format="%.4f") for c in lines.columns if " of " in c}
        height = min(TALL, 38 + 35 * len(lines))
        st.dataframe(lines, hide_index=True, height=height, key="rows/table", column_config=config,
                     alt=f"{unit} of one cell of the confusion matrix, the surest first")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        file = f"rows-{run.strategies[at[0]].slug}-seed{run.seeds[at[1]]}-{split}.csv"
        st.download_button(
            "CSV", lambda: _csv(own, read, at, cell, split, names), file, "text/csv", on_click="ignore", key="rows/csv",
            disabled=not found.total,
        )  # fmt: skip
        if not ended:
            newest = read.measured[at].epoch == shown.snapshot.measured[at].epoch
            st.button("As it is now", on_click=_up_to_date, key="rows/now", disabled=newest,
                      help="While training runs the list stays as it was when you asked for it.")  # fmt: skip
        st.button("Close", on_click=_close, key="rows/close", type="tertiary")
    st.caption(_about(own_data, found, seeds=len(run.seeds)))


def _chosen(own: Job, shown: Scene, label: int, asked: Asked) -> tuple[Cell, At, str, int | None]:
    """The cell, the run, the split and, where a slider can go back, the epoch; a click seeds them, and each can be chosen."""
    snapshot, n = shown.snapshot, f"rows/{own.number}/{asked.click}"
    run, classes = snapshot.experiment, task_view.classes_of_matrix(snapshot.dataset, label)
    with st.container(horizontal=True):
        s = _select("Strategy", [f"{letter(i)} {own.name}" for i, own in enumerate(run.strategies)], asked.strategy, n)
        true = _select("True class", classes, asked.true, n)
        predicted = _select("Taken for", classes, asked.predicted, n)
        seed = _select("Seed", [str(own) for own in run.seeds], 0, n) if len(run.seeds) > 1 else 0
        split = "validation"
        if own.state == "finished":
            split = ("validation", "test")[_select("Split", ("validation", "test"), 0, n)]
        epoch = None
        going_back = [i for i, then in enumerate(shown.times) if (s, seed) in then.measured and (s, seed) in then.rules]
        if split == "validation" and len(going_back) > 1:  # test rows are read once, at the end
            first = going_back.index(asked.position) if asked.position in going_back else len(going_back) - 1
            told = [str(shown.times[i].epoch) for i in going_back]
            epoch = going_back[_select("After epoch", told, first, f"{n}/{s}/{seed}/{len(told)}")]
    return Cell(true, predicted, label if snapshot.dataset.task == "multilabel" else 0), (s, seed), split, epoch


def _select(word: str, names: Any, first: int, which: str) -> int:
    found = st.selectbox(
        word, range(len(names)), index=min(first, len(names) - 1), format_func=lambda i: names[i], key=f"{which}/{word}",
        width=190 if word in ("Strategy", "True class", "Taken for") else 130,
    )  # fmt: skip
    return int(found or 0)


def _read(snapshot: Snapshot, at: At, cell: Cell, split: str) -> tuple[Snapshot, Listed]:
    return snapshot, rows_of(snapshot, at, cell, split=split)


def _csv(own: Job, read: Snapshot, at: At, cell: Cell, split: str, names: tuple[str, str]) -> str:
    found = rows_of(read, at, cell, split=split, most=SAVED)
    return frame_csv(table(found, read.measured[at].run.dataset, names, _series(own, found)))


def _series(own: Job, found: Listed) -> NDArray[np.object_] | None:
    """What the visitor's file calls the series of each step; None where that file is not here."""
    file, params = state.table(), own.experiment.data.params
    if found.rows is None or found.steps is None or file is None or file.sha256 != params.get("sha256"):
        return None
    names: pd.Series[Any] = file.frame[params["series"]].iloc[found.rows]
    return names.astype(str).to_numpy(dtype=object)


def _about(dataset: Dataset, found: Listed, *, seeds: int) -> str:
    said = ["The matrices show the mean over all seeds, and these are the rows of one." if seeds > 1 else ""]
    said.append(f"The {len(found.at)} of which it was surest." if found.total > len(found.at) else "The surest first.")
    said.append(f"The file has all of them, up to {count(SAVED)}." if found.total > len(found.at) else "")
    said.append("" if found.sure else "This loss gives scores, not probabilities.")
    said.append(counted_from(dataset))
    said.append(f"The first {FEATURES} of {dataset.features} features." if dataset.features > FEATURES else "")
    return " ".join(filter(None, said))
