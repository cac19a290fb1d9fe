"""E5: what is left of weights in small batches. Weighted-mean cross-entropy, w = 19, on E1's data."""

import math

import numpy as np
import pytest

from lib.theory import bayes_recall, effective_ratio
from tests.truth.experiments import closed_form, run

MEANS = np.array([[-1.0, -1.0], [1.0, 1.0]])
TABLE = {8: (0.8492, 0.9637), 32: (0.9034, 0.9367), 256: (0.9194, 0.9233)}  # (recall+, recall-)
SETTINGS = {8: (2e-3, 2), 32: (2e-3, 2), 256: (5e-3, 6)}  # learning rate, epochs


def experiment(batch_size, n, normaliser="torch"):
    lr, epochs = SETTINGS[batch_size]
    return {
        "data": {"source": "gaussians", "params": {"n": n, "n_val": 100, "n_test": 100}}, "model": {"name": "linear"},
        "strategies": [{"name": "it", "weighting": "manual", "weighting_params": {"weights": [1, 19]}}],
        "training": {"epochs": epochs, "batch_size": batch_size, "lr": lr, "normaliser": normaliser}, "seeds": [0],
    }  # fmt: skip


@pytest.mark.parametrize("batch_size", TABLE)
def test_theory_is_the_table(batch_size):
    ratio = effective_ratio(19, 0.05, batch_size)
    negative, positive = bayes_recall(MEANS, np.array([0.95, 0.05 * ratio]))
    assert (round(positive, 4), round(negative, 4)) == TABLE[batch_size]


@pytest.mark.parametrize("batch_size", TABLE)
def test_training_finds_what_theory_says(batch_size, full):
    n = 65_536 if batch_size == 8 and not full else 262_144
    negative, positive = closed_form(run(experiment(batch_size, n)), "it")
    assert (positive, negative) == pytest.approx(TABLE[batch_size], abs=0.01)


def test_the_fixed_normaliser_keeps_the_whole_weight_at_any_batch_size():
    negative, positive = closed_form(run(experiment(8, 65_536, "fixed")), "it")
    assert (positive, negative) == pytest.approx((0.9214, 0.9214), abs=0.01)
    assert math.isclose(effective_ratio(19, 0.05, 8), 6.466, abs_tol=1e-3)
