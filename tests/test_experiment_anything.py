"""Anything at all as an experiment, as JSON or as a link: it is read, or refused with a message."""

import copy
import dataclasses
import json

from hypothesis import given, settings
from hypothesis import strategies as some

from lib.experiment import Experiment
from lib.strategy import Strategy, Training
from tests.examples import experiments
from tests.test_experiment import CHOICES, DESIGN

ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.integers(10**300, 10**400) | some.floats() | some.text(max_size=8)
    | some.sampled_from(["", "ring", "labels", "focal", "manual", "sgd", "\ud800", "x" * 500]),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
FIELDS = [
    *("format", "data", "model", "strategies", "training", "seeds", "source", "params", "seed", "resample", "bias_init"),
    *(f.name for f in dataclasses.fields(Strategy)), *(f.name for f in dataclasses.fields(Training)),
    *(p.name for registry in CHOICES for record in registry.values() for p in record.params),
]  # fmt: skip


def paths(tree, at=()):
    """Every place in a tree of tables and lists."""
    yield at
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from paths(child, (*at, key))


def put(tree, path, value):
    if not path:
        return value
    tree = copy.deepcopy(tree)
    place = tree
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return tree


def read_or_refused(read, raw):
    try:
        what = read(raw)
    except ValueError as refusal:
        assert str(refusal)
    else:
        assert Experiment.from_json(what.to_json()) == what
        what.fingerprint.encode()


@settings(max_examples=300)
@given(data=some.data())
def test_an_experiment_with_anything_anywhere_is_read_or_refused_with_a_message(data):
    base = json.loads(DESIGN)
    base["strategies"][1] |= {
        "loss": "focal",
        "loss_params": {"gamma": 1.0},
        "weighting": "manual",
        "weighting_params": {"weights": [1, 2]},
    }
    broken = put(base, data.draw(some.sampled_from(list(paths(base)))), data.draw(ANYTHING))
    read_or_refused(Experiment.from_dict, broken)


@settings(max_examples=200)
@given(raw=ANYTHING | some.dictionaries(some.sampled_from(FIELDS), ANYTHING, max_size=4))
def test_anything_at_all_is_read_or_refused_with_a_message(raw):
    read_or_refused(Experiment.from_dict, raw)


@settings(max_examples=200)
@given(text=some.text(max_size=30) | ANYTHING.map(lambda value: json.dumps(value)[:200]))
def test_any_text_is_read_or_refused_with_a_message(text):
    read_or_refused(Experiment.from_json, text)


@settings(max_examples=200)
@given(
    what=experiments(),
    key=some.text(max_size=10) | some.sampled_from(["s1.loss", "data", "seeds", "training.lr", "data.names"]),
    text=some.text(max_size=10) | some.sampled_from(["1e400", "nan", "[" * 5000, "9" * 5000, "focal", "upload", "-1", "0,0"]),
)  # fmt: skip
def test_any_link_is_read_or_refused_with_a_message(what, key, text):
    read_or_refused(Experiment.from_query, what.to_query() | {key: text})
