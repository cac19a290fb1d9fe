"""A visit: what one visitor has, and how it is found again after a reload.

A visit lives in the session. When the session ends it is kept for a grace, and the training with it; a tab that is reloaded
within that time shows the secret that it was given (sessionStorage: this tab only) and gets its visit back. After the grace
everything is forgotten.
"""

import gc
import re
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lib.data import Dataset
from lib.data.upload import Table
from lib.experiment import DataSpec, Experiment
from lib.memory import give_back, size, upload_budget
from lib.runner import GRACE
from lib.ui.board import board
from lib.ui.engine import engine

SESSION_KEY = "cw_visit"
TAB = "visit"  # the key of the component
ANSWER = re.compile(r"([0-9a-f]{32})\.(\d+)")
WAITS = (0, 250, 500, 1000, 2000)  # milliseconds before a tab answers, and answers again while its old session is still here

JS = """
let answered, sent
const tab = (task) => { try { return task() } catch { return null } }  // a browser may forbid storage
export default function ({ data, setStateValue, parentElement }) {
  const ink = parentElement.querySelector("span")
  ink.ontransitionend = () => setStateValue("ink", getComputedStyle(ink).color)
  const stored = tab(() => sessionStorage.getItem("counterweight"))
  if (stored && stored !== data.name && !data.settled) {
    const answer = stored + "." + data.again
    if (sent !== answer) setTimeout(() => setStateValue("name", answer), data.wait)
    sent = answer
  } else {
    tab(() => sessionStorage.setItem("counterweight", data.name))
    if (data.asked && answered !== data.name) setStateValue("name", (answered = data.name) + "." + data.again)
  }
}
"""
# Streamlit repaints itself when the theme changes and runs nothing: charts, which are drawn here, would stay as they were.
CSS = "span { color: var(--st-text-color); transition: color 10ms; }"
_tab = st.components.v2.component("visit", html="<span></span>", css=CSS, js=JS)


@dataclass(eq=False)
class Visit:
    """`name` is a secret. `settled`: whether the tab has been asked if it had a visit before.

    `promise` is the digest that a link told, `outcome` that of the latest result; each with its experiment. `made` are figures
    that need not be drawn again, not even after a reload (lib/ui/state.py).
    """

    name: str
    experiment: Experiment | None = None
    table: Table | None = None
    settled: bool = False
    again: int = 0  # how often the tab was asked once more
    drawn: bool = False  # whether it has seen a page
    promise: tuple[Experiment, str] | None = None
    outcome: tuple[Experiment, str] | None = None
    sent: int = 0  # bytes of the file as it came, which Streamlit keeps as long as its visitor is there
    loaded: tuple[DataSpec, Dataset] | None = None  # the rows of the visitor's own data
    made: dict[Any, Any] = field(default_factory=dict)
    drop_files: Callable[[], None] | None = None  # lets Streamlit forget what was sent
    leaves: int = 0  # how often it was left: an old farewell must not end a new absence

    @property
    def nbytes(self) -> int:
        """Bytes of the file as it came and as it was read, and of the rows that were made of it."""
        splits = self.loaded[1].splits.values() if self.loaded else ()
        return self.sent + (self.table.nbytes if self.table else 0) + sum(split.x.nbytes + split.y.nbytes for split in splits)

    def empty(self) -> None:
        """Let go of all that is large, whoever still holds on to the visit."""
        self.table = self.loaded = None
        self.made.clear()


@st.cache_resource(show_spinner=False)
def _kept() -> dict[str, Visit]:
    """Visits of sessions that ended less than a grace ago."""
    return {}


def _tidy() -> None:
    """Collect what is left behind and give it back to the system; pages do not after each run (.streamlit/config.toml)."""
    gc.collect()
    give_back()


class Farewells:
    """Forgets visits when their grace is over: one thread for all of them, while somebody is away."""

    def __init__(self) -> None:
        self._away: deque[tuple[float, Visit, int]] = deque()  # when it is over; the visit; which of its leaves it was
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, visit: Visit) -> None:
        with self._lock:
            self._away.append((time.monotonic() + GRACE, visit, visit.leaves))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="counterweight-farewells", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while (wait := self._next()) is not None:
            time.sleep(wait)
            while self._away and self._away[0][0] <= time.monotonic():
                _, visit, leave = self._away.popleft()
                if visit.leaves == leave and _kept().pop(visit.name, None) is not None:  # else he is back, or has left again
                    board().forget(visit.name)
                    visit.empty()
                del visit
            _tidy()

    def _next(self) -> float | None:
        """Seconds until somebody is to be forgotten; None, and the end of the thread, when nobody is away."""
        with self._lock:
            if self._away:
                return max(self._away[0][0] - time.monotonic(), 0.0)
            self._thread = None
            return None


@st.cache_resource(show_spinner=False)
def _farewells() -> Farewells:
    return Farewells()


def _left(visit: Visit) -> None:
    _kept()[visit.name] = visit  # first: a tab that is asked in between finds him here
    engine().leave(visit.name)
    visit.leaves += 1
    _farewells().add(visit)
    if visit.drop_files:  # Streamlit would keep them for two minutes, and the parsed table is here
        visit.drop_files()
        visit.drop_files, visit.sent = None, 0
    away = list(_kept().values())
    while len(away) > 1 and sum(own.nbytes for own in away) > upload_budget():
        away.pop(0).empty()


@st.cache_resource(scope="session", show_spinner=False, on_release=_left)
def _present(name: str, _visit: Visit) -> Visit:
    """Lives as long as the connection; a lost and found connection makes it anew."""
    _kept().pop(name, None)
    engine().back(name)
    if (context := get_script_run_ctx()) is not None:
        _visit.drop_files = partial(_drop_files, context.uploaded_file_mgr, context.session_id, context.session_state)
    return _visit


def _drop_files(manager: Any, session_id: str, widgets: Any) -> None:
    """Take the files of a session from Streamlit: from its store, and from what uploaders have as their value."""
    for name, value in widgets.filtered_state.items():
        if isinstance(value, UploadedFile):
            del widgets[name]
    manager.remove_session_files(session_id)


@st.cache_resource(show_spinner=False)
def _everybody() -> dict[int, weakref.ref[Visit]]:
    """All visits that are still held by somebody, by their identity."""
    return {}


def current() -> Visit:
    """The visit of this session."""
    if SESSION_KEY not in st.session_state:
        st.session_state[SESSION_KEY] = new = Visit(secrets.token_hex(16))
        known, number = _everybody(), id(new)
        known[number] = weakref.ref(new, lambda _: known.pop(number, None))
    visit: Visit = st.session_state[SESSION_KEY]
    return visit


def _of_others() -> int:
    """Bytes of the files of all other visitors, those who have just left included."""
    others = [other for found in list(_everybody().values()) if (other := found()) and other is not current()]
    return sum(other.nbytes for other in others if other.table)


def check_room(needed: int) -> None:
    """Whether there is room for a file of so many bytes beside those of all visitors; those who have left lose theirs first.

    Raises ValueError, with what to do, where there is none.
    """
    room = max(upload_budget() - needed, 0)  # a file alone has limits of its own (lib/data/upload.py)
    if _of_others() > room:
        for gone in list(_kept().values()):
            gone.empty()
    if (taken := _of_others()) <= room:
        _tidy()
        return
    raise ValueError(
        f"The files of other visitors ({size(taken)}) leave no room for one of {size(needed)}: this server has "
        f"{size(upload_budget())} for all. Try again when somebody has left, take fewer rows, or run the program yourself."
    )


def recognise() -> bool:
    """Give the tab its secret, or take the visit back that it had. True when another visit was taken up. Once a run.

    While somebody is away, a new tab is asked whether it is him, and the run ends here until it has answered: it would draw
    a page for somebody else, and say that his file is missing. The tab also asks for a run when its theme has changed.
    """
    back = _take_up(current())
    own = current()
    _present(own.name, own)
    asked = not (own.settled or own.drawn) and bool(_kept())
    about = {"name": own.name, "settled": own.settled, "asked": asked, "again": own.again, "wait": WAITS[own.again]}
    _tab(key=TAB, data=about, on_name_change=lambda: None, on_ink_change=lambda: None)
    if asked:
        st.stop()
    own.drawn = True
    return back


def _take_up(own: Visit) -> bool:
    """Hear the tab's answer, if it has just come, and put the visit that it names in the place of this one."""
    answer = st.session_state.get(TAB, {}).get("name")  # the component is drawn later: it is to say who he is now
    said = ANSWER.fullmatch(answer) if isinstance(answer, str) else None
    if own.settled or said is None or int(said[2]) != own.again:
        return False
    found = _kept().pop(said[1], None)
    if found is None and said[1] != own.name and said[1] in engine().sessions and own.again + 1 < len(WAITS):
        own.again += 1  # his old session is about to end; or the tab is a copy of another one
        return False
    own.settled = True
    if found is None:
        return False
    engine().leave(own.name)
    st.session_state[SESSION_KEY] = found
    return True
