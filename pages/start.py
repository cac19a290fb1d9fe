"""What do weights do to a loss? The gallery of scenarios."""

import streamlit as st

from lib.scenarios import SCENARIOS
from lib.ui import frame, gallery

frame.through_app()
with st.container(horizontal=True):
    st.page_link("pages/data.py", label="Bring your own data", help="Labels are enough: paste counts, or upload a file.")

gallery.questions()
gallery.cards(list(SCENARIOS.values()))
