"""Weights against the tables of truth E7, scikit-learn, and the code that is shown."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as some
from sklearn.utils.class_weight import compute_class_weight

from lib.registry import Params
from lib.weighting import WEIGHTINGS, class_weights, element_weight
from tests.examples import params_of

CIFAR = torch.tensor([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50])
FRAUD = torch.tensor([284315, 492])
SCHEMES = list(WEIGHTINGS.values())
COUNTS = some.lists(some.integers(1, 10**6), min_size=2, max_size=8)
by_key = {"ids": lambda record: record.key}


TABLE = {
    ("effective_number", ("beta", 0.999)): ".1812 .1894 .2157 .2729 .3785 .5606 .8688 1.3862 2.2584 3.6883",
    ("effective_number", ("beta", 0.9999)): ".0506 .0769 .1211 .195 .3188 .5246 .8683 1.4426 2.4092 3.9927",
    ("balanced",): ".2481 .4139 .6908 1.1519 1.9234 3.2057 5.3474 8.9252 14.947 24.812",
    ("sqrt",): ".2445 .3158 .408 .5269 .6808 .8789 1.1352 1.4666 1.8979 2.4453",
    ("power", ("a", 0.5)): ".2445 .3158 .408 .5269 .6808 .8789 1.1352 1.4666 1.8979 2.4453",
    ("median_frequency",): ".1032 .1722 .2873 .4791 .8 1.3333 2.2241 3.7122 6.2169 10.32",
    ("enet",): "2.8346 4.3036 6.5564 9.8537 14.3848 20.0292 26.3362 32.5443 37.9646 42.1121",
}


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_long_tailed_cifar_has_the_weights_of_the_table(case):
    key, *params = case
    expected = [float(number) for number in TABLE[case].split()]
    assert [round(float(w), 4) for w in class_weights(key, CIFAR, Params(params))] == expected


def test_credit_card_fraud_has_its_weights():
    negative, positive = class_weights("balanced", FRAUD).tolist()
    assert f"{negative:.4f}" == "0.5009" and f"{positive:.4f}" == "289.4380"
    assert [round(w, 3) for w in class_weights("pos_weight", FRAUD).tolist()] == [1, 577.876]


def test_the_effective_numbers_are_those_of_the_table():
    """w_c is proportional to 1 / E_c, so that ratios of weights are ratios of effective numbers."""
    effective = [3934.845, 2589.706, 1644.031, 1021.079, 624.669, 379.626, 229.341, 138.045, 82.661, 49.878]
    weight = class_weights("effective_number", CIFAR, Params({"beta": 0.9999}))
    np.testing.assert_allclose((weight[-1] / weight * 49.878).numpy(), effective, rtol=2e-5)


def test_e1s_effective_number_ratio_is_2_5403():
    weight = class_weights("effective_number", torch.tensor([9500, 500]), Params({"beta": 0.999}))
    assert round(float(weight[1] / weight[0]), 4) == 2.5403


def test_ten_rows_keep_the_digits_that_float32_loses():
    """1 - 0.9999**10 is off by 1e-4 relative in float32; w_c E_c must be constant to float64."""
    weight = class_weights("effective_number", torch.tensor([10, 10_000]), Params({"beta": 0.9999}))
    exact = [sum(0.9999**i for i in range(n)) for n in (10, 10_000)]
    assert float(weight[0] / weight[1]) == pytest.approx(exact[1] / exact[0], rel=1e-11)


@given(counts=COUNTS)
def test_balanced_is_scikit_learns(counts):
    y = np.repeat(np.arange(len(counts)), np.minimum(counts, 500))
    theirs = compute_class_weight("balanced", classes=np.arange(len(counts)), y=y)
    np.testing.assert_allclose(class_weights("balanced", torch.tensor(np.bincount(y))).numpy(), theirs, rtol=1e-14)


@pytest.mark.parametrize("record", SCHEMES, **by_key)
@given(data=some.data(), counts=COUNTS)
def test_the_code_that_is_shown_gives_the_weights(record, data, counts):
    counts = torch.tensor(counts[:2] if "multiclass" not in record.tasks else counts).double()
    params = data.draw(params_of(record)) | {"cap": None}
    if "weights" in params or record.key == "manual":
        params["weights"] = tuple(data.draw(some.lists(some.floats(0, 1e6), min_size=len(counts), max_size=len(counts))))
    values = {param.name: param.default for param in record.params} | params
    expression = eval(record.code.format(**values), {"torch": torch, "counts": counts})
    ours = class_weights(record.key, counts, Params(values))
    # beta ** n by powers keeps fewer digits than expm1 does
    rtol = 1e-5 if record.key == "effective_number" else 1e-12
    torch.testing.assert_close(ours, expression.double(), rtol=rtol, atol=0)


@pytest.mark.parametrize("record", SCHEMES, **by_key)
def test_the_code_names_every_parameter(record):
    assert all("{" + param.name + "}" in record.code for param in record.params if param.name != "cap")


@pytest.mark.parametrize("record", SCHEMES, **by_key)
@given(counts=some.lists(some.tuples(some.integers(0, 1000), some.integers(0, 1000)), min_size=1, max_size=5))
def test_weights_of_several_labels_are_those_of_each_label(record, counts):
    assume(record.key != "manual" or len(counts) != 2)  # two typed weights are then the pos_weights of two labels
    counts = torch.tensor(counts)
    together = class_weights(record.key, counts)
    assert together.shape == counts.shape and together.dtype == torch.float64
    for own, weight in zip(counts, together, strict=True):
        torch.testing.assert_close(class_weights(record.key, own), weight, rtol=1e-14, atol=0, equal_nan=True)


@pytest.mark.parametrize("record", SCHEMES, **by_key)
@given(data=some.data(), counts=some.lists(some.integers(0, 10**6), min_size=2, max_size=2).filter(any))
def test_a_class_without_rows_weighs_0_and_leaves_the_others_finite(record, data, counts):
    counts = torch.tensor(counts)
    params = data.draw(params_of(record))
    params |= {"weights": (1.0, 2.0)} if "weights" in params else {}
    weight = class_weights(record.key, counts, Params(params))
    assert (weight[counts == 0] == 0).all() and torch.isfinite(weight).all() and (weight >= 0).all()


@pytest.mark.parametrize("key", ["inverse", "sqrt", "power", "effective_number"])
def test_a_class_without_rows_does_not_enter_the_mean(key):
    with_gap, without = class_weights(key, torch.tensor([90, 0, 10])), class_weights(key, torch.tensor([90, 10]))
    torch.testing.assert_close(with_gap[[0, 2]], without)
    assert with_gap.sum() == pytest.approx(2)


@pytest.mark.parametrize("key", ["balanced", "median_frequency", "enet"])
def test_a_class_without_rows_changes_nothing_for_the_others(key):
    torch.testing.assert_close(
        class_weights(key, torch.tensor([90, 0, 10]))[[0, 2]], class_weights(key, torch.tensor([90, 10]))
    )


@pytest.mark.parametrize("record", SCHEMES, **by_key)
def test_no_weight_exceeds_its_cap(record):
    counts = FRAUD
    free, capped = class_weights(record.key, counts), class_weights(record.key, counts, Params({"cap": 0.75}))
    assert torch.equal(capped, free.clamp(max=0.75))


def test_scales_are_what_the_records_say():
    assert class_weights("none", CIFAR).tolist() == [1] * 10
    for key in ("inverse", "sqrt", "power", "effective_number"):
        assert "mean 1 over classes" in WEIGHTINGS[key].scale
        assert class_weights(key, CIFAR).mean() == pytest.approx(1, rel=1e-14)
    assert (class_weights("balanced", CIFAR) * CIFAR).sum() == pytest.approx(float(CIFAR.sum()))
    assert class_weights("pos_weight", FRAUD)[0] == 1
    assert class_weights("median_frequency", torch.tensor([9, 3, 1]))[1] == 1


def test_inverse_balanced_and_median_frequency_are_one_up_to_a_constant():
    balanced = class_weights("balanced", CIFAR)
    for key in ("inverse", "median_frequency"):
        ratio = class_weights(key, CIFAR) / balanced
        torch.testing.assert_close(ratio, ratio[0].expand(10))


def test_power_runs_from_no_weights_to_inverse():
    for a, key in ((0.0, "none"), (0.5, "sqrt"), (1.0, "inverse")):
        torch.testing.assert_close(class_weights("power", CIFAR, Params({"a": a})), class_weights(key, CIFAR))


def test_effective_number_runs_from_no_weights_towards_inverse():
    torch.testing.assert_close(class_weights("effective_number", CIFAR, Params({"beta": 0.0})), class_weights("none", CIFAR))
    nearly = class_weights("effective_number", CIFAR, Params({"beta": 0.999999}))
    torch.testing.assert_close(nearly, class_weights("inverse", CIFAR), rtol=3e-3, atol=0)


def test_manual_weights_of_the_wrong_length_are_refused():
    with pytest.raises(ValueError, match="one value per class: 10 classes, got 2 weights"):
        class_weights("manual", CIFAR, Params({"weights": (1.0, 2.0)}))


def test_pos_weight_of_exclusive_classes_is_refused():
    with pytest.raises(ValueError, match="yes/no targets; here are 10 exclusive classes"):
        class_weights("pos_weight", CIFAR)


def test_the_weight_of_a_decision_follows_its_target():
    pair = torch.tensor([1.0, 19.0])
    assert element_weight(pair, torch.tensor([0, 1, 1]), "binary").tolist() == [1, 19, 19]
    assert element_weight(pair, torch.tensor([[0, 1], [1, 0]]), "sequence").tolist() == [[1, 19], [19, 1]]
    labels = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    assert element_weight(labels, torch.tensor([[0, 1, 0], [1, 0, 1]]), "multilabel").tolist() == [[1, 4, 5], [2, 3, 6]]


def test_each_run_of_a_stack_has_its_own_weights():
    pairs, targets = torch.tensor([[1.0, 19], [2.0, 3]]), torch.tensor([[0, 1, 1], [1, 0, 0]])
    assert element_weight(pairs, targets, "binary").tolist() == [[1, 19, 19], [3, 2, 2]]
    assert element_weight(pairs, targets.unsqueeze(2), "sequence").tolist() == [[[1], [19], [19]], [[3], [2], [2]]]
    labels = torch.stack([pairs, 10 * pairs])  # [K, L, 2]
    answers = torch.tensor([[[0, 1]], [[1, 0]]])  # [K, N, L]
    assert element_weight(labels, answers, "multilabel").tolist() == [[[1, 3]], [[190, 20]]]
