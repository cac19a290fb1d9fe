"""The weight path of a linear model: all weights together, beside one scikit-learn fit for each weight.

Rows are those of two Gaussians, 1 in 20 positive. Rounds are interleaved, one thread each; a number is the median of the
rounds. scikit-learn solves with `newton-cholesky`, without a penalty, at its default tolerance and at 1e-10. `off` is the
largest difference of a coefficient at that tolerance; one more Newton step shows that it is scikit-learn's, which stops on its
gradient (`step` is the largest such step from ours).
"""

import statistics
import time
from collections.abc import Mapping

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from lib.dial import dial_weights, weight_path
from lib.experiment import DataSpec
from lib.registry import Params
from lib.training import load
from tests.benchmarks.contenders import one_thread

DEFAULT, TIGHT = 1e-4, 1e-10
ROUNDS, LARGE_ROUNDS = 5, 2
SMALL, LARGE = (10_000, 2), (100_000, 20)


def run(
    *, small: tuple[int, int] = SMALL, large: tuple[int, int] = LARGE, rounds: int = ROUNDS, large_rounds: int = LARGE_ROUNDS
) -> dict[str, float]:
    """Seconds of each; `sklearn_s` and `sklearn_large_s` at the tight tolerance, `..._default_...` at the default one."""
    return _race(*small, rounds, "") | _race(*large, large_rounds, "_large")


def _race(rows: int, features: int, rounds: int, size: str) -> dict[str, float]:
    x, y = _rows(rows, features)
    weights = dial_weights()
    taken: dict[str, list[float]] = {f"ours{size}_s": [], f"sklearn{size}_s": [], f"sklearn_default{size}_s": []}
    with one_thread():
        weight_path(x[:1000], y[:1000], weights)  # warm kernels
        for _ in range(rounds):
            seconds, path = _timed(lambda: weight_path(x, y, weights))
            taken[f"ours{size}_s"].append(seconds)
            seconds, fitted = _timed(lambda: refits(x, y, weights, TIGHT))
            taken[f"sklearn{size}_s"].append(seconds)
            taken[f"sklearn_default{size}_s"].append(_timed(lambda: refits(x, y, weights, DEFAULT))[0])
    found = torch.cat([path.coef, path.intercept[:, None]], dim=1).numpy()
    result = {key: statistics.median(times) for key, times in taken.items()}
    result[f"times{size}"] = result[f"sklearn{size}_s"] / result[f"ours{size}_s"]
    result |= {f"off{size}": float(np.abs(found - fitted).max()), f"step{size}": newton_step(x, y, weights, found)}
    return result | {f"weights{size}": float(len(weights))}


def newton_step(x: Tensor, y: Tensor, weights: Tensor, found: np.ndarray) -> float:
    """The largest change of a coefficient that one more step of Newton's method makes, at the ends and the middle."""
    design, targets, largest = np.column_stack([x.numpy(), np.ones(len(x))]), y.numpy(), 0.0
    for at in (0, len(weights) // 2, len(weights) - 1):
        p = 1 / (1 + np.exp(-design @ found[at]))
        own = np.where(targets == 1, float(weights[at]), 1.0)
        hessian = (design * (own * p * (1 - p))[:, None]).T @ design
        largest = max(largest, float(np.abs(np.linalg.solve(hessian, (own * (p - targets)) @ design)).max()))
    return largest


def _rows(rows: int, features: int) -> tuple[Tensor, Tensor]:
    """Training rows [N, D], shuffled as an upload's are, and targets [N], 1 in 20."""
    data = DataSpec("gaussians", Params({"n": rows, "dim": features, "n_val": 10, "n_test": 10}))
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(0))
    train = load(data).train
    return train.x[order].double(), train.y[order]


def refits(x: Tensor, y: Tensor, weights: Tensor, tolerance: float) -> np.ndarray:
    """Coefficients and intercept [W, D + 1] of scikit-learn's fits, one after another."""
    rows, targets, found = x.numpy(), y.numpy(), []
    for weight in weights.tolist():
        model = LogisticRegression(
            C=np.inf, solver="newton-cholesky", tol=tolerance, max_iter=1000, class_weight={0: 1.0, 1: weight}
        )
        model.fit(rows, targets)
        found.append([*model.coef_[0], model.intercept_[0]])
    return np.array(found)


def _timed(work) -> tuple[float, object]:  # noqa: ANN001
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def text(result: Mapping[str, float]) -> str:
    """Seconds of all weights, and how many times faster ours is."""
    lines = []
    for size, (rows, features) in (("", SMALL), ("_large", LARGE)):
        lines += [
            f"{result[f'weights{size}']:.0f} weights, {rows} rows x {features} features:",
            f"  ours                       {result[f'ours{size}_s']:8.4f} s",
            f"  scikit-learn, tol {TIGHT:g}    {result[f'sklearn{size}_s']:8.4f} s  "
            f"({result[f'times{size}']:.1f} times as long)",
            f"  scikit-learn, default tol  {result[f'sklearn_default{size}_s']:8.4f} s  "
            f"({result[f'sklearn_default{size}_s'] / result[f'ours{size}_s']:.1f} times as long)",
            f"  largest difference of a coefficient at tol {TIGHT:g}: {result[f'off{size}']:.1e}; "
            f"one more Newton step from ours changes {result[f'step{size}']:.1e}",
        ]
    return "\n".join(lines)
