"""Runs of an earlier training in a new one: kept bit for bit, the rest as if all had been trained, wherever a view looks."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.digest import compare, digest
from lib.evaluation import evaluate
from lib.experiment import Experiment
from lib.export.tables import results_csv
from lib.moments import BYTES
from lib.reuse import Latest, join, keep, origins
from lib.snapshot import History, past
from lib.training import load, train
from lib.verdict import verdict
from tests.test_training import assert_same_bits

TWO = {"source": "gaussians", "params": {"n": 203, "priors": [0.8, 0.2], "n_val": 120, "n_test": 90}, "seed": 3}
THREE = {"source": "ring", "params": {"n": 203, "n_val": 50, "n_test": 50}, "seed": 3}
SERIES = {"source": "events", "params": {"n": 30, "steps": 20, "n_val": 10, "n_test": 10}}
LABELS = {"source": "multilabel", "params": {"n": 100, "n_val": 60, "n_test": 50}}
A = {"name": "plain"}
B = {"name": "balanced", "weighting": "balanced"}
C = {"name": "focal", "loss": "focal", "loss_params": {"gamma": 2}, "sampler": "oversample"}
D = {"name": "tuned", "weighting": "sqrt", "decision": "tuned", "overrides": {"lr": 0.003}}


def experiment(*strategies, data=TWO, seeds=(0, 1, 2), model=None, **training):
    settings = {"epochs": 4, "batch_size": 32, "lr": 0.01} | training
    return Experiment.from_dict({
        "data": data, "strategies": list(strategies), "training": settings, "seeds": list(seeds), "model": model or {},
    })  # fmt: skip


def whole(what, dtype=torch.float32):
    *_, last = train(what, load(what.data), dtype=dtype)
    return last


def reused(earlier, what, dtype=torch.float32, results=None):
    """The runs that are kept, and all snapshots of a training that keeps them."""
    kept = keep(earlier, results, what, load(what.data))
    assert kept is not None
    return kept, [join(kept, rest) for rest in train(what, load(what.data), dtype=dtype, skip=kept.runs)]


def assert_close(one, other, kept, earlier, found, atol):
    """The kept runs are those of before, bit for bit, and all are those of a training of everything, to rounding."""
    assert set(one.models) == set(other.models) and one.diverged == other.diverged and one.reused == kept.runs
    assert [run.at for run in one.runs] == [run.at for run in other.runs]
    for at, model in other.models.items():
        torch.testing.assert_close(one.models[at].parameters, model.parameters, rtol=0, atol=atol)
        assert one.models[at].run.strategy == model.run.strategy and one.models[at].run.seed == model.run.seed
        assert one.models[at].epoch == model.epoch and set(one.rules) == set(other.rules)
    for f in dataclasses.fields(History):
        ours, theirs = getattr(one.history, f.name), getattr(other.history, f.name)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)
        for at, old in found.items():
            assert np.array_equal(ours[at], getattr(earlier.history, f.name)[old], equal_nan=True)
    for at, old in found.items():
        assert torch.equal(one.models[at].parameters, earlier.models[old].parameters)
        assert torch.equal(one.rules[at].offset, earlier.rules[old].offset)
        assert np.array_equal(one.confusion[at], earlier.confusion[old])
    assert np.array_equal(one.confusion, other.confusion)


@pytest.mark.parametrize(
    ("before", "after", "data", "pairs"),
    [
        ((A, B, C), (A, D, C), TWO, {0: 0, 2: 2}),  # one is changed
        ((A, B), (D, B, A), TWO, {1: 1, 2: 0}),  # one is added, in front
        ((A, D, B), (D, C), THREE, {0: 1}),
        ((A, C), (C, {**A, "decision": "tuned"}), THREE, {0: 1}),  # a decision is part of a run
    ],
)
def test_what_is_not_changed_is_kept_and_the_rest_is_what_a_training_of_all_gives(before, after, data, pairs):
    earlier, what = whole(experiment(*before, data=data), torch.float64), experiment(*after, data=data)
    kept, snapshots = reused(earlier, what, torch.float64)
    found = origins(earlier, what)
    assert found == {(s, r): (old, r) for s, old in pairs.items() for r in range(3)}
    assert_close(snapshots[-1], whole(what, torch.float64), kept, earlier, found, atol=1e-10)


def test_in_float32_the_rest_differs_from_a_training_of_all_by_rounding_alone():
    """Stacks of another width round otherwise: not bit for bit, and far within the 1e-3 that the design promises."""
    what = experiment(A, D, C, epochs=20)
    kept, snapshots = reused(whole(experiment(A, B, C, epochs=20)), what)
    full, own = whole(what), snapshots[-1]
    np.testing.assert_allclose(own.history.val_nll, full.history.val_nll, rtol=0, atol=1e-5)
    alone = whole(experiment(D, epochs=20))  # what trains is what trains alone, bit for bit
    for r in range(3):
        assert torch.equal(own.models[1, r].parameters, alone.models[0, r].parameters)
    assert np.array_equal(own.history.val_nll[1], alone.history.val_nll[0])


def test_more_seeds_train_the_new_ones_alone_and_fewer_train_nothing():
    earlier = whole(experiment(A, B), torch.float64)
    what = experiment(A, C, B, seeds=(4, 2, 0, 1, 3))
    kept, snapshots = reused(earlier, what, torch.float64)
    found = origins(earlier, what)
    assert found == {(s, r): (old, seed) for s, old in ((0, 0), (2, 1)) for r, seed in ((1, 2), (2, 0), (3, 1))}
    assert_close(snapshots[-1], whole(what, torch.float64), kept, earlier, found, atol=1e-10)
    (only,) = reused(earlier, experiment(B, seeds=(2, 1)))[1]
    assert only.done and np.array_equal(only.history.recall[0, 0], earlier.history.recall[1, 2])


def test_another_order_and_other_names_train_nothing_and_are_there_at_once():
    earlier = whole(experiment(A, B, C))
    what = experiment(C, {**A, "name": "first"}, {**B, "name": "second"})
    kept, (only,) = reused(earlier, what)
    assert only.done and only.progress == 4 and len(only.runs) == 9
    assert [run.strategy.name for run in only.runs[::3]] == ["focal", "first", "second"]
    assert_close(only, whole(what), kept, earlier, origins(earlier, what), atol=1e-5)
    assert [m.epoch for m in only.moments] == [1, 2, 3, 4]
    for new, old in zip(only.moments, earlier.moments, strict=True):
        assert np.array_equal(new.confusion, old.confusion[[2, 0, 1]])
        assert all(torch.equal(new.parameters[s], old.parameters[o]) for s, o in enumerate((2, 0, 1)))


@pytest.mark.parametrize("data", [SERIES, LABELS], ids=["series", "labels"])
def test_series_and_labels_too(data):
    first, second = (
        {"loss": "bce_with_logits", "name": "plain"},
        {"loss": "bce_with_logits", "name": "w", "weighting": "pos_weight"},
    )
    third = {**second, "name": "third", "decision": "threshold"}
    model = {"name": "lstm", "params": {"hidden": 4}} if data is SERIES else {}
    earlier = whole(experiment(first, second, data=data, model=model, epochs=2), torch.float64)
    what = experiment(third, first, data=data, model=model, epochs=2, seeds=(0, 1, 2, 3))
    kept, snapshots = reused(earlier, what, torch.float64)
    found = origins(earlier, what)
    assert found == {(1, r): (0, r) for r in range(3)}
    assert_close(snapshots[-1], whole(what, torch.float64), kept, earlier, found, atol=1e-10)


def test_data_that_are_drawn_anew_for_each_seed():
    data = TWO | {"resample": True}
    earlier = whole(experiment(A, B, data=data), torch.float64)
    what = experiment(A, C, data=data, seeds=(1, 2, 5))
    kept, snapshots = reused(earlier, what, torch.float64)
    found = origins(earlier, what)
    assert found == {(0, 0): (0, 1), (0, 1): (0, 2)}
    full = whole(what, torch.float64)
    assert_close(snapshots[-1], full, kept, earlier, found, atol=1e-10)
    ours, theirs = evaluate(snapshots[-1]), evaluate(full)
    assert all(np.array_equal(ours[at].confusion, theirs[at].confusion) for at in theirs)


def test_every_snapshot_has_the_kept_curves_in_full_and_the_others_as_far_as_they_are():
    earlier = whole(experiment(A, B, C))
    kept, snapshots = reused(earlier, experiment(A, D, C))
    assert [own.epoch for own in snapshots] == [0, 1, 2, 3, 4]
    for epoch, own in enumerate(snapshots):
        assert own.reused == {(s, r) for s in (0, 2) for r in range(3)} and own.done == (epoch == 4)
        assert [own.epochs_of(s) for s in range(3)] == [4, epoch, 4]
        for f in dataclasses.fields(History):
            values, before = getattr(own.history, f.name), getattr(earlier.history, f.name)
            assert values.shape == (3, 3, 4, *values.shape[3:]) and not values.flags.writeable
            assert np.array_equal(values[[0, 2]], before[[0, 2]], equal_nan=True)
            measured = np.isfinite(before[0, :, :epoch])  # shares of classes are measured at some epochs only
            assert np.isnan(values[1, :, epoch:]).all() and np.array_equal(np.isfinite(values[1, :, :epoch]), measured)
            assert epoch == 0 or measured[:, 0].all()
        assert np.array_equal(own.confusion[[0, 2]], earlier.confusion[[0, 2]])
        assert (own.confusion[1].sum() > 0) == (epoch > 0)
        assert set(own.models) == {(s, r) for s in range(3) for r in range(3)}
        assert [m.epoch for m in own.moments] == list(range(1, epoch + 1))
        assert all(set(m.parameters) == {0, 1, 2} for m in own.moments)
    now, then = past(snapshots[-1], snapshots[-1].moments[1]), past(whole(experiment(A, D, C)), snapshots[-1].moments[1])
    assert now.reused == frozenset() and now.history.recall.shape == then.history.recall.shape == (3, 3, 2, 2)


def test_a_training_that_was_stopped_gives_nothing_but_what_it_had_kept_itself():
    *_, before, _ = train(experiment(A, B), load(experiment(A).data))
    assert before.epoch == 3 and keep(before, None, experiment(A, B), before.dataset) is None
    _, snapshots = reused(whole(experiment(A, B)), experiment(A, C))
    stopped = snapshots[2]
    assert origins(stopped, experiment(C, A, B)) == {(1, r): (0, r) for r in range(3)}
    kept, again = reused(stopped, experiment(C, A, B))
    assert np.array_equal(again[0].history.val_nll[1], stopped.history.val_nll[0]) and again[-1].done
    assert np.isnan(kept.snapshot.history.val_nll[[0, 2]]).all()


@pytest.mark.parametrize(
    "other",
    [
        experiment(A, B, data=TWO | {"seed": 4}),
        experiment(A, B, data=TWO | {"resample": True}),
        experiment(A, B, epochs=5),
        experiment(A, B, lr=0.02),
        experiment(A, B, model={"name": "linear"}),
        experiment(A, B, seeds=(7, 8)),
        experiment(C, D),
    ],
)
def test_other_data_models_settings_and_seeds_keep_nothing(other):
    assert keep(whole(experiment(A, B, epochs=4)), None, other, load(other.data)) is None


def test_a_file_of_the_same_name_with_other_rows_keeps_nothing():
    """An experiment of an upload may come without the sha256 of its file: then the rows themselves decide."""
    earlier = whole(experiment(A, B))
    same, train_part = load(earlier.experiment.data), earlier.dataset.train
    assert keep(earlier, None, experiment(B), same) is not None
    x = train_part.x.clone()
    x[17, 0] += 1e-3
    for other in (
        dataclasses.replace(same, train=dataclasses.replace(train_part, x=x)),
        dataclasses.replace(same, train=dataclasses.replace(train_part, sample_weight=torch.ones(len(train_part)))),
        dataclasses.replace(same, class_names=("no", "maybe")),
    ):
        assert keep(earlier, None, experiment(B), other) is None


def test_with_fair_tuning_whole_strategies_are_kept_with_the_rate_that_was_chosen():
    grid = {"lr_grid": [0.001, 0.03]}
    earlier = whole(experiment(A, B, D, **grid), torch.float64)
    what = experiment(C, D, A, **grid)
    kept, snapshots = reused(earlier, what, torch.float64)
    found, full = origins(earlier, what), whole(what, torch.float64)
    assert found == {(s, r): (old, r) for s, old in ((1, 2), (2, 0)) for r in range(3)}
    assert_close(snapshots[-1], full, kept, earlier, found, atol=1e-10)
    assert [own.lr for own in snapshots[-1].tuned] == [own.lr for own in full.tuned]
    assert snapshots[-1].tuned[2] == earlier.tuned[0]
    (only,) = reused(earlier, experiment(B, A, seeds=(2, 1, 0), **grid))[1]
    assert only.tuned == (earlier.tuned[1], earlier.tuned[0]) and only.done
    assert origins(earlier, experiment(A, B, seeds=(0, 1), **grid)) == {}  # the rate was chosen over three seeds
    assert origins(earlier, experiment(A, D, seeds=(0, 1, 2, 3), **grid)) == {}


def test_a_run_that_diverged_is_kept_as_it_is():
    wild = {"name": "wild", "overrides": {"optimizer": "sgd", "lr": 100.0, "weight_decay": 1.0}}
    earlier = whole(experiment(A, wild, epochs=30))
    assert {s for s, _ in earlier.diverged} == {1}
    kept, snapshots = reused(earlier, experiment(wild, B, epochs=30), results=evaluate(earlier))
    assert snapshots[0].diverged == snapshots[-1].diverged == {(0, r): earlier.diverged[1, r] for r in range(3)}
    assert all(kept.results[0, r].diverged for r in range(3))


def test_results_are_taken_over_and_digest_verdict_and_tables_read_a_joined_training():
    earlier, what = whole(experiment(A, B, epochs=8)), experiment(D, A, epochs=8)
    results = evaluate(earlier)
    kept, snapshots = reused(earlier, what, results=results)
    assert kept.results == {(1, r): results[0, r] for r in range(3)}
    own, full = snapshots[-1], whole(what)
    ours, theirs = evaluate(own), evaluate(full)
    assert compare(digest(full, theirs), own, ours).reproduced
    assert verdict(own, ours, 1) == verdict(full, theirs, 1)
    assert results_csv(own, ours).count("\n") == results_csv(full, theirs).count("\n")
    halfway = results_csv(snapshots[3], None).splitlines()
    last = {name: max(int(line.split(",")[2]) for line in halfway if line.startswith(name)) for name in ("tuned", "plain")}
    assert last == {"tuned": 3, "plain": 8}  # no empty lines of epochs that are not there


def test_moments_keep_within_their_bound_and_boundaries_only_where_all_have_them():
    def course(model, seeds, *strategies):
        return experiment(*strategies, seeds=seeds, model=model, epochs=16)

    large = {"params": {"hidden": [64, 64]}}
    earlier = whole(course(large, (0,), A, B))
    kept, snapshots = reused(
        earlier, course(large, (0, 1, 2), *({**A, "name": str(s), "weights_from_epoch": s} for s in range(18)))
    )
    assert kept.runs == {(0, 0)}
    found = snapshots[-1].moments
    assert 1 < len(found) < 16 and found[0].epoch == 1 and sum(m.nbytes for m in found) <= BYTES
    _, other_first = reused(whole(course({}, (0, 1), A, B)), course({}, (1, 0), A, C))
    assert [m.parameters for m in other_first[-1].moments] == [{}] * 16  # of seed 1, now the first, A kept none


def test_the_latest_is_joined_once_and_only_the_whole_is_held_on_to():
    earlier, what = whole(experiment(A, B)), experiment(A, C)
    kept = keep(earlier, None, what, earlier.dataset)
    latest = Latest(kept)
    assert latest.whole is None and latest.rest is None
    for rest in train(what, earlier.dataset, skip=kept.runs):
        latest.put(rest)
        assert latest.rest is rest and latest.whole is latest.whole and latest.whole.reused == kept.runs
    last = latest.whole
    latest.close()
    assert latest.whole is last and latest.rest is last
    alone = Latest(None)
    alone.put(last)
    assert alone.whole is last


def test_the_joined_whole_reads_as_a_training_that_kept_nothing():
    """A strategy that is kept twice over is still the one that was trained at first."""
    first = whole(experiment(A, B))
    _, second = reused(first, experiment(A, C))
    _, third = reused(second[-1], experiment(A, C, seeds=(0, 1, 2)))
    assert_same_bits(third[-1], second[-1])
    assert third[-1].reused == {(s, r) for s in range(2) for r in range(3)}
