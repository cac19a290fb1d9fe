"""Small trainings whose scores are read: two classes with every way of moving the odds, and three classes."""

import numpy as np
import pytest

from lib.experiment import Experiment
from lib.operating.scored import Sample
from lib.training import load, train

STRATEGIES = [
    {"name": "plain"},
    {"name": "balanced", "weighting": "balanced"},
    {"name": "pos_weight", "loss": "bce_with_logits", "weighting": "pos_weight"},
    {"name": "sampler", "sampler": "weighted_random"},
    {"name": "focal", "loss": "sigmoid_focal", "loss_params": {"gamma": 2.0, "alpha": 0.5}},
]


def trained(**fields):
    experiment = Experiment.from_dict({
        "data": {"source": "gaussians", "params": {"n": 4000, "priors": [0.9, 0.1], "n_val": 2000, "n_test": 4000}},
        "model": {"name": "linear"}, "strategies": STRATEGIES, "training": {"epochs": 12, "batch_size": 500, "lr": 0.05},
    } | fields)  # fmt: skip
    *_, last = train(experiment, load(experiment.data))
    return last


@pytest.fixture(scope="session")
def binary():
    return trained()


@pytest.fixture(scope="session")
def ring():
    return trained(
        data={"source": "ring", "params": {"n": 2000, "priors": [0.8, 0.15, 0.05], "n_val": 1000, "n_test": 1000}},
        strategies=[{"name": "plain"}, {"name": "balanced", "weighting": "balanced"}], seeds=[0, 1],
    )  # fmt: skip


def sample(n=2000, seed=0, shift=0.0, slope=1.0, base=-2.0):
    """Scores whose log odds are right, but for a shift and a slope."""
    draw = np.random.default_rng(seed)
    score = base + 1.5 * draw.normal(size=n)
    y = (draw.random(n) < 1 / (1 + np.exp(-score))).astype(np.int64)
    return Sample(y, slope * score + shift)
