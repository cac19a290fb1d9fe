"""One small training whose figures the tests read, and one strategy that diverges in it."""

import pytest

from lib.experiment import Experiment
from lib.training import load, train


@pytest.fixture(scope="session")
def snapshots():
    """Two classes 1:9, three strategies of which the last diverges, two seeds, three epochs; every 6 of 8 batches."""
    experiment = Experiment.from_dict(
        {
            "data": {"source": "gaussians", "params": {"n": 500, "priors": [0.9, 0.1], "n_val": 200, "n_test": 50}},
            "model": {"name": "linear"},
            "training": {"epochs": 3, "batch_size": 64, "lr": 0.05},
            "strategies": [
                {"name": "plain"},
                {"name": "<b>pos</b> weight", "loss": "bce_with_logits", "weighting": "pos_weight"},
                {
                    "name": "too fast",
                    "weighting": "balanced",
                    "overrides": {"lr": 1000.0, "optimizer": "sgd", "weight_decay": 100.0},
                },
            ],
            "seeds": [0, 1],
        }
    )
    return list(train(experiment, load(experiment.data), stride=lambda: 6))


@pytest.fixture(scope="session")
def final(snapshots):
    return snapshots[-1]


@pytest.fixture(scope="session")
def ring():
    """Three classes in two dimensions, two strategies, one seed, after the last epoch."""
    experiment = Experiment.from_dict(
        {
            "data": {"source": "ring", "params": {"n": 600, "priors": [0.6, 0.3, 0.1], "n_val": 300, "n_test": 50}},
            "model": {"name": "linear"},
            "training": {"epochs": 2},
            "strategies": [{"name": "plain"}, {"name": "balanced", "weighting": "balanced"}],
        }
    )
    return list(train(experiment, load(experiment.data)))[-1]
