"""Text of strangers on its way to the screen."""

import unicodedata

import pandas as pd
from hypothesis import given
from hypothesis import strategies as some

from lib.ui.text import inert, inert_table


@given(some.text(max_size=120), some.integers(1, 100))
def test_a_strangers_text_is_one_line_without_a_sign_that_could_act(text: str, longest: int) -> None:
    shown = inert(text, longest)
    bare = [sign for place, sign in enumerate(shown) if place == 0 or shown[place - 1] != "\\"]
    assert not {*bare} & set("<>[]()!*_`$:#|~@&{}\"'")
    assert "\n" not in shown and "\r" not in shown


def test_a_text_cannot_turn_round_what_stands_beside_it() -> None:
    turning = [chr(code) for code in range(0x110000) if unicodedata.bidirectional(chr(code)) in TURNS]
    assert len(turning) >= 9
    assert inert(f"a{''.join(turning)}b") == "ab"
    assert inert("כלב") == "כלב"


TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_no_cell_of_a_table_on_screen_begins_a_formula() -> None:
    frame = pd.DataFrame([["=1+1", 2.5, None], ["+cmd", -1.0, "@SUM(1)"], ["fine", 0.0, "x"]], columns=["=a", "=a", "b"])
    before = frame.copy()
    shown = inert_table(frame)
    assert shown.to_csv(index=False).splitlines() == ["'=a,'=a,b", "'=1+1,2.5,", "'+cmd,-1.0,'@SUM(1)", "fine,0.0,x"]
    pd.testing.assert_frame_equal(frame, before)
