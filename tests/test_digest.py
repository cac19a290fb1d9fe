"""What a link tells of a result: numbers that another machine can be held against."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lib.data import SOURCES
from lib.digest import FIELD, check, compare, digest, read_digest, with_digest
from lib.evaluation import evaluate
from lib.experiment import Experiment
from lib.training import load, train
from tests.examples import experiments

WHAT = Experiment.from_dict({
    "data": {"params": {"n": 400, "n_val": 300, "n_test": 1000}}, "model": {"name": "linear"},
    "strategies": [{"name": "plain"}, {"name": "<b>&</b>", "weighting": "balanced"}],
    "training": {"epochs": 4, "lr": 0.05}, "seeds": [0, 1],
})  # fmt: skip
*_, LAST = train(WHAT, load(WHAT.data))
RESULTS = evaluate(LAST)
ENTRY = re.compile(r"\d+\.\d{4}/[01]\.\d{3}")


def test_it_holds_the_numbers_that_a_visitor_reads() -> None:
    told = digest(LAST, RESULTS)
    assert all(ENTRY.fullmatch(entry) for entry in told.split(","))
    nll, accuracy = map(float, told.split(",")[1].split("/"))
    assert nll == pytest.approx(LAST.history.val_nll[1, :, -1].mean(), abs=5e-5)
    recalls = [np.diag(RESULTS[1, r].confusion) / RESULTS[1, r].confusion.sum(1) for r in (0, 1)]
    assert accuracy == pytest.approx(np.mean(recalls), abs=5e-4)


def test_its_own_result_is_reproduced() -> None:
    found = compare(digest(LAST, RESULTS), LAST, RESULTS)
    assert found.reproduced
    assert found.sentence == "Reproduced: validation NLL and balanced accuracy of all 2 strategies are those of the link."


def moved(nll: float, accuracy: float) -> str:
    (first, second) = digest(LAST, RESULTS).split(",")
    one, other = map(float, second.split("/"))
    return f"{first},{one + nll:.4f}/{other + accuracy:.3f}"


@pytest.mark.parametrize("nll", [-0.0009, 0.0009])
def test_what_rounding_changes_is_no_difference(nll: float) -> None:
    assert compare(moved(nll, 0.0), LAST, RESULTS).reproduced


def test_a_row_of_each_class_is_no_difference_and_more_is_one() -> None:
    rows = RESULTS[0, 0].confusion.sum(1)  # 950 and 50
    one_row = float(np.mean(np.maximum(1, 0.005 * rows) / rows))
    assert one_row == pytest.approx((0.005 + 0.02) / 2)
    assert compare(moved(0.0, -0.012), LAST, RESULTS).reproduced
    assert not compare(moved(0.0, -0.015), LAST, RESULTS).reproduced


def test_a_difference_is_said_with_its_size_and_strategy() -> None:
    found = compare(moved(0.05, -0.1), LAST, RESULTS)
    assert not found.reproduced
    assert found.sentence.startswith(
        "Differs by 0.050 in validation NLL (<b>&</b>) and by 0.100 in balanced accuracy (<b>&</b>)."
    )
    assert compare("0.1000/0.900", LAST, RESULTS).sentence == (
        "Differs: the link tells of 1 strategies, and this result has 2."
    )


def test_what_is_undefined_is_equal_to_itself_alone() -> None:
    nothing = np.full_like(LAST.history.val_nll, np.nan)
    lost = dataclasses.replace(LAST, history=dataclasses.replace(LAST.history, val_nll=nothing))
    told = digest(lost, RESULTS)
    assert told.startswith("-/0.") and compare(told, lost, RESULTS).reproduced
    assert "altogether in validation NLL" in compare(told, LAST, RESULTS).sentence


HOSTILE = ["", "0.1/0.9", "0.1000/0.900,", "nan/0.900", "<script>", "0.1000/0.900\n", "١.1000/0.900", "1e9/0.900",
           "0.1000/2.000", ",".join(["0.1000/0.900"] * 65), "0.1000/0.900" * 10_000]  # fmt: skip


@pytest.mark.parametrize("told", HOSTILE)
def test_anything_else_is_refused_in_a_sentence(told: str) -> None:
    with pytest.raises(ValueError, match="digest must hold a validation NLL") as caught:
        read_digest({FIELD: told})
    assert len(str(caught.value)) < 300


ENTRIES = some.builds(
    lambda nll, share: f"{nll:.4f}/{share:.3f}", some.floats(0, 99_999), some.floats(0, 1)
) | some.sampled_from(["-/-", "-/0.500", "0.1000/-"])


@given(what=experiments(), entries=some.lists(ENTRIES, min_size=1, max_size=64))
def test_a_link_carries_experiment_and_digest_and_gives_both_back(what: Experiment, entries: list[str]) -> None:
    told = ",".join(entries)
    fields, came = read_digest(with_digest(what.to_query(), told))
    assert came == told == check(told) and Experiment.from_query(fields) == what


def test_a_link_without_a_digest_has_none_and_no_experiment_has_such_a_field() -> None:
    assert read_digest(WHAT.to_query()) == (WHAT.to_query(), None)
    assert FIELD not in {param.name for source in SOURCES.values() for param in source.params}
    with pytest.raises(ValueError, match="has a field 'digest'"):
        Experiment.from_query(with_digest(WHAT.to_query(), "0.1000/0.900"))
