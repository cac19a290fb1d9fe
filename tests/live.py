"""Small live trainings for the tests of the runner: data, an experiment without an end, a clock that stands still."""

import threading
import time

import pytest

from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.registry import Params
from lib.runner import Runner
from lib.training import load

DATA = DataSpec("gaussians", Params({"n": 640, "n_val": 50, "n_test": 60}))  # 10 batches of 64 per epoch


def experiment(epochs=3, **fields):
    strategies = (Strategy("plain"), Strategy("balanced", weighting="balanced"))
    settings = {"strategies": strategies, "data": DATA, "model": ModelSpec("linear"), "seeds": (0, 1)}
    return Experiment(**{**settings, "training": Training(epochs=epochs, batch_size=64), **fields})


LONG = experiment(epochs=10_000)  # never ends within a test
DATASET = load(DATA)


def until(condition, seconds=10.0):
    """Wait for a thread. The limit only keeps a test from hanging: how long things take is for the benchmarks."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def make():
    """Runners that are closed after the test, with no thread left behind."""
    made, before = [], set(threading.enumerate())

    def build(*args, **kwargs):
        made.append(Runner(*args, **kwargs))
        return made[-1]

    yield build
    for runner in made:
        runner.close()
        assert runner.running == 0 and not runner.queue
    until(lambda: set(threading.enumerate()) <= before)


def finish(job):
    until(lambda: job.ended)
    assert job.state == "finished", job.error
    return job
