"""Recipes that are designed to show one thing: unreliable labels, and two points with room between."""

import pytest
import torch

from lib.experiment import DataSpec, Experiment, Strategy
from lib.training import load


def test_hurried_rows_miss_their_share_of_events_and_say_how_reliable_they_are():
    noisy = load(
        DataSpec("unreliable", {"n": 40_000, "priors": (0.5, 0.5), "hurried": 0.6, "missed": 0.75, "reliability": 0.2})
    )
    true = load(DataSpec("unreliable", {"n": 40_000, "priors": (0.5, 0.5), "hurried": 0.0}))
    assert torch.equal(noisy.train.x, true.train.x) and (true.train.sample_weight == 1).all()
    assert sorted(noisy.train.sample_weight.unique().tolist()) == pytest.approx([0.2, 1])
    hurried, event = noisy.train.sample_weight < 1, true.train.y == 1
    assert hurried.double().mean() == pytest.approx(0.6, abs=0.015)
    assert (noisy.train.y[hurried & event] == 0).double().mean() == pytest.approx(0.75, abs=0.015)
    assert torch.equal(noisy.train.y[~hurried], true.train.y[~hurried]) and (noisy.train.y[~event] == 0).all()
    assert hurried[event].double().mean() == pytest.approx(0.6, abs=0.015)  # whatever the class


def test_validation_and_test_are_labelled_with_care():
    spec = {"n": 1000, "hurried": 1.0, "missed": 1.0, "n_val": 400, "n_test": 400}
    dataset = load(DataSpec("unreliable", spec))
    assert dataset.class_counts().tolist() == [1000, 0]
    assert dataset.class_counts("validation").tolist() == dataset.class_counts("test").tolist() == [380, 20]
    assert dataset.validation.sample_weight is None


def test_rows_that_all_count_nothing_are_refused():
    with pytest.raises(ValueError, match="nothing would count. Raise it, or lower hurried"):
        load(DataSpec("unreliable", {"hurried": 1.0, "reliability": 0.0}))


@pytest.mark.parametrize("source", ["unreliable", "points"])
def test_both_have_two_classes(source):
    with pytest.raises(ValueError, match="priors must have 2 values"):
        Experiment((Strategy("it"),), DataSpec(source, {"priors": (0.5, 0.3, 0.2)}))


def test_training_rows_lie_at_the_points_and_the_others_fill_the_room_evenly():
    dataset = load(DataSpec("points", {"n": 40, "n_val": 1000, "n_test": 50}))
    assert torch.equal(dataset.train.x[:, 0], 2.0 * dataset.train.y - 1) and dataset.class_counts().tolist() == [20, 20]
    x = dataset.validation.x[:, 0].double().sort().values
    torch.testing.assert_close(x.diff(), torch.full((999,), 0.002, dtype=torch.float64), atol=1e-6, rtol=0)
    assert torch.equal(dataset.validation.y, (dataset.validation.x[:, 0] > 0).long())


@pytest.mark.parametrize("boundary", [-0.7, -0.1, 0.0, 0.42])
@pytest.mark.parametrize("priors", [(0.5, 0.5), (0.8, 0.2)])
def test_the_recalls_of_a_boundary_say_where_it_is(boundary, priors):
    part = load(DataSpec("points", {"n_val": 4000, "priors": priors})).validation
    called = part.x[:, 0] > boundary
    recall = [float((called[part.y == c] == c).double().mean()) for c in (0, 1)]
    assert recall[0] - recall[1] == pytest.approx(boundary, abs=0.002)
