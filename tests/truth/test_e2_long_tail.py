"""E2: a long tail on a simplex, whose recalls are known exactly under any weights, through lib.run.

Full batches and a large step: minibatch noise alone moves the rarest recall by more than the tolerance. What is left is
the noise of the draw, as large as scikit-learn's fit of the same rows shows it: the rarest class has 500 of 72 892 rows.
"""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lib.experiment import DataSpec
from lib.theory import linear_recall
from lib.training import load
from tests.truth.experiments import closed_form, run

STRATEGIES = [
    {"name": "none"},
    {"name": "balanced", "weighting": "balanced"},
    {"name": "sqrt", "weighting": "sqrt"},
    {"name": "logit-adjusted", "loss": "logit_adjusted"},
    {"name": "logit-adjusted 0.5", "loss": "logit_adjusted", "loss_params": {"tau": 0.5}},
    {"name": "post-hoc", "decision": "logit_adjust"},
]
NONE = [0.9867, 0.9588, 0.9149, 0.8509, 0.7648]
HALF = [0.9741, 0.9581, 0.9378, 0.9127, 0.8824]
EVEN = [0.9453] * 5
TABLE = {
    "none": NONE, "balanced": EVEN, "sqrt": HALF, "logit-adjusted": EVEN, "logit-adjusted 0.5": HALF, "post-hoc": EVEN,
}  # fmt: skip


def experiment(n, seed, names, epochs):
    return {
        "data": {"source": "simplex", "params": {"n": n, "n_val": 100, "n_test": 100}, "seed": seed},
        "model": {"name": "linear", "bias_init": "log_prior"}, "strategies": [s for s in STRATEGIES if s["name"] in names],
        "training": {"epochs": epochs, "batch_size": n, "lr": 0.3}, "seeds": [0],
    }  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_recalls_are_those_of_the_table_at_7289_rows(name):
    found = closed_form(run(experiment(7289, 0, list(TABLE), 150)), name)
    assert found == pytest.approx(TABLE[name], abs=0.03)


@pytest.mark.parametrize("name", ["none", "balanced", "sqrt", "logit-adjusted"])
def test_recalls_are_those_of_the_table_at_72892_rows(name, full):
    names = ["none", "balanced", "sqrt", "logit-adjusted"]
    found = closed_form(run(experiment(72_892, 1, names, 300 if full else 110)), name)
    assert found == pytest.approx(TABLE[name], abs=0.01)


@pytest.mark.parametrize("name, class_weight", [("none", None), ("balanced", "balanced")])
def test_a_run_finds_the_fit_that_scikit_learn_finds_on_the_same_rows(name, class_weight):
    train = load(DataSpec("simplex", {"n": 7289, "n_val": 100, "n_test": 100})).train
    theirs = LogisticRegression(C=np.inf, class_weight=class_weight, max_iter=2000, tol=1e-8)
    theirs.fit(train.x.double().numpy(), train.y.numpy())
    expected = linear_recall(theirs.coef_, theirs.intercept_, 3 * np.eye(5))
    assert closed_form(run(experiment(7289, 0, list(TABLE), 150)), name) == pytest.approx(expected, abs=0.002)


def test_several_draws_scatter_around_the_table(full):
    """Balanced accuracy without weights is .8952, with balanced weights .9453."""
    for name, expected in (("none", 0.8952), ("balanced", 0.9453)):
        draws = [np.mean(closed_form(run(experiment(7289, seed, list(TABLE), 150)), name)) for seed in range(6 if full else 2)]
        assert np.mean(draws) == pytest.approx(expected, abs=0.01)
