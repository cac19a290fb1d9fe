"""The page Decisions as a visitor uses it, without a browser."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lib.operating.points import Points
from lib.operating.scored import Sample
from lib.ui import decisions_view
from tests.ui.test_pages import button, finish, go

FAST = {"data.n": "2000", "data.n_val": "2000", "data.n_test": "3000", "model": "linear", "training.epochs": "30",
        "training.batch_size": "200", "training.lr": "0.05"}  # fmt: skip
PAIR = {"s1": "plain", "s2": "balanced", "s2.weighting": "balanced"}


def link(app: AppTest, query: dict[str, str]) -> None:  # noqa: F811
    app.query_params.clear()
    app.query_params.update(FAST | query)


def opened(app: AppTest, **query: str) -> AppTest:  # noqa: F811
    """The page after the training of a link."""
    link(app, query)
    go(app, "compare")
    button(app, "Train").click().run()
    finish(app)
    return go(app, "decisions")


def charts(app: AppTest) -> dict[str, dict]:  # noqa: F811
    """What the live charts were sent, by the words of their text alternative; and the slider."""
    found = {}
    for element in app.get("bidi_component"):
        if element.proto.component_name == "scrubber":
            found["slider"] = json.loads(json.loads(element.proto.json))
        elif element.proto.component_name == "live_plotly":
            sent = json.loads(element.proto.bytes)
            found[sent["about"]["alt"].split(" ")[0].rstrip(",:")] = sent
    return found


def table(app: AppTest, column: str):  # noqa: ANN201, F811
    return next(d.value for d in app.dataframe if column in d.value)


def number(text: str) -> float:
    return float(text.split(" [")[0].replace("−", "-"))


def warned(app: AppTest) -> str:  # noqa: F811
    return " ".join(e.value.replace("\\", "") for kind in (app.error, app.warning, app.info) for e in kind)


def test_without_a_training_one_button_fills_the_page(app) -> None:  # noqa: F811
    link(app, {"s1": "plain"})
    go(app, "decisions")
    assert app.title[0].value == "Is it learning, or a moved threshold?"
    button(app, "Train these strategies").click().run()
    for _ in range(100):
        if "slider" in charts(app.run()):
            break
    assert not app.exception and "Confusion" in charts(app)


def test_the_page_answers_its_question_on_test_rows(app) -> None:  # noqa: F811
    opened(app, **PAIR)
    assert not app.exception
    assert {"Confusion", "recall", "Histograms", "Expected", "Reliability", "slider"} <= set(charts(app))
    best = table(app, "best threshold (validation)")
    assert number(best["best threshold (validation)"][0]) < 0.2 and number(best["best threshold (validation)"][1]) > 0.3
    assert abs(number(best["more than A"][1])) < 0.02  # a moved threshold is all
    assert number(best["balanced accuracy at 0.5"][1]) - number(best["balanced accuracy at 0.5"][0]) > 0.05
    routes = table(app, "1 / (1 + w)")
    assert routes["w"].tolist() == ["19.0"] and routes["1 / (1 + w)"].tolist() == ["0.0500"]
    assert abs(number(routes["recall at 0.5"][0]) - number(routes["recall of A"][0])) < 0.05
    assert any("reported on the test rows" in c.value for c in app.caption)
    assert any("3 000 test rows" in c.value.replace("\u2009", " ") for c in app.caption)


def test_undoing_the_weights_returns_the_intercept(app) -> None:  # noqa: F811
    opened(app, **PAIR)
    rows = table(app, "intercept").set_index(["strategy", "probabilities"])["intercept"]
    assert number(rows["B balanced", "as trained"]) == pytest.approx(-2.944, abs=0.4)
    assert number(rows["B balanced", "undone"]) == pytest.approx(0, abs=0.35)
    aurocs = table(app, "intercept").set_index("probabilities")["AUROC"]
    assert aurocs["as trained"].iloc[1] == aurocs["undone"]
    before = charts(app)["Reliability"]["about"]["alt"]
    app.toggle[0].set_value(True).run()
    after = charts(app)["Reliability"]["about"]["alt"]
    assert "B balanced intercept −2" in before or "B balanced intercept −3" in before
    assert abs(float(re.search(r"B balanced intercept (−?[\d.]+)", after)[1].replace("−", "-"))) < 0.5
    assert app.toggle[0].label == "**weights: undone**" and not app.exception


@pytest.mark.parametrize(
    "label, key", [("Threshold", "threshold"), ("Tuned", "tuned"), ("Undo", "undo"), ("Logit", "logit_adjust")]
)
def test_a_decision_goes_to_the_comparison(app, label, key) -> None:  # noqa: F811
    opened(app, **PAIR)
    next(b for b in app.button if b.label.replace("\\", "").startswith(f"Use: {label}")).click().run()
    assert not app.exception
    assert any(s.value.startswith("A plain now decides by") for s in app.success)
    assert app.query_params["s1.decision"] == key and "s2.decision" not in app.query_params
    app.run()
    assert not app.success  # said once


def test_costs_that_cannot_be_are_refused_in_place(app) -> None:  # noqa: F811
    opened(app, **PAIR)

    def typed(label, value):
        next(n for n in app.number_input if n.label == label).set_value(value).run()
        assert not app.exception
        return warned(app)

    assert "at least 0, got -1" in typed("A missed row costs", -1.0) and "No expected cost" in warned(app)
    assert "Expected" not in charts(app) and {"Confusion", "recall", "Histograms", "Reliability"} <= set(charts(app))
    assert "never saying yes is cheapest" in typed("A missed row costs", 0.0) and "Expected" in charts(app)
    assert "got 0 and 0" in typed("A false alarm costs", 0.0)
    typed("A false alarm costs", 1.0)
    for prior in (0.0, 1.0):
        assert f"both left out, got {prior:g}" in typed("Share of the class at deployment", prior)
    assert "both left out" not in typed("Share of the class at deployment", 0.3) and "Expected" in charts(app)


def test_several_classes_are_read_one_against_the_rest(app) -> None:  # noqa: F811
    opened(app, data="ring", **PAIR, **{"data.priors": "0.8,0.15,0.05"})
    assert not app.exception
    picker = next(s for s in app.selectbox if s.label == "Class")
    assert picker.value == 2 and any("One class against all others" in c.value for c in app.caption)  # the rarest
    assert charts(app)["slider"]["actions"] == []  # a threshold decides between two classes only
    best = table(app, "best threshold (validation)")
    assert set(best["best threshold (validation)"]) == {"an offset per class"}
    picker.set_value(0).run()
    assert not app.exception and "“0”" in charts(app)["slider"]["labels"][0]


def test_seeds_are_read_one_at_a_time(app) -> None:  # noqa: F811
    opened(app, s1="plain", seeds="3,5")
    assert any("Seed 3, one of 2" in c.value for c in app.caption)
    next(s for s in app.selectbox if s.label == "Seed").set_value(1).run()
    assert any("Seed 5, one of 2" in c.value for c in app.caption) and not app.exception


def test_a_training_that_goes_on_shows_its_last_epoch_and_no_test_rows(app) -> None:  # noqa: F811
    link(app, PAIR | {"training.epochs": "9000"})
    go(app, "compare")
    button(app, "Train").click().run()
    for _ in range(100):
        go(app, "decisions")
        if app.dataframe:
            break
    assert not app.exception and any("the test rows are read when the training has ended" in c.value for c in app.caption)
    go(app, "compare")
    button(app, "Stop").click().run()


def test_few_rare_rows_are_said_to_take_wilsons_interval(app) -> None:  # noqa: F811
    opened(app, **PAIR, **{"data.n_test": "200"})
    assert any("fewer than 30 rows" in c.value and "Wilson" in c.value for c in app.caption) and not app.exception


def test_a_class_without_validation_rows_leaves_the_other_panels(app) -> None:  # noqa: F811
    opened(app, **PAIR, **{"data.n_val": "10"})
    assert "There are no validation rows" in warned(app) and not app.exception
    assert {"Confusion", "Histograms", "Reliability"} <= set(charts(app))


def test_scores_that_tell_nothing_are_said(monkeypatch) -> None:
    told: list[str] = []
    for kind in ("warning", "info"):
        monkeypatch.setattr(decisions_view.st, kind, told.append)
    flat = Points(1, "flat", Sample(np.array([0, 1, 0]), np.full(3, 0.3)))
    margins = SimpleNamespace(index=1, name="flat", calibrated=False)
    decisions_view._remarks(SimpleNamespace(shown=[flat], runs=[margins], class_name="yes", unit="rows"))  # type: ignore[arg-type]
    assert told == [
        "B flat gives all rows the same score: no threshold tells them apart.",
        "B flat: the scores of its loss are no probabilities, so its calibration cannot be read.",
    ]


def test_a_label_is_asked_about_with_a_threshold_of_its_own(app) -> None:  # noqa: F811
    opened(app, data="multilabel", s1="plain", **{"s1.loss": "bce_with_logits", "s2": "weighted",
           "s2.loss": "bce_with_logits", "s2.weighting": "pos_weight", "training.epochs": "8"})  # fmt: skip
    assert not app.exception
    picker = next(s for s in app.selectbox if s.label == "Label")
    assert picker.value == 2 and any("One label: yes or no" in c.value for c in app.caption)  # the rarest
    assert charts(app)["slider"]["actions"] == ["Use in A", "Use in B"]
    assert number(table(app, "best threshold (validation)")["best threshold (validation)"][0]) < 0.3
    for label in (2, 0):  # one after another: both stay
        next(s for s in app.selectbox if s.label == "Label").set_value(label).run()
        next(b for b in app.button if b.label.replace("\\", "").startswith("Use: A threshold for each label")).click().run()
        assert not app.exception and any("A plain now decides by A threshold for each label" in s.value for s in app.success)
    assert app.query_params["s1.decision"] == "label_thresholds"
    sent = [float(t) for t in app.query_params["s1.decision.thresholds"].split(",")]
    assert len(sent) == 3 and sent[0] != 0.5 and sent[1] == 0.5 and sent[2] < 0.3


def test_steps_are_read_with_intervals_over_their_series(app) -> None:  # noqa: F811
    app.query_params.clear()
    app.query_params.update({
        "data": "events", "data.rate": "0.05", "data.n": "300", "model": "window_mlp", "model.window": "3", "model.hidden": "4",
        "training.epochs": "6", "training.lr": "0.03", "s1": "plain", "s1.loss": "bce_with_logits", "s2": "weighted",
        "s2.loss": "bce_with_logits", "s2.weighting": "pos_weight",
    })  # fmt: skip
    go(app, "compare")
    button(app, "Train").click().run()
    finish(app)
    go(app, "decisions")
    assert not app.exception
    told = " ".join(c.value for c in app.caption).replace("\u2009", " ")
    assert "validation steps" in told and "padding left out" in told and "whole series are drawn (1 024 of them)" in told
    assert "validation rows" not in told and any(n.label == "Steps a day" for n in app.number_input)
    assert "[" in table(app, "best threshold (validation)")["balanced accuracy at its best"][0]
    next(b for b in app.button if b.label.replace("\\", "").startswith("Use: Threshold")).click().run()
    assert not app.exception and app.query_params["s1.decision"] == "threshold"
