"""E3: one logit per cell whose event has a known probability: where each loss has its optimum, found by LBFGS."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, logit

from lib.losses import LOSSES

ETA = torch.tensor([0.02, 0.05, 0.2, 0.5, 0.8, 0.95], dtype=torch.float64)
COUNTS = torch.tensor([95.0, 5.0], dtype=torch.float64)


def optimum(key, weight=1.0, **params):
    """The logit (or the difference of two) of each cell that makes the expected loss smallest."""
    loss = LOSSES[key]
    values = {param.name: param.default for param in loss.params} | params
    d = torch.zeros(len(ETA), dtype=torch.float64, requires_grad=True)
    known = {"class_weight": torch.tensor([1.0, weight], dtype=torch.float64), "class_counts": COUNTS}
    context = {name: known[name] for name in loss.context}

    def expected():
        total = 0
        for y, chance in ((1, ETA), (0, 1 - ETA)):
            targets = torch.full(ETA.shape, y)
            logits = torch.stack([torch.zeros_like(d), d], -1) if loss.scores == "per class" else d
            terms = loss.function(logits, targets, **values, **context)
            total = total + (chance * terms * (1 if loss.weighs_itself or y == 0 else weight)).sum()
        return total

    search = torch.optim.LBFGS([d], lr=1, max_iter=500, tolerance_grad=1e-13, tolerance_change=0, line_search_fn="strong_wolfe")

    def closure():
        search.zero_grad()
        value = expected()
        value.backward()
        return value

    search.step(closure)
    return d.detach()


def shared(found, expected, tolerance=1e-7):
    torch.testing.assert_close(found, torch.as_tensor(np.array(expected), dtype=torch.float64), rtol=0, atol=tolerance)


@pytest.mark.parametrize("key, params", [
    ("cross_entropy", {}), ("nll", {}), ("bce_with_logits", {}), ("bce", {}), ("multilabel_soft_margin", {}),
    ("poly1", {"epsilon": 0.0}),
    ("focal", {"gamma": 0.0}), ("asymmetric", {"gamma_pos": 0.0, "gamma_neg": 0.0, "margin": 0.0}),
])  # fmt: skip
def test_weights_move_the_odds_by_their_ratio(key, params):
    found = optimum(key, weight=19.0, **params)
    shared(found.sigmoid(), [0.2794, 0.5, 0.8261, 0.95, 0.9870, 0.9972], 5e-5)
    shared(found, logit(ETA.numpy()) + np.log(19), 1e-6)


def test_label_smoothing_pulls_towards_one_half():
    shared(optimum("cross_entropy", label_smoothing=0.1).sigmoid(), 0.9 * ETA.numpy() + 0.05)


def test_focal_is_timid_and_turns_no_decision():
    shared(optimum("focal", gamma=2.0).sigmoid(), [0.1903, 0.2502, 0.3734, 0.5, 0.6266, 0.7498], 5e-5)
    shared(optimum("sigmoid_focal", gamma=2.0, alpha=0.5), optimum("focal", gamma=2.0).numpy())


@pytest.mark.parametrize("key, params", [("logit_adjusted", {"tau": 0.5}), ("vs", {"gamma": 0.0, "tau": 0.5})])
def test_a_shift_by_the_class_shares_is_what_log_shift_says(key, params):
    shift = LOSSES[key].log_shift(COUNTS, params)
    shared(optimum(key, **params), logit(ETA.numpy()) + float(shift[1] - shift[0]), 1e-6)


@pytest.mark.parametrize("gamma", [0.15, 0.3])
def test_a_stretch_divides_what_the_shift_has_moved(gamma):
    """delta_1 d + iota_1 - iota_0 = logit eta, with the first logit held at 0: that choice is what no theory fixes."""
    delta, iota = (5 / 95) ** gamma, np.log(5 / 95)
    shared(optimum("vs", gamma=gamma), (logit(ETA.numpy()) - iota) / delta, 1e-5)


@pytest.mark.parametrize("epsilon", [-0.5, 1.0, 5.0])
def test_poly_1_is_where_the_slopes_balance_and_turns_no_decision(epsilon):
    def slope(p):
        return 1 / p + epsilon

    expected = [brentq(lambda q, e=e: e * slope(q) - (1 - e) * slope(1 - q), 1e-9, 1 - 1e-9, xtol=1e-14) for e in ETA.tolist()]
    found = optimum("poly1", epsilon=epsilon).sigmoid()
    shared(found, expected, 1e-6)
    assert ((found > 0.5 + 1e-9) == (ETA > 0.5)).all() and LOSSES["poly1"].ordered({"epsilon": epsilon}, 2)


def test_ldam_asks_for_more_where_the_rare_class_is_likely():
    """Its optimum satisfies eta sigma(-(sd - s m1)) = (1 - eta) sigma(sd + s m0); without margin it is s d = logit eta."""
    s, margin = 10.0, 0.5 * (5 / COUNTS.numpy()) ** 0.25
    expected = [
        brentq(lambda d, e=e: e * expit(-s * (d - margin[1])) - (1 - e) * expit(s * (d + margin[0])), -3, 3, xtol=1e-14)
        for e in ETA.tolist()
    ]
    found = optimum("ldam", s=s)
    shared(found, expected, 1e-6)
    shared(optimum("ldam", s=s, max_margin=0.0), logit(ETA.numpy()) / s, 1e-6)
    assert found[3] > 0  # at one half the rare class wins: no constant shift of the log odds
    moved = found * s - torch.logit(ETA)
    assert moved.std() > 0.5 and not LOSSES["ldam"].ordered({"max_margin": 0.5}, 2)


def test_the_squared_hinge_is_a_straight_line_in_the_probability():
    shared(optimum("multi_margin", p=2, margin=1.0), 2 * ETA.numpy() - 1)
    weighted = optimum("multi_margin", weight=19.0, p=2, margin=1.0)
    even = 19 * ETA / (19 * ETA + 1 - ETA)
    shared(weighted, 2 * even.numpy() - 1)


def test_the_hinge_knows_only_which_class_is_likelier():
    found = optimum("multi_margin", p=1, margin=1.0)
    assert ((found > 0) == (ETA > 0.5))[ETA != 0.5].all()
    weighted = optimum("multi_margin", weight=19.0)
    assert ((weighted > 0) == (19 * ETA > 1 - ETA))[ETA != 0.05].all()


def test_asymmetric_loss_is_least_where_the_papers_formula_is():
    gamma_pos, gamma_neg, m = 1.0, 4.0, 0.05

    def expected(z, eta):
        p = expit(z)
        p_m = max(p - m, 0)
        return -eta * (1 - p) ** gamma_pos * np.log(p) - (1 - eta) * p_m**gamma_neg * np.log1p(-p_m)

    best = [
        minimize_scalar(expected, args=(eta,), bounds=(-6, 6), method="bounded", options={"xatol": 1e-10}).x
        for eta in ETA.tolist()
    ]
    shared(optimum("asymmetric"), best, 1e-4)
