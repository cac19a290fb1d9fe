"""Scenario cards: a story, and one button that opens and trains it."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from lib.figures.chart import Chart
from lib.figures.data import thumbnail
from lib.figures.recall import recall_bars
from lib.scenarios import Scenario
from lib.scenarios.results import Found, stored
from lib.ui import compare_view, frame, state, steering_view
from lib.ui.text import inert

PER_ROW = 3
ASKED = {  # cards of the Field guide, in the visitor's words
    "common_factor": "I scaled the weights and nothing happened",
    "pos_weight_or_weight": "pos_weight or weight?",
    "accuracy_fell": "Why did accuracy drop?",
    "weighted_probabilities": "Why are the probabilities too high?",
}


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
            steering_view.start()
            st.switch_page(frame.COMPARE)
        st.caption(f"About {max(found.seconds, 1):.0f} s of training.")


def questions() -> None:
    """Some of the questions that people ask, each a link to its card."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Questions people ask:", width="content")
        for key, asked in ASKED.items():
            st.page_link(frame.GUIDE, label=f"“{inert(asked)}” →", query_params={"card": key})


def _picture(found: Found) -> Chart:
    """Recall per class of each strategy, as it was found."""
    recall, rows = np.array(found.recall), np.array(found.rows)
    return thumbnail(recall_bars(found.names, recall, found.class_names, rows, dark=state.dark(), width=380), height=110)
