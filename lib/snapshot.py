"""What a view needs about a training at one moment: curves, matrices, models, and the same at an earlier epoch."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from lib import sequence_models
from lib.data import Dataset
from lib.decisions import Rule
from lib.experiment import Experiment
from lib.losses import Head
from lib.metrics import recall
from lib.models import Net, predict, state_dict
from lib.moments import Moment
from lib.stack import Run, standardise
from lib.tasks import READINGS
from lib.tuning import Tuned

Array = NDArray[np.float64]
At = tuple[int, int]  # strategy index, seed index


@dataclass(frozen=True, eq=False)
class History:
    """Per finished epoch E, for S strategies and R seeds; read-only. Where runs are reused, E are all epochs, NaN to come."""

    train_loss: Array  # [S, R, E] as optimised: the mean over the batches of an epoch
    val_nll: Array  # [S, R, E] plain, unweighted: comparable across losses; NaN where scores are no probabilities
    recall: Array  # [S, R, E, C] on validation, by the strategy's decision; of several labels [S, R, E, L], of their yes
    class_nll: (
        Array  # [S, R, E, C] of the rows of a class, as `val_nll` is of all; of several labels [S, R, E, L], of their answers
    )
    loss_share: Array  # [S, R, E, C] of each class in the loss as optimised, or of each label; NaN where not measured
    gradient_share: Array  # [S, R, E, C] of each class in its gradient


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything a view needs about an experiment at one moment of training."""

    experiment: Experiment
    dataset: Dataset
    epoch: int  # finished epochs
    progress: float  # in epochs, batches of the running one included
    history: History
    loss_now: Array  # [S, R] mean loss of the running epoch so far; NaN before its first batch
    confusion: (
        Array  # [S, R, C, C] validation, [true][predicted], after the last finished epoch (zeros before); or [.., L, 2, 2]
    )
    diverged: Mapping[At, int]  # the epoch (from 1) at which a run stopped being finite
    models: Mapping[At, "TrainedModel"]
    runs: tuple[Run, ...]
    rules: Mapping[At, Rule]  # of each run's decision, fitted on validation after the last finished epoch (none before)
    tuned: tuple[Tuned, ...] = ()  # per strategy, with fair tuning: everything above is of the learning rate chosen by now
    moments: tuple[Moment, ...] = ()  # some of the epochs that are over, see `past`
    reused: frozenset[At] = frozenset()  # runs that an earlier training has trained to the end, see lib/reuse.py
    measured: Mapping[At, "TrainedModel"] = field(default_factory=dict)  # the models that `confusion` is of (none before)

    @property
    def done(self) -> bool:
        return self.epoch == self.experiment.training.epochs

    @property
    def recall(self) -> Array:
        """[S, R, C] as in the history, after the last finished epoch."""
        return READINGS[self.dataset.task].groups(recall(self.confusion))

    def epochs_of(self, strategy: int) -> int:
        """How many epochs of the history there are of a strategy: all as soon as one of its seeds is reused."""
        return self.experiment.training.epochs if any(s == strategy for s, _ in self.reused) else self.epoch


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """The parameters of one run at one moment, and how its scores become classes."""

    run: Run
    parameters: Tensor  # [P]
    epoch: int  # finished epochs
    widths: Any  # layer widths, first and last included; of a model of series its `Tagging`

    def outputs(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """What the model puts out for raw features: [N, outputs] of rows [N, D], [N, T] of series [N, T, D]."""
        rows = predictions(self.parameters[None], self.widths, self.run.dataset, x, mask, self.run.loss.head)
        return rows[0] * self.run.score_scale

    def scores(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Class scores of raw features, as lib/tasks.py reads them: [N, C]; of several labels [L, N, 2]; of steps [M, 2]."""
        reading = READINGS[self.run.dataset.task]
        return reading.scores(self.outputs(x, mask)[None], mask, self.run.loss.scores == "one")[0]

    def state_dict(self) -> dict[str, Tensor]:
        if not isinstance(self.widths, tuple):
            return {key: value.clone() for key, value in self.module().state_dict().items()}
        return state_dict(self.parameters, self.widths, self.run.dataset.shift, self.run.dataset.scale, self.run.loss.head)

    def module(self) -> nn.Module:
        """The model as `nn.Sequential` of Linear and ReLU, or as torch's LSTM with a linear head; it takes raw features.

        Its scores are to be scaled where the loss says so (LDAM).
        """
        dataset = self.run.dataset
        if not isinstance(self.widths, tuple):
            tagger: nn.Module = self.widths.module(dataset.shift, dataset.scale)
            sequence_models.install(tagger, self.parameters.clone())
            return tagger
        net = Net(self.widths, dataset.shift, dataset.scale, self.run.loss.head)
        net.to(self.parameters.dtype).load_state_dict(self.state_dict())
        return net


def predictions(
    rows: Tensor, widths: Any, dataset: Dataset, x: Tensor, mask: Tensor | None = None, head: Head = "linear"
) -> Tensor:
    """Outputs [K, N, ...] of the models in `rows` [K, P] for the same raw features."""
    inputs = standardise(dataset, x.to(rows.dtype))
    if isinstance(widths, tuple):
        return predict(rows, widths, inputs, head)
    return sequence_models.predict(rows, widths, inputs, mask)


def past(snapshot: Snapshot, moment: Moment) -> Snapshot:
    """The training as it was at the end of an earlier epoch; models of first seeds only, and only where they were kept."""
    epoch = moment.epoch
    history = each_field(snapshot.history, lambda values: values[:, :, :epoch])
    models = {
        (s, 0): dataclasses.replace(snapshot.models[s, 0], parameters=own, epoch=epoch) for s, own in moment.parameters.items()
    }
    return dataclasses.replace(
        snapshot, epoch=epoch, progress=float(epoch), history=history, loss_now=np.full_like(snapshot.loss_now, np.nan),
        confusion=moment.confusion.astype(np.float64), models=models, measured=models, moments=(), reused=frozenset(),
        rules={(s, 0): Rule(offset) for s, offset in moment.offsets.items()},
        diverged={at: when for at, when in snapshot.diverged.items() if when <= epoch},
    )  # fmt: skip


def each_field(history: History, part: Callable[[Array], Array]) -> History:
    """The same part of every array, read-only."""
    return History(*(read_only(part(getattr(history, own.name))) for own in dataclasses.fields(History)))


def read_only(array: Array) -> Array:
    view = array.view()
    view.setflags(write=False)
    return view
