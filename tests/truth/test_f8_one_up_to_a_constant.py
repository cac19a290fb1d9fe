"""F8: inverse, balanced and median frequency are one up to a constant: identical curves under cross-entropy, not under BCE."""

import numpy as np
import pytest

from tests.truth.experiments import history, run

SCHEMES = ["balanced", "inverse", "median_frequency"]


def histories(loss, source, optimizer, lr):
    result = run({
        "data": {"source": source, "params": {"n": 2000, "n_val": 1000, "n_test": 1000}},
        "strategies": [{"name": scheme, "loss": loss, "weighting": scheme} for scheme in SCHEMES],
        "training": {"epochs": 10, "optimizer": optimizer, "lr": lr}, "seeds": [0],
    })  # fmt: skip
    return [history(result, scheme) for scheme in SCHEMES]


@pytest.mark.parametrize("loss", ["cross_entropy", "nll"])
@pytest.mark.parametrize("source", ["gaussians", "ring"])
@pytest.mark.parametrize("optimizer, lr", [("sgd", 0.05), ("adam", 0.001)])
def test_the_three_curves_coincide_under_cross_entropy(loss, source, optimizer, lr):
    balanced, *others = histories(loss, source, optimizer, lr)
    for other in others:
        np.testing.assert_allclose(other, balanced, rtol=0, atol=1e-6)


@pytest.mark.parametrize("loss", ["bce", "bce_with_logits"])
def test_under_bce_the_constant_is_a_learning_rate(loss):
    """Of two classes the median is n / 2, so that median frequency is balanced itself; inverse is smaller by a factor."""
    balanced, inverse, median = histories(loss, "gaussians", "sgd", 0.05)
    assert np.abs(inverse - balanced).max() > 0.01 and np.abs(inverse - balanced)[:, 1].max() > 0.01
    np.testing.assert_allclose(median, balanced, rtol=0, atol=1e-6)


def test_under_focal_all_three_differ():
    """Softmax focal divides by rows as BCE does, and takes more than two classes."""
    curves = histories("focal", "ring", "sgd", 0.05)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(curves[one] - curves[other])[:, 1].max() > 0.003


def test_under_adam_the_constant_is_nearly_invisible_even_for_bce():
    balanced, inverse, _ = histories("bce_with_logits", "gaussians", "adam", 0.001)
    np.testing.assert_allclose(inverse[:, 1], balanced[:, 1], atol=1e-3)  # validation NLL
    assert np.abs(inverse - balanced)[:, 0].max() > 0.01  # the train loss has the factor
