"""How a truth is run: an experiment as JSON, through the command line, and its result read back."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.run import main


def run(experiment: dict[str, Any]) -> dict[str, Any]:
    """result.json of an experiment; trained once, however many tests read it."""
    return json.loads(_result(json.dumps(experiment)))


@cache
def _result(experiment: str) -> str:
    with TemporaryDirectory() as folder:
        given, out = Path(folder) / "experiment.json", Path(folder) / "result.json"
        given.write_text(experiment, encoding="utf-8")
        assert main([str(given), "--out", str(out)]) == 0
        return out.read_text(encoding="utf-8")


def closed_form(result: dict[str, Any], name: str, seed: int = 0) -> NDArray[np.float64]:
    """Exact recalls [C] of what a run has learned."""
    return np.array(_run(result, name, seed)["closed_form_recall"])


def history(result: dict[str, Any], name: str, seed: int = 0) -> NDArray[np.float64]:
    """Train loss, validation NLL and recall per epoch [E, 2 + C]."""
    own = _run(result, name, seed)["history"]
    return np.column_stack([own["train_loss"], own["val_nll"], own["recall"]])


def _run(result: dict[str, Any], name: str, seed: int) -> dict[str, Any]:
    strategy = next(strategy for strategy in result["strategies"] if strategy["name"] == name)
    return next(run for run in strategy["runs"] if run["seed"] == seed)
