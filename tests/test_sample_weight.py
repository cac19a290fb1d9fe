"""The weight of each row: a plain loop's, times class weights, and by strategy."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional

from lib.experiment import Experiment
from lib.training import load
from tests.plain import Script, flat, train_plainly
from tests.test_training import TWO, experiment, finished


def with_sample_weights(dataset):
    weight = torch.rand(len(dataset.train), generator=torch.Generator().manual_seed(9))
    return dataclasses.replace(dataset, train=dataclasses.replace(dataset.train, sample_weight=weight))


@pytest.mark.parametrize("loss", ["cross_entropy", "nll", "focal", "logit_adjusted", "poly1"])
def test_sample_weights_are_those_of_a_plain_loop(loss):
    ours = experiment([{"name": "it", "loss": loss, "weighting": "balanced"}], seeds=[1])
    dataset = with_sample_weights(load(ours.data))
    counts, sample = dataset.class_counts(), dataset.train.sample_weight.double()
    weight, prior = len(dataset.train) / (3 * counts), (counts / counts.sum()).log()

    def criterion(logits, targets, rows):
        share = sample[rows] * weight[targets]
        ce = functional.cross_entropy(logits + prior if loss == "logit_adjusted" else logits, targets, reduction="none")
        if loss == "focal":
            return (share * (1 - torch.exp(-ce)) ** 2 * ce).mean()
        if loss == "poly1":
            ce = ce + 1 - torch.exp(-ce)
        return (share * ce).sum() / share.sum()

    model, _ = train_plainly(Script(lambda epoch: criterion, outputs=3), dataset.train.x, dataset.train.y, seed=1)
    torch.testing.assert_close(finished(ours, dataset).models[0, 0].parameters, flat(model), rtol=0, atol=1e-8)


def test_sample_weights_of_bce_are_its_weight():
    ours = experiment([{"name": "it", "loss": "bce_with_logits", "weighting": "pos_weight"}], data=TWO, seeds=[1])
    dataset = with_sample_weights(load(ours.data))
    sample, (negative, positive) = dataset.train.sample_weight.double(), dataset.class_counts()

    def criterion(logits, targets, rows):
        return nn.BCEWithLogitsLoss(weight=sample[rows], pos_weight=negative / positive)(logits, targets.double())

    model, _ = train_plainly(Script(lambda epoch: criterion, outputs=1), dataset.train.x, dataset.train.y, seed=1)
    torch.testing.assert_close(finished(ours, dataset).models[0, 0].parameters, flat(model), rtol=0, atol=1e-8)


def test_a_strategy_may_do_without_sample_weights_beside_one_that_uses_them():
    """Reliability times class weights, reliability alone, neither: each is a plain loop's, in one stack."""
    balanced = {"weighting": "balanced"}
    strategies = [
        {"name": "both"} | balanced, {"name": "reliability"},
        {"name": "classes", "sample_weight": False} | balanced, {"name": "none", "sample_weight": False},
    ]  # fmt: skip
    ours = experiment(strategies, seeds=[1])
    dataset = with_sample_weights(load(ours.data))
    counts, sample = dataset.class_counts(), dataset.train.sample_weight.double()
    together = finished(ours, dataset)
    for s, strategy in enumerate(ours.strategies):
        weight = len(dataset.train) / (3 * counts) if strategy.weighting == "balanced" else torch.ones(3, dtype=torch.float64)

        def criterion(logits, targets, rows, weight=weight, used=strategy.sample_weight):
            share = weight[targets] * (sample[rows] if used else 1)
            return (share * functional.cross_entropy(logits, targets, reduction="none")).sum() / share.sum()

        model, _ = train_plainly(
            Script(lambda epoch, own=criterion: own, outputs=3), dataset.train.x, dataset.train.y, seed=1
        )  # fmt: skip
        torch.testing.assert_close(together.models[s, 0].parameters, flat(model), rtol=0, atol=1e-8)


def test_series_too_may_do_without_their_weights():
    given = {"data": {"source": "events", "params": {"n": 40}}, "model": {"name": "lstm"}, "training": {"epochs": 1}}
    with_and_without = [{"name": "with", "loss": "bce_with_logits"}]
    with_and_without += [{"name": "without", "loss": "bce_with_logits", "sample_weight": False}]
    what = Experiment.from_dict(given | {"strategies": with_and_without})
    plain = load(what.data)
    weighted, unweighted = finished(what, with_sample_weights(plain)), finished(what, plain)
    parameters = [weighted.models[s, 0].parameters for s in (0, 1)]
    assert torch.equal(parameters[1], unweighted.models[1, 0].parameters)
    assert not torch.equal(parameters[0], parameters[1])
