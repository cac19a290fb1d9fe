"""SMOTE: each new row lies between neighbours of its class, as often as in imbalanced-learn, and of training rows alone."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from imblearn.over_sampling import SMOTE
from scipy.stats import chi2, ks_2samp
from sklearn.neighbors import NearestNeighbors
from torch.utils.data import RandomSampler, TensorDataset

from lib.experiment import Experiment
from lib.sampling import SAMPLERS, Strata
from lib.stack import Run, stacks
from lib.training import load, train

MAKE = SAMPLERS["smote"].synthesise
COUNTS = [300, 40, 12]


def table(counts=COUNTS, dim=3, seed=0):
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    return torch.randn(len(y), dim, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64) + y[:, None], y[
        order
    ]


def made(x, y, seed=0, ratio=1.0, k_neighbors=5):
    return MAKE(x, Strata(y), torch.Generator().manual_seed(seed), ratio=ratio, k_neighbors=k_neighbors)


def neighbours(x, y, k):
    """The k nearest other rows of its class, for every row; brute force."""
    distance = torch.cdist(x, x)
    distance[y[:, None] != y[None]] = torch.inf
    return distance.fill_diagonal_(torch.inf).argsort(1)[:, :k]


@given(seed=some.integers(0, 99), k=some.integers(1, 8), ratio=some.floats(0.2, 1.0), rare=some.integers(9, 60))
def test_every_new_row_lies_on_the_segment_to_a_near_row_of_its_class(seed, k, ratio, rare):
    x, y = table([100, rare], seed=seed)
    new = made(x, y, seed, ratio, k)
    rows, near = new.between(x), neighbours(x, y, k)
    assert (y[new.start] == y[new.end]).all() and ((new.step >= 0) & (new.step < 1)).all()
    assert (near[new.start] == new.end[:, None]).any(1).all()
    along, whole = rows - x[new.start], x[new.end] - x[new.start]
    torch.testing.assert_close(along, new.step[:, None] * whole)
    torch.testing.assert_close(along.norm(dim=1) + (x[new.end] - rows).norm(dim=1), whole.norm(dim=1))  # no detour


@given(ratio=some.floats(0.05, 1.0))
def test_there_are_as_many_as_imbalanced_learn_makes(ratio):
    x, y = table([300, 12])
    counts = np.array([300, 12])
    if int(300 * ratio) > 12:  # imbalanced-learn refuses to add nothing
        counts = np.bincount(SMOTE(sampling_strategy=ratio, random_state=0).fit_resample(x.numpy(), y.numpy())[1])
    assert (torch.bincount(y) + torch.bincount(y[made(x, y, ratio=ratio).start], minlength=2)).tolist() == counts.tolist()


def test_several_classes_are_balanced_as_imbalanced_learn_balances_them():
    x, y = table()
    theirs = np.bincount(SMOTE(random_state=0).fit_resample(x.numpy(), y.numpy())[1])
    assert (torch.bincount(y) + torch.bincount(y[made(x, y).start], minlength=3)).tolist() == theirs.tolist()


def _pairs(x, y, rows):
    """How often each (row, near row) of the rare class is drawn, found from the new rows alone: who lies on which segment."""
    own = x[y == 1]
    near = neighbours(own, torch.zeros(len(own)), 5)
    start, end = own[:, None].expand(-1, 5, -1).reshape(-1, x.shape[1]), own[near].reshape(-1, x.shape[1])
    whole = end - start
    step = ((rows[:, None] - start) * whole).sum(2) / (whole**2).sum(1)
    miss = (start + step[..., None] * whole - rows[:, None]).norm(dim=2)
    miss[(step < -1e-9) | (step > 1 + 1e-9)] = torch.inf
    found = miss.argmin(1)
    assert miss.amin(1).max() < 1e-6
    # A segment between two rows that are near each other is drawn from both ends: count it once.
    names = [tuple(sorted((i, int(j)))) for i in range(len(own)) for j in near[i]]
    table = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.bincount([table[names[index]] for index in found.tolist()], minlength=len(table))


def test_the_neighbours_are_drawn_as_often_as_by_imbalanced_learn():
    """Chi-square of two samples of segments, and Kolmogorov-Smirnov of each feature of the new rows."""
    x, y = table([4012, 12], seed=3)
    theirs = SMOTE(random_state=0).fit_resample(x.numpy(), y.numpy())[0][len(y) :]
    ours = made(x, y, seed=1).between(x)
    one, other = _pairs(x, y, ours), _pairs(x, y, torch.from_numpy(theirs))
    assert one.sum() == other.sum() == 4000
    statistic = ((one - other) ** 2 / (one + other)).sum()
    assert statistic < chi2.ppf(0.999, len(one) - 1)
    for feature in range(x.shape[1]):
        assert ks_2samp(ours[:, feature].numpy(), theirs[:, feature]).pvalue > 0.001


def test_neighbours_are_scikit_learns_as_in_imbalanced_learn():
    x, y = table()
    own = x[y == 1].numpy()
    theirs = NearestNeighbors(n_neighbors=6).fit(own).kneighbors(own, return_distance=False)[:, 1:]
    mine = neighbours(x[y == 1], torch.zeros(len(own)), 5).numpy()
    assert np.array_equal(np.sort(theirs, 1), np.sort(mine, 1))


def test_a_class_with_fewer_rows_than_neighbours_uses_all_of_them():
    x, y = table([50, 3])
    new = made(x, y)
    assert len(new) == 47 and set(zip(new.start.tolist(), new.end.tolist(), strict=True)) == {
        (i, j) for i in torch.nonzero(y == 1).flatten().tolist() for j in torch.nonzero(y == 1).flatten().tolist() if i != j
    }


def test_a_class_with_one_row_is_refused_by_name_and_one_without_rows_is_left_out():
    x, y = table([50, 1])
    with pytest.raises(ValueError, match="class 'bird' has 1 training row. Add rows of it, lower the ratio, or take"):
        MAKE(x, Strata(y, ("cat", "bird")), torch.Generator(), ratio=1.0, k_neighbors=5)
    x, y = table([50, 0, 10])
    assert set(y[made(x, y).start].tolist()) == {2}
    labels = {
        "source": "labels",
        "params": {"counts": [50, 20, 1], "names": ["cat", "dog", "*bird*"], "n_val": 20, "n_test": 20},
    }
    what = Experiment.from_dict({"data": labels, "strategies": [{"name": "it", "sampler": "smote"}]})
    with pytest.raises(ValueError, match=r"class '\*bird\*' has 1 training row"):
        next(train(what, load(what.data)))


@pytest.mark.parametrize("task, y", [("multilabel", [2, 3]), ("sequence", [2, 5])])
def test_it_is_for_rows_with_one_class_each(task, y):
    assert task not in SAMPLERS["smote"].tasks and "binary" in SAMPLERS["smote"].tasks


def test_each_seed_draws_its_own_rows_and_leaves_the_global_state_alone():
    x, y = table()
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    assert torch.equal(made(x, y, 1).between(x), made(x, y, 1).between(x))
    assert not torch.equal(made(x, y, 1).between(x), made(x, y, 2).between(x))
    assert torch.equal(torch.random.get_rng_state(), before[0]) and np.array_equal(np.random.get_state()[1], before[1])


def test_the_code_that_is_shown_makes_as_many_rows_on_the_same_segments():
    x, y = table()
    names = {"torch": torch, "TensorDataset": TensorDataset, "RandomSampler": RandomSampler, "x": x.float(), "targets": y,
             "counts": torch.bincount(y).double(), "generator": torch.Generator().manual_seed(0)}  # fmt: skip
    exec(SAMPLERS["smote"].code.format(ratio=1.0, k_neighbors=5), names)
    assert torch.bincount(names["targets"]).tolist() == [300, 300, 300]
    assert _pairs(x[y < 2], y[y < 2], names["x"][len(y) :][names["targets"][len(y) :] == 1].double()).sum() == 260
    assert len(list(names["sampler"])) == 900


SMALL = {"source": "breast_cancer"}
TRAINING = {"epochs": 2, "batch_size": 32}


def _stack(strategies, seeds=(0,), dataset=None):
    what = Experiment.from_dict({"data": SMALL, "strategies": strategies, "training": TRAINING, "seeds": list(seeds)})
    dataset = dataset or load(what.data)
    runs = [Run(s, seed, (i, r), dataset) for i, s in enumerate(what.strategies) for r, seed in enumerate(what.seeds)]
    (stack,) = stacks(what, runs, torch.float64)
    return stack, dataset


def test_a_stack_trains_on_new_rows_of_the_training_fold_alone():
    """Every row of an epoch is a training row or lies between two of one class, standardised; its label is theirs."""
    stack, dataset = _stack([{"name": "plain"}, {"name": "smote", "sampler": "smote"}], seeds=(0, 1))
    x = (dataset.train.x.double() - dataset.shift.double()) / dataset.scale.double()
    groups = stack._groups(0)
    seen = {run: [] for run in range(len(stack.runs))}
    for batch, targets, _ in stack._batches(groups):
        every = torch.cat(targets)
        for run in seen:
            seen[run] += zip(batch[run].T, every[run].tolist(), strict=True)
    for run, rows in seen.items():
        here = torch.stack([row for row, _ in rows])
        nearest = torch.cdist(here, x, compute_mode="donot_use_mm_for_euclid_dist").min(1)
        labels = torch.tensor([label for _, label in rows])
        assert (dataset.train.y[nearest.indices[nearest.values < 1e-6]] == labels[nearest.values < 1e-6]).all()
        new = int((nearest.values > 1e-6).sum())
        if stack.runs[run].strategy.sampler == "smote":
            assert new > 20 and abs(labels.double().mean() - 0.5) < 0.06
        else:
            assert new == 0 and torch.equal(torch.bincount(labels), torch.bincount(dataset.train.y))


def test_new_rows_have_a_reliability_between_those_of_their_ends():
    dataset = load(Experiment.from_dict({"data": SMALL, "strategies": [{"name": "it"}]}).data)
    weight = torch.rand(len(dataset.train), generator=torch.Generator().manual_seed(0))
    dataset = dataclasses.replace(dataset, train=dataclasses.replace(dataset.train, sample_weight=weight))
    stack, _ = _stack([{"name": "smote", "sampler": "smote"}], dataset=dataset)
    counts = torch.bincount(dataset.train.y)
    assert len(stack._table.sample_weight) == len(stack._table.x) == 2 * counts.max()
    made_weight = stack._table.sample_weight[len(dataset.train) :]
    assert made_weight.min() >= weight.min() and made_weight.max() <= weight.max() and len(made_weight.unique()) > 10


def test_smote_trains_the_same_beside_others_as_alone():
    strategies = [{"name": "smote", "sampler": "smote"}, {"name": "plain"}, {"name": "over", "sampler": "oversample"}]
    found = []
    for names in (["smote", "plain", "over"], ["smote"]):
        own = [s for s in strategies if s["name"] in names]
        what = Experiment.from_dict({"data": SMALL, "strategies": own, "training": TRAINING, "seeds": [3]})
        *_, last = train(what, load(what.data), dtype=torch.float64)
        found.append(last.models[0, 0].parameters)
    torch.testing.assert_close(*found, rtol=0, atol=1e-10)
