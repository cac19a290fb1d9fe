"""What is read off a path: counts, curves and the gap, against scikit-learn and against counting by hand."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from lib.dial import dial_weights, read
from lib.dial.reading import BINS, gap, reliability

WEIGHTS = dial_weights().numpy()


def scores(n=3000, positive=0.1, seed=0, noise=0.0):
    """Plain log odds that are right, what weighted models say (log w more, and noise of their own), and the truth."""
    draw = np.random.default_rng(seed)
    plain = draw.normal(-3, 1.5, n) + 3 * (draw.random(n) < positive)
    y = draw.random(n) < 1 / (1 + np.exp(-plain))
    own = noise * draw.normal(size=(len(WEIGHTS), n))
    return plain, (lambda at: plain + np.log(WEIGHTS[at]) + own[at]), y


def test_counts_and_rates_are_scikit_learns():
    plain, score, y = scores(noise=0.5)
    reading = read(WEIGHTS, score, plain, y)
    for at in (0, 20, 30, 45, 60):
        for points, said in ((reading.weighted, score(at) > 0), (reading.moved, plain > -np.log(WEIGHTS[at]))):
            np.testing.assert_array_equal(points.counts[at], metrics.confusion_matrix(y, said, labels=[False, True]))
            assert points.recall[at] == pytest.approx(metrics.recall_score(y, said))
            assert points.false_alarms[at] == pytest.approx((said & ~y).sum() / (~y).sum())
            if said.any():
                assert points.precision[at] == pytest.approx(metrics.precision_score(y, said))
    assert reading.class_rows == ((~y).sum(), y.sum())


def test_a_weight_that_only_adds_log_w_is_a_moved_threshold():
    plain, score, y = scores()
    reading = read(WEIGHTS, score, plain, y)
    np.testing.assert_array_equal(reading.weighted.counts, reading.moved.counts)
    assert np.nanmax(np.abs(reading.gap.value)) == 0
    assert (reading.gap.low[np.isfinite(reading.gap.low)] <= 0).all()


def test_reliability_is_the_calibration_curve():
    plain, _, y = scores()
    probability = 1 / (1 + np.exp(-plain))
    mean, observed, rows = reliability(probability, y)
    share, said = calibration_curve(y, probability, n_bins=BINS)
    np.testing.assert_allclose(observed[rows > 0], share)
    np.testing.assert_allclose(mean[rows > 0], said)
    assert rows.sum() == len(y)


def test_probabilities_at_the_ends_have_a_bin():
    _, _, rows = reliability(np.array([0.0, 0.1, 1.0]), np.array([True, False, True]))
    assert rows.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]


def test_every_row_is_in_the_histogram_of_its_class():
    plain, score, y = scores()
    reading = read(WEIGHTS, score, plain, y)
    np.testing.assert_allclose(reading.scores.sum(2), 1)


def test_the_gap_is_the_height_over_the_roc_curve():
    """Between steps of scikit-learn's ROC curve a vertical piece stands at each share of false alarms."""
    plain, _, y = scores(400, seed=3)
    draw = np.random.default_rng(0)
    said = (plain + draw.normal(size=(20, 400))) > np.linspace(-3, 1, 20)[:, None]
    found = gap(said, plain, y).value
    alarms, recalls, _ = metrics.roc_curve(y, plain, drop_intermediate=False)
    for at in range(20):
        share, own = (said[at] & ~y).sum() / (~y).sum(), (said[at] & y).sum() / y.sum()
        on = recalls[np.isclose(alarms, share)]
        assert found[at] == pytest.approx(own - np.clip(own, on.min(), on.max()), abs=1e-12)


def test_within_a_tie_the_curve_is_straight():
    plain, y = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0]), np.array([True, True, False, False, True, False])
    said = np.array([[True, False, True, False, False, False]])  # one of three found, one of three false
    assert gap(said, plain, y).value[0] == pytest.approx(1 / 3 - 1 / 3)
    said = np.array([[True, True, True, False, False, False]])
    assert gap(said, plain, y).value[0] == pytest.approx(2 / 3 - 1 / 3)


def test_a_better_rule_has_a_gap_with_an_interval_above_0():
    draw = np.random.default_rng(0)
    y = np.arange(4000) < 400
    plain = draw.normal(size=4000) + y
    better = plain + 2 * y
    found = gap(better[None] > 1.5, plain, y)
    assert found.low[0] > 0.2 and found.low[0] < found.value[0] < found.high[0]


def test_below_30_rows_of_a_class_there_is_no_interval():
    plain, score, y = scores(500)
    y[:] = False
    y[:20] = True
    reading = read(WEIGHTS, score, plain, y)
    assert np.isnan(reading.gap.low).all() and np.isfinite(reading.gap.value).any()


def test_the_interval_is_the_same_each_time_and_covers_the_known_gap():
    """Two scores of equal right: the gap is 0 whichever is called plain. The interval holds the curve's steps: 95% or more."""
    covered = []
    for seed in range(25):
        draw = np.random.default_rng(seed)
        y = np.arange(800) < 150
        centre = draw.normal(size=800) + 1.5 * y
        one, other = (centre + 0.5 * draw.normal(size=800) for _ in range(2))
        found = gap(one[None] > 1.0, other, y)
        covered.append(found.low[0] <= 0 <= found.high[0])
    assert np.mean(covered) >= 0.9
    again = gap(one[None] > 1.0, other, y)
    assert (again.low[0], again.high[0]) == (found.low[0], found.high[0])


def test_without_rows_of_a_class_its_rates_are_not_there_and_the_rest_is():
    plain, score, y = scores(300)
    reading = read(WEIGHTS, score, plain, np.zeros_like(y))
    assert np.isnan(reading.weighted.recall).all() and np.isfinite(reading.weighted.false_alarms).all()
    assert np.isnan(reading.gap.value).all() and reading.class_rows == (300, 0)
    assert reading.weighted.intervals(0)[0] is None
