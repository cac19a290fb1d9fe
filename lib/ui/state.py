"""The state of one visitor. The only module that knows session-state keys.

The experiment is the truth: widgets are seeded from it and write back to it. `generation` is part of every widget's key, so
that an experiment that comes from elsewhere (a scenario, a link) seeds all widgets anew.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from lib.data import SOURCES, Dataset
from lib.data.upload import Table
from lib.digest import read_digest, with_digest
from lib.experiment import DataSpec, Experiment, Strategy
from lib.limits import check_rows
from lib.scenarios import SCENARIOS
from lib.training import load
from lib.ui.engine import engine
from lib.ui.frame import PRESENT
from lib.ui.text import inert
from lib.ui.visit import current, recognise

GENERATION, WRITTEN, LINKED, UNDO, MESSAGE, TOLD, LIKES, FIRSTS, STARTS, FIELDS = (
    "cw_generation", "cw_written", "cw_linked", "cw_undo", "cw_message", "cw_told", "cw_likes", "cw_firsts", "cw_starts",
    "cw_fields",
)  # fmt: skip
# Of an address: what the Field guide shows beside the experiment, and what the Receipt shows in its place. All other fields
# are the experiment.
BESIDE = ("card", "lab", PRESENT)
INSTEAD = re.compile(r"r(\..*)?", re.DOTALL)
FIRST_SCENARIO = "rare_1_to_20"
T = TypeVar("T")


def experiment() -> Experiment:
    """The visitor's current experiment."""
    visit = current()
    if visit.experiment is None:
        visit.experiment = SCENARIOS[FIRST_SCENARIO].experiment
    return visit.experiment


def write_back(changed: Experiment) -> None:
    """What the widgets say now."""
    current().experiment = changed


def replace(changed: Experiment) -> None:
    """An experiment from elsewhere: all widgets are seeded anew."""
    current().experiment = changed
    st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1
    st.session_state.pop(FIRSTS, None)


def keep_for_undo(strategies: tuple[Strategy, ...]) -> None:
    """The strategies as they were before a change that can be taken back."""
    st.session_state[UNDO] = strategies


def visitor() -> str:
    """The visitor's name for the runner: a secret."""
    return current().name


def welcome_back() -> None:
    """A tab that was reloaded gets its experiment, its file and its training back; a link that it opened goes first.

    What the run before said of the address is said again: that run was on screen for a moment.
    """
    if recognise():
        if told := st.session_state.get(TOLD):
            st.session_state[MESSAGE] = told
        st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1
        if st.session_state.get(LINKED):  # else the address holds the default that we wrote ourselves
            st.session_state.pop(WRITTEN, None)


def undo() -> None:
    """Take the last change of the strategies back; all other settings stay."""
    before: tuple[Strategy, ...] = st.session_state.pop(UNDO)
    try:
        replace(dataclasses.replace(experiment(), strategies=before))
    except ValueError as error:
        say(f"The change cannot be taken back: {error}")


def can_undo() -> bool:
    return UNDO in st.session_state


def key(name: str) -> str:
    """The key of a widget that is seeded from the experiment."""
    return f"w{st.session_state.get(GENERATION, 0)}/{name}"


def first(name: str, value: T) -> T:
    """The value with which a widget starts: that of the experiment when the widget came on screen.

    It stays the same for as long as the widget does, and it is handed over as the widget's default, never through session
    state: that is sent once, and a run that is interrupted loses it.
    """
    full = key(name)
    firsts: dict[str, Any] = st.session_state.setdefault(FIRSTS, {})
    starts: dict[str, Any] = st.session_state.setdefault(STARTS, {})
    if full in st.session_state:
        starts.pop(full, None)
    else:
        firsts[full] = starts.get(full, value)  # asked for more than once before the widget is there
    return firsts.setdefault(full, value)


def start_with(name: str, value: Any) -> None:
    """From a callback: what a widget that comes on screen next starts with."""
    st.session_state.setdefault(STARTS, {})[key(name)] = value


def current_value(name: str, value: T) -> T:
    """What stands in a widget now, or with what it would start."""
    return st.session_state.get(key(name), first(name, value))


def table() -> Table | None:
    """The visitor's parsed file."""
    return current().table


def put_table(parsed: Table, sent: int) -> None:
    """Keep a parsed file with the visit. The file itself, of so many bytes, goes when the visitor does."""
    visit = current()
    visit.table, visit.sent = parsed, sent


def dataset() -> Dataset:
    """The dataset of the current experiment. Raises ValueError with what to do where it cannot be had."""
    visit = current()
    spec = experiment().data
    check_rows(spec)
    if SOURCES[spec.source].kind != "upload" and spec.source != "labels":
        return _shared_dataset(spec.source, spec.seed, tuple(sorted(spec.params.items())))
    if visit.loaded is None or visit.loaded[0] != spec:  # a visitor's own labels and rows: kept with the visit alone
        visit.loaded = (spec, load(spec, visit.table))
    return visit.loaded[1]


def rows() -> Dataset:
    """As `dataset`; where there is none, the page says why and ends here."""
    try:
        return dataset()
    except ValueError as error:
        st.error(inert(str(error), 500))
        st.page_link("pages/data.py", label="Go to Data")
        st.stop()


@st.cache_resource(max_entries=6, show_spinner=False)
def _shared_dataset(source: str, seed: int, params: tuple[tuple[str, Any], ...]) -> Dataset:
    """Recipes and bundled sets hold nobody's data: all visitors share them."""
    return load(DataSpec(source, dict(params), seed))  # type: ignore[arg-type]


def memo(name: Any, make: Callable[[], T], keep: int = 24) -> T:
    """The visitor's own results by name, the latest `keep` of them: figures that need not be drawn again."""
    made = current().made
    if name not in made:
        engine().courtesy.let_others()
        made[name] = make()
    made[name] = made.pop(name)  # newest last
    while len(made) > keep:
        made.pop(next(iter(made)))
    return made[name]


def newest(kind: str, name: Any, make: Callable[[], T]) -> T:
    """As `memo`, of what is large: only the newest of its kind is kept."""
    made = current().made
    if kind in made and made[kind][0] == name:
        made[kind] = made.pop(kind)  # used again: newest last
        return made[kind][1]
    made.pop(kind, None)
    engine().courtesy.let_others()
    made[kind] = name, (value := make())
    return value


def remembered(name: str, first: Any) -> Any:
    """A way of looking that the visitor chose: it outlives pages and experiments."""
    return st.session_state.setdefault(LIKES, {}).get(name, first)


def remember(name: str, value: Any) -> None:
    st.session_state.setdefault(LIKES, {})[name] = value


def forget() -> None:
    """Drop what `memo` keeps: a new training makes new figures."""
    current().made.clear()


def say(message: str, *, wrong: bool = True) -> None:
    """A message for the top of the page, shown once; `wrong`: something did not work."""
    st.session_state[MESSAGE] = message, wrong


def tell() -> None:
    """Show the message that was left, if there is one."""
    st.session_state[TOLD] = left = st.session_state.pop(MESSAGE, None)
    if left:
        message, wrong = left
        (st.error if wrong else st.info)(inert(message, 500))


def dark() -> bool:
    """Whether the visitor looks at a dark page."""
    return st.context.theme.type == "dark"


def page_fields(letter: str) -> dict[str, str]:
    """What the address says to the page that owns this letter: the fields `r` and `r.name`."""
    return {name: text for name, text in st.query_params.to_dict().items() if name == letter or name.startswith(f"{letter}.")}


def show_fields(fields: dict[str, str]) -> None:
    """For this run the address is a link to what the page shows, in place of the experiment."""
    st.session_state[FIELDS] = fields


def read_link() -> None:
    """Take the experiment of the address bar, when it is not the one that was written there. Pages read their own fields."""
    whole = st.query_params.to_dict()
    query = {name: text for name, text in whole.items() if name not in BESIDE and not INSTEAD.fullmatch(name)}
    if not query or query == st.session_state.get(WRITTEN):
        return
    try:
        fields, told = read_digest(query)
        linked = Experiment.from_query(fields)
    except ValueError as error:
        say(f"The link does not work: {error} What you had before is unchanged.")
        st.query_params.from_dict({name: text for name, text in whole.items() if name not in query and name != PRESENT})
        if PRESENT in whole:  # another experiment than the one that was announced is not presented
            st.rerun()
        return
    st.session_state[WRITTEN], st.session_state[LINKED] = query, True
    if told is not None and current().outcome != (linked, told):
        current().promise = linked, told
    if linked != experiment():
        replace(linked)


def promised() -> str | None:
    """The digest that came with the link to the current experiment."""
    promise = current().promise
    return promise[1] if promise is not None and promise[0] == experiment() else None


def keep_digest(trained: Experiment, told: str) -> None:
    """The digest of a result: from now on it is in the link to its experiment."""
    current().outcome = trained, told


def link() -> dict[str, str]:
    """The fields of a link to the current experiment, with the digest of its result where there is one."""
    own = experiment()
    query = own.to_query()
    told = next((known[1] for known in (current().outcome, current().promise) if known and known[0] == own), None)
    return query if told is None else with_digest(query, told)


def write_link() -> None:
    """Keep the address bar a link to the current experiment, and to what the page shows of its own."""
    query = link()
    shown = st.query_params.to_dict()
    beside = {name: text for name, text in shown.items() if name in BESIDE}
    address = st.session_state.pop(FIELDS, beside | query)
    if address != shown:
        st.query_params.from_dict(address)
    st.session_state[WRITTEN] = query
