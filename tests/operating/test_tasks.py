"""Labels and steps as yes/no questions: what one label says is what it would say alone; series are drawn whole."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from lib.data import Split
from lib.decisions import DECISIONS
from lib.evaluation import evaluate
from lib.operating.chosen import Choice, at_threshold, beside, best_tau, choices, predictions
from lib.operating.costs import Costs
from lib.operating.intervals import FEW, Metric, difference, few_rows, interval
from lib.operating.points import Points
from lib.operating.scored import probability, read
from lib.registry import Params, check_params
from lib.tasks import series_of_steps
from tests.operating.conftest import trained

WEIGHTED = {"loss": "bce_with_logits", "weighting": "pos_weight"}
STRATEGIES = [
    {"name": "plain", "loss": "bce_with_logits"}, {"name": "weighted", **WEIGHTED},
    {"name": "undone", **WEIGHTED, "decision": "undo"},
    {"name": "own", "loss": "bce_with_logits", "decision": "label_thresholds",
     "decision_params": {"thresholds": [0.2, 0.3, 0.4, 0.6]}},
]  # fmt: skip
EVENTS = {"source": "events", "params": {"n": 200, "n_val": 150, "n_test": 150, "steps": 20, "shortest": 5, "rate": 0.1}}


@pytest.fixture(scope="module")
def labels():
    params = {"n": 2000, "n_val": 1000, "n_test": 1000, "biases": [0.0, -1.0, -2.0, -3.0], "correlation": 0.3}
    return trained(data={"source": "multilabel", "params": params}, strategies=STRATEGIES)


@pytest.fixture(scope="module")
def series():
    return trained(
        data=EVENTS, strategies=STRATEGIES[:3], model={"name": "window_mlp", "params": {"window": 3, "hidden": [4]}},
        training={"epochs": 5, "batch_size": 50, "lr": 0.03},
    )  # fmt: skip


@pytest.mark.parametrize("label", range(4))
def test_a_label_is_read_as_two_classes_of_its_own(labels, label):
    for one in read(labels, test=True, label=label):
        logits = one.model.outputs(labels.dataset.test.x)[:, label].double().numpy()
        y = labels.dataset.test.y[:, label].numpy()
        asked = one.sample("test", 1, undone=False)
        np.testing.assert_allclose(asked.score, logits, atol=1e-6)
        np.testing.assert_array_equal(asked.y_true, y)
        assert Points(one.index, one.name, asked).auroc == pytest.approx(sk.roc_auc_score(y, logits))
        negative, positive = labels.dataset.class_counts()[label].tolist()
        moved = np.log(negative / positive) if one.name in ("weighted", "undone") else 0
        np.testing.assert_allclose(asked.score - one.sample("test", 1, undone=True).score, moved, atol=1e-6)
        assert one.series("test") is None


def test_the_present_threshold_of_a_label_is_that_of_its_strategys_decision(labels):
    for label, t in enumerate((0.2, 0.3, 0.4, 0.6)):
        plain, weighted, undone, own = read(labels, label=label)
        assert probability(own.own_threshold) == pytest.approx(t) and own.label_thresholds == pytest.approx(
            (0.2, 0.3, 0.4, 0.6)
        )
        assert plain.own_threshold == weighted.own_threshold == 0
        assert undone.own_threshold == pytest.approx(np.log(undone.weight))  # as trained: where the undone score is 0


def test_every_choice_for_a_label_decides_as_evaluate_does(labels):
    """The strategy with that decision, evaluated as a whole, has the recall of this label that the table told."""
    for label in (0, 3):
        one = read(labels, test=True, label=label)[1]
        y = labels.dataset.test.y[:, label].numpy()
        found = choices(one, "f_beta", 1.0, Costs(10, 1))
        assert [choice.decision for choice in found].count("label_thresholds") == 2
        for choice in found:
            params = check_params(choice.params, DECISIONS[choice.decision].params, "choice")
            strategy = dataclasses.replace(one.model.run.strategy, decision=choice.decision, decision_params=params)
            run = dataclasses.replace(one.model.run, strategy=strategy)
            decided = dataclasses.replace(
                labels, runs=(run,), models={run.at: dataclasses.replace(one.model, run=run)}, diverged={}
            )
            result = evaluate(decided)[run.at]
            said = predictions(one, choice, "test")
            assert sk.recall_score(y, said) == pytest.approx(result.recall[label])
            assert sk.precision_score(y, said, zero_division=0) == pytest.approx(np.nan_to_num(result.precision[label]))


def test_the_best_threshold_of_a_label_says_the_same_as_tuned(labels):
    for label in range(4):
        for one in read(labels, label=label):
            found = {choice.decision: choice for choice in reversed(choices(one, "mcc"))}
            np.testing.assert_array_equal(
                predictions(one, found["label_thresholds"], "validation"), predictions(one, found["tuned"], "validation")
            )
            assert 0 <= best_tau(one, "mcc") <= 3


def test_a_threshold_for_one_label_leaves_the_others_where_they_are(labels):
    one = read(labels, label=1)[3]
    choice = at_threshold(one, 0.0, "the slider's")
    assert choice.decision == "label_thresholds" and choice.params["thresholds"] == pytest.approx((0.2, 0.5, 0.4, 0.6))
    assert choice.label == "A threshold for each label (0.5 here)"
    strategy = one.model.run.strategy
    since = dataclasses.replace(strategy, decision_params=Params({"thresholds": (0.9, 0.9, 0.9, 0.1)}))
    assert beside(choice, since).params["thresholds"] == (0.9, 0.5, 0.9, 0.1)  # sent one after another, both stay
    shared = dataclasses.replace(strategy, decision_params=Params({"thresholds": (0.7,)}))
    assert beside(choice, shared).params["thresholds"] == (0.7, 0.5, 0.7, 0.7)
    plain = dataclasses.replace(strategy, decision="argmax", decision_params=Params())
    assert beside(choice, plain) == choice and beside(Choice("", "argmax", {}), strategy).decision == "argmax"


@pytest.mark.parametrize("label", [None, 4, -1])
def test_a_label_has_to_be_one_of_them(labels, label):
    with pytest.raises(ValueError, match="Expected a label from 0 to 3"):
        read(labels, label=label)


def test_rows_of_exclusive_classes_have_no_label(binary):
    with pytest.raises(ValueError, match="Expected no label, got 0"):
        read(binary, label=0)


def test_steps_that_count_are_the_rows_of_a_series(series):
    part = series.dataset.test
    for one in read(series, test=True):
        logits = one.model.outputs(part.x, part.mask)
        asked = one.sample("test", 1, undone=False)
        theirs = [(float(logits[n, t]), int(part.y[n, t]), n) for n, t in part.mask.nonzero().tolist()]
        np.testing.assert_allclose(asked.score, [row[0] for row in theirs], atol=1e-5)
        assert asked.y_true.tolist() == [row[1] for row in theirs] and one.series("test").tolist() == [row[2] for row in theirs]
        found = choices(one, "f_beta")
        assert {"threshold", "tuned", "undo"} <= {choice.decision for choice in found}
        for choice in found:
            assert predictions(one, choice, "test").shape == asked.y_true.shape


def test_undone_steps_have_the_odds_as_they_come(series):
    weighted = read(series, test=True)[1]
    trained_, undone = (weighted.sample("test", 1, undone=undone) for undone in (False, True))
    assert probability(trained_.score).mean() > 2 * trained_.prior
    assert probability(undone.score).mean() == pytest.approx(undone.prior, rel=0.3)


def cut_in_steps(draw, series, steps=10):
    """Series in which every step says what its first says: as many independent rows as there are series."""
    y = (draw.random(series) < 0.5).astype(np.int64)
    said = (draw.random(series) < np.where(y == 1, 0.7, 0.2)).astype(np.int64)
    return np.repeat(y, steps), np.repeat(said, steps), np.repeat(np.arange(series), steps)


def test_steps_that_say_the_same_are_no_more_evidence_than_their_series():
    y, said, of = cut_in_steps(np.random.default_rng(0), 200)
    rows = interval(y[::10], said[::10], Metric("recall"))
    whole, steps = interval(y, said, Metric("recall"), of), interval(y, said, Metric("recall"))
    assert whole.high - whole.low == pytest.approx(rows.high - rows.low, rel=0.1)
    assert whole.high - whole.low > 2.5 * (steps.high - steps.low)  # about the root of ten


def test_intervals_over_series_cover_the_truth_where_those_over_steps_do_not():
    """300 worlds of 100 series; the binomial noise of the share itself is 1.3 %."""
    draw, covered = np.random.default_rng(2), np.zeros(2)
    for _ in range(300):
        y, said, of = cut_in_steps(draw, 100)
        for place, found in enumerate((interval(y, said, Metric("recall"), of), interval(y, said, Metric("recall")))):
            covered[place] += found.low <= 0.7 <= found.high
    assert 0.90 <= covered[0] / 300 <= 0.98 and covered[1] / 300 < 0.6


def test_a_difference_of_series_is_drawn_as_series():
    draw = np.random.default_rng(0)
    y, first, of = cut_in_steps(draw, 100)
    second = np.where(np.repeat(draw.random(100) < 0.3, 10), y, first)
    metric = Metric("recall")
    whole, steps = difference(y, first, second, metric, of), difference(y, first, second, metric)
    assert whole.value == steps.value == pytest.approx(sk.recall_score(y, second) - sk.recall_score(y, first))
    assert whole.high - whole.low > 2.5 * (steps.high - steps.low)


def test_events_in_few_series_have_no_interval_however_many_steps_they_have():
    y, said, of = cut_in_steps(np.random.default_rng(0), FEW)
    assert few_rows(y, Metric("recall"), of) and not few_rows(y, Metric("recall"))
    assert (
        interval(y, said, Metric("recall"), of).kind == "none"
        and difference(y, said, said, Metric("recall"), of).kind == "none"
    )


def test_the_steps_of_a_series_are_numbered_where_every_step_counts():
    part = Split(torch.zeros(3, 2, 1), torch.zeros(3, 2))
    assert series_of_steps(part, "sequence").tolist() == [0, 0, 1, 1, 2, 2] and series_of_steps(part, "multilabel") is None
