"""E11: ten digits with a long tail in random class order, MLP 64-64-10: the paired ordering over 6 seeds."""

import numpy as np
import pytest

from tests.truth.experiments import run

DRW = {"weighting": "effective_number", "weighting_params": {"beta": 0.9999}, "weights_from_epoch": 48}  # the last fifth
STRATEGIES = [
    {"name": "none"},
    {"name": "sqrt", "weighting": "sqrt"},
    {"name": "balanced", "weighting": "balanced"},
    {"name": "drw", **DRW},
    {"name": "logit-adjusted", "loss": "logit_adjusted"},
    {"name": "post-hoc", "decision": "logit_adjust"},
    {"name": "focal", "loss": "focal", "loss_params": {"gamma": 2}},
    {"name": "vs", "loss": "vs", "loss_params": {"gamma": 0.15}},
    {"name": "cosines", "loss": "ldam", "loss_params": {"max_margin": 0}},
    {"name": "ldam", "loss": "ldam"},
    {"name": "ldam-drw", "loss": "ldam", **DRW},
]


@pytest.fixture(scope="module")
def found(full):
    """Balanced accuracy and the recall of the three rarest digits on test, per strategy: [seeds, 2]."""
    scores = {strategy["name"]: [] for strategy in STRATEGIES}
    for seed in range(20 if full else 6):
        result = run({
            "data": {"source": "digits", "seed": seed}, "model": {"params": {"hidden": [64]}}, "strategies": STRATEGIES,
            "training": {"epochs": 60, "batch_size": 64, "lr": 0.003, "weight_decay": 0.0001}, "seeds": [seed],
        })  # fmt: skip
        for strategy in result["strategies"]:
            rarest = np.argsort(strategy["class_counts"], kind="stable")[:3]
            own = strategy["runs"][0]
            scores[strategy["name"]].append((own["metrics"]["balanced_accuracy"], np.mean(np.array(own["recall"])[rarest])))
    return {name: np.array(values) for name, values in scores.items()}


@pytest.mark.parametrize("worse, better", [
    ("none", "sqrt"), ("sqrt", "balanced"), ("none", "drw"), ("none", "logit-adjusted"), ("none", "post-hoc"),
    ("focal", "balanced"), ("focal", "logit-adjusted"), ("balanced", "logit-adjusted"),
    ("none", "vs"), ("sqrt", "vs"), ("focal", "drw"), ("none", "ldam"), ("cosines", "ldam"), ("ldam", "ldam-drw"),
])  # fmt: skip
def test_the_paired_ordering(found, worse, better):
    gain = found[better] - found[worse]
    accuracy, tail = gain.mean(0)
    assert accuracy > 0 and tail > 0


def test_focal_alone_does_not_help_the_tail(found):
    accuracy, tail = (found["focal"] - found["none"]).mean(0)
    assert abs(accuracy) < 0.02 and abs(tail) < 0.05


def test_the_rare_digits_gain_most(found):
    for name in ("sqrt", "balanced", "logit-adjusted", "post-hoc"):
        accuracy, tail = (found[name] - found["none"]).mean(0)
        assert tail > accuracy


def test_vector_scaling_finds_most_of_the_tail_and_pays_for_it_with_the_head(found):
    for name in ("none", "balanced", "drw", "logit-adjusted", "post-hoc"):
        assert (found["vs"] - found[name]).mean(0)[1] > 0
    head = {name: (10 * values[:, 0] - 3 * values[:, 1]) / 7 for name, values in found.items()}
    assert (head["vs"] - head["logit-adjusted"]).mean() < 0


def test_deferred_weights_do_what_weights_from_the_start_do(found):
    accuracy, tail = (found["drw"] - found["balanced"]).mean(0)
    assert abs(accuracy) < 0.02 and abs(tail) < 0.04
