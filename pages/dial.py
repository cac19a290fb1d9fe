"""Does a weight do more than a threshold? The weight of one class as a dial."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

import streamlit as st  # noqa: E402

from lib.ui import dial_view, state  # noqa: E402
from lib.ui.text import inert  # noqa: E402

if message := state.message():
    st.error(inert(message, 500))

try:
    dataset = state.dataset()
except ValueError as error:
    st.error(inert(str(error), 500))
    st.page_link("pages/data.py", label="Go to Data")
    st.stop()

if dataset.task not in ("binary", "multiclass"):
    st.info(f"A dial weights one class against the rest; these data hold several answers per row ({dataset.task}).")
    st.page_link("pages/data.py", label="Choose other data")
    st.stop()

experiment = state.experiment()
dial_view.draw(dataset, experiment, dial_view.settings(dataset, experiment))
