import numpy as np
import pytest

from lib.operating.costs import Costs, alerts, cheapest, expected_cost
from lib.operating.points import Points, grid_of
from lib.operating.scored import logit, probability
from lib.thresholds import cuts
from tests.operating.conftest import sample


@pytest.mark.parametrize("miss, alarm, star", [(1, 1, 0.5), (9, 1, 0.1), (19, 1, 0.05), (1, 3, 0.75)])
def test_the_cheapest_threshold_of_right_probabilities_is_elkans(miss, alarm, star):
    costs = Costs(miss, alarm)
    assert costs.elkan == pytest.approx(star)
    right = sample(200_000)
    found = cuts(right.y_true, right.score)
    threshold, least = cheapest(found, costs)
    at_star = expected_cost(*found.at(float(logit(star))), found.positives, found.negatives, costs)
    assert least <= at_star <= least * 1.002  # the bottom is flat
    assert float(probability(threshold)) == pytest.approx(star, rel=0.25)


def test_the_cost_is_that_of_counting_rows():
    some, costs = sample(500), Costs(7, 2)
    found = cuts(some.y_true, some.score)
    for t in (-3.0, -1.0, 0.5):
        said = some.score > t
        by_hand = (7 * (some.y_true & ~said) + 2 * ((1 - some.y_true) & said)).mean()
        assert expected_cost(*found.at(t), found.positives, found.negatives, costs) == pytest.approx(by_hand)
    costs_all = expected_cost(found.tp, found.fp, found.positives, found.negatives, costs)
    assert cheapest(found, costs)[1] == pytest.approx(costs_all.min())


def test_another_prior_at_deployment_moves_the_threshold_by_the_odds_of_the_priors():
    """Rows drawn where the class is rarer: the threshold that is best there is Elkan's, moved back to the scores here."""
    here, costs = sample(200_000), Costs(5, 1, prior=0.02)
    found = cuts(here.y_true, here.score)
    star = costs.threshold(here.prior)
    assert logit(star) - logit(costs.elkan) == pytest.approx(float(logit(here.prior) - logit(0.02)))
    at_star = expected_cost(*found.at(float(logit(star))), found.positives, found.negatives, costs)
    assert at_star <= cheapest(found, costs)[1] * 1.01
    draw = np.random.default_rng(0)  # the same by drawing rows of that world
    keep = (here.y_true == 0) | (draw.random(len(here.y_true)) < 0.02 / 0.98 * (1 - here.prior) / here.prior)
    said = here.score[keep] > logit(star)
    drawn = (5 * (here.y_true[keep] & ~said) + ((1 - here.y_true[keep]) & said)).mean()
    assert drawn == pytest.approx(float(at_star), rel=0.05)


def test_the_queue_is_the_share_that_gets_a_yes():
    some = sample(1000)
    found = cuts(some.y_true, some.score)
    tp, fp = found.at(-1.0)
    assert alerts(tp, fp, found.positives, found.negatives) == pytest.approx((some.score > -1).mean())
    rarer = alerts(tp, fp, found.positives, found.negatives, prior=0.001)
    assert rarer == pytest.approx(fp / found.negatives, abs=0.002)


@pytest.mark.parametrize("miss, alarm", [(-1, 1), (1, -0.5), (float("nan"), 1), (1, float("inf"))])
def test_a_cost_is_a_number_of_at_least_0(miss, alarm):
    with pytest.raises(ValueError, match="must be a number of at least 0"):
        Costs(miss, alarm)


def test_both_costs_0_leave_nothing_to_choose():
    with pytest.raises(ValueError, match="above 0"):
        Costs(0, 0)


@pytest.mark.parametrize("prior", [0, 1, -0.1, 1.5])
def test_a_prior_lies_between_0_and_1(prior):
    with pytest.raises(ValueError, match=r"between 0 and 1, both left out"):
        Costs(1, 1, prior)


def test_one_cost_of_0_says_what_follows():
    found = cuts(np.array([0, 1, 0, 1]), np.array([-1.0, 0.5, 1.0, 2.0]))
    never, always = Costs(0, 1), Costs(1, 0)
    assert "never saying yes" in never.remark and found.at(cheapest(found, never)[0])[1] == 0
    assert "always saying yes" in always.remark and found.at(cheapest(found, always)[0])[0] == 2
    assert Costs(1, 1).remark is None


def test_without_rows_of_a_class_a_cost_is_undefined():
    found = cuts(np.zeros(5, int), np.arange(5.0))
    assert np.isnan(cheapest(found, Costs(1, 1))[1]) and cheapest(found, Costs(1, 1))[0] == 0
    assert np.isnan(alerts(found.tp, found.fp, 0, 5, prior=0.1)).all()


def test_the_cheapest_position_of_the_slider_is_the_cheapest_of_all():
    some, costs = sample(5000), Costs(10, 1)
    points = Points(0, "a", some)
    threshold, least = points.cheapest(costs)
    grid = grid_of([some], [threshold])
    from lib.operating.points import at_grid

    assert at_grid(points, grid).cost(costs).min() == pytest.approx(least) and threshold in grid
