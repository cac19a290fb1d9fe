"""Scenario cards: a story, and one button that opens and trains it."""

from collections.abc import Sequence

import streamlit as st

from lib.scenarios import Scenario
from lib.ui import compare_view, frame, state

PER_ROW = 3


def rows(scenarios: Sequence[Scenario]) -> list[list[Scenario]]:
    return [list(scenarios[start : start + PER_ROW]) for start in range(0, len(scenarios), PER_ROW)]


def card(scenario: Scenario) -> None:
    """Title, story, where to look, and Run."""
    with st.container(border=True, height="stretch"):
        st.subheader(scenario.label, anchor=False)
        st.markdown(scenario.story)
        st.caption(f"Look at: {scenario.look_at}")
        if st.button("Run", key=f"run/{scenario.key}", help=f"Open and train “{scenario.label}”."):
            state.replace(scenario.experiment)
            compare_view.start()
            st.switch_page(frame.COMPARE)
