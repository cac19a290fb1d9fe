"""The weight path of any model, by training: a coarse grid of weights as the strategies of one experiment.

They train as one stack (lib/stack.py), with the divisor `fixed`: under torch's own mean small batches take a part of a large
weight back (lib/theory.py, effective_ratio).
"""

import dataclasses

import torch
from torch import Tensor

from lib.experiment import Experiment, Strategy
from lib.registry import Params
from lib.snapshot import TrainedModel

PER_DECADE = 2  # weights that are trained


def path_experiment(experiment: Experiment, classes: int, positive: int, weights: Tensor) -> Experiment:
    """One strategy per weight of class number `positive`, on the data, model and settings of an experiment, first seed."""
    return dataclasses.replace(
        experiment,
        data=dataclasses.replace(experiment.data, resample=False),
        strategies=tuple(weighted(f"w = {w:.3g}", classes, positive, w) for w in weights.tolist()),
        training=dataclasses.replace(experiment.training, normaliser="fixed"),
        seeds=experiment.seeds[:1],
    )


def weighted(name: str, classes: int, positive: int, weight: float) -> Strategy:
    """Cross-entropy in which the rows of one class count `weight` times."""
    values = tuple(weight if c == positive else 1.0 for c in range(classes))
    return Strategy(name, weighting="manual", weighting_params=Params({"weights": values}))


@torch.no_grad()
def log_odds(model: TrainedModel, x: Tensor, positive: int) -> Tensor:
    """Log odds [N], float64, that rows x [N, D] are of a class, by a model of all classes."""
    scores = model.scores(x).double()
    others = torch.arange(scores.shape[1]) != positive
    return scores[:, positive] - scores[:, others].logsumexp(1)
