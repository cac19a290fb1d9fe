"""What theory says about a linear rule on a recipe of unit Gaussians: exact rates, the exact gap, the Bayes rule of a weight.

One class against the rest: what is not of the class is a mixture of the other Gaussians, in the shares of their classes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lib.theory import bayes_recall

Array = NDArray[np.float64]


def rates(coef: Array, intercept: Array, means: Array, shares: Array, positive: int) -> tuple[Array, Array]:
    """Exact recall and share of false alarms, [W] each, of saying yes where coef . x + intercept > 0.

    coef [W, D], intercept [W], means [C, D], shares [C] of the classes; `positive` is the class that is asked for.
    """
    length = np.linalg.norm(coef, axis=1, keepdims=True)
    margin = coef @ means.T + intercept[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(length > 0, special.ndtr(margin / length), margin > 0)  # [W, C]
    rest = np.arange(len(means)) != positive
    return yes[:, positive], yes[:, rest] @ (shares[rest] / shares[rest].sum())


def gap(coef: Array, intercept: Array, plain: Array, means: Array, shares: Array, positive: int) -> Array:
    """Exact recall of each rule less that of the plain direction [D] at the same share of false alarms, [W]."""
    found, alarms = rates(coef, intercept, means, shares, positive)
    reach = 40.0 * np.linalg.norm(plain) + np.abs(means @ plain).max()
    low, high = np.full(len(found), -reach), np.full(len(found), reach)
    directions = np.tile(plain, (len(found), 1))
    for _ in range(80):  # the more is added to the score, the more alarms: bisection
        middle = (low + high) / 2
        many = rates(directions, middle, means, shares, positive)[1] > alarms
        low, high = np.where(many, low, middle), np.where(many, middle, high)
    return found - rates(directions, low, means, shares, positive)[0]


def bayes_log_odds(x: Array, means: Array, shares: Array, positive: int) -> Array:
    """Log odds [N] of the class at points x [N, D]. With weight w the best rule says yes where they exceed -log w."""
    with np.errstate(divide="ignore"):
        parts = np.log(shares) - ((x[:, None] - means) ** 2).sum(2) / 2
    return parts[:, positive] - special.logsumexp(np.delete(parts, positive, axis=1), axis=1)


def equal_errors(means: Array, shares: Array, positive: int) -> float:
    """Of two classes: the weight with which the Bayes rule misses both equally often."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        weighted = np.where(np.arange(2) == positive, np.exp(middle), 1.0) * shares
        found = bayes_recall(means, weighted)
        low, high = (low, middle) if found[positive] > found[1 - positive] else (middle, high)
    return float(np.exp(low))
