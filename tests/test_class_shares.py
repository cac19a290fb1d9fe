"""Shares of classes in loss and gradient: those of plain autograd, of closed forms, and of what a sampler shows."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from lib.class_shares import BATCHES, ClassShares, sample_of, wants
from lib.data import Dataset, Split
from lib.experiment import Experiment, Strategy, Training
from lib.losses import LOSSES
from lib.stack import Run
from lib.training import load, train
from lib.weighting import class_weights
from tests.test_training import criterion_of

LITTLE = {"n": 90, "n_val": 40, "n_test": 40}
TWO = {"source": "gaussians", "params": LITTLE | {"priors": [0.8, 0.2]}, "seed": 3}
THREE = {"source": "ring", "params": LITTLE, "seed": 3}
LABELS = {"source": "multilabel", "params": LITTLE | {"correlation": 0.5}, "seed": 3}
SERIES = {
    "source": "events", "seed": 2,
    "params": {"n": 37, "n_val": 20, "n_test": 30, "steps": 12, "shortest": 3, "rate": 0.2},
}  # fmt: skip


def finished(data, strategies, seeds=(0,), **training):
    given = {"data": data, "strategies": strategies, "seeds": list(seeds)}
    given |= {"training": {"epochs": 2, "batch_size": 16, "lr": 0.05} | training}
    what = Experiment.from_dict(given)
    return list(train(what, load(what.data), dtype=torch.float64))[-1]


def rows_of(counts):
    """A table with so many rows of each class."""
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    part = Split(torch.zeros(len(y), 1), y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))])
    task = "binary" if len(counts) == 2 else "multiclass"
    return Dataset(task, tuple(f"class {c}" for c in range(len(counts))), part, part, part)


def shares_at(dataset, outputs, epoch=0, **strategy):
    """Shares [C] of one strategy whose model puts out the same numbers for every row."""
    run = Run(Strategy(name="it", **strategy), 0, (0, 0), dataset)
    row = torch.tensor(outputs, dtype=torch.float64)
    own = ClassShares([run], [Training()], torch.float64)
    loss, gradient = own.measure(epoch, lambda runs, sample: row.expand(1, len(sample.x), -1))
    return loss[0].numpy(), gradient[0].numpy()


@pytest.mark.parametrize("key", [key for key, loss in LOSSES.items() if "binary" in loss.tasks])
@pytest.mark.parametrize("weighting", ["none", "sqrt"])
def test_shares_are_those_of_plain_autograd_on_all_rows(key, weighting):
    record = LOSSES[key]
    one = record.scores == "one"
    last = finished(TWO if one else THREE, [{"name": "it", "loss": key, "weighting": weighting}], lr=0.005)
    dataset = last.dataset
    model, criterion = last.models[0, 0].module(), criterion_of(last.experiment.strategies[0], dataset)(0)
    y, classes = dataset.train.y, len(dataset.class_names)
    logits = model(dataset.train.x.double()).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(criterion(logits.squeeze(1) if one else logits, y, None), logits)
    weight = class_weights(weighting, dataset.class_counts())
    parts, lengths = [], []
    for c in range(classes):
        own = y == c
        divisor = {"weighted_mean": own.sum() * weight[c], "mean": own.sum(), "sum": 1}[record.reduction]
        parts.append((criterion(logits[own].squeeze(1) if one else logits[own], y[own], None) * divisor).item())
        lengths.append(gradient[own].norm(dim=1).sum().item())
    assert last.history.loss_share[0, 0, -1] == pytest.approx(np.array(parts) / sum(parts), abs=1e-9)
    assert last.history.gradient_share[0, 0, -1] == pytest.approx(np.array(lengths) / sum(lengths), abs=1e-9)


@pytest.mark.parametrize("counts", [(950, 50), (40, 2000, 160), (9000, 900, 90, 10)])
def test_with_zero_scores_balanced_weights_give_equal_shares_and_none_gives_the_priors(counts):
    dataset, zeros = rows_of(counts), [0.0] * len(counts)
    priors = np.array(counts) / sum(counts)
    for found in shares_at(dataset, zeros):
        assert found == pytest.approx(priors)
    for found in shares_at(dataset, zeros, weighting="balanced"):
        assert found == pytest.approx(1 / len(counts))


def test_at_the_bias_of_the_prior_both_classes_pull_alike_without_weights():
    """p = pi for every row: positives pull with pi (1 - pi), negatives with (1 - pi) pi; the losses are not equal."""
    dataset, prior = rows_of((950, 50)), 0.05
    loss, gradient = shares_at(dataset, [float(np.log(prior / (1 - prior)))], loss="bce_with_logits")
    assert gradient == pytest.approx([0.5, 0.5])
    rare, frequent = -prior * np.log(prior), -(1 - prior) * np.log(1 - prior)
    assert loss == pytest.approx([frequent / (rare + frequent), rare / (rare + frequent)])
    with_weights = shares_at(dataset, [float(np.log(prior / (1 - prior)))], loss="bce_with_logits", weighting="pos_weight")
    assert with_weights[1] == pytest.approx([1 / 20, 19 / 20])


@pytest.mark.parametrize(
    "sampler, params, seen",
    [("weighted_random", {}, (1, 1)), ("weighted_random", {"power": 0.5}, (950**0.5, 50**0.5)), ("undersample", {}, (1, 1)),
     ("oversample", {"ratio": 0.5}, (2, 1)), ("smote", {"ratio": 0.5}, (2, 1))],
)  # fmt: skip
def test_what_the_sampler_shows_is_what_counts(sampler, params, seen):
    found = shares_at(rows_of((950, 50)), [0.0, 0.0], sampler=sampler, sampler_params=params)
    for own in found:
        assert own == pytest.approx(np.array(seen) / sum(seen))


def test_weights_that_start_later_count_later():
    late = {"weighting": "balanced", "weights_from_epoch": 2}
    before, after = (shares_at(rows_of((950, 50)), [0.0, 0.0], epoch=epoch, **late)[0] for epoch in (1, 2))
    assert before == pytest.approx([0.95, 0.05])
    assert after == pytest.approx([0.5, 0.5])


def test_an_ignored_class_has_no_share():
    loss, gradient = shares_at(rows_of((50, 30, 20)), [0.0] * 3, loss="nll", loss_params={"ignore_index": 1})
    assert loss == pytest.approx([5 / 7, 0, 2 / 7]) and gradient == pytest.approx([5 / 7, 0, 2 / 7])


def test_weights_of_rows_count_where_the_strategy_uses_them():
    dataset = rows_of((60, 40))
    weight = torch.where(dataset.train.y == 1, 3.0, 1.0)
    dataset = dataclasses.replace(dataset, train=dataclasses.replace(dataset.train, sample_weight=weight))
    assert shares_at(dataset, [0.0, 0.0])[0] == pytest.approx([60 / 180, 120 / 180])
    assert shares_at(dataset, [0.0, 0.0], sample_weight=False)[0] == pytest.approx([0.6, 0.4])


def test_labels_are_those_of_plain_autograd():
    last = finished(LABELS, [{"name": "plain", "loss": "bce_with_logits"},
                             {"name": "weighted", "loss": "bce_with_logits", "weighting": "pos_weight"}])  # fmt: skip
    part = last.dataset.train
    none, some = last.dataset.class_counts().T
    for s, pos_weight in enumerate((None, none / some)):
        logits = last.models[s, 0].module()(part.x.double()).detach().requires_grad_()
        terms = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="none")(logits, part.y.double())
        (gradient,) = torch.autograd.grad(terms.sum(), logits)
        assert last.history.loss_share[s, 0, -1] == pytest.approx((terms.sum(0) / terms.sum()).detach().numpy(), abs=1e-9)
        own = gradient.abs().sum(0)
        assert last.history.gradient_share[s, 0, -1] == pytest.approx((own / own.sum()).numpy(), abs=1e-9)


def test_steps_are_those_of_plain_autograd_without_padding():
    last = finished(SERIES, [{"name": "it", "loss": "bce_with_logits", "weighting": "pos_weight"}])
    part, (quiet, on) = last.dataset.train, last.dataset.class_counts()
    logits = last.models[0, 0].outputs(part.x, part.mask)[part.mask].detach().requires_grad_()
    y = part.y[part.mask]
    terms = nn.BCEWithLogitsLoss(pos_weight=quiet / on, reduction="none")(logits, y.double())
    (gradient,) = torch.autograd.grad(terms.sum(), logits)
    for found, values in ((last.history.loss_share, terms), (last.history.gradient_share, gradient.abs())):
        expected = values[y == 1].sum() / values.sum()
        assert found[0, 0, -1] == pytest.approx([1 - expected.item(), expected.item()], abs=1e-9)


def test_strategies_and_seeds_that_train_together_have_their_own_shares():
    strategies = [{"name": "plain"}, {"name": "focal", "loss": "focal"}, {"name": "balanced", "weighting": "balanced"},
                  {"name": "bce", "loss": "bce_with_logits", "overrides": {"batch_size": 30}}]  # fmt: skip
    together = finished(TWO, strategies, seeds=(0, 1)).history
    for s, strategy in enumerate(strategies):
        alone = finished(TWO, [strategy], seeds=(0, 1)).history
        for field in ("loss_share", "gradient_share", "class_nll"):
            np.testing.assert_allclose(getattr(together, field)[s], getattr(alone, field)[0], atol=1e-9)


def test_rows_are_few_evenly_spaced_and_of_every_class():
    sample = sample_of(rows_of((19_000, 970, 30)))
    assert torch.bincount(sample.y).tolist() == [171, 171, 30]
    assert sample.there.tolist() == [19_000, 970, 30] and sample.taken.tolist() == [171, 171, 30]
    whole = sample_of(rows_of((90, 30)))
    assert len(whole.y) == 120


def test_a_class_without_rows_has_no_share():
    dataset = rows_of((80, 20))
    part = dataclasses.replace(dataset.train, y=torch.where(dataset.train.y == 1, 2, 0))
    empty = dataclasses.replace(dataset, task="multiclass", class_names=("a", "b", "c"), train=part)
    for found in shares_at(empty, [0.0, 0.0, 0.0], weighting="balanced"):
        assert found == pytest.approx([0.5, 0, 0.5])


def test_shares_are_measured_at_the_first_and_last_epoch_and_so_often_that_they_cost_little():
    assert all(wants(epoch, 10, BATCHES) for epoch in range(10))
    assert [epoch for epoch in range(10) if wants(epoch, 10, BATCHES // 4)] == [0, 4, 8, 9]
    assert [epoch for epoch in range(50) if wants(epoch, 50, 1)] == [0, 32, 49]
    history = finished(TWO, [{"name": "it"}], epochs=9, batch_size=16).history  # 6 batches each
    assert np.flatnonzero(np.isfinite(history.loss_share[0, 0, :, 0])).tolist() == [0, 6, 8]


def test_of_a_run_that_diverged_there_are_none():
    gone = {"name": "gone", "overrides": {"lr": 1e3, "optimizer": "sgd", "weight_decay": 100.0}}
    last = finished(TWO, [{"name": "it"}, gone], epochs=40)
    assert (1, 0) in last.diverged
    assert np.isnan(last.history.loss_share[1, 0, -1]).all() and np.isnan(last.history.class_nll[1, 0, -1]).all()
    assert last.history.loss_share[0, 0, -1].sum() == pytest.approx(1)


@pytest.mark.parametrize("data, loss", [(THREE, "cross_entropy"), (TWO, "bce_with_logits"), (SERIES, "bce_with_logits")])
def test_validation_nll_by_class_is_that_of_its_rows(data, loss):
    last = finished(data, [{"name": "it", "loss": loss}])
    dataset, part = last.dataset, last.dataset.validation
    scores = last.models[0, 0].scores(part.x, part.mask)
    y = part.y if part.mask is None else part.y[part.mask].long()
    found = last.history.class_nll[0, 0, -1]
    for c in range(len(dataset.class_names)):
        assert found[c] == pytest.approx(functional.cross_entropy(scores[y == c], y[y == c]).item(), abs=1e-9)
    rows = torch.bincount(y, minlength=len(found)).numpy()
    assert found @ rows / rows.sum() == pytest.approx(last.history.val_nll[0, 0, -1])


def test_validation_nll_by_label_is_that_of_its_answers():
    last = finished(LABELS, [{"name": "it", "loss": "bce_with_logits"}])
    part = last.dataset.validation
    terms = functional.binary_cross_entropy_with_logits(last.models[0, 0].outputs(part.x), part.y.double(), reduction="none")
    assert last.history.class_nll[0, 0, -1] == pytest.approx(terms.mean(0).detach().numpy(), abs=1e-9)
    assert last.history.class_nll[0, 0, -1].mean() == pytest.approx(last.history.val_nll[0, 0, -1])


def test_scores_that_are_no_probabilities_have_shares_but_no_nll():
    last = finished(THREE, [{"name": "hinge", "loss": "multi_margin"}], lr=0.005)
    assert np.isnan(last.history.class_nll).all()
    assert last.history.loss_share[0, 0, -1].sum() == pytest.approx(1)
