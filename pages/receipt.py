"""Where does this loss number come from? One small batch, taken apart."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

import streamlit as st  # noqa: E402

from lib.receipt import take_apart  # noqa: E402
from lib.ui import receipt_controls, receipt_view, receipt_what_ifs  # noqa: E402

batch = receipt_controls.current()
grid = st.grid(2, min_column_width=420, gap="medium")
left, right = grid.cell(), grid.cell()
with left:
    story = st.container()
    batch = receipt_controls.rows(batch)
with st.sidebar:  # after the rows: a class can be left out once no row has it
    batch = receipt_controls.choose(batch)

receipt = take_apart(batch)
preset = receipt_controls.preset_of(batch)
with story:
    receipt_view.story(preset)
with left:
    paper = st.container()
    line = receipt_view.choose_line(batch)
    receipt_view.formula(receipt, line)
    receipt_view.script(batch, preset)
with paper:
    receipt_view.receipt(receipt, line)
with right:
    receipt_what_ifs.what_if(receipt, line)

receipt_controls.keep(batch)
