"""Share and export: the link, the files of a result, the script of a strategy; and opening what somebody else shared."""

from collections.abc import Callable
from urllib.parse import urlencode

import streamlit as st

from lib.data import Dataset
from lib.digest import compare, digest
from lib.experiment import Experiment
from lib.export.models import models_zip
from lib.export.report import report
from lib.export.script import script
from lib.export.tables import results_csv
from lib.runner import Job
from lib.ui import state
from lib.ui.copy_button import copy_button
from lib.ui.engine import engine
from lib.ui.strategy_editor import letter
from lib.ui.text import inert
from lib.ui.verdict_view import baseline
from lib.verdict import verdict


def reproduction() -> None:
    """What a link promised and a training gave: reproduced, or by how much it differs. Nothing where no link promised."""
    own = _finished()
    if own is None or own.results is None or own.snapshot is None:
        return
    snapshot, results = own.snapshot, own.results
    state.keep_digest(own.experiment, state.memo(("digest", own.number), lambda: digest(snapshot, results)))
    told = state.promised()
    if told is None or own.experiment != state.experiment():
        return
    found = state.memo(("promise", own.number, told), lambda: compare(told, snapshot, results))
    (st.success if found.reproduced else st.warning)(inert(found.sentence, 600))


@st.fragment
def draw(experiment: Experiment, dataset: Dataset) -> None:
    """One folded section; nothing of it is made before it is opened."""
    fold = st.expander("Share and export", key="export", on_change="rerun")
    if not fold.open:
        return
    with fold:
        own = _finished()
        _link(own)
        _files(experiment, own)
        _script(experiment, dataset, own)
        _open()


def _finished() -> Job | None:
    """The visitor's latest training, when it has come to its end."""
    own = engine().job(state.visitor())
    return own if own is not None and own.state == "finished" else None


def _link(own: Job | None) -> None:
    st.markdown("**Link to this experiment**")
    address = (st.context.url or "").split("?")[0]
    link = f"{address}?{urlencode(state.link(), safe='/,:')}"
    st.code(link, language=None, wrap_lines=True)
    copy_button("Copy link", link, key="export/link")
    same = own is not None and own.experiment == state.experiment()
    st.caption(
        "It carries the settings and a digest of the result: whoever trains it again is told whether the numbers are the same."
        if same else "It carries the settings. After a training it carries a digest of the result too."
    )  # fmt: skip
    if state.experiment().data.source == "upload":
        st.caption("Your file does not travel: the link names it, and asks whoever opens it for the same file.")


def _files(experiment: Experiment, own: Job | None) -> None:
    st.markdown("**Files**")
    with st.container(horizontal=True):
        _button("experiment.json", "application/json", experiment.to_json, "All settings; can be opened below.")
        if own is not None and own.snapshot is not None and own.results is not None:
            snapshot, results = own.snapshot, own.results
            against = baseline([strategy.name for strategy in snapshot.experiment.strategies])
            _button("report.html", "text/html", lambda: report(snapshot, results, verdict(snapshot, results, against)),
                    "One file with verdict, charts and tables; opens without a network.")  # fmt: skip
            _button("results.csv", "text/csv", lambda: results_csv(snapshot, results), "Every number, one a row.")
            _button("models.zip", "application/zip", lambda: models_zip(snapshot), "The trained models, as state_dicts.")
    if own is None:
        st.caption("Report, results and models stand here after a training.")
    elif own.experiment != experiment:
        st.caption("Report, results and models are those of the last training, before the settings changed.")


def _button(name: str, mime: str, make: Callable[[], str | bytes], tip: str) -> None:
    """A file that is made when it is asked for."""
    st.download_button(name, make, file_name=name, mime=mime, on_click="ignore", help=tip, key=f"export/{name}")


def _script(experiment: Experiment, dataset: Dataset, own: Job | None) -> None:
    st.markdown("**Script of a strategy**")
    st.caption("Plain PyTorch: the same rows, initial weights and batches. It prints the numbers of this page.")
    strategies = experiment.strategies
    index = st.selectbox(
        "Strategy", range(len(strategies)), format_func=lambda s: f"{letter(s)} {strategies[s].name}",
        key=state.key("export/strategy"), label_visibility="collapsed",
    )  # fmt: skip
    tuned = own.snapshot.tuned if own is not None and own.snapshot is not None and own.experiment == experiment else ()
    lr = tuned[index].lr if tuned else None
    try:
        text = state.memo(("script", experiment, index, lr), lambda: script(experiment, index, dataset, state.table(), lr=lr))
    except ValueError as error:
        st.error(inert(str(error), 400))
        return
    name = f"{strategies[index].slug}.py"
    st.download_button(f"Save {name}", text, file_name=name, mime="text/x-python", on_click="ignore", key="export/script")
    st.code(text, language="python", height=400)


def _open() -> None:
    """An experiment.json of somebody else's. What cannot be opened changes nothing."""
    file = st.file_uploader("Open an experiment (experiment.json)", key=state.key("export/open"))
    if file is None:
        return
    try:
        opened = Experiment.from_json(file.getvalue().decode("utf-8-sig", "replace"))
    except ValueError as error:
        st.error(inert(f"{file.name} cannot be opened: {error} What you had before is unchanged.", 500))
        return
    state.replace(opened)
    st.rerun()
