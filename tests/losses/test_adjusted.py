"""Logit adjustment: cross-entropy of logits moved by the class shares."""

import pytest
import torch
from torch.nn import functional

from lib.losses import LOSSES
from lib.losses.adjusted import adjusted_shift, log_prior, stretch
from tests.losses.agreement import DTYPES, assert_agree, criterion, random, value_and_gradient

COUNTS = torch.tensor([900.0, 80, 15, 5], dtype=torch.float64)


def problem(dtype):
    g = random(0)
    logits = (3 * torch.randn(30, 4, generator=g, dtype=torch.float64)).to(dtype)
    return logits, torch.randint(4, (30,), generator=g), COUNTS.to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_torchs_cross_entropy_of_adjusted_logits(dtype, tau, weighted):
    logits, targets, counts = problem(dtype)
    weight = torch.tensor([1.0, 2, 5, 10], dtype=dtype) if weighted else None
    ours = criterion("logit_adjusted", targets, params={"tau": tau}, class_counts=counts, class_weight=weight)
    prior = counts / counts.sum()
    assert_agree(ours, lambda z: functional.cross_entropy(z + tau * prior.log(), targets, weight), logits)


def test_without_tau_it_is_cross_entropy_bit_for_bit():
    logits, targets, counts = problem(torch.float32)
    ours = criterion("logit_adjusted", targets, params={"tau": 0.0}, class_counts=counts)
    assert torch.equal(
        torch.cat([part.flatten() for part in value_and_gradient(ours, logits)]),
        torch.cat([part.flatten() for part in value_and_gradient(criterion("cross_entropy", targets), logits)]),
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_at_tau_1_it_is_balanced_softmax(dtype):
    logits, targets, counts = problem(dtype)
    ours = criterion("logit_adjusted", targets, class_counts=counts)
    assert_agree(ours, lambda z: functional.cross_entropy(z + counts.log(), targets), logits)


def test_a_class_without_rows_is_out_of_the_softmax_and_makes_no_nan():
    """Not as in Menon's code, where 1e-12 inside the logarithm leaves such a class -27.6."""
    counts = torch.tensor([90.0, 10.0, 0.0])
    assert log_prior(counts, 1.0)[2] == -torch.inf
    logits, targets = torch.tensor([[0.0, 1.0, 50.0], [2.0, 1.0, 50.0]]), torch.tensor([0, 1])
    ours = criterion("logit_adjusted", targets, class_counts=counts)
    value, gradient = value_and_gradient(ours, logits)
    without = functional.cross_entropy(logits[:, :2] + (counts[:2] / 100).log(), targets)
    torch.testing.assert_close(value, without)
    assert torch.isfinite(gradient).all() and (gradient[:, 2] == 0).all()


def test_tau_0_forgets_even_a_class_without_rows():
    assert log_prior(torch.tensor([90.0, 0.0]), 0.0).tolist() == [0, 0]


def test_its_shift_is_what_the_optimum_lacks():
    """The optimum has z + tau log pi = log eta: z is the posterior moved by -tau log pi."""
    shift = adjusted_shift(COUNTS, {"tau": 0.5})
    torch.testing.assert_close(shift, -0.5 * (COUNTS / 1000).log())


CIFAR = torch.tensor([5000.0, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50], dtype=torch.float64)  # long-tailed, ratio 100


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma, tau", [(0.3, 1.0), (0.15, 1.0), (0.3, 0.0), (0.2, 2.0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_vector_scaling_is_that_of_its_authors(dtype, gamma, tau, weighted):
    """orparask/VS-Loss, class_imbalance/losses.py (7ade9c9): x / temperature + iota, into F.cross_entropy."""
    logits, targets, counts = problem(dtype)
    weight = torch.tensor([1.0, 2, 5, 10], dtype=dtype) if weighted else None
    cls_probs = COUNTS / COUNTS.sum()
    temperature = ((1.0 / COUNTS) ** gamma / ((1.0 / COUNTS) ** gamma).min()).to(dtype)
    iota = (tau * torch.log(cls_probs)).to(dtype)
    ours = criterion("vs", targets, params={"gamma": gamma, "tau": tau}, class_counts=counts, class_weight=weight)
    assert_agree(ours, lambda z: functional.cross_entropy(z / temperature + iota, targets, weight), logits)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_vector_scaling_without_stretch_is_logit_adjustment(tau):
    logits, targets, counts = problem(torch.float64)
    ours = criterion("vs", targets, params={"gamma": 0.0, "tau": tau}, class_counts=counts)
    assert_agree(ours, criterion("logit_adjusted", targets, params={"tau": tau}, class_counts=counts), logits)


def test_the_divisors_of_long_tailed_cifar_are_the_papers():
    expected = [1, 1.166, 1.3596, 1.585, 1.8485, 2.1547, 2.5121, 2.9295, 3.4195, 3.9811]
    assert (1 / stretch(CIFAR, 0.3)).numpy().round(4).tolist() == expected


def test_vector_scaling_leaves_a_class_without_rows_out():
    counts = torch.tensor([90.0, 10.0, 0.0])
    logits, targets = torch.tensor([[0.0, 1.0, 50.0], [2.0, 1.0, 50.0]]), torch.tensor([0, 1])
    _, gradient = value_and_gradient(criterion("vs", targets, class_counts=counts), logits)
    assert torch.isfinite(gradient).all() and (gradient[:, 2] == 0).all()


def test_theory_knows_the_order_of_the_scores_only_without_stretch():
    vs = LOSSES["vs"]
    assert vs.ordered({"gamma": 0.0}, 3) and not vs.ordered({"gamma": 0.3}, 3)
    torch.testing.assert_close(vs.log_shift(COUNTS, {"gamma": 0.0, "tau": 0.5}), -0.5 * (COUNTS / 1000).log())
