"""What-ifs against torch's optimisers, closed forms and the receipts themselves."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from lib.receipt import PRESETS, take_apart
from lib.receipt.what_if import (
    dials,
    first_steps,
    flipping_ratio,
    gradient_shares,
    micro_batches,
    prior_stages,
    saturation,
    smoothed_optimum,
)


@pytest.mark.parametrize("k", [0.01, 10.0, 100.0])
@pytest.mark.parametrize("key", ["index_targets", "multi_class", "example_2", "forum_pos_weight"])
def test_ce_mean_stays_while_sum_and_bce_follow(key, k) -> None:
    mean, total, bce = dials(PRESETS[key].batch, k)
    assert (mean.label, total.label, bce.label) == ("CE mean", "CE sum", "BCE mean")
    assert mean.factor == pytest.approx(1, rel=1e-6)
    assert total.factor == pytest.approx(k, rel=1e-5) and bce.factor == pytest.approx(k, rel=1e-5)
    for dial in (mean, total, bce):
        sgd, adam = dial.steps["SGD"], dial.steps["Adam"]
        assert sgd[1] / sgd[0] == pytest.approx(dial.factor, rel=1e-4)
        assert adam[1] / adam[0] == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("key", ["index_targets", "one_hot_targets", "multi_class"])
def test_first_steps_are_torchs(key) -> None:
    receipt = take_apart(dataclasses.replace(PRESETS[key].batch, dtype="float64"))
    batch = receipt.batch
    weight = torch.tensor(batch.weight, dtype=torch.float64)
    targets = torch.tensor(receipt.numbers.targets) if not batch.indexed else torch.tensor(receipt.numbers.index)
    for name, optimiser in (("SGD", torch.optim.SGD), ("Adam", torch.optim.Adam)):
        bias = torch.zeros(len(batch.names), dtype=torch.float64, requires_grad=True)
        step = optimiser([bias], lr=1.0)
        nn.CrossEntropyLoss(weight=weight)(torch.tensor(batch.inputs, dtype=torch.float64) + bias, targets).backward()
        step.step()
        assert first_steps(receipt)[name] == pytest.approx(bias.abs().max().item(), rel=1e-9)


def test_the_mean_of_weighted_means_is_not_the_weighted_mean() -> None:
    found = micro_batches(PRESETS["index_targets"].batch, 2)
    assert found.mean == pytest.approx(np.mean(found.parts))
    assert found.whole == pytest.approx(0.66733, abs=1e-5) != pytest.approx(found.mean, abs=0.01)
    even = micro_batches(PRESETS["one_hot_targets"].batch, 2)
    assert even.mean == pytest.approx(even.whole)
    assert micro_batches(PRESETS["index_targets"].batch, 1).parts == (found.whole,)
    with pytest.raises(ValueError, match="4 rows make 1 to 4 micro-batches, got 5"):
        micro_batches(PRESETS["index_targets"].batch, 5)


@pytest.mark.parametrize(("classes", "ratio", "spread"), [(2, 100.0, 0.1), (3, 5.0, 0.3), (5, 50.0, 0.05), (4, 1.0, 0.5)])
def test_the_smoothed_optimum_has_no_gradient(classes, ratio, spread) -> None:
    best = float(smoothed_optimum(ratio, spread, classes))
    weight = torch.ones(classes, dtype=torch.float64)
    weight[1] = ratio
    logits = torch.zeros(1, classes, dtype=torch.float64, requires_grad=True)
    criterion = nn.CrossEntropyLoss(weight=weight, label_smoothing=spread)
    minimise = torch.optim.LBFGS(
        [logits], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-15, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        minimise.zero_grad()
        loss = criterion(logits, torch.tensor([0]))
        loss.backward()
        return loss

    minimise.step(closure)
    p = logits.detach().softmax(1)[0]
    assert best == pytest.approx(p[0].item(), abs=1e-6)
    assert (p[1] > p[0]).item() == (ratio > flipping_ratio(spread, classes))


def test_the_listed_optimum_and_flip() -> None:
    assert float(smoothed_optimum(100.0, 0.1, 2)) == pytest.approx(0.160, abs=5e-4)
    assert float(smoothed_optimum(1.0, 0.1, 2)) == pytest.approx(0.95)
    assert float(flipping_ratio(0.1, 2)) == pytest.approx(19)
    assert np.isinf(flipping_ratio(0.0, 2))


def test_double_correction() -> None:
    stages = prior_stages(0.01, True, 99.0)
    assert [round(float(shares[1]), 2) for shares in stages.values()] == [0.01, 0.5, 0.99]
    assert prior_stages(0.01, False, 99.0)["after the weights"][1] == pytest.approx(0.5)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_saturation_is_torchs_float32(target) -> None:
    found = saturation(target)
    z = torch.tensor(found.logits, dtype=torch.float32, requires_grad=True)
    loss = nn.BCELoss(reduction="none")(z.sigmoid(), torch.full_like(z, target))
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    np.testing.assert_allclose(found.loss, loss.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.gradient, gradient.numpy(), rtol=1e-4, atol=1e-7)
    assert np.abs(found.stable_gradient).max() == pytest.approx(1)


def test_the_dead_zones_lie_on_both_sides_and_are_not_alike() -> None:
    low, high = saturation(0.0).dead
    assert 16.5 < low < 17 and high == 120
    low, high = saturation(1.0).dead
    assert low == -120 and -29 < high < -28


@pytest.mark.parametrize("key", ["weight_zero", "multi_label", "one_hot_targets", "saturated"])
def test_shares_of_the_gradient_add_up(key) -> None:
    shares = gradient_shares(take_apart(PRESETS[key].batch))
    assert sum(shares.values()) == pytest.approx(1)
    if key == "weight_zero":
        assert shares["bird"] == 0
