"""Recipes: exact class counts, the Gaussians that they promise, label noise where it belongs."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from lib.data import SOURCES
from lib.data.dataset import apportion
from lib.experiment import DataSpec
from lib.registry import Params
from lib.training import load
from tests.examples import data_specs

RECIPES = [key for key, source in SOURCES.items() if source.kind == "recipe"]
GAUSSIAN = [key for key in RECIPES if SOURCES[key].means is not None]
SMALL = {"n_val": 40, "n_test": 60}


def defaults(key, **params):
    return Params({param.name: param.default for param in SOURCES[key].params} | params)


def shares_of(params):
    return params["priors"] if "priors" in params else params["counts"]


@settings(max_examples=40)
@given(spec=data_specs().filter(lambda spec: SOURCES[spec.source].kind == "recipe"))
def test_any_recipe_draws_the_rows_and_classes_that_it_announces(spec):
    source = SOURCES[spec.source]
    params = dict(spec.params) | SMALL | {"label_noise": 0.0} | ({"n": 300} if "n" in spec.params else {})
    dataset = source.function(seed=spec.seed, **params)
    n = 300 if "n" in params else sum(params["counts"])
    assert dataset.class_names == source.classes(Params(params)) and dataset.task == source.task_of(Params(params))
    for split, rows in (("train", n), ("validation", 40), ("test", 60)):
        part = dataset.splits[split]
        overlooked = spec.source == "unreliable" and split == "train"  # some of its events
        if ("priors" in params or "counts" in params) and not overlooked:
            assert dataset.class_counts(split).tolist() == apportion(rows, shares_of(params))
        shape = (rows, params["steps"]) if dataset.task == "sequence" else (rows,)
        assert part.x.shape == (*shape, dataset.features) and part.x.dtype == torch.float32 and torch.isfinite(part.x).all()
    assert len(dataset.feature_names) == dataset.features


@pytest.mark.parametrize("key", RECIPES)
def test_a_recipe_is_made_by_its_seed_and_its_splits_differ(key):
    one, again, other = (load(DataSpec(key, SMALL, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(one.train.y, again.train.y)
    assert torch.equal(one.train.x, again.train.x) and torch.equal(one.test.x, again.test.x)
    assert not torch.equal(one.train.x, other.train.x)
    assert not torch.equal(one.train.x[:10], one.test.x[:10])


@pytest.mark.parametrize("key", RECIPES)
def test_more_test_rows_leave_the_training_rows_alone(key):
    few, many = (load(DataSpec(key, {"n_val": 40, "n_test": rows})) for rows in (60, 600))
    assert torch.equal(few.train.x, many.train.x) and torch.equal(few.validation.x, many.validation.x)


@pytest.mark.parametrize("key", GAUSSIAN)
def test_classes_are_unit_gaussians_around_the_announced_means(key):
    params = {"counts": (6000, 6000, 6000)} if key == "labels" else {"n": 18_000}
    classes = len(shares_of(defaults(key)))
    params |= {} if key == "labels" else {"priors": tuple([1 / classes] * classes)}
    dataset = load(DataSpec(key, params | SMALL))
    assert torch.allclose(dataset.means, SOURCES[key].means(defaults(key, **params)))
    for label, mean in enumerate(dataset.means):
        x = dataset.train.x[dataset.train.y == label]
        assert (x.mean(0) - mean).abs().max() < 5 / math.sqrt(len(x))
        assert (torch.cov(x.T) - torch.eye(len(mean))).abs().max() < 0.12


def test_the_two_gaussians_lie_on_the_diagonal_around_the_origin():
    for dim in (1, 2, 7):
        means = SOURCES["gaussians"].means(defaults("gaussians", dim=dim, distance=3.0))
        assert float((means[1] - means[0]).norm()) == pytest.approx(3) and means.sum().abs() < 1e-6
        assert torch.allclose(means[1], means[1, :1].expand(dim))


def test_ring_and_simplex_and_labels_have_their_means():
    ring = SOURCES["ring"].means(defaults("ring", priors=(0.25,) * 4, radius=2.0))
    assert torch.allclose(ring, torch.tensor([[2.0, 0], [0, 2], [-2, 0], [0, -2]]), atol=1e-6)
    simplex = SOURCES["simplex"].means(defaults("simplex"))
    assert torch.equal(simplex, 3 * torch.eye(5))
    labels = SOURCES["labels"].means(defaults("labels", separation=3.0))
    distance = torch.cdist(labels, labels)[~torch.eye(3, dtype=torch.bool)]
    assert torch.allclose(distance, torch.full((6,), 3.0))


def test_the_default_simplex_is_the_long_tail_of_e2():
    assert load(DataSpec("simplex", SMALL)).class_counts().tolist() == [5000, 1581, 500, 158, 50]
    assert load(DataSpec("simplex", SMALL | {"n": 72_892})).class_counts().sum() == 72_892


def test_moons_are_scikit_learns():
    dataset = load(DataSpec("moons", SMALL | {"noise": 0.0, "priors": (0.5, 0.5), "n": 2000}))
    x, y = dataset.train.x, dataset.train.y
    upper, lower = x[y == 0], x[y == 1]
    assert torch.allclose(upper.norm(dim=1), torch.ones(1000), atol=1e-5) and (upper[:, 1] >= -1e-6).all()
    assert torch.allclose((lower - torch.tensor([1.0, 0.5])).norm(dim=1), torch.ones(1000), atol=1e-5)
    assert (lower[:, 1] <= 0.5 + 1e-6).all()


@pytest.mark.parametrize("key", RECIPES)
def test_label_noise_replaces_its_share_in_training_and_validation_and_never_in_test(key):
    noisy, clean = (load(DataSpec(key, {"n_val": 4000, "n_test": 500, "label_noise": noise})) for noise in (0.3, 0.0))
    for split in ("train", "validation"):
        changed = (noisy.splits[split].y != clean.splits[split].y).double().mean()
        assert float(changed) == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / len(clean.splits[split])))
        assert torch.equal(noisy.splits[split].x, clean.splits[split].x)
    assert torch.equal(noisy.test.y, clean.test.y)


def test_a_class_may_have_no_rows():
    dataset = load(DataSpec("labels", SMALL | {"counts": (50, 0, 10)}))
    assert dataset.class_counts().tolist() == [50, 0, 10] and dataset.class_names == ("0", "1", "2")


@given(counts=some.lists(some.integers(0, 4), min_size=2, max_size=3))
def test_too_few_rows_are_refused_with_the_number(counts):
    if sum(counts) < 10:
        with pytest.raises(ValueError, match=f"at least 10 training rows, got {sum(counts)}"):
            load(DataSpec("labels", {"counts": counts}))


def test_ten_million_labels_are_all_counted_and_a_sample_is_trained_on():
    counts = (9_999_000, 990, 10)
    dataset = load(DataSpec("labels", {"counts": counts, "names": ("a", "b", "c")}))
    assert dataset.class_counts().tolist() == list(counts)
    assert dataset.train.y.bincount().tolist() == [199_980, 20, 3]  # in proportion, and three of the rarest
    assert "all 10000000 labels; training uses a sample of 200003 rows" in dataset.notices[0]
