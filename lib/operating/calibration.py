"""Do probabilities mean what they say? Reliability, ECE, Brier and its parts, intercept and slope; and three ways to mend it.

Conventions: ECE is over 15 bins of equal width of the probability of yes, absolute gaps weighted by rows (torchmetrics'
binary_calibration_error, norm l1). Brier is the mean of (p - y)^2 (scikit-learn's brier_score_loss; Compare's table sums it
over both classes, which is twice that). Its parts are those of Dimitriadis, Gneiting & Jordan 2021 (arXiv 2008.03033):
Brier = miscalibration - discrimination + uncertainty, exact, with isotonic regression in the place of bins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from lib.operating.scored import LARGEST, Sample, intercept, logit, probability
from lib.thresholds import auroc, average_precision, cuts

Array = NDArray[np.float64]
Recalibrate = Callable[[Array], Array]  # scores -> scores

BINS = 15
STEPS = 100  # of Newton's method; five are usual
STEEPEST = 1e3  # a slope beyond it means that a threshold separates the classes
EDGE = 1e-12


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins that have rows: mean probability, share of yes, and rows, [B] each."""

    predicted: Array
    observed: Array
    rows: Array


@dataclass(frozen=True)
class Calibration:
    """What is read off one sample; NaN where it is undefined."""

    ece: float
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    intercept: float  # with the slope held at 1; 0 is right, below 0: probabilities too high
    slope: float  # 1 is right, below 1: too extreme
    auroc: float
    average_precision: float


def reliability(sample: Sample, edges: Array) -> Reliability:
    """Bins between `edges` of the probability; a bin holds its lower end, the last one both."""
    p = probability(sample.score)
    at = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, len(edges) - 2)
    rows = np.bincount(at, minlength=len(edges) - 1).astype(float)
    full = rows > 0
    predicted = np.bincount(at, p, len(edges) - 1)[full] / rows[full]
    return Reliability(predicted, np.bincount(at, sample.y_true, len(edges) - 1)[full] / rows[full], rows[full])


def ece(sample: Sample, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal width."""
    if not len(sample.y_true):
        return np.nan
    found = reliability(sample, np.linspace(0, 1, bins + 1))
    return float(found.rows @ np.abs(found.observed - found.predicted) / found.rows.sum())


def brier_parts(y_true: NDArray[np.int64], p: Array) -> tuple[float, float, float, float]:
    """Brier, miscalibration, discrimination, uncertainty. NaN without rows."""
    if not len(y_true):
        return np.nan, np.nan, np.nan, np.nan
    brier = float(np.mean((p - y_true) ** 2))
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(p, y_true).predict(p)
    at_best = float(np.mean((fitted - y_true) ** 2))
    uncertainty = float(y_true.mean() * (1 - y_true.mean()))
    return brier, brier - at_best, uncertainty - at_best, uncertainty


def logistic(sample: Sample) -> tuple[float, float]:
    """a and b of logit P(yes) = a + b score, by maximum likelihood (Newton). NaN where there is none: a class is missing,
    all scores are the same, or a threshold separates the classes."""
    spread = float(sample.score.std()) if len(sample.score) else 0.0
    if not (sample.positives and sample.negatives) or spread == 0:
        return np.nan, np.nan
    x = np.stack([np.ones_like(sample.score), (sample.score - sample.score.mean()) / spread])
    beta = np.array([float(logit(sample.prior)), 0.0])
    for _ in range(STEPS):
        p = probability(beta @ x)
        slack = p * (1 - p)
        hessian = (x * slack) @ x.T
        step = np.linalg.lstsq(hessian, x @ (sample.y_true - p), rcond=None)[0]
        size = np.abs(step).max()
        beta = beta + step * min(1.0, 4.0 / max(size, EDGE))
        if size < 1e-10:
            break
    else:
        return np.nan, np.nan
    if abs(beta[1]) > STEEPEST or slack.sum() < 1e-6:
        return np.nan, np.nan
    slope = beta[1] / spread
    return float(beta[0] - slope * sample.score.mean()), float(slope)


def calibration(sample: Sample) -> Calibration:
    """Everything at once."""
    brier, miscalibration, discrimination, uncertainty = brier_parts(sample.y_true, probability(sample.score))
    found = cuts(sample.y_true, sample.score)
    return Calibration(
        ece(sample), brier, miscalibration, discrimination, uncertainty, intercept(sample), logistic(sample)[1],
        auroc(found), average_precision(found),
    )  # fmt: skip


def temperature(sample: Sample) -> Recalibrate:
    """Divide the log odds by the T that gives the least NLL on these rows (Guo et al. 2017, arXiv 1706.04599)."""
    sign = 1 - 2 * sample.y_true

    def nll(log_t: float) -> float:
        return float(np.logaddexp(0, sign * sample.score / np.exp(log_t)).mean())

    t = float(np.exp(minimize_scalar(nll, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8}).x))
    return lambda score: score / t


def platt(sample: Sample) -> Recalibrate:
    """Logistic regression on the log odds, unpenalised (Platt 1999, without his smoothed targets)."""
    fitted = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(sample.score[:, None], sample.y_true)
    return lambda score: np.asarray(fitted.decision_function(score[:, None]))


def isotonic(sample: Sample) -> Recalibrate:
    """The best probabilities that rise with the score (Zadrozny & Elkan 2002). Steps: many rows share a probability."""
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(sample.score, sample.y_true)
    return lambda score: np.clip(logit(fitted.predict(score)), -LARGEST, LARGEST)


WAYS: Mapping[str, Callable[[Sample], Recalibrate]] = {"temperature": temperature, "platt": platt, "isotonic": isotonic}


def recalibrated(way: str, fitted_on: Sample, applied_to: Sample) -> Sample:
    """Rows with scores that were mended on other rows. Raises ValueError where those lack one of the classes."""
    if not (fitted_on.positives and fitted_on.negatives):
        raise ValueError(
            "Calibration needs validation rows with and without the class, "
            f"got {fitted_on.positives} and {fitted_on.negatives}. Take more rows, or read the scores as they are."
        )  # fmt: skip
    return Sample(applied_to.y_true, WAYS[way](fitted_on)(applied_to.score))
