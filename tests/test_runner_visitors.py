"""Live trainings of many visitors: a fair queue, replacement, leaving and coming back, and what is kept."""

import pytest

from lib import runner as runner_module
from tests.live import DATASET, LONG, Clock, experiment, finish, make, until

__all__ = ["make"]


def test_the_queue_is_served_in_order_and_shows_place_and_wait(make):
    runner = make(max_running=1)
    first = runner.submit("ann", LONG, DATASET)
    until(lambda: first.remaining)
    waiting = [runner.submit(name, LONG, DATASET) for name in ("ben", "cem", "dia")]
    assert [job.place for job in waiting] == [1, 2, 3]
    assert [job.state for job in waiting] == ["queued"] * 3
    assert waiting[0].expected_wait > 0
    assert waiting[1].expected_wait > waiting[0].expected_wait  # ben's may take as long as ann's
    waiting[1].stop()
    assert [job.place for job in waiting] == [1, None, 2]
    assert waiting[1].state == "stopped"
    first.stop()
    until(lambda: waiting[0].state == "running")
    assert waiting[2].place == 1
    waiting[0].pause()  # a paused training gives its slot to the next
    until(lambda: waiting[2].state == "running")
    waiting[0].resume()
    assert waiting[0].state == "queued" and waiting[0].place == 1


def test_expected_wait_uses_what_the_last_trainings_took(make):
    clock = Clock()
    runner = make(max_running=1, clock=clock)
    runner._took.append(7.0)
    jobs = [runner.submit(name, LONG, DATASET) for name in ("ann", "ben", "cem")]
    assert [job.expected_wait for job in jobs[1:]] == [7.0, 14.0]


def test_a_newer_submission_replaces_the_older_one(make):
    runner = make(max_running=1)
    old = runner.submit("ann", LONG, DATASET)
    until(lambda: old.progress > 0)
    new = runner.submit("ann", experiment(), DATASET)
    assert runner.job("ann") is new
    finish(new)
    assert old.state == "stopped"


def test_a_replaced_one_that_waits_keeps_its_place(make):
    runner = make(max_running=1)
    running = runner.submit("ann", LONG, DATASET)
    until(lambda: running.state == "running")
    first, second = (runner.submit(name, LONG, DATASET) for name in ("ben", "cem"))
    again = runner.submit("ben", LONG, DATASET)
    assert first.state == "stopped" and again.place == 1 and second.place == 2


def test_who_leaves_is_cancelled_after_the_grace_and_found_within_it(make):
    clock = Clock()
    runner = make(max_running=1, clock=clock, grace=60)
    running = runner.submit("ann", LONG, DATASET)
    waiting = runner.submit("ben", LONG, DATASET)
    runner.leave("ann")
    runner.leave("ben")
    clock.now += 59
    runner.sweep()
    assert runner.back("ann") is running and not running.ended
    clock.now += 2
    runner.sweep()
    assert waiting.state == "stopped" and runner.job("ben") is None and not running.ended
    runner.leave("ann")
    clock.now += 61
    runner.sweep()
    until(lambda: running.state == "stopped")
    assert runner.job("ann") is None and runner.back("ann") is None


def test_a_visitor_with_a_second_session_has_not_left(make):
    clock = Clock()
    runner = make(clock=clock, grace=60)
    runner.back("ann")
    job = runner.submit("ann", LONG, DATASET)
    runner.back("ann")  # a reload: the new session starts before the old one ends
    runner.leave("ann")
    clock.now += 100
    runner.sweep()
    assert runner.job("ann") is job and not job.ended


def test_the_grace_ends_by_itself_and_finished_trainings_are_forgotten(make):
    runner = make(grace=0.05)
    job, done = runner.submit("ann", LONG, DATASET), finish(runner.submit("ben", experiment(), DATASET))
    runner.leave("ann")
    runner.leave("ben")
    until(lambda: runner.job("ann") is None and runner.job("ben") is None)
    until(lambda: job.state == "stopped")
    assert done.state == "finished"


def test_a_second_place_of_a_visitor_is_his_own_and_goes_with_him(make):
    clock = Clock()
    runner = make(max_running=2, clock=clock, grace=10)
    runner.back("ann")
    jobs = [runner.submit(name, LONG, DATASET) for name in ("ann", "ann/dial")]
    other = runner.submit("anna/dial", LONG, DATASET)
    assert runner.job("ann") is jobs[0] and runner.job("ann/dial") is jobs[1]
    runner.leave("ann")
    clock.now += 11
    runner.sweep()
    assert runner.job("ann") is None and runner.job("ann/dial") is None and runner.job("anna/dial") is other
    until(lambda: all(job.ended for job in jobs))


def test_the_queue_is_bounded(make):
    runner = make(max_running=1, max_queued=2)
    running = runner.submit("ann", LONG, DATASET)
    until(lambda: running.state == "running")
    jobs = [runner.submit(name, LONG, DATASET) for name in ("ben", "cem")]
    with pytest.raises(ValueError, match="2 trainings are waiting, and no more are taken. Try again in a minute."):
        runner.submit("dia", LONG, DATASET)
    assert runner.job("dia") is None
    assert runner.submit("ben", LONG, DATASET).place == 1  # replacing is always possible
    assert jobs[1].place == 2


def test_ended_trainings_are_kept_within_a_number_and_the_memory(make, monkeypatch):
    runner = make(max_kept=3)
    for i in range(5):
        finish(runner.submit(f"visitor {i}", experiment(), DATASET))
    until(lambda: [i for i in range(5) if runner.job(f"visitor {i}")] == [2, 3, 4])
    monkeypatch.setattr(runner_module, "training_budget", lambda: 1)
    finish(runner.submit("ann", experiment(), DATASET))
    until(lambda: [name for name in ("visitor 3", "visitor 4", "ann") if runner.job(name)] == ["ann"])


def test_trainings_that_pause_are_kept_within_the_memory(make, monkeypatch):
    monkeypatch.setattr(runner_module, "training_budget", lambda: 1)
    runner = make()
    jobs = []
    for name in ("ann", "ben"):
        jobs.append(runner.submit(name, LONG, DATASET))
        until(lambda: jobs[-1].progress > 0)
        jobs[-1].pause()
        until(lambda: jobs[-1].state in ("paused", "stopped"))
    until(lambda: [job.state for job in jobs] == ["stopped", "paused"])
    assert jobs[0].error == "Stopped: it was paused for long, and others needed the memory."
