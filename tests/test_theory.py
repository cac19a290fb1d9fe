"""Closed forms against integrals, simulation and the tables of shared truths."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from scipy import integrate, stats

from lib.theory import bayes_recall, bayes_rule, effective_prior, effective_ratio, linear_recall

E1 = {  # shift of the log odds: (recall+, recall-)
    0.0: (0.6455, 0.9930),
    math.log(19): (0.9214, 0.9214),
    0.5 * math.log(19): (0.8143, 0.9735),
    math.log(2.5403): (0.7589, 0.9832),
}
PRIORS = np.array([5000, 1581.14, 500, 158.11, 50])


def simulated(weight, bias, means, rows=400_000):
    g = np.random.default_rng(0)
    found = []
    for c, mean in enumerate(means):
        scores = (mean + g.standard_normal((rows, means.shape[1]))) @ weight.T + bias
        found.append((scores.argmax(1) == c).mean())
    return np.array(found)


def tail_recall(shares, d=3.0):
    """E2's own integral: recall_k = int phi(z - d) prod_j Phi(z + log(share_k / share_j) / d) dz."""

    def density(z, k):
        rivals = [j for j in range(len(shares)) if j != k]
        return stats.norm.pdf(z - d) * np.prod(stats.norm.cdf(z + np.log(shares[k] / shares[rivals]) / d))

    return np.array([integrate.quad(density, -12, 18, args=(k,), epsabs=1e-12, limit=200)[0] for k in range(len(shares))])


@pytest.mark.parametrize("shift", E1)
def test_two_gaussians_have_the_recalls_of_the_table(shift):
    means = np.array([[-0.5, -0.5], [0.5, 0.5]]) * 2  # at distance 2 sqrt 2, as y (1, 1) with y = -1 and 1
    negative, positive = bayes_recall(means, np.array([0.95, 0.05 * math.exp(shift)]))
    assert (round(positive, 4), round(negative, 4)) == E1[shift]


@pytest.mark.parametrize(
    "shares, recalls",
    [
        (PRIORS, [0.9867, 0.9588, 0.9149, 0.8509, 0.7648]),
        (np.ones(5), [0.9453] * 5),
        (PRIORS**0.5, [0.9741, 0.9581, 0.9378, 0.9127, 0.8824]),
    ],
)
def test_the_long_tail_has_the_recalls_of_the_table_and_of_its_integral(shares, recalls):
    ours = bayes_recall(3 * np.eye(5), shares)
    np.testing.assert_allclose(ours, tail_recall(shares), atol=3e-5)
    np.testing.assert_allclose(ours, recalls, atol=1e-4)


@given(seed=some.integers(0, 10**6), classes=some.integers(2, 6), scale=some.sampled_from([1, 1e-2, 1e-5]))
def test_in_the_plane_the_recalls_of_a_rule_sum_up_what_each_class_wins(seed, classes, scale):
    """All classes at one mean: exactly one of them wins each point."""
    g = np.random.default_rng(seed)
    weight, bias = g.standard_normal((classes, 2)), scale * g.standard_normal(classes)
    means = np.repeat(g.standard_normal((1, 2)), classes, axis=0)
    assert linear_recall(weight, bias, means).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("classes, dim", [(2, 1), (2, 5), (3, 2), (5, 2), (3, 3), (6, 4)])
def test_recalls_of_any_linear_rule_are_those_of_a_simulation(seed, classes, dim):
    g = np.random.default_rng(seed)
    weight, bias = g.standard_normal((classes, dim)), g.standard_normal(classes)
    means = g.standard_normal((classes, dim))
    np.testing.assert_allclose(linear_recall(weight, bias, means), simulated(weight, bias, means, 100_000), atol=0.008)


@pytest.mark.parametrize("classes", [2, 3, 4, 6, 8])
def test_the_ring_is_symmetric(classes):
    angle = 2 * np.pi * np.arange(classes) / classes
    found = bayes_recall(2 * np.stack([np.cos(angle), np.sin(angle)], 1), np.ones(classes))
    np.testing.assert_allclose(found, found[0], atol=1e-12)
    if classes == 4:  # a quarter turned by 45 degrees: two independent half-planes
        assert found[0] == pytest.approx(stats.norm.cdf(math.sqrt(2)) ** 2, abs=1e-9)


def test_the_best_rule_cannot_be_bettered_in_its_own_measure():
    means, shares = np.array([[2.0, 0], [-1, 1.7], [-1, -1.7]]), np.array([0.8, 0.15, 0.05])
    weight, bias = bayes_rule(means, shares)
    best = shares @ linear_recall(weight, bias, means)
    g = np.random.default_rng(0)
    for _ in range(20):
        other = shares @ linear_recall(weight + 0.1 * g.standard_normal((3, 2)), bias + 0.1 * g.standard_normal(3), means)
        assert other <= best + 1e-9


def test_a_class_of_share_0_is_never_found_and_the_others_do_not_see_it():
    means = np.array([[2.0, 0], [-1, 1.7], [-1, -1.7]])
    found = bayes_recall(means, np.array([0.7, 0.3, 0]))
    np.testing.assert_allclose(found, [*bayes_recall(means[:2], np.array([0.7, 0.3])), 0])


def test_equal_rules_leave_everything_to_the_larger_bias_and_ties_to_nobody():
    means = np.zeros((2, 2))
    assert bayes_recall(means, np.array([0.9, 0.1])).tolist() == [1, 0]


@pytest.mark.parametrize(
    "batch_size, ratio", [(1, 1.0), (2, 1.942), (4, 3.658), (8, 6.466), (32, 13.796), (128, 17.603), (1024, 18.824)]
)
def test_what_is_left_of_a_weight_in_small_batches_is_the_table(batch_size, ratio):
    assert round(effective_ratio(19, 0.05, batch_size), 3) == ratio


@given(w=some.floats(0.05, 50), share=some.floats(0.01, 0.99), batch_size=some.integers(1, 6))
def test_it_is_the_ratio_of_two_expectations_over_all_batches(w, share, batch_size):
    top = bottom = 0.0
    for others in range(2 ** (batch_size - 1)):
        positives = others.bit_count()
        chance = share**positives * (1 - share) ** (batch_size - 1 - positives)
        rest = w * positives + (batch_size - 1 - positives)
        top, bottom = top + chance / (w + rest), bottom + chance / (1 + rest)
    assert effective_ratio(w, share, batch_size) == pytest.approx(w * top / bottom, rel=1e-9)


def test_large_batches_leave_the_whole_weight():
    assert effective_ratio(19, 0.05, 100_000) == pytest.approx(19, rel=1e-3)


@pytest.mark.parametrize("wrong", [(0, 0.5, 8), (-1, 0.5, 8), (2, 1.5, 8), (2, -0.1, 8), (2, 0.5, 0)])
def test_an_impossible_question_is_refused(wrong):
    with pytest.raises(ValueError, match="positive ratio, a share in"):
        effective_ratio(*wrong)


def test_the_effective_prior_counts_weights_and_sampler():
    counts, weight = torch.tensor([99.0, 1.0]), torch.tensor([1.0, 99.0])
    assert effective_prior(counts, weight).tolist() == pytest.approx([0.5, 0.5])
    assert effective_prior(counts, weight, torch.tensor([50.0, 50.0])).tolist() == pytest.approx([0.01, 0.99])


def test_the_chance_of_a_batch_without_a_class_is_that_of_drawing_without_replacement():
    from lib.theory import chance_of_none

    assert chance_of_none(1, 10, 3) == pytest.approx(0.7)
    assert chance_of_none(2, 4, 2) == pytest.approx(1 / 6)
    assert chance_of_none(5, 10, 6) == 0 and chance_of_none(3, 10, 100) == 0
