"""Scenario cards: a story, and one button that opens and trains it."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from lib.figures.chart import Chart
from lib.figures.data import thumbnail
from lib.figures.recall import recall_bars
from lib.scenarios import Scenario
from lib.scenarios.results import Found, stored
from lib.ui import compare_view, frame, state

PER_ROW = 3


def rows(scenarios: Sequence[Scenario]) -> list[list[Scenario]]:
    return [list(scenarios[start : start + PER_ROW]) for start in range(0, len(scenarios), PER_ROW)]


def card(scenario: Scenario) -> None:
    """Title, story, where to look, and Run."""
    with st.container(border=True, height="stretch"):
        st.subheader(scenario.label, anchor=False)
        found = stored()[scenario.key]
        compare_view.show(("thumbnail", scenario.key, state.dark()), lambda: _picture(found), f"picture/{scenario.key}")
        st.markdown(scenario.story)
        st.caption(f"Look at: {scenario.look_at}")
        if st.button("Run", key=f"run/{scenario.key}", help=f"Open and train “{scenario.label}”."):
            state.replace(scenario.experiment)
            compare_view.start()
            st.switch_page(frame.COMPARE)
        st.caption(f"About {max(found.seconds, 1):.0f} s of training.")


def _picture(found: Found) -> Chart:
    """Recall per class of each strategy, as it was found."""
    recall, rows = np.array(found.recall), np.array(found.rows)
    return thumbnail(recall_bars(found.names, recall, found.class_names, rows, dark=state.dark(), width=380), height=110)
