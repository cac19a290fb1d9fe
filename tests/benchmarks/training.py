"""Eight strategies on 10 000 rows of `ring`: our engine beside three other ways to train the same models.

Contenders are interleaved, one round after another, one thread each; a number is the median of the rounds. They do equal
work (see contenders.py); `train_8` is the whole `lib.training.train`, which also evaluates on validation after every epoch.
"""

import statistics
from collections.abc import Mapping

import torch

from lib.data import Dataset
from lib.experiment import Experiment
from lib.models import layers
from lib.training import train
from tests.benchmarks.contenders import (
    Contender,
    Models,
    one_thread,
    ours,
    plain,
    seconds,
    sklearn,
    tuned,
    val_nll,
    widths_of,
    work,
)  # fmt: skip

ROUNDS = 3
RATIOS = (  # slower, faster, what the slower one is
    ("plain_8", "ours_8", "the plain way: DataLoader, loss.item(), torch.optim.Adam"),
    ("tuned_8", "ours_8", "the tuned loop: slices, fused Adam"),
    ("sklearn_8", "ours_8", "scikit-learn's MLPClassifier"),
    ("sklearn_8", "ours_40", "scikit-learn's 8 strategies, against our 40 runs"),
    ("tuned_1", "ours_1", "the tuned loop, one strategy alone"),
    ("tuned_1_b32", "ours_1_b32", "the tuned loop, one strategy, batch 32"),
    ("tuned_1_b512", "ours_1_b512", "the tuned loop, one strategy, batch 512"),
    ("tuned_8_b32", "ours_8_b32", "the tuned loop, batch 32"),
    ("tuned_8_b512", "ours_8_b512", "the tuned loop, batch 512"),
)
Task = tuple[Contender, Experiment, Dataset]


def run(*, rounds: int = ROUNDS, rows: int = 10_000, epochs: int = 20) -> dict[str, float]:
    """Seconds of each contender, shares of sgemm, ratios with their range over the rounds, and validation NLLs."""
    tasks = contenders(rows, epochs)
    taken: dict[str, list[float]] = {key: [] for key in tasks}
    models: dict[str, Models] = {}
    with one_thread():
        for contender, experiment, dataset in contenders(rows, epochs=1).values():
            contender(experiment, dataset)  # warm allocators and kernels
        rate = statistics.median(sgemm() for _ in range(5))
        for _ in range(rounds):
            for key, (contender, experiment, dataset) in tasks.items():
                took, models[key] = seconds(lambda: contender(experiment, dataset))  # noqa: B023
                taken[key].append(took)
    result = {key: statistics.median(times) for key, times in taken.items()}
    for key in ("ours_8", "ours_40"):
        _, experiment, dataset = tasks[key]
        result[key.replace("ours", "share_of_sgemm")] = flops(experiment, dataset) / result[key] / rate
    for slower, faster, _ in RATIOS:
        ratios = [a / b for a, b in zip(taken[slower], taken[faster], strict=True)]
        name = f"{slower}_over_{faster}"
        result |= {name: statistics.median(ratios), f"{name}_low": min(ratios), f"{name}_high": max(ratios)}
    for key in ("ours_8", "plain_8", "tuned_8", "sklearn_8", "train_8"):
        result[f"val_nll_{key}"] = float(val_nll(models[key], tasks[key][2]).mean())
    return result


def contenders(rows: int, epochs: int) -> dict[str, Task]:
    """By key of the result; `_b32` and `_b512` are batch sizes other than 128, for a quarter of the epochs."""

    def task(contender: Contender, *, strategies: int = 8, seeds: int = 1, batch_size: int = 128) -> Task:
        length = epochs if batch_size == 128 else -(-epochs // 4)
        return contender, *work(strategies=strategies, seeds=seeds, rows=rows, epochs=length, batch_size=batch_size)

    tasks = {
        "ours_8": task(ours),
        "tuned_8": task(tuned),
        "sklearn_8": task(sklearn),
        "plain_8": task(plain),
        "ours_40": task(ours, seeds=5),
        "train_8": task(whole_training),
    }
    for strategies in (1, 8):
        for batch_size in (128, 32, 512):
            for name, contender in (("ours", ours), ("tuned", tuned)):
                key = f"{name}_{strategies}" + (f"_b{batch_size}" if batch_size != 128 else "")
                tasks[key] = task(contender, strategies=strategies, batch_size=batch_size)
    return tasks


def whole_training(experiment: Experiment, dataset: Dataset) -> Models:
    """Everything that a visitor waits for."""
    for snapshot in train(experiment, dataset):
        last = snapshot
    return lambda x: torch.stack([model.scores(x) for model in last.models.values()])


def flops(experiment: Experiment, dataset: Dataset) -> float:
    """Floating point operations of the matrix products of a training: forward, weight gradients, inner gradients."""
    sizes = [layer.fan_in * layer.fan_out for layer in layers(widths_of(experiment, dataset))]
    per_row = 2 * (3 * sum(sizes) - sizes[0])  # nobody needs the gradient of the features
    runs = len(experiment.strategies) * len(experiment.seeds)
    return float(per_row * len(dataset.train) * experiment.training.epochs * runs)


def sgemm(size: int = 1024) -> float:
    """FLOP/s of the machine's own matrix product in float32, one thread."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    return 2 * size**3 / min(seconds(lambda: a @ b)[0] for _ in range(5))


def text(result: Mapping[str, float]) -> str:
    """The result as a reader wants it: seconds, ratios with their range over the rounds, and what was learned."""
    lines = ["Processor seconds (medians), one thread, nobody evaluates while the clock runs except train_8;"]
    lines.append("_b32 and _b512, other batch sizes, for a quarter of the epochs:")
    lines += [f"  {key:16}{result[key]:9.3f}" for key in contenders(rows=100, epochs=1)]
    lines.append("Times faster (range over the rounds):")
    for slower, faster, what in RATIOS:
        name = f"{slower}_over_{faster}"
        lines.append(f"  {result[name]:6.2f}  ({result[name + '_low']:.2f} to {result[name + '_high']:.2f})  {faster}: {what}")
    lines.append("Of the machine's sgemm rate, our matrix products reach:")
    lines += [f"  {result[f'share_of_sgemm_{runs}']:6.1%}  with {runs} runs" for runs in (8, 40)]
    lines.append("Mean validation NLL, so that nobody is fast by learning less:")
    lines += [f"  {key[8:]:16}{value:9.4f}" for key, value in result.items() if key.startswith("val_nll_")]
    return "\n".join(lines)
