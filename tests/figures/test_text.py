import math

import pytest

from lib.figures.text import count, ends, escape, listed, number, share, shorten


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (0.04567, "0.0457"), (1.0, "1.00"), (12.345, "12.3"), (9.996, "10.0"), (4567.0, "4\u2009570"), (28431.0, "28\u2009400"),
        (1.2e-7, "1.20·10⁻⁷"), (3.4e9, "3.40·10⁹"), (-0.5, "−0.500"), (0.0, "0"), (math.nan, "–"), (None, "–"),
        (math.inf, "∞"), (-math.inf, "−∞"), (0.000123, "0.000123"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(x, shown):
    assert number(x) == shown


@pytest.mark.parametrize(
    ("n", "shown"),
    [(28431, "28\u2009431"), (0, "0"), (45.4, "45.4"), (45.0, "45"), (1234.6, "1\u2009235"), (math.nan, "–"), (None, "–")],
)
def test_counts_have_thin_thousands_and_means_one_digit(n, shown):
    assert count(n) == shown


@pytest.mark.parametrize(
    ("x", "shown"),
    [(0.5, "50%"), (1, "100%"), (0, "0%"), (0.9999, ">99.9%"), (0.998, "99.8%"), (0.0004, "<0.1%"), (0.077, "7.7%"),
     (math.nan, "–")],
)  # fmt: skip
def test_only_all_is_100_percent_and_only_nothing_is_0(x, shown):
    assert share(x) == shown


@pytest.mark.parametrize("active", ["<b>", "<a href='x'>", "&lt;", "%{x}", "$x^2$", "<br>", "<img onerror=alert(1)>", '"'])
def test_escaped_names_keep_no_active_character(active):
    shown = escape(f"cat {active} dog")
    assert not set("<>{}$%\"'") & set(shown)
    assert "&" not in shown.replace("&#", "")


def test_long_and_broken_names_are_short_single_lines():
    assert shorten("x" * 10**6, 12) == "x" * 11 + "…"
    assert shorten("a\n\tb\x00c", 20) == "a bc"
    assert escape("") == "(no name)"


def test_a_name_that_turns_the_text_round_is_isolated():
    assert shorten("a\u202eevil", 20) == "aevil"
    assert shorten("שלום", 20) == "\u2068שלום\u2069"
    assert shorten("👩\u200d🔬", 20) == "👩\u200d🔬"


def test_a_long_list_says_how_many_are_left():
    assert listed(["a", "b", "c"], most=2) == "a, b and 1 more"


def test_names_that_begin_alike_are_told_apart_by_their_ends():
    names = [f"class number {i}" for i in range(60)]
    shown = {ends(name, 10) for name in names}
    assert len(shown) == 60 and all(len(name) <= 10 for name in shown)
    assert ends("cat", 10) == "cat"
    assert "<" not in ends("<b>a long bad name</b>", 10)
