"""4 strategies on 512 series of 100 steps, LSTM(32): seconds per epoch of our engine and of a plain PyTorch loop.

The plain loop trains one strategy after another: shuffled batches by index, BCEWithLogitsLoss with pos_weight over the steps,
Adam. Rounds are interleaved, one thread each, processor time; a number is the median. Both add up their training loss, and
the losses are compared, so that nobody wins by doing less.
"""

from statistics import median

import torch
from torch import nn

from lib.data import Dataset
from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.registry import Params
from lib.series_stack import series_stacks
from lib.stack import Run
from lib.training import load
from tests.benchmarks.contenders import one_thread, seconds

BATCH = 64


def work(series: int = 512, steps: int = 100) -> tuple[Experiment, Dataset]:
    """Four strategies that differ in their pos_weight alone."""
    experiment = Experiment(
        strategies=tuple(
            Strategy(f"pos_weight {w}", "bce_with_logits", weighting="manual", weighting_params=Params({"weights": (1.0, w)}))
            for w in (1.0, 3.0, 10.0, 100.0)
        ),
        data=DataSpec("events", Params({"n": series, "steps": steps, "n_val": 10, "n_test": 10})),
        model=ModelSpec("lstm", Params({"hidden": 32})),
        training=Training(epochs=1, batch_size=BATCH, lr=0.003),
    )
    return experiment, load(experiment.data)


def ours(experiment: Experiment, dataset: Dataset) -> list[float]:
    """One epoch of all strategies, as the app trains them; the mean loss of each."""
    runs = [Run(strategy, 0, (s, 0), dataset) for s, strategy in enumerate(experiment.strategies)]
    (stack,) = series_stacks(experiment, runs, torch.float32)
    for _ in stack.epoch(0):
        pass
    return (stack.loss_sum / stack.batches).tolist()


def plain(experiment: Experiment, dataset: Dataset) -> list[float]:
    """One epoch of each strategy in a plain loop; the mean loss of each."""
    losses = []
    for strategy in experiment.strategies:
        torch.manual_seed(0)
        lstm, head = nn.LSTM(1, 32, batch_first=True), nn.Linear(32, 1)
        weight = torch.tensor(strategy.weighting_params["weights"][1])
        criterion = nn.BCEWithLogitsLoss(pos_weight=weight)
        optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=experiment.training.lr)
        x, y = dataset.train.x, dataset.train.y.float()
        total, batches = torch.zeros(()), torch.randperm(len(x)).split(BATCH)
        for rows in batches:
            logits = head(lstm(x[rows])[0]).squeeze(-1)
            loss = criterion(logits, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        losses.append(float(total) / len(batches))
    return losses


def run(rounds: int = 7, series: int = 512, steps: int = 100) -> dict[str, float]:
    """`ours_s` and `plain_s` in seconds per epoch; the largest relative difference between their losses."""
    experiment, dataset = work(series, steps)
    times: dict[str, list[float]] = {"ours_s": [], "plain_s": []}
    with one_thread():
        for _ in range(rounds + 1):
            spent, mine = seconds(lambda: ours(experiment, dataset))
            times["ours_s"].append(spent)
            spent, theirs = seconds(lambda: plain(experiment, dataset))
            times["plain_s"].append(spent)
    apart = max(abs(a - b) / b for a, b in zip(mine, theirs, strict=True))
    return {key: median(own[1:]) for key, own in times.items()} | {"losses_apart": apart}


def text(result: dict[str, float]) -> str:
    ratio = result["plain_s"] / result["ours_s"]
    return (
        f"4 strategies x 512 series x 100 steps, LSTM(32): {result['ours_s']:.3f} s per epoch, plain loop "
        f"{result['plain_s']:.3f} s: {ratio:.2f} times as fast. Losses differ by {100 * result['losses_apart']:.1f} %."
    )
