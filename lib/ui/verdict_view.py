"""The verdict on a finished training, in sentences."""

import streamlit as st

from lib.ui import state
from lib.ui.engine import engine
from lib.ui.strategy_editor import letter
from lib.ui.text import inert
from lib.verdict import verdict


def draw() -> None:
    """Two to four sentences on the strategy that differs most from a baseline; nothing before a training has ended."""
    own = engine().job(state.visitor())
    if own is None or own.state != "finished" or own.results is None or own.snapshot is None:
        return
    snapshot, results = own.snapshot, own.results
    names = [strategy.name for strategy in snapshot.experiment.strategies]
    with st.container(border=True):
        title, choice = st.columns([5, 3], vertical_alignment="center")
        title.subheader("Learning, or a moved threshold?", anchor=False)
        baseline = 0
        if len(names) > 1:
            baseline = choice.selectbox(
                "Compared with", range(len(names)), format_func=lambda s: f"against {letter(s)} {names[s]}", key="baseline",
                help="The strategy that the others are measured against (the baseline).", label_visibility="collapsed",
            )  # fmt: skip
        sentences = state.memo(("verdict", own.number, baseline), lambda: verdict(snapshot, results, baseline))
        text = "  \n".join(inert(sentence, 600) for sentence in sentences)  # two blanks: a new line
        st.markdown(text, help="On the test rows. Intervals, 95 %, carry both the luck of the seeds and that of the rows.")
