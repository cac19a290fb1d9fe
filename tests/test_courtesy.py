"""Trainings give way while several pages are drawn, and go on."""

import threading

from lib.courtesy import Courtesy
from tests.live import DATASET, LONG, experiment, finish, make, until

__all__ = ["make"]


def test_one_page_holds_nobody_up_and_two_do_until_one_is_done():
    courtesy, passed = Courtesy(), threading.Event()

    def train():
        for _ in range(3):
            courtesy.give_way()
        passed.set()

    with courtesy.drawing():
        courtesy.give_way()
        second = courtesy.drawing()
        second.__enter__()
        thread = threading.Thread(target=train)
        thread.start()
        second.__exit__(None, None, None)
        assert passed.wait(10)
    thread.join()


def test_a_training_goes_on_however_long_pages_are_drawn(make):
    runner = make()
    with runner.courtesy.drawing(), runner.courtesy.drawing():
        job = finish(runner.submit("ann", experiment(), DATASET))
        other = runner.submit("ben", LONG, DATASET)
        until(lambda: other.progress > 0)
        other.stop()
        until(lambda: other.state == "stopped")
    assert job.results
