"""The estimate of the rest: a range that holds what the rest takes, whatever makes cells differ."""

import pytest

from lib.sweeps.cell import Outcome, Result
from lib.sweeps.progress import FLOOR, ONE_GROUP, Progress, work
from tests.sweeps.conftest import small_sweep


def told(sweep, seconds, done, workers=1):
    """The range after the cells of `done`, and what the others take, where a cell takes `seconds(experiment)`."""
    progress = Progress(sweep, workers)
    for index in done:
        progress.add(Outcome(sweep.cells[index], Result(seconds=seconds(sweep.cells[index].experiment))))
    rest = sum(seconds(cell.experiment) for cell in sweep.cells if cell.index not in done)
    return progress.remaining, rest / workers


def test_nothing_is_said_before_two_cells():
    sweep = small_sweep({"address": "training.lr", "values": [0.01, 0.02, 0.03]})
    assert told(sweep, lambda own: 1.0, [])[0] is None
    assert told(sweep, lambda own: 1.0, [0])[0] is None


def test_equal_cells_take_what_the_known_ones_took():
    sweep = small_sweep({"address": "training.lr", "from": 0.01, "to": 1, "count": 10})
    (low, high), rest = told(sweep, lambda own: 1.0 + own.training.lr / 1000, [0, 4, 9])
    assert rest == pytest.approx(7, abs=0.01)
    assert (low, high) == pytest.approx((7 * (1 - FLOOR), 7 * (1 + FLOOR)), rel=0.01)
    (low, high), _ = told(sweep, lambda own: 1.0 + own.training.lr / 1000, [0, 4, 9], workers=2)
    assert (low, high) == pytest.approx((3.5 * (1 - FLOOR), 3.5 * (1 + FLOOR)), rel=0.01)


def test_cells_of_one_stack_are_one_observation():
    sweep = small_sweep({"address": "training.lr", "from": 0.01, "to": 1, "count": 10})
    (low, high), _ = told(sweep, lambda own: 1.0, [0, 1, 2, 3])
    assert (low, high) == pytest.approx((6 * (1 - ONE_GROUP), 6 * (1 + ONE_GROUP)))


@pytest.mark.parametrize("fixed", [0.0, 0.5])
def test_cells_with_more_epochs_are_known_to_take_longer(fixed):
    sweep = small_sweep({"address": "training.epochs", "values": [1, 3, 10, 30, 100, 300]})
    (low, high), rest = told(sweep, lambda own: fixed + 0.01 * own.training.epochs, [0, 3])
    assert low < rest < high < 1.5 * rest


def test_where_only_small_cells_are_known_the_range_says_so():
    sweep = small_sweep({"address": "training.epochs", "values": [1, 300]}, {"address": "training.lr", "values": [0.01, 0.1]})
    for seconds in (lambda own: 1.0, lambda own: 1.0 * own.training.epochs):
        (low, high), rest = told(sweep, seconds, [0, 1])
        assert low < rest < high


def test_noise_widens_the_range():
    sweep = small_sweep({"address": "training.lr", "from": 0.01, "to": 1, "count": 10})
    noise = iter([0.5, 1.5, 0.5, 1.5, *[1.0] * 6])
    (low, high), _ = told(sweep, lambda own: next(noise), [0, 1, 2, 3])
    assert high - low > 6 * 2 * FLOOR * 2


def test_stored_cells_count_for_the_estimate_and_refused_ones_take_no_time():
    sweep = small_sweep({"address": "training.batch_size", "values": [-1, 32, 64, 128]})
    progress = Progress(sweep)
    progress.add(Outcome(sweep.cells[0], Result(error=sweep.cells[0].error)))
    for index in (1, 2):
        progress.add(Outcome(sweep.cells[index], Result(seconds=1.0), stored=True))
    assert (progress.done, progress.failed, progress.stored) == (3, 1, 2)
    low, high = progress.remaining
    assert low <= 1.0 <= high
    progress.add(Outcome(sweep.cells[3], Result(seconds=1.0)))
    assert progress.remaining == (0, 0)


def test_work_grows_with_epochs_rows_and_steps():
    def of(**training):
        return work(small_sweep({"address": "training.lr", "values": [0.1]}, training=training).cells[0])

    assert of(epochs=10) == pytest.approx(10 * of(epochs=1))
    assert of(epochs=1, batch_size=8) > of(epochs=1, batch_size=64)
