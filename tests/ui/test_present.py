"""The screens of a presentation: what they ask and say, for every task."""

import dataclasses

import pytest

from lib.scenarios import SCENARIOS
from lib.training import load, train
from lib.ui import steering_view
from lib.ui.present import HEIGHT, screens


@pytest.mark.parametrize("key", ["rare_1_to_20", "lstm_100_to_1", "any_animal", "digits_long_tail"])
def test_every_task_has_its_screens(key) -> None:
    experiment = SCENARIOS[key].experiment
    names = [screen.name for screen in screens(experiment, load(experiment.data))]
    assert names[:5] == ["story", "loss", "nll", "recall", "confusion"] and names[-1] == "verdict"
    assert ("boundary" in names) == (key in ("rare_1_to_20",)) and ("strips" in names) == (key == "lstm_100_to_1")


@pytest.mark.parametrize("key", list(SCENARIOS))
def test_every_scenario_opens_straight_into_its_story(app, key, monkeypatch) -> None:
    monkeypatch.setattr(steering_view, "start", lambda: None)  # the story is on screen before anything is trained
    app.query_params.clear()
    app.query_params.update(SCENARIOS[key].experiment.to_query() | {"present": "1"})
    app.switch_page("pages/compare.py").run()
    assert not app.exception and not app.error
    assert app.header[0].value == SCENARIOS[key].label
    assert app.query_params["present"] == "1" and [b.label for b in app.button][:3] == ["←", "→", "Leave"]


@pytest.mark.parametrize("key", list(SCENARIOS))
def test_every_picture_of_every_scenario_is_drawn_and_fits(key) -> None:
    whole = SCENARIOS[key].experiment
    training = dataclasses.replace(whole.training, epochs=1, lr_grid=())
    experiment = dataclasses.replace(whole, training=training, seeds=whole.seeds[:1])
    dataset = load(experiment.data)
    *_, last = train(experiment, dataset)
    for screen in screens(experiment, dataset):
        if screen.picture is not None:
            chart = screen.picture(last)
            assert chart.figure.data and chart.height <= HEIGHT + 40, screen.name


def test_a_remote_has_a_key_for_each_way(app, monkeypatch) -> None:
    monkeypatch.setattr(steering_view, "start", lambda: None)
    app.query_params.update({"present": "2", "data.n": "400", "training.epochs": "1", "s1": "a"})
    app.run().switch_page("pages/compare.py").run()
    for label, screen in (("Page down", "3"), ("Space", "4"), ("Page up", "3"), ("End", "7"), ("Home", "1")):
        next(b for b in app.button if b.label == label).click().run()
        assert app.query_params["present"] == screen and not app.exception
    assert next(b for b in app.button if b.label == "Page up").disabled


@pytest.mark.parametrize(("asked", "heading"), [("1", "What do the weights change"), ("x", "What do the weights change"),
                                                ("99", "Learning, or a moved threshold")])  # fmt: skip
def test_a_screen_is_an_address_and_hostile_addresses_are_the_nearest_one(app, asked, heading) -> None:  # noqa: F811
    app.query_params.update({"present": asked, "data.n": "400", "training.epochs": "1", "s1": "![a](http://x.y)"})
    app.run().switch_page("pages/compare.py").run()
    assert not app.exception and heading in app.header[0].value
    assert app.query_params["present"] == asked and not app.sidebar.selectbox and not app.title
    assert not any("![a]" in m.value for m in app.markdown)
    next(b for b in app.button if b.label == "Leave").click().run()
    assert "present" not in app.query_params and app.title
