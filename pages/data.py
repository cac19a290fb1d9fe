"""What is in the data, and what would the weights be?"""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

import streamlit as st  # noqa: E402

from lib.ui import data_controls, data_view, state  # noqa: E402
from lib.ui.text import inert  # noqa: E402

with st.sidebar:
    state.write_back(data_controls.choose(state.experiment()))

try:
    dataset = state.dataset()
except ValueError as error:
    st.error(inert(str(error), 500))
    st.stop()

experiment = state.experiment()
data_view.overview(dataset, experiment)
st.subheader("What would the weights be?", anchor=False)
data_view.schemes(dataset, experiment)
st.subheader("The rows", anchor=False)
data_view.columns(experiment)
data_view.picture(dataset, experiment)
st.page_link("pages/compare.py", label="Go on to training")
