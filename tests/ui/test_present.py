"""The screens of a presentation: what they ask and say, for every task."""

import pytest

from lib.scenarios import SCENARIOS
from lib.training import load
from lib.ui.present import screens


@pytest.mark.parametrize("key", ["rare_1_to_20", "lstm_100_to_1", "any_animal", "digits_long_tail"])
def test_every_task_has_its_screens(key) -> None:
    experiment = SCENARIOS[key].experiment
    names = [screen.name for screen in screens(experiment, load(experiment.data))]
    assert names[:5] == ["story", "loss", "nll", "recall", "confusion"] and names[-1] == "verdict"
    assert ("boundary" in names) == (key in ("rare_1_to_20",))


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
