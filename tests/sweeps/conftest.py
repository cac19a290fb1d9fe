import json

import pytest

from lib.sweeps.store import Store
from lib.sweeps.sweep import Sweep

SMALL = {
    "data": {"source": "gaussians", "params": {"n": 400, "n_val": 100, "n_test": 400}},
    "model": {"name": "linear"},
    "strategies": [{"name": "plain"}, {"name": "weighted", "weighting": "manual", "weighting_params": {"weights": [1, 5]}}],
    "training": {"epochs": 2, "lr": 0.05},
    "seeds": [0, 1],
}


def small_sweep(*axes, **changes):
    return Sweep.from_json(json.dumps({"experiment": SMALL | changes, "axes": list(axes)}))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "sweeps.sqlite")
