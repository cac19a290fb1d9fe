"""E4: do weights survive training? Two separable points in closed form, by hand, and in the engine (Byrd & Lipton 2019)."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from lib.figures.course import boundary_course, closed_form
from lib.scenarios import SCENARIOS
from lib.theory import boundary_after, boundary_between, margin_after, margin_with_decay
from lib.training import load, train


def test_the_closed_form_gives_the_papers_numbers():
    found = boundary_after(19.0, np.array([0, 1, 10, 100, 1e3, 1e4, 1e6]))
    assert found.round(5).tolist() == [-0.9, -0.63664, -0.34352, -0.21928, -0.16246, -0.12944, -0.09212]


@pytest.mark.parametrize("weight", [0.2, 1.0, 19.0, 256.0])
def test_it_solves_its_equation_starts_at_the_weights_and_fades_like_a_logarithm(weight):
    time = np.geomspace(1e-3, 1e12, 40)
    m = margin_after(weight, time)
    assert m + np.exp(m) == pytest.approx(2 * weight * time + 1, rel=1e-9)
    assert float(boundary_after(weight, 0.0)) == pytest.approx(-(weight - 1) / (weight + 1))
    assert float(boundary_after(weight, 1e-6)) == pytest.approx(-(weight - 1) / (weight + 1), abs=1e-4)
    late = boundary_after(weight, 1e250)
    assert float(late) == pytest.approx(-math.log(weight) / (2 * math.log(2e250)), rel=0.01, abs=1e-12)


def test_gradient_descent_by_hand_follows_it():
    slope = offset = 0.0
    for step in range(1, 20_001):
        heavy, light = 19 / (1 + math.exp(slope + offset)), 1 / (1 + math.exp(slope - offset))
        slope, offset = slope + 0.005 * (heavy + light), offset + 0.005 * (heavy - light)
        if step in (200, 2000, 20_000):
            assert -offset / slope == pytest.approx(float(boundary_after(19.0, 0.005 * step)), abs=4e-4)


@pytest.mark.parametrize("weight, decay", [(19.0, 0.04), (19.0, 0.2), (3.0, 1e-4), (1.0, 0.5)])
def test_with_decay_the_margins_rest_where_the_penalised_loss_is_least(weight, decay):
    def penalised(parameters):
        a, b = parameters
        return weight * np.logaddexp(0, -(a + b)) + np.logaddexp(0, b - a) + decay / 2 * (a * a + b * b)

    a, b = minimize(penalised, [0.1, 0.1], method="BFGS", options={"gtol": 1e-10}).x
    heavy, light = margin_with_decay(weight, decay), margin_with_decay(1.0, decay)
    assert (heavy, light) == pytest.approx((a + b, a - b), abs=1e-4)
    rest = float(boundary_between(heavy, light))
    assert rest == pytest.approx(-b / a, abs=1e-4) and (weight == 1 or rest < -0.05)  # it persists


def test_decay_of_nothing_is_refused():
    with pytest.raises(ValueError, match="needs a positive weight and decay, got 19 and 0"):
        margin_with_decay(19.0, 0.0)


@pytest.fixture(scope="module")
def trained():
    experiment = SCENARIOS["weights_survive"].experiment
    *_, last = train(experiment, load(experiment.data))
    return last


def boundaries(snapshot):
    """Where the learned line crosses 0, from the parameters themselves."""
    found = []
    for s in range(len(snapshot.experiment.strategies)):
        slope, offset = snapshot.models[s, 0].parameters.tolist()
        found.append(-offset / slope)
    return found


def test_the_engine_follows_the_closed_form_with_and_without_decay(trained):
    plain, heavy, decayed, more = boundaries(trained)
    time = 1000 * 0.2 / 2  # the mean over rows halves the sum over the two points
    assert plain == pytest.approx(0, abs=0.003)
    assert heavy == pytest.approx(float(boundary_after(19.0, time)), abs=0.003)
    for found, decay in ((decayed, 0.04), (more, 0.2)):
        rest = boundary_between(margin_with_decay(19.0, decay), margin_with_decay(1.0, decay))
        assert found == pytest.approx(float(rest), abs=0.003)
    assert more < decayed < heavy < plain


def test_the_recalls_say_where_the_boundary_stands(trained):
    recall = trained.history.recall[:, 0, -1]
    assert (recall[:, 0] - recall[:, 1]).tolist() == pytest.approx(boundaries(trained), abs=0.0025)


def test_the_chart_draws_both_and_says_both(trained):
    chart = boundary_course(trained, dark=False)
    epochs = np.array([10, 100, 1000])
    for s in range(4):
        drawn = trained.history.recall[s, 0, epochs - 1] @ [1, -1]
        expected = closed_form(trained, s, epochs)
        assert drawn[-1] == pytest.approx(expected[-1], abs=0.006)
        if s in (0, 1):
            assert drawn[1:] == pytest.approx(expected[1:], abs=0.08)  # 20 s of flow have forgotten the start
    lines = {trace.name: trace for trace in chart.figure.data}
    assert lines["B 1 : 19"].line.dash != "2px,4px" == lines["B 1 : 19, closed form"].line.dash
    assert "B 1 : 19 −0.220 (closed form at the end −0.219)" in chart.alt


def test_no_closed_form_where_theory_has_none():
    what = SCENARIOS["weights_survive"].experiment.to_dict()
    what["training"]["epochs"] = 2
    what["strategies"] = [
        {"name": "ce", "weighting": "balanced"},
        {"name": "adam", "loss": "bce_with_logits", "overrides": {"optimizer": "adam"}},
        {"name": "batches", "loss": "bce_with_logits", "overrides": {"batch_size": 4}},
    ]  # fmt: skip
    experiment = type(SCENARIOS["weights_survive"].experiment).from_dict(what)
    first, *_, last = train(experiment, load(experiment.data))
    assert [closed_form(last, s, np.array([1, 2])) for s in range(3)] == [None] * 3
    assert "no value yet" in boundary_course(first, dark=True).alt and len(boundary_course(last, dark=True).figure.data) == 3
