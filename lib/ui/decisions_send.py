"""A decision that was found becomes a strategy's decision in the comparison."""

import dataclasses

import streamlit as st

from lib.operating.chosen import Choice, beside
from lib.registry import Params
from lib.ui import state
from lib.ui.strategy_editor import letter
from lib.ui.text import inert


def send(index: int, name: str, choice: Choice) -> None:
    """Give the strategy of the current comparison this decision; one that is no longer there is said so."""
    experiment = state.experiment()
    places = [i for i, strategy in enumerate(experiment.strategies) if strategy.name == name]
    if not places:
        state.say(f"The comparison has no strategy '{name}' any more, so it cannot take the decision. Train again.")
        return
    at = index if index in places else places[0]
    strategies = list(experiment.strategies)
    choice = beside(choice, strategies[at])
    try:
        strategies[at] = dataclasses.replace(
            strategies[at], decision=choice.decision, decision_params=Params(dict(choice.params))
        )  # fmt: skip
        changed = dataclasses.replace(experiment, strategies=tuple(strategies))
    except ValueError as error:
        state.say(str(error))
        return
    state.keep_for_undo(experiment.strategies)
    state.replace(changed)
    state.remember(
        "sent", f"{letter(at)} {inert(name)} now decides by {inert(choice.label)}. Train again to see it in Compare."
    )


def sent() -> None:
    """What was sent last, with the way to it; shown once."""
    told = state.remembered("sent", None)
    if told is not None:
        state.remember("sent", None)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.success(told)
            st.page_link("pages/compare.py", label="Go to Compare")
