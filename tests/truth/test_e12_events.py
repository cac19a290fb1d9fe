"""E12: the forum's LSTM at about 100 zeros per one. Orderings over seeds, and the exact filter that no network can beat."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss

from lib.experiment import Experiment
from lib.training import load, train

RATE, LENGTH, DISTANCE = 1 / 86, 4.0, 2.5
DATA = {"rate": RATE, "length": LENGTH, "distance": DISTANCE, "n_val": 1000, "n_test": 10}
WEIGHT = 85


def experiment(seeds):
    return Experiment.from_dict({
        "data": {"source": "events", "params": DATA}, "model": {"name": "lstm"},
        "strategies": [
            {"name": "plain"}, {"name": "weighted", "weighting": "manual", "weighting_params": {"weights": [1, WEIGHT]}},
        ],
        "training": {"epochs": 60, "batch_size": 64, "lr": 0.003}, "seeds": seeds,
    })  # fmt: skip


@pytest.fixture(scope="module")
def trained(full):
    """epoch -> (truth [M], scores [strategy, seed, M]) on validation."""
    asked = experiment(list(range(5 if full else 2)))
    dataset = load(asked.data)
    part, found = dataset.validation, {}
    for snapshot in train(asked, dataset):
        if snapshot.epoch in (8, 60):
            scores = [
                [snapshot.models[s, r].scores(part.x, part.mask)[:, 1].numpy() for r in range(len(asked.seeds))] for s in (0, 1)
            ]
            found[snapshot.epoch] = part.y[part.mask].numpy(), np.array(scores)
    return dataset, found


def recall(y, z, threshold=0.0):
    return ((z > threshold) & (y == 1)).sum() / y.sum()


def test_early_the_plain_network_says_never_and_the_weighted_one_finds_nearly_all(trained) -> None:
    y, (plain, weighted) = trained[1][8]
    for z, w in zip(plain, weighted, strict=True):
        assert recall(y, z) == 0.0 and recall(y, w) > 0.85
        assert average_precision_score(y, z) < 0.2 < 0.6 < average_precision_score(y, w)


def test_late_both_rank_alike_and_differ_by_the_threshold(trained) -> None:
    y, (plain, weighted) = trained[1][60]
    for z, w in zip(plain, weighted, strict=True):
        assert 0.25 < recall(y, z) < 0.8 and recall(y, w) > recall(y, z) + 0.1
        assert average_precision_score(y, w) == pytest.approx(average_precision_score(y, z), abs=0.12)
        assert brier_score_loss(y, sigmoid(z)) < brier_score_loss(y, sigmoid(w)) / 2
        assert recall(y, w, np.log(WEIGHT)) == pytest.approx(recall(y, z), abs=0.25) and recall(y, w, np.log(WEIGHT)) < 0.8
        low = z > -np.log(WEIGHT)  # p > 1/86
        assert recall(y, z, -np.log(WEIGHT)) > 0.85 and (y[low] == 1).mean() < 0.4


def sigmoid(z):
    return 1 / (1 + np.exp(-z.astype(np.float64)))


def filtered(x):
    """P(event at t | x_1 .. x_t) [N, T] by the forward recursion of the chain: exact."""
    ends = 1 / LENGTH
    starts = RATE * ends / (1 - RATE)
    belief, found = np.full(len(x), RATE), []
    for t in range(x.shape[1]):
        odds = belief / (1 - belief) * np.exp(DISTANCE * x[:, t] - DISTANCE**2 / 2)
        now = odds / (1 + odds)
        found.append(now)
        belief = now * (1 - ends) + (1 - now) * starts
    return np.stack(found, axis=1)


def nll(y, p):
    return -np.log(np.where(y == 1, p, 1 - p)).mean()


def test_no_network_beats_the_exact_filter_and_ours_comes_near(trained) -> None:
    dataset, found = trained
    part = dataset.validation
    y, (plain, weighted) = found[60]
    best = filtered(part.x[..., 0].double().numpy())[part.mask.numpy()]
    for z, w in zip(plain, weighted, strict=True):
        for ours in (sigmoid(z), sigmoid(w - np.log(WEIGHT))):
            assert nll(y, best) < nll(y, ours) < nll(y, best) + 0.008
            assert average_precision_score(y, ours) < average_precision_score(y, best) + 0.01
    assert nll(y, sigmoid(weighted[0])) > 3 * nll(y, best)  # before the weight is off
