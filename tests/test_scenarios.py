"""Every scenario shows what its story says: the recalls that it promises, on validation, after its own training."""

import pytest

from lib.evaluation import evaluate
from lib.scenarios import SCENARIOS
from lib.scenarios.results import stored
from lib.training import load, train


@pytest.fixture(scope="module")
def recalls() -> dict[str, dict[str, list[float]]]:
    """scenario -> strategy -> recall per class, mean over seeds, after the last epoch."""
    found = {}
    for key, scenario in SCENARIOS.items():
        experiment = scenario.experiment
        *_, last = train(experiment, load(experiment.data))
        final = last.history.recall[:, :, -1].mean(1)
        found[key] = {s.name: row.tolist() for s, row in zip(experiment.strategies, final, strict=True)}
    return found


def test_each_has_a_story_a_place_to_look_and_a_source() -> None:
    for scenario in SCENARIOS.values():
        assert scenario.story.count(". ") >= 2 and scenario.look_at.endswith(".") and scenario.source
        assert 2 <= len(scenario.experiment.strategies) <= 8


def test_rare_event(recalls) -> None:
    found = recalls["rare_1_to_20"]
    assert 0.6 < found["plain"][1] < 0.72 and found["plain"][0] > 0.98  # "two events in three"
    assert found["balanced"][1] > 0.88 and 0.88 < found["balanced"][0] < 0.95  # "nine in ten, and accuracy drops to 92 %"


def test_one_in_a_hundred(recalls) -> None:
    found = recalls["rare_1_to_100"]
    assert found["plain"][1] < 0.6
    assert all(found[name][1] > 0.8 for name in ("balanced", "pos_weight BCE", "weighted sampler"))


def test_three_classes(recalls) -> None:
    found = recalls["three_classes"]
    assert found["plain"][0] > found["balanced"][0] and found["plain"][2] + 0.1 < found["balanced"][2]


def test_digits(recalls) -> None:
    def mean(name: str) -> float:
        return sum(recalls["digits_long_tail"][name]) / 10

    assert mean("logit-adjusted loss") > mean("plain")


def test_weights_that_cancel(recalls) -> None:
    found = recalls["weights_that_cancel"]
    assert found["inverse, CE"] == pytest.approx(found["balanced, CE"], abs=0.002)
    assert found["inverse, CE"] == pytest.approx(found["median frequency, CE"], abs=0.002)
    assert found["inverse, BCE"] != pytest.approx(found["pos_weight, BCE"], abs=0.01)


def test_batch_of_one(recalls) -> None:
    rare = [recall[1] for recall in recalls["batch_of_one"].values()]
    assert rare == sorted(rare) and rare[-1] - rare[0] > 0.15


def test_corrected_twice(recalls) -> None:
    found = recalls["corrected_twice"]
    assert found["both"][0] < 0.75 and found["both"][1] > 0.97
    assert all(found[name][0] > 0.88 for name in ("plain", "weights", "sampler"))


def test_smoothing_turns(recalls) -> None:
    found = recalls["smoothing_turns"]
    assert found["both"][0] < 0.1 and found["smoothing"][0] > 0.95 and found["balanced"][0] > 0.95


def test_focal_alpha(recalls) -> None:
    found = {name: recall[1] for name, recall in recalls["focal_alpha"].items()}
    assert found["focal, alpha 0.25"] < found["plain BCE"] - 0.06 < found["plain BCE"] + 0.05 < found["focal, alpha 0.75"]
    assert found["focal, alpha 0.5"] == pytest.approx(found["plain BCE"], abs=0.03)  # gamma alone moves no decision


def test_unreliable_labels(recalls) -> None:
    found = {name: recall for name, recall in recalls["unreliable_labels"].items()}
    assert found["all rows alike"][1] < 0.3 and 0.5 < found["reliability"][1] < 0.7 and found["reliability"][0] > 0.99
    assert found["balanced"][1] > 0.9 and found["balanced"][0] > 0.9  # "forgive overlooked events too"
    assert found["both"][0] < found["balanced"][0] - 0.03  # "both together overshoot"


def test_calibration_harm(recalls) -> None:
    found = recalls["calibration_harm"]
    assert found["plain"][1] < 0.1 and abs(found["balanced, undone"][1] - found["plain"][1]) < 0.03
    for name in ("threshold 0.1", "balanced", "undersampled", "SMOTE"):
        assert 0.55 < found[name][1] < 0.75 and abs(found[name][1] - found["balanced"][1]) < 0.03


def test_weights_survive(recalls) -> None:
    boundary = {name: recall[0] - recall[1] for name, recall in recalls["weights_survive"].items()}
    assert boundary["no weights"] == pytest.approx(0, abs=0.01) and boundary["1 : 19"] == pytest.approx(-0.22, abs=0.01)
    assert boundary["1 : 19, decay 0.1"] < boundary["1 : 19, decay 0.02"] < boundary["1 : 19"] - 0.05


def test_deferred_weights_on_test() -> None:
    experiment = SCENARIOS["deferred_weights"].experiment
    *_, last = train(experiment, load(experiment.data))
    results, seeds = evaluate(last), range(len(experiment.seeds))
    found = {
        s.name: sum(results[i, r].metrics["balanced_accuracy"] for r in seeds) / len(seeds)
        for i, s in enumerate(experiment.strategies)
    }
    assert found["deferred (DRW)"] == pytest.approx(found["balanced"], abs=0.02) and found["balanced"] > found["plain"] + 0.02
    assert found["LDAM"] < found["LDAM + DRW"] and found["VS"] > found["balanced"]
    loss = last.history.train_loss[2].mean(0)
    assert loss[48] > 1.5 * loss[47] and loss[47] < loss[46] < loss[45]  # "jumps when the weights start, at epoch 49"


def test_lstm(recalls) -> None:
    found = recalls["lstm_100_to_1"]
    assert found["plain"][1] < 0.02  # "says no at every step"
    assert found["pos_weight 85"][1] > 0.92 and 0.88 < found["pos_weight 85"][0] < 0.95  # "19 of 20", "one in twelve"
    assert 0.35 < found["pos_weight 85, undone"][1] < 0.7 and found["pos_weight 85, undone"][0] > 0.995  # "half", "hardly"
    assert found["plain at 1/86"][1] > 0.9  # "wakes the plain network, too"


def test_the_same_pictures_asked_two_ways(recalls) -> None:
    one, any_of = recalls["exactly_one_animal"], recalls["any_animal"]
    for found, weighted in ((one, "balanced"), (any_of, "pos_weight per label")):
        assert found["plain"][2] + 0.03 < found[weighted][2]
    first, second = (load(SCENARIOS[key].experiment.data) for key in ("exactly_one_animal", "any_animal"))
    assert (first.task, second.task) == ("multiclass", "multilabel") and (first.train.x == second.train.x).all()


def test_one_logit_or_two(recalls) -> None:
    found = recalls["one_logit_or_two"]
    assert all(row == pytest.approx(found["pos_weight 19"], abs=0.01) for row in found.values())
    experiment = SCENARIOS["one_logit_or_two"].experiment
    *_, last = train(experiment, load(experiment.data))
    ce, bce, ce_alike, bce_alike = last.history.train_loss[:, 0, -1]
    assert bce / ce == pytest.approx((9500 + 19 * 500) / 10_000, rel=0.01)  # the sum of weights over the number of rows
    assert bce_alike == pytest.approx(ce_alike, rel=0.005)


def test_the_gallery_shows_what_was_found(recalls) -> None:
    """results.json holds what a training finds today, up to another machine's rounding."""
    assert list(stored()) == list(SCENARIOS)
    for key, found in stored().items():
        assert found.names == list(recalls[key])
        for name, seeds in zip(found.names, found.recall, strict=True):
            mean = [sum(column) / len(column) for column in zip(*seeds, strict=True)]
            assert mean == pytest.approx(recalls[key][name], abs=0.08), (key, name)
