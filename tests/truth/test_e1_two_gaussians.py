"""E1 (Menon et al. 2021, section 6.1): every row of the table, by closed form on the learned weights, through lib.run."""

import numpy as np
import pytest
from scipy.stats import norm

from tests.truth.experiments import closed_form, run

STRATEGIES = [
    {"name": "none"},
    {"name": "balanced", "weighting": "balanced"},
    {"name": "inverse", "weighting": "inverse"},
    {"name": "pos_weight", "loss": "bce_with_logits", "weighting": "pos_weight"},
    {"name": "bce", "loss": "bce", "weighting": "pos_weight"},
    {"name": "nll", "loss": "nll", "weighting": "balanced"},
    {"name": "logit-adjusted", "loss": "logit_adjusted"},
    {"name": "sqrt", "weighting": "sqrt"},
    {"name": "logit-adjusted 0.5", "loss": "logit_adjusted", "loss_params": {"tau": 0.5}},
    {"name": "effective", "weighting": "effective_number", "weighting_params": {"beta": 0.999}},
    {"name": "sampler", "sampler": "weighted_random"},
    {"name": "post-hoc", "decision": "logit_adjust"},
    {"name": "undone", "weighting": "balanced", "decision": "undo"},
]
TABLE = {  # BER in %: lowest and highest allowed
    "none": (16.077, 20.077),
    "balanced": (7.865, 8.0), "inverse": (7.865, 8.0), "pos_weight": (7.865, 8.0), "bce": (7.865, 8.0), "nll": (7.865, 8.0),
    "logit-adjusted": (7.865, 8.0), "sampler": (7.865, 8.0), "post-hoc": (7.865, 8.0),
    "sqrt": (9.613, 11.613), "logit-adjusted 0.5": (9.613, 11.613), "effective": (11.893, 13.893),
}  # fmt: skip
EXPECTED = {  # (recall+, recall-) in the mean over seeds
    "none": (0.6455, 0.9930), "balanced": (0.9214, 0.9214), "sqrt": (0.8143, 0.9735), "effective": (0.7589, 0.9832),
    "logit-adjusted": (0.9214, 0.9214), "logit-adjusted 0.5": (0.8143, 0.9735), "pos_weight": (0.9214, 0.9214),
}  # fmt: skip
SMALL = {"n": 10_000, "n_val": 100, "n_test": 100}


def experiment(seeds):
    return {
        "data": {"source": "gaussians", "params": SMALL, "resample": True}, "model": {"name": "linear"},
        "strategies": STRATEGIES, "training": {"epochs": 60, "batch_size": 2000, "lr": 0.05}, "seeds": seeds,
    }  # fmt: skip


def ber(recalls):
    return 100 * (1 - np.mean(recalls))


@pytest.fixture(scope="module")
def seeds(full):
    return list(range(20 if full else 4))


@pytest.mark.parametrize("name", TABLE)
def test_each_row_of_the_table_within_its_tolerance(name, seeds):
    """Over 20 draws one or two exact fits (scikit-learn's too) of balanced weights reach 8.1: the draw's noise, not ours."""
    low, high = TABLE[name]
    found = [ber(closed_form(run(experiment(seeds)), name, seed)) for seed in seeds]
    assert min(found) >= low - 5e-4  # the table has three decimals
    assert sum(value > high for value in found) <= len(seeds) // 10, found


@pytest.mark.parametrize("name", EXPECTED)
def test_the_recalls_of_the_table_in_the_mean_over_draws(name, seeds):
    negative, positive = np.mean([closed_form(run(experiment(seeds)), name, seed) for seed in seeds], axis=0)
    assert positive == pytest.approx(EXPECTED[name][0], abs=0.02) and negative == pytest.approx(EXPECTED[name][1], abs=0.01)


def test_undone_weights_are_back_at_the_row_without_weights_in_the_mean_over_draws(seeds):
    """Over single draws it is noisier than `none`: a weighted fit looks at fewer rows."""
    found = np.mean([ber(closed_form(run(experiment(seeds)), "undone", seed)) for seed in seeds])
    assert found == pytest.approx(18.077, abs=1.0)


def test_the_closed_form_is_the_recall_that_a_large_test_set_shows():
    big = experiment([0]) | {"strategies": STRATEGIES[:2]}
    big["data"] = {"source": "gaussians", "params": SMALL | {"n_test": 200_000}}
    result = run(big)
    for strategy in result["strategies"]:
        measured = np.array(strategy["runs"][0]["recall"])
        exact = np.array(strategy["runs"][0]["closed_form_recall"])
        assert np.allclose(measured, exact, atol=4 * np.sqrt(0.25 / 10_000))


def test_the_weights_move_the_boundary_to_where_theory_says():
    """s = -(ln(pi) + shift) / (2 sqrt 2) on the line between the means: FNR = Phi(s - M), FPR = Phi(-s - M)."""
    m = np.sqrt(2)
    for shift, row in ((0, (0.6455, 0.9930)), (np.log(19), (0.9214, 0.9214))):
        s = -(np.log(0.05 / 0.95) + shift) / (2 * m)
        assert (round(1 - norm.cdf(s - m), 4), round(1 - norm.cdf(-s - m), 4)) == row
