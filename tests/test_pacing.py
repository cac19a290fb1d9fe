"""How long a slice is, how steps are counted, and when a slow speed waits."""

from types import SimpleNamespace

import pytest

from lib.pacing import SLICE, Pace


def at(progress):
    return SimpleNamespace(progress=progress, epoch=int(progress + 1e-9))


def pace(per_epoch=100, seconds_per_batch=0.001):
    """After the first batch."""
    made = Pace()
    assert made.stride() == 1
    made.measure(at(0.0), at(1 / per_epoch), seconds_per_batch)
    return made


def test_a_slice_is_as_long_as_it_should_be_and_at_least_a_batch():
    assert pace(seconds_per_batch=0.001).stride() == round(SLICE / 0.001)
    assert pace(seconds_per_batch=3.0).stride() == 1


def test_a_slice_ends_with_the_epoch():
    made = pace()
    made.measure(at(0.01), at(0.97), 0.096)
    assert made.stride() == 3
    made.measure(at(0.97), at(1.0), 5.0)  # validation is no part of a batch
    assert made.stride() == 50


def test_a_slow_speed_makes_slices_shorter_and_waits():
    made = pace()
    made.set_speed(2.0)
    made.anchor(10.0)
    assert made.stride() == 20
    made.measure(at(0.01), at(0.21), 0.02)
    assert made.early(10.0) == pytest.approx(0.1)  # 0.2 epochs at 2 a second
    assert made.early(10.2) == 0
    assert made.rate == 2.0  # it could do ten


def test_who_is_far_behind_its_speed_does_not_catch_up():
    made = pace()
    made.set_speed(1.0)
    made.anchor(0.0)
    assert made.early(50.0) == 0
    made.measure(at(0.01), at(0.51), 0.05)
    assert made.early(50.0) == pytest.approx(0.5)


def test_steps_count_down_and_add_up():
    made = pace()
    made.add_steps("batches", 1)
    made.add_steps("batches", 2)
    assert made.stride() == 3 and not made.held
    made.measure(at(0.01), at(0.04), 0.003)
    assert made.held
    made.add_steps("epochs", 2)
    made.measure(at(0.04), at(0.5), 0.046)
    assert made.steps == ("epochs", 2)
    made.measure(at(0.5), at(1.0), 0.05)
    made.measure(at(1.0), at(2.0), 0.1)
    assert made.held


@pytest.mark.parametrize("speed", [0, -1, 1e9, float("nan")])
def test_an_impossible_speed_is_refused(speed):
    with pytest.raises(ValueError, match="The speed must be 0.1 to 1000 epochs per second, or none, got"):
        Pace().set_speed(speed)
