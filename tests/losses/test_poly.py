"""Poly-1 against its authors' code, its series, and cross-entropy."""

import pytest
import torch
from torch.nn import functional

from lib.losses import LOSSES
from tests.losses.agreement import DTYPES, assert_agree, criterion, random


def problem(dtype, seed=0):
    g = random(seed)
    return (2 * torch.randn(30, 4, generator=g, dtype=torch.float64)).to(dtype), torch.randint(4, (30,), generator=g)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("epsilon", [1.0, 2.0, -1.0, 0.5])
def test_it_is_that_of_the_paper(dtype, epsilon):
    """abhuse/polyloss-pytorch (80416ae): pt by a one-hot sum over softmax; CE + epsilon (1 - pt), mean."""
    logits, targets = problem(dtype)

    def theirs(z):
        pt = (functional.one_hot(targets, 4).to(dtype) * functional.softmax(z, dim=-1)).sum(dim=-1)
        return (functional.cross_entropy(z, targets, reduction="none") + epsilon * (1 - pt)).mean()

    assert_agree(criterion("poly1", targets, params={"epsilon": epsilon}), theirs, logits)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_with_epsilon_0_it_is_cross_entropy(dtype, weighted):
    logits, targets = problem(dtype)
    weight = torch.tensor([1.0, 2, 5, 10], dtype=dtype) if weighted else None
    ours = criterion("poly1", targets, params={"epsilon": 0.0}, class_weight=weight)
    assert_agree(ours, lambda z: functional.cross_entropy(z, targets, weight), logits)


def test_it_changes_the_first_coefficient_of_the_series_alone():
    """-log p = sum (1 - p)^j / j; Poly-1 has (1 + epsilon) (1 - p) first."""
    z = torch.tensor([[1.5, 0.0]], dtype=torch.float64)
    rest = 1 - z.softmax(1)[0, 0]
    series = sum(rest**j / j for j in range(2, 200)) + (1 + 0.7) * rest
    assert LOSSES["poly1"].function(z, torch.tensor([0]), epsilon=0.7).item() == pytest.approx(float(series), rel=1e-12)
