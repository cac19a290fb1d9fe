"""Live trainings that keep what an earlier one has trained: the same numbers, no earlier training held on to."""

import dataclasses
import gc
import random
import weakref

import numpy as np
import pytest

from lib import runner as runner_module
from lib.evaluation import evaluate
from lib.experiment import Strategy
from lib.registry import Params
from lib.training import load, train
from tests.live import DATA, DATASET, LONG, experiment, finish, make, until
from tests.test_runner import paused, same

__all__ = ["make"]

POOL = (
    Strategy("plain"),
    Strategy("balanced", weighting="balanced"),
    Strategy("focal", loss="focal", loss_params=Params({"gamma": 1.5})),
    Strategy("own rate", overrides=Params({"lr": 0.01})),
    Strategy("over", sampler="oversample", decision="tuned"),
)


@pytest.fixture
def trained(monkeypatch):
    """Strategy and seed of every run that was trained, in order."""
    runs = []

    def counted(what, dataset, **settings):
        skip = settings.get("skip", ())
        runs.extend(
            (s.name, seed)
            for i, s in enumerate(what.strategies) for r, seed in enumerate(what.seeds) if (i, r) not in skip
        )  # fmt: skip
        yield from train(what, dataset, **settings)

    monkeypatch.setattr(runner_module, "train", counted)
    return runs


def assert_equal_to_training_all(job, what):
    """To rounding; decisions and counts exactly."""
    *_, full = train(what, DATASET)
    for f in dataclasses.fields(full.history):
        ours, theirs = getattr(job.snapshot.history, f.name), getattr(full.history, f.name)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    assert np.array_equal(job.snapshot.confusion, full.confusion)
    assert [run.at for run in job.snapshot.runs] == [run.at for run in full.runs]
    for at, result in evaluate(full).items():
        assert np.array_equal(job.results[at].confusion, result.confusion)
        assert job.results[at].metrics == pytest.approx(result.metrics, abs=1e-5, nan_ok=True)


def test_one_changed_strategy_trains_alone(make, trained):
    runner = make()
    before = finish(runner.submit("ann", experiment(strategies=POOL[:3]), DATASET))
    trained.clear()
    what = experiment(strategies=(POOL[0], POOL[3], POOL[2]))
    job = finish(runner.submit("ann", what, DATASET))
    assert trained == [("own rate", 0), ("own rate", 1)]
    assert job.reused == job.snapshot.reused == {(s, r) for s in (0, 2) for r in (0, 1)}
    for at in job.reused:
        assert job.results[at] is before.results[at]  # not read again
        assert np.array_equal(job.snapshot.history.val_nll[at], before.snapshot.history.val_nll[at])
    assert_equal_to_training_all(job, what)


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_of_changes_ends_with_the_numbers_of_training_all(make, trained, seed):
    """Strategies come, go, change places and names; seeds come and go; trainings are paused, stepped and stopped."""
    dice, runner, pairs = random.Random(seed), make(), 0
    for _ in range(5):
        strategies = dice.sample(POOL, dice.randint(1, 4))
        strategies = [dataclasses.replace(s, name=f"{s.name} {dice.randint(0, 9)}") for s in strategies]
        seeds = dice.sample(range(4), dice.randint(1, 3))
        what = experiment(strategies=tuple(strategies), seeds=tuple(seeds))
        job = runner.submit("ann", what, DATASET)
        pairs += len(strategies) * len(seeds)
        for steer in dice.sample([job.pause, job.step, job.step_batch, job.stop], 1):
            steer()
        job.resume()
        until(lambda job=job: job.ended)
        if job.state == "finished":
            assert_equal_to_training_all(job, what)
    assert 0 < len(trained) < pairs


def test_another_order_trains_nothing_and_is_finished_at_once(make, trained):
    runner = make()
    before = finish(runner.submit("ann", experiment(), DATASET))
    trained.clear()
    job = finish(runner.submit("ann", experiment(strategies=before.experiment.strategies[::-1]), DATASET))
    assert trained == [] and job.progress == 3 and job.snapshot.done
    assert np.array_equal(job.snapshot.confusion, before.snapshot.confusion[::-1])
    assert job.results == {(s, r): before.results[1 - s, r] for s in (0, 1) for r in (0, 1)}


def test_without_reuse_everything_is_trained_anew(make, trained):
    runner = make()
    before = finish(runner.submit("ann", experiment(), DATASET))
    trained.clear()
    job = finish(runner.submit("ann", experiment(), DATASET, reuse=False))
    assert len(trained) == 4 and job.reused == frozenset() and same(job.snapshot, before.snapshot)


def test_steering_a_training_that_keeps_runs(make):
    """Pause, step, speed and stop act on what is trained; progress and epochs are its own."""
    runner = make()
    before = finish(runner.submit("ann", experiment(epochs=6), DATASET))
    what = experiment(epochs=6, strategies=(before.experiment.strategies[0], POOL[3]))
    with runner.changed:
        job = runner.submit("ann", what, DATASET)
        job.pause()
    assert job.state == "paused" and job.snapshot is None and job.progress == 0
    for steer, progress in ((job.step_batch, 0.1), (job.step, 1), (lambda: job.step(2), 3)):
        steer()
        until(lambda: job.state == "paused")
        assert job.progress == job.snapshot.progress == pytest.approx(progress)
        assert np.array_equal(job.snapshot.history.val_nll[0], before.snapshot.history.val_nll[0])
        assert job.snapshot is job.snapshot  # joined once
    job.stop()
    assert job.state == "stopped" and job.snapshot.epoch == 3 and job.results is None
    again = finish(runner.submit("ann", what, DATASET))  # what was complete is still there
    assert again.reused == {(0, 0), (0, 1)} and again.results[0, 1] is before.results[0, 1]
    assert_equal_to_training_all(again, what)


def test_nothing_is_kept_of_a_training_that_was_stopped_of_another_visitor_or_of_other_data(make, trained):
    runner = make()
    job = runner.submit("ann", LONG, DATASET)
    until(lambda: job.progress > 1)
    job.stop()
    until(lambda: job.ended)
    assert runner.submit("ann", LONG, DATASET).reused == frozenset()
    finish(runner.submit("ann", experiment(), DATASET))
    assert finish(runner.submit("ben", experiment(), DATASET)).reused == frozenset()
    other = dataclasses.replace(DATA, seed=1)
    assert finish(runner.submit("ann", experiment(data=other), load(other))).reused == frozenset()


def test_a_running_training_gives_what_it_had_kept(make):
    runner = make()
    finish(runner.submit("ann", experiment(strategies=POOL[:1], seeds=(0,)), DATASET))
    slow = runner.submit("ann", experiment(strategies=POOL[:2], seeds=(0,)), DATASET)
    slow.speed = 0.1
    until(lambda: slow.progress > 0)
    job = finish(runner.submit("ann", experiment(strategies=POOL[:1], seeds=(0,)), DATASET))
    until(lambda: slow.ended)
    assert slow.state == "stopped" and job.reused == {(0, 0)}


@pytest.mark.parametrize("stopped", [True, False])
def test_what_a_queued_training_had_kept_outlives_it(make, trained, stopped):
    """A visitor who stops waiting, or changes his mind in the queue, has lost nothing."""
    runner = make(max_running=1)
    finish(runner.submit("ann", experiment(strategies=POOL[:3]), DATASET))
    busy = runner.submit("ben", LONG, DATASET)
    until(lambda: busy.progress > 0)
    waiting = runner.submit("ann", experiment(strategies=(*POOL[:2], POOL[3])), DATASET)
    assert waiting.state == "queued" and waiting.reused
    if stopped:
        waiting.stop()
    trained.clear()
    what = experiment(strategies=POOL[:2])
    job = runner.submit("ann", what, DATASET)
    assert job.reused == {(s, r) for s in (0, 1) for r in (0, 1)}
    busy.stop()
    finish(job)
    assert trained == []
    assert_equal_to_training_all(job, what)


def test_the_earlier_training_is_not_held_on_to(make):
    runner = make()
    before = finish(runner.submit("ann", experiment(strategies=POOL[:3]), DATASET))
    gone = [weakref.ref(before.snapshot), weakref.ref(before)]
    job = finish(runner.submit("ann", experiment(strategies=(POOL[3], POOL[0])), DATASET))
    del before
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert {id(model.run.dataset) for model in job.snapshot.models.values()} == {id(DATASET)}


def test_where_there_is_no_memory_for_both_everything_is_trained(make, monkeypatch):
    runner = make()
    finish(runner.submit("ann", experiment(), DATASET))
    needs = runner_module.memory(experiment(strategies=POOL[:1]), DATASET)
    monkeypatch.setattr(runner_module, "training_budget", lambda: needs)
    assert finish(runner.submit("ann", experiment(strategies=POOL[:1]), DATASET)).reused == frozenset()


def test_a_training_that_is_refused_leaves_the_earlier_one(make):
    runner = make()
    before = finish(runner.submit("ann", experiment(), DATASET))
    with pytest.raises(ValueError, match="runs"):
        many = tuple(Strategy(str(i)) for i in range(64))
        runner.submit("ann", experiment(strategies=many, seeds=tuple(range(100))), DATASET)
    assert runner.job("ann") is before and finish(runner.submit("ann", experiment(seeds=(1,)), DATASET)).reused


def test_a_training_with_nothing_to_train_can_be_held_and_waits_its_turn(make):
    runner = make(max_running=1)
    finish(runner.submit("ann", experiment(), DATASET))
    job = paused(runner, "ann", experiment(seeds=(1, 0)))
    assert len(job.reused) == 4
    job.step_batch()
    assert finish(job).snapshot.done
