"""What a sweep found: one tidy table to export, and grids of one metric to draw."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from lib.data.dataset import apportion
from lib.evaluation import clear_winner
from lib.experiment import Experiment
from lib.metrics import METRICS
from lib.registry import Value, inert_cell
from lib.sweeps.cell import Outcome
from lib.sweeps.sweep import Sweep
from lib.theory import bayes_recall, effective_ratio
from lib.weighting import class_weights

Array = NDArray[np.float64]


def tidy(sweep: Sweep, outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """One row per cell, strategy, seed and metric: cell, a column per axis, strategy, seed, metric, value, error.

    Recalls are the metrics `recall 0`, `recall 1`, ...; a cell without a result has one row with its error.
    """
    names, seeds = [strategy.name for strategy in sweep.experiment.strategies], sweep.experiment.seeds
    rows: list[dict[str, object]] = []
    for outcome in sorted(outcomes, key=lambda own: own.cell.index):
        place: dict[str, object] = {"cell": outcome.cell.index}
        place |= {a.address: written(v) for a, v in zip(sweep.axes, outcome.cell.values, strict=True)}
        if outcome.result.error is not None:
            rows.append(place | {"error": outcome.result.error})
            continue
        own_seeds = outcome.cell.experiment.seeds if outcome.cell.experiment else seeds
        for name, runs in zip(names, outcome.result.runs, strict=True):
            for seed, run in zip(own_seeds, runs, strict=True):
                found = run["metrics"] | {f"recall {c}": value for c, value in enumerate(run["recall"])}
                rows += [
                    place | {"strategy": name, "seed": seed, "metric": key, "value": value} for key, value in found.items()
                ]
    columns = ["cell", *(axis.address for axis in sweep.axes), "strategy", "seed", "metric", "value", "error"]
    return pd.DataFrame(rows, columns=columns).astype({"value": float, "seed": "Int64"})


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A tidy table as CSV in which no text is a formula to a spreadsheet."""
    text = [name for name in table.columns if table[name].dtype == object or isinstance(table[name].dtype, pd.StringDtype)]
    inert = {name: table[name].map(lambda own: inert_cell(own) if isinstance(own, str) else own) for name in text}
    return table.assign(**inert).to_csv(index=False).encode()


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """A tidy table as Parquet: typed, so that text is text and stays as it is."""
    return table.to_parquet(index=False)


def written(value: Value) -> Value:
    """A value of an axis in one cell of a table: lists as text."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def values(sweep: Sweep, outcomes: Mapping[int, Outcome], metric: str) -> Array:
    """[A, B, S, R]: a metric of every cell, strategy and seed; NaN where there is none (yet). B is 1 with one axis.

    `metric` is a key of METRICS, or `recall c` of class c.
    """
    shape = [len(axis.values) for axis in sweep.axes] + [1] * (2 - len(sweep.axes))
    found = np.full((*shape, len(sweep.experiment.strategies), len(sweep.experiment.seeds)), np.nan)
    flat = found.reshape(-1, *found.shape[2:])
    for index, outcome in outcomes.items():
        for s, runs in enumerate(outcome.result.runs):
            for r, run in enumerate(runs):
                flat[index, s, r] = _metric(run, metric)
    return found


def winners(measured: Array, metric: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Per cell of [A, B, S, R] the strategy with the best mean (-1: none), and whether its lead is beyond training noise."""
    better = METRICS[metric].better if metric in METRICS else "higher"
    best = np.full(measured.shape[:2], -1)
    clear = np.zeros(measured.shape[:2], dtype=bool)
    for place in np.ndindex(*best.shape):
        means = measured[place].mean(1)
        if np.isfinite(means).all():
            best[place] = int((means if better == "higher" else -means).argmax())
            clear[place] = clear_winner(measured[place], better) is not None
    return best, clear


def expected_recall(experiment: Experiment, strategy: int) -> Array | None:
    """Recall [C] that theory gives a strategy on two Gaussian classes with a linear model trained to its end; None where it
    gives none: other data or models, label smoothing, a sampler, a decision that moves the threshold.

    Cross-entropy divides each batch by its own weights, so that batches of size B apply the effective ratio r_B (F4).
    """
    own, data = experiment.strategies[strategy], experiment.data
    plain = own.loss == "cross_entropy" and not own.loss_params["label_smoothing"] and own.loss_params["ignore_index"] == -100
    if data.source != "gaussians" or data.params["label_noise"] or len(data.params["priors"]) != 2 or not plain:
        return None
    if experiment.model.name != "linear" or own.sampler != "shuffle" or own.decision != "argmax" or own.weights_from_epoch:
        return None
    settings, rare = own.training(experiment.training), data.params["priors"][1]
    if settings.weight_decay:
        return None
    counts = torch.tensor(apportion(data.params["n"], data.params["priors"]), dtype=torch.float64)
    weight = class_weights(own.weighting, counts, own.weighting_params)
    if not (weight > 0).all():
        return None
    ratio = float(weight[1] / weight[0])
    if settings.normaliser == "torch":
        ratio = effective_ratio(ratio, rare, min(settings.batch_size, data.params["n"]))
    half = data.params["distance"] / 2
    return bayes_recall(np.array([[-half], [half]]), np.array([1 - rare, rare * ratio]))


def _metric(run: Mapping[str, Any], metric: str) -> float:
    if metric in run["metrics"]:
        return run["metrics"][metric]
    number = metric.removeprefix("recall ")
    recalls = run["recall"]
    if not number.isdecimal() or int(number) >= len(recalls):
        raise ValueError(f"No metric {metric!r}; there is {', '.join(METRICS)} and recall 0 to {len(recalls) - 1}.")
    return recalls[int(number)]
