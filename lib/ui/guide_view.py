"""The Field guide: questions to search, each with wrong and right code and what they really put out."""

import streamlit as st
import torch

from lib.pitfalls import PITFALLS, THEMES, WORDS, Pitfall, See, Word, address, search, search_words
from lib.receipt import PRESETS as RECEIPTS
from lib.receipt.link import LETTER as RECEIPT_LETTER
from lib.receipt.link import to_fields
from lib.receipt.plain import plain_batch
from lib.scenarios import SCENARIOS
from lib.ui import frame
from lib.ui.text import inert

LOSSES = {
    "all": "all losses", "CrossEntropyLoss": "CrossEntropyLoss", "BCEWithLogitsLoss": "BCEWithLogitsLoss",
    "BCELoss": "BCELoss", "focal": "focal", "any": "any loss, samplers",
}  # fmt: skip


def linked() -> None:
    """The card that the address names, above all else. A name that is no card's does nothing."""
    key = st.query_params.get("card", "")
    if key in PITFALLS:
        with st.container(border=True):
            st.subheader(inert(PITFALLS[key].label, 300), anchor=False)
            card(PITFALLS[key])
    elif key in WORDS:
        with st.container(border=True):
            st.subheader(inert(WORDS[key].label, 300), anchor=False)
            entry(WORDS[key])


@st.fragment
def cards() -> None:
    """Search, and all that is found. Only what is open is run and drawn."""
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        text = st.text_input("Search the questions", key="guide/search", type="search", live=True, max_chars=200,
                             placeholder="for instance pos_weight, NaN, batch size",
                             help="Words of a question or of an error message.") or ""  # fmt: skip
    with right:
        loss = st.pills("Loss", list(LOSSES), default="all", format_func=LOSSES.__getitem__, key="guide/loss",
                        required=True, label_visibility="collapsed", wrap=True) or "all"  # fmt: skip
    asked = None if loss == "all" else loss
    found, words = search(text, asked), search_words(text, asked)
    st.caption(_how_many(len(found), len(words)))
    themes = {theme: here for theme in THEMES if (here := [pitfall for pitfall in found if pitfall.theme == theme])}
    for theme, here in themes.items():
        st.subheader(THEMES[theme], anchor=False)
        for pitfall in here:
            first = theme == next(iter(themes)) and pitfall is here[0]  # one is open: that is what a card looks like
            with st.expander(inert(pitfall.label, 300), expanded=first, key=f"guide/{pitfall.key}", on_change="rerun") as box:
                if box.open:
                    card(pitfall)
    if words:
        st.subheader("Words", anchor=False)
        for word in words:
            with st.expander(inert(word.label, 300), key=f"guide/word/{word.key}", on_change="rerun") as box:
                if box.open:
                    entry(word)


def _how_many(questions: int, words: int) -> str:
    if not questions and not words:
        return "Nothing found. Try fewer words, or another loss."
    parts = [
        f"{n} {one if n == 1 else many}"
        for n, one, many in ((questions, "question", "questions"), (words, "word", "words"))
        if n
    ]
    return f"{' and '.join(parts)}. Open one: its code is run on this machine, with torch {inert(torch.__version__)}."


def card(pitfall: Pitfall) -> None:
    """Wrong and right side by side, why, where people asked, and where it can be seen."""
    wrong, right = pitfall.runs()
    titles = ("Wrong (recorded, not run: it needs a GPU)" if pitfall.recorded else "Wrong", "Right")
    for column, title, code in zip(st.columns(2), titles, (pitfall.wrong, pitfall.right), strict=True):
        with column:
            st.markdown(f"**{title}**")
            st.code(code, language="python", wrap_lines=True)
    for column, ran in zip(st.columns(2), (wrong, right), strict=True):
        with column:
            st.code(ran.output, language=None, wrap_lines=True)
    if pitfall.holds():
        st.markdown(pitfall.sentence())
    else:
        st.warning(
            f"With torch {inert(torch.__version__)} this came out otherwise than when the card was written. Trust the output."
        )
    _links(pitfall)
    asked = ", ".join(_thread(thread) for thread in pitfall.threads)
    st.caption(f"Asked in: {asked}. [Link to this card](?card={pitfall.key})")


def _thread(thread: str) -> str:
    url = address(thread)
    return f"[{inert(thread)}]({url})" if url else inert(thread)


def _links(pitfall: Pitfall) -> None:
    with st.container(horizontal=True):
        for see in pitfall.see:
            if place := where(pitfall, see):
                page, query = place
                st.page_link(page, label=see.text, query_params=query, icon=":material/arrow_forward:")


def where(pitfall: Pitfall, see: See) -> tuple[str, dict[str, str]] | None:
    """Page and address fields of a link; None for a page that this app does not have."""
    if see.page == "receipt":
        if see.preset in RECEIPTS:
            return frame.RECEIPT, {RECEIPT_LETTER: see.preset}
        return frame.RECEIPT, to_fields(plain_batch(see.preset, pitfall.batch()))
    if see.page == "guide":
        return frame.GUIDE, {"lab": see.preset}
    if see.page not in frame.QUESTIONS or see.preset not in SCENARIOS:
        return None
    return f"pages/{see.page}.py", SCENARIOS[see.preset].experiment.to_query()


def entry(word: Word) -> None:
    """A word: what it means, and code that shows it."""
    ran = word.run()
    st.markdown(word.sentence())
    left, right = st.columns([3, 2])
    with left:
        st.code(word.code, language="python", wrap_lines=True)
    with right:
        st.code(ran.output, language=None, wrap_lines=True)
    st.caption(f"[Link to this word](?card={word.key})")
