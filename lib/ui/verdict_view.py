"""The verdict on a finished training, in sentences."""

from collections.abc import Sequence

import streamlit as st

from lib.runner import Job
from lib.ui import state
from lib.ui.engine import engine
from lib.ui.strategy_editor import letter
from lib.ui.text import inert
from lib.verdict import verdict

# The box is there from the first click on: nothing below it jumps when the sentences come.
STYLE = "<style>.st-key-verdict { min-height: 11.4rem; }</style>"
BEFORE = {
    "stopped": "Stopped before the end. The test rows were not read, so there is no verdict: train again for one.",
    "failed": "The training failed, so there is no verdict. The message below says what to change.",
}
WAITING = "When the training is over, it says here what was learned and what is only a moved threshold."


def baseline(names: Sequence[str]) -> int:
    """The strategy that the others are measured against: what the visitor chose last, or the first."""
    liked: int = state.remembered("baseline", 0)
    return liked if liked < len(names) else 0


def choose_baseline(names: Sequence[str], name: str) -> int:
    """The choice itself. It stands in the verdict or, while there is none, above the matrices that need it."""
    first = state.first(name, baseline(names))
    found = st.selectbox(
        "Against", range(len(names)), first if first < len(names) else 0, key=state.key(name), label_visibility="collapsed",
        format_func=lambda s: f"against {letter(s)} {names[s]}",
        help="The strategy that the others are measured against (the baseline): in the verdict, in differences, in the report.",
    )  # fmt: skip
    state.remember("baseline", found)
    return found


def settled(own: Job | None) -> bool:
    """Whether there is a verdict."""
    return own is not None and own.state == "finished" and own.results is not None and own.snapshot is not None


def draw() -> None:
    """Two to four sentences on the strategy that differs most from a baseline; nothing before the first training."""
    own = engine().job(state.visitor())
    if own is None:
        return
    st.html(STYLE)
    with st.container(border=True, key="verdict", gap="xxsmall"):
        title, choice = st.columns([5, 3], vertical_alignment="center")
        title.subheader("Learning, or a moved threshold?", anchor=False)
        if not settled(own) or own.results is None or own.snapshot is None:
            st.caption(BEFORE.get(own.state, WAITING))
            return
        snapshot, results = own.snapshot, own.results
        names = [strategy.name for strategy in snapshot.experiment.strategies]
        against = 0
        if len(names) > 1:
            with choice:
                against = choose_baseline(names, "baseline")
        sentences = state.memo(("verdict", own.number, against), lambda: verdict(snapshot, results, against))
        text = " ".join(inert(sentence, 600) for sentence in sentences)
        st.markdown(text, help="On the test rows. Intervals, 95 %, carry both the luck of the seeds and that of the rows.")
