import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from torchmetrics.functional.classification import binary_calibration_error

from lib.operating.calibration import (
    WAYS,
    brier_parts,
    calibration,
    ece,
    logistic,
    recalibrated,
    reliability,
)
from lib.operating.scored import Sample, intercept, probability
from tests.operating.conftest import sample


@pytest.mark.parametrize("bins", [5, 10, 15])
@pytest.mark.parametrize("seed", range(3))
def test_ece_is_that_of_torchmetrics(bins, seed):
    some = sample(seed=seed, shift=1.0)
    p = torch.as_tensor(probability(some.score))
    theirs = binary_calibration_error(p, torch.as_tensor(some.y_true), n_bins=bins, norm="l1")
    assert ece(some, bins) == pytest.approx(float(theirs), abs=1e-6)


def test_brier_is_scikit_learns_and_its_parts_add_up():
    some = sample(shift=1.0)
    p = probability(some.score)
    brier, miscalibration, discrimination, uncertainty = brier_parts(some.y_true, p)
    assert brier == pytest.approx(sk.brier_score_loss(some.y_true, p))
    assert brier == pytest.approx(miscalibration - discrimination + uncertainty)
    assert uncertainty == pytest.approx(some.prior * (1 - some.prior)) and miscalibration > 0.01 and discrimination > 0
    assert brier_parts(some.y_true, np.full(len(p), some.prior))[1:3] == pytest.approx((0, 0))


@pytest.mark.parametrize("shift", [-3.0, -0.5, 0.0, 2.0])
def test_the_intercept_is_what_was_added_to_the_odds(shift):
    some = sample(100_000, shift=shift)
    found = intercept(some)
    assert found == pytest.approx(-shift, abs=0.03)
    assert probability(some.score + found).mean() == pytest.approx(some.prior, abs=1e-12)  # the likelihood's own equation


@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
def test_intercept_and_slope_are_scikit_learns_logistic_regression(slope):
    some = sample(slope=slope, shift=0.7)
    theirs = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(some.score[:, None], some.y_true)
    assert logistic(some) == pytest.approx((theirs.intercept_[0], theirs.coef_[0, 0]), abs=1e-6)
    assert calibration(some).slope == pytest.approx(1 / slope, rel=0.1)


@pytest.mark.parametrize("y, score", [
    (np.zeros(4, int), np.arange(4.0)), (np.ones(4, int), np.arange(4.0)), (np.array([0, 1, 1]), np.full(3, 2.0)),
    (np.array([0, 0, 1, 1]), np.array([-2.0, -1.0, 1.0, 2.0])), (np.zeros(0, int), np.zeros(0)),
])  # fmt: skip
def test_what_has_no_slope_has_none(y, score):
    known = calibration(Sample(y, score))
    assert np.isnan(known.slope) and not np.isinf(list(vars(known).values())).any()


def test_everything_of_no_rows_is_undefined():
    assert np.isnan(list(vars(calibration(Sample(np.zeros(0, int), np.zeros(0)))).values())).all()


def test_reliability_counts_every_row_once():
    some = sample(500)
    found = reliability(some, np.linspace(0, 1, 11))
    assert found.rows.sum() == 500 and found.rows @ found.observed == some.positives
    assert found.rows @ found.predicted == pytest.approx(probability(some.score).sum())
    assert reliability(Sample(np.array([1]), np.array([800.0])), np.linspace(0, 1, 3)).predicted.tolist() == [1.0]


@pytest.mark.parametrize("way, method", [("platt", "sigmoid"), ("isotonic", "isotonic")])
def test_platt_and_isotonic_are_scikit_learns(way, method):
    """Its sigmoid smooths the targets (Platt's own advice), which vanishes with the rows."""
    fitted_on, applied_to = sample(20_000, shift=2.0, slope=1.4), sample(300, seed=1, shift=2.0, slope=1.4)

    as_it_is = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    as_it_is.coef_, as_it_is.intercept_ = np.ones((1, 1)), np.zeros(1)  # its decision function is the score itself
    theirs = CalibratedClassifierCV(FrozenEstimator(as_it_is), method=method).fit(fitted_on.score[:, None], fitted_on.y_true)
    ours = recalibrated(way, fitted_on, applied_to)
    wanted = theirs.predict_proba(applied_to.score[:, None])[:, 1]
    np.testing.assert_allclose(probability(ours.score), wanted, atol=2e-3)


def test_temperature_is_the_least_nll_of_all_temperatures():
    fitted_on = sample(5000, slope=2.5)
    found = recalibrated("temperature", fitted_on, Sample(np.array([1]), np.array([1.0]))).score[0]

    def nll(factor):
        return sk.log_loss(fitted_on.y_true, probability(fitted_on.score * factor))

    assert nll(found) <= min(nll(found * 1.01), nll(found / 1.01)) and found == pytest.approx(1 / 2.5, rel=0.15)


@pytest.mark.parametrize("way", WAYS)
def test_mended_probabilities_are_right_on_other_rows(way):
    fitted_on, applied_to = sample(20_000, slope=2.0), sample(20_000, seed=1, slope=2.0)
    assert ece(recalibrated(way, fitted_on, applied_to)) < 0.35 * ece(applied_to)


@pytest.mark.parametrize("way", WAYS)
def test_calibration_without_rows_of_a_class_is_refused(way):
    with pytest.raises(ValueError, match="got 0 and 3"):
        recalibrated(way, Sample(np.zeros(3, int), np.arange(3.0)), sample(10))
