"""Fair tuning: every strategy shows the learning rate that is best for it on validation, and nothing else changes."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from lib.evaluation import evaluate
from lib.experiment import Experiment, Strategy, Training
from lib.limits import check_limits, memory
from lib.run import main
from lib.training import load, train
from lib.tuning import candidates, choose, picked

DATA = {"source": "ring", "params": {"n": 300, "n_val": 200, "n_test": 100}, "seed": 3}
GRID = [0.0001, 0.01, 0.3]
STRATEGIES = [
    {"name": "plain"},
    {"name": "weighted BCE-like", "loss": "focal", "weighting": "balanced"},
    {"name": "own rate", "overrides": {"lr": 0.02}},
    {"name": "margins", "loss": "ldam", "overrides": {"weight_decay": 0.01}},
]


def experiment(strategies=STRATEGIES, seeds=(0, 1), data=DATA, **training):
    settings = {"epochs": 3, "batch_size": 64, "lr": 0.01, "lr_grid": GRID} | training
    return Experiment.from_dict({"data": data, "strategies": strategies, "training": settings, "seeds": list(seeds)})


def finished(what, **kwargs):
    *_, last = train(what, load(what.data), dtype=torch.float64, **kwargs)
    return last


@pytest.fixture(scope="module")
def tuned():
    return finished(experiment())


@pytest.fixture(scope="module")
def by_hand():
    """strategy, rate -> a training of its own, without a grid."""
    return {
        (s, lr): finished(experiment([strategy | {"overrides": strategy.get("overrides", {}) | {"lr": lr}}], lr_grid=[]))
        for s, strategy in enumerate(STRATEGIES) for lr in ([0.02] if s == 2 else GRID)
    }  # fmt: skip


def test_the_chosen_rate_is_the_best_by_scikit_learns_balanced_accuracy_on_validation(tuned, by_hand):
    for s in range(4):
        tried = [0.02] if s == 2 else GRID
        means = []
        for lr in tried:
            alone = by_hand[s, lr]
            rows = alone.dataset.validation
            means.append(np.mean([
                balanced_accuracy_score(rows.y, alone.models[0, r].scores(rows.x).argmax(1)) for r in range(2)
            ]))  # fmt: skip
        assert tuned.tuned[s].rates == tuple(tried)
        assert tuned.tuned[s].scores == pytest.approx(means)
        assert tuned.tuned[s].lr == tried[int(np.argmax(means))]


def test_what_is_shown_is_a_training_at_that_rate(tuned, by_hand):
    for s, strategy in enumerate(tuned.experiment.strategies):
        alone = by_hand[s, tuned.tuned[s].lr]
        for r in range(2):
            torch.testing.assert_close(tuned.models[s, r].parameters, alone.models[0, r].parameters, rtol=0, atol=1e-10)
            np.testing.assert_allclose(tuned.history.train_loss[s, r], alone.history.train_loss[0, r], atol=1e-10)
            assert np.array_equal(tuned.confusion[s, r], alone.confusion[0, r])
            run = tuned.models[s, r].run
            assert run.strategy.name == strategy.name and run.at == (s, r)
            assert run.strategy.training(tuned.experiment.training).lr == tuned.tuned[s].lr
        assert evaluate(tuned)[s, 0].metrics["accuracy"] == evaluate(alone)[0, 0].metrics["accuracy"]
    assert tuned.experiment == experiment() and len(tuned.runs) == 8


def test_the_rules_are_those_of_the_chosen_rates():
    strategies = [STRATEGIES[0], STRATEGIES[1] | {"decision": "undo"}, STRATEGIES[2] | {"decision": "logit_adjust"}]
    last = finished(experiment(strategies))
    assert sorted(last.rules) == sorted(last.models)
    offsets = [last.rules[s, 0].offset for s in range(3)]
    assert not offsets[0].any() and offsets[1].any() and offsets[2].any()
    balanced = finished(experiment([strategies[1]], lr_grid=[]))
    torch.testing.assert_close(offsets[1], balanced.rules[0, 0].offset)


@pytest.mark.parametrize("data, model, losses", [
    ({"source": "multilabel"}, "linear", ["bce_with_logits", "asymmetric", "multilabel_soft_margin"]),
    ({"source": "events", "params": {"n": 64}}, "lstm", ["bce_with_logits"]),
])  # fmt: skip
def test_labels_and_series_are_tuned_by_their_recall_of_yes_and_of_no(data, model, losses):
    what = Experiment.from_dict({
        "data": data, "model": {"name": model}, "strategies": [{"name": loss, "loss": loss} for loss in losses],
        "training": {"epochs": 1, "lr_grid": [0.0001, 0.01]},
    })  # fmt: skip
    *_, last = train(what, load(what.data))
    for s, own in enumerate(last.tuned):
        counts = last.confusion[s, 0].reshape(-1, 2, 2)
        recalls = counts[:, [0, 1], [0, 1]] / counts.sum(2)
        assert own.scores[own.chosen] == pytest.approx(recalls.mean()) == max(own.scores)
    assert set(last.rules) == set(last.models)


def test_a_bad_common_rate_no_longer_decides(tuned, by_hand):
    """At 0.0001 nothing is learnt in three epochs: there the strategies could not be compared."""
    assert all(own.lr != 0.0001 for own in tuned.tuned)
    assert tuned.tuned[0].scores[0] < tuned.tuned[0].scores[1] - 0.05


def test_before_the_first_epoch_the_rate_nearest_to_the_common_one_is_shown():
    first = next(train(experiment(), load(experiment().data)))
    assert [own.lr for own in first.tuned] == [0.01, 0.01, 0.02, 0.01]
    assert all(np.isnan(own.scores).all() for own in first.tuned) and first.history.recall.shape == (4, 2, 0, 3)


def test_pacing_changes_no_bit(tuned):
    paced = finished(experiment(), stride=lambda: 1)
    for at, model in tuned.models.items():
        assert torch.equal(model.parameters, paced.models[at].parameters)


def test_a_rate_at_which_a_seed_diverges_is_out_and_a_strategy_that_always_does_says_so():
    last = finished(experiment([{"name": "sgd"}], optimizer="sgd", lr_grid=[0.1, 900.0], weight_decay=0.01))
    assert last.tuned[0].lr == 0.1 and np.isnan(last.tuned[0].scores[1]) and not last.diverged
    last = finished(experiment([{"name": "sgd"}], optimizer="sgd", lr_grid=[800.0, 900.0], weight_decay=0.01))
    assert np.isnan(last.tuned[0].scores).all() and set(last.diverged) == {(0, 0), (0, 1)}
    scores = np.array([[0.9, 0.8], [0.7, 0.7], [0.95, 0.5]])
    one = experiment([{"name": "it"}])
    assert choose(one, scores, {})[0].chosen == 0
    assert choose(one, scores, {(0, 1): 2})[0].chosen == 2
    assert choose(one, np.full((3, 2), np.nan), {})[0].chosen == 1  # nearest to lr 0.01


def test_ties_go_to_the_first_of_the_grid():
    assert choose(experiment([{"name": "it"}]), np.full((3, 1), 0.5), {})[0].chosen == 0


def test_candidates_are_strategies_times_rates_and_picked_numbers_them():
    every = candidates(experiment())
    assert len(every.strategies) == 10 and not every.training.lr_grid
    assert [s.overrides["lr"] for s in every.strategies] == [*GRID, *GRID, 0.02, *GRID]
    scores = np.zeros((10, 2))
    scores[[1, 5, 6, 7]] = 1
    assert picked(choose(experiment(), scores, {})) == [1, 5, 6, 7]
    assert candidates(every) is every


def test_an_old_link_keeps_its_fingerprint_and_a_grid_travels():
    plain = experiment(lr_grid=[])
    assert "lr_grid" not in plain.to_json() and "sample_weight" not in plain.to_json()
    what = experiment()
    assert Experiment.from_json(what.to_json()) == what == Experiment.from_query(what.to_query())
    assert what.to_query()["training.lr_grid"] == "0.0001,0.01,0.3"
    assert json.loads(what.to_json())["training"]["lr_grid"] == GRID
    assert what.fingerprint != plain.fingerprint


def test_a_run_with_a_tuned_rate_is_known_by_all_seeds():
    one, other = experiment(seeds=(0, 1)), experiment(seeds=(0, 2))
    tuned, own = one.strategies[0], one.strategies[2]
    assert one.run_fingerprint(tuned, 0) != other.run_fingerprint(tuned, 0)
    assert one.run_fingerprint(own, 0) == other.run_fingerprint(own, 0)


@pytest.mark.parametrize("field, words", [
    ({"lr_grid": [0.1, 0.1]}, "the learning rates of lr_grid must differ"),
    ({"lr_grid": [0.0]}, "lr_grid must be in"),
    ({"lr_grid": [float("nan")]}, "lr_grid must be a number"),
    ({"lr_grid": "0.1"}, "lr_grid must be a list of 0 to 8 values"),
    ({"lr_grid": [10.0**-k for k in range(1, 8)] + [0.2, 0.3, 0.4]}, "lr_grid must be a list of 0 to 8 values, got 10"),
])  # fmt: skip
def test_a_grid_that_makes_no_sense_is_refused(field, words):
    with pytest.raises(ValueError, match=words):
        experiment(**field)


def test_a_strategy_cannot_have_a_grid_of_its_own_and_too_many_candidates_are_refused():
    with pytest.raises(ValueError, match="lr_grid cannot be overridden"):
        experiment([{"name": "it", "overrides": {"lr_grid": [0.1]}}])
    with pytest.raises(ValueError, match="would train 66 combinations of strategy and learning rate; at most 64"):
        experiment([{"name": str(i)} for i in range(22)])


def test_the_cost_of_a_grid_is_in_the_limits():
    what = experiment(seeds=range(60))  # 10 candidates, 600 runs
    check_limits(what, load(what.data))
    with pytest.raises(ValueError, match="5 strategies and their learning rates x 60 seeds are 780 runs; at most 640"):
        check_limits(experiment(STRATEGIES + [{"name": "more"}], seeds=range(60)), load(what.data))
    assert memory(experiment(), load(what.data)) > 1.3 * memory(experiment(lr_grid=[]), load(what.data))


def test_result_json_says_which_rate_was_chosen_and_by_what(tmp_path):
    given, out = tmp_path / "experiment.json", tmp_path / "result.json"
    given.write_text(experiment().to_json())
    assert main([str(given), "--out", str(out), "--models", str(tmp_path)]) == 0
    own = json.loads(out.read_text())["strategies"][0]
    assert own["tuning"]["tried"] == GRID and own["tuning"]["lr"] in GRID and own["name"] == "plain"
    assert own["tuning"]["chosen_by"] == "balanced accuracy on validation" and len(own["tuning"]["scores"]) == 3
    assert len(own["runs"]) == 2 and (tmp_path / "plain-seed0.pt").exists()
    given.write_text(experiment(lr_grid=[]).to_json())
    assert main([str(given), "--out", str(out)]) == 0 and "tuning" not in json.loads(out.read_text())["strategies"][0]


def test_the_default_is_off():
    assert Training().lr_grid == () and Strategy("it").sample_weight
