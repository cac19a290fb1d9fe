"""Losses for several labels: asymmetric loss against its authors' code, MultiLabelSoftMargin against torch's."""

import pytest
import torch
from torch import nn

from lib.losses import LOSSES
from tests.losses.agreement import DTYPES, assert_agree, criterion, random, value_and_gradient


def problem(dtype, seed=0, spread=3.0):
    g = random(seed)
    return (spread * torch.randn(20, 5, generator=g, dtype=torch.float64)).to(dtype), torch.randint(2, (20, 5), generator=g)


def authors_asl(x, y, gamma_neg, gamma_pos, clip, eps):
    """Alibaba-MIIL/ASL, src/loss_functions/losses.py (8c9e0bd), AsymmetricLoss with disable_torch_grad_focal_loss=False."""
    xs_pos = torch.sigmoid(x)
    xs_neg = 1 - xs_pos
    if clip > 0:
        xs_neg = (xs_neg + clip).clamp(max=1)
    loss = y * torch.log(xs_pos.clamp(min=eps)) + (1 - y) * torch.log(xs_neg.clamp(min=eps))
    if gamma_neg > 0 or gamma_pos > 0:
        pt = xs_pos * y + xs_neg * (1 - y)
        loss = loss * torch.pow(1 - pt, gamma_pos * y + gamma_neg * (1 - y))
    return -loss.sum()


@pytest.mark.parametrize("gamma_neg, gamma_pos, margin", [(4, 1, 0.05), (4, 0, 0.05), (2, 0, 0.2), (0, 0, 0.1), (3, 2, 0.0)])
def test_asymmetric_loss_is_that_of_its_authors_summed(gamma_neg, gamma_pos, margin):
    logits, targets = problem(torch.float64)
    params = {"gamma_neg": float(gamma_neg), "gamma_pos": float(gamma_pos), "margin": margin}
    ours = criterion("asymmetric", targets, params=params, task="multilabel")
    assert_agree(ours, lambda z: authors_asl(z, targets.double(), gamma_neg, gamma_pos, margin, eps=1e-300), logits)


def test_the_authors_clamp_of_1e_8_is_the_only_difference_in_float32():
    logits, targets = problem(torch.float32)
    mine = value_and_gradient(criterion("asymmetric", targets, task="multilabel"), logits)
    theirs = value_and_gradient(lambda z: authors_asl(z, targets.float(), 4, 1, 0.05, eps=1e-8), logits)
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    sure_and_wrong, yes = torch.tensor([[-60.0]]), torch.tensor([[1]])
    cost, slope = value_and_gradient(criterion("asymmetric", yes, task="multilabel"), sure_and_wrong)
    _, lost = value_and_gradient(lambda z: authors_asl(z, yes.float(), 4, 1, 0.05, eps=1e-8), sure_and_wrong)
    assert cost == pytest.approx(60) and slope == -1 and abs(lost) < 1e-20  # the clamp loses the gradient


@pytest.mark.parametrize("dtype", DTYPES)
def test_without_focus_and_margin_it_is_bce_summed(dtype):
    logits, targets = problem(dtype, seed=1)
    ours = criterion("asymmetric", targets, params={"gamma_pos": 0.0, "gamma_neg": 0.0, "margin": 0.0}, task="multilabel")
    assert_agree(ours, lambda z: nn.BCEWithLogitsLoss(reduction="sum")(z, targets.to(dtype)), logits)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 0.5])
def test_with_one_focus_for_both_and_no_margin_it_is_twice_the_focal_loss_of_alpha_one_half(gamma):
    logits, targets = problem(torch.float64, seed=2)
    ours = criterion("asymmetric", targets, params={"gamma_pos": gamma, "gamma_neg": gamma, "margin": 0.0}, task="multilabel")
    focal = criterion("sigmoid_focal", targets, params={"gamma": gamma, "alpha": 0.5}, reduction="sum", task="multilabel")
    assert_agree(ours, lambda z: 2 * focal(z), logits)


def test_negatives_below_the_margin_count_nothing_and_have_no_slope():
    logits = torch.tensor([[-4.0, -2.9, 0.0]], dtype=torch.float64)  # probabilities 0.018, 0.0522, 0.5
    terms = LOSSES["asymmetric"].function(logits, torch.zeros(1, 3), gamma_pos=1.0, gamma_neg=1.0, margin=0.05)
    assert terms[0, 0] == 0 and 0 < terms[0, 1] < 1e-4 < terms[0, 2]
    _, slope = value_and_gradient(criterion("asymmetric", torch.zeros(1, 3).long(), task="multilabel"), logits)
    assert slope[0, 0] == 0


def test_the_sum_grows_with_the_batch_and_a_mean_does_not():
    logits, targets = problem(torch.float64, seed=3)
    twice = torch.cat([logits, logits]), torch.cat([targets, targets])
    for key, factor in (("asymmetric", 2), ("multilabel_soft_margin", 1)):
        one = criterion(key, targets, task="multilabel")(logits)
        assert criterion(key, twice[1], task="multilabel")(twice[0]) == pytest.approx(factor * float(one))


def test_several_labels_take_one_pos_weight_each():
    logits, targets = problem(torch.float64, seed=4)
    weight = torch.tensor([[1.0, 4], [0.5, 10], [2, 2], [1, 1], [1, 30]], dtype=torch.float64)
    element = torch.where(targets > 0, weight[:, 1], weight[:, 0])
    for key in ("asymmetric", "multilabel_soft_margin"):
        terms = criterion(key, targets, reduction="none", task="multilabel")
        ours = criterion(key, targets, class_weight=weight, reduction="sum", task="multilabel")
        assert_agree(ours, lambda z, terms=terms: (element * terms(z)).sum(), logits)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_multilabel_soft_margin_is_torchs(dtype, weighted, reduction):
    logits, targets = problem(dtype, seed=5)
    own = torch.tensor([1.0, 2, 0.5, 3, 1], dtype=dtype) if weighted else None
    torchs = nn.MultiLabelSoftMarginLoss(weight=own, reduction=reduction)
    weight = None if own is None else own[:, None].expand(-1, 2)
    ours = criterion("multilabel_soft_margin", targets, class_weight=weight, reduction=reduction, task="multilabel")
    of_rows = {"mean": ours, "sum": lambda z: ours(z) / 5, "none": lambda z: ours(z).mean(1)}[
        reduction
    ]  # torch: mean over labels
    assert_agree(of_rows, lambda z: torchs(z, targets.to(dtype)), logits)


@pytest.mark.parametrize("dtype", DTYPES)
def test_multilabel_soft_margin_is_bce_with_logits_by_another_name(dtype):
    logits, targets = problem(dtype, seed=6)
    weight = torch.tensor([[1.0, 4], [0.5, 10], [2, 2], [1, 1], [1, 30]], dtype=dtype)
    one, other = (
        criterion(key, targets, class_weight=weight, task="multilabel") for key in ("multilabel_soft_margin", "bce_with_logits")
    )
    assert_agree(one, other, logits)


def test_both_are_for_several_labels_only():
    assert LOSSES["asymmetric"].tasks == LOSSES["multilabel_soft_margin"].tasks == ("multilabel",)
    assert LOSSES["asymmetric"].reduction == "sum" and "Summed" in LOSSES["asymmetric"].summary
