"""E6: what weights and resampling do to a risk (van den Goorbergh et al. 2022): the intercept moves, the ranking stays."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from lib.data import Dataset, Split
from lib.evaluation import evaluate
from lib.experiment import Experiment
from lib.training import decide, train

PREVALENCE = {0.3: (-1.0184, 0.7411), 0.1: (-2.5642, 0.7493)}  # intercept of the recipe, exact AUROC
STRATEGIES = [
    {"name": "none"},
    {"name": "weights", "weighting": "balanced"},
    {"name": "undersampled", "sampler": "undersample"},
    {"name": "oversampled", "sampler": "oversample"},
    {"name": "SMOTE", "sampler": "smote"},
    {"name": "undone", "weighting": "balanced", "decision": "undo"},
]


def recipe(intercept, train_rows, test_rows):
    """x ~ N(0, I_6), logit P(1 | x) = intercept + beta.x with |beta| = 1 and equal parts."""
    g = torch.Generator().manual_seed(1)
    splits = []
    for rows in (train_rows, 1000, test_rows):
        x = torch.randn(rows, 6, generator=g)
        risk = torch.sigmoid(intercept + x.double().sum(1) / np.sqrt(6))
        splits.append(Split(x=x, y=(torch.rand(rows, generator=g, dtype=torch.float64) < risk).long()))
    return Dataset("binary", ("0", "1"), *splits)


def intercept_of(z, y):
    """Calibration intercept with the slope fixed at 1: the a for which sigmoid(z + a) sums to the events."""
    return brentq(lambda a: expit(z + a).sum() - y.sum(), -10, 10)


@pytest.fixture(scope="module", params=list(PREVALENCE))
def found(request):
    """The prevalence, the log odds of each strategy on test, whether 'undone' took off what it should, and y."""
    prevalence = request.param
    dataset = recipe(PREVALENCE[prevalence][0], 20_000, 100_000)
    what = Experiment.from_dict({
        "data": {"params": {"dim": 6}}, "model": {"name": "linear"}, "strategies": STRATEGIES,
        "training": {"epochs": 40, "batch_size": 2000, "lr": 0.02},
    })  # fmt: skip
    *_, last = train(what, dataset)
    odds = {}
    for s, strategy in enumerate(STRATEGIES):
        model = last.models[s, 0]
        scores = model.scores(dataset.test.x).double()
        if strategy["name"] == "undone":
            scores = scores + decide(model.run, model.epoch, scores, dataset.test.y).offset
        odds[strategy["name"]] = (scores[:, 1] - scores[:, 0]).numpy()
    return prevalence, odds, dataset.test.y.numpy(), evaluate(last)


def test_the_prevalence_is_that_of_the_recipe(found):
    prevalence, _, y, _ = found
    assert y.mean() == pytest.approx(prevalence, abs=0.005)


@pytest.mark.parametrize("name", ["weights", "undersampled", "oversampled", "SMOTE"])
def test_every_correction_overstates_the_risk_by_the_odds_of_the_prevalence(found, name):
    prevalence, odds, y, _ = found
    assert intercept_of(odds[name], y) == pytest.approx(logit(prevalence), abs=0.08)


def test_without_a_correction_or_after_undoing_it_the_risk_is_right(found):
    """As right as 20 000 rows can say: two standard errors of the intercept on training and test rows, .03 to .05."""
    prevalence, odds, y, _ = found
    noise = np.sqrt((1 / 20_000 + 1 / 100_000) / (prevalence * (1 - prevalence)))
    none, undone = intercept_of(odds["none"], y), intercept_of(odds["undone"], y)
    assert abs(none) < 2 * noise and abs(undone) < 2 * noise
    assert undone == pytest.approx(none, abs=0.01)


def test_the_ranking_is_the_same_for_all_and_as_good_as_it_can_be(found):
    prevalence, odds, y, _ = found
    areas = [roc_auc_score(y, z) for z in odds.values()]
    assert max(areas) - min(areas) < 0.004
    assert areas[0] == pytest.approx(PREVALENCE[prevalence][1], abs=0.006)


def test_a_threshold_at_the_prevalence_finds_what_weights_find(found):
    prevalence, odds, y, _ = found
    moved, weighted = odds["none"] > logit(prevalence), odds["weights"] > 0
    for c in (0, 1):
        assert (moved == c)[y == c].mean() == pytest.approx((weighted == c)[y == c].mean(), abs=0.02)


def test_the_test_table_says_so(found):
    """NLL and Brier are worse after every correction, and as before once it is undone."""
    *_, results = found
    metrics = {s["name"]: results[i, 0].metrics for i, s in enumerate(STRATEGIES)}
    for name in ("weights", "undersampled", "oversampled", "SMOTE"):
        assert metrics[name]["nll"] > metrics["none"]["nll"] + 0.04 and metrics[name]["brier"] > metrics["none"]["brier"] + 0.02
    assert metrics["undone"]["nll"] == pytest.approx(metrics["none"]["nll"], abs=0.002)
