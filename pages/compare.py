"""What do the weights change? Strategies side by side, live."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

import streamlit as st  # noqa: E402

from lib.ui import compare_view, export_view, present, state, steering_view, verdict_view  # noqa: E402
from lib.ui.strategy_editor import edit, edit_folded  # noqa: E402

dataset = state.rows()

if present.asked():
    present.draw(state.experiment(), dataset)
else:
    with st.sidebar:
        st.subheader("Strategies", anchor=False)
        experiment = edit(state.experiment(), dataset.task)
        experiment = edit_folded(experiment, dataset.task)
    state.write_back(experiment)

    drawn = steering_view.controls(experiment)
    with st.container():  # what comes and goes above the charts has a place of its own, so that they are not mounted anew
        compare_view.advice(experiment, dataset)
        export_view.reproduction()
        verdict_view.draw()
    compare_view.live(drawn)
    present.link()
    export_view.draw(experiment, dataset)
