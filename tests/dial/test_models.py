"""The dial on datasets: classes against the rest, hostile rows, trained paths."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.data import Dataset, Split
from lib.dial import dial_weights, weight_path
from lib.dial import models as models_module
from lib.dial.models import balanced, equal_errors, linear_dial, trained_dial
from lib.dial.trained import log_odds, path_experiment
from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.registry import Params
from lib.training import load, train

SMALL = Params({"n": 1500, "n_val": 600, "n_test": 10})


def made(x, y, classes=2, **fields):
    part = Split(torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y))
    return Dataset("binary" if classes == 2 else "multiclass", tuple(map(str, range(classes))), part, part, part, **fields)


def test_a_class_against_the_rest_is_the_path_of_that_question():
    dataset = load(DataSpec("ring", SMALL))
    dial = linear_dial(dataset, 2)
    weights = torch.from_numpy(dial.reading.weights)
    path = weight_path(dataset.train.x, (dataset.train.y == 2).long(), weights)
    np.testing.assert_allclose(dial.score(40, dataset.validation.x), path.scores(dataset.validation.x, 40).numpy())
    assert dial.reading.class_rows == ((dataset.validation.y != 2).sum(), (dataset.validation.y == 2).sum())
    assert dial.exact_gap is not None and np.abs(dial.exact_gap).max() > 1e-4


def test_the_balanced_weight_is_one_of_the_dial_and_gives_both_sides_the_same_mass():
    dataset = load(DataSpec("gaussians", SMALL))
    assert balanced(dataset, 1) == pytest.approx(19) and balanced(dataset, 0) == pytest.approx(1 / 19)
    dial = linear_dial(dataset, 1)
    place = int(np.abs(dial.reading.weights - 19).argmin())
    assert dial.reading.weights[place] == pytest.approx(19)
    assert equal_errors(dial, dataset, 1) == (place, True)


def test_features_are_scaled_as_everywhere():
    raw = load(DataSpec("breast_cancer", Params({"share": 0.3})))
    dial = linear_dial(raw, 1, l2=1.0)
    x = (raw.train.x - raw.shift) / raw.scale
    path = weight_path(x, raw.train.y, torch.from_numpy(dial.reading.weights), 1.0)
    scaled = (raw.validation.x - raw.shift) / raw.scale
    np.testing.assert_allclose(dial.score(5, raw.validation.x), path.scores(scaled, 5).numpy(), atol=1e-4)  # float32 rows


def test_separable_rows_say_so_and_show_the_path_with_l2():
    x = np.concatenate([np.random.default_rng(0).normal(size=(50, 2)), np.full((10, 2), 9.0)])
    dial = linear_dial(made(x, [0] * 50 + [1] * 10), 1)
    assert "without a penalty the coefficients grow for ever" in dial.notices[0] and "L2 = 1" in dial.notices[0]
    assert np.isfinite(dial.plain(torch.tensor(x))).all()


def test_features_that_never_change_are_named():
    x = np.random.default_rng(0).normal(size=(200, 3))
    x[:, 1] = 4
    dial = linear_dial(made(x, [0, 1] * 100, feature_names=("age", "country", "sum")), 1)
    assert dial.notices == ("Left out, because they never change in training: country.",)


def test_a_class_without_training_rows_is_refused_and_one_without_validation_rows_is_not():
    dataset = load(DataSpec("gaussians", SMALL))
    rows = dataset.train.y == 0
    with pytest.raises(ValueError, match="both classes, got 0 of the weighted class"):
        linear_dial(dataclasses.replace(dataset, train=Split(dataset.train.x[rows], dataset.train.y[rows])), 1)
    rows = dataset.validation.y == 0
    dial = linear_dial(
        dataclasses.replace(dataset, validation=Split(dataset.validation.x[rows], dataset.validation.y[rows])), 1
    )
    assert dial.reading.class_rows[1] == 0 and np.isfinite(dial.score(0, dataset.train.x)).all()


def test_noisy_labels_have_no_closed_form():
    dataset = load(DataSpec("gaussians", SMALL))
    assert linear_dial(dataset, 1, clean=False).exact_gap is None
    assert linear_dial(load(DataSpec("moons", SMALL)), 1).exact_gap is None


def test_of_very_many_rows_a_part_of_each_class_is_fitted(monkeypatch):
    monkeypatch.setattr(models_module, "WORK", 9 * 1000)
    dial = linear_dial(load(DataSpec("gaussians", SMALL)), 1)
    assert dial.notices == ("Fitted on 1000 of 1500 training rows, evenly spaced within each class.",)
    monkeypatch.setattr(models_module, "MOST_READ", 100)
    dial = linear_dial(load(DataSpec("gaussians", SMALL)), 1)
    assert dial.notices[1] == "Read on 100 of 600 validation rows, evenly spaced within each class."
    assert dial.reading.class_rows == (95, 5)


@pytest.fixture(scope="module")
def finished():
    weights = dial_weights(19.0, per_decade=1)
    base = Experiment(
        strategies=(Strategy("mine"),), data=DataSpec("gaussians", SMALL), model=ModelSpec("linear"),
        training=Training(epochs=200, batch_size=1500, lr=0.1), seeds=(3, 4),
    )  # fmt: skip
    experiment = path_experiment(base, 2, 1, weights)
    return weights, experiment, list(train(experiment, load(experiment.data)))[-1]


def test_a_trained_path_is_one_strategy_per_weight_under_the_fixed_divisor(finished):
    weights, experiment, _ = finished
    assert len(experiment.strategies) == len(weights) == 8
    assert [s.weighting_params["weights"][1] for s in experiment.strategies] == weights.tolist()
    assert experiment.training.normaliser == "fixed" and experiment.seeds == (3,)
    assert Experiment.from_json(experiment.to_json()) == experiment


def test_a_trained_linear_path_comes_close_to_the_exact_one(finished):
    weights, _, snapshot = finished
    dial = trained_dial(snapshot, 1, weights)
    exact = linear_dial(snapshot.dataset, 1)
    for weight in (0.1, 1.0, 19.0):
        ours, theirs = (int(np.abs(np.log(d.reading.weights / weight)).argmin()) for d in (dial, exact))
        np.testing.assert_allclose(dial.reading.weighted.recall[ours], exact.reading.weighted.recall[theirs], atol=0.06)
    x = snapshot.dataset.validation.x
    np.testing.assert_allclose(dial.plain(x), dial.score(int((weights == 1).nonzero()[0]), x))


def test_log_odds_of_a_class_among_several_are_those_of_its_probability():
    experiment = Experiment(
        strategies=(Strategy("a"),), data=DataSpec("ring", SMALL), model=ModelSpec("linear"), training=Training(epochs=2)
    )
    snapshot = list(train(experiment, load(experiment.data)))[-1]
    model, x = snapshot.models[0, 0], snapshot.dataset.validation.x
    p = model.scores(x).double().softmax(1)[:, 1]
    torch.testing.assert_close(log_odds(model, x, 1), (p / (1 - p)).log())


def test_a_path_whose_plain_model_diverged_is_refused_and_others_are_left_out(finished):
    weights, _, snapshot = finished
    one = int((weights == 1).nonzero()[0])
    with pytest.raises(ValueError, match="plain model beside the weighted ones"):
        trained_dial(dataclasses.replace(snapshot, diverged={(one, 0): 1}), 1, weights)
    left = trained_dial(dataclasses.replace(snapshot, diverged={(0, 0): 1}), 1, weights)
    assert len(left.reading.weights) == len(weights) - 1
