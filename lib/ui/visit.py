"""A visit: what one visitor has, and how it is found again after a reload.

A visit lives in the session. When the session ends it is kept for a grace, and the training with it; a tab that is reloaded
within that time shows the secret that it was given (sessionStorage: this tab only) and gets its visit back. After the grace
everything is forgotten.
"""

import gc
import re
import secrets
import threading
from dataclasses import dataclass

import streamlit as st

from lib.data import Dataset
from lib.data.upload import Table
from lib.experiment import DataSpec, Experiment
from lib.runner import GRACE
from lib.ui.board import board
from lib.ui.engine import engine

SESSION_KEY = "cw_visit"
SECRET = re.compile(r"[0-9a-f]{32}")

JS = """
export default function ({ data, setStateValue, parentElement }) {
  const ink = parentElement.querySelector("span")
  ink.ontransitionend = () => setStateValue("ink", getComputedStyle(ink).color)
  const stored = sessionStorage.getItem("counterweight")
  if (stored && stored !== data.name && !data.settled) setStateValue("name", stored)
  else sessionStorage.setItem("counterweight", data.name)
}
"""
# Streamlit repaints itself when the theme changes and runs nothing: charts, which are drawn here, would stay as they were.
CSS = "span { color: var(--st-text-color); transition: color 10ms; }"
_tab = st.components.v2.component("visit", html="<span></span>", css=CSS, js=JS)


@dataclass(eq=False)
class Visit:
    """`name` is a secret. `settled`: whether the tab has been asked if it had a visit before.

    `promise` is the digest that a link told, `outcome` that of the latest result; each with its experiment.
    """

    name: str
    experiment: Experiment | None = None
    table: Table | None = None
    settled: bool = False
    promise: tuple[Experiment, str] | None = None
    outcome: tuple[Experiment, str] | None = None
    loaded: tuple[DataSpec, Dataset] | None = None  # the rows of the visitor's own data
    leaves: int = 0  # how often it was left: an old farewell must not end a new absence


@st.cache_resource(show_spinner=False)
def _kept() -> dict[str, Visit]:
    """Visits of sessions that ended less than a grace ago."""
    return {}


def _left(visit: Visit) -> None:
    engine().leave(visit.name)
    _kept()[visit.name] = visit
    visit.leaves += 1
    timer = threading.Timer(GRACE, _forget, args=(visit, visit.leaves))
    timer.daemon = True
    timer.start()


def _forget(visit: Visit, leave: int) -> None:
    """The grace is over. Collected here, because pages do not collect after each run (.streamlit/config.toml)."""
    if visit.leaves == leave:
        _kept().pop(visit.name, None)
        board().forget(visit.name)
        gc.collect()


@st.cache_resource(scope="session", show_spinner=False, on_release=_left)
def _present(name: str, _visit: Visit) -> Visit:
    """Lives as long as the connection; a lost and found connection makes it anew."""
    _kept().pop(name, None)
    engine().back(name)
    return _visit


def current() -> Visit:
    """The visit of this session."""
    if SESSION_KEY not in st.session_state:
        st.session_state[SESSION_KEY] = Visit(secrets.token_hex(16))
    visit: Visit = st.session_state[SESSION_KEY]
    return visit


def recognise() -> bool:
    """Give the tab its secret, or take the visit back that it had. True when another visit was taken up. Once a run.

    The tab also asks for a run when its theme has changed.
    """
    own = current()
    _present(own.name, own)
    told = _tab(
        key="visit", data={"name": own.name, "settled": own.settled}, on_name_change=lambda: None, on_ink_change=lambda: None
    )  # fmt: skip
    answer = told.name
    if own.settled or not isinstance(answer, str) or not SECRET.fullmatch(answer):
        return False
    own.settled = True
    found = _kept().pop(answer, None)
    if found is None:
        return False
    engine().leave(own.name)
    st.session_state[SESSION_KEY] = found
    _present(found.name, found)
    return True
