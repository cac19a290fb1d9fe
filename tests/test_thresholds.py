"""Every threshold by one sort: scikit-learn and brute force agree."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from imblearn.metrics import geometric_mean_score
from sklearn import metrics as sk

from lib.thresholds import (
    CRITERIA,
    Tally,
    auroc,
    average_precision,
    best,
    best_offsets,
    best_threshold,
    criterion,
    cuts,
    precision_recall,
    roc,
)

ORACLES = {
    "recall": lambda y, said, beta: sk.recall_score(y, said),
    "precision": lambda y, said, beta: sk.precision_score(y, said),
    "f_beta": lambda y, said, beta: sk.fbeta_score(y, said, beta=beta),
    "mcc": lambda y, said, beta: sk.matthews_corrcoef(y, said),
    "g_mean": lambda y, said, beta: geometric_mean_score(y, said, average="multiclass"),
    "balanced_accuracy": lambda y, said, beta: sk.balanced_accuracy_score(y, said),
    "youden": lambda y, said, beta: sk.balanced_accuracy_score(y, said, adjusted=True),
}


def rows(n=400, share=0.2, seed=0, decimals=1):
    """Scores with many ties, and both classes."""
    draw = np.random.default_rng(seed)
    y = (draw.random(n) < share).astype(int)
    y[:2] = 0, 1
    return y, (draw.normal(size=n) + y).round(decimals)


@given(
    data=some.lists(some.tuples(some.integers(0, 1), some.integers(-3, 3), some.integers(0, 4)), max_size=30),
    weighted=some.booleans(),
)
def test_counts_at_every_threshold_are_those_of_counting(data, weighted):
    y, score, weight = (np.array([row[k] for row in data], dtype=float) for k in range(3))
    found = cuts(y, score, weight if weighted else None)
    mass = weight if weighted else np.ones(len(y))
    for t in (-10.0, -3.0, -0.5, 0.0, 2.0, 3.0, 10.0):
        tp, fp = found.at(t)
        assert tp == pytest.approx(mass[(score > t) & (y == 1)].sum()) and fp == pytest.approx(
            mass[(score > t) & (y == 0)].sum()
        )
    assert (np.diff(found.low[1:]) > 0).all() and len(found.low) == len(set(score)) + 1


@pytest.mark.parametrize("seed", range(3))
def test_roc_and_precision_recall_are_those_of_scikit_learn(seed):
    y, score = rows(seed=seed)
    found = cuts(y, score)
    fpr, tpr, _ = sk.roc_curve(y, score, drop_intermediate=False)
    np.testing.assert_allclose(roc(found), (fpr, tpr))
    precision, recall, _ = sk.precision_recall_curve(y, score)
    np.testing.assert_allclose(precision_recall(found), (precision[:-1], recall[:-1]))  # its last point has no threshold
    assert auroc(found) == pytest.approx(sk.roc_auc_score(y, score))
    assert average_precision(found) == pytest.approx(sk.average_precision_score(y, score))


@pytest.mark.parametrize("seed", range(2))
def test_weighted_rows_count_as_scikit_learn_weighs_them(seed):
    y, score = rows(seed=seed)
    weight = np.random.default_rng(seed).random(len(y))
    found = cuts(y, score, weight)
    assert auroc(found) == pytest.approx(sk.roc_auc_score(y, score, sample_weight=weight))
    assert average_precision(found) == pytest.approx(sk.average_precision_score(y, score, sample_weight=weight))


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_a_criterion_is_that_of_scikit_learn_at_every_threshold(name, beta):
    y, score = rows()
    found = cuts(y, score)
    values = criterion(name, found.tally, beta)
    for k in range(1, len(found.low) - 1):
        assert values[k] == pytest.approx(ORACLES[name](y, score > found.low[k], beta)), found.low[k]


@pytest.mark.parametrize("name", CRITERIA)
def test_criteria_of_several_classes(name):
    draw = np.random.default_rng(0)
    y, said = draw.integers(0, 4, 300), draw.integers(0, 4, 300)
    hits = np.bincount(y[y == said], minlength=4)
    value = criterion(
        name, Tally(hits.astype(float), np.bincount(said, minlength=4).astype(float), np.bincount(y).astype(float))
    )
    wanted = sk.f1_score(y, said, average="macro") if name == "f_beta" else ORACLES[name](y, said, 1.0)
    assert float(value) == pytest.approx(wanted)


@pytest.mark.parametrize("name", CRITERIA)
@given(data=some.data())
def test_the_best_threshold_is_the_best_of_all(name, data):
    pairs = data.draw(some.lists(some.tuples(some.integers(0, 1), some.integers(-4, 4)), min_size=2, max_size=25))
    y, score = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs], dtype=float)
    found = best_threshold(y, score, name)
    if len(set(y)) < 2:
        assert found == 0
        return
    values = {t: _value(name, y, score > t) for t in np.arange(-5.5, 6, 0.5)}
    assert _value(name, y, score > found) == pytest.approx(max(values.values()))
    assert found == 0 or values[0.0] < max(values.values()) - 1e-12, "0 was as good, and it would have changed nothing"


def _value(name, y, said):
    tp, fp = float((y & said).sum()), float((~y.astype(bool) & said).sum())
    from lib.thresholds import tally

    value = float(criterion(name, tally(np.array(tp), np.array(fp), y.sum(), (1 - y).sum())))
    return -1.0 if np.isnan(value) else value


def test_a_tie_goes_to_the_stretch_nearest_to_a_half_and_to_its_middle():
    y, score = np.array([0, 1, 0, 1]), np.array([-4.0, -3.0, 1.0, 2.0])
    found = cuts(y, score)
    values = criterion("balanced_accuracy", found.tally)
    assert values.tolist() == [0.5, 0.75, 0.5, 0.75, 0.5]
    assert best(values, found) == (1.5, 0.75)  # between 1 and 2; -3.5 is as good and further away


def test_all_scores_the_same_leave_the_threshold_where_it_is():
    assert best_threshold(np.array([0, 1, 1]), np.full(3, 2.0), "balanced_accuracy") == 0
    assert best_threshold(np.array([0, 1, 1]), np.full(3, 2.0), "mcc") == 0


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="finite"):
        cuts(np.array([0, 1]), np.array([0.0, np.nan]))


@pytest.mark.parametrize("name", CRITERIA)
def test_without_rows_of_a_class_nothing_is_best(name):
    for y in (np.zeros(5, int), np.ones(5, int), np.zeros(0, int)):
        found = cuts(y, np.arange(len(y), dtype=float))
        assert not np.isinf(criterion(name, found.tally)).any()
        assert best_threshold(y, np.arange(len(y), dtype=float), name) == 0


@pytest.mark.parametrize("name", CRITERIA)
@pytest.mark.parametrize("seed", range(3))
def test_offsets_are_never_worse_than_the_scores_or_logit_adjustment(name, seed):
    draw = np.random.default_rng(seed)
    y = draw.choice(4, 500, p=[0.7, 0.2, 0.08, 0.02])
    scores = draw.normal(size=(500, 4)) + 1.5 * np.eye(4)[y] + np.log([0.7, 0.2, 0.08, 0.02])
    shares = np.bincount(y, minlength=4) / 500
    found = best_offsets(y, scores, name)
    assert found[0] == 0 and np.isfinite(found).all()
    value = _of(name, y, scores + found)
    assert value >= max(_of(name, y, scores), _of(name, y, scores - np.log(shares))) - 1e-12
    for c, step in itertools.product(range(4), (-0.5, -0.1, 0.1, 0.5)):  # no neighbour along an axis is better
        assert _of(name, y, scores + found + step * np.eye(4)[c]) <= value + 1e-12


def _of(name, y, scores):
    said = scores.argmax(1)
    hits, rows = np.bincount(y[y == said], minlength=4).astype(float), np.bincount(y, minlength=4).astype(float)
    return float(criterion(name, Tally(hits, np.bincount(said, minlength=4).astype(float), rows)))


def test_offsets_of_two_classes_do_as_well_as_the_exact_threshold():
    y, score = rows(300)
    scores = np.stack([np.zeros(300), score], axis=1)
    for name in CRITERIA:
        exact = _value(name, y, score > best_threshold(y, score, name))
        assert _value(name, y, (scores + best_offsets(y, scores, name)).argmax(1) == 1) == pytest.approx(exact)


def test_offsets_find_classes_that_are_only_shifted():
    y = np.repeat([0, 1, 2], 50)
    scores = np.eye(3)[y] * 4 + np.array([9.0, 0.0, -5.0])
    assert ((scores + best_offsets(y, scores, "g_mean")).argmax(1) == y).all()
