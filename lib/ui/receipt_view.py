"""The receipt on screen: the question, the code as printed, the paper, the formula with its numbers, the script."""

import streamlit as st

from lib.receipt import Batch, Preset, Receipt
from lib.receipt.snippet import snippet
from lib.receipt.words import sentence, warnings
from lib.ui import state
from lib.ui.receipt_controls import name
from lib.ui.receipt_paper import paper
from lib.ui.text import inert


def story(preset: Preset | None) -> None:
    """Of a preset: what people ask, the answer, and the code as it was printed with what it gives."""
    if preset is None:
        return
    st.markdown(f"**{inert(preset.asks, 300)}** {inert(preset.answer, 500)}")
    if preset.printed:
        st.caption("As printed, torch says:")
        st.code(state.memo(("printed", preset.key), preset.run), language=None, wrap_lines=True)


def receipt(found: Receipt, line: int) -> None:
    """Paper, the sentence, what to beware of."""
    st.html(paper(found, line))
    st.markdown(inert(sentence(found), 600))
    for warning in warnings(found):
        st.warning(inert(warning, 400))


def choose_line(batch: Batch) -> int:
    """The row that formula and gradient look at."""
    lines = list(range(batch.lines))
    first = state.first(name(f"line/{batch.lines}"), 0)
    return st.selectbox("Look at", lines, index=first, format_func=batch.line_name, key=state.key(name(f"line/{batch.lines}")),
                        help="The line whose numbers stand in the formula below.")  # fmt: skip


def formula(found: Receipt, line: int) -> None:
    """The loss as a formula, and with the numbers of one line in it."""
    batch = found.batch
    st.latex(batch.record.formula)
    column = 0
    if batch.record.yes_no and len(batch.names) > 1 and batch.record.own_row_weight:
        column = st.selectbox("Label", range(len(batch.names)), format_func=lambda c: inert(batch.names[c]),
                              key=state.key(name("column")), help="The label whose numbers stand in the formula.")  # fmt: skip
    st.caption(f"With the numbers of {batch.line_name(line)}:")
    st.latex(batch.record.worked(found.numbers, line, column, **batch.parameters))


def script(batch: Batch, preset: Preset | None) -> None:
    """The receipt as PyTorch; of a preset also the code as it was printed."""
    if preset and preset.printed:
        with st.expander("The code as printed"):
            st.code(preset.code, language="python")
    with st.expander("As PyTorch: runs as it stands and prints the same number"):
        st.code(snippet(batch), language="python")
    st.caption("The address bar is a link to this receipt.")
