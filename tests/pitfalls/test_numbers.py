"""The numbers on the cards, against references that share no code with them: closed forms, scipy, scikit-learn, the theory."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from lib.pitfalls import PITFALLS
from lib.theory import bayes_recall, effective_prior


def wrong(key):
    return PITFALLS[key].runs()[0]


def right(key):
    return PITFALLS[key].runs()[1]


def softplus(z: float) -> float:
    return math.log1p(math.exp(-abs(z))) + max(z, 0.0)


def close(value: float, digits: float = 1e-4):
    return pytest.approx(value, abs=digits)


def test_the_weighted_mean_is_that_of_scikit_learn() -> None:
    """1, 5: index targets divide by the sum of weights, one-hot targets by N."""
    logits = np.array([[2, 0], [1, 0], [0.5, 0], [0, 1]])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for key, weight in (("mean_is_not_none_mean", [1, 1, 1, 19]), ("one_hot_targets", [1, 1, 1, 99])):
        expected = log_loss([0, 0, 0, 1], p, sample_weight=weight)
        found = right(key)
        assert found["torchs" if key == "mean_is_not_none_mean" else "index"] == close(expected)
        other = wrong(key)["mine" if key == "mean_is_not_none_mean" else "soft"]
        assert other == close(expected * sum(weight) / 4)


def test_example_1_2_and_3_of_the_explainer() -> None:
    assert right("integer_logits")["loss"] == close(math.log(1 + math.exp(-1)), 1e-6)
    assert "log_softmax_lastdim_kernel_impl" in wrong("integer_logits").error
    by_hand = -(math.log(0.9) + 0.5 * math.log(0.9) + math.log(0.8) + 0.5 * math.log(0.8)) / 4
    assert right("unsqueezed_weight")["loss"] == close(by_hand, 1e-6)
    assert "[4, 4]" in wrong("unsqueezed_weight").error
    assert wrong("equal_rows")["even"] == close(0.31326, 1e-5) and wrong("equal_rows")["uneven"] == close(0.31326, 1e-5)


def test_a_common_factor() -> None:
    """2: under SGD the step grows with the factor; under Adam each of 20 steps has the size of the learning rate at most."""
    z = 0.0
    for _ in range(20):
        z += 0.1 / (1 + math.exp(z))
    assert wrong("scale_and_optimiser")["small"] == close(z)
    z = 0.0
    for _ in range(20):
        z += 0.1 * 100 / (1 + math.exp(z))
    assert wrong("scale_and_optimiser")["large"] == close(z, 1e-3)
    assert right("scale_and_optimiser")["large"] == close(right("scale_and_optimiser")["small"], 1e-5)
    assert 1.5 < right("scale_and_optimiser")["small"] <= 2.0


def test_the_share_of_the_rare_class_by_batch_size() -> None:
    """4: .010, .072, .214, .396, .488 for B = 1, 8, 32, 128, 1024; .500 wanted."""
    expected = []
    for batch in (1, 8, 32, 128, 1024):
        k = np.arange(batch + 1)
        expected.append(float((stats.binom.pmf(k, batch, 0.01) * 99 * k / (98 * k + batch)).sum()))
    assert wrong("small_batches")["parts"] == pytest.approx(expected, abs=1e-4)
    assert [round(part, 3) for part in wrong("small_batches")["parts"]] == [0.010, 0.072, 0.214, 0.396, 0.488]


def test_label_smoothing_and_weights() -> None:
    """6: p_true = (1-e+e/C) w_y / ((1-e) w_y + e/C sum w): 0.160 for e = .1, w = [1, 100], and .95 without weights."""
    e, w = 0.1, (1, 100)
    assert wrong("label_smoothing")["p"] == close((1 - e + e / 2) * w[0] / ((1 - e) * w[0] + e / 2 * sum(w)), 1e-3)
    assert right("label_smoothing")["p"] == close(1 - e + e / 2, 1e-3)


def test_padding_and_zero_weights() -> None:
    """7, 9."""
    losses = [softplus(-1.0), math.log(2), softplus(-1.0)]
    assert right("padding_in_the_mean")["loss"] == close((losses[0] + 5 * losses[1] + 5 * losses[2]) / 11)
    assert wrong("padding_in_the_mean")["loss"] == close((losses[0] + 5 * losses[1] + 5 * losses[2]) / 13)
    assert wrong("weight_zero")["gradient"] == close(math.exp(2) / (math.e + 1 + math.exp(2)))


def test_pos_weight() -> None:
    """10, 11, 12, 13."""
    assert (wrong("pos_weight_or_weight")["no"], wrong("pos_weight_or_weight")["yes"]) == (close(7), close(7))
    assert (right("pos_weight_or_weight")["no"], right("pos_weight_or_weight")["yes"]) == (close(1), close(7))
    z, y = (0.5, -1, 2, -0.3), (1, 0, 0, 1)
    by_hand = sum((9 if t else 1) * softplus(-v if t else v) for v, t in zip(z, y, strict=True)) / 4
    assert right("bce_has_no_pos_weight")["torchs"] == close(by_hand)
    assert right("which_way_round")["pos_weight"] == 99 and wrong("which_way_round")["pos_weight"] == close(1 / 99)
    z, y = (-2, -1, 0.5, 0), (0, 0, 0, 1)
    terms = sum((9 if t else 1) * softplus(-v if t else v) for v, t in zip(z, y, strict=True))
    assert wrong("two_outputs_or_one")["ce"] == close(terms / 12) and wrong("two_outputs_or_one")["bce"] == close(terms / 4)


def test_the_mask_of_the_forum() -> None:
    z = [0.5, -1, -2, 2, -0.3, -3, 1, -1]
    y = [1, 0, 0, 0, 0, 0, 1, 0]
    by_hand = sum((100 if t else 1) * softplus(-v if t else v) for v, t in zip(z, y, strict=True)) / 8
    for name in ("mask", "built_in", "weight"):
        assert right("hand_made_mask")[name] == close(by_hand)


def test_weights_by_name_and_with_a_missing_class() -> None:
    """18, 19: scikit-learn's balanced weights."""
    y = np.repeat([0, 1, 2], [10, 90, 900])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    assert list(right("weight_order")["given"].values()) == pytest.approx([33.33, 3.7, 0.37])
    assert list(right("weight_order")["given"].values()) == [round(float(w), 2) for w in expected]
    assert right("missing_class")["weight"].tolist() == pytest.approx([4 / 9, 4 / 3, 0])


def test_floors() -> None:
    """22: .313 and .693. 23: log(1 + (C-1)/e)."""
    assert wrong("sigmoid_twice")["yes"] == close(softplus(-1.0)) and wrong("sigmoid_twice")["no"] == close(math.log(2))
    for classes, floor in wrong("softmax_twice")["floors"].items():
        assert floor == close(math.log(1 + (classes - 1) / math.e))


def test_dead_zones() -> None:
    """24: loss 100 and gradient exactly 0 at y = 0, z = 17; on the other side the gradient is p (1-p) / max(p (1-p), 1e-12)."""
    assert float(wrong("clamped_log")["loss"]) == 100 and wrong("clamped_log")["gradient"] == 0
    assert right("clamped_log")["loss"] == close(17, 1e-3)
    for minus_z, gradient in wrong("fading_gradient")["gradients"].items():
        spread = math.exp(-minus_z) / (1 + math.exp(-minus_z)) ** 2
        assert gradient == pytest.approx(-min(spread / 1e-12, 1), rel=1e-3)


def test_samplers() -> None:
    """27, 28, 29: half of the draws are rare; 1 - exp(-1/2/.99) of the common rows are seen; odds times 9801."""
    assert set(wrong("sampler_wants_rows")["drawn"]) == {0, 1}
    assert abs(right("without_replacement")["rare"] - 500) < 4 * math.sqrt(250)
    assert wrong("coverage")["seen"] == pytest.approx(0.99 * (1 - math.exp(-0.5 / 0.99)) + 0.01, abs=0.01)
    assert wrong("sampler_and_weights")["factor"] == close(99**2, 1)
    prior = effective_prior(torch.tensor([9900.0, 100.0]), torch.tensor([1 / 9900, 1 / 100]), torch.tensor([1.0, 1.0]))
    assert wrong("sampler_and_weights")["prior"] == close(float(prior[1]))


def test_probabilities_of_a_weighted_model() -> None:
    """30: q = w p / (w p + 1 - p); a threshold of 1 / (1 + w)."""
    true = [0.02, 0.05, 0.2, 0.5, 0.8, 0.95]
    assert wrong("weighted_probabilities")["read"] == pytest.approx([19 * p / (18 * p + 1) for p in true], abs=2e-4)
    assert wrong("weighted_probabilities")["read"] == pytest.approx([0.2794, 0.5, 0.8261, 0.95, 0.9870, 0.9972], abs=2e-4)
    assert right("weighted_probabilities")["read"] == pytest.approx(true, abs=2e-4)
    assert right("threshold_instead")["threshold"] == close(0.05)


def test_train_and_validation_loss() -> None:
    """31: 2.308 and .056 for the prior; .693 and 1.372 for a constant half."""
    assert wrong("train_and_validation")["train"] == close(-(math.log(0.99) + math.log(0.01)) / 2)
    assert wrong("train_and_validation")["validation"] == close(-0.99 * math.log(0.99) - 0.01 * math.log(0.01))
    assert wrong("constant_half")["bce"] == close((0.99 + 0.01 * 99) * math.log(2))
    assert right("constant_half")["compared"] == close(math.log(2))


PARTS = [("gradient_accumulation", 3, "accumulated"), ("several_ranks", 2, "averaged")]


@pytest.mark.parametrize(("key", "parts", "mean"), PARTS)
def test_parts_of_a_batch(key, parts, mean) -> None:
    """32, 33: the mean of weighted means is another number than the weighted mean."""
    ran = wrong(key)
    p = ran["logits"].double().softmax(1).numpy()
    y, w = ran["targets"].numpy(), ran["weight"].numpy()[ran["targets"].numpy()]
    size = len(y) // parts
    labels, starts = range(p.shape[1]), range(0, len(y), size)
    each = [log_loss(y[i : i + size], p[i : i + size], sample_weight=w[i : i + size], labels=labels) for i in starts]
    assert ran[mean] == close(sum(each) / parts)
    assert right(key)[mean] == close(log_loss(y, p, sample_weight=w))


def test_focal_alpha() -> None:
    """34: alpha and 1 - alpha, times (1/2)^2 log 2 at p = 1/2."""
    assert wrong("focal_alpha")["yes"] == close(0.25 * 0.25 * math.log(2))
    assert wrong("focal_alpha")["no"] == close(0.75 * 0.25 * math.log(2))


def test_weights_fade() -> None:
    """35: under gradient flow m + e^m = 2 w t + 1 on each side; with weight decay the rest is where lam m = 2 w sigma(-m)."""

    def margin(w: float, t: float) -> float:
        return optimize.brentq(lambda m: m + math.exp(m) - 2 * w * t - 1, 0, 50)

    for steps, boundary in wrong("weights_fade")["boundary"].items():
        rare, common = margin(19, steps * 0.02), margin(1, steps * 0.02)
        assert boundary == close(-(rare - common) / (rare + common), 0.01)
    rest = [optimize.brentq(lambda m, w=w: 0.5 * m - 2 * w / (1 + math.exp(m)), 0, 50) for w in (19, 1)]
    assert right("weights_fade")["boundary"][1000] == close(-(rest[0] - rest[1]) / (rest[0] + rest[1]), 1e-3)


def test_accuracy_and_recall() -> None:
    """36: .9756 and .9214 beside .95; recalls as in the table of Menon et al. 2021."""
    means = np.array([[0, 0], [2, 2]], dtype=float)
    for weight, name in ((1, "plain"), (19, "balanced")):
        recalls = bayes_recall(means, np.array([0.95, 0.05 * weight]))
        assert right("accuracy_fell")[name] == pytest.approx(recalls.tolist(), abs=1e-4)
        assert wrong("accuracy_fell")[name] == close(float(recalls @ [0.95, 0.05]))
    assert wrong("accuracy_fell")["balanced"] == close(0.9214) and wrong("accuracy_fell")["majority"] == close(0.95)


def test_shapes() -> None:
    """14 to 17, 25, 26."""
    assert right("two_values_for_one_output")["loss"] == close(9 * math.log(2))
    assert wrong("width_equals_classes")["columns"] == right("width_equals_classes")["classes"]
    assert right("rows_equal_labels")["rows"] == pytest.approx([math.log(2), math.log(2), 9 * math.log(2)], abs=1e-3)
    assert right("weight_per_row")["loss"] == close((4 + 9) / 5 * math.log(2))
    assert right("sequence_axes")["loss"] == close(math.log(3))
    assert right("time_equals_classes")["loss"] == close(math.log(1 + 2 * math.exp(-9)), 1e-6)
    assert right("one_output_softmax")["loss"] == close((softplus(-3) + math.log(2) + softplus(-5)) / 3)
