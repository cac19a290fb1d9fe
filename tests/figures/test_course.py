"""The boundary between two points over the epochs; its numbers are checked in tests/truth/test_e4_survival.py."""

import dataclasses

import numpy as np

from lib.experiment import Experiment, Strategy
from lib.figures.course import boundary_course, shows_course
from lib.registry import Params
from lib.reuse import join, keep
from lib.training import load, train

HEAVY = {"loss": "bce_with_logits", "weighting": "manual", "weighting_params": {"weights": [1, 19]}}


def trained(**settings):
    what = Experiment.from_dict({
        "data": {"source": "points", "params": {"n_val": 100, "n_test": 10}}, "model": {"name": "linear"},
        "strategies": [{"name": "<b>plain</b>", "loss": "bce_with_logits"}, {"name": "heavy", **HEAVY}],
        "training": {"epochs": 30, "batch_size": 20, "optimizer": "sgd", "lr": 0.2} | settings,
    })  # fmt: skip
    return list(train(what, load(what.data)))


def test_it_is_drawn_for_the_two_points_alone(ring):
    assert shows_course(trained(epochs=1)[-1]) and not shows_course(ring)


def test_it_grows_along_an_axis_that_is_there_from_the_start():
    course = trained()
    first, middle, last = (boundary_course(course[k], dark=False).figure for k in (0, 15, 30))
    assert first.layout.xaxis.range == last.layout.xaxis.range == (0, np.log10(30))
    ends = [list(figure.data[0].x[-1:]) for figure in (first, middle, last)]
    assert ends == [[], [15], [30]] and last.data[0].x[0] == 1
    assert all(figure.layout.yaxis.range == (-1, 0.6) for figure in (first, middle, last))


def test_long_trainings_are_thinned_evenly_on_the_log_axis():
    course = trained(epochs=600)
    x = boundary_course(course[-1], dark=False).figure.data[0].x
    assert len(x) <= 300 and x[0] == 1 and x[-1] == 600 and list(x[:20]) == sorted(set(x[:20]))


def test_names_are_inert_and_the_alternative_says_the_numbers():
    chart = boundary_course(trained()[-1], dark=True)
    assert chart.figure.data[0].name.startswith("A &#60;b&#62;plain")
    assert "after 30 of 30 epochs" in chart.alt and "closed form at the end 0" in chart.alt


def test_a_common_factor_of_the_weights_and_the_normaliser_are_part_of_the_closed_form():
    """BCE divides by rows: weights of 10 and 190 run through ten times as much time."""
    plain, scaled = trained()[-1], trained(lr=0.02)[-1]
    ten = dataclasses.replace(scaled.experiment.strategies[1], weighting_params={"weights": (10.0, 190.0)})
    what = dataclasses.replace(scaled.experiment, strategies=(scaled.experiment.strategies[0], ten))
    *_, other = train(what, load(what.data))
    one, two = (boundary_course(snapshot, dark=False).figure.data for snapshot in (plain, other))
    assert np.allclose(one[-1].y, two[-1].y) and np.allclose(one[-2].y, two[-2].y, atol=1e-6)


def test_shares_count_as_weights_and_noise_has_no_closed_form():
    """Eight rows in ten at +1 weigh as a weight of 4 would."""
    what = trained()[-1].experiment

    def last(**params):
        changed = dataclasses.replace(what, data=dataclasses.replace(what.data, params={**what.data.params, **params}))
        *_, end = train(changed, load(changed.data))
        return boundary_course(end, dark=False).figure.data

    unequal = last(priors=(0.2, 0.8), n_val=1000)
    assert unequal[0].y[-1] < -0.15 and unequal[1].y[-1] < -0.15
    assert len(last(label_noise=0.1)) == 2


def test_a_strategy_that_is_kept_has_its_whole_course():
    *_, before = trained()
    new = Strategy("new", "bce_with_logits", overrides=Params({"lr": 0.1}))
    what = dataclasses.replace(before.experiment, strategies=(before.experiment.strategies[0], new))
    kept = keep(before, None, what, before.dataset)
    for rest in train(what, before.dataset, skip=kept.runs):
        plain, new = (t for t in boundary_course(join(kept, rest), dark=False).spec["data"] if "closed" not in t["name"])
        for line, epochs in ((plain, 30), (new, rest.epoch)):
            assert max(line["x"], default=0) == epochs
            assert len(line["x"]) == len(line["y"]) and np.isfinite(line["y"]).all()
