"""E8: pos_weight of each label, the slopes that are learned under it, and what is left of the intercepts."""

import math

import numpy as np
import pytest

from lib.experiment import Experiment
from lib.training import load, train
from tests.truth.experiments import run

BIASES = (-1.0, -3.0, -5.0)
POS_WEIGHTS = (1.839, 6.716, 30.009)  # of the population


def experiment(rows, correlation=0.0):
    return {
        "data": {"source": "multilabel", "params": {"n": rows, "n_val": 100, "n_test": 5000, "correlation": correlation}},
        "model": {"name": "linear"},
        "strategies": [
            {"name": "plain"}, {"name": "pos_weight", "weighting": "pos_weight"},
            {"name": "undone", "weighting": "pos_weight", "decision": "undo"},
        ],
        "training": {"epochs": 16, "batch_size": 2048, "lr": 0.02},
    }  # fmt: skip


@pytest.fixture(scope="module")
def rows(full):
    return 1_000_000 if full else 300_000


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_slopes_and_intercepts_are_those_of_the_recipe_once_the_log_of_the_weight_is_off(rows, correlation) -> None:
    asked = Experiment.from_dict(experiment(rows, correlation))
    *_, last = train(asked, load(asked.data))
    for name, index in (("plain", 0), ("pos_weight", 1)):
        model = last.models[index, 0]
        weight, bias = (p.detach().double().flatten() for p in model.module().parameters())
        pos_weight = model.run.class_weight[:, 1] / model.run.class_weight[:, 0]
        assert weight.tolist() == pytest.approx([2.0] * 3, abs=0.1), name
        assert (bias - pos_weight.log()).tolist() == pytest.approx(BIASES, abs=0.1), name


def test_the_result_reports_pos_weight_per_label(rows) -> None:
    result = run(experiment(rows))
    own = next(each for each in result["strategies"] if each["name"] == "pos_weight")
    counts = np.array(own["class_counts"])
    assert counts.shape == (3, 2) and (counts.sum(1) == rows).all()
    assert np.array(own["weights"])[:, 1] == pytest.approx(counts[:, 0] / counts[:, 1])
    for found, population in zip(np.array(own["weights"])[:, 1], POS_WEIGHTS, strict=True):
        assert found == pytest.approx(population, rel=0.05)


def test_the_population_itself() -> None:
    """Negatives to positives under x ~ N(0, 1), by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    for bias, expected in zip(BIASES, POS_WEIGHTS, strict=True):
        rate = (weights / (1 + np.exp(-(bias + 2 * nodes)))).sum() / math.sqrt(2 * math.pi)
        assert (1 - rate) / rate == pytest.approx(expected, abs=2e-3)


def test_undone_probabilities_are_as_good_as_those_of_no_weights(rows) -> None:
    result = {each["name"]: each["runs"][0]["metrics"]["nll"] for each in run(experiment(rows))["strategies"]}
    assert result["undone"] == pytest.approx(result["plain"], abs=0.01) and result["pos_weight"] > result["plain"] + 0.1
