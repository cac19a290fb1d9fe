"""Where the rows come from: synthesised, bundled, uploaded, or made for pasted labels."""

import dataclasses
from typing import Any

import streamlit as st

from lib.data import SOURCES
from lib.data.columns import UPLOAD_PARAMS, params_of, suggest
from lib.data.labels import paste
from lib.data.upload import READ_PARAMS, Table, read_labels, read_table
from lib.experiment import DataSpec, Experiment, fitting_model
from lib.registry import Params
from lib.sequence_models import MODELS
from lib.strategy import adapt
from lib.ui import state
from lib.ui.controls import param_input, params_inputs, record_choice, segments
from lib.ui.question_controls import choose_columns, choose_task
from lib.ui.text import inert
from lib.ui.visit import check_room

WAYS = {"synthesise": "Synthesise", "labels": "Labels or counts", "upload": "Upload rows", "bundled": "Bundled set"}
SIZES = ("n_val", "n_test", "label_noise")
EXAMPLE = "cat 5000, dog 300, bird 12"


def choose(experiment: Experiment) -> Experiment:
    """The experiment on the data that the visitor chose; strategies that do not fit them are changed, and it is said how."""
    way = segments(
        "Where the rows come from", WAYS, _way(experiment.data), "way",
        about="Made here with a known truth, made for your label counts, from a file of yours, or a well-known data set.",
    )  # fmt: skip
    spec = {"synthesise": _synthesise, "labels": _labels, "upload": _upload, "bundled": _bundled}[way](experiment.data)
    if spec is None:
        return experiment
    seed = st.number_input(
        "Seed of the draw and the split",
        0,
        2**31 - 1,
        state.first("data/seed", experiment.data.seed),
        1,
        key=state.key("data/seed"),
        help="Another number draws other rows, and splits them otherwise.",
    )
    return on_data(experiment, dataclasses.replace(spec, seed=seed))


def on_data(experiment: Experiment, spec: DataSpec) -> Experiment:
    """The experiment moved to other data. What does not fit is refused beside the widgets, and all stays as it was."""
    source = SOURCES[spec.source]
    try:
        classes = source.classes(spec.params)
        task = source.task_of(spec.params)
        strategies, notices = adapt(experiment.strategies, task, len(classes))
        model = fitting_model(experiment.model, task)
        if model != experiment.model:
            notices.append(f"The model is now {MODELS[model.name].label}, which reads this kind of data.")
        moved = dataclasses.replace(experiment, data=spec, strategies=strategies, model=model)
    except ValueError as error:
        st.error(f"{inert(str(error), 300)} The data stay as they were.")
        return experiment
    if notices:
        state.keep_for_undo(experiment.strategies)
        st.info(inert(" ".join(notices), 800))
    return moved


def _way(spec: DataSpec) -> str:
    if spec.source == "labels":
        return "labels"
    return {"recipe": "synthesise", "bundled": "bundled", "upload": "upload"}[SOURCES[spec.source].kind]


def _recipe(current: DataSpec, keys: list[str], scope: str, label: str) -> DataSpec:
    key = record_choice(label, SOURCES, keys, current.source, scope)
    source = SOURCES[key]
    st.caption(source.summary)
    given = current.params if key == current.source else Params()
    main = [param for param in source.params if param.name not in SIZES]
    more = [param for param in source.params if param.name in SIZES]
    values = dict(params_inputs(main, given, f"{scope}/{key}"))
    if more:
        with st.expander("Validation and test rows, label noise"):
            values |= params_inputs(more, given, f"{scope}/{key}")
    try:
        return DataSpec(key, Params(values))
    except ValueError as error:
        st.error(f"{inert(str(error), 300)} The data stay as they were.")
        return current


def _synthesise(current: DataSpec) -> DataSpec | None:
    keys = [key for key, source in SOURCES.items() if source.kind == "recipe" and key != "labels"]
    return _recipe(current, keys, "recipe", "Recipe")


def _bundled(current: DataSpec) -> DataSpec | None:
    return _recipe(current, [key for key, source in SOURCES.items() if source.kind == "bundled"], "bundled", "Set")


def _labels(current: DataSpec) -> DataSpec | None:
    """Pasted labels or counts, and features made for them."""
    text = st.text_area(
        "Labels or counts", state.first("labels/text", _as_text(current)), key=state.key("labels/text"), height=110,
        placeholder=EXAMPLE,
        help=f"Counts such as “{EXAMPLE}”, a ratio such as “1:100”, or the labels themselves, one per line.",
    )  # fmt: skip
    file = st.file_uploader("Or a file with nothing but labels", key=state.key("labels/file"), help="One label per line.")
    try:
        if file is not None:
            found = state.memo(("labels", file.file_id), lambda: read_labels(file.name, file.getvalue()))
        elif text.strip():
            found = paste(text)
        else:
            st.caption(f"Paste counts such as “{EXAMPLE}”, or labels. The data stay as they were until then.")
            return None
    except ValueError as error:
        st.error(f"{inert(str(error), 300)} The data stay as they were.")
        return None
    for notice in found.notices:
        st.caption(inert(notice, 200))
    declared = {param.name: param for param in SOURCES["labels"].params}
    given = current.params if current.source == "labels" else Params()
    separation = declared["separation"]
    reach = param_input(separation, given.get("separation", separation.default), "labels/separation")
    st.caption("Features are made for these labels: one Gaussian per class, so far apart.")
    try:
        return DataSpec("labels", Params({"counts": found.counts, "names": found.names, "separation": reach}))
    except ValueError as error:
        st.error(f"{inert(str(error), 300)} The data stay as they were.")
        return None


def _as_text(current: DataSpec) -> str:
    if current.source != "labels":
        return ""
    names = SOURCES["labels"].classes(current.params)
    return "\n".join(f"{name}: {count}" for name, count in zip(names, current.params["counts"], strict=True))


def _upload(current: DataSpec) -> DataSpec | None:
    """A file, its label column and its features. A file that cannot be read changes nothing."""
    file = st.file_uploader("CSV, TSV, TXT, Parquet or NPY", key=state.key("upload/file"))
    named = current.params if current.source == "upload" else Params()
    with st.popover("The file is read wrongly?", type="tertiary"):
        reading = params_inputs(READ_PARAMS, named, "upload/read")
        if file is None and state.table() is not None:  # who comes back to this page: what was sent is no longer here
            st.caption("To read your file in another way, upload it again.")
    if file is not None:
        try:
            name = file.file_id, reading
            parsed = state.newest("table", name, lambda: _read(file, reading))
            if not _welcome(parsed, named):
                return None
            state.put_table(parsed, file.size)
            state.remember("files", (*state.remembered("files", ())[-20:], parsed.sha256))
        except ValueError as error:
            st.error(f"{inert(str(error), 400)} The data stay as they were.")
            return None
    table = state.table()
    if table is None:
        if current.source == "upload":
            st.warning(inert(f"{asked_for(current.params)} Upload that file here.", 500))
        return None
    return _columns(table, current)


def _read(file: Any, reading: Params) -> Table:
    check_room(file.size)
    return read_table(file.name, file.getvalue(), **reading)


def asked_for(named: Params) -> str:
    """What a link to an upload names: file, fingerprint and columns."""
    columns = ", ".join(named["features"][:6]) or "all columns that can be used"
    more = f" and {len(named['features']) - 6} more" if len(named["features"]) > 6 else ""
    return (
        f"This experiment is on the file {named['file']} (sha256 {named['sha256'][:12]}…), label {named['label']}, "
        f"features: {columns}{more}. Files do not travel with a link."
    )


def _welcome(parsed: Table, named: Params) -> bool:
    """Whether a file may take the place of the experiment: its own, another once that was given, or any if told so."""
    given = state.remembered("files", ())
    if not named or named["sha256"] in (parsed.sha256, *given) or parsed.sha256 in given:
        return True
    came = f"{asked_for(named)} Got another file: {parsed.name} (sha256 {parsed.sha256[:12]}…). Your settings are unchanged."
    st.error(inert(came, 600))
    return st.button("Start with this file instead", help="The label and the features are guessed anew for it.")


def _columns(table: Table, current: DataSpec) -> DataSpec | None:
    """The use of each column: guessed, shown, changeable."""
    scope = f"upload/{table.sha256[:8]}"
    mine = current.params if current.source == "upload" and current.params["sha256"] == table.sha256 else Params()
    names = [str(name) for name in table.frame.columns]
    if (task := choose_task(table, mine, scope)) != "exclusive":
        return choose_columns(table, mine, task, scope)
    labelled = state.first(f"{scope}/label", suggest(table, label=str(mine.get("label", ""))).label)
    label = st.selectbox(
        "Label column", names, index=names.index(labelled) if labelled in names else None, key=state.key(f"{scope}/label"),
        placeholder="Which column says what class a row is in?",
    )  # fmt: skip
    if label is None:
        return None
    plan = suggest(table, label=label)
    usable = [name for name in names if name not in (label, plan.sample_weight)]
    features = st.multiselect(
        "Features", usable, state.first(f"{scope}/{label}/features", list(mine.get("features", ())) or list(plan.features)),
        key=state.key(f"{scope}/{label}/features"),
        help="Ids, dates and texts with many values are left out at first.",
    )  # fmt: skip
    columns = ["", *(name for name in names if name != label)]
    weighed = mine.get("sample_weight", plan.sample_weight) if mine.get("label") == label else plan.sample_weight
    weight = st.selectbox(
        "Sample-weight column", columns, columns.index(state.first(f"{scope}/{label}/weight", weighed)),
        format_func=lambda name: name or "none", key=state.key(f"{scope}/{label}/weight"),
    )  # fmt: skip
    left_out = state.first(f"{scope}/{label}/missing", mine.get("missing_labels") == "drop")
    missing = st.toggle("Leave out rows without a label", left_out, key=state.key(f"{scope}/{label}/missing"))
    with st.popover("More about the columns", type="tertiary"):
        fine = [param for param in UPLOAD_PARAMS if param.name in ("positive", "na_words", "max_levels")]
        kept = ("na_words", "max_levels", *(["positive"] if mine.get("label") == label else []))
        first = Params({"positive": plan.positive, **{name: mine[name] for name in kept if name in mine}})
        more = params_inputs(fine, first, f"{scope}/{label}/more")
    try:
        chosen = tuple(features) if tuple(features) != plan.features else ()
        params = params_of(table, task="exclusive", label=label, features=chosen, sample_weight=weight,
                           one_hot=mine.get("one_hot", ()),
                           missing_labels="drop" if missing else "refuse", **more)  # fmt: skip
        return DataSpec("upload", params)
    except ValueError as error:
        st.error(f"{inert(str(error), 400)} The data stay as they were.")
        return None
