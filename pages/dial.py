"""Does a weight do more than a threshold? The weight of one class as a dial."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

import streamlit as st  # noqa: E402

from lib.ui import dial_view, state  # noqa: E402

dataset = state.rows()

if dataset.task not in ("binary", "multiclass"):
    st.info(f"A dial weights one class against the rest; these data hold several answers per row ({dataset.task}).")
    st.page_link("pages/data.py", label="Choose other data")
    st.stop()

experiment = state.experiment()
dial_view.draw(dataset, experiment, dial_view.settings(dataset, experiment))
