"""Every sentence of a verdict on cases made for it, the ones where the naive sentence would be wrong included."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from lib.evaluation import evaluate
from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.registry import Params
from lib.training import load, train
from lib.verdict import Case, accuracy, calibration, compare, gain, mean_log_odds_error, sentences, threshold, verdict

ROWS, RARE = 2000, 200


def reading(found, alarms, seeds=3, jitter=0):
    """Classes [R, N] that find a number of the 200 rare rows and flag a number of the 1800 others; a seed more finds more."""
    rows = np.zeros((seeds, ROWS), dtype=int)
    for seed in range(seeds):
        rows[seed, : found + jitter * seed] = 1
        rows[seed, RARE : RARE + alarms] = 1
    return rows


def case(plain=(100, 20), other=(160, 120), moved=None, seeds=3, jitter=0, **more):
    y = np.zeros((seeds, ROWS), dtype=int)
    y[:, :RARE] = 1
    return Case(
        "plain", "balanced", ("ok", "fraud"), 1, y, reading(*plain, seeds), reading(*other, seeds, jitter),
        moved=None if moved is None else reading(*moved, seeds), reading="threshold 1/20", **more,
    )  # fmt: skip


# The gain


def test_a_clear_gain_is_told_with_interval_evidence_and_price():
    sentence = gain(case())
    assert sentence.startswith("“balanced” raises recall of “fraud” by 0.30 [0.2")
    assert sentence.endswith("over “plain” (3 seeds, 200 test rows of “fraud”), at 0.26 lower precision.")  # 100/120 - 160/280


def test_a_loss_of_recall_is_told_as_such():
    sentence = gain(case(plain=(160, 120), other=(100, 20)))
    assert "“balanced” lowers recall of “fraud” by 0.30 [0.2" in sentence
    assert "at 0.26 higher precision" in sentence


def test_an_interval_that_covers_0_is_no_difference():
    sentence = gain(case(other=(104, 22), jitter=-8))
    assert "no difference that this can show between “balanced” and “plain”" in sentence
    assert "raises" not in sentence


def test_seeds_that_disagree_make_no_winner_although_the_rows_would():
    """Seeds of 0.30, 0 and -0.30: the rows' interval of any one of them leaves out 0."""
    plain, other = reading(100, 20), reading(160, 20)
    other[1], other[2] = reading(100, 20, 1)[0], reading(40, 20, 1)[0]
    assert "no difference that this can show" in gain(dataclasses.replace(case(), plain=plain, other=other))


def test_one_seed_names_no_winner():
    sentence = gain(case(seeds=1))
    assert sentence.startswith("In this one run recall of “fraud” is 0.30")
    assert "One seed cannot say which strategy is better" in sentence
    assert "raises" not in sentence


def test_two_strategies_that_say_the_same_are_said_to():
    assert gain(case(other=(100, 20))) == (
        "“balanced” and “plain” say the same of every test row (3 seeds, 200 test rows of “fraud”)."
    )


def test_a_class_without_test_rows_cannot_be_measured():
    empty = case()
    sentence = gain(dataclasses.replace(empty, y_true=np.zeros_like(empty.y_true)))
    assert sentence == "No test row is of class “fraud”: recall of “fraud” cannot be measured."


# Learning, or a moved threshold?


def test_a_gain_that_the_threshold_gives_too_is_a_moved_threshold():
    assert threshold(case(moved=(160, 121))) == (
        "Read at threshold 1/20, “plain” reaches the same recall within 0.01: the gain is a moved threshold."
    )


def test_the_same_recall_at_a_clearly_lower_precision_is_more_than_a_moved_threshold():
    """The naive sentence looks at recall alone."""
    sentence = threshold(case(other=(160, 30), moved=(160, 300)))
    assert "reaches the same recall within 0.01, but at 0.49 [" in sentence
    assert sentence.endswith("lower precision: the gain is more than a moved threshold.")


def test_the_same_recall_at_a_higher_precision_is_worse_than_a_moved_threshold():
    sentence = threshold(case(other=(160, 300), moved=(160, 30)))
    assert sentence.endswith("higher precision: the gain is worse than a moved threshold.")


def test_a_part_that_the_threshold_does_not_give_is_told_with_its_interval():
    sentence = threshold(case(moved=(130, 120)))
    assert sentence.startswith("Read at threshold 1/20, “plain” reaches 0.15 of the 0.30: the other 0.15 [")
    assert sentence.endswith("is more than a moved threshold.")


def test_a_rest_that_the_rows_cannot_carry_is_left_open():
    assert "; whether the rest is more than a moved threshold, this cannot show" in threshold(case(moved=(150, 120), jitter=12))


def test_a_threshold_that_goes_further_explains_all():
    assert threshold(case(moved=(180, 120))).endswith("goes further by 0.10: nothing here is more than a moved threshold.")


def test_a_threshold_that_moves_the_other_way_explains_nothing():
    assert threshold(case(moved=(80, 5))).endswith("does not move that way at all: the gain is no moved threshold.")


def test_where_there_is_no_gain_nothing_is_explained():
    assert threshold(case(other=(101, 20), moved=(101, 20))) is None
    assert threshold(case()) is None


# Probabilities


def odds(factor, seeds=3):
    """Log odds of rows that are calibrated but for a factor: their mean probability at factor 1 is the share of positives."""
    return np.full((seeds, ROWS), math.log(RARE / (ROWS - RARE)) + math.log(factor))


def test_odds_that_weights_made_too_high_are_restored_by_undoing_them():
    sentence = calibration(case(odds=odds(19), undone=odds(1.0)))
    assert sentence == "Its odds of “fraud” are 19 times too high; undoing the weights restores them."


def test_odds_that_stay_wrong_are_not_called_restored():
    assert calibration(case(odds=odds(19), undone=odds(3))) == (
        "Its odds of “fraud” are 19 times too high; with the weights undone they are 3 times too high."
    )
    assert calibration(case(odds=odds(1 / 4))).endswith("4 times too low; no weight put that there that could be undone.")


def test_odds_that_are_right_need_no_sentence():
    assert calibration(case(odds=odds(1.3))) is None
    assert calibration(case()) is None


def test_a_factor_that_few_rows_cannot_carry_is_not_told():
    few = case(odds=odds(1.0), undone=odds(1.0))
    y = np.zeros_like(few.y_true)
    y[:, :4] = 1
    assert calibration(dataclasses.replace(few, y_true=y, odds=np.full((3, ROWS), math.log(4 / 1996) + math.log(2)))) is None


@pytest.mark.parametrize("shift", [-3.0, 0.0, 2.5])
def test_the_error_of_log_odds_makes_the_mean_probability_right(shift):
    generator = np.random.default_rng(0)
    true = generator.normal(-2, 1.5, (1, 50_000))
    positive = generator.random(true.shape) < 1 / (1 + np.exp(-true))
    off = mean_log_odds_error(true + shift, positive)
    assert off == pytest.approx(shift, abs=0.05)
    assert (1 / (1 + np.exp(-(true + shift - off)))).mean() == pytest.approx(positive.mean(), abs=1e-9)


def test_log_odds_of_one_class_or_of_nothing_say_nothing():
    assert math.isnan(mean_log_odds_error(np.zeros((1, 5)), np.zeros((1, 5), dtype=bool)))
    assert math.isnan(mean_log_odds_error(np.full((1, 5), np.inf), np.array([[True, False, True, False, True]])))


# Accuracy


def test_an_accuracy_below_the_majority_is_explained_as_a_price():
    sentence = accuracy(case(other=(160, 400)))
    assert sentence.startswith(
        "It is right in 78.0% of the rows, less often than always saying the most frequent class (90.0%)"
    )
    assert accuracy(case()) is None


# On trainings


def trained(*strategies, seeds=(0, 1, 2)):
    spec = DataSpec("gaussians", Params({"n": 5000, "n_val": 2000, "n_test": 8000, "priors": (0.95, 0.05)}))
    experiment = Experiment(strategies, spec, ModelSpec("linear"), Training(epochs=30, lr=0.05, batch_size=500), seeds)
    *_, last = train(experiment, load(spec))
    return last, evaluate(last)


def test_on_gaussians_balanced_weights_are_a_moved_threshold():
    """On well-specified data theory says so: the threshold 1/(1 + 19), and odds 19 times too high."""
    last, results = trained(Strategy("plain"), Strategy("balanced", weighting="balanced"))
    said = verdict(last, results)
    recalls = [np.mean([results[s, r].recall[1] for r in range(3)]) for s in (0, 1)]
    assert said[0].startswith(f"“balanced” raises recall of “1” by {recalls[1] - recalls[0]:.2f} [")
    assert "Read at threshold 1/20, “plain” reaches the same recall" in said[1]
    assert "undoing the weights restores them" in said[2]
    assert 2 <= len(said) <= 4


def test_the_moved_baseline_is_the_threshold_on_its_probability():
    last, _ = trained(Strategy("plain"), Strategy("balanced", weighting="balanced"))
    own = compare(last, 0, 1, [0, 1])
    for r in (0, 1):
        p = last.models[0, r].scores(last.dataset.test.x).double().softmax(1)[:, 1].numpy()
        assert ((p > 1 / 20) == own.moved[r]).mean() > 0.999
    undone = last.models[1, 0].scores(last.dataset.test.x).double() @ torch.tensor([-1.0, 1.0]).double() - math.log(19)
    np.testing.assert_allclose(own.undone[0], undone.numpy(), atol=1e-9)


def test_where_no_weight_moves_anything_the_baseline_is_read_at_as_many_alarms():
    last, _ = trained(Strategy("plain"), Strategy("focal", loss="focal"))
    own = compare(last, 0, 1, [0])
    assert own.reading == "a threshold that flags as many rows"
    assert own.moved.sum() == pytest.approx(own.other.sum(), abs=60)


def test_focal_is_undone_by_its_own_map_and_told_so():
    last, _ = trained(Strategy("plain"), Strategy("focal", loss="focal", loss_params=Params({"gamma": 2.0})))
    own = compare(last, 0, 1, [0, 1, 2])
    positive = own.y_true == 1
    assert own.put_on == "the loss's own map"
    assert mean_log_odds_error(own.odds, positive) > math.log(1.5) > 2 * abs(mean_log_odds_error(own.undone, positive))
    assert calibration(own).endswith("undoing the loss's own map restores them.")


def test_a_strategy_that_diverged_is_left_out():
    last, results = trained(
        Strategy("plain"), Strategy("wild", overrides=Params({"lr": 1000.0, "optimizer": "sgd"})), seeds=(0,)
    )  # fmt: skip
    broken = {at: dataclasses.replace(result, diverged=at[0] == 1) for at, result in results.items()}
    assert verdict(last, broken) == ["No seed of two strategies ended with finite numbers: there is nothing to compare."]


def test_one_strategy_asks_for_a_second():
    last, results = trained(Strategy("plain"), seeds=(0,))
    assert verdict(last, results) == ["One strategy alone shows no difference: add a second to compare it with."]
    with pytest.raises(ValueError, match="Expected a baseline among 1 strategies"):
        verdict(last, results, 3)


def test_several_classes_are_told_by_their_mean_recall():
    spec = DataSpec("ring", Params({"n": 1500, "n_val": 600, "n_test": 4000, "priors": (0.9, 0.08, 0.02)}))
    strategies = (Strategy("plain"), Strategy("balanced", weighting="balanced"))
    *_, last = train(Experiment(strategies, spec, ModelSpec("linear"), Training(epochs=20, lr=0.05), (0, 1, 2)), load(spec))
    said = verdict(last, evaluate(last))
    assert "the mean recall of all classes" in said[0]
    assert "accuracy" in said[0]
    assert "Read at the scores that those weights ask for" in said[1]


def test_fresh_rows_per_seed_are_not_paired_over_seeds():
    spec = DataSpec("gaussians", Params({"n": 800, "n_val": 400, "n_test": 800, "priors": (0.9, 0.1)}), resample=True)
    strategies = (Strategy("plain"), Strategy("balanced", weighting="balanced"))
    *_, last = train(Experiment(strategies, spec, ModelSpec("linear"), Training(epochs=5, lr=0.05), (0, 1, 2)), load(spec))
    own = compare(last, 0, 1, [0, 1, 2])
    assert not own.shared
    assert all("nan" not in sentence for sentence in sentences(own))


@pytest.mark.parametrize("loss, known", [("vs", False), ("ldam", False), ("logit_adjusted", True)])
def test_a_loss_that_no_constant_describes_is_read_at_as_many_alarms(loss, known):
    """VS stretches logits and LDAM has margins: what their shift leaves is no claim of theory."""
    last, _ = trained(Strategy("plain"), Strategy("other", loss=loss, weighting="none" if known else "sqrt"))
    own = compare(last, 0, 1, [0])
    assert (own.reading == "a threshold that flags as many rows") is not known and (own.undone is not None) is known


def labelled(task, *strategies, seeds=(0, 1), **data):
    source = {"multilabel": ("multilabel", {"n": 3000, "n_val": 1000, "n_test": 4000}), "sequence": ("events", {"rate": 0.05})}
    name, params = source[task]
    model = ModelSpec("linear") if task == "multilabel" else ModelSpec("window_mlp", Params({"window": 3, "hidden": (4,)}))
    spec = DataSpec(name, Params(params), **data)
    experiment = Experiment(strategies, spec, model, Training(epochs=6, lr=0.03, batch_size=50), seeds)
    *_, last = train(experiment, load(spec))
    return last, evaluate(last)


PLAIN = Strategy("plain", loss="bce_with_logits")
WEIGHTED = Strategy("weighted", loss="bce_with_logits", weighting="pos_weight")


def test_of_several_labels_the_rarest_is_told_as_a_question_of_its_own():
    last, results = labelled("multilabel", PLAIN, WEIGHTED)
    rare = int(last.dataset.class_counts()[:, 1].argmin())
    name, positive = last.dataset.class_names[rare], last.dataset.test.y[:, rare].numpy() == 1
    said = verdict(last, results)
    recalls = [np.mean([results[s, r].recall[rare] for r in (0, 1)]) for s in (0, 1)]
    assert said[0].startswith(f"“weighted” raises recall of “{name}” by {recalls[1] - recalls[0]:.2f} [")
    assert f"(2 seeds, {positive.sum()} test rows with “{name}”)" in said[0]
    assert said[-1] == "Of 3 labels this is the one with the fewest rows; the page Decisions reads each."
    assert any("undoing the weights restores them" in sentence for sentence in said)
    own = compare(last, 0, 1, [0, 1])
    negative, yes = last.dataset.class_counts()[rare].tolist()
    for r in (0, 1):
        p = last.models[0, r].outputs(last.dataset.test.x)[:, rare].double().sigmoid().numpy()
        assert ((p > yes / (negative + yes)) == own.moved[r]).mean() > 0.999  # 1 / (1 + w), w the pos_weight of this label
    np.testing.assert_allclose(own.odds - own.undone, math.log(negative / yes), atol=1e-9)


def test_steps_are_told_with_the_series_that_they_stand_in():
    last, results = labelled("sequence", PLAIN, WEIGHTED)
    said, own = verdict(last, results), compare(last, 0, 1, [0, 1])
    part = last.dataset.test
    steps = int((part.y[part.mask] > 0).sum())
    evidence = f"{steps:,} test steps of “event” in {len(part):,} series)".replace(",", "\u2009")
    assert f"(2 seeds, {evidence}" in said[0]
    assert own.series.tolist() == part.mask.nonzero()[:, 0].tolist()
    alone = dataclasses.replace(own, series=None).gain
    assert own.gain.value == alone.value and own.gain.high - own.gain.low != alone.high - alone.low
    assert not any("row" in sentence for sentence in said)


def test_series_of_their_own_for_each_seed_are_not_compared_step_by_step():
    last, results = labelled("sequence", PLAIN, WEIGHTED, resample=True)
    assert verdict(last, results)[0].startswith("Each seed has series of its own, so steps cannot be compared one by one.")


def test_a_label_that_no_test_row_has_cannot_be_measured():
    empty = dataclasses.replace(case(), labels=3, y_true=np.zeros((3, ROWS), dtype=int))
    assert gain(empty) == "No test row has the label “fraud”: recall of “fraud” cannot be measured."
