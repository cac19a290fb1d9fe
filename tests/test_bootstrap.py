"""Intervals of differences: against a bootstrap that draws rows one by one, and their coverage in a simulation."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score

from lib.bootstrap import _distinct, class_precision, class_recall, mean_recall, paired_difference

MEASURES = {
    "recall": (class_recall(1), lambda y, p: recall_score(y, p, zero_division=np.nan)),
    "precision": (class_precision(1), lambda y, p: precision_score(y, p, zero_division=np.nan)),
    "mean recall": (mean_recall, balanced_accuracy_score),
}


def readings(seeds=3, rows=400, share=0.2, seed=0):
    """True classes and two readings of the same rows, the second right more often on positives."""
    generator = np.random.default_rng(seed)
    y = (generator.random(rows) < share).astype(int)
    luck = generator.random((seeds, rows))
    first = np.where(y == 1, luck < 0.5, luck < 0.05).astype(int)
    second = np.where(y == 1, luck < 0.7, luck < 0.1).astype(int)
    return np.tile(y, (seeds, 1)), first, second


@pytest.mark.parametrize("name", MEASURES)
def test_the_difference_is_scikit_learns(name):
    y, first, second = readings()
    ours, theirs = MEASURES[name]
    expected = np.mean([theirs(t, b) - theirs(t, a) for t, a, b in zip(y, first, second, strict=True)])
    assert paired_difference(y, first, second, ours).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_one_seeds_interval_is_that_of_drawing_rows_one_by_one(name):
    y, first, second = readings(seeds=1)
    ours, theirs = MEASURES[name]
    generator = np.random.default_rng(1)
    draws = []
    for _ in range(600):
        rows = generator.integers(0, y.shape[1], y.shape[1])
        draws.append(theirs(y[0, rows], second[0, rows]) - theirs(y[0, rows], first[0, rows]))
    found = paired_difference(y, first, second, ours)
    assert (found.low, found.high) == pytest.approx(np.nanquantile(draws, [0.025, 0.975]), abs=0.02)
    assert found.low < found.value < found.high


def test_the_same_reading_differs_by_nothing():
    y, first, _ = readings()
    found = paired_difference(y, first, first, class_recall(1))
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert not found.clear


def test_training_noise_widens_the_interval():
    y, first, second = readings(seeds=2)
    noisy = second.copy()
    noisy[0] = first[0]  # one seed gains nothing
    calm, wide = (paired_difference(y, first, read, class_recall(1)) for read in (second, noisy))
    assert wide.high - wide.low > 2 * (calm.high - calm.low)


def test_rows_of_their_own_per_seed_leave_the_t_interval_of_the_seeds():
    y, first, second = readings(seeds=4)
    y, first, second = (np.array([np.roll(row, 13 * i) for i, row in enumerate(part)]) for part in (y, first, second))
    found = paired_difference(y, first, second, class_recall(1), shared=False)
    each = [recall_score(t, b) - recall_score(t, a) for t, a, b in zip(y, first, second, strict=True)]
    half = 3.182446 * np.std(each, ddof=1) / 2  # t(.975, 3) of the tables, over sqrt 4
    assert (found.low, found.high) == pytest.approx((np.mean(each) - half, np.mean(each) + half), abs=1e-6)


def test_without_rows_of_the_class_nothing_is_said():
    y = np.zeros((2, 10), dtype=int)
    found = paired_difference(y, y, y + 1, class_recall(1))
    assert np.isnan(found.value)
    assert np.isnan(found.low)
    assert not found.clear


def test_one_seed_on_rows_of_its_own_has_no_interval():
    y, first, second = readings(seeds=1)
    assert np.isnan(paired_difference(y, first, second, class_recall(1), shared=False).low)


@pytest.mark.parametrize("positives", [100, 300])
def test_intervals_cover_the_truth(positives):
    """400 draws of one fixed pair of classifiers, whose recalls differ by exactly 0.2."""
    covered = 0
    for draw in range(400):
        y, first, second = readings(seeds=1, rows=positives * 5, seed=draw)
        found = paired_difference(y, first, second, class_recall(1))
        covered += found.low <= 0.2 <= found.high
    assert 0.92 <= covered / 400 <= 0.97


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_patterns_are_the_distinct_columns_in_their_order(classes):
    rows = np.random.default_rng(classes).integers(-1, classes, size=(7, 500))
    rows = rows[:, np.random.default_rng(0).integers(0, 200, size=500)]  # some are there more than once
    found, place, counts = np.unique(rows, axis=1, return_inverse=True, return_counts=True)
    ours = _distinct(rows)
    np.testing.assert_array_equal(ours[0], found)
    np.testing.assert_array_equal(ours[1], place.ravel())
    np.testing.assert_array_equal(ours[2], counts)
