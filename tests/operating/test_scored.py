import dataclasses

import numpy as np
import pytest
import torch

from lib.operating.scored import log_odds, logit, probability, read
from tests.operating.conftest import trained


def by_name(snapshot, **fields):
    return {one.name: one for one in read(snapshot, **fields)}


def test_a_score_is_the_log_odds_of_the_class():
    scores = torch.randn(50, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p = scores.softmax(1)[:, 2].numpy()
    np.testing.assert_allclose(log_odds(scores, 2), np.log(p / (1 - p)))
    np.testing.assert_allclose(probability(log_odds(scores, 2)), p)
    np.testing.assert_allclose(logit(probability(np.array([-30.0, 0.0, 5.0]))), [-30, 0, 5])
    assert logit(0.0) == -np.inf and logit(1.0) == np.inf


@pytest.mark.parametrize(
    "name, moved", [("plain", 0), ("balanced", np.log(9)), ("pos_weight", np.log(9)), ("sampler", np.log(9))]
)
def test_undone_scores_are_the_trained_ones_less_log_w(binary, name, moved):
    one = by_name(binary)[name]
    trained_, undone = (one.sample("validation", 1, undone=undone) for undone in (False, True))
    np.testing.assert_allclose(trained_.score - undone.score, moved, atol=1e-9)
    assert one.moved == (moved > 0) and one.weight == pytest.approx(np.exp(moved))
    assert trained_.positives == 200 and trained_.negatives == 1800 and trained_.prior == 0.1


def test_focal_is_undone_by_its_own_map(binary):
    one = by_name(binary)["focal"]
    assert one.moved and one.weight == pytest.approx(1)
    shown, undone = (one.sample("validation", 1, undone=undone).score for undone in (False, True))
    assert np.abs(undone).mean() > 1.3 * np.abs(shown).mean()  # gamma had made them timid
    np.testing.assert_array_equal(np.argsort(shown), np.argsort(undone))


@pytest.mark.parametrize("loss", ["vs", "ldam", "multi_margin"])
def test_where_no_theory_says_what_training_put_on_nothing_is_taken_off(loss):
    one = read(trained(strategies=[{"name": "a", "loss": loss, "weighting": "sqrt"}]))[0]
    assert not one.understood and not one.moved
    shown, undone = (one.sample("validation", 1, undone=undone).score for undone in (False, True))
    np.testing.assert_array_equal(shown, undone)


@pytest.mark.parametrize("name", ["balanced", "focal"])
def test_a_threshold_on_undone_odds_is_found_again_on_the_trained_ones(binary, name):
    one = by_name(binary)[name]
    shown, undone = (one.sample("validation", 1, undone=undone).score for undone in (False, True))
    for t in (-3.0, -0.4, 0.0, 1.7):
        np.testing.assert_array_equal(shown > one.as_trained(t), undone > t)


def test_the_test_rows_are_out_of_reach_until_they_may_be_read(binary):
    with pytest.raises(KeyError):
        read(binary)[0].sample("test", 1, undone=False)
    assert len(read(binary, test=True)[0].sample("test", 1, undone=False).y_true) == 4000


def test_undoing_weights_of_several_classes_gives_the_classes_as_they_come(ring):
    plain, balanced = read(ring)
    for c in range(3):
        assert plain.sample("validation", c, undone=True).score == pytest.approx(
            plain.sample("validation", c, undone=False).score
        )
    weighted, undone = (balanced.sample("validation", 2, undone=undone) for undone in (False, True))
    assert probability(weighted.score).mean() > 2 * weighted.prior
    assert probability(undone.score).mean() == pytest.approx(undone.prior, abs=0.02)
    assert balanced.own_threshold is None


def test_the_own_threshold_is_that_of_the_strategys_decision():
    last = trained(strategies=[{"name": "a", "decision": "threshold", "decision_params": {"threshold": 0.2}}])
    assert probability(read(last)[0].own_threshold) == pytest.approx(0.2)


def test_one_seed_is_read_and_runs_that_diverged_are_left_out(ring):
    assert [one.model.run.seed for one in read(ring, 1)] == [1, 1]
    gone = dataclasses.replace(ring, diverged={(0, 0): 1})
    assert [one.index for one in read(gone)] == [1]


def test_before_the_first_epoch_it_is_refused(ring):
    with pytest.raises(ValueError, match="at least one epoch"):
        read(dataclasses.replace(ring, epoch=0))
