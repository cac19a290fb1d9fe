"""Text of strangers on screen: Streamlit renders Markdown nearly everywhere, so that it must be escaped."""

import re

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
