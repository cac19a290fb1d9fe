"""The columns of an upload with several labels per row, or with a yes/no for each step of series."""

from typing import Any

import streamlit as st

from lib.data.columns import UPLOAD_PARAMS, params_of
from lib.data.questions import guess_task, suggest_questions
from lib.data.upload import Table
from lib.experiment import DataSpec
from lib.registry import Params
from lib.ui import state
from lib.ui.controls import params_inputs, segments
from lib.ui.text import inert

ASKED = {
    "exclusive": "One class per row",
    "multilabel": "Several labels per row",
    "sequence": "A yes or no per step of a series",
}


def choose_task(table: Table, mine: Params, scope: str) -> str:
    """How the file asks: guessed, shown, changeable."""
    return segments("What is asked", ASKED, str(mine.get("task") or guess_task(table)), f"{scope}/task")


def choose_columns(table: Table, mine: Params, task: str, scope: str) -> DataSpec | None:
    """The use of each column. What does not fit is refused beside the widgets, and the data stay as they were."""
    names = [str(name) for name in table.frame.columns]
    guessed = suggest_questions(table, task)
    given = {name: mine.get(name) or guess for name, guess in guessed.items()} if mine.get("task") == task else guessed
    chosen = _labels(names, given, f"{scope}/{task}") if task == "multilabel" else _series(names, given, f"{scope}/{task}")
    taken = {value for value in chosen.values() if isinstance(value, str)} | set(chosen.get("labels", ()))
    features = st.multiselect(
        "Features", [name for name in names if name not in taken],
        state.first(f"{scope}/{task}/features", [n for n in mine.get("features", ()) if n not in taken]),
        key=state.key(f"{scope}/{task}/features"), placeholder="all that can be used",
        help="Ids, dates and texts with many values are left out when you choose none.",
    )  # fmt: skip
    missing = st.toggle("Leave out what has no label", key=state.key(f"{scope}/{task}/missing"))
    try:
        return DataSpec("upload", params_of(
            table, task=task, features=tuple(features), missing_labels="drop" if missing else "refuse", sample_weight="",
            **chosen,
        ))  # fmt: skip
    except ValueError as error:
        st.error(f"{inert(str(error), 400)} The data stay as they were.")
        return None


def _labels(names: list[str], given: dict[str, Any], scope: str) -> dict[str, Any]:
    labels = st.multiselect(
        "Label columns (0 or 1)", names, state.first(f"{scope}/labels", [n for n in given["labels"] if n in names]),
        key=state.key(f"{scope}/labels"), help="One yes/no column for each label; none if one column holds lists.",
    )  # fmt: skip
    if labels:
        return {"labels": tuple(labels), "label": ""}
    column = st.selectbox(
        "Or a column of lists, such as cat;bird", names, _at(names, given["label"]), key=state.key(f"{scope}/label"),
        placeholder="Which column lists the labels?",
    )  # fmt: skip
    separator = next(param for param in UPLOAD_PARAMS if param.name == "separator")
    more = params_inputs([separator], Params(), f"{scope}/more")
    return {"labels": (), "label": column or "", **more}


def _series(names: list[str], given: dict[str, Any], scope: str) -> dict[str, Any]:
    def column(label: str, name: str, placeholder: str) -> str:
        place = st.selectbox(
            label, names, _at(names, state.first(f"{scope}/{name}", given[name])), key=state.key(f"{scope}/{name}"),
            placeholder=placeholder,
        )  # fmt: skip
        return place or ""

    series = column("Series column", "series", "Which column says which series a step is in?")
    time = column("Time column", "time", "none: the order of the file")
    label = column("Label column (0 or 1)", "label", "Which column says whether there is an event?")
    steps = next(param for param in UPLOAD_PARAMS if param.name == "max_steps")
    return {"series": series, "time": time, "label": label, **params_inputs([steps], Params(), f"{scope}/more")}


def _at(names: list[str], name: str) -> int | None:
    return names.index(name) if name in names else None
