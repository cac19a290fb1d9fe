"""The batch-size sweep beside theory: E5's law, cell by cell."""

import dataclasses

import numpy as np
import pytest

from lib.experiment import Experiment
from lib.sweeps.axis import Axis
from lib.sweeps.cell import Outcome, results
from lib.sweeps.drive import sweep_cells
from lib.sweeps.ready import READY
from lib.sweeps.sweep import Sweep, groups
from lib.sweeps.table import expected_recall, values
from tests.sweeps.conftest import small_sweep
from tests.sweeps.test_drive import Here

E5 = {8: (0.8492, 0.9637), 32: (0.9034, 0.9367), 256: (0.9194, 0.9233)}  # truths: recall+, recall-


def batch_sweep(n, **training):
    return small_sweep(
        {"address": "training.batch_size", "values": list(E5)},
        data={"source": "gaussians", "params": {"n": n, "n_val": 100, "n_test": 100}},
        strategies=[{"name": "it", "weighting": "manual", "weighting_params": {"weights": [1, 19]}}],
        training=training, seeds=[0],
    )  # fmt: skip


def test_theory_is_e5s_table():
    for cell in batch_sweep(10_000).cells:
        negative, positive = expected_recall(cell.experiment, 0)
        assert (round(positive, 4), round(negative, 4)) == E5[cell.values[0]]


def test_the_batch_size_sweep_lies_within_e5s_tolerance_of_theory(store, full):
    sweep = batch_sweep(262_144 if full else 65_536, epochs=3, lr=0.002)
    for outcome in sweep_cells(sweep, Here(), store):
        learned = np.array(outcome.result.runs[0][0]["closed_form_recall"])
        assert learned == pytest.approx(expected_recall(outcome.cell.experiment, 0), abs=0.01 if full else 0.015)


def ready_means(key, *axes, seeds=2, **training):
    """[A, B, S]: the metric of a ready-made sweep at some values of its axes, mean over seeds."""
    whole = READY[key].function()
    experiment = dataclasses.replace(
        whole.experiment, seeds=tuple(range(seeds)), training=dataclasses.replace(whole.experiment.training, **training)
    )
    for axis, mine in zip(whole.axes, axes, strict=True):
        assert min(axis.values) <= min(mine)
        assert max(mine) <= max(axis.values)
    sweep = Sweep(experiment, tuple(Axis(axis.address, mine) for axis, mine in zip(whole.axes, axes, strict=True)))
    outcomes = {c.index: Outcome(c, r) for g in groups(sweep.cells) for c, r in zip(g, alone(g), strict=True)}
    return sweep, values(sweep, outcomes, READY[key].metric).mean(-1)


def alone(group):
    return results([cell.experiment for cell in group])


def test_the_ready_made_map_of_schemes_shows_what_it_says():
    _, found = ready_means("ratio", (1.0, 2.0, 300.0))
    assert np.ptp(found[0]) < 0.01
    assert np.ptp(found[1]) < 0.015
    plain, root, balanced, adjusted = found[2, 0]
    assert plain + 0.1 < root < min(balanced, adjusted)
    assert min(balanced, adjusted) > found[0, 0, 0] - 0.05


def test_the_ready_made_map_of_batches_shows_what_it_says():
    _, single = ready_means("batch", (1, 100), (1,), seeds=1, epochs=1)
    assert single[0] == single[1]  # every weight cancels
    sweep, found = ready_means("batch", (1, 100), (2, 128), seeds=1)
    theory = np.array([expected_recall(cell.experiment, 0)[1] for cell in sweep.cells]).reshape(2, 2)
    np.testing.assert_allclose(found[:, :, 0], theory, atol=0.07)  # 200 rare rows


def test_the_ready_made_map_of_epochs_shows_what_it_says():
    _, found = ready_means("survive", (1, 9), (1, 300))
    bought = found[1, :, 0] - found[0, :, 0]
    assert bought[0] > 0.15
    assert abs(bought[1]) < 0.05


def test_the_ready_made_map_of_beta_shows_what_it_says():
    _, found = ready_means("beta", (300, 30_000), (0.0, 0.99, 0.9999))
    (none, middle, high), (none_large, middle_large, high_large) = found[:, :, 0]
    assert middle > none + 0.04
    assert high > none + 0.1
    assert middle_large == pytest.approx(none_large, abs=0.01)
    assert high_large > none_large + 0.1


@pytest.mark.parametrize("key", READY)
def test_ready_made_sweeps_are_possible_and_small(key):
    sweep = READY[key].function()
    assert all(cell.error is None for cell in sweep.cells)
    assert sweep.runs <= 200
    assert np.isnan(values(sweep, {}, READY[key].metric)).all()


@pytest.mark.parametrize(
    "change",
    [{"data": {"source": "ring"}}, {"model": {"name": "mlp"}}, {"strategies": [{"name": "a", "decision": "undo"}]},
     {"strategies": [{"name": "a", "sampler": "oversample"}]}, {"training": {"weight_decay": 0.1}},
     {"strategies": [{"name": "a", "loss": "focal"}]},
     {"strategies": [{"name": "a", "loss_params": {"label_smoothing": 0.1}}]}],
)  # fmt: skip
def test_where_theory_does_not_reach_nothing_is_claimed(change):
    raw = {"data": {"source": "gaussians"}, "model": {"name": "linear"}, "strategies": [{"name": "a"}]} | change
    assert expected_recall(Experiment.from_dict(raw), 0) is None
