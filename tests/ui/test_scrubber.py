import pytest

from lib.ui.scrubber import Chosen, read


def test_a_click_says_which_button_and_where_the_slider_stood():
    assert read({"action": "Use", "position": 3}, ["Use"], 4) == Chosen("Use", 3)


@pytest.mark.parametrize(
    "chosen",
    [None, "Use", {}, {"action": "Drop", "position": 0}, {"action": "Use"}, {"action": "Use", "position": 4},
     {"action": "Use", "position": -1}, {"action": "Use", "position": "0"}, {"action": "Use", "position": True}],
)  # fmt: skip
def test_what_is_no_button_of_ours_is_nothing(chosen):
    assert read(chosen, ["Use"], 4) is None
