"""Bundled sets: real rows, cut to an imbalance, split so that nothing is in two places."""

import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits

from lib.experiment import DataSpec
from lib.training import load


@pytest.mark.parametrize("seed", range(3))
def test_digits_have_the_profile_of_e11_in_random_class_order(seed):
    dataset = load(DataSpec("digits", seed=seed))
    kept = dataset.class_counts("train") + dataset.class_counts("validation")
    assert sorted(kept.tolist(), reverse=True) == [100, 69, 48, 34, 23, 16, 11, 8, 5, 4]
    assert dataset.class_counts("test").tolist() == [50] * 10
    assert (dataset.class_counts("validation") > 0).all() and (dataset.class_counts("train") > 0).all()
    assert len(dataset.validation) == pytest.approx(0.2 * 318, abs=5)


def test_which_digit_is_rare_follows_the_seed():
    rarest = {int(load(DataSpec("digits", seed=seed)).class_counts().argmin()) for seed in range(12)}
    assert len(rarest) > 4


@pytest.mark.parametrize("source", ["digits", "breast_cancer"])
def test_no_row_is_in_two_splits(source):
    dataset = load(DataSpec(source, seed=1))
    rows = torch.cat([split.rows for split in dataset.splits.values()])
    assert len(rows.unique()) == len(rows)


@pytest.mark.parametrize("source, raw, scale", [("digits", load_digits, 16), ("breast_cancer", load_breast_cancer, 1)])
def test_rows_are_those_of_scikit_learn(source, raw, scale):
    dataset, table = load(DataSpec(source)), raw()
    for split in dataset.splits.values():
        assert torch.allclose(split.x * scale, torch.tensor(table.data, dtype=torch.float32)[split.rows])
        target = torch.tensor(table.target)[split.rows]
        assert torch.equal(split.y, target if source == "digits" else 1 - target)


@pytest.mark.parametrize("head, ratio", [(10, 120.0), (120, 1.0), (120, 120.0), (10, 1.0)])
def test_every_allowed_profile_can_be_cut(head, ratio):
    dataset = load(DataSpec("digits", {"head": head, "ratio": ratio}))
    kept = dataset.class_counts("train") + dataset.class_counts("validation")
    assert kept.max() == head and kept.min() == max(int(head / ratio + 1e-9), 1)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.37])
def test_malignant_rows_make_up_the_wanted_share(share):
    dataset = load(DataSpec("breast_cancer", {"share": share}))
    counts = sum(dataset.class_counts(split) for split in dataset.splits)
    assert dataset.class_names == ("benign", "malignant") and counts[0] == 357
    assert float(counts[1] / counts.sum()) == pytest.approx(share, abs=0.002)
    assert all(dataset.class_counts(split)[1] > 0 for split in dataset.splits)


def test_breast_cancer_is_scaled_by_its_training_rows():
    dataset = load(DataSpec("breast_cancer"))
    torch.testing.assert_close(dataset.shift, dataset.train.x.mean(0))
    torch.testing.assert_close(dataset.scale, dataset.train.x.std(0))
    assert load(DataSpec("digits")).shift is None and len(dataset.feature_names) == 30
