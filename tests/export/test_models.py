"""models.zip: one plain state_dict per run, under names that are safe."""

import io
import zipfile

import torch
from torch import nn

from lib.experiment import Experiment
from lib.export.models import models_zip
from lib.training import load, train

WHAT = Experiment.from_dict({
    "data": {"params": {"n": 100, "n_val": 50, "n_test": 50}}, "model": {"name": "linear"},
    "strategies": [{"name": "../../a"}, {"name": "A"}], "training": {"epochs": 1}, "seeds": [0, 7],
})  # fmt: skip


def test_every_run_is_a_file_that_loads_into_a_plain_module() -> None:
    *_, last = train(WHAT, load(WHAT.data))
    packed = models_zip(last)
    assert packed == models_zip(last)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
        assert len(set(names)) == 4 and not [name for name in names if "/" in name or ".." in name]
        model = nn.Sequential(nn.Linear(2, 2))
        model.load_state_dict(torch.load(io.BytesIO(archive.read(names[0])), weights_only=True))
    x = last.dataset.test.x
    torch.testing.assert_close(model(x), last.models[0, 0].scores(x))
