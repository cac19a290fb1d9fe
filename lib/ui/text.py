"""Text of strangers on screen: Streamlit renders Markdown nearly everywhere, so that it must be escaped."""

import re

LONGEST = 80


def inert(text: str, longest: int = LONGEST) -> str:
    """A stranger's text for use inside Markdown: every ASCII punctuation mark is escaped, line breaks become spaces."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= longest else flat[: longest - 1] + "…"
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", flat)


def thin(number: int | float) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u2009")
