"""Exported scripts as a reader runs them: in a process of their own, where nothing of this program can be imported."""

import itertools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lib.data.upload import Table
from lib.experiment import Experiment
from lib.export.script import script
from lib.training import load

TWO = {"source": "gaussians", "params": {"n": 203, "priors": [0.85, 0.15], "n_val": 300, "n_test": 1000}, "seed": 3}
LABELS = {"source": "multilabel", "params": {"n": 203, "biases": [-1.0, -2.0, -3.0], "n_val": 300, "n_test": 1000}, "seed": 3}
SERIES = {
    "source": "events",
    "params": {"n": 83, "steps": 12, "shortest": 5, "rate": 0.15, "n_val": 60, "n_test": 200},
    "seed": 3,
}
THREE = {"source": "ring", "params": {"n": 203, "priors": [0.7, 0.2, 0.1], "n_val": 300, "n_test": 1000}, "seed": 3}
TRAINING = {"epochs": 1, "batch_size": 32, "lr": 0.01}
MODEL = {"params": {"hidden": [8]}}

RUNNER = """
import json, sys, torch
torch.set_num_threads(1)
with open("cases.json") as file:
    CASES = json.load(file)

def arguments(function):
    return function.__code__.co_argcount

def scored(script, model, part):
    x, _, *mask = part
    outputs = model(x, *mask) if mask and arguments(model.forward.__func__) == 3 else model(x)
    outputs = outputs[mask[0]] if mask else outputs
    return script["class_scores"](outputs) if "class_scores" in script else outputs

def decided(script, scores, data):
    # what is added to the scores, in a shape that meets them
    if "fit_offset" not in script:
        return 0.0
    function, fitted, truth = script["fit_offset"], data[0], data[1][1]
    wanted = function.__code__.co_varnames[: arguments(function)]
    if "scores" not in wanted:
        return function(*(fitted[{"y": 1, "mask": 2}[name]] for name in wanted)).unsqueeze(-2)
    if "LABELS" in script:
        return torch.stack([function(own, y) for own, y in zip(scores, truth.T)]).unsqueeze(-2)
    return function(scores, truth[data[1][2]] if len(data[1]) == 3 else truth)

for name, dtype in CASES:
    with open(name + ".py", encoding="utf-8") as file:
        text = file.read().replace("DTYPE = torch.float32", "DTYPE = torch." + dtype)
    script = {"__name__": "exported"}
    exec(compile(text, name + ".py", "exec"), script)
    runs = []
    for seed in script["SEEDS"]:
        data = script["load_data"](script["DATA_SEED"] + seed * ("DATA_SEED + seed" in text))
        model, history = script["train"](seed, *data[0][: arguments(script["train"]) - 1])
        with torch.no_grad():
            scores = [scored(script, model, part) for part in data[1:]]
        offset = decided(script, scores[0], data)
        parameters = torch.cat([p.detach().flatten() for p in model.parameters()])
        predicted = (scores[1] + offset).argmax(-1)
        runs.append({"parameters": parameters, "history": history, "predicted": predicted, "scores": scores[0]})
    torch.save({"runs": runs, "data": [list(split) for split in data]}, name + ".pt")
assert not [name for name in sys.modules if name == "lib" or name.startswith("lib.")]
"""


def experiment(strategy: Mapping[str, Any], data: Mapping[str, Any] = TWO, **rest: Any) -> Experiment:
    """One strategy; settings that are not given are those of a short training."""
    given = {"data": data, "model": MODEL, "strategies": [{"name": "it"} | dict(strategy)], "seeds": [5]}
    return Experiment.from_dict(given | {"training": TRAINING | rest.pop("training", {})} | rest)


def executed(
    folder: Path, cases: Mapping[str, Experiment], dtype: str = "float64", tables: Mapping[str, Table] | None = None
) -> dict[str, Any]:
    """What the scripts of some experiments compute, in one process whose working directory is `folder`."""
    for name, what in cases.items():
        table = (tables or {}).get(name)
        (folder / f"{name}.py").write_text(script(what, 0, load(what.data, table), table), encoding="utf-8")
    (folder / "cases.json").write_text(json.dumps([[name, dtype] for name in cases]))
    (folder / "runner.py").write_text(RUNNER)
    python(folder, "runner.py")
    return {name: torch.load(folder / f"{name}.pt", weights_only=True) for name in cases}


def python(folder: Path, name: str) -> str:
    """What a program prints, isolated from this one: its own folder, warnings are errors."""
    command = [sys.executable, "-I", "-W", "error", name]
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        if done.stderr.strip() != "terminate called without an active exception":
            break  # that is pyarrow's own threads, which may abort a process that has done its work and ends
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def pairwise(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Few rows in which every pair of values of two axes occurs: always the value that covers most of what is left."""
    names = list(axes)
    left = {
        (a, x, b, y)
        for a, b in itertools.combinations(names, 2)
        for x, y in itertools.product(range(len(axes[a])), range(len(axes[b])))
    }
    rows = []
    while left:
        a, x, b, y = min(left)
        row = {a: x, b: y}
        for name in (own for own in names if own not in row):
            order = names.index(name)

            gains = [
                sum(((o, v, name, value) if names.index(o) < order else (name, value, o, v)) in left for o, v in row.items())
                for value in range(len(axes[name]))
            ]
            row[name] = gains.index(max(gains))
        left -= {(a, row[a], b, row[b]) for a, b in itertools.combinations(names, 2)}
        rows.append({name: axes[name][row[name]] for name in names})
    return rows
