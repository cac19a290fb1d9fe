"""Cross-entropy and NLL are torch's, in value and gradient, for every reduction, weight, ignored row and smoothing."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from lib.losses import LOSSES
from tests.losses.agreement import DTYPES, assert_agree, criterion, random

OURS = {"mean": "weighted_mean", "sum": "sum", "none": "none"}


def problem(dtype, rows=24, classes=4, seed=0):
    g = random(seed)
    logits = 3 * torch.randn(rows, classes, generator=g, dtype=torch.float64)
    targets = torch.randint(classes, (rows,), generator=g)
    weight = torch.rand(classes, generator=g, dtype=torch.float64) * 10 + 0.1
    return logits.to(dtype), targets, weight.to(dtype)


def ignoring(targets, ignored):
    return torch.where(torch.arange(len(targets)) % 3 == 0, ignored, targets) if ignored is not None else targets


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [None, -100, 2])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
def test_cross_entropy_is_torchs(dtype, reduction, weighted, ignored, smoothing):
    logits, targets, weight = problem(dtype)
    targets, index = ignoring(targets, ignored), -100 if ignored is None else ignored
    weight = weight if weighted else None
    torchs = nn.CrossEntropyLoss(weight=weight, ignore_index=index, label_smoothing=smoothing, reduction=reduction)
    ours = criterion(
        "cross_entropy", targets, params={"label_smoothing": smoothing, "ignore_index": index},
        class_weight=weight, reduction=OURS[reduction],
    )  # fmt: skip
    assert_agree(ours, lambda z: torchs(z, targets), logits)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [None, -100, 2])
def test_nll_is_torchs(dtype, reduction, weighted, ignored):
    logits, targets, weight = problem(dtype, seed=1)
    targets, index = ignoring(targets, ignored), -100 if ignored is None else ignored
    weight = weight if weighted else None
    torchs = nn.NLLLoss(weight=weight, ignore_index=index, reduction=reduction)
    ours = criterion("nll", targets, params={"ignore_index": index}, class_weight=weight, reduction=OURS[reduction])
    assert_agree(ours, lambda z: torchs(z.log_softmax(-1), targets), logits)


def test_multiplying_every_weight_changes_nothing_under_the_weighted_mean():
    logits, targets, weight = problem(torch.float64)
    for key in ("cross_entropy", "nll", "logit_adjusted"):
        plain = criterion(key, targets, class_weight=weight)
        assert_agree(plain, criterion(key, targets, class_weight=1000 * weight), logits)


def test_a_batch_of_one_row_ignores_the_weights():
    logits, targets, weight = problem(torch.float64, rows=1)
    assert_agree(criterion("cross_entropy", targets, class_weight=weight), criterion("cross_entropy", targets), logits)


@pytest.mark.parametrize("key", ["cross_entropy", "nll"])
def test_a_batch_whose_rows_are_all_ignored_is_nan_as_in_torch(key):
    logits, _, weight = problem(torch.float32)
    targets = torch.full((len(logits),), -100)
    assert criterion(key, targets, class_weight=weight)(logits).isnan()
    assert functional.cross_entropy(logits, targets, weight).isnan()


@pytest.mark.parametrize("key", ["cross_entropy", "nll", "logit_adjusted"])
def test_a_batch_whose_classes_have_no_weight_is_nan_as_in_torch(key):
    logits, _, weight = problem(torch.float32)
    targets, weight = torch.zeros(len(logits), dtype=torch.int64), weight * torch.tensor([0.0, 1, 1, 1])
    assert criterion(key, targets, class_weight=weight)(logits).isnan()
    assert functional.cross_entropy(logits, targets, weight).isnan()


def test_a_class_of_weight_0_stays_in_the_softmax_and_still_gets_gradient():
    logits, targets, weight = problem(torch.float64)
    targets, weight = targets.clamp(max=2), weight * torch.tensor([1.0, 1, 1, 0])
    z = logits.clone().requires_grad_()
    criterion("cross_entropy", targets, class_weight=weight)(z).backward()
    assert (z.grad[:, 3] > 0).all()


def test_probability_targets_divide_by_rows_and_index_targets_by_weights():
    logits, targets, weight = problem(torch.float64)
    soft = functional.cross_entropy(logits, functional.one_hot(targets, 4).double(), weight)
    ours = criterion("cross_entropy", targets, class_weight=weight)(logits)
    torch.testing.assert_close(ours * weight[targets].sum() / len(targets), soft, rtol=1e-12, atol=0)
    assert abs(soft / ours - 1) > 0.5


def test_balanced_weights_average_the_mean_losses_of_the_classes():
    logits, targets, _ = problem(torch.float64, rows=60)
    counts = torch.bincount(targets, minlength=4).double()
    per_class = [functional.cross_entropy(logits[targets == c], targets[targets == c]) for c in range(4)]
    ours = criterion("cross_entropy", targets, class_weight=60 / (4 * counts))(logits)
    torch.testing.assert_close(ours, torch.stack(per_class).mean(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
def test_smoothing_spreads_its_share_over_all_classes_not_over_the_others(smoothing):
    logits, targets, _ = problem(torch.float64)
    soft = torch.full((len(targets), 4), smoothing / 4, dtype=torch.float64)
    soft[torch.arange(len(targets)), targets] += 1 - smoothing
    ours = criterion("cross_entropy", targets, params={"label_smoothing": smoothing})
    assert_agree(ours, lambda z: functional.cross_entropy(z, soft), logits)


def test_sample_weights_enter_both_sums():
    logits, targets, weight = problem(torch.float64)
    sample = torch.linspace(0, 1, len(targets), dtype=torch.float64)
    share = sample * weight[targets]

    def by_hand(z):
        return (share * functional.cross_entropy(z, targets, reduction="none")).sum() / share.sum()

    for key in ("cross_entropy", "nll"):
        assert_agree(criterion(key, targets, class_weight=weight, sample_weight=sample), by_hand, logits)


def test_a_smoothed_class_of_weight_0_and_probability_0_does_not_make_nan():
    logits = torch.tensor([[0.0, 1.0, -torch.inf]])
    weight = torch.tensor([1.0, 2.0, 0.0])
    value = criterion("cross_entropy", torch.tensor([1]), params={"label_smoothing": 0.1}, class_weight=weight)(logits)
    assert torch.isfinite(value)


def test_only_cross_entropy_weighs_itself():
    assert [key for key, loss in LOSSES.items() if loss.weighs_itself] == ["cross_entropy"]
