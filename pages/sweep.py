"""How does the effect of weights depend on everything else? One comparison is a point, a sweep is the map."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

import streamlit as st  # noqa: E402

from lib.ui import state, sweep_view  # noqa: E402
from lib.ui.text import inert  # noqa: E402

if message := state.message():
    st.error(inert(message, 500))

sweep = sweep_view.choose()
sweep_view.controls(sweep)
sweep_view.live()
