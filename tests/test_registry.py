"""One contract for every record of every registry: a new block is tested here without an edit."""

import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lib.data import SOURCES
from lib.decisions import DECISIONS
from lib.experiment import ModelSpec, Strategy, Training
from lib.losses import LOSSES
from lib.metrics import METRICS
from lib.models import MODELS
from lib.registry import Param, Params, Registry, brief, check_params, keyword_names
from lib.sampling import SAMPLERS
from lib.weighting import WEIGHTINGS
from tests.examples import values_of

CHOICES = (LOSSES, WEIGHTINGS, SAMPLERS, DECISIONS, SOURCES)
REGISTRIES = (*CHOICES, MODELS, METRICS)
RECORDS = [pytest.param(registry, key, id=f"{registry.word}-{key}") for registry in REGISTRIES for key in registry]
EXPLAINED = [pytest.param(registry[key], id=f"{registry.word}-{key}") for registry in CHOICES for key in registry]
PARAMS = [
    pytest.param(param, id=f"{key}-{param.name}")
    for registry in REGISTRIES
    for key, record in registry.items()
    for param in record.params
] + [
    pytest.param(param, id=f"{spec.__name__}-{param.name}") for spec in (ModelSpec, Strategy, Training) for param in spec.FIELDS
]
NUMBERS = [case for case in PARAMS if type(case.values[0].default) in (int, float, type(None))]
TUPLES = [case for case in PARAMS if isinstance(case.values[0].default, tuple)]


@pytest.mark.parametrize("record", EXPLAINED)
def test_a_choice_explains_itself(record):
    assert all(text.strip() for text in (record.label, record.summary, record.source))
    assert record.formula.strip() or getattr(record, "kind", None) == "upload"  # a file has no formula
    assert record.formula.count("{") == record.formula.count("}")


@pytest.mark.parametrize("registry, key", RECORDS)
def test_a_record_is_frozen_labelled_and_found_by_its_key(registry, key):
    record = registry.pick(key)
    assert record.key == key and record.label.strip()
    with pytest.raises(AttributeError):
        record.label = "other"


@pytest.mark.parametrize("registry, key", RECORDS)
def test_declared_parameters_are_the_keyword_arguments_of_the_function(registry, key):
    record = registry[key]
    declared = [param.name for param in record.params]
    assert set(keyword_names(record.function)) - set(registry.context) == set(declared)
    assert len(set(declared)) == len(declared)
    assert not set(declared) & set(registry.context)


@pytest.mark.parametrize("param", PARAMS)
def test_a_default_passes_its_own_check(param):
    assert param.check(param.default) == param.default


@pytest.mark.parametrize("param", PARAMS)
def test_a_parameter_has_a_help_text(param):
    assert param.help.strip() or param.default == ()


@pytest.mark.parametrize("param", NUMBERS)
def test_a_number_outside_its_range_is_refused_with_the_range(param):
    for bound, outside in ((param.low, -1), (param.high, +1)):
        assert bound is not None, f"{param.name} has an open range"
        with pytest.raises(ValueError) as refusal:
            param.check(bound + outside)
        message = str(refusal.value)
        assert message.startswith(f"{param.name} must be")
        assert f"[{param.low:g}, {param.high:g}]" in message and f"got {bound + outside:g}" in message


@pytest.mark.parametrize("param", NUMBERS)
def test_both_ends_of_a_range_are_allowed(param):
    assert param.check(param.low) == param.low
    assert param.check(param.high) == param.high


@pytest.mark.parametrize("param", NUMBERS)
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 10**400, -(10**400), 10**5000, True, "1", [1], {}], ids=brief)
def test_what_is_no_finite_number_is_refused(param, wrong):
    with pytest.raises(ValueError, match=param.name):
        param.check(wrong)


@pytest.mark.parametrize("param", TUPLES)
def test_a_list_is_checked_in_length_and_item_by_item(param):
    low, high = param.length
    for wrong in ([1.0] * (high + 1), [1.0] * (low - 1) if low else "1", [None] * max(low, 1), [[1.0]] * max(low, 1), 5, {}):
        with pytest.raises(ValueError, match=param.name):
            param.check(wrong)


@pytest.mark.parametrize("param", PARAMS)
@given(data=some.data())
def test_a_value_survives_the_url(param, data):
    value = param.check(data.draw(values_of(param)))
    if value is not None:
        again = param.read(param.write(value))
        assert again == value and type(again) is type(value)


@pytest.mark.parametrize("param", PARAMS)
@given(
    text=some.text(max_size=12)
    | some.sampled_from(["1e400", "nan", "-inf", "1_0", "[" * 9000, "9" * 5000, "[1,2", "{}", "\ud800"])
)
def test_a_strangers_url_text_is_read_or_refused(param, text):
    try:
        value = param.read(text)
    except ValueError as refusal:
        assert param.name in str(refusal)
    else:
        assert param.check(value) == value


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.word)
@pytest.mark.parametrize("wrong", ["focl", "", None, 3, [], {}, (), ([],), math.nan, "x" * 10_000], ids=brief)
def test_an_unknown_key_is_refused_with_the_choices(registry, wrong):
    with pytest.raises(ValueError) as refusal:
        registry.pick(wrong)
    message = str(refusal.value)
    assert message.startswith(f"Unknown {registry.word}") and all(key in message for key in registry)
    assert len(message) < 1000


def test_a_range_is_refused_in_words():
    gamma = Param("gamma", "g", 2.0, 0.0, 5.0)
    with pytest.raises(ValueError, match=r"^gamma must be in \[0, 5\], got -1\.$"):
        gamma.check(-1)
    with pytest.raises(ValueError, match=r"^focal: gamma must be in \[0, 5\], got -1\.$"):
        check_params({"gamma": -1}, (gamma,), "focal")
    with pytest.raises(ValueError, match=r"^focal has no parameter 'gama'; it takes gamma\.$"):
        check_params({"gama": 1}, (gamma,), "focal")
    with pytest.raises(ValueError, match="table of names and values"):
        check_params([("gamma", 1)], (gamma,), "focal")


def test_a_whole_number_is_not_cut_off():
    epochs = Param("epochs", "E", 20, 1, 100)
    assert epochs.check(5.0) == 5 and type(epochs.check(5.0)) is int
    with pytest.raises(ValueError, match="whole number"):
        epochs.check(5.5)


def test_text_is_chosen_from_a_list_and_short_and_writable():
    assert Param("kind", "", "a", choices=("a", "b")).check("b") == "b"
    with pytest.raises(ValueError, match="must be one of a, b"):
        Param("kind", "", "a", choices=("a", "b")).check("c")
    with pytest.raises(ValueError, match="at most 200 characters, got 201"):
        Param("kind", "", "a").check("x" * 201)
    with pytest.raises(ValueError, match="text"):
        Param("kind", "", "a").check("\ud800")


def test_checked_parameters_are_complete_immutable_and_hashable():
    params = check_params({"b": 3}, (Param("a", "a", 1.0, 0, 9), Param("b", "b", 2, 0, 9)), "it")
    assert params == {"a": 1.0, "b": 3} and dict(**params) == {"a": 1.0, "b": 3}
    assert hash(params) == hash(Params({"b": 3, "a": 1.0}))
    with pytest.raises(TypeError):
        params["a"] = 2


def registered(function, *params, context=()):
    registry = Registry("thing", context=context)
    record = type("Record", (), {"key": "one", "label": "One", "params": params, "function": staticmethod(function)})()
    registry.add(record)
    return registry, record


def test_a_function_that_takes_more_than_is_declared_does_not_register():
    with pytest.raises(TypeError, match=r"declares \[\], its function takes \['gamma'\]"):
        registered(lambda logits, *, gamma: logits)


def test_a_parameter_that_the_function_does_not_take_does_not_register():
    with pytest.raises(TypeError, match=r"declares \['gamma'\], its function takes \[\]"):
        registered(lambda logits: logits, Param("gamma", "g", 1.0, 0, 1))


def test_context_need_not_be_declared_and_a_key_is_taken_once():
    registry, record = registered(lambda logits, *, seed: logits, context=("seed",))
    with pytest.raises(TypeError, match="taken"):
        registry.add(record)


@pytest.mark.parametrize("key", ["Upper", "with-dash", "", "../x", "1st"])
def test_a_key_is_snake_case(key):
    record = type("Record", (), {"key": key, "label": "", "params": (), "function": staticmethod(lambda: None)})()
    with pytest.raises(TypeError, match="snake_case"):
        Registry("thing").add(record)


def test_a_message_never_grows_with_what_was_sent():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for sent in ("x" * 10**6, deep, 10**5000, list(range(10**4)), {"a": "b" * 10**5}):
        assert len(brief(sent)) < 70


def test_every_registered_function_names_its_parameters_by_keyword():
    for registry in REGISTRIES:
        for record in registry.values():
            kinds = {p.kind for p in inspect.signature(record.function).parameters.values()}
            assert inspect.Parameter.VAR_KEYWORD not in kinds, record.key
