"""E7: the weights of long-tailed CIFAR-10 as result.json reports them."""

import pytest

from tests.truth.experiments import run

COUNTS = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
TABLE = {
    "effective_number .999": [0.1812, 0.1894, 0.2157, 0.2729, 0.3785, 0.5606, 0.8688, 1.3862, 2.2584, 3.6883],
    "effective_number .9999": [0.0506, 0.0769, 0.1211, 0.195, 0.3188, 0.5246, 0.8683, 1.4426, 2.4092, 3.9927],
    "balanced": [0.2481, 0.4139, 0.6908, 1.1519, 1.9234, 3.2057, 5.3474, 8.9252, 14.947, 24.812],
    "sqrt": [0.2445, 0.3158, 0.408, 0.5269, 0.6808, 0.8789, 1.1352, 1.4666, 1.8979, 2.4453],
    "median_frequency": [0.1032, 0.1722, 0.2873, 0.4791, 0.8, 1.3333, 2.2241, 3.7122, 6.2169, 10.32],
    "enet": [2.8346, 4.3036, 6.5564, 9.8537, 14.3848, 20.0292, 26.3362, 32.5443, 37.9646, 42.1121],
}


def strategy(name):
    key, _, beta = name.partition(" ")
    return {"name": name, "weighting": key, "weighting_params": {"beta": float(beta)} if beta else {}}


@pytest.mark.parametrize("name", TABLE)
def test_the_result_reports_the_weights_of_the_table(name):
    experiment = {
        "data": {"source": "labels", "params": {"counts": COUNTS, "n_val": 100, "n_test": 100}}, "model": {"name": "linear"},
        "strategies": [strategy(each) for each in TABLE], "training": {"epochs": 1, "batch_size": 4096},
    }  # fmt: skip
    found = next(each for each in run(experiment)["strategies"] if each["name"] == name)
    assert found["class_counts"] == COUNTS
    assert [round(weight, 4) for weight in found["weights"]] == TABLE[name]


def test_pos_weight_of_rare_steps_and_labels_is_neg_over_pos():
    """E7's pos_weight, label by label and over unpadded steps, as result.json reports it."""
    for data in (
        {"source": "multilabel", "params": {"n": 2000, "n_val": 100, "n_test": 100, "biases": [0, -2, -4, -6]}},
        {"source": "events", "params": {"n": 200, "steps": 30, "shortest": 10, "n_val": 20, "n_test": 20}},
    ):
        found = run({"data": data, "strategies": [{"name": "it", "weighting": "pos_weight"}], "training": {"epochs": 1}})
        counts, weights = (found["strategies"][0][key] for key in ("class_counts", "weights"))
        labels = zip(counts, weights, strict=True) if data["source"] == "multilabel" else [(counts, weights)]
        for (negative, positive), (no, yes) in labels:
            assert no == (1 if negative else 0) and yes == (pytest.approx(negative / positive) if positive else 0)
