"""A run is what a plain script computes; neighbours, pacing and repetition change nothing."""

from itertools import chain, repeat

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from lib.data import Dataset, Split
from lib.experiment import DataSpec, Experiment
from lib.losses import LOSSES
from lib.training import load, train
from lib.weighting import class_weights
from tests.plain import Script, flat, train_plainly

TWO = {"source": "gaussians", "params": {"n": 203, "priors": [0.8, 0.2], "n_val": 50, "n_test": 50}, "seed": 3}
THREE = {"source": "ring", "params": {"n": 203, "n_val": 50, "n_test": 50}, "seed": 3}
TRAINING = {"epochs": 1, "batch_size": 32, "lr": 0.01}
MODEL = {"params": {"hidden": [8]}}
MANY = [
    {"name": "plain"},
    {"name": "balanced", "weighting": "balanced"},
    {"name": "smoothed", "weighting": "sqrt", "loss_params": {"label_smoothing": 0.1}},
    {"name": "adjusted", "loss": "logit_adjusted"},
    {"name": "focal 1", "loss": "focal", "loss_params": {"gamma": 1}},
    {"name": "focal 2", "loss": "focal", "loss_params": {"gamma": 2}},
    {"name": "slow", "overrides": {"lr": 0.001}},
    {"name": "decayed", "overrides": {"weight_decay": 0.1}, "weighting": "inverse"},
    {"name": "fixed", "overrides": {"normaliser": "fixed"}, "weighting": "balanced"},
    {"name": "sgd", "overrides": {"optimizer": "sgd", "lr": 0.1}, "weighting": "power"},
    {"name": "small batches", "overrides": {"batch_size": 7}, "weighting": "balanced"},
    {"name": "drawn", "sampler": "weighted_random"},
    {"name": "over", "sampler": "oversample", "sampler_params": {"ratio": 0.5}},
    {"name": "under", "sampler": "undersample"},
    {"name": "late", "weighting": "balanced", "weights_from_epoch": 1},
    {"name": "ignoring", "loss": "nll", "loss_params": {"ignore_index": 1}},
    {"name": "margins", "loss": "ldam", "weighting": "balanced", "weights_from_epoch": 1},
    {"name": "wide margins", "loss": "ldam", "loss_params": {"max_margin": 0.9, "s": 10}, "decision": "logit_adjust"},
    {"name": "stretched", "loss": "vs", "weighting": "sqrt"},
    {"name": "hinge", "loss": "multi_margin", "weighting": "balanced"},
    {"name": "squared hinge", "loss": "multi_margin", "loss_params": {"p": 2, "margin": 0.5}},
    {"name": "poly", "loss": "poly1", "weighting": "balanced"},
]
YES_NO = [
    {"name": "logits", "loss": "bce_with_logits"},
    {"name": "weighted", "loss": "bce_with_logits", "weighting": "pos_weight"},
    {"name": "probabilities", "loss": "bce", "weighting": "balanced"},
    {"name": "sigmoid focal", "loss": "sigmoid_focal", "loss_params": {"alpha": 0.25}},
]


def experiment(strategies, data=THREE, training=None, **rest):
    given = {"data": data, "model": MODEL, "strategies": strategies, "training": TRAINING | (training or {})}
    return Experiment.from_dict(given | rest)


def finished(what, dataset=None, stride=None, dtype=torch.float64):
    """The last snapshot of a training."""
    paced = {} if stride is None else {"stride": stride}
    return list(train(what, dataset or load(what.data), dtype=dtype, **paced))[-1]


def assert_same_bits(one, other):
    """Two snapshots hold the same numbers, NaN for NaN."""
    assert set(one.models) == set(other.models) and one.diverged == other.diverged
    for at, model in one.models.items():
        assert np.array_equal(model.parameters.numpy(), other.models[at].parameters.numpy(), equal_nan=True)
    for field in ("train_loss", "val_nll", "recall", "class_nll", "loss_share", "gradient_share"):
        assert np.array_equal(getattr(one.history, field), getattr(other.history, field), equal_nan=True)
    assert np.array_equal(one.confusion, other.confusion)


def criterion_of(strategy, dataset):
    """The criterion that the record's own code makes, with this strategy's numbers."""
    loss, counts = LOSSES[strategy.loss], dataset.class_counts()
    weight = class_weights(strategy.weighting, counts, strategy.weighting_params)
    names = {
        "nn": nn, "F": functional, "torch": torch, "class_weight": weight, "class_counts": counts,
        "scale": weight[0], "pos_weight": weight[1] / weight[0],
    }  # fmt: skip
    exec(loss.code.format(**strategy.loss_params), names)
    one = loss.scores == "one"
    return lambda epoch: lambda logits, targets, rows: names["criterion"](logits, targets.double() if one else targets)


@pytest.mark.parametrize("loss", [key for key, loss in LOSSES.items() if "binary" in loss.tasks])
@pytest.mark.parametrize("optimizer, lr, weight_decay", [("adam", 0.01, 0.0), ("adam", 0.01, 0.05), ("sgd", 0.5, 0.01)])
@pytest.mark.parametrize("weighting", ["none", "sqrt"])
@pytest.mark.parametrize("sampler", ["shuffle", "weighted_random"])
@pytest.mark.parametrize("bias_init", ["default", "log_prior"])
def test_a_plain_script_reproduces_a_run(loss, optimizer, lr, weight_decay, weighting, sampler, bias_init):
    ours = experiment(
        [{"name": "it", "loss": loss, "weighting": weighting, "sampler": sampler}],
        data=TWO if LOSSES[loss].scores == "one" else THREE,
        model=MODEL | {"bias_init": bias_init},
        training={"optimizer": optimizer, "lr": lr, "weight_decay": weight_decay},
        seeds=[5],
    )
    dataset = load(ours.data)
    script = Script(
        criterion_of(ours.strategies[0], dataset), outputs=1 if LOSSES[loss].scores == "one" else 3,
        optimizer=optimizer, lr=lr, weight_decay=weight_decay, balanced_sampler=sampler == "weighted_random",
        log_prior=bias_init == "log_prior", cosines=LOSSES[loss].head == "normalised",
    )  # fmt: skip
    model, history = train_plainly(script, dataset.train.x, dataset.train.y, seed=5)
    last = finished(ours, dataset)
    torch.testing.assert_close(last.models[0, 0].parameters, flat(model), rtol=0, atol=1e-8)
    assert last.history.train_loss[0, 0] == pytest.approx(history, abs=1e-8)


@pytest.mark.parametrize("depth", [(), (8,), (16, 8, 4)])
def test_a_plain_script_reproduces_several_epochs_of_any_depth(depth):
    model_spec = {"name": "mlp", "params": {"hidden": list(depth)}} if depth else {"name": "linear"}
    ours = experiment([{"name": "it", "weighting": "balanced"}], model=model_spec, training={"epochs": 3}, seeds=[2])
    dataset = load(ours.data)
    script = Script(criterion_of(ours.strategies[0], dataset), outputs=3, hidden=depth, epochs=3)
    model, history = train_plainly(script, dataset.train.x, dataset.train.y, seed=2)
    last = finished(ours, dataset)
    torch.testing.assert_close(last.models[0, 0].parameters, flat(model), rtol=0, atol=1e-8)
    assert last.history.train_loss[0, 0] == pytest.approx(history, abs=1e-8)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_fixed_normaliser_divides_by_rows_with_weights_of_mean_1_over_the_data(smoothing):
    strategy = {"name": "it", "weighting": "manual", "weighting_params": {"weights": [3, 10, 40]}}
    ours = experiment([strategy | {"loss_params": {"label_smoothing": smoothing}}], training={"normaliser": "fixed"}, seeds=[1])
    dataset = load(ours.data)
    raw = torch.tensor([3.0, 10, 40], dtype=torch.float64)
    weight = raw / raw[dataset.train.y].mean()

    def criterion(logits, targets, rows):
        return functional.cross_entropy(logits, targets, weight, label_smoothing=smoothing, reduction="sum") / len(targets)

    model, history = train_plainly(Script(lambda epoch: criterion, outputs=3), dataset.train.x, dataset.train.y, seed=1)
    last = finished(ours, dataset)
    torch.testing.assert_close(last.models[0, 0].parameters, flat(model), rtol=0, atol=1e-8)
    assert last.history.train_loss[0, 0] == pytest.approx(history, abs=1e-8)


def test_weights_that_start_late_are_those_of_a_loop_that_switches():
    ours = experiment(
        [{"name": "late", "weighting": "balanced", "weights_from_epoch": 2}, {"name": "none"}],
        training={"epochs": 4},
        seeds=[1],
    )
    dataset = load(ours.data)
    weight = class_weights("balanced", dataset.class_counts())

    def criterion(epoch):
        return lambda logits, targets, rows: functional.cross_entropy(logits, targets, weight if epoch >= 2 else None)

    model, history = train_plainly(Script(criterion, outputs=3, epochs=4), dataset.train.x, dataset.train.y, seed=1)
    last = finished(ours, dataset)
    torch.testing.assert_close(last.models[0, 0].parameters, flat(model), rtol=0, atol=1e-8)
    assert last.history.train_loss[0, 0] == pytest.approx(history, abs=1e-8)
    late, none = last.history.train_loss[:, 0]
    assert np.allclose(late[:2], none[:2], rtol=0, atol=1e-12) and abs(late[2] - none[2]) > 1e-3


@pytest.mark.parametrize("data, strategies", [(THREE, MANY), (TWO, MANY + YES_NO)], ids=["three classes", "yes or no"])
def test_stacked_equals_alone(data, strategies):
    together = finished(experiment(strategies, data=data, training={"epochs": 2}, seeds=[0, 4]))
    for s, strategy in enumerate(strategies):
        for r, seed in enumerate([0, 4]):
            alone = finished(experiment([strategy], data=data, training={"epochs": 2}, seeds=[seed]))
            mine, other = together.models[s, r].parameters, alone.models[0, 0].parameters
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)
            np.testing.assert_allclose(together.history.val_nll[s, r], alone.history.val_nll[0, 0], atol=1e-10)
            np.testing.assert_allclose(together.history.train_loss[s, r], alone.history.train_loss[0, 0], atol=1e-10)
            assert np.array_equal(together.history.recall[s, r], alone.history.recall[0, 0], equal_nan=True)


def test_in_float32_stacked_equals_alone_within_a_thousandth_of_validation_nll():
    full = {"epochs": 20, "lr": 0.003}
    together = finished(experiment(MANY, training=full, seeds=[0, 1]), dtype=torch.float32)
    for s, strategy in enumerate(MANY):
        alone = finished(experiment([strategy], training=full, seeds=[0]), dtype=torch.float32)
        assert together.history.val_nll[s, 0, -1] == pytest.approx(alone.history.val_nll[0, 0, -1], abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pacing_changes_no_bit(dtype):
    what = experiment(MANY, training={"epochs": 2}, seeds=[0, 1])
    whole = finished(what, dtype=dtype)
    for strides in (repeat(1), repeat(3), chain([5, 0, 1], repeat(11)), repeat(10**9)):
        assert_same_bits(finished(what, stride=lambda strides=strides: next(strides), dtype=dtype), whole)


def test_running_twice_changes_no_bit():
    what = experiment(MANY, training={"epochs": 2}, seeds=[0, 1])
    assert_same_bits(finished(what, dtype=torch.float32), finished(what, dtype=torch.float32))


def test_training_leaves_the_global_random_state_alone():
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    for source in ("digits", "breast_cancer", "moons"):
        load(DataSpec(source))
    finished(experiment(MANY, seeds=[0]))
    assert torch.equal(torch.random.get_rng_state(), before[0]) and np.array_equal(np.random.get_state()[1], before[1])


def test_a_snapshot_does_not_change_when_training_goes_on():
    what = experiment(MANY[:2], training={"epochs": 3})
    kept = []
    for snapshot in train(what, load(what.data), stride=lambda: 2):
        kept.append(
            (snapshot, snapshot.models[0, 0].parameters.clone(), snapshot.history.val_nll.copy(), snapshot.confusion.copy())
        )
    for snapshot, parameters, nll, confusion in kept:
        assert torch.equal(snapshot.models[0, 0].parameters, parameters)
        assert np.array_equal(snapshot.history.val_nll, nll) and np.array_equal(snapshot.confusion, confusion)
        with pytest.raises(ValueError, match="read-only"):
            snapshot.history.val_nll[...] = 0


def test_snapshots_come_before_the_first_batch_at_each_stride_and_at_the_end_of_each_epoch():
    what = experiment(MANY[:2], training={"epochs": 2})  # 7 batches per epoch
    seen = [(round(s.progress, 3), s.epoch, s.done) for s in train(what, load(what.data), stride=lambda: 3)]
    assert seen[0] == (0, 0, False) and seen[-1] == (2, 2, True)
    assert [progress for progress, _, _ in seen] == sorted({progress for progress, _, _ in seen})
    assert (1.0, 1, False) in seen and (round(3 / 7, 3), 0, False) in seen and (round(6 / 7, 3), 0, False) in seen
    assert [s.epoch for s in train(what, load(what.data))] == [0, 1, 2]


def test_every_strategy_takes_the_same_number_of_batches_per_epoch():
    what = experiment([s for s in MANY if "overrides" not in s and s.get("loss") != "ldam"])  # one stack
    batches = sum(1 for _ in train(what, load(what.data), stride=lambda: 1)) - 1
    assert batches == -(-203 // 32)


def replaced(strategies, name, **other):
    return [strategy | other if strategy["name"] == name else strategy for strategy in strategies]


MILD = {"loss": "cross_entropy", "overrides": {"optimizer": "sgd", "lr": 0.01}}


@pytest.mark.parametrize(
    "wild, mild",
    [
        ({"loss": "bce_with_logits", "overrides": {"optimizer": "sgd", "lr": 1000.0, "weight_decay": 100.0}},
         {"loss": "bce_with_logits", "overrides": {"optimizer": "sgd", "lr": 0.001, "weight_decay": 0.0}}),
        ({"overrides": {"lr": 1000.0, "weight_decay": 100.0, "optimizer": "sgd"}}, {"overrides": {"optimizer": "sgd"}}),
    ],
    ids=["sgd on bce", "sgd on cross-entropy"],
)  # fmt: skip
def test_a_diverging_strategy_is_reported_at_its_epoch_for_itself_alone(wild, mild):
    calm = [*MANY[:4], *YES_NO[:2], {"name": "sgd", "loss": "bce_with_logits", "overrides": {"optimizer": "sgd", "lr": 0.01}}]
    at = len(calm)
    long = {"epochs": 12}
    with_wild = finished(experiment([*calm, {"name": "it"} | wild], data=TWO, training=long, seeds=[0, 1]), dtype=torch.float32)
    with_mild = finished(experiment([*calm, {"name": "it"} | mild], data=TWO, training=long, seeds=[0, 1]), dtype=torch.float32)
    assert set(with_wild.diverged) == {(at, 0), (at, 1)} and not with_mild.diverged
    first = with_wild.diverged[at, 0]
    assert 1 <= first <= 12
    assert np.isnan(with_wild.history.val_nll[at, 0, first - 1 :]).all()
    assert np.isfinite(with_wild.history.val_nll[at, 0, : first - 1]).all()
    assert (with_wild.confusion[at] == 0).all() and np.isnan(with_wild.history.recall[at, 0, -1]).all()
    for s in range(at):
        for r in range(2):
            assert torch.equal(with_wild.models[s, r].parameters, with_mild.models[s, r].parameters)
            assert np.array_equal(with_wild.history.val_nll[s, r], with_mild.history.val_nll[s, r])
            assert np.array_equal(with_wild.history.train_loss[s, r], with_mild.history.train_loss[s, r])


def test_a_run_beside_a_diverging_one_equals_the_run_without_it():
    calm = [*MANY[:4], {"name": "calm sgd"} | MILD]
    wild = {"name": "it", "weighting": "manual", "weighting_params": {"weights": [0, 0, 1]}}
    beside = finished(experiment([*calm, wild], training={"epochs": 3}))
    without = finished(experiment(calm, training={"epochs": 3}))
    assert list(beside.diverged) == [(5, 0)] and beside.diverged[5, 0] == 1
    for s in range(5):
        torch.testing.assert_close(beside.models[s, 0].parameters, without.models[s, 0].parameters, rtol=0, atol=1e-10)


def test_resampling_draws_the_recipe_anew_for_each_seed():
    together = finished(experiment(MANY[:3], data=THREE | {"resample": True}, seeds=[0, 5, 9]))
    for r, seed in enumerate([0, 5, 9]):
        alone = finished(experiment(MANY[:3], data=THREE | {"seed": 3 + seed}, seeds=[seed]))
        for s in range(3):
            torch.testing.assert_close(together.models[s, r].parameters, alone.models[s, 0].parameters, rtol=0, atol=1e-10)
            np.testing.assert_allclose(together.history.val_nll[s, r], alone.history.val_nll[s, 0], atol=1e-10)
            assert np.array_equal(together.confusion[s, r], alone.confusion[s, 0])


def test_seeds_are_paired_across_strategies():
    what = experiment([{"name": "a"}, {"name": "b"}, {"name": "c", "weighting": "balanced"}], seeds=[0, 1])
    start = next(train(what, load(what.data)))
    for r in range(2):
        assert torch.equal(start.models[0, r].parameters, start.models[2, r].parameters)
    last = finished(what)
    assert torch.equal(last.models[0, 0].parameters, last.models[1, 0].parameters)
    assert not torch.equal(last.models[0, 0].parameters, last.models[0, 1].parameters)


def test_a_trained_model_is_its_module_and_takes_raw_features():
    what = experiment(
        [{"name": "it", "weighting": "balanced"}, {"name": "yes", "loss": "bce"}], data={"source": "breast_cancer"}
    )
    dataset = load(what.data)
    last = finished(what, dataset, dtype=torch.float32)
    for s in range(2):
        model = last.models[s, 0]
        outputs = model.module()(dataset.test.x).detach()
        scores = torch.cat([torch.zeros_like(outputs), outputs], 1) if s else outputs
        torch.testing.assert_close(model.scores(dataset.test.x), scores, rtol=1e-5, atol=1e-5)
        assert list(model.state_dict()) == ["shift", "scale", "0.weight", "0.bias", "2.weight", "2.bias"]


def test_the_live_numbers_are_those_of_the_validation_split():
    what = experiment(MANY[:2], training={"epochs": 2})
    dataset = load(what.data)
    last = finished(what, dataset)
    for s in range(2):
        scores = last.models[s, 0].scores(dataset.validation.x)
        nll = functional.cross_entropy(scores, dataset.validation.y)
        assert last.history.val_nll[s, 0, -1] == pytest.approx(float(nll), abs=1e-12)
        rows = [(dataset.validation.y == t) & (scores.argmax(1) == p) for t in range(3) for p in range(3)]
        assert last.confusion[s, 0].flatten().tolist() == [int(r.sum()) for r in rows]
        recalls = np.diag(last.confusion[s, 0]) / last.confusion[s, 0].sum(1)
        np.testing.assert_allclose(last.history.recall[s, 0, -1], recalls)


def test_undo_is_read_with_its_correction_and_a_threshold_is_not():
    pair = [{"name": n, "loss": "bce_with_logits", "weighting": "pos_weight"} | d for n, d in (
        ("plain", {}), ("undo", {"decision": "undo"}),
        ("threshold", {"decision": "threshold", "decision_params": {"threshold": 0.8}}))]  # fmt: skip
    what = experiment(pair, data=TWO, training={"epochs": 5})
    last, dataset = finished(what), load(what.data)
    z = last.models[0, 0].scores(dataset.validation.x)[:, 1]
    negative, positive = dataset.class_counts()
    targets = dataset.validation.y.double()
    plain, undone, moved = last.history.val_nll[:, 0, -1]
    assert plain == moved == pytest.approx(float(functional.binary_cross_entropy_with_logits(z, targets)), abs=1e-12)
    corrected = functional.binary_cross_entropy_with_logits(z - (negative / positive).log(), targets)
    assert undone == pytest.approx(float(corrected), abs=1e-12)
    assert last.confusion[2, 0, :, 1].sum() < last.confusion[0, 0, :, 1].sum()


def test_a_dataset_that_does_not_fit_is_refused_before_any_work():
    what = Experiment.from_dict({"data": TWO, "strategies": [{"name": "it", "loss": "bce"}]})
    with pytest.raises(ValueError, match="loss bce is for binary or multilabel or sequence targets"):
        next(train(what, load(DataSpec("ring"))))


def test_a_class_without_training_rows_trains_and_reads_no_rows():
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    split = Split(x, torch.arange(30) % 2)
    dataset = Dataset("multiclass", ("a", "b", "c"), split, split, split)
    strategies = [{"name": w, "weighting": w} for w in ("none", "balanced", "sqrt", "effective_number", "enet")]
    strategies += [
        {"name": "la", "loss": "logit_adjusted"},
        {"name": "post", "decision": "logit_adjust"},
        {"name": "undo", "decision": "undo"},
    ]
    last = finished(experiment(strategies, training={"epochs": 2}), dataset)
    assert not last.diverged and np.isfinite(last.history.val_nll).all()
    assert np.isnan(last.history.recall[..., 2]).all() and np.isfinite(last.history.recall[..., :2]).all()
