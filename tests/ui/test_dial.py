# ruff: noqa: F811 - app is a fixture of the pages
"""The page of the dial as a visitor meets it, without a browser."""

import json
import time

import numpy as np
import pytest

from lib.ui.dial_view import CLOSE
from tests.ui.test_pages import button, finish, go

SMALL = {"data.n": "1500", "data.n_val": "800", "data.n_test": "20"}


def sent(app):
    """Data of the components on the page: those of charts have `about`, that of the slider has `labels`."""
    protos = [element.proto for element in app.main if element.type == "bidi_component"]
    return [json.loads(proto.bytes or proto.json or "null") for proto in protos if (proto.bytes or proto.json)]


def charts(app):
    return [data for data in sent(app) if isinstance(data, dict) and "about" in data]


def slider(app):
    found = [json.loads(data) if isinstance(data, str) else data for data in sent(app)]
    return next(data for data in found if isinstance(data, dict) and "labels" in data)


def opened(app, **query):
    app.query_params.clear()
    app.query_params.update({"s1": "a"} | query)
    return go(app, "dial")


def told(app):
    return " ".join(e.value for kind in (app.markdown, app.info, app.warning, app.error, app.caption) for e in kind).replace(
        "\\", ""
    )


def test_the_page_opens_with_six_pictures_and_a_slider_of_62_weights(app) -> None:
    opened(app, **SMALL)
    assert not app.exception
    assert app.title[0].value == "Does a weight do more than a threshold?"
    drawn = charts(app)
    assert len(drawn) == 6 and {data["about"]["group"] for data in drawn} == {"dial"}
    assert all(len(slot["values"]) == 62 for data in drawn for slot in data["slots"])
    track = slider(app)
    assert len(track["labels"]) == 62 and track["labels"][track["start"]].startswith("w = 1.00 · threshold 1/(1+w) = 0.500")
    ticks = dict(track["ticks"])
    assert {"1/100", "1/10", "1", "10", "100"} <= {text.split("\n")[0] for text in ticks.values()}
    place = next(place for place, text in ticks.items() if "balanced" in text)
    assert "Bayes for equal errors" in ticks[place] and track["labels"][place].startswith("w = 19.0 ")
    assert "(exactly 9" in track["labels"][place]


def test_the_verdict_and_the_rows_are_said(app) -> None:
    opened(app, **SMALL)
    assert "Exactly, on what was learned, the gap is at most" in told(app)
    assert "40 validation rows of the class and 760 others" in told(app)


def test_another_class_is_weighted_against_the_rest(app) -> None:
    opened(app, data="ring", **SMALL)
    app.selectbox[0].set_value(0).run()
    assert not app.exception
    assert "640 validation rows of the class and 160 others" in told(app)
    assert "balanced" in " ".join(text for _, text in slider(app)["ticks"])


def test_marks_that_are_close_stand_below_each_other(app) -> None:
    opened(app, data="ring", **SMALL)
    marks = {text.split("\n")[-1]: (place, text.count("\n")) for place, text in slider(app)["ticks"] if "\n" in text}
    (one, line), (other, below) = marks["balanced"], marks["equal errors here"]
    assert (line != below) == (abs(one - other) < 62 / CLOSE)


def test_more_than_two_features_show_scores_instead_of_a_plane(app) -> None:
    opened(app, **SMALL, **{"data.dim": "5"})
    assert not app.exception
    assert any(data["about"]["alt"].startswith("Scores of the model") for data in charts(app))


def test_separable_rows_say_so_and_show_the_path_with_l2(app) -> None:
    opened(app, **SMALL, **{"data.distance": "15"})
    assert not app.exception
    assert "coefficients grow for ever" in told(app) and "L2 = 1" in told(app)
    assert len(charts(app)) == 6


def test_ten_digits_with_a_few_rows_each(app) -> None:
    opened(app, data="digits")
    assert not app.exception
    assert "never change in training: pixel 0,0" in told(app) and "Below 30 rows of a class" in told(app)


def test_a_class_without_validation_rows_keeps_the_boundary(app) -> None:
    opened(app, **{"data.n": "2000", "data.n_val": "20", "data.n_test": "20", "data.priors": "0.99,0.01"})
    assert not app.exception
    assert "No validation row is of this class" in told(app)
    assert [data["about"]["alt"].split()[0] for data in charts(app)] == ["Boundaries", "At", "Reliability"]


def test_without_training_rows_of_another_class_there_is_a_message_in_place(app) -> None:
    opened(app, data="labels", **{"data.counts": "500,0", "data.n_val": "50", "data.n_test": "20"})
    assert not app.exception
    assert "needs training rows of both classes" in told(app)
    assert app.selectbox[0].label == "The weight is for rows of class"


def test_names_of_strangers_are_inert(app) -> None:
    names = json.dumps(["![x](http://a.b)", "<b>dog</b>"])
    opened(app, data="labels", **{"data.counts": "900,100", "data.names": names, "data.n_val": "300", "data.n_test": "20"})
    assert not app.exception
    assert "<b>dog" not in json.dumps([data["data"] for data in charts(app)])
    assert all("![x](" not in option for option in app.selectbox[0].options)


def test_a_trained_path_waits_for_a_click_and_leaves_the_training_of_compare_alone(app) -> None:
    opened(app, **SMALL, **{"model": "linear", "training.epochs": "3", "training.batch_size": "500"})
    go(app, "compare")
    button(app, "Train").click().run()
    finish(app)
    go(app, "dial")
    next(b for b in app.get("button_group") if b.label == "Model").set_value("trained").run()
    assert "14 models from w = 1/1000 to 1000 train together" in told(app)
    button(app, "Train the path").click().run()
    for _ in range(300):
        app.run()
        if charts(app):
            break
        time.sleep(0.1)
    assert not app.exception
    assert len(slider(app)["labels"]) == 14 and len(charts(app)) == 6
    go(app, "compare")
    assert any("finished" in element.proto.text for element in app.get("progress"))
    assert len(app.dataframe[0].value.columns) == 2


def test_l2_is_part_of_the_question(app) -> None:
    opened(app, **SMALL)
    before = slider(app)["labels"]
    app.number_input[0].set_value(100.0).run()
    assert not app.exception and slider(app)["labels"] != before


@pytest.mark.parametrize("weight", [0.001, 1.0, 19.0, 1000.0])
def test_a_weight_is_sent_to_the_comparison_as_both_of_its_ways(weight) -> None:
    from lib.ui.dial_view import both_ways

    for positive in (0, 1):
        weights, moved = both_ways(weight, 2, positive)
        assert weights.weighting_params["weights"][positive] == weight
        threshold = moved.decision_params["threshold"]
        odds = threshold / (1 - threshold)
        assert odds == pytest.approx(1 / weight if positive else weight, rel=0.1) or threshold in (0.0001, 0.9999)
    assert len(both_ways(weight, 3, 2)) == 1 and np.isfinite(weight)
