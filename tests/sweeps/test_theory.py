"""The batch-size sweep beside theory: E5's law, cell by cell."""

import numpy as np
import pytest

from lib.experiment import Experiment
from lib.sweeps.drive import sweep_cells
from lib.sweeps.ready import READY
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
