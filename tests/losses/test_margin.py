"""LDAM against its authors' code as published, MultiMargin against torch's, and what each becomes without its extras."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from lib.losses import LOSSES
from lib.losses.margin import margins
from tests.losses.agreement import DTYPES, assert_agree, criterion, random, value_and_gradient

COUNTS = torch.tensor([5000.0, 640, 80, 10], dtype=torch.float64)
CIFAR = torch.tensor([5000.0, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50], dtype=torch.float64)  # long-tailed, ratio 100


def problem(dtype, seed=0, rows=30):
    """Cosines of random features and weights, and targets."""
    g = random(seed)
    features, weight = (torch.randn(n, 6, generator=g, dtype=torch.float64) for n in (rows, 4))
    cosines = functional.normalize(features) @ functional.normalize(weight).T
    return cosines.to(dtype), torch.randint(4, (rows,), generator=g)


def authors_ldam(counts, max_m, s, weight):
    """kaidic/LDAM-DRW, losses.py (2536330): margins by numpy, a mask of booleans, F.cross_entropy of s times the output."""
    m_list = 1.0 / np.sqrt(np.sqrt(counts.numpy()))
    m_list = torch.tensor(m_list * (max_m / np.max(m_list)))

    def loss(x, target):
        index = torch.zeros_like(x, dtype=torch.bool).scatter_(1, target.view(-1, 1), True)
        batch_m = (m_list.to(x.dtype)[None, :] @ index.to(x.dtype).T).view(-1, 1)
        output = torch.where(index, x - batch_m, x)
        return functional.cross_entropy(s * output, target, weight=weight)

    return loss


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("max_margin, s", [(0.5, 30.0), (0.2, 10.0), (1.0, 1.0)])
def test_ldam_is_that_of_its_authors(dtype, weighted, max_margin, s):
    cosines, targets = problem(dtype)
    weight = torch.tensor([0.1, 0.5, 1, 2.4], dtype=dtype) if weighted else None
    ours = criterion("ldam", targets, params={"max_margin": max_margin, "s": s}, class_counts=COUNTS, class_weight=weight)
    theirs = authors_ldam(COUNTS, max_margin, s, weight)
    if dtype == torch.float64:
        assert_agree(ours, lambda z: theirs(z, targets), cosines)
    else:  # s = 30 multiplies float32's rounding in both
        mine, other = value_and_gradient(ours, cosines), value_and_gradient(lambda z: theirs(z, targets), cosines)
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_without_margin_and_scale_ldam_is_cross_entropy_of_the_cosines(dtype):
    cosines, targets = problem(dtype)
    ours = criterion("ldam", targets, params={"max_margin": 0.0, "s": 1.0}, class_counts=COUNTS)
    assert_agree(ours, lambda z: functional.cross_entropy(z, targets), cosines)


def test_the_margins_of_long_tailed_cifar_are_the_papers():
    expected = [0.1581, 0.1797, 0.2042, 0.2321, 0.2638, 0.2998, 0.3407, 0.3872, 0.4405, 0.5]
    assert margins(CIFAR, 0.5).numpy().round(4).tolist() == expected


def test_a_class_without_rows_takes_no_margin_and_makes_none_infinite():
    assert margins(torch.tensor([16.0, 1.0, 0.0]), 0.5).tolist() == [0.25, 0.5, 0]


def test_ldam_asks_for_cosines_and_scales_them_for_probabilities():
    ldam = LOSSES["ldam"]
    assert ldam.head == "normalised" and ldam.score_scale({"s": 30.0}) == 30
    assert all(loss.head == "linear" and loss.score_scale is None for loss in LOSSES.values() if loss.key != "ldam")


def test_the_margin_makes_a_row_that_is_right_cost_more_and_more_so_for_rare_classes():
    z = torch.zeros(2, 4)
    cost = LOSSES["ldam"].function(z, torch.tensor([0, 3]), s=30.0, max_margin=0.5, class_counts=COUNTS)
    plain = LOSSES["ldam"].function(z, torch.tensor([0, 3]), s=30.0, max_margin=0.0, class_counts=COUNTS)
    assert plain[0] == plain[1] < cost[0] < cost[1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("margin", [1.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_multi_margin_is_torchs(dtype, reduction, p, margin, weighted):
    g = random(1)
    logits, targets = 2 * torch.randn(30, 4, generator=g, dtype=torch.float64).to(dtype), torch.randint(4, (30,), generator=g)
    weight = torch.tensor([1.0, 2, 5, 10], dtype=dtype) if weighted else None
    torchs = nn.MultiMarginLoss(p=p, margin=margin, weight=weight, reduction=reduction)
    ours = criterion("multi_margin", targets, params={"p": p, "margin": margin}, class_weight=weight, reduction=reduction)
    assert_agree(ours, lambda z: torchs(z, targets), logits)


def test_a_row_that_leads_by_the_margin_costs_nothing():
    logits = torch.tensor([[2.0, 0.5, 1.0]])
    assert LOSSES["multi_margin"].function(logits, torch.tensor([0]), margin=1.0, p=1) == 0
    assert LOSSES["multi_margin"].function(logits, torch.tensor([0]), margin=2.5, p=1) == pytest.approx((1.0 + 1.5) / 3)
