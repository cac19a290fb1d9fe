"""Axes and cells: what may be varied, what a cell is, and what is refused by name."""

import json

import pytest

from lib.experiment import Experiment
from lib.registry import Param
from lib.scenarios import SCENARIOS
from lib.sweeps.axis import Axis, choices, spaced
from lib.sweeps.sweep import GROUP_RUNS, MAX_CELLS, Sweep, groups, merged
from tests.sweeps.conftest import SMALL, small_sweep


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_address_of_an_experiment_writes_its_own_default(name):
    """What stands there now, written by its address, changes nothing that the fingerprint sees."""
    experiment = SCENARIOS[name].experiment
    for choice in choices(experiment).values():
        copy = json.loads(json.dumps(experiment.to_dict()))
        value = choice.param.default
        if value is None:
            continue
        choice.write(copy, value)
        try:
            changed = Experiment.from_dict(copy)
        except ValueError as error:
            assert choice.param.name in str(error) or "weights" in str(error) or "classes" in str(error)
            continue
        assert changed.strategies[0].name == experiment.strategies[0].name


def test_cells_are_the_experiments_of_all_combinations_the_last_axis_fastest():
    sweep = small_sweep({"address": "training.batch_size", "values": [8, 32]}, {"address": "data.ratio", "values": [1, 9, 99]})
    assert [cell.values for cell in sweep.cells] == [(8, 1), (8, 9), (8, 99), (32, 1), (32, 9), (32, 99)]
    assert sweep.runs == 6 * 2 * 2
    last = sweep.cells[-1].experiment
    assert last.training.batch_size == 32
    assert last.data.params["priors"] == pytest.approx((0.99, 0.01))


def test_addresses_reach_one_strategy_or_all():
    focal = [{"name": n, "loss": "focal"} for n in ("a", "b")]
    sweep = small_sweep({"address": "s*.loss.gamma", "values": [1, 3]}, strategies=focal)
    assert [[s.loss_params["gamma"] for s in cell.experiment.strategies] for cell in sweep.cells] == [[1, 1], [3, 3]]
    one = small_sweep({"address": "s2.loss.gamma", "values": [3]}, strategies=focal).cells[0].experiment
    assert [s.loss_params["gamma"] for s in one.strategies] == [2, 3]
    override = small_sweep({"address": "s1.training.lr", "values": [0.5]}).cells[0].experiment
    assert override.strategies[0].overrides["lr"] == 0.5
    weight = small_sweep({"address": "s2.weight", "values": [50]}).cells[0].experiment
    assert weight.strategies[1].weighting_params["weights"] == (1, 50)


def test_lists_are_values_too():
    sweep = small_sweep({"address": "model.hidden", "values": [[8], [16, 16]]}, model={"name": "mlp"})
    assert [cell.experiment.model.params["hidden"] for cell in sweep.cells] == [(8,), (16, 16)]


def test_a_range_is_spaced_and_rounded():
    whole, real = Param("n", "", 10, 1, 10_000), Param("lr", "", 0.1, 0.0, 10.0)
    assert spaced(whole, 1, 1000, 4, log=True) == (1, 10, 100, 1000)
    assert spaced(whole, 1, 3, 9, log=False) == (1, 2, 3)  # those that meet are taken once
    assert spaced(real, 0.001, 1, 4, log=True) == (0.001, 0.01, 0.1, 1.0)
    assert spaced(real, 0, 1, 3, log=False) == (0.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "count", "log", "message"),
    [(0, 1, 5, True, "starts above 0"), (2, 1, 5, False, "smaller to a larger"), (1, 2, 1, False, "2 to 1000 values"),
     (1, 99, 3, False, "must be in")],
)  # fmt: skip
def test_a_range_that_cannot_be_is_refused(low, high, count, log, message):
    with pytest.raises(ValueError, match=message):
        spaced(Param("lr", "", 0.1, 0.0, 10.0), low, high, count, log=log)


def test_a_value_that_makes_no_experiment_is_refused_by_name_and_the_others_stay():
    sweep = small_sweep({"address": "training.batch_size", "values": [-4, 16]})
    assert sweep.cells[0].experiment is None
    assert "batch_size must be in [1, 1e+06], got -4" in sweep.cells[0].error
    assert sweep.cells[1].experiment.training.batch_size == 16


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ([], "one or two axes"),
        ([{"address": "data.n", "values": [1]}] * 3, "one or two axes"),
        ([{"address": "data.n", "values": [1]}] * 2, "must differ"),
        ([{"address": "data.nonsense", "values": [1]}], "Nothing to vary at 'data.nonsense'; there is data.* more.$"),
        ([{"address": "data.distanse", "values": [1]}], "Nothing to vary at 'data.distanse'; there is data.distance, "),
        ([{"address": 7, "values": [1]}], "Nothing to vary at 7"),
        ([{"address": "data.n", "values": []}], "1 to 1000 values"),
        ([{"address": "data.n", "values": [1, 1]}], "one twice"),
        ([{"address": "data.n", "values": [{"a": 1}]}], "a number, a text, or a list"),
        ([{"address": "data.n", "values": "1,2"}], "must be a list"),
        ([{"address": "data.n"}], "values, or from, to and count"),
        ([{"address": "data.n", "from": 1, "to": 9, "count": 2.5}], "whole count"),
        ([{"address": "data.n", "from": 1, "to": 9, "count": 3, "scale": "cubic"}], "log or linear"),
        ([{"address": "training.optimizer", "from": 1, "to": 9, "count": 3}], "not one number"),
        ([{"address": "data.n", "extra": 1}], "no field 'extra'"),
        ("data.n", "axes must be a list"),
    ],
)
def test_a_hostile_sweep_is_refused_by_name(axes, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        Sweep.from_json(json.dumps({"experiment": SMALL, "axes": axes}))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 2}', "[" * 50_000, '"x"', '{"experiment": 5, "axes": []}'])
def test_what_is_no_sweep_is_refused(text):
    with pytest.raises(ValueError):
        Sweep.from_json(text)


def test_ten_million_cells_are_refused_with_the_figure():
    axes = [{"address": a, "from": 10, "to": 9e5, "count": 1000} for a in ("data.n", "training.batch_size")]
    with pytest.raises(ValueError, match=f"1000 x 1000 are 1000000 cells; at most {MAX_CELLS} are swept"):
        small_sweep(*axes)


def test_json_gives_the_same_sweep_back():
    sweep = small_sweep({"address": "model.hidden", "values": [[8], [16, 16]]}, model={"name": "mlp"})
    again = Sweep.from_json(sweep.to_json())
    assert again == sweep
    assert [a.experiment for a in again.cells] == [b.experiment for b in sweep.cells]


def test_cells_that_share_rows_and_a_model_train_as_one():
    sweep = small_sweep(
        {"address": "training.lr", "from": 0.001, "to": 1, "count": 20, "scale": "log"},
        {"address": "data.n", "values": [300, 400]},
    )
    found = groups(sweep.cells)
    assert sorted(cell.index for group in found for cell in group) == list(range(40))
    assert all(len({cell.experiment.data for cell in group}) == 1 for group in found)
    assert max(len(group) for group in found) == GROUP_RUNS // 4
    whole = merged([cell.experiment for cell in found[0]])
    assert [s.training(whole.training).lr for s in whole.strategies[::2]] == pytest.approx([c.values[0] for c in found[0]])


def test_an_axis_needs_values():
    with pytest.raises(ValueError, match="1 to 1000 values"):
        Axis("data.n", ())


def test_a_refusal_is_short_however_much_can_be_varied():
    raw = {**SMALL, "strategies": [{"name": f"s{number}"} for number in range(64)]}
    with pytest.raises(ValueError, match="Nothing to vary at") as caught:
        Sweep.from_json(json.dumps({"experiment": raw, "axes": [{"address": "x" * 9000, "values": [1]}]}))
    assert len(str(caught.value)) < 600
