"""Live trainings: steering changes no number, stopping frees the slot, failures are told in a sentence."""

import dataclasses
import threading
import time

import numpy as np
import pytest
import torch

from lib import runner as runner_module
from lib.experiment import Strategy
from lib.registry import Params
from lib.training import train
from tests.live import DATASET, LONG, Clock, experiment, finish, make, until

__all__ = ["make"]


def paused(runner, name, what):
    """A job that is paused before its first batch."""
    blockers = [runner.submit(f"blocker {i}", LONG, DATASET) for i in range(runner.max_running)]
    job = runner.submit(name, what, DATASET)
    job.pause()
    for blocker in blockers:
        blocker.stop()
    until(lambda: runner.running == 0)
    assert job.state == "paused" and job.snapshot is None and job.place is None
    return job


def same(left, right):
    """Whether two snapshots hold the same numbers, bit for bit."""
    pairs = [(getattr(left.history, f.name), getattr(right.history, f.name)) for f in dataclasses.fields(right.history)]
    pairs += [(left.confusion, right.confusion)]
    models = (torch.equal(left.models[at].parameters, right.models[at].parameters) for at in right.models)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs) and all(models)


def test_a_job_ends_with_the_numbers_of_a_plain_loop_and_with_results(make):
    job = finish(make().submit("ann", experiment(), DATASET))
    assert same(job.snapshot, list(train(experiment(), DATASET))[-1])
    assert set(job.results) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert job.results[0, 0].confusion.sum() == 60
    assert job.remaining is None and job.place is None and job.error is None and job.elapsed > 0


def test_pausing_stepping_and_speed_change_no_number(make):
    job = paused(make(), "ann", experiment(epochs=6))
    for steer, epochs in (
        (job.step_batch, 0),
        (job.step_batch, 0),
        (job.step, 1),
        (job.step_batch, 1),
        (lambda: job.step(2), 3),
    ):
        steer()
        until(lambda: job.state == "paused")
        assert job.snapshot.epoch == epochs
    job.speed = 100
    job.resume()
    job.pause()
    until(lambda: job.state == "paused")
    job.speed = None
    job.resume()
    assert same(finish(job).snapshot, list(train(experiment(epochs=6), DATASET))[-1])


def test_steps_are_exact(make):
    runner = make()
    job = paused(runner, "ann", LONG)
    batch, epoch = job.step_batch, job.step
    for step, progress in (
        (batch, 0.1),
        (batch, 0.2),
        (epoch, 1),
        (epoch, 2),
        (batch, 2.1),
        (lambda: epoch(30), 32),
        (batch, 32.1),
    ):
        step()
        until(lambda: job.state == "paused")
        assert job.progress == pytest.approx(progress)
        until(lambda: runner.running == 0)  # a paused training holds no slot
    epoch(0)
    assert job.state == "paused"


def test_a_slow_speed_waits_and_steering_cuts_the_wait_short(make):
    job = paused(make(), "ann", LONG)
    job.speed = 0.5
    job.resume()
    time.sleep(0.3)
    assert job.progress < 1.0 and job.state == "running"
    until(lambda: job.remaining)
    assert job.remaining > 10_000  # seconds, at half an epoch a second
    job.speed = None
    until(lambda: job.progress > 3)
    job.speed = 0.1
    job.stop()
    until(lambda: job.state == "stopped")
    with pytest.raises(ValueError, match="The speed must be 0.1 to 1000 epochs per second"):
        job.speed = 0


def test_never_more_than_max_running(make, monkeypatch):
    lock, now, most = threading.Lock(), [0], [0]

    def counted(*args, **kwargs):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        yield from train(*args, **kwargs)
        with lock:
            now[0] -= 1

    monkeypatch.setattr(runner_module, "train", counted)
    runner = make(max_running=2)
    for job in [runner.submit(f"visitor {i}", experiment(), DATASET) for i in range(8)]:
        finish(job)
    assert most[0] == 2


def stopped_soon(runner, job):
    until(lambda: job.state == "stopped")
    until(lambda: runner.running == 0)
    assert job.error is None and job.results is None and job.place is None


@pytest.mark.parametrize("state", ["new", "running", "paused", "stepping", "queued", "slow"])
def test_stop_in_any_state_frees_the_slot(make, state):
    runner = make(max_running=1)
    other = runner.submit("other", LONG, DATASET) if state == "queued" else None
    job = runner.submit("ann", LONG, DATASET)
    if state == "running":
        until(lambda: job.progress > 0)
    elif state == "paused":
        job.pause()
        until(lambda: job.state == "paused")
    elif state == "stepping":
        job.step(5000)
        until(lambda: job.progress > 0)
    elif state == "slow":
        job.speed = 0.1
        until(lambda: job.progress > 0)
    job.stop()
    job.stop()
    if other:
        assert job.state == "stopped"
        other.stop()
        until(lambda: other.ended)
    stopped_soon(runner, job)
    for steer in (job.pause, job.resume, job.step, job.step_batch, job.stop):
        steer()
        assert job.state == "stopped"
    assert finish(runner.submit("ann", experiment(), DATASET)).results


def test_a_finished_job_ignores_steering(make):
    job = finish(make().submit("ann", experiment(), DATASET))
    version = job.version
    for steer in (job.pause, job.resume, job.step, job.step_batch, job.stop):
        steer()
    assert job.state == "finished" and job.version == version


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("Take other data."), "Take other data."),
        (KeyError("secret"), "Training stopped by an error of ours: KeyError."),
        (MemoryError(), "Training stopped: there was not enough memory. Take fewer rows, strategies or seeds."),
    ],
)
def test_a_failure_is_told_in_a_sentence_and_frees_the_slot(make, monkeypatch, caplog, error, sentence):
    def broken(*args, **kwargs):
        yield next(train(*args, **kwargs))
        raise error

    runner = make(max_running=1)
    with monkeypatch.context() as patch:
        patch.setattr(runner_module, "train", broken)
        job = runner.submit("ann", experiment(), DATASET)
        until(lambda: job.ended)
    assert (job.state, job.error) == ("failed", sentence)
    assert job.snapshot is not None and job.results is None
    assert bool(caplog.records) == (not isinstance(error, ValueError))
    finish(runner.submit("ann", experiment(), DATASET))


def test_a_diverging_strategy_is_not_a_failure(make):
    wild = Strategy("wild", overrides=Params({"lr": 1000.0, "optimizer": "sgd", "weight_decay": 100.0}))
    job = finish(make().submit("ann", experiment(strategies=(Strategy("plain"), wild), epochs=5), DATASET))
    assert set(job.snapshot.diverged) == {(1, 0), (1, 1)}
    assert job.results[1, 0].diverged and not job.results[0, 0].diverged


def test_a_training_that_takes_too_long_is_stopped(make):
    clock = Clock()
    runner = make(clock=clock, max_seconds=120)
    job = runner.submit("ann", LONG, DATASET)
    until(lambda: job.progress > 0)
    clock.now += 121
    until(lambda: job.ended)
    assert job.state == "stopped" and job.elapsed == 121
    assert job.error == "Stopped after 2 minutes, the longest that a training may take. Take fewer epochs or rows."


def test_a_training_beyond_the_limits_is_refused_and_the_earlier_one_goes_on(make):
    runner = make()
    job = runner.submit("ann", LONG, DATASET)
    many = tuple(Strategy(str(i)) for i in range(64))
    with pytest.raises(ValueError, match="runs"):
        runner.submit("ann", experiment(strategies=many, seeds=tuple(range(100))), DATASET)
    assert runner.job("ann") is job and not job.ended


def test_the_version_rises_with_what_can_be_seen(make):
    job = make().submit("ann", experiment(), DATASET)
    seen = {}
    while not job.ended:
        version, progress = job.version, job.progress
        assert progress >= seen.get(version, 0.0)
        seen[version] = progress
    assert sorted(seen.values()) == [seen[version] for version in sorted(seen)]


def test_threads_end_when_there_is_nothing_to_do(make):
    before = set(threading.enumerate())
    runner = make()
    for job in [runner.submit(str(i), experiment(), DATASET) for i in range(5)]:
        finish(job)
    until(lambda: set(threading.enumerate()) <= before)
    finish(runner.submit("ann", experiment(), DATASET))


def test_a_closed_runner_takes_nothing(make):
    runner = make()
    job = runner.submit("ann", LONG, DATASET)
    runner.close()
    assert job.state == "stopped" and runner.job("ann") is None
    with pytest.raises(ValueError, match="closing"):
        runner.submit("ann", LONG, DATASET)


def test_without_a_thread_a_training_ends_with_a_sentence_and_the_next_one_works(make, monkeypatch):
    """A system under pressure refuses threads: the page must say so and stay usable."""
    runner = make()

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as pressed:
        pressed.setattr("lib.runner._start", refuse)
        job = runner.submit("a", LONG, DATASET)
    assert job.ended and job.error == "The machine has no room for a training at the moment. Try again in a minute."
    assert not runner.queue
    finish(runner.submit("a", experiment(), DATASET))
