"""Many visitors at once, reduced: outcomes, no durations. In full: `python -m tests.benchmarks crowd`, and `soak`."""

import tempfile
import time
from pathlib import Path

import pytest

from lib.runner import Runner
from tests.benchmarks import crowd, soak, storm
from tests.benchmarks.server import serve
from tests.benchmarks.visitor import Visitor
from tests.benchmarks.witness import VARIABLE, Event, events, most_running

POOLS = 3  # threads that the pools of Streamlit and asyncio may have gained; seven visitors came


@pytest.fixture(scope="module")
def watched():
    """A server with the memory of Streamlit's cloud, and the file in which its trainings are written down."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "trainings"
        with serve(module="tests.benchmarks.witness", COUNTERWEIGHT_MEMORY=crowd.CLOUD, **{VARIABLE: str(log)}) as server:
            with Visitor(server.address) as first:
                first.wait(lambda: first.says("training rows"))
            yield server, log


def test_six_visitors_at_once_get_their_own_numbers_in_order_and_find_them_again(watched):
    server, log = watched
    six = crowd.guests(6, epochs=40)
    with crowd.at_once(six) as everybody:
        result = crowd.together(server, six, everybody, log)
        assert result["crosstalk"] == 0 and result["wrong"] == 0
        assert result["overtaken"] == 0 and result["pushed_back"] == 0
        assert result["waited"] >= 1 and result["without_place"] == 0 and result["without_wait"] == 0
        assert most_running(events(log)) == 2
        digests = {guest.visitor.query.rpartition("digest=")[2] for guest in six}
        assert len(digests) == 6  # so that equal numbers are each visitor's own
        result = crowd.reloading(server, six, everybody, rounds=1)
        assert result["lost"] == 0
        assert [problem for guest in six for problem in guest.visitor.problems] == []


def test_a_visitor_who_reads_anothers_word_is_found(watched):
    two = crowd.guests(2, epochs=1)
    for guest, heard in zip(two, (two[0].words, two[0].words + two[1].words), strict=True):
        guest.visitor = type("Heard", (), {"heard": heard})()
    assert crowd.crosstalk(two) == 1
    two[1].visitor.heard = two[0].words
    assert crowd.crosstalk(two) == -1  # not even his own: nothing was searched


def test_a_hundred_trainings_cancelled_at_the_runner_end_as_stopped():
    runner = Runner(grace=0.0)
    cancelled = storm.on_runner(runner, 100)
    assert len(cancelled) == 100 and {one.state for one in cancelled} == {"stopped"}
    assert {(one.moment, one.end) for one in cancelled} == {(moment, end) for moment in storm.MOMENTS for end in storm.ENDS}
    assert runner.running == 0 and not runner.queue
    runner.close()


def test_files_come_and_go_and_threads_return(watched):
    server, _ = watched
    file = soak.rows_csv(2)
    soak.shift(server, cycles=2, reruns=5, uploads=1, file=file)
    before = server.threads
    soak.shift(server, cycles=4, reruns=10, uploads=2, file=file)
    deadline = time.monotonic() + 60
    while server.threads > before + POOLS and time.monotonic() < deadline:
        time.sleep(0.1)
    assert server.threads <= before + POOLS
    assert 100 < server.rss_mb <= server.peak_mb


def test_the_most_at_once_counts_those_that_have_not_stopped_yet():
    states = [(1, "queued"), (1, "running"), (2, "queued"), (2, "running"), (1, "stopping"), (3, "running"), (1, "stopped")]
    told = [Event(number, "a", state, 0.0) for number, state in states]
    assert most_running(told) == 3 and most_running(told[:5]) == 2
    assert (
        crowd.overtaken(
            [Event(n, "a", state, 0.0) for n, state in ((1, "queued"), (2, "queued"), (2, "running"), (1, "running"))]
        )
        == 1
    )


def test_the_texts_say_what_was_measured():
    cancelled = [storm.Cancelled("running", "stop", "stopped", 0.1)]
    figures = storm.figures(cancelled, "storm") | storm.figures(cancelled, "runner_storm")
    names = ("visitors", "together_s", "crosstalk", "wrong", "max_running", "overtaken", "waited", "without_place",
             "without_wait", "errors", "rerun_p50_ms", "rerun_p95_ms", "reload_p50_ms", "reload_p95_ms",
             "reload_beside_p95_ms", "lost",
             "peak_mb")  # fmt: skip
    assert "received a word of another's data" in crowd.text(dict.fromkeys(names, 0.0) | figures)
    names = ("file_mb", "peak_mb", "cycles", "reruns", "uploads", "soak_s", "rss_before_mb", "rss_after_mb", "rss_growth_mb",
             "soak_peak_mb", "threads_before", "threads_after")  # fmt: skip
    assert "resident after a warm-up" in soak.text(dict.fromkeys(names, 0.0))
