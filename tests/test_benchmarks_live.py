"""The benchmarks of the running app in a reduced form: every figure is there, and the page does what is timed."""

import time

import numpy as np
import pytest

from tests.benchmarks import live, startup
from tests.benchmarks.server import serve
from tests.benchmarks.visitor import Visitor, unpack


@pytest.fixture(scope="module")
def start():
    """A server and the figures of its start: one for all tests, because it imports torch."""
    with serve() as running:
        yield running, startup.one_start(running)


@pytest.fixture
def server(start):
    return start[0]


def test_startup_measures_in_the_order_of_what_happens(start):
    taken = start[1]
    assert 0 < taken["health_s"] < taken["heading_s"] < taken["chart_s"] < taken["trained_s"]
    assert taken["rss_mb"] > 100
    assert "resident memory" in startup.text(live.spread({key: [value] for key, value in taken.items()}))


def test_a_visitor_without_a_browser_trains_watches_and_stops(server):
    with Visitor(server.address, "compare", live.work(2, 5000).to_query()) as visitor:
        assert visitor.says("8 strategies")
        assert live.first_point(visitor) > 0
        rate, updates, size = live.watch(visitor, 1.0)
        assert rate > 0 and updates > 0 and size > 1000
        before = visitor.progress()
        time.sleep(0.5)
        assert visitor.progress() == before  # nobody looks
        visitor.tick()
        assert visitor.progress() > before
        assert set(visitor.charts()) >= {"train_loss", "val_nll", "confusion", "boundary"}
        visitor.click("Stop")
        visitor.wait(lambda: visitor.says("· stopped"))
        visitor.run()
        stopped = visitor.progress()
        visitor.run()
        assert visitor.progress() == stopped


def test_what_has_not_changed_is_not_sent_again(server):
    with Visitor(server.address, "compare", live.work(1, 1).to_query()) as visitor:
        visitor.click("Train")
        visitor.wait(lambda: visitor.says("· finished"))
        visitor.run()
        before = visitor.bytes
        visitor.run()
        assert visitor.bytes - before < sum(map(len, visitor.charts().values())) / 2


def test_the_text_names_what_it_does_not_show():
    result = live.spread({key: [1.0] for key in ("first_point_s", "stop_s", "updates_per_s", "ours_8_s", "plain_8_s")})
    assert "without a network" in live.text(result)


def test_packed_arrays_are_read():
    from lib.figures.chart import pack

    for array in (np.arange(3.0), np.linspace(0, 1, 100, dtype="f4"), np.arange(200)):
        np.testing.assert_array_equal(unpack(pack(array)), array)
