"""Four ways to do the same work: ring data, one MLP per strategy, Adam, weighted cross-entropy.

Equal work: the same rows, widths, batch size, epochs and class weights; every contender adds up its training loss; none
evaluates while the clock runs. Each returns its models as one function, features -> logits [K, N, C], for the check
afterwards that all of them learned the same.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lib.data import Dataset
from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.models import Net, predict
from lib.registry import Params
from lib.stack import Run, stacks
from lib.training import load
from lib.weighting import class_weights

T = TypeVar("T")
Models = Callable[[Tensor], Tensor]
Contender = Callable[[Experiment, Dataset], Models]


def work(
    *, strategies: int = 8, seeds: int = 1, rows: int = 10_000, classes: int = 3, hidden: tuple[int, ...] = (32, 32),
    batch_size: int = 128, epochs: int = 20,
) -> tuple[Experiment, Dataset]:  # fmt: skip
    """The experiment of issue 2, or a variation, with its data. Strategies differ in their class weights alone."""
    priors = (0.8, 0.15, 0.05) if classes == 3 else (1 / classes,) * classes
    experiment = Experiment(
        strategies=tuple(Strategy(f"s{i}", weighting="power", weighting_params={"a": 0.15 * i}) for i in range(strategies)),
        data=DataSpec("ring", Params({"n": rows, "priors": priors, "n_val": 2000, "n_test": 100})),
        model=ModelSpec("mlp", Params({"hidden": hidden})),
        training=Training(epochs=epochs, batch_size=batch_size),
        seeds=tuple(range(seeds)),
    )
    return experiment, load(experiment.data)


def ours(experiment: Experiment, dataset: Dataset) -> Models:
    """All strategies and seeds together, as the app trains them."""
    runs = [
        Run(strategy, seed, (s, r), dataset)
        for s, strategy in enumerate(experiment.strategies)
        for r, seed in enumerate(experiment.seeds)
    ]
    together = stacks(experiment, runs, torch.float32)
    for epoch in range(experiment.training.epochs):
        for stack in together:
            for _ in stack.epoch(epoch):
                pass
    return lambda x: torch.cat([predict(stack.parameters(), stack.widths, x) for stack in together])


def plain(experiment: Experiment, dataset: Dataset) -> Models:
    """The way of the tutorials: a DataLoader loop per strategy."""
    models = []
    for strategy in experiment.strategies:
        model, weight = _network(experiment, dataset), _weight(strategy, dataset)
        rows, draw = TensorDataset(dataset.train.x, dataset.train.y), torch.Generator().manual_seed(experiment.seeds[0])
        loader = DataLoader(rows, batch_size=experiment.training.batch_size, shuffle=True, generator=draw)
        criterion = nn.CrossEntropyLoss(weight=weight)
        optimizer = torch.optim.Adam(model.parameters(), lr=experiment.training.lr)
        for _ in range(experiment.training.epochs):
            total = 0.0
            for x, y in loader:
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                total += loss.item()
        models.append(model)
    return _logits(models)


def tuned(experiment: Experiment, dataset: Dataset) -> Models:
    """A loop per strategy that somebody took trouble with: one shuffled copy per epoch, slices of it, fused Adam."""
    models = []
    for strategy in experiment.strategies:
        model, weight = _network(experiment, dataset), _weight(strategy, dataset)
        optimizer = torch.optim.Adam(model.parameters(), lr=experiment.training.lr, fused=True)
        for _ in range(experiment.training.epochs):
            order = torch.randperm(len(dataset.train))
            total = torch.zeros(())
            batches = zip(
                dataset.train.x[order].split(experiment.training.batch_size),
                dataset.train.y[order].split(experiment.training.batch_size),
                strict=True,
            )
            for x, y in batches:
                loss = functional.cross_entropy(model(x), y, weight=weight)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach()
        models.append(model)
    return _logits(models)


def sklearn(experiment: Experiment, dataset: Dataset) -> Models:
    """scikit-learn's MLPClassifier, one after another; class weights go in as sample weights (scikit-learn >= 1.7)."""
    x, y = dataset.train.x.numpy(), dataset.train.y.numpy()
    models = []
    for number, strategy in enumerate(experiment.strategies):
        model = MLPClassifier(
            experiment.model.params["hidden"], solver="adam", alpha=0.0, batch_size=experiment.training.batch_size,
            learning_rate_init=experiment.training.lr, max_iter=experiment.training.epochs, tol=0.0,
            n_iter_no_change=experiment.training.epochs + 1, random_state=number,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are given
            models.append(model.fit(x, y, sample_weight=_weight(strategy, dataset).numpy()[y]))
    return lambda rows: torch.stack([torch.from_numpy(m.predict_log_proba(rows.numpy())) for m in models])


def _weight(strategy: Strategy, dataset: Dataset) -> Tensor:
    return class_weights(strategy.weighting, dataset.class_counts(), strategy.weighting_params).float()


def widths_of(experiment: Experiment, dataset: Dataset) -> tuple[int, ...]:
    return (dataset.features, *experiment.model.params["hidden"], len(dataset.class_names))


def _network(experiment: Experiment, dataset: Dataset) -> nn.Sequential:
    torch.manual_seed(experiment.seeds[0])
    return nn.Sequential(*Net(widths_of(experiment, dataset)))


def _logits(models: Sequence[nn.Module]) -> Models:
    def logits(x: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.stack([model(x) for model in models])

    return logits


def val_nll(models: Models, dataset: Dataset) -> Tensor:
    """Plain validation NLL of each model [K]."""
    own = models(dataset.validation.x).log_softmax(-1)
    return -own.gather(-1, dataset.validation.y.expand(len(own), -1).unsqueeze(-1)).mean((1, 2))


def seconds(action: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds of this process, and the result. On an idle machine they are the clock's; on a busy one they last."""
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def one_thread() -> AbstractContextManager[object]:
    """Every contender computes in one thread, torch and BLAS alike."""
    torch.set_num_threads(1)
    return threadpool_limits(1)
