"""Why does my weight not do what I think? The Field guide: mistakes that run, words, and the shape lab."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

import streamlit as st  # noqa: E402

from lib.ui import guide_view, lab_view, state  # noqa: E402
from lib.ui.text import inert  # noqa: E402

if message := state.message():
    st.error(inert(message, 500))

guide_view.linked()
lab_view.lab()
guide_view.cards()
