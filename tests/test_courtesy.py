"""Trainings give way while several pages are drawn, and go on."""

import contextlib
import threading
import time

from lib.courtesy import LONGEST, Courtesy
from tests.live import DATASET, LONG, experiment, finish, make, until

__all__ = ["make"]


@contextlib.contextmanager
def another_page(courtesy):
    """A page that is drawn in a thread of its own, as those of other visitors are."""
    here, over = threading.Event(), threading.Event()

    def draw():
        with courtesy.drawing():
            here.set()
            over.wait(30)

    page = threading.Thread(target=draw)
    page.start()
    assert here.wait(10)
    yield
    over.set()
    page.join()


def waits(courtesy):
    """Whether a training gives way now, and for as long as it may."""
    start = time.monotonic()
    courtesy.give_way()
    return time.monotonic() - start >= LONGEST


def test_one_page_holds_nobody_up_and_two_do():
    courtesy = Courtesy()
    with courtesy.drawing():
        assert not waits(courtesy)
        with another_page(courtesy):
            assert waits(courtesy)
        assert not waits(courtesy)


def test_a_part_that_is_drawn_within_its_page_does_not_count_again():
    courtesy = Courtesy()
    with courtesy.drawing():
        with courtesy.drawing():
            assert not waits(courtesy)
        with another_page(courtesy):
            assert waits(courtesy)


def test_a_training_goes_on_however_long_pages_are_drawn(make):
    runner = make()
    with runner.courtesy.drawing(), another_page(runner.courtesy):
        job = finish(runner.submit("ann", experiment(), DATASET))
        other = runner.submit("ben", LONG, DATASET)
        until(lambda: other.progress > 0)
        other.stop()
        until(lambda: other.state == "stopped")
    assert job.results
