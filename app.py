"""Counterweight: what weights do to a PyTorch loss. Run with `streamlit run app.py`."""

import streamlit as st

from lib.ui import frame

st.set_page_config(page_title="Counterweight", page_icon="⚖️", layout="wide")
page = frame.navigation()
status = frame.heading(page)

# The heading above is on screen before torch is imported: the engine and all that needs it come after it.
from lib.ui.engine import engine  # noqa: E402

runner = engine()
from lib.ui import sockets, state, status_line  # noqa: E402

with runner.courtesy.drawing():
    state.welcome_back()
    state.read_link()
    state.tell()
    status_line.draw(status)  # also for a page that ends early
    page.run()
    status_line.draw(status)
    state.write_link()
sockets.sent()
