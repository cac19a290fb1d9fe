"""The Field guide as a visitor uses it, without a browser."""

import pytest
from streamlit.testing.v1 import AppTest

from lib.pitfalls import PITFALLS, WORDS
from lib.pitfalls.shape_lab import PRESETS
from lib.ui.gallery import ASKED


@pytest.fixture
def app(unopened: AppTest) -> AppTest:
    """Not run yet: the first run is the one that reads the address."""
    return unopened


def guide(app: AppTest, **query: str) -> AppTest:
    app.query_params.update(query)
    found = app.run().switch_page("pages/pitfalls.py").run()
    assert not found.exception
    return found


def heading(app: AppTest) -> str:
    return app.subheader[0].value.replace("\\", "")


def codes(app: AppTest) -> list[str]:
    return [code.value for code in app.code]


def field(app: AppTest, name: str):  # noqa: ANN201
    return next(box for box in app.text_input if box.label == f"{name}, shape")


def test_every_question_is_listed_and_only_the_open_one_is_run(app) -> None:
    guide(app)
    assert app.title[0].value == "Why does my weight not do what I think?"
    assert heading(app) == "Shape lab"
    assert any(f"{len(PITFALLS)} questions and {len(WORDS)} words" in caption.value for caption in app.caption)
    labels = {expander.label.replace("\\", "") for expander in app.expander}
    assert {card.label for card in PITFALLS.values()} <= labels
    shown = [card.key for card in PITFALLS.values() if card.wrong in codes(app)]
    assert shown == ["mean_is_not_none_mean"]


@pytest.mark.parametrize("key", ["unsqueezed_weight", "common_factor", "device"])
def test_a_link_to_a_card_shows_it_first_with_its_real_output(app, key) -> None:
    guide(app, card=key)
    card = PITFALLS[key]
    wrong, right = card.runs()
    assert heading(app) == card.label
    assert codes(app)[:4] == [card.wrong, card.right, wrong.output, right.output]
    assert card.sentence() in [text.value for text in app.markdown]
    recorded = any("recorded, not run" in text.value for text in app.markdown)
    assert recorded == bool(card.recorded)
    assert app.query_params["card"] == key


def test_a_link_to_a_word(app) -> None:
    guide(app, card="multi_label")
    assert heading(app) == "multi-label"
    assert WORDS["multi_label"].run().output in codes(app)


@pytest.mark.parametrize(
    "card", ["nothing", "<script>alert(1)</script>", "![x](http://a.b/c)", "__import__('os')", "x" * 20_000, ""]
)
def test_a_hostile_card_does_nothing(app, card) -> None:
    guide(app, card=card, lab=card)
    assert heading(app) == "Shape lab" and not app.error[1:]  # the N = L trap is the lab's own
    assert not any("alert(1)" in text.value for text in [*app.markdown, *app.caption])


def test_search_and_filter(app) -> None:
    guide(app)
    next(box for box in app.text_input if box.label == "Search the questions").set_value("broadcast shape [4, 4]").run()
    assert [expander.label.replace("\\", "") for expander in app.expander] == [PITFALLS["unsqueezed_weight"].label]
    assert PITFALLS["unsqueezed_weight"].runs()[0].error in codes(app)
    next(box for box in app.text_input if box.label == "Search the questions").set_value("zzz (((").run()
    assert any("Nothing found" in caption.value for caption in app.caption) and not app.expander and not app.exception


@pytest.mark.parametrize(("key", "name"), [("n_is_l", "N = L"), ("t_is_c", "T = C"), ("w_is_c", "W = C")])
def test_the_silent_traps_turn_red(app, key, name) -> None:
    guide(app, lab=key)
    assert [e.value for e in app.error if f"Trap: {name}" in e.value]
    assert any("=" in code for code in codes(app)[:1])


def test_torchs_words_and_a_repair_that_fits(app) -> None:
    guide(app, lab="rows")
    error, repair = codes(app)[:2]
    assert error.startswith("RuntimeError: The size of tensor a (3)") and repair == "weight = weight.view(-1, 1)  # one per row"
    field(app, "weight").set_value("5, 1").run()
    assert not app.error and any("The shapes fit" in s.value for s in app.success)


@pytest.mark.parametrize("text", ["-1", "five", "1000000000", "", "__import__('os')", "9" * 200, "1,1,1,1,1,1,1,1"])
def test_bad_shapes_are_refused_beside_the_field_and_the_picture_stays(app, text) -> None:
    guide(app, lab="rows")
    before = codes(app)[:2]
    field(app, "logits").set_value(text).run()
    assert not app.exception
    assert any("logits" in e.value and "expected" in e.value for e in app.error)
    assert codes(app)[:2] == before  # torch's words on the last good shapes
    assert any("last shapes that could be tried" in caption.value for caption in app.caption)
    field(app, "logits").set_value("5, 1").run()
    assert not any("expected" in e.value for e in app.error)


def test_start_asks_questions_that_have_cards(app) -> None:
    app.run()
    assert set(ASKED) <= set(PITFALLS) and len(ASKED) >= 3
    links = [link.proto for link in app.get("page_link")]
    assert sum("“" in link.label for link in links) == len(ASKED)


def test_the_experiment_survives_a_visit_to_the_guide(app) -> None:
    guide(app, card="common_factor", s1="mine", seeds="7")
    assert app.query_params["s1"] == "mine" and app.query_params["card"] == "common_factor"
    assert "1 strategy · seed 7" in app.caption[0].value
    assert len(PRESETS) >= 8
