"""Compare, read class by class and against a strategy that the visitor chose."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from lib.evaluation import evaluate
from lib.experiment import Experiment
from lib.training import load, train
from lib.verdict import verdict
from tests.ui.test_export import opened
from tests.ui.test_pages import button, finish, go

FIELDS = {
    "data.n": "400", "data.n_val": "300", "data.n_test": "500", "data.priors": "0.8,0.2", "training.epochs": "4",
    "training.batch_size": "32", "model": "linear", "s1": "plain", "s2": "balanced", "s2.weighting": "balanced",
    "s3": "*bold*", "s3.weighting": "sqrt", "seeds": "0,1,2",
}  # fmt: skip


def alts(app: AppTest) -> list[str]:
    """The text alternatives of the live charts."""
    sent = [e.proto.bytes for e in app.get("bidi_component") if e.proto.component_name == "live_plotly"]
    return [json.loads(body)["about"]["alt"] for body in sent if body]


def alt(app: AppTest, start: str) -> str:
    return next(text for text in alts(app) if text.startswith(start))


@pytest.fixture
def trained(app: AppTest) -> AppTest:  # noqa: F811
    opened(app, FIELDS)
    button(app, "Train").click().run()
    return finish(app).run()


@pytest.fixture(scope="module")
def same():  # noqa: ANN201
    """The same training, without the page."""
    experiment = Experiment.from_query(FIELDS)
    last = list(train(experiment, load(experiment.data)))[-1]
    return last, evaluate(last)


def choose(app: AppTest, label: str, value: str) -> AppTest:  # noqa: F811
    return next(b for b in app.get("button_group") if b.label == label).set_value(value).run()


def against(app: AppTest) -> list:
    return [box for box in app.selectbox if box.label == "Against"]


def said(app: AppTest) -> str:
    return "  \n".join(m.value for m in app.markdown).replace("\\", "")


def test_by_class_replaces_one_curve_and_adds_whom_training_listens_to(trained: AppTest, same) -> None:  # noqa: ANN001
    assert not any("Share of the" in text for text in alts(trained)) and alt(trained, "Validation NLL, unweighted")
    choose(trained, "Validation NLL of", "class")
    assert not trained.exception
    by_class, last = alt(trained, "Validation NLL per row of a class"), same[0]
    assert not any(text.startswith("Validation NLL, unweighted") for text in alts(trained))
    assert f"1: A {last.history.class_nll[0, :, -1, 1].mean():.3g}" in by_class
    assert f"{last.history.loss_share[1, :, -1, 1].mean():.0%}" in alt(trained, "Share of the loss by class")
    choose(trained, "Share", "gradient")
    assert f"{last.history.gradient_share[1, :, -1, 1].mean():.0%}" in alt(trained, "Share of the gradient by class")
    assert "length of the gradient" in next(s for s in trained.subheader if "Whom training" in s.value).proto.help


def test_the_way_of_looking_outlives_the_page(trained: AppTest) -> None:
    choose(trained, "Validation NLL of", "class")
    go(trained, "data")
    go(trained, "compare")
    assert alt(trained, "Share of the loss by class")


def test_the_baseline_moves_verdict_matrices_and_differences(trained: AppTest, same) -> None:  # noqa: ANN001
    choose(trained, "Shade and number", "difference")
    assert "difference to A" in alt(trained, "Confusion matrices")
    (box,) = against(trained)
    box.set_value(1).run()
    assert not trained.exception
    assert "difference to B" in alt(trained, "Confusion matrices")
    for sentence in verdict(*same, 1):
        assert sentence.replace("*", "") in said(trained).replace("*", "")


def test_differences_are_paired_with_the_chosen_baseline(trained: AppTest, same) -> None:  # noqa: ANN001
    against(trained)[0].set_value(2).run()
    choose(trained, "Metrics of", "difference")
    table = trained.dataframe[0].value.set_index("metric")
    assert table.columns.tolist() == ["A plain", "B balanced"] and "Always majority" not in table.index
    results = same[1]
    moved = [results[1, r].metrics["balanced_accuracy"] - results[2, r].metrics["balanced_accuracy"] for r in range(3)]
    shown = table.loc["Balanced accuracy", "B balanced"].replace("\u2212", "-")
    assert float(shown.split(" ")[0]) == pytest.approx(sum(moved) / 3, rel=6e-3)
    assert "[" in shown
    assert any("Minus **C" in c.value and "seed by seed" in c.value for c in trained.caption)


def test_a_baseline_that_is_gone_is_the_first_again(trained: AppTest) -> None:
    against(trained)[0].set_value(2).run()
    opened(trained, {name: text for name, text in FIELDS.items() if not name.startswith("s3")})
    button(trained, "Train").click().run()
    finish(trained).run()
    assert not trained.exception
    (box,) = against(trained)
    assert box.value == 0 and len(box.options) == 2


def test_one_strategy_has_nothing_to_be_measured_against(app: AppTest) -> None:  # noqa: F811
    opened(app, {name: text for name, text in FIELDS.items() if not name.startswith(("s2", "s3"))})
    button(app, "Train").click().run()
    finish(app).run()
    assert not against(app) and not app.exception
    assert not [b for b in app.get("button_group") if b.label == "Metrics of"]


@pytest.mark.parametrize("data", [
    {"data": "multilabel", "data.n": "200", "s1.loss": "bce_with_logits", "s2.loss": "bce_with_logits", "s2": "other"},
    {"data": "events", "data.n": "30", "model": "window_mlp", "s1.loss": "bce_with_logits", "s2.loss": "bce_with_logits",
     "s2": "other"},
])  # fmt: skip
def test_labels_and_steps_are_read_by_class_too(app: AppTest, data: dict[str, str]) -> None:  # noqa: F811
    opened(app, {"s1": "plain", "training.epochs": "2"} | data)
    button(app, "Train").click().run()
    finish(app).run()
    choose(app, "Validation NLL of", "class")
    assert not app.exception
    assert alt(app, "Share of the loss by label" if data["data"] == "multilabel" else "Share of the loss by class")
