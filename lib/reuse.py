"""Runs that an earlier training has trained to the end stand in a new one, instead of being trained again.

A run is the same when its fingerprint is (lib/experiment.py) and the rows are: whatever else stands beside it, in whatever
order. The rest trains alone (`skip` of lib/training.py). A kept run has the numbers that it had, bit for bit; the rest has
those of a full training up to rounding, because torch's kernels round differently in stacks of another width: 1e-10 in
float64, and in float32 what tests/test_reuse.py measures.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from lib.data import Dataset, Split
from lib.evaluation import RunResult
from lib.experiment import Experiment
from lib.moments import Moment, Moments
from lib.snapshot import Array, At, History, Snapshot, TrainedModel
from lib.stack import Run
from lib.training import moments_of
from lib.tuning import candidates, choose

T = TypeVar("T", bound=np.generic)

Origins = Mapping[At, At]  # a run of the new experiment -> the same run of the earlier one


@dataclass(frozen=True, eq=False)
class Kept:
    """Runs of an earlier training, in the places that they have in a new experiment."""

    snapshot: Snapshot  # of the new experiment at its end; the runs that are not kept are missing: NaN or 0
    results: Mapping[At, RunResult]  # on test, as far as they were read

    @property
    def runs(self) -> frozenset[At]:
        return self.snapshot.reused


def origins(earlier: Snapshot, experiment: Experiment) -> Origins:
    """Which runs of the experiment the earlier training has, complete.

    With fair tuning whole strategies only: a learning rate is chosen over all seeds together.
    """
    old = earlier.experiment
    if (old.data, old.model, old.training) != (experiment.data, experiment.model, experiment.training):
        return {}  # no fingerprint can be the same
    there = {key: at for at, key in _identities(old).items() if earlier.done or at in earlier.reused}
    found = {at: there[key] for at, key in _identities(experiment).items() if key in there}
    if experiment.training.lr_grid:
        seeds = range(len(experiment.seeds))
        found = {at: own for at, own in found.items() if all((at[0], r) in found for r in seeds)}
    return found


def _identities(experiment: Experiment) -> dict[At, tuple[str, int]]:
    """What identifies each run: the fingerprint that its strategy has with any one seed, and its seed."""
    fingerprints = [experiment.run_fingerprint(strategy, 0) for strategy in experiment.strategies]
    return {(s, r): (own, seed) for s, own in enumerate(fingerprints) for r, seed in enumerate(experiment.seeds)}


def keep(
    earlier: Snapshot, results: Mapping[At, RunResult] | None, experiment: Experiment, dataset: Dataset
) -> Kept | None:  # fmt: skip
    """What of an earlier training stands in a new one on `dataset`, results included if there are any. None: nothing does."""
    found = origins(earlier, experiment)
    if not found or not _same_rows(earlier.dataset, dataset):
        return None
    shape, epochs = (len(experiment.strategies), len(experiment.seeds)), experiment.training.epochs
    runs: dict[At, Run] = {}
    for at, old in sorted(found.items()):
        was = earlier.models[old].run
        strategy = dataclasses.replace(was.strategy, name=experiment.strategies[at[0]].name)  # at the rate of its tuning
        runs[at] = Run(strategy, was.seed, at, was.dataset if experiment.data.resample else dataset)

    def moved(of: Mapping[At, Any]) -> dict[At, Any]:
        own = {at: of[old] for at, old in found.items() if old in of}
        return {at: dataclasses.replace(v, run=runs[at]) if isinstance(v, TrainedModel) else v for at, v in own.items()}

    history = History(*(_placed(getattr(earlier.history, f.name), found, shape, np.nan) for f in dataclasses.fields(History)))
    snapshot = dataclasses.replace(
        earlier, experiment=experiment, dataset=dataset, epoch=epochs, progress=float(epochs), history=history,
        loss_now=np.full(shape, np.nan), confusion=_placed(earlier.confusion, found, shape, 0), runs=tuple(runs.values()),
        tuned=_tuned(earlier, found, experiment), moments=tuple(_moved(m, found, shape) for m in earlier.moments),
        reused=frozenset(found), **{name: moved(getattr(earlier, name)) for name in _mappings(earlier)},
    )  # fmt: skip
    return Kept(snapshot, moved(results or {}))


def join(kept: Kept, rest: Snapshot) -> Snapshot:
    """A snapshot of the training of the rest, with the kept runs in it as they were at their end."""
    whole = kept.snapshot
    mine = np.zeros(rest.loss_now.shape, dtype=bool)
    mine[tuple(zip(*kept.runs, strict=True))] = True
    history = History(*(
        _over(getattr(whole.history, f.name), getattr(rest.history, f.name), mine) for f in dataclasses.fields(History)
    ))  # fmt: skip
    merged: dict[str, Any] = {name: {**getattr(rest, name), **getattr(whole, name)} for name in _mappings(rest)}
    tuned = tuple(old if (s, 0) in kept.runs else own for s, (old, own) in enumerate(zip(whole.tuned, rest.tuned, strict=True)))
    confusion = np.where(mine.reshape(*mine.shape, *[1] * (rest.confusion.ndim - 2)), whole.confusion, rest.confusion)
    runs = tuple(sorted((*whole.runs, *rest.runs), key=lambda run: run.at))
    joined = dataclasses.replace(
        rest, history=history, confusion=_read_only(confusion), runs=runs, tuned=tuned, reused=kept.runs, **merged
    )
    return dataclasses.replace(joined, moments=_moments(joined, whole.moments, rest, mine))


class Latest:
    """The latest snapshot of a training; one that keeps runs is joined when somebody asks for it, at most once."""

    def __init__(self, kept: Kept | None) -> None:
        self._state: tuple[Kept | None, Snapshot | None] = kept, None  # one value: pages read it while a training goes on
        self._joined: tuple[Snapshot, Snapshot] | None = None  # of which snapshot of the rest, and what it became
        self.known: Mapping[At, RunResult] = kept.results if kept else {}

    def put(self, rest: Snapshot) -> None:
        self._state = self._state[0], rest

    def close(self) -> None:
        """No more will be put: only the whole is held on to; before the first snapshot, what was kept."""
        if self.rest is not None:
            self._state, self._joined = (None, self.whole), None

    @property
    def earlier(self) -> Snapshot | None:
        """What another training can keep runs of. Before the first snapshot those that this one kept, and none of the rest."""
        kept, rest = self._state
        return dataclasses.replace(kept.snapshot, epoch=0) if rest is None and kept is not None else self.whole

    @property
    def rest(self) -> Snapshot | None:
        """As it was put; the whole once there is no more to come."""
        return self._state[1]

    @property
    def whole(self) -> Snapshot | None:
        (kept, rest), joined = self._state, self._joined
        if rest is None or kept is None:
            return rest
        if joined is None or joined[0] is not rest:
            self._joined = joined = rest, join(kept, rest)
        return joined[1]


def _same_rows(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets hold the same rows. An experiment from a link may name a file without its sha256."""
    if one is other:
        return True
    pairs = [
        (getattr(part, f.name), getattr(other.splits[name], f.name))
        for name, part in one.splits.items() for f in dataclasses.fields(Split)
    ]  # fmt: skip
    return one.class_names == other.class_names and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a is b for a, b in pairs
    )


def _mappings(snapshot: Snapshot) -> list[str]:
    """The fields of a snapshot that hold something for each run."""
    return [f.name for f in dataclasses.fields(Snapshot) if isinstance(getattr(snapshot, f.name), Mapping)]


def _placed(values: NDArray[T], found: Origins, shape: At, empty: float) -> NDArray[T]:
    """The values [S, R, ...] of the earlier runs, in their new places [S, R, ...]."""
    out = np.full((*shape, *values.shape[2:]), empty, dtype=values.dtype)
    out[tuple(zip(*found, strict=True))] = values[tuple(zip(*found.values(), strict=True))]
    return _read_only(out)


def _over(whole: Array, rest: Array, mine: NDArray[np.bool_]) -> Array:
    """[S, R, E, ...] of the kept runs, and in the others' places the epochs that there are."""
    out = whole.copy()
    out[:, :, : rest.shape[2]][~mine] = rest[~mine]
    return _read_only(out)


def _tuned(earlier: Snapshot, found: Origins, experiment: Experiment) -> tuple[Any, ...]:
    """Of the kept strategies what was chosen; of the others that nothing is known."""
    if not earlier.tuned:
        return ()
    unknown = choose(experiment, np.full((len(candidates(experiment).strategies), 1), np.nan), {})
    return tuple(earlier.tuned[found[s, 0][0]] if (s, 0) in found else own for s, own in enumerate(unknown))


def _parts(moment: Moment) -> list[str]:
    """The fields of a moment that hold something for the first seed of each strategy."""
    return [f.name for f in dataclasses.fields(Moment) if isinstance(getattr(moment, f.name), Mapping)]


def _moved(moment: Moment, found: Origins, shape: At) -> Moment:
    firsts = {s: old[0] for (s, r), old in found.items() if r == old[1] == 0}
    held = {name: getattr(moment, name) for name in _parts(moment)}
    parts: dict[str, Any] = {name: {s: of[old] for s, old in firsts.items() if old in of} for name, of in held.items()}
    return dataclasses.replace(moment, confusion=_placed(moment.confusion, found, shape, 0), **parts)


def _moments(joined: Snapshot, kept: Sequence[Moment], rest: Snapshot, mine: NDArray[np.bool_]) -> tuple[Moment, ...]:
    """The epochs of which both have a moment (or, where nothing is left to train, the kept have one), within the bound.

    What is drawn of first seeds stays only where all strategies have it.
    """
    own = {moment.epoch: moment for moment in rest.moments}
    firsts = [model.parameters.shape[0] for (_, r), model in joined.models.items() if r == 0]
    collector = Moments(moments_of(joined.dataset, len(joined.runs), sum(firsts))[0])
    for moment in kept:
        if (rest.runs and moment.epoch not in own) or not collector.wants(moment.epoch):
            continue
        other = own.get(moment.epoch, moment)
        complete = all(s in moment.parameters or s in other.parameters for s in range(len(mine)))
        parts: dict[str, Any] = {
            name: {**getattr(other, name), **getattr(moment, name)} if complete else {} for name in _parts(moment)
        }
        confusion = np.where(mine.reshape(*mine.shape, *[1] * (moment.confusion.ndim - 2)), moment.confusion, other.confusion)
        collector.add(dataclasses.replace(moment, confusion=confusion, **parts))
    return collector.kept


def _read_only(array: NDArray[T]) -> NDArray[T]:
    array.setflags(write=False)
    return array
