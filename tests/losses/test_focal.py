"""Focal losses against the papers' and libraries' formulas, written out here in float64."""

import math

import pytest
import torch
from torch.nn import functional

from lib.losses import LOSSES
from tests.losses.agreement import DTYPES, assert_agree, criterion, random, value_and_gradient


def yes_no(dtype, seed=0, shape=(40,), spread=3.0):
    g = random(seed)
    logits = spread * torch.randn(shape, generator=g, dtype=torch.float64)
    return logits.to(dtype), torch.randint(2, shape, generator=g)


def many(dtype, seed=0, rows=40, classes=5):
    g = random(seed)
    return (3 * torch.randn(rows, classes, generator=g, dtype=torch.float64)).to(dtype), torch.randint(
        classes, (rows,), generator=g
    )


def libraries_sigmoid_focal(z, targets, alpha, gamma):
    """torchvision.ops.sigmoid_focal_loss and fvcore's (alpha >= 0), 'none': p, BCE, p_t, modulator, alpha_t."""
    t = targets.to(z.dtype)
    p = torch.sigmoid(z)
    bce = functional.binary_cross_entropy_with_logits(z, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    return (alpha * t + (1 - alpha) * (1 - t)) * bce * (1 - p_t) ** gamma


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.75, 1.0])
def test_sigmoid_focal_is_torchvisions_and_fvcores(dtype, gamma, alpha):
    logits, targets = yes_no(dtype)
    ours = criterion("sigmoid_focal", targets, params={"gamma": gamma, "alpha": alpha}, reduction="none", task="binary")
    assert_agree(ours, lambda z: libraries_sigmoid_focal(z, targets, alpha, gamma), logits)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_sigmoid_focal_keeps_its_digits_on_large_logits(gamma):
    logits, targets = yes_no(torch.float64, spread=12.0)
    t = (2 * targets - 1).double()

    def exact(z):  # (1 + e^{z_t})^-gamma log(1 + e^{-z_t}) through log1p alone
        z_t = z * t
        soft = torch.where(z_t > 0, torch.log1p(torch.exp(-z_t.abs())), z_t.abs() + torch.log1p(torch.exp(-z_t.abs())))
        other = soft + z_t
        return 0.5 * torch.exp(-gamma * other) * soft

    ours = criterion("sigmoid_focal", targets, params={"gamma": gamma}, reduction="none", task="binary")(logits)
    torch.testing.assert_close(ours, exact(logits), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_softmax_focal_is_its_formula_averaged_over_rows(dtype, gamma):
    logits, targets = many(dtype)
    weight = torch.tensor([1.0, 2, 0.5, 10, 3], dtype=dtype)

    def formula(z):
        p = z.softmax(-1)[torch.arange(len(z)), targets]
        return -(weight[targets] * (1 - p) ** gamma * p.log()).mean()

    assert_agree(criterion("focal", targets, params={"gamma": gamma}, class_weight=weight), formula, logits)


@pytest.mark.parametrize("dtype", DTYPES)
def test_focal_without_gamma_is_cross_entropy_averaged_over_rows(dtype):
    logits, targets = many(dtype)
    ours = criterion("focal", targets, params={"gamma": 0.0})
    assert_agree(ours, lambda z: functional.cross_entropy(z, targets), logits)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_focal_without_gamma_is_half_of_bce(dtype):
    logits, targets = yes_no(dtype)
    ours = criterion("sigmoid_focal", targets, params={"gamma": 0.0, "alpha": 0.5}, task="binary")
    assert_agree(lambda z: 2 * ours(z), lambda z: functional.binary_cross_entropy_with_logits(z, targets.to(dtype)), logits)


def test_two_class_softmax_focal_is_sigmoid_focal():
    logits, targets = yes_no(torch.float64)
    one = criterion("sigmoid_focal", targets, params={"gamma": 1.5, "alpha": 0.5}, task="binary")
    two = criterion("focal", targets, params={"gamma": 1.5})
    assert_agree(lambda z: 2 * one(z), lambda z: two(torch.stack([torch.zeros_like(z), z], -1)), logits)


def test_retinanets_alpha_turns_positives_down():
    z = torch.zeros(2)
    targets = torch.tensor([0, 1])
    negative, positive = criterion("sigmoid_focal", targets, params={"alpha": 0.25}, reduction="none", task="binary")(z)
    assert positive / negative == pytest.approx(1 / 3)


def test_class_weights_stay_outside_the_probability():
    """Not as in LDAM-DRW's code, where p = exp(-w CE) lets a weight pose as certainty."""
    logits, targets = many(torch.float64)
    weight = torch.tensor([1.0, 2, 0.5, 10, 3], dtype=torch.float64)
    plain = criterion("focal", targets, reduction="none")
    weighted = criterion("focal", targets, class_weight=weight, reduction="none")
    assert_agree(weighted, lambda z: weight[targets] * plain(z), logits)


@pytest.mark.parametrize("z", [-88.0, -89.0, -100.0, -1000.0])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_worst_error_costs_its_full_price_in_float32(z, gamma):
    """Not as in the code of Cui et al., where log(1 + exp(-z)) overflows below -88 and the modulator turns the loss to 0."""
    sigmoid = criterion("sigmoid_focal", torch.tensor([1]), params={"gamma": gamma, "alpha": 1.0}, task="binary")
    value, gradient = value_and_gradient(sigmoid, torch.tensor([z]))
    assert value == -z and gradient == -1
    softmax = criterion("focal", torch.tensor([0]), params={"gamma": gamma})
    value, gradient = value_and_gradient(softmax, torch.tensor([[z, 0.0]]))
    assert value == -z and gradient.tolist() == [[-1, 1]]


@pytest.mark.parametrize("gamma", [0.25, 0.5, 0.75, 1.5])
def test_a_sure_row_has_a_finite_gradient_for_fractional_gamma(gamma):
    for key, logits, task in (("focal", [[200.0, -200.0]], None), ("sigmoid_focal", [-200.0], "binary")):
        sure = criterion(key, torch.tensor([0]), params={"gamma": gamma}, task=task)
        value, gradient = value_and_gradient(sure, torch.tensor(logits))
        assert value == 0 and torch.isfinite(gradient).all()


@pytest.mark.parametrize("gamma", [1.0, 2.0])
@pytest.mark.parametrize("eta", [0.02, 0.2, 0.5, 0.8])
def test_gamma_makes_the_optimum_timid_without_moving_the_decision(gamma, eta):
    """Truth E3: the best constant score under a true probability eta; for gamma 2: .1903, .3734, .5, .6266."""
    z = torch.linspace(-5, 5, 200_001, dtype=torch.float64)
    risk = sum(
        share * criterion("sigmoid_focal", torch.full_like(z, y, dtype=torch.int64), params={"gamma": gamma},
                          reduction="none", task="binary")(z)
        for y, share in ((1, eta), (0, 1 - eta))
    )  # fmt: skip
    best = float(z[risk.argmin()].sigmoid())
    assert (best > 0.5) == (eta > 0.5) and abs(best - 0.5) <= abs(eta - 0.5)
    if gamma == 2:
        assert best == pytest.approx({0.02: 0.1903, 0.2: 0.3734, 0.5: 0.5, 0.8: 0.6266}[eta], abs=5e-5)


def test_alpha_moves_the_decision_to_one_minus_alpha():
    z = torch.zeros(1, dtype=torch.float64)
    alpha = 0.25
    gradients = [
        float(value_and_gradient(criterion("sigmoid_focal", torch.tensor([y]), params={"alpha": alpha}, task="binary"), z)[1])
        for y in (0, 1)
    ]
    assert (1 - alpha) * gradients[1] + alpha * gradients[0] == pytest.approx(0)
    assert math.copysign(1, gradients[1]) == -1


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("classes", [2, 4])
def test_the_posterior_comes_back_from_the_optimum(gamma, classes):
    """The optimum is found by torch's LBFGS on the weighted focal loss of a known eta, not by the inverse."""
    g = random(0)
    eta = torch.rand(6, classes, generator=g, dtype=torch.float64).softmax(-1)
    weight = torch.tensor([1.0, 19.0, 3.0, 0.5], dtype=torch.float64)[:classes]
    z = torch.zeros(6, classes, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([z], max_iter=1000, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe")

    def closure():
        solver.zero_grad()
        terms = [LOSSES["focal"].function(z, torch.full((6,), c), gamma=gamma) for c in range(classes)]
        value = (eta * weight * torch.stack(terms, dim=1)).sum()
        value.backward()
        return value

    solver.step(closure)
    for key in ("focal", "sigmoid_focal"):
        found = (LOSSES[key].posterior(z.detach(), {"gamma": gamma}) - weight.log()).softmax(-1)
        torch.testing.assert_close(found, eta, rtol=0, atol=1e-6)


def test_the_inverse_map_of_focal_is_that_of_the_table():
    """gamma 2: eta .02, .05, .2, .5, .8, .95 are said as .1903, .2502, .3734, .5, .6266, .7498."""
    said = torch.tensor([0.1903, 0.2502, 0.3734, 0.5, 0.6266, 0.7498], dtype=torch.float64)
    scores = torch.stack([torch.zeros_like(said), said.logit()], dim=1)
    eta = LOSSES["focal"].posterior(scores, {"gamma": 2.0}).softmax(-1)[:, 1]
    assert eta.tolist() == pytest.approx([0.02, 0.05, 0.2, 0.5, 0.8, 0.95], abs=2e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 3.0])
def test_the_posterior_of_sure_scores_is_finite_and_rises(gamma):
    z = torch.linspace(-600, 600, 121, dtype=torch.float64)
    odds = LOSSES["focal"].posterior(torch.stack([torch.zeros_like(z), z], dim=1), {"gamma": gamma})
    rise = odds[:, 1] - odds[:, 0]
    assert torch.isfinite(odds).all() and (rise.diff() > 0).all() and rise[60].abs() < 1e-9
