"""Pages are drawn in turn; trainings give way while one is drawn, and go on."""

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


def waits(courtesy, hurries=lambda: False):
    """Whether a training gives way now, and for as long as it may."""
    start = time.monotonic()
    courtesy.give_way(hurries)
    return time.monotonic() - start >= LONGEST


def test_a_training_gives_way_while_a_page_is_drawn():
    courtesy = Courtesy()
    assert not waits(courtesy)
    with courtesy.drawing():
        assert waits(courtesy)
        assert not waits(courtesy, hurries=lambda: True)
    assert not waits(courtesy)


def line_up(courtesy, names, draw):
    """Pages that want to be drawn in this order."""
    pages = [threading.Thread(target=draw, args=(name,)) for name in names]
    for page in pages:
        before = len(courtesy._line)
        page.start()
        until(lambda: len(courtesy._line) > before)  # noqa: B023
    return pages


def test_one_page_is_drawn_after_the_other():
    courtesy, order = Courtesy(), []

    def draw(name):
        with courtesy.drawing():
            order.append(name)

    with courtesy.drawing():
        pages = line_up(courtesy, "abc", draw)
        assert not order
    for page in pages:
        page.join()
    assert order == ["a", "b", "c"] and not waits(courtesy)


def test_a_page_that_has_much_to_draw_lets_the_others_go_first():
    courtesy, order = Courtesy(), []

    def draw(name):
        with courtesy.drawing():
            courtesy.let_others()  # all come in before one is drawn
            order.append(name)

    with courtesy.drawing():
        pages = line_up(courtesy, "ab", draw)
        courtesy.let_others()
        assert order == []  # they let each other, and this one, go first
        order.append("own")
    for page in pages:
        page.join()
    assert order == ["own", "a", "b"]
    courtesy.let_others()  # who draws nothing is in nobody's way


def test_a_page_that_takes_long_holds_no_other_up_for_ever():
    courtesy = Courtesy()
    with another_page(courtesy), courtesy.drawing():
        courtesy.let_others()
    assert not waits(courtesy)
    with courtesy.drawing():
        pass


def test_a_part_that_is_drawn_within_its_page_does_not_wait_or_count_again():
    courtesy = Courtesy()
    with courtesy.drawing():
        with courtesy.drawing():
            assert len(courtesy._line) == 1
        assert len(courtesy._line) == 1
    assert not waits(courtesy)


def test_a_training_goes_on_however_long_pages_are_drawn(make):
    runner = make()
    with runner.courtesy.drawing():
        job = finish(runner.submit("ann", experiment(), DATASET))
        other = runner.submit("ben", LONG, DATASET)
        until(lambda: other.progress > 0)
        other.stop()
        until(lambda: other.state == "stopped")
    assert job.results
