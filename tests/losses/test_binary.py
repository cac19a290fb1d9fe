"""BCE from logits and from probabilities is torch's, in value and gradient, for rows, labels and time steps."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.losses.agreement import DTYPES, assert_agree, criterion, random, value_and_gradient

OURS = {"mean": "mean", "sum": "sum", "none": "none"}


def problem(shape, dtype, seed=0):
    g = random(seed)
    logits = 3 * torch.randn(shape, generator=g, dtype=torch.float64).to(dtype)
    return logits, torch.randint(2, shape, generator=g), torch.rand(shape, generator=g, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("pos_weight", [None, 19.0])
@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("sampled", [False, True])
def test_bce_with_logits_is_torchs(dtype, reduction, pos_weight, scale, sampled):
    logits, targets, sample = problem((30,), dtype)
    weight = torch.tensor([scale, scale * (pos_weight or 1.0)], dtype=dtype)
    torchs = nn.BCEWithLogitsLoss(
        weight=scale * sample if sampled else torch.tensor(scale, dtype=dtype),
        pos_weight=None if pos_weight is None else torch.tensor(pos_weight, dtype=dtype),
        reduction=reduction,
    )
    ours = criterion(
        "bce_with_logits", targets, class_weight=weight, sample_weight=sample if sampled else None,
        reduction=OURS[reduction], task="binary",
    )  # fmt: skip
    assert_agree(ours, lambda z: torchs(z, targets.to(dtype)), logits)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_bce_on_probabilities_is_torchs_even_where_the_sigmoid_is_flat(dtype, reduction, weighted, spread):
    logits, targets, sample = problem((30,), dtype, seed=1)
    torchs = nn.BCELoss(weight=sample if weighted else None, reduction=reduction)
    ours = criterion(
        "bce", targets, sample_weight=sample if weighted else None, reduction=OURS[reduction], task="binary"
    )  # fmt: skip
    assert_agree(ours, lambda z: torchs(z.sigmoid(), targets.to(dtype)), spread * logits)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_several_labels_take_one_pos_weight_each(dtype, reduction):
    logits, targets, _ = problem((20, 3), dtype, seed=2)
    weight = torch.tensor([[1.0, 4.0], [0.5, 10.0], [2.0, 2.0]], dtype=dtype)
    torchs = nn.BCEWithLogitsLoss(weight=weight[:, 0], pos_weight=weight[:, 1] / weight[:, 0], reduction=reduction)
    ours = criterion("bce_with_logits", targets, class_weight=weight, reduction=OURS[reduction], task="multilabel")
    assert_agree(ours, lambda z: torchs(z, targets.to(dtype)), logits)


@pytest.mark.parametrize("dtype", DTYPES)
def test_padded_time_steps_leave_both_sums(dtype):
    logits, targets, _ = problem((6, 9), dtype, seed=3)
    mask = torch.arange(9) < torch.tensor([9, 1, 4, 7, 2, 9])[:, None]
    weight = torch.tensor([1.0, 8.0], dtype=dtype)
    torchs = nn.BCEWithLogitsLoss(pos_weight=weight[1])
    ours = criterion("bce_with_logits", targets, class_weight=weight, mask=mask, task="sequence")
    assert_agree(ours, lambda z: torchs(z[mask], targets[mask].to(dtype)), logits)


def test_weights_of_a_bce_batch_without_positives_do_not_make_nan():
    logits, _, _ = problem((5,), torch.float32)
    ours = criterion("bce", torch.ones(5, dtype=torch.int64), class_weight=torch.tensor([1.0, 0.0]), task="binary")
    assert ours(logits) == 0


@pytest.mark.parametrize("key", ["bce", "bce_with_logits"])
def test_the_forums_hand_written_mask_is_pos_weight(key):
    logits, targets, _ = problem((4, 100), torch.float64, seed=4)

    def forum(z):
        loss = functional.binary_cross_entropy_with_logits(z, targets.double(), reduction="none")
        return torch.where(targets == 1, 100 * loss, loss).mean()

    ours = criterion(key, targets, class_weight=torch.tensor([1.0, 100.0], dtype=torch.float64), task="sequence")
    assert_agree(ours, forum, logits)
    assert_agree(ours, lambda z: nn.BCELoss(weight=1 + 99 * targets.double())(z.sigmoid(), targets.double()), logits)


def test_bce_times_rows_is_two_class_cross_entropy_times_the_sum_of_weights():
    logits, targets, _ = problem((40,), torch.float64, seed=5)
    weight = torch.tensor([1.0, 7.0], dtype=torch.float64)
    bce = criterion("bce_with_logits", targets, class_weight=weight, task="binary")
    two = criterion("cross_entropy", targets, class_weight=weight)
    total = weight[targets].sum()
    assert_agree(lambda z: bce(z) * 40, lambda z: two(torch.stack([torch.zeros_like(z), z], -1)) * total, logits)


@pytest.mark.parametrize("key", ["bce", "bce_with_logits", "sigmoid_focal", "focal"])
def test_a_common_factor_of_the_weights_scales_the_losses_that_divide_by_rows(key):
    logits, targets, _ = problem((40,), torch.float64, seed=6)
    logits = torch.stack([-logits, logits], -1) if key == "focal" else logits
    weight = torch.tensor([1.0, 7.0], dtype=torch.float64)
    plain = criterion(key, targets, class_weight=weight)
    assert_agree(criterion(key, targets, class_weight=10 * weight), lambda z: 10 * plain(z), logits)


def test_bce_on_probabilities_loses_its_gradient_where_bce_with_logits_keeps_it():
    z = torch.tensor([-30.0], dtype=torch.float64)
    sure_and_wrong = torch.tensor([1])
    _, faded = value_and_gradient(criterion("bce", sure_and_wrong, task="binary"), z)
    _, kept = value_and_gradient(criterion("bce_with_logits", sure_and_wrong, task="binary"), z)
    assert round(float(faded), 4) == -0.0936 and round(float(kept), 4) == -1
