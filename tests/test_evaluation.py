"""What is read off a finished training equals scikit-learn on the exported model, and theory where theory knows."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics as oracle

from lib.data import Split
from lib.evaluation import RunResult, estimate, evaluate, evaluations, paired_differences, probabilities, summarise
from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.metrics import METRICS
from lib.registry import Params
from lib.training import decide, load, train

RING = DataSpec("ring", Params({"n": 600, "n_val": 300, "n_test": 400}))
PAIR = DataSpec("gaussians", Params({"n": 600, "n_val": 300, "n_test": 400, "priors": (0.8, 0.2)}))
PROBABILITY = ("average_precision", "auroc", "nll", "brier")


def last(data, *strategies, seeds=(0,), model="mlp", dataset=None, **training):
    """The last snapshot of a small training."""
    settings = Training(**{"epochs": 3, "lr": 0.01, **training})
    experiment = Experiment(strategies, data, ModelSpec(model), settings, seeds)
    return list(train(experiment, dataset or load(data)))[-1]


def by_hand(snapshot, at):
    """Validation and test scores of the exported module, a class per row, from raw features."""
    model = snapshot.models[at]
    dataset, module = model.run.dataset, model.module()
    with torch.no_grad():
        both = [module(part.x).double() for part in (dataset.validation, dataset.test)]
    return [torch.cat([torch.zeros_like(z), z], dim=1) if z.shape[1] == 1 else z for z in both]


STRATEGIES = {
    "ring": (
        RING,
        Strategy("plain"),
        Strategy("balanced", weighting="balanced"),
        Strategy("undo", weighting="balanced", decision="undo"),
        Strategy("shifted", decision="logit_adjust"),
    ),
    "pair": (
        PAIR,
        Strategy("bce", loss="bce_with_logits", weighting="pos_weight"),
        Strategy("two", loss="cross_entropy"),
        Strategy("low", loss="bce_with_logits", decision="threshold", decision_params=Params({"threshold": 0.2})),
    ),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_results_equal_scikit_learn_on_the_exported_model(name):
    data, *strategies = STRATEGIES[name]
    snapshot = last(data, *strategies)
    dataset, classes = snapshot.dataset, range(len(snapshot.dataset.class_names))
    y_true = dataset.test.y.numpy()
    for at, result in evaluate(snapshot).items():
        run = snapshot.models[at].run
        validation, test = by_hand(snapshot, at)
        offset = decide(run, snapshot.epoch, validation, dataset.validation.y).offset
        y_pred = (test + offset).argmax(1).numpy()
        y_prob = (test + offset if run.strategy.decision == "undo" else test).softmax(1).numpy()
        assert np.array_equal(result.confusion, oracle.confusion_matrix(y_true, y_pred, labels=classes))
        assert result.confusion.dtype == np.int64
        np.testing.assert_allclose(result.recall, oracle.recall_score(y_true, y_pred, average=None, zero_division=np.nan))
        np.testing.assert_allclose(result.precision, oracle.precision_score(y_true, y_pred, average=None, zero_division=np.nan))
        ranked = (y_true, y_prob[:, 1]) if len(classes) == 2 else (np.eye(len(classes))[y_true], y_prob)
        theirs = {
            "accuracy": oracle.accuracy_score(y_true, y_pred),
            "balanced_accuracy": oracle.balanced_accuracy_score(y_true, y_pred),
            "macro_f1": oracle.f1_score(y_true, y_pred, average="macro"),
            "mcc": oracle.matthews_corrcoef(y_true, y_pred),
            "nll": oracle.log_loss(y_true, y_prob),
            "average_precision": oracle.average_precision_score(*ranked),
            "auroc": oracle.roc_auc_score(*ranked),
        }
        for key, value in theirs.items():
            assert result.metrics[key] == pytest.approx(value, abs=1e-5), key
        assert set(result.metrics) == set(METRICS)


def test_a_threshold_moves_the_matrix_and_not_the_probabilities():
    half, low = (
        Strategy(name, decision="threshold", decision_params=Params({"threshold": t})) for name, t in (("a", 0.5), ("b", 0.1))
    )
    results = evaluate(last(PAIR, half, low))
    assert results[1, 0].recall[1] > results[0, 0].recall[1]
    for key in PROBABILITY:
        assert results[0, 0].metrics[key] == results[1, 0].metrics[key]


def test_undo_moves_the_probabilities():
    results = evaluate(last(PAIR, Strategy("a", weighting="balanced"), Strategy("b", weighting="balanced", decision="undo")))
    assert results[1, 0].metrics["nll"] < results[0, 0].metrics["nll"]
    assert results[1, 0].metrics["auroc"] == pytest.approx(results[0, 0].metrics["auroc"], abs=1e-6)


def test_scores_that_are_no_probabilities_have_none(monkeypatch):
    snapshot = last(PAIR, Strategy("a"))
    model = snapshot.models[0, 0]
    bare = dataclasses.replace(model.run.loss, link="none")
    monkeypatch.setattr(type(model.run), "loss", property(lambda run: bare))
    assert probabilities(model, torch.zeros(2, 2), None) is None
    metrics = evaluate(snapshot)[0, 0].metrics
    assert [key for key in METRICS if math.isnan(metrics[key])] == list(PROBABILITY)


def test_the_split_can_be_chosen():
    snapshot = last(RING, Strategy("a"))
    on_validation = evaluate(snapshot, "validation")[0, 0]
    assert np.array_equal(on_validation.confusion, snapshot.confusion[0, 0])
    assert on_validation.metrics["nll"] == pytest.approx(snapshot.history.val_nll[0, 0, -1], abs=1e-6)


def test_a_class_without_test_rows_has_no_recall():
    dataset = load(RING)
    rows = dataset.test.y != 1
    dataset = dataclasses.replace(dataset, test=Split(dataset.test.x[rows], dataset.test.y[rows]))
    result = evaluate(last(RING, Strategy("a"), dataset=dataset))[0, 0]
    assert np.isnan(result.recall).tolist() == [False, True, False]
    assert result.metrics["balanced_accuracy"] == pytest.approx(np.nanmean(result.recall))
    assert all(math.isfinite(value) for value in result.metrics.values())


def test_with_resample_each_seed_is_read_on_its_own_rows():
    data = dataclasses.replace(RING, resample=True)
    snapshot = last(data, Strategy("a"), seeds=(0, 3))
    alone = dataclasses.replace(snapshot, dataset=snapshot.runs[1].dataset)
    assert not torch.equal(alone.dataset.test.x, snapshot.dataset.test.x)
    _, test = by_hand(snapshot, (0, 1))
    y_true = alone.dataset.test.y
    assert np.array_equal(evaluate(snapshot)[0, 1].confusion, oracle.confusion_matrix(y_true, test.argmax(1)))


def test_a_run_that_diverged_is_nan_and_the_others_are_not():
    wild = Strategy("wild", overrides=Params({"lr": 1000.0, "optimizer": "sgd", "weight_decay": 100.0}))
    snapshot = last(PAIR, Strategy("a"), wild, model="linear", epochs=10)
    results = evaluate(snapshot)
    assert (1, 0) in snapshot.diverged
    wild = results[1, 0]
    assert wild.diverged and not wild.confusion.any() and wild.closed_form_recall is None
    assert np.isnan([*wild.recall, *wild.precision, *wild.metrics.values()]).all()
    assert not results[0, 0].diverged and results[0, 0].confusion.sum() == 400


def test_scores_that_overflow_count_as_diverged():
    snapshot = last(PAIR, Strategy("a"), model="linear")
    huge = dataclasses.replace(snapshot.models[0, 0], parameters=torch.full_like(snapshot.models[0, 0].parameters, 3e38))
    assert evaluate(dataclasses.replace(snapshot, models={(0, 0): huge}))[0, 0].diverged


def test_evaluations_come_one_by_one():
    snapshot = last(RING, Strategy("a"), Strategy("b", weighting="balanced"), seeds=(0, 1))
    stream = evaluations(snapshot)
    assert next(stream)[0] == (0, 0)
    assert [at for at, _ in stream] == [(0, 1), (1, 0), (1, 1)]


CLOSED = [
    (PAIR, Strategy("a")),
    (PAIR, Strategy("a", loss="bce_with_logits", weighting="pos_weight")),
    (PAIR, Strategy("a", loss="bce_with_logits", decision="threshold", decision_params=Params({"threshold": 0.1}))),
    (RING, Strategy("a", decision="logit_adjust")),
    (DataSpec("simplex", Params({"n": 600, "priors": (0.6, 0.2, 0.1, 0.1)})), Strategy("a", weighting="balanced")),
]


@pytest.mark.parametrize(("data", "strategy"), CLOSED)
def test_the_closed_form_is_the_recall_on_very_many_rows(data, strategy):
    snapshot = last(data, strategy, model="linear")
    result = evaluate(snapshot)[0, 0]
    model, means = snapshot.models[0, 0], snapshot.dataset.means
    offset = decide(model.run, model.epoch, model.scores(snapshot.dataset.validation.x), snapshot.dataset.validation.y).offset
    draw, rows = torch.Generator().manual_seed(0), 200_000
    for c, mean in enumerate(means):
        scores = model.scores(mean + torch.randn(rows, len(mean), generator=draw))
        hits = int(((scores + offset).argmax(1) == c).sum())
        assert stats.binomtest(hits, rows, float(np.clip(result.closed_form_recall[c], 0, 1))).pvalue > 1e-5


@pytest.mark.parametrize(
    ("data", "model"),
    [
        (RING, "mlp"),
        (DataSpec("moons", Params({"n": 200})), "linear"),
        (DataSpec("breast_cancer"), "linear"),
        (DataSpec("simplex", Params({"n": 600, "priors": (0.1,) * 10})), "linear"),  # an integral over nine dimensions
        (DataSpec("ring", Params({"n": 600, "priors": (0.04,) * 25})), "linear"),
    ],
)
def test_where_there_is_no_closed_form_there_is_none(data, model):
    assert evaluate(last(data, Strategy("a"), model=model, epochs=1))[0, 0].closed_form_recall is None


def result(value, recall):
    metrics = dict.fromkeys(METRICS, value)
    return RunResult(np.eye(2, dtype=np.int64), np.array(recall), np.array([0.5, value]), metrics, None)


def test_paired_differences_are_those_of_a_paired_t_test():
    plain, other = [0.5, 0.7, 0.6], [0.6, 0.75, 0.74]
    strategies = [[result(value, [1.0, value]) for value in values] for values in (plain, other)]
    theirs = stats.ttest_rel(other, plain).confidence_interval(0.95)
    found = paired_differences(strategies, 0)
    assert found[1]["accuracy"].mean == pytest.approx(np.mean(other) - np.mean(plain))
    assert found[1]["accuracy"].interval == pytest.approx(tuple(theirs))
    assert found[0]["accuracy"].mean == 0 and found[0]["accuracy"].interval == (0, 0)
    assert paired_differences(strategies, 1)[0]["mcc"].mean == pytest.approx(-found[1]["mcc"].mean)
    assert paired_differences([runs[:1] for runs in strategies], 0)[1]["mcc"].interval is None


def test_a_seed_of_which_one_side_diverged_is_in_no_difference():
    strategies = [[result(0.5, [1.0, 0.5]), result(0.6, [1.0, 0.5])], [result(0.7, [1.0, 0.5]), result(np.nan, [1.0, 0.5])]]
    found = paired_differences(strategies, 0)[1]["accuracy"]
    assert found.mean == pytest.approx(0.2) and found.seeds == 1 and found.interval is None


def test_a_summary_has_means_and_t_intervals_over_the_seeds():
    values = [0.5, 0.7, 0.6]
    summary = summarise([result(value, [1.0, value]) for value in values])
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    for found in (summary.metrics["accuracy"], summary.recall[1], summary.precision[1]):
        assert found.mean == pytest.approx(0.6) and found.seeds == 3
        assert found.interval == pytest.approx(tuple(theirs))
    assert summary.recall[0].mean == 1.0 and summary.recall[0].interval == (1.0, 1.0)


def test_one_seed_has_no_interval_and_no_seed_no_summary():
    summary = summarise([result(0.5, [1.0, 0.2])])
    assert (summary.metrics["mcc"].mean, summary.metrics["mcc"].interval) == (0.5, None)
    with pytest.raises(ValueError, match="needs the result of at least one seed"):
        summarise([])


def test_seeds_without_a_number_are_left_out_and_counted():
    assert estimate([0.2, math.nan, 0.4]).seeds == 2
    assert estimate([0.2, math.nan, 0.4]).mean == pytest.approx(0.3)
    nothing = estimate([math.nan, math.nan])
    assert math.isnan(nothing.mean) and nothing.interval is None and nothing.seeds == 0


def test_a_best_is_marked_only_where_the_paired_seeds_allow_it():
    from types import SimpleNamespace

    from lib.evaluation import clear_best

    def strategy(*values):
        return [SimpleNamespace(metrics={"accuracy": v, "brier": v, "majority_accuracy": v}) for v in values]

    low, high = strategy(0.5, 0.6, 0.7), strategy(0.61, 0.7, 0.82)  # spread over seeds, but always higher
    assert clear_best([low, high], "accuracy") == 1
    assert clear_best([low, high], "brier") == 0  # lower is better
    assert clear_best([low, strategy(0.4, 0.9, 0.7)], "accuracy") is None
    assert clear_best([low, high, high], "accuracy") is None  # a tie at the top
    assert clear_best([strategy(0.1), strategy(0.9)], "accuracy") is None  # one seed shows nothing
    assert clear_best([low, strategy(0.9, float("nan"), 0.9)], "accuracy") is None
    assert clear_best([low, high], "majority_accuracy") is None
