"""Text of strangers on screen: Streamlit renders Markdown nearly everywhere, so that it must be escaped."""

import re
from typing import Any

import pandas as pd

from lib.registry import inert_cell

LONGEST = 80
AUTOLINK = re.compile(r"(?<=www)(?=\.)|(?<=:)(?=//)|(?=@)", re.IGNORECASE)  # found by Markdown after it has undone escapes
WORD_JOINER = "\u2060"
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # would turn round what stands beside the text


def inert(text: str, longest: int = LONGEST) -> str:
    """A stranger's text for use inside Markdown, in one line: punctuation is escaped, addresses become no links."""
    flat = " ".join(TURNING.sub("", text).split())
    flat = flat if len(flat) <= longest else flat[: longest - 1] + "…"
    unlinked = AUTOLINK.sub(WORD_JOINER, flat)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", unlinked)


def inert_table(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with texts of strangers, for the screen: its toolbar saves it as CSV, where no cell may begin a formula."""

    def cell(value: Any) -> Any:
        return inert_cell(value) if isinstance(value, str) else value

    shown = frame.rename(columns=cell)
    for at, kind in enumerate(shown.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            shown.isetitem(at, shown.iloc[:, at].map(cell))
    return shown
