"""The experiment as JSON and as a link: what is sent comes back, and what does not fit is refused by name."""

import dataclasses
import re

import pytest
from hypothesis import given, settings

from lib.data import SOURCES
from lib.decisions import DECISIONS
from lib.experiment import Experiment
from lib.losses import LOSSES
from lib.registry import brief
from lib.sampling import SAMPLERS
from lib.sequence_models import MODELS
from lib.strategy import Strategy, Training
from lib.weighting import WEIGHTINGS
from tests.examples import NAMES, experiments

DESIGN = """
{"format": 1,
 "data": {"source": "gaussians", "params": {"n": 10000, "priors": [0.95, 0.05], "distance": 2.828427, "dim": 2, "label_noise": 0.0}, "seed": 0, "resample": false},
 "model": {"name": "mlp", "params": {"hidden": [32, 32]}, "bias_init": "default"},
 "strategies": [
   {"name": "plain", "loss": "cross_entropy", "loss_params": {}, "weighting": "none", "weighting_params": {}, "sampler": "shuffle", "sampler_params": {},
    "decision": "argmax", "decision_params": {}, "weights_from_epoch": 0, "overrides": {}},
   {"name": "balanced", "loss": "cross_entropy", "weighting": "balanced"}],
 "training": {"epochs": 20, "batch_size": 128, "optimizer": "adam", "lr": 0.001, "weight_decay": 0.0, "normaliser": "torch"},
 "seeds": [0, 1, 2, 3, 4]}
"""  # noqa: E501
CHOICES = (SOURCES, LOSSES, WEIGHTINGS, SAMPLERS, DECISIONS, MODELS)
ONE = {"strategies": [{"name": "it"}]}


def refused(raw, *words):
    """The message with which an experiment is refused; it names what is wrong."""
    with pytest.raises(ValueError) as refusal:
        Experiment.from_dict(raw)
    message = str(refusal.value)
    assert all(word in message for word in words), message
    assert len(message) < 1000
    return message


def strategy(**fields):
    return {"strategies": [{"name": "it"} | fields]}


def test_the_experiment_of_the_design_parses():
    design = Experiment.from_json(DESIGN)
    assert [s.name for s in design.strategies] == ["plain", "balanced"] and design.seeds == (0, 1, 2, 3, 4)
    assert design.data.params["priors"] == (0.95, 0.05) and design.model.params["hidden"] == (32, 32)
    assert design.training == Training() and design.strategies[1].weighting == "balanced"


def test_what_is_left_out_takes_the_default_of_the_design():
    given_all, short = (
        Experiment.from_json(DESIGN),
        {"strategies": [{"name": "plain"}, {"name": "balanced", "weighting": "balanced"}]},
    )
    assert Experiment.from_dict(short | {"seeds": [0, 1, 2, 3, 4]}) == given_all
    assert Experiment.from_dict(short | {"seeds": [0, 1, 2, 3, 4]}).fingerprint == given_all.fingerprint


def test_defaults_are_left_out_again():
    assert Experiment.from_dict(ONE).to_dict() == {
        "format": 1, "data": {"source": "gaussians"}, "model": {"name": "mlp"}, "strategies": [{"name": "it"}],
        "training": {}, "seeds": [0],
    }  # fmt: skip
    assert Experiment.from_dict(ONE).to_query() == {"s1": "it"}


def test_a_link_is_readable():
    what = Experiment.from_dict({
        "data": {"source": "ring", "params": {"n": 500}, "seed": 7}, "training": {"epochs": 5}, "seeds": [0, 1],
        "strategies": [
            {"name": "plain"},
            {"name": "focal, gamma 1", "loss": "focal", "loss_params": {"gamma": 1}, "overrides": {"lr": 0.01}},
        ],
    })  # fmt: skip
    assert what.to_query() == {
        "data": "ring", "data.n": "500", "data.seed": "7", "training.epochs": "5", "seeds": "0,1", "s1": "plain",
        "s2": "focal, gamma 1", "s2.loss": "focal", "s2.loss.gamma": "1.0", "s2.training.lr": "0.01",
    }  # fmt: skip


@settings(max_examples=150)
@given(what=experiments())
def test_json_and_link_bring_the_same_experiment_back(what):
    for again in (
        Experiment.from_json(what.to_json()),
        Experiment.from_dict(what.to_dict()),
        Experiment.from_query(what.to_query()),
    ):
        assert again == what and hash(again) == hash(what) and again.fingerprint == what.fingerprint
    what.to_json().encode()
    assert all(key.isascii() and isinstance(text, str) for key, text in what.to_query().items())


def test_every_choice_of_every_registry_survives_both_ways():
    """The random experiments above may miss one; here each record appears at least once, with its defaults."""
    for source in (record for record in SOURCES.values() if record.kind != "upload"):
        data = {"source": source.key}
        task = Experiment.from_dict(ONE | {"data": data}) and source
        for key_field, (_, registry) in Strategy.PARTS.items():
            for record in registry.values():
                try:
                    what = Experiment.from_dict({"data": data, **strategy(**{key_field: record.key})})
                except ValueError as refusal:
                    assert "Choose one of" in str(refusal) or "one value per class" in str(refusal), (task, refusal)
                    continue
                assert Experiment.from_json(what.to_json()) == Experiment.from_query(what.to_query()) == what
    for model in MODELS:
        fitting = "events" if "sequence" in MODELS[model].tasks else "gaussians"
        what = Experiment.from_dict(ONE | {"model": {"name": model}, "data": {"source": fitting}})
        assert Experiment.from_query(what.to_query()) == what


@given(what=experiments(), name=NAMES)
def test_the_fingerprint_ignores_display_names(what, name):
    names = [name if i == 0 else f"{name[:30].strip()} {i}" for i in range(len(what.strategies))]
    renamed = tuple(dataclasses.replace(s, name=n) for s, n in zip(what.strategies, names, strict=True))
    assert dataclasses.replace(what, strategies=renamed).fingerprint == what.fingerprint
    assert re.fullmatch("[0-9a-f]{64}", what.fingerprint)


def test_the_fingerprint_knows_order_parameters_seeds_and_settings():
    base = {"strategies": [{"name": "a"}, {"name": "b", "weighting": "balanced"}], "seeds": [0, 1]}
    others = [
        base | {"strategies": base["strategies"][::-1]},
        base | {"seeds": [1, 0]},
        base | {"seeds": [0]},
        base | {"data": {"seed": 1}},
        base | {"data": {"params": {"n": 9999}}},
        base | {"training": {"lr": 0.002}},
        base | {"model": {"bias_init": "log_prior"}},
        base | {"strategies": [{"name": "a"}, {"name": "b", "weighting": "balanced", "weighting_params": {"cap": 5}}]},
        base | {"strategies": [{"name": "a", "overrides": {"lr": 0.5}}, {"name": "b", "weighting": "balanced"}]},
    ]
    prints = [Experiment.from_dict(raw).fingerprint for raw in [base, *others]]
    assert len(set(prints)) == len(prints)


@given(what=experiments())
def test_a_run_is_known_by_itself_whatever_stands_beside_it(what):
    what = dataclasses.replace(what, training=dataclasses.replace(what.training, lr_grid=()))  # rates look at all seeds
    first, seed = what.strategies[0], what.seeds[-1]
    alone = dataclasses.replace(what, strategies=(dataclasses.replace(first, name="other name"),), seeds=(seed,))
    assert what.run_fingerprint(first, seed) == alone.run_fingerprint(alone.strategies[0], seed) == alone.fingerprint
    assert what.run_fingerprint(first, seed) != what.run_fingerprint(first, seed + 1 if seed < 2**31 - 1 else 0)


@pytest.mark.parametrize(
    "raw, word",
    [
        (ONE | {"stategies": []}, "stategies"),
        (ONE | {"data": {"sources": "ring"}}, "sources"),
        (ONE | {"data": {"params": {"m": 5}}}, "'m'"),
        (ONE | {"model": {"width": 3}}, "width"),
        (ONE | {"model": {"params": {"hiden": [3]}}}, "hiden"),
        (ONE | {"model": {"name": "linear", "params": {"hidden": [3]}}}, "hidden"),
        (ONE | {"training": {"epoch": 3}}, "epoch"),
        (strategy(los="focal"), "los"),
        (strategy(loss_params={"gamma": 1}), "gamma"),
        (strategy(weighting_params={"beta": 0.9}), "beta"),
        (strategy(sampler_params={"power": 1}), "power"),
        (strategy(decision_params={"threshold": 0.5}), "threshold"),
        (strategy(overrides={"learning_rate": 0.5}), "learning_rate"),
        (strategy(overrides={"epochs": 3}), "epochs cannot be overridden"),
        (ONE | {"format": 2}, "format"),
        (ONE | {"format": "1"}, "format"),
        (ONE | {"format": True}, "format"),
        (ONE | {"format": 1.0}, "format"),
        ({}, "strategies"),
        ({"strategies": []}, "1 to 64"),
        ({"strategies": [{"name": str(i)} for i in range(65)]}, "1 to 64"),
        ({"strategies": [{}]}, "name"),
        ({"strategies": [{"name": "a"}, {"name": " a "}]}, "twice"),
        (strategy(loss="focl"), "Unknown loss 'focl'"),
        (strategy(weighting="balance"), "Unknown weighting"),
        (strategy(sampler=None), "Unknown sampler"),
        (strategy(decision=["argmax"]), "Unknown decision"),
        (ONE | {"data": {"source": "mnist"}}, "Unknown data source"),
        (ONE | {"model": {"name": "resnet"}}, "Unknown model"),
        (ONE | {"seeds": []}, "seeds"),
        (ONE | {"seeds": [1, 1]}, "seeds must differ"),
        (ONE | {"seeds": [-1]}, "seeds"),
        (ONE | {"seeds": [2**31]}, "seeds"),
        (ONE | {"seeds": "01"}, "seeds"),
        (ONE | {"seeds": list(range(101))}, "seeds"),
        (ONE | {"data": {"source": "digits", "resample": True}}, "resample"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_unknown_is_refused_by_name_at_every_level(raw, word):
    refused(raw, word)


@pytest.mark.parametrize(
    "value", [-1, 0, 10**400, -(10**400), 10**5000, float("nan"), float("inf"), True, "5", None, [5], {}, 1.5, 1e300], ids=brief
)
def test_epochs_are_a_whole_number_in_their_range(value):
    refused(ONE | {"training": {"epochs": value}}, "training: epochs must be", "[1, 10000], got")


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400, "1" + "0" * 5000, "true", '"0.1"', "null"], ids=brief
)
def test_a_learning_rate_of_json_is_a_finite_number(text):
    for raw in (
        '{"strategies": [{"name": "a"}], "training": {"lr": %s}}',
        '{"strategies": [{"name": "a", "overrides": {"lr": %s}}]}',
    ):
        with pytest.raises(ValueError):
            Experiment.from_json(raw % text)


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"loss": "focal", "loss_params": {"gamma": -1}}, ["gamma must be in [0, 10], got -1"]),
        ({"loss_params": {"label_smoothing": 1.5}}, ["label_smoothing must be in [0, 1]"]),
        ({"loss_params": {"ignore_index": 2}}, ["ignore_index must be -100 or a class from 0 to 1"]),
        ({"loss_params": {"ignore_index": -5}}, ["ignore_index must be -100 or a class from 0 to 1"]),
        ({"weighting": "manual", "weighting_params": {"weights": [1, 2, 3]}}, ["2 classes, got 3 weights"]),
        ({"weighting": "manual", "weighting_params": {"weights": [1, -2]}}, ["weights must be in [0, 1e+09], got -2"]),
        ({"weighting": "manual", "weighting_params": {"weights": 5}}, ["weights must be a list"]),
        ({"weighting": "balanced", "weighting_params": {"cap": 0}}, ["cap must be in"]),
        ({"decision": "threshold", "decision_params": {"threshold": 1}}, ["threshold must be in [0.0001, 0.9999]"]),
        ({"weights_from_epoch": -1}, ["weights_from_epoch"]),
        ({"overrides": {"optimizer": "lion"}}, ["optimizer must be one of adam, sgd, got 'lion'"]),
        ({"overrides": {"batch_size": 0}}, ["batch_size must be in [1, 1e+06], got 0"]),
    ],
    ids=str,
)  # fmt: skip
def test_numbers_out_of_range_are_refused_with_strategy_and_range(fields, words):
    refused(strategy(**fields), "Strategy 'it'", *words)


@pytest.mark.parametrize("key", [key for key, loss in LOSSES.items() if loss.scores == "one"])
def test_a_yes_no_loss_on_exclusive_classes_is_refused(key):
    for source in ("ring", "digits", "simplex"):
        fits = f"loss {key} is for {' or '.join(LOSSES[key].tasks)} targets"
        refused(strategy(loss=key) | {"data": {"source": source}}, fits, "multiclass", "cross_entropy")


def test_impossible_pairs_of_schemes_and_decisions_are_refused():
    ring = {"data": {"source": "ring"}}
    refused(strategy(weighting="pos_weight") | ring, "weighting pos_weight is for binary")
    refused(strategy(decision="threshold") | ring, "decision threshold is for binary")
    refused(strategy(weighting="manual") | ring, "3 classes, got 2 weights")


def test_priors_that_do_not_sum_to_1_or_are_too_many_are_refused():
    refused(ONE | {"data": {"params": {"priors": [0.5, 0.4]}}}, "priors must sum to 1, got 0.9")
    refused(ONE | {"data": {"params": {"priors": [0.5, 0.3, 0.2]}}}, "two classes, got 3")
    refused(ONE | {"data": {"source": "labels", "params": {"counts": [5, 5, 5], "names": ["a", "b"]}}}, "names must be 3")


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 41, "x" * 10_000, "a\nb", "a\x00b", "\ud800", "a\u2028b", "\x1b[31m", None, 5, ["a"], {}], ids=brief
)
def test_a_hostile_name_is_refused(name):
    refused({"strategies": [{"name": name}]}, "name of a strategy")


@pytest.mark.parametrize(
    "name",
    ["../../x", "..", "/etc/passwd", "C:\\x", "a/b\\c", "<script>", "=cmd()", "ü ñ", "赤", "con", "-rf", ".hidden", "﷽" * 40],
    ids=brief,
)
def test_a_name_may_look_dangerous_but_its_slug_never_is(name):
    slug = Experiment.from_dict({"strategies": [{"name": name}]}).strategies[0].slug
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)


@given(name=NAMES)
def test_a_slug_is_a_safe_part_of_a_file_name(name):
    slug = Strategy(name).slug
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) and len(slug) <= 200


def test_an_experiment_is_frozen_and_hashable():
    assert {(what := Experiment.from_json(DESIGN)): 1}[Experiment.from_json(DESIGN)] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        what.seeds = (1,)


def test_a_key_that_is_there_twice_is_refused():
    with pytest.raises(ValueError, match="This is not JSON .*'name' is there twice"):
        Experiment.from_json('{"strategies": [{"name": "a", "name": "b"}]}')


def test_deep_nesting_is_refused():
    for depth in (10, 500, 990, 3000, 90_000):
        for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
            for raw in (text, f'{{"strategies": {text}}}', f'{{"strategies": [{{"name": "a", "loss": {text}}}]}}'):
                with pytest.raises(ValueError):
                    Experiment.from_json(raw)
    with pytest.raises(ValueError, match="at most 200000 characters"):
        Experiment.from_json(" " * 200_001)


def test_a_link_with_an_unknown_field_or_a_wrong_value_is_refused_by_name():
    for query, word in (
        ({"s1": "a", "s1.los": "focal"}, "s1.los"),
        ({"s1": "a", "s3": "c"}, "s3"),
        ({"s1": "a", "s2.loss": "focal"}, "s2.loss"),
        ({"s1": "a", "s1.loss": "focal", "s1.loss.gamma": "x"}, "gamma"),
        ({"s1": "a", "s1.loss.gamma": "1"}, "s1.loss.gamma"),
        ({"s1": "a", "training.epochs": "1e400"}, "epochs"),
        ({"s1": "a", "data.resample": "yes"}, "resample"),
        ({"s1": "a", "seeds": "0,,1"}, "seeds"),
        ({"s1": "a", "data": "mnist"}, "mnist"),
        ({"s1": "a", "s1.training.epochs": "5"}, "epochs"),
        ({"s1": "a", "data": "labels", "data.names": "[1"}, "names"),
        ({"s1": "a" * 300_000}, "at most 200000"),
        ({}, "strategies"),
    ):
        with pytest.raises(ValueError, match=re.escape(word)):
            Experiment.from_query(query)
