"""Closed forms of the dial against integrals, simulation and the table of E1."""

import numpy as np
import pytest
import torch
from scipy import integrate, optimize, stats

from lib.dial import dial_weights, exact, read, weight_path
from lib.theory import bayes_recall, linear_recall

MEANS = np.array([[-1.0, 2.5], [0.5, -2.5], [0.5, 0.5]])  # the last is the class; the rest lies to two sides of it
SHARES = np.array([0.77, 0.17, 0.06])


def quadrature(means=MEANS, shares=SHARES, positive=2, nodes=24):
    """Points x [M, 2], class or not [M] and mass [M] that stand for the mixture: Gauss and Hermite's rule in two dimensions."""
    at, mass = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
    both = np.outer(mass, mass).ravel() / (2 * np.pi)
    x = np.concatenate([grid + mean for mean in means])
    y = np.repeat(np.arange(len(means)) == positive, len(grid))
    return x, y, np.concatenate([share * both for share in shares])


def population_optimum(weight):
    """The best weighted linear model of the mixture itself, by BFGS on the integral."""
    x, y, mass = quadrature()
    own, design = mass * np.where(y, weight, 1.0), np.column_stack([x, np.ones(len(x))])
    sign = np.where(y, -1.0, 1.0)

    def loss(theta):
        z = sign * (design @ theta)
        return own @ np.logaddexp(0, z), (own * sign / (1 + np.exp(-z))) @ design

    return optimize.minimize(loss, np.zeros(3), jac=True, method="BFGS", options={"gtol": 1e-10}).x


def tail(theta, mean):
    """P(theta . (x, 1) > 0) around a mean, as an integral over the direction that matters."""
    length = np.hypot(*theta[:2])
    edge = np.clip(-(theta[:2] @ mean + theta[2]) / length, -12, 12)
    return integrate.quad(stats.norm.pdf, edge, 14, epsabs=1e-12, limit=200)[0]


def alarms_of(theta):
    return (SHARES[0] * tail(theta, MEANS[0]) + SHARES[1] * tail(theta, MEANS[1])) / (SHARES[0] + SHARES[1])


def gap_by_integrals(theta, plain):
    recall, alarms = tail(theta, MEANS[2]), alarms_of(theta)

    def excess(shift):
        return alarms_of(plain + [0, 0, shift]) - alarms

    return recall - tail(plain + [0, 0, optimize.brentq(excess, -12, 12, xtol=1e-12)], MEANS[2])


def test_rates_of_a_rule_are_integrals_and_those_of_the_general_closed_form():
    theta = np.array([[0.7, -1.2, 0.3], [2.0, 0.1, -1.0]])
    recall, alarms = exact.rates(theta[:, :2], theta[:, 2], MEANS, SHARES, 2)
    for at in range(2):
        assert recall[at] == pytest.approx(tail(theta[at], MEANS[2]), abs=1e-8)
        assert alarms[at] == pytest.approx(alarms_of(theta[at]), abs=1e-8)
        both = np.stack([np.zeros(2), theta[at, :2]]), np.array([0, theta[at, 2]])
        assert recall[at] == pytest.approx(linear_recall(*both, MEANS[[0, 2]])[1], abs=1e-12)


def test_a_rule_without_direction_says_the_same_to_all():
    recall, alarms = exact.rates(np.zeros((2, 2)), np.array([1.0, -1.0]), MEANS, SHARES, 2)
    assert recall.tolist() == [1, 0] and alarms == pytest.approx([1, 0])


@pytest.fixture(scope="module")
def population():
    """The path on the points of the quadrature, each counting its mass: the optimum of the mixture itself."""
    x, y, mass = quadrature()
    return weight_path(torch.tensor(x), torch.tensor(y).long(), [0.02, 0.2, 1.0, 9.0, 200.0], sample_weight=torch.tensor(mass))


def test_the_path_of_a_mixture_is_its_optimum_and_turns_with_the_weight(population):
    for at, weight in enumerate(population.weights.tolist()):
        ours = np.append(population.coef[at].numpy(), float(population.intercept[at]))
        np.testing.assert_allclose(ours, population_optimum(weight), atol=1e-4)
    angle = torch.atan2(population.coef[:, 1], population.coef[:, 0])
    assert float(angle.max() - angle.min()) > 0.5


def test_the_gap_of_a_mixture_is_that_of_its_integrals_and_takes_both_signs(population):
    coef, intercept, plain = (part.numpy() for part in (population.coef, population.intercept, population.plain_coef))
    found = exact.gap(coef, intercept, plain, MEANS, SHARES, 2)
    start = np.append(plain, float(population.plain_intercept))
    wanted = [gap_by_integrals(np.append(c, b), start) for c, b in zip(coef, intercept, strict=True)]
    np.testing.assert_allclose(found, wanted, atol=1e-7)
    assert found[2] == pytest.approx(0, abs=1e-12)
    assert found.max() > 0.015 and found.min() < -0.001


def test_the_gap_on_rows_is_the_exact_one_within_noise():
    """A fit on 20 000 rows, read on 200 000 others: what the rows say is what the closed form says."""
    draw = np.random.default_rng(0)

    def rows(n):
        kind = draw.choice(3, n, p=SHARES)
        return torch.tensor(MEANS[kind] + draw.normal(size=(n, 2))), torch.tensor(kind == 2)

    (x, y), (far, truth) = rows(20_000), rows(200_000)
    weights = dial_weights(per_decade=1)[1:]
    path = weight_path(x, y.long(), weights)
    reading = read(weights.numpy(), lambda at: path.scores(far, at).numpy(), path.plain_scores(far).numpy(), truth.numpy())
    wanted = exact.gap(path.coef.numpy(), path.intercept.numpy(), path.plain_coef.numpy(), MEANS, SHARES, 2)
    told = np.isfinite(reading.gap.low)
    width = (reading.gap.high - reading.gap.low)[told]
    assert told.sum() >= 4 and np.median(width) < 0.01
    assert ((reading.gap.low[told] - width / 2 <= wanted[told]) & (wanted[told] <= reading.gap.high[told] + width / 2)).all()
    assert ((reading.gap.low > 0) & (wanted > 0)).any(), "the rows see a part of it"


def test_on_two_gaussians_the_exact_gap_of_the_bayes_direction_is_0_at_any_weight():
    means, shares = np.array([[-1.0, -1], [1, 1]]), np.array([0.95, 0.05])
    direction = np.tile(means[1] - means[0], (5, 1))
    found = exact.gap(direction * [[1], [2], [3], [4], [5]], np.linspace(-5, 5, 5), means[1] - means[0], means, shares, 1)
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_bayes_log_odds_are_those_of_the_densities():
    x = np.random.default_rng(0).normal(size=(50, 2)) * 2
    density = np.stack([s * stats.multivariate_normal(m).pdf(x) for m, s in zip(MEANS, SHARES, strict=True)])
    np.testing.assert_allclose(exact.bayes_log_odds(x, MEANS, SHARES, 2), np.log(density[2] / density[:2].sum(0)), atol=1e-10)


def test_equal_errors_are_reached_at_the_balanced_weight_of_two_gaussians():
    means, shares = np.array([[-1.0, -1], [1, 1]]), np.array([0.95, 0.05])
    assert exact.equal_errors(means, shares, 1) == pytest.approx(19)
    assert exact.equal_errors(means, shares, 0) == pytest.approx(1 / 19)
    assert np.ptp(bayes_recall(means, shares * [1, 19])) < 1e-12
