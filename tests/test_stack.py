"""Which runs share tensors, what they share, and that nothing of it shows in the numbers."""

import itertools

import pytest
import torch

from lib.experiment import Experiment
from lib.stack import Run, standardise, widths_of
from lib.stack import stacks as stacked
from lib.training import load
from tests.test_training import MANY, TWO, YES_NO, assert_same_bits, experiment, finished


def runs_of(what):
    dataset = load(what.data)
    return [
        Run(strategy, seed, (s, r), dataset)
        for (s, strategy), (r, seed) in itertools.product(enumerate(what.strategies), enumerate(what.seeds))
    ]


def names(stack):
    return {run.strategy.name for run in stack.runs}


def test_runs_of_one_architecture_batch_size_and_optimiser_train_together():
    what = experiment([*MANY, *YES_NO], data=TWO, seeds=[0, 1])
    found = stacked(what, runs_of(what), torch.float32)
    assert len(found) == 5 and sum(len(stack.runs) for stack in found) == 2 * len([*MANY, *YES_NO])
    assert {frozenset(names(stack)) for stack in found} >= {
        frozenset({"sgd"}),
        frozenset({"small batches"}),
        frozenset({"margins", "wide margins"}),
    }
    for stack in found:
        assert len({(widths_of(what, run), run.loss.head) for run in stack.runs}) == 1
        assert stack.batches == -(-203 // stack.batch_size)


def test_a_loss_is_called_once_for_all_runs_that_use_it():
    what = experiment([s for s in MANY if s["name"] != "fixed"], seeds=[0, 1, 2])
    stack = max(stacked(what, runs_of(what), torch.float32), key=lambda each: len(each.runs))
    groups = stack._groups(0)
    keys = [group.loss.key for group in groups]
    assert len(keys) == len(set(keys))
    assert sum(group.runs.stop - group.runs.start for group in groups) == len(stack.runs)
    gamma = next(group.params["gamma"] for group in groups if group.loss.key == "focal")
    assert gamma.shape == (6, 1) and sorted(gamma.flatten().tolist()) == [1.0] * 3 + [2.0] * 3


def test_runs_of_one_seed_and_sampler_read_one_stream_of_rows():
    what = experiment(MANY, seeds=[0, 1])
    stack = max(stacked(what, runs_of(what), torch.float32), key=lambda each: len(each.runs))
    samplers = {(run.strategy.sampler, run.strategy.sampler_params, run.seed) for run in stack.runs}
    assert len(stack._streams) == len(samplers)


def test_rows_gathered_in_small_chunks_are_the_same_rows(monkeypatch):
    what = experiment(MANY, training={"epochs": 2}, seeds=[0, 1])
    whole = finished(what, dtype=torch.float32)
    monkeypatch.setattr("lib.stack.CHUNK_BYTES", 1)
    assert_same_bits(finished(what, dtype=torch.float32), whole)


def test_a_stack_that_is_split_for_the_cache_gives_the_same_numbers(monkeypatch):
    what = experiment(MANY, training={"epochs": 2}, seeds=[0, 1])
    whole = finished(what)
    monkeypatch.setattr("lib.stack.LAYER_BYTES", 3 * 32 * 8 * 8)  # three runs of 8 units in batches of 32
    parts = stacked(what, runs_of(what), torch.float64)
    assert max(len(stack.runs) for stack in parts if stack.batch_size == 32) <= 3
    split = finished(what)
    for at, model in whole.models.items():
        torch.testing.assert_close(split.models[at].parameters, model.parameters, rtol=0, atol=1e-10)


@pytest.mark.parametrize("batch_size", [1, 202, 203, 204, 1000])
def test_batches_of_any_size_take_every_row_once(batch_size):
    what = experiment([{"name": "it"}], training={"batch_size": batch_size})
    (stack,) = stacked(what, runs_of(what), torch.float64)
    sizes = [targets[0].shape[1] for _, targets, _ in stack._batches(stack._groups(0))]
    assert sum(sizes) == 203 and sizes[:-1] == [batch_size] * (len(sizes) - 1) and len(sizes) == stack.batches


def test_the_factors_of_a_batch_sum_to_what_the_reduction_says():
    what = experiment([{"name": "ce", "weighting": "balanced"}, {"name": "focal", "loss": "focal", "weighting": "balanced"}])
    (stack,) = stacked(what, runs_of(what), torch.float64)
    groups = stack._groups(0)
    for _, targets, factors in stack._batches(groups):
        for group, y, own in zip(groups, targets, factors, strict=True):
            weight = group.class_weight[0][y]
            expected = torch.ones(1) if group.loss.key == "cross_entropy" else weight.mean(1)
            torch.testing.assert_close(own.sum(1).float(), expected.float())


def test_a_run_knows_what_follows_from_its_class_counts():
    what = Experiment.from_dict({
        "data": {"params": {"n": 1000}},
        "strategies": [{"name": "it", "loss": "logit_adjusted", "weighting": "balanced", "sampler": "undersample"}],
    })  # fmt: skip
    (run,) = runs_of(what)
    assert run.class_counts.tolist() == [950, 50] and run.seen_counts.tolist() == [50, 50]
    torch.testing.assert_close(run.class_weight, torch.tensor([1000 / 1900, 10], dtype=torch.float64))
    torch.testing.assert_close(run.loss_shift, -torch.tensor([0.95, 0.05], dtype=torch.float64).log())


def test_the_output_bias_starts_at_the_log_of_the_class_shares():
    for loss, expected in (("cross_entropy", [0.95, 0.05]), ("bce_with_logits", [0.05 / 0.95])):
        what = Experiment.from_dict({
            "data": {"params": {"n": 1000}}, "model": {"bias_init": "log_prior"}, "strategies": [{"name": "it", "loss": loss}],
        })  # fmt: skip
        (stack,) = stacked(what, runs_of(what), torch.float64)
        bias = stack.parameters()[0, -len(expected) :]
        torch.testing.assert_close(bias, torch.tensor(expected, dtype=torch.float64).log())


def test_features_are_standardised_where_the_dataset_says_so():
    cancer, ring = (load(experiment([{"name": "it"}], data={"source": source}).data) for source in ("breast_cancer", "ring"))
    x = standardise(cancer, cancer.train.x)
    torch.testing.assert_close(x.mean(0), torch.zeros(30), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.std(0), torch.ones(30), atol=1e-4, rtol=0)
    assert standardise(ring, ring.train.x) is ring.train.x
