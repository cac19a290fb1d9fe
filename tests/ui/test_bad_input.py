"""Links and files that are wrong, cut or hostile: a message that says what is wrong, and what was there before. Never half."""

import json

import pytest

from lib.experiment import Experiment
from lib.scenarios import SCENARIOS
from lib.ui.state import FIRST_SCENARIO
from tests.ui.test_pages import button, go, status

GOOD = {"data.n": "500", "training.epochs": "2", "s1": "mine", "s2": "other", "s2.weighting": "balanced"}
LINKS = {
    "an unknown format": (GOOD | {"format": "99"}, "a field 'format' that this program does not know"),
    "a field of tomorrow": (GOOD | {"s2.warmup": "3"}, "a field 's2.warmup' that this program does not know"),
    "half a field": ({"data.n": "500", "s1": "mine", "s1.weigh": ""}, "a field 's1.weigh' that this program does not know"),
    "half a value": ({"data.n": "500", "s1": "mine", "s1.weighting": "balan"}, "Unknown weighting 'balan'"),
    "no value": ({"data.n": "", "s1": "mine"}, "n must be"),
    "no strategy": ({"data.n": "500", "training.epochs": "2"}, "strategies"),
    "fields of a strategy without its name": ({"s1": "mine", "s2.weighting": "balanced"}, "a field 's2.weighting' that"),
    "a gap between strategies": ({"s1": "mine", "s3": "other"}, "a field 's3' that this program does not know"),
    "another kind of data": ({"data": "/etc/passwd", "s1": "mine"}, "Unknown"),
    "a name that is taken": ({"s1": "mine", "s2": "mine"}, "is there twice"),
    "too much": ({"data.n": "99999999999", "s1": "mine"}, "n must be"),
    "a name of code": ({"s1": "mine", "__class__.__init__": "1"}, "a field '__class__.__init__' that"),
    "half a presentation": (GOOD | {"s2.weighting": "bal", "present": "3"}, "Unknown weighting 'bal'"),
}  # fmt: skip
FILES = {
    "no JSON": ("{\"format\": 1, \"strategies\": [{\"na", "JSON"),
    "nothing": ("", "JSON"),
    "another format": (json.dumps({"format": 2, "strategies": [{"name": "x"}]}), "format"),
    "an extra key": (json.dumps({"format": 1, "strategies": [{"name": "x"}], "extra": 1}), "has no field 'extra'"),
    "an extra key within": (json.dumps({"format": 1, "strategies": [{"name": "x", "lr": 1}]}), "has no field 'lr'"),
    "a hostile key": (json.dumps({"format": 1, "strategies": [{"name": "x"}], "__proto__": {"a": 1}}), "no field '__proto__'"),
    "a hostile name": (json.dumps({"format": 1, "strategies": [{"name": ["x"]}]}), "name"),
    "a key twice": ('{"format": 1, "strategies": [{"name": "x"}], "seeds": [0], "seeds": [1]}', "twice"),
    "a number that is none": ('{"format": 1, "strategies": [{"name": "x"}], "training": {"lr": NaN}}', "got nan"),
    "a list": ("[]", "must be a table of names and values, got []"),
    "too deep": ("[" * 100_000 + "]" * 100_000, "cannot be opened"),
    "bytes of something else": ("\x00\x01PK", "cannot be opened"),
}  # fmt: skip


def told(app) -> str:
    return " ".join(error.value for error in app.error).replace("\\", "").replace("\u2060", "")


@pytest.mark.parametrize("name", LINKS)
def test_a_wrong_link_says_why_and_leaves_the_defaults(app, name) -> None:
    link, word = LINKS[name]
    app.query_params.clear()
    app.query_params.update(link)
    go(app, "compare")
    assert not app.exception
    assert "The link does not work" in told(app) and word in told(app), told(app)
    default = SCENARIOS[FIRST_SCENARIO].experiment
    assert f"{len(default.strategies)} strategies" in status(app)
    shown = {field: text if isinstance(text, str) else text[0] for field, text in app.query_params.items()}
    assert shown == default.to_query(), "the address is that of the defaults"
    assert app.title and not button(app, "Train").disabled  # no presentation of something else
    app.run()
    assert not app.error  # said once


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_file_says_why_and_changes_nothing(app, name) -> None:
    text, word = FILES[name]
    app.query_params.clear()
    app.query_params.update(GOOD)
    app.session_state["export"] = True
    go(app, "compare")
    before = dict(app.query_params)
    upload = app.file_uploader[0]
    upload.upload("experiment.json", text.encode()).run()
    assert not app.exception
    assert "experiment.json cannot be opened" in told(app) and word in told(app), told(app)
    assert "What you had before is unchanged" in told(app)
    assert dict(app.query_params) == before and "2 strategies" in status(app)


def test_a_file_that_fits_is_opened(app) -> None:
    app.session_state["export"] = True
    go(app, "compare")
    mine = Experiment.from_query({"data.n": "700", "s1": "only"})
    app.file_uploader[0].upload("experiment.json", mine.to_json().encode()).run()
    assert not app.exception and not app.error
    assert "1 strategy" in status(app.run()) and "700 training rows" in status(app)
