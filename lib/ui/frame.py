"""The frame of every page: navigation, title, one sentence. Imports nothing heavy, so that it is on screen at once."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.pages_manager import PagesManager

START = "pages/start.py"
DATA = "pages/data.py"
COMPARE = "pages/compare.py"
DECISIONS = "pages/decisions.py"
DIAL = "pages/dial.py"
RECEIPT = "pages/receipt.py"
GUIDE = "pages/pitfalls.py"
SWEEP = "pages/sweep.py"
PRESENT = "present"  # in the address: the screen of a presentation

# A wide page has narrower edges, so that tables fit. The rest is what Streamlit draws with too little contrast: white, and
# keys at 60 %, on a primary button; links in captions, which are drawn at 60 %; colours of code.
STYLE = """
<style>
@media (min-width: 1200px) {{ [data-testid=stMainBlockContainer] {{ padding-left: 3rem; padding-right: 3rem; }} }}
[data-testid=stBaseButton-primary]:not(:disabled) :is(p, kbd) {{ color: {on_primary}; opacity: 1; }}
[data-testid=stCaptionContainer] a {{ color: inherit; }}
[data-testid=stCode] code .token:is(.comment, .punctuation) {{ color: {quiet}; }}
[data-testid=stCode] code .token:is(.keyword, .function, .class-name, .attr-name, .property) {{ color: {word}; }}
[data-testid=stCode] code .token:is(.string, .number, .boolean, .constant) {{ color: {value}; }}
[data-testid=stCode] code .token:is(.operator, .decorator, .builtin) {{ color: {sign}; }}
</style>
"""
COLORS = {
    "light": {"on_primary": "#ffffff", "quiet": "#59636f", "word": "#0b5cad", "value": "#1b6e2f", "sign": "#9a3b00"},
    "dark": {"on_primary": "#0a1119", "quiet": "#a3afbc", "word": "#8cc6f8", "value": "#7fd18a", "sign": "#f5a25d"},
}

QUESTIONS = {
    "": ("What do weights do to a loss?", "Pick a story and watch it train, or bring your own labels or rows."),
    "data": (
        "What is in the data, and what would the weights be?",
        "Class counts, the weights that every scheme gives for them, and the rows that models will train on.",
    ),
    "sweep": (
        "How does the effect depend on everything else?",
        "Vary one or two settings of an experiment and see the whole map: one comparison is a point of it.",
    ),
    "compare": (
        "What do the weights change?",
        "Train up to eight strategies on the same rows, from the same start, and read them side by side.",
    ),
    "decisions": (
        "Is it learning, or a moved threshold?",
        "Move one threshold through all strategies, take their weights off, and see what is left of the difference.",
    ),
    "receipt": (
        "Where does this loss number come from?",
        "A small batch, taken apart like a shop receipt: by hand, and by torch's own module.",
    ),
    "pitfalls": (
        "Why does my weight not do what I think?",
        "Questions that people ask about weights in PyTorch, with code that goes wrong and code that does not, run here.",
    ),
    "dial": (
        "Does a weight do more than a threshold?",
        "Turn the weight of one class, by hand or with the arrow keys, and see what a moved threshold would do instead.",
    ),
}


def navigation() -> StreamlitPage:
    """The pages, as top navigation. Called on every run before anything can stop it.

    An address is the name of the page's file: a new process that is asked for another one first says "Page not found".
    """
    return st.navigation(
        [
            st.Page(START, title="Start", default=True),
            st.Page(DATA, title="Data", url_path="data"),
            st.Page(COMPARE, title="Compare", url_path="compare"),
            st.Page(DECISIONS, title="Decisions", url_path="decisions"),
            st.Page(DIAL, title="Dial", url_path="dial"),
            st.Page(RECEIPT, title="Receipt", url_path="receipt"),
            st.Page(GUIDE, title="Field guide", url_path="pitfalls"),
            st.Page(SWEEP, title="Sweep", url_path="sweep"),
        ],
        position="top",
    )


def through_app() -> None:
    """Every page but the default one starts here, before its other imports: it is run by app.py, never alone.

    Because of a folder named `pages`, Streamlit runs the page itself when its address is the first thing that a new process
    is asked for; st.navigation has not yet told it otherwise. Tell it, and start over.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def presenting(page: StreamlitPage) -> bool:
    """Whether the page fills the screen with one picture at a time, without a frame (lib/ui/present.py)."""
    return page.url_path == "compare" and PRESENT in st.query_params


def heading(page: StreamlitPage) -> DeltaGenerator | None:
    """Title and sentence of the page. Returns the place of the line that says what is loaded; none in a presentation."""
    st.html(STYLE.format(**COLORS["dark" if st.context.theme.type == "dark" else "light"]))
    if presenting(page):
        return None
    question, sentence = QUESTIONS[page.url_path]
    with st.container(gap="xxsmall"):
        st.title(question, anchor=False)
        st.markdown(sentence)
        place = st.empty()
        place.caption("Getting ready …")
    return place
