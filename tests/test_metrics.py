"""Metrics equal scikit-learn's, and follow the conventions of design.md section 6 where it has none."""

import math
import warnings

import numpy as np
import pytest
import torch
from imblearn.metrics import geometric_mean_score
from scipy import stats
from sklearn import metrics as oracle

from lib.metrics import METRICS, Evidence, confusion_matrices, precision, recall, t_interval, wilson_interval


def draw(classes, rows, seed, absent=()):
    """Targets, probabilities and predictions; some rows tie, and some classes may have no rows."""
    dice = np.random.default_rng(seed)
    present = [c for c in range(classes) if c not in absent]
    y_true = dice.choice(present, rows, p=dice.dirichlet(np.ones(len(present)) * 2))
    y_true[: len(present)] = present
    scores = dice.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[y_true]
    scores = scores.round(1) if seed % 2 else scores  # ties
    y_prob = torch.tensor(scores).softmax(-1).numpy()
    return y_true, y_prob, y_prob.argmax(1)


def matrix(y_true, y_pred, classes):
    return confusion_matrices(torch.tensor(y_true), torch.tensor(y_pred)[None], classes)[0].double().numpy()


def measured(y_true, y_prob, y_pred):
    evidence = Evidence(matrix(y_true, y_pred, y_prob.shape[1]), y_true, y_prob)
    return {key: metric.function(evidence) for key, metric in METRICS.items()}


def expected(y_true, y_prob, y_pred):
    """scikit-learn's numbers; macro averages over the classes that have rows."""
    classes = y_prob.shape[1]
    present = np.unique(y_true)
    truth = np.eye(classes)[y_true]
    one_vs_rest = {"y_true": truth[:, present], "y_score": y_prob[:, present], "average": "macro"}
    if classes == 2:
        one_vs_rest = {"y_true": y_true, "y_score": y_prob[:, 1]}
    return {
        "accuracy": oracle.accuracy_score(y_true, y_pred),
        "majority_accuracy": np.bincount(y_true).max() / len(y_true),
        "balanced_accuracy": oracle.recall_score(y_true, y_pred, labels=present, average="macro", zero_division=0),
        "macro_f1": oracle.f1_score(y_true, y_pred, labels=present, average="macro", zero_division=0),
        "g_mean": geometric_mean_score(y_true, y_pred, labels=present, average="multiclass"),
        "mcc": oracle.matthews_corrcoef(y_true, y_pred),
        "average_precision": oracle.average_precision_score(**one_vs_rest),
        "auroc": oracle.roc_auc_score(**one_vs_rest),
        "nll": oracle.log_loss(y_true, y_prob, labels=range(classes)),
        "brier": ((y_prob - truth) ** 2).sum(1).mean(),
    }


CASES = [
    (2, 300, (), 0),
    (2, 40, (), 1),
    (3, 500, (), 2),
    (3, 200, (), 3),
    (10, 900, (), 4),
    (10, 400, (2, 7), 5),
    (4, 60, (0,), 6),
]


@pytest.mark.parametrize(("classes", "rows", "absent", "seed"), CASES)
def test_every_metric_equals_its_oracle(classes, rows, absent, seed):
    sample = draw(classes, rows, seed, absent)
    ours, theirs = measured(*sample), expected(*sample)
    assert set(ours) == set(theirs) == set(METRICS)
    for key in METRICS:
        assert ours[key] == pytest.approx(theirs[key], abs=1e-12), key


@pytest.mark.parametrize(("classes", "rows", "absent", "seed"), CASES)
def test_matrix_recall_and_precision_equal_scikit_learns(classes, rows, absent, seed):
    y_true, _, y_pred = draw(classes, rows, seed, absent)
    counts, labels = matrix(y_true, y_pred, classes), range(classes)
    assert np.array_equal(counts, oracle.confusion_matrix(y_true, y_pred, labels=labels))
    settings = {"labels": labels, "average": None, "zero_division": np.nan}
    np.testing.assert_allclose(recall(counts), oracle.recall_score(y_true, y_pred, **settings), rtol=1e-12)
    np.testing.assert_allclose(precision(counts), oracle.precision_score(y_true, y_pred, **settings), rtol=1e-12)
    assert np.isnan(recall(counts)[list(absent)]).all()


def test_where_scikit_learn_has_a_function_of_the_same_name_it_agrees():
    y_true, y_prob, y_pred = draw(3, 400, 8)
    ours = measured(y_true, y_prob, y_pred)
    assert ours["balanced_accuracy"] == pytest.approx(oracle.balanced_accuracy_score(y_true, y_pred), abs=1e-12)
    assert ours["auroc"] == pytest.approx(oracle.roc_auc_score(y_true, y_prob, multi_class="ovr", average="macro"), abs=1e-12)
    y_true, y_prob, y_pred = draw(2, 400, 8)
    theirs = oracle.brier_score_loss(y_true, y_prob[:, 1], scale_by_half=False)
    assert measured(y_true, y_prob, y_pred)["brier"] == pytest.approx(theirs, abs=1e-12)


def test_matrices_of_several_runs_keep_them_apart():
    y_true = torch.tensor([0, 0, 1, 2])
    y_pred = torch.tensor([[0, 1, 1, 2], [2, 2, 2, 2]])
    first, second = confusion_matrices(y_true, y_pred, 3).tolist()
    assert first == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert second == [[0, 0, 2], [0, 0, 1], [0, 0, 1]]
    stacked = confusion_matrices(y_true, y_pred, 3).double().numpy()
    np.testing.assert_allclose(recall(stacked), [[0.5, 1, 1], [0, 0, 1]])


def test_g_mean_is_zero_when_a_class_is_never_found_and_leaves_out_classes_without_rows():
    never = np.array([[8.0, 2, 0], [5, 0, 0], [0, 0, 9]])
    assert METRICS["g_mean"].function(Evidence(never, np.zeros(0, int), None)) == 0
    absent = np.array([[8.0, 2, 0], [0, 0, 0], [0, 5, 5]])
    assert METRICS["g_mean"].function(Evidence(absent, np.zeros(0, int), None)) == pytest.approx(math.sqrt(0.8 * 0.5))


def test_a_constant_prediction_has_mcc_zero_and_no_warning():
    constant = Evidence(np.array([[90.0, 0], [10, 0]]), np.repeat([0, 1], [90, 10]), None)
    assert METRICS["mcc"].function(constant) == 0
    assert METRICS["accuracy"].function(constant) == METRICS["majority_accuracy"].function(constant) == 0.9
    assert np.isnan(precision(constant.confusion)[1])


def test_mcc_of_a_million_rows_does_not_overflow():
    large = np.array([[4e5, 1e5], [1e5, 3e5]])
    small = METRICS["mcc"].function(Evidence(large / 1e4, np.zeros(0, int), None))
    assert METRICS["mcc"].function(Evidence(large, np.zeros(0, int), None)) == pytest.approx(small, abs=1e-12)
    whole = METRICS["mcc"].function(Evidence(large.astype(np.int64), np.zeros(0, int), None))
    assert whole == pytest.approx(small, abs=1e-12)


def test_without_probabilities_their_metrics_are_undefined():
    y_true, _, y_pred = draw(3, 50, 0)
    evidence = Evidence(matrix(y_true, y_pred, 3), y_true, None)
    for key in ("average_precision", "auroc", "nll", "brier"):
        assert math.isnan(METRICS[key].function(evidence))


@pytest.mark.parametrize("classes", [2, 3])
def test_ranking_needs_two_classes_with_rows(classes):
    y_true, y_prob = np.zeros(20, int), np.full((20, classes), 1 / classes)
    evidence = Evidence(matrix(y_true, y_true, classes), y_true, y_prob)
    assert math.isnan(METRICS["auroc"].function(evidence)) and math.isnan(METRICS["average_precision"].function(evidence))


def test_a_sure_and_wrong_row_has_a_finite_nll():
    evidence = Evidence(np.eye(2), np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert METRICS["nll"].function(evidence) == pytest.approx(-math.log(np.finfo(float).tiny) / 2)


def test_the_t_interval_is_that_of_the_finite_values():
    values = np.array([0.2, 0.5, np.nan, 0.6, 0.4])
    theirs = stats.ttest_1samp([0.2, 0.5, 0.6, 0.4], 0).confidence_interval(0.95)
    assert t_interval(values) == pytest.approx(tuple(theirs))
    assert t_interval(np.array([0.3])) is None and t_interval(np.array([np.nan, 0.3])) is None
    assert t_interval(np.array([0.3, 0.3])) == (0.3, 0.3)


@pytest.mark.parametrize(("hits", "rows"), [(0, 5), (3, 7), (7, 7), (29, 30), (500, 1000)])
def test_wilsons_interval_equals_scipys(hits, rows):
    theirs = stats.binomtest(hits, rows).proportion_ci(0.95, "wilson")
    assert wilson_interval(hits, rows) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilsons_interval_of_no_rows_does_not_exist():
    with warnings.catch_warnings(action="error"):
        assert wilson_interval(0, 0) is None
