"""Every rule has a case in which it speaks and one in which it must be silent."""

import pytest

from lib.advice import advise
from lib.experiment import Experiment
from lib.training import load

GAUSSIANS = {"source": "gaussians", "params": {"n": 1000, "n_val": 100, "n_test": 100}}
BALANCED = {"weighting": "balanced"}


def said(
    *strategies: dict, data: dict = GAUSSIANS, model: str = "mlp", **training: object
) -> list[tuple[str, tuple[int, ...], str]]:
    named = [{"name": f"s{i}"} | strategy for i, strategy in enumerate(strategies)]
    experiment = Experiment.from_dict({"data": data, "model": {"name": model}, "strategies": named, "training": training})
    return [(a.kind, a.strategies, a.sentence) for a in advise(experiment, load(experiment.data))]


def sentences(*strategies: dict, **kwargs: object) -> str:
    return "\n".join(sentence for _, _, sentence in said(*strategies, **kwargs))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "strategy, names",
    [
        (BALANCED | {"sampler": "weighted_random"}, "weights and sampler"),
        (BALANCED | {"sampler": "undersample"}, "weights and sampler"),
        (BALANCED | {"loss": "logit_adjusted"}, "weights and loss"),
        ({"loss": "logit_adjusted", "decision": "logit_adjust"}, "loss and decision"),
        ({"sampler": "oversample", "decision": "logit_adjust"}, "sampler and decision"),
    ],
)
def test_two_corrections_are_one_too_many(strategy: dict, names: str) -> None:
    [(kind, about, sentence)] = said({}, strategy)
    assert kind == "warning" and about == (1,)
    assert sentence.startswith(f"{names} both lift the rare class")
    assert "as if it were 95 % of the rows; it is 5 %" in sentence  # odds 1:19 become 19:1


@pytest.mark.parametrize(
    "strategy",
    [
        {}, BALANCED, {"sampler": "weighted_random"}, {"loss": "logit_adjusted"}, {"decision": "logit_adjust"},
        BALANCED | {"decision": "undo"}, {"loss": "logit_adjusted", "weighting": "none"},
        {"sampler": "weighted_random", "decision": "undo"},
    ],
)  # fmt: skip
def test_one_correction_is_fine(strategy: dict) -> None:
    assert said(strategy) == []


def test_smoothing_turns_the_optimum_beyond_its_limit_only() -> None:
    smooth = {"loss_params": {"label_smoothing": 0.1}}

    def weights(ratio: float) -> dict:
        return smooth | {"weighting": "manual", "weighting_params": {"weights": [1, ratio]}}

    assert "surely class 0 is best called class 1" in sentences(weights(20)) and "beyond 1 : 19" in sentences(weights(20))
    assert sentences(weights(18.5)) == ""
    assert sentences(weights(20) | {"loss_params": {}}) == ""


def test_batches_that_miss_the_rare_class() -> None:
    assert "66.3 % of the batches of 8 rows hold no row of class 1" in sentences(
        {}, {}, batch_size=8, data=GAUSSIANS | {"params": {}}
    )
    assert sentences({}, batch_size=128) == ""
    assert sentences({"sampler": "weighted_random"}, batch_size=8) == ""


def test_weights_fade_in_small_batches() -> None:
    assert "the weights do nothing" in sentences(BALANCED, batch_size=1)
    assert "weights of 1 : 19 act like 1 : 13.8" in sentences(BALANCED, batch_size=32)
    assert sentences(BALANCED, batch_size=512) == ""
    assert sentences({"loss": "bce_with_logits"} | BALANCED, batch_size=32) == ""
    assert sentences(BALANCED, batch_size=32, normaliser="fixed") == ""


def test_a_common_factor_cancels_under_cross_entropy_only() -> None:
    same = [{"weighting": key} for key in ("inverse", "balanced", "median_frequency")]
    [(kind, about, sentence)] = said({}, *same)
    assert (kind, about) == ("note", (1, 2, 3)) and "they give one curve" in sentence
    assert said({"weighting": "sqrt"}, *same[:1]) == []
    assert said(*({"loss": "bce_with_logits"} | scheme for scheme in same)) == []
    assert said(same[0], same[1] | {"overrides": {"lr": 0.1}}) == []


def test_weights_that_never_start_double_nothing() -> None:
    late = BALANCED | {"sampler": "weighted_random", "weights_from_epoch": 50}
    assert said(late, epochs=5) == []
    assert "both lift" in sentences(late, epochs=60)


def test_equal_strategies_are_called_equal() -> None:
    assert sentences({}, {}) == "they are the same and give one curve."


def test_a_weight_of_zero_is_named_where_it_can_divide_by_zero() -> None:
    zero = {"weighting": "manual", "weighting_params": {"weights": [0, 1]}}
    assert "class 0 has weight 0, and a batch that holds nothing else divides 0 by 0" in sentences(zero)
    assert sentences(zero | {"loss": "bce_with_logits"}) == ""
    assert sentences({"weighting": "manual", "weighting_params": {"weights": [0.5, 1]}}) == ""


def test_smoothing_with_a_weight_of_zero_names_the_other_class() -> None:
    zero = {"weighting": "manual", "weighting_params": {"weights": [1, 0]}, "loss_params": {"label_smoothing": 0.1}}
    assert "surely class 1 is best called class 0" in sentences(zero)


def test_undo_takes_too_much_where_batches_weaken_the_weights() -> None:
    undone = BALANCED | {"decision": "undo"}
    assert "takes too much" in sentences(undone, batch_size=1)
    assert "takes too much" in sentences(undone, batch_size=32)
    assert "takes too much" not in sentences(undone, batch_size=512)
    assert "takes too much" not in sentences({"loss": "bce_with_logits"} | undone, batch_size=32)


def test_undo_cannot_divide_by_nothing() -> None:
    zero = {"loss": "bce_with_logits", "weighting": "manual", "weighting_params": {"weights": [0, 1]}}
    assert "gives class 0 no weight at all" in sentences(zero | {"decision": "undo"}) and sentences(zero) == ""
    one = {"loss": "sigmoid_focal", "loss_params": {"alpha": 0.0}}
    assert "gives class 1 no weight at all" in sentences(one | {"decision": "undo"}) and sentences(one) == ""


def test_a_loss_that_listens_to_one_class_alone_says_it_always() -> None:
    alone = {"loss": "sigmoid_focal", "loss_params": {"alpha": 1.0}}
    assert "class 1 is decided as if it were 100 % of the rows; it is 5 %" in sentences(BALANCED | alone)


def test_ldam_on_a_linear_model_sees_directions_only() -> None:
    assert "goes through the origin" in sentences({"loss": "ldam"}, model="linear")
    assert sentences({"loss": "ldam"}) == "" and sentences({}, model="linear") == ""


@pytest.mark.parametrize("loss, params", [("ldam", {}), ("vs", {})])
def test_undo_says_what_it_cannot_undo(loss: str, params: dict) -> None:
    undone = {"loss": loss, "loss_params": params, "decision": "undo"}
    assert "is no constant, and stays" in sentences(undone)
    assert sentences(undone | {"loss": "vs", "loss_params": {"gamma": 0}}) == ""


def test_vector_scaling_and_weights_correct_twice() -> None:
    assert "weights and loss both lift the rare class" in sentences(BALANCED | {"loss": "vs"})
