"""Ready-made sweeps: maps that answer a question people ask. One block each."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lib.registry import Param, Registry
from lib.sweeps.sweep import Sweep


@dataclass(frozen=True)
class Ready:
    """A sweep with the question it answers; `metric` is what to look at first, `look` what is to be seen."""

    key: str
    label: str
    question: str
    look: str
    metric: str
    function: Callable[[], Sweep]
    params: tuple[Param, ...] = ()


READY: Registry[Ready] = Registry("ready-made sweep")


def ready(**fields: Any) -> Callable[[Callable[[], Sweep]], Callable[[], Sweep]]:
    """Decorator: register the function below as a ready-made sweep with these fields."""

    def register(function: Callable[[], Sweep]) -> Callable[[], Sweep]:
        READY.add(Ready(function=function, **fields))
        return function

    return register


def _sweep(experiment: dict[str, Any], *axes: dict[str, Any]) -> Sweep:
    return Sweep.from_json(json.dumps({"experiment": experiment, "axes": axes}))


def _gaussians(n: int, ratio: float = 19.0, **more: Any) -> dict[str, Any]:
    priors = [ratio / (1 + ratio), 1 / (1 + ratio)]
    return {"source": "gaussians", "params": {"n": n, "priors": priors, "n_val": 500, "n_test": 20_000, **more}}


def _weighted(weight: float) -> dict[str, Any]:
    return {"name": "weighted", "weighting": "manual", "weighting_params": {"weights": [1, weight]}}


@ready(
    key="ratio",
    label="Imbalance × scheme",
    question="From which imbalance on do weights matter, and which scheme?",
    look="Up to 1:2 all agree within a point. The rarer the class, the further plain training falls behind in balanced "
    "accuracy; square roots give a good part of it back, balanced weights and the adjusted loss hold the level.",
    metric="balanced_accuracy",
)
def ratio() -> Sweep:
    return _sweep(
        {
            "data": _gaussians(6000), "model": {"name": "linear"}, "training": {"epochs": 15, "lr": 0.05, "batch_size": 256},
            "strategies": [
                {"name": "plain"}, {"name": "square root", "weighting": "sqrt"},
                {"name": "balanced", "weighting": "balanced"}, {"name": "logit-adjusted loss", "loss": "logit_adjusted"},
            ],
            "seeds": [0, 1, 2],
        },
        {"address": "data.ratio", "from": 1, "to": 300, "count": 9, "scale": "log"},
    )  # fmt: skip


@ready(
    key="batch",
    label="Weight × batch size",
    question="I set a weight and little happened: is my batch too small?",
    look="Each batch divides by its own sum of weights. At batch size 1 every weight gives the recall of weight 1; large "
    "batches come close to what the weight asks for. Theory (effective ratio r_B) is drawn beside it.",
    metric="recall 1",
)
def batch() -> Sweep:
    return _sweep(
        {
            "data": _gaussians(4000), "model": {"name": "linear"}, "training": {"epochs": 12, "lr": 0.01},
            "strategies": [_weighted(19)], "seeds": [0, 1, 2],
        },
        {"address": "s1.weight", "values": [1, 4, 19, 100]},
        {"address": "training.batch_size", "values": [1, 2, 4, 8, 32, 128]},
    )  # fmt: skip


@ready(
    key="survive",
    label="Weight × epochs",
    question="Do weights survive long training?",
    look="Hardly. The network learns its 300 training rows by heart, and with the epochs the recall that the weight bought "
    "fades towards that of weight 1 (Byrd and Lipton 2019).",
    metric="recall 1",
)
def survive() -> Sweep:
    return _sweep(
        {
            "data": _gaussians(300, 9.0, distance=3.0), "model": {"name": "mlp", "params": {"hidden": [64, 64]}},
            "training": {"lr": 0.005, "batch_size": 64}, "strategies": [_weighted(19)], "seeds": [0, 1, 2],
        },
        {"address": "s1.weight", "values": [1, 9, 81]},
        {"address": "training.epochs", "values": [1, 3, 10, 30, 100, 300]},
    )  # fmt: skip


@ready(
    key="beta",
    label="Beta of the effective number × rows",
    question="Why does the effective number do nothing on my large data set?",
    look="The effective number depends on absolute counts. It ends at 1 / (1 − beta) rows: a class with many more counts like "
    "any other with many more, and the weights become equal. A beta that lifts the recall at 300 rows does nothing at 30 000.",
    metric="recall 1",
)
def beta() -> Sweep:
    return _sweep(
        {
            "data": _gaussians(1000), "model": {"name": "linear"}, "training": {"epochs": 15, "lr": 0.05, "batch_size": 256},
            "strategies": [{"name": "effective number", "weighting": "effective_number"}], "seeds": [0, 1, 2],
        },
        {"address": "data.n", "values": [300, 1000, 3000, 10_000, 30_000]},
        {"address": "s1.weighting.beta", "values": [0.0, 0.9, 0.99, 0.999, 0.9999]},
    )  # fmt: skip
