"""What is kept of earlier epochs: few, evenly spread, within the bound, and exactly what a visitor saw then."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.figures.boundary import boundaries
from lib.figures.confusion import confusion_panels
from lib.limits import memory
from lib.moments import BYTES, FEWEST, MOST, Moment, Moments, affordable
from lib.registry import Params
from lib.snapshot import past
from lib.training import load, train

DATA = DataSpec("gaussians", Params({"n": 200, "n_val": 100, "n_test": 50}))
TWO = (Strategy("plain"), Strategy("balanced", weighting="balanced"))


def course(epochs=6, data=DATA, strategies=TWO, **training):
    experiment = Experiment(
        strategies=strategies, data=data, model=ModelSpec("linear"), training=Training(epochs=epochs, **training), seeds=(0, 1)
    )
    return list(train(experiment, load(data)))


@pytest.mark.parametrize(("epochs", "kept"), [(1, [1]), (5, [1, 2, 3, 4, 5]), (6, [1, 3, 5]), (9, [1, 3, 5, 7, 9]),
                                              (11, [1, 5, 9]), (100, [1, 33, 65, 97])])  # fmt: skip
def test_moments_are_few_and_evenly_spread_wherever_a_training_stops(epochs, kept):
    moments = Moments(5)
    for epoch in range(1, epochs + 1):
        if moments.wants(epoch):
            moments.add(Moment(epoch, np.zeros((1, 1, 2, 2), dtype=np.int32), {}))
    assert [moment.epoch for moment in moments.kept] == kept


def test_the_bound_drops_parameters_first_and_then_all():
    assert affordable(40, 100) == (MOST, True)
    assert affordable(40, 0) == (MOST, False)
    assert affordable(40, BYTES) == (MOST, False)
    assert affordable(BYTES // 4 // FEWEST, 0) == (FEWEST, False)
    assert affordable(BYTES, 0) == (0, False)


def test_a_past_epoch_is_what_was_seen_then_bit_for_bit():
    snapshots = course()
    final = snapshots[-1]
    assert [moment.epoch for moment in final.moments] == [1, 2, 3, 4, 5, 6]
    for then, moment in zip(snapshots[1:], final.moments, strict=True):
        again = past(final, moment)
        assert (again.epoch, again.progress) == (then.epoch, then.progress)
        assert np.array_equal(again.confusion, then.confusion) and np.array_equal(again.recall, then.recall)
        assert np.array_equal(again.recall, then.history.recall[:, :, -1])
        for name in ("train_loss", "val_nll", "recall"):
            assert np.array_equal(getattr(again.history, name), getattr(then.history, name))
        for s in range(2):
            assert torch.equal(again.models[s, 0].parameters, then.models[s, 0].parameters)
            assert torch.equal(again.rules[s, 0].offset, then.rules[s, 0].offset)
        assert boundaries(again, dark=False).payload() == boundaries(then, dark=False).payload()
        names, classes = ["a", "b"], then.dataset.class_names
        assert confusion_panels(names, again.confusion, classes, dark=True).payload() == (
            confusion_panels(names, then.confusion, classes, dark=True).payload()
        )


def test_a_run_that_diverged_later_was_sound_before():
    wild = Strategy("wild", weighting="manual", weighting_params=Params({"weights": (0.0, 1.0)}))
    wild = dataclasses.replace(wild, overrides=Params({"batch_size": 4}))  # a batch without weight: 0/0
    final = course(strategies=(TWO[0], wild))[-1]
    (epoch,) = {when for at, when in final.diverged.items()}
    assert all(past(final, m).diverged == ({} if m.epoch < epoch else final.diverged) for m in final.moments)


def test_with_fair_tuning_the_past_is_that_of_the_chosen_rate():
    final = course(epochs=2, lr_grid=(0.01, 0.1))[-1]
    assert np.array_equal(past(final, final.moments[-1]).confusion, final.confusion)
    for s in range(2):
        assert torch.equal(final.moments[-1].parameters[s], final.models[s, 0].parameters)
        assert torch.equal(final.moments[-1].offsets[s], final.rules[s, 0].offset)
        assert final.measured[s, 0].run is final.models[s, 0].run


def test_many_classes_and_large_models_keep_less():
    wide = DataSpec("simplex", Params({"n": 200, "priors": (0.05,) * 20, "n_val": 100, "n_test": 50}))
    assert course(1, wide)[-1].moments == ()
    three = DataSpec("gaussians", Params({"n": 200, "dim": 3, "n_val": 100, "n_test": 50}))
    assert course(1, three)[-1].moments[0].parameters == {}  # no plane, no boundary to draw


def test_the_memory_of_a_training_counts_its_moments(monkeypatch):
    experiment = course(1)[-1].experiment
    dataset = load(DATA)
    needs = memory(experiment, dataset)
    monkeypatch.setattr("lib.limits.moments_of", lambda *_: (0, False))
    counts, parameters = 4 * 4, 2 * 6  # matrices of four runs, linear models of the two first seeds
    assert needs - memory(experiment, dataset) == pytest.approx(1.2 * 4 * MOST * (counts + parameters), abs=2)
