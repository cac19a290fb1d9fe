"""Splits and counts of a dataset."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from lib.data import Dataset, Split, count_classes, stratified_split
from lib.data.dataset import apportion, generator


@given(total=some.integers(0, 10**6), shares=some.lists(some.integers(0, 1000), min_size=1, max_size=8).filter(any))
def test_apportioned_counts_sum_up_and_are_off_by_less_than_one(total, shares):
    counts = apportion(total, shares)
    assert sum(counts) == total
    assert all(abs(count - total * share / sum(shares)) < 1 for count, share in zip(counts, shares, strict=True))


def test_odd_rows_go_to_the_largest_remainders_and_ties_to_the_first():
    assert (
        apportion(10, (0.55, 0.45)) == [6, 4] and apportion(3, (1, 1)) == [2, 1] and apportion(7, (0.6, 0.2, 0.2)) == [4, 2, 1]
    )


@given(
    counts=some.lists(some.integers(0, 60), min_size=2, max_size=5).filter(any), seed=some.integers(0, 99),
    fractions=some.sampled_from([(0.6, 0.2, 0.2), (0.8, 0.2), (0.5, 0.25, 0.25)]),
)  # fmt: skip
def test_a_stratified_split_uses_every_row_once_in_the_same_proportions(counts, seed, fractions):
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    parts = stratified_split(y, fractions, seed, classes=len(counts))
    assert sorted(torch.cat(parts).tolist()) == list(range(len(y)))
    for label, rows in enumerate(counts):
        sizes = [int((y[part] == label).sum()) for part in parts]
        assert all(sizes) or rows < len(fractions)
        assert all(abs(size - rows * fraction) < 2 for size, fraction in zip(sizes, fractions, strict=True))


def test_a_split_is_made_by_its_seed():
    y = torch.arange(100) % 3
    again = zip(stratified_split(y, (0.6, 0.4), 5), stratified_split(y, (0.6, 0.4), 5), strict=True)
    assert all(torch.equal(one, other) for one, other in again)
    assert not torch.equal(stratified_split(y, (0.6, 0.4), 5)[0], stratified_split(y, (0.6, 0.4), 6)[0])


def test_streams_of_one_seed_differ():
    draws = [torch.rand(1, generator=generator(seed, stream)).item() for seed in range(4) for stream in range(8)]
    assert len(set(draws)) == len(draws)


def test_counts_have_the_classes_on_the_last_axis():
    assert count_classes(torch.tensor([0, 2, 2]), "multiclass", 4).tolist() == [1, 0, 2, 0]
    assert count_classes(torch.tensor([0, 1, 1]), "binary", 2).tolist() == [1, 2]
    assert count_classes(torch.tensor([[0, 1, 1], [0, 0, 1]]), "multilabel", 2).tolist() == [[2, 0], [1, 1], [0, 2]]
    steps, mask = torch.tensor([[0, 1, 1], [0, 0, 0]]), torch.tensor([[1, 1, 1], [1, 0, 0]])
    assert count_classes(steps, "sequence", 2, mask).tolist() == [2, 2]
    assert count_classes(steps, "sequence", 2).tolist() == [4, 2]


def test_a_dataset_counts_the_classes_of_each_split_and_is_frozen():
    parts = [Split(torch.zeros(n, 4), torch.arange(n) % 2) for n in (5, 3, 2)]
    dataset = Dataset("binary", ("no", "yes"), *parts)
    assert [dataset.class_counts(split).tolist() for split in dataset.splits] == [[3, 2], [2, 1], [1, 1]]
    assert dataset.features == 4 and len(dataset.train) == 5
    with pytest.raises(AttributeError):
        dataset.task = "multiclass"
