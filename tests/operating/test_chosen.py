import numpy as np
import pytest
from sklearn import metrics as sk

from lib.decisions import DECISIONS
from lib.operating.chosen import Choice, at_threshold, best_tau, choices, predictions
from lib.operating.costs import Costs
from lib.operating.points import Points, at_grid, grid_of
from lib.operating.scored import probability, read
from lib.registry import check_params
from lib.thresholds import CRITERIA


def test_every_choice_is_a_decision_that_a_strategy_can_have(binary, ring):
    for snapshot in (binary, ring):
        for one in read(snapshot):
            found = choices(one, "f_beta", 2.0, Costs(10, 1))
            kinds = [choice.decision for choice in found]
            assert {"argmax", "tuned", "undo", "logit_adjust"} <= set(kinds) and ("threshold" in kinds) == (snapshot is binary)
            for choice in found:
                check_params(choice.params, DECISIONS[choice.decision].params, choice.decision)
                assert choice.label.startswith(DECISIONS[choice.decision].label) and choice.why


@pytest.mark.parametrize("metric", CRITERIA)
def test_the_best_threshold_says_the_same_as_tuned(binary, metric):
    for one in read(binary):
        found = {choice.decision: choice for choice in reversed(choices(one, metric))}
        np.testing.assert_array_equal(
            predictions(one, found["threshold"], "validation"), predictions(one, found["tuned"], "validation")
        )


def test_undo_says_what_a_half_says_with_the_weights_undone(binary):
    one = read(binary)[1]
    undone = one.sample("validation", 1, undone=True)
    np.testing.assert_array_equal(predictions(one, Choice("", "undo", {}), "validation") == 1, undone.score > 0)


def test_tau_is_the_best_of_all_on_validation(ring):
    one = read(ring)[0]
    y = one.dataset.validation.y.numpy()

    def value(tau):
        said = predictions(one, Choice("", "logit_adjust", {"tau": tau}), "validation")
        return sk.balanced_accuracy_score(y, said)

    assert value(best_tau(one, "balanced_accuracy")) >= max(value(tau) for tau in (0.0, 0.5, 1.0, 1.5, 2.5))


def test_a_threshold_stays_within_the_decisions_range(binary):
    one = read(binary)[0]
    for score, p in ((-50.0, 0.0001), (0.0, 0.5), (50.0, 0.9999)):
        assert at_threshold(one, score, "").params == {"threshold": p}


def test_positions_of_the_slider_hold_the_best_ones_and_a_half(binary):
    points = [Points(one.index, one.name, one.sample("validation", 1, undone=False)) for one in read(binary)]
    wanted = [one.best("mcc")[0] for one in points]
    grid = grid_of([one.sample for one in points], wanted)
    assert (np.diff(grid) > 0).all() and 0 in grid and set(wanted) <= set(grid) and 100 < len(grid) < 400
    for one in points:
        there = at_grid(one, grid)
        best = int(np.flatnonzero(grid == one.best("mcc")[0])[0])
        assert there.curve("mcc")[best] == pytest.approx(one.best("mcc")[1])
        assert np.nanmax(there.curve("mcc")) == there.curve("mcc")[best]
        said = one.sample.score > grid[best]
        np.testing.assert_array_equal(there.confusion(best), sk.confusion_matrix(one.sample.y_true, said))


def test_constant_scores_have_positions_too():
    from lib.operating.scored import Sample

    flat = Sample(np.array([0, 1, 1]), np.full(3, 4.0))
    grid = grid_of([flat])
    assert Points(0, "a", flat).constant and len(grid) > 100 and probability(grid[0]) < 0.5 < probability(grid[-1])
    assert grid_of([Sample(np.zeros(0, int), np.zeros(0))])[0] < 0
