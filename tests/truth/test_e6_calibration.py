"""E6 (van den Goorbergh et al. 2022): weights and samplers spoil calibration, leave AUROC alone, and undoing them mends it."""

import numpy as np
import pytest
import torch
from imblearn.over_sampling import SMOTE
from sklearn.linear_model import LogisticRegression

from lib.data import Dataset, Split
from lib.experiment import Experiment
from lib.operating.calibration import calibration
from lib.operating.scored import Sample, intercept, logit, read
from lib.thresholds import auroc, cuts
from lib.training import train

BASES = {0.3: -1.0184, 0.1: -2.5642}  # b0 of logit P = b0 + beta.x, |beta| = 1, x ~ N(0, I_6)
EXACT = {0.3: 0.7411, 0.1: 0.7493}
TRAIN, TEST = 20_000, 100_000
STRATEGIES = {
    "none": {}, "balanced": {"weighting": "balanced"},
    "pos_weight": {"loss": "bce_with_logits", "weighting": "pos_weight"}, "sampler": {"sampler": "weighted_random"},
    "oversample": {"sampler": "oversample"}, "undersample": {"sampler": "undersample"},
}  # fmt: skip
MOVED = [name for name in STRATEGIES if name != "none"]


def draw(prevalence):
    """Rows of the paper's kind: training, validation, test."""
    draw = np.random.default_rng(6)
    beta = np.ones(6) / np.sqrt(6)

    def split(n):
        x = draw.normal(size=(n, 6))
        y = draw.random(n) < 1 / (1 + np.exp(-(BASES[prevalence] + x @ beta)))
        return Split(torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y.astype(np.int64)))

    return Dataset("binary", ("no", "yes"), split(TRAIN), split(2000), split(TEST))


@pytest.fixture(scope="module", params=list(BASES))
def world(request):
    """Every strategy, trained on one draw, by name; and the prevalence."""
    dataset = draw(request.param)
    experiment = Experiment.from_dict({
        "model": {"name": "linear"}, "training": {"epochs": 60, "batch_size": 2000, "lr": 0.01},
        "strategies": [{"name": name, **parts} for name, parts in STRATEGIES.items()],
    })  # fmt: skip
    *_, last = train(experiment, dataset)
    return request.param, {one.name: one for one in read(last, test=True)}, dataset


@pytest.mark.parametrize("name", MOVED)
def test_the_intercept_goes_to_the_logit_of_the_prevalence_and_comes_back(world, name):
    prevalence, runs, _ = world
    trained, undone = (intercept(runs[name].sample("test", 1, undone=undone)) for undone in (False, True))
    assert trained == pytest.approx(float(logit(prevalence)), abs=0.05)
    assert abs(undone) < 0.04


def test_without_weights_the_intercept_is_right(world):
    _, runs, _ = world
    known = calibration(runs["none"].sample("test", 1, undone=False))
    assert abs(known.intercept) < 0.04 and known.slope == pytest.approx(1, abs=0.08) and known.ece < 0.012


def test_auroc_stays(world):
    prevalence, runs, _ = world
    samples = [one.sample("test", 1, undone=False) for one in runs.values()]
    found = [auroc(cuts(sample.y_true, sample.score)) for sample in samples]
    assert max(found) - min(found) < 0.004
    assert found == pytest.approx([EXACT[prevalence]] * len(found), abs=0.008)


@pytest.mark.parametrize("name", ["balanced", "pos_weight"])
def test_a_half_with_weights_is_the_prevalence_without(world, name):
    """Sensitivity and specificity at 0.5 of the weighted model are those of the plain one at 1 / (1 + w)."""
    _, runs, _ = world
    plain, weighted = runs["none"].sample("test", 1, undone=False), runs[name].sample("test", 1, undone=False)
    at = -np.log(runs[name].weight)
    for truth in (0, 1):
        rows = plain.y_true == truth
        assert np.mean(plain.score[rows] > at) == pytest.approx(np.mean(weighted.score[rows] > 0), abs=0.03)


def test_smote_does_the_same_harm(world):
    prevalence, _, dataset = world
    x, y = SMOTE(random_state=0).fit_resample(dataset.train.x.numpy(), dataset.train.y.numpy())
    fitted = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(x, y)
    sample = Sample(dataset.test.y.numpy(), fitted.decision_function(dataset.test.x.numpy()).astype(float))
    assert intercept(sample) == pytest.approx(float(logit(prevalence)), abs=0.15)
    assert auroc(cuts(sample.y_true, sample.score)) == pytest.approx(EXACT[prevalence], abs=0.008)
