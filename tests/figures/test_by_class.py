"""Curves and shares class by class: the numbers of the history, the same axes, a sentence where classes are left out."""

import dataclasses

import numpy as np
import pytest

from lib.experiment import Experiment
from lib.figures.by_class import class_panels, share_panels, shown_classes
from lib.figures.text import number, share
from lib.training import load, train


@pytest.fixture(scope="module")
def many():
    """Twelve classes, the fifth with the most rows, two strategies of which one gives no probabilities."""
    priors = [0.05] * 12
    priors[4] = 0.45
    experiment = Experiment.from_dict({
        "data": {"source": "ring", "params": {"n": 600, "priors": priors, "n_val": 200, "n_test": 50}},
        "model": {"name": "linear"}, "training": {"epochs": 5, "batch_size": 20},
        "strategies": [{"name": "plain"}, {"name": "hinge", "loss": "multi_margin"}], "seeds": [3, 5],
    })  # fmt: skip
    return list(train(experiment, load(experiment.data)))


def texts(chart):
    return [note.text for note in chart.figure.layout.annotations]


def traces(chart, axis):
    return {t.name: t for t in chart.figure.data if t.xaxis == axis}


@pytest.mark.parametrize("dark", [False, True])
def test_each_class_has_a_panel_with_the_lines_of_its_own_history(final, dark):
    chart = class_panels(final, dark=dark)
    for c, axis in enumerate(("x", "x2")):
        line = traces(chart, axis)["A plain"]
        assert np.allclose(line.y, final.history.class_nll[0, :, :, c].mean(0))
        low, high = (traces(chart, axis)[f"A plain, {which} seed"].y for which in ("lowest", "highest"))
        assert np.allclose(low, final.history.class_nll[0, :, :, c].min(0)) and (np.array(high) >= np.array(line.y)).all()
    layout = chart.figure.layout
    assert layout.yaxis.range == layout.yaxis2.range and tuple(layout.xaxis2.range) == (0, 3)
    assert sum(text.startswith("<b>0</b> n = ") for text in texts(chart)) == 1
    assert texts(chart).count("<b>B</b>") == 2  # the letter at the end of its line, in each panel


def test_the_panels_say_their_numbers(final):
    nll = final.history.class_nll[:, :, -1].mean(1)
    alt = class_panels(final, dark=False).alt
    assert "After 3 of 3 epochs" in alt and "unweighted" in alt
    assert f"0: A {number(nll[0, 0])}, B {number(nll[1, 0])}, C no value" in alt


def test_a_log_axis_and_smoothing_are_those_of_the_curves(final):
    chart = class_panels(final, dark=False, log=True, smooth=True)
    assert chart.figure.layout.yaxis2.type == "log"
    assert "A plain, smoothed" in traces(chart, "x2") and "A plain" in traces(chart, "x2")


def test_of_many_classes_the_most_and_the_least_frequent_are_shown_and_it_says_so(many):
    chosen = shown_classes(many[-1].dataset.class_counts().numpy())
    assert len(chosen) == 10 and 4 in chosen and chosen == sorted(chosen)
    rows = np.array([7, 9, 8, 1, 2, 3, 10, 11, 12, 4, 6, 5])
    assert set(shown_classes(rows)) == {1, 2, 6, 7, 8, 3, 4, 5, 9, 11}
    chart = class_panels(many[-1], dark=False)
    assert "Of 12 classes the 5 most and the 5 least frequent." in " ".join(texts(chart)).replace("<br>", " ")
    assert chart.spec["layout"]["meta"]["grid"]["panels"] == 10
    assert "B: no probabilities, so no NLL" in chart.alt and not any(t.name.startswith("B") for t in chart.figure.data)


@pytest.mark.parametrize("of", ["loss", "gradient"])
def test_areas_are_the_mean_shares_of_the_epochs_that_were_measured(many, of):
    last = many[-1]
    chart = share_panels(last, of, dark=False)
    values = getattr(last.history, f"{of}_share")
    measured = np.flatnonzero(np.isfinite(values[0, 0, :, 0]))
    assert measured.tolist() == [0, 2, 4]  # 30 batches each
    chosen = shown_classes(last.dataset.class_counts().numpy())
    for s, axis in enumerate(("x", "x2")):
        areas = [t for t in chart.figure.data if t.xaxis == axis]
        assert len(areas) == 11 and len({t.stackgroup for t in areas}) == 1
        assert list(areas[0].x) == [1, 3, 5]
        for area, c in zip(areas, chosen, strict=False):
            assert np.allclose(area.y, values[s][:, measured, c].mean(0))
        assert np.allclose(sum(np.array(area.y) for area in areas), 1)
        assert areas[-1].name.endswith("2 others")
    assert chart.figure.layout.yaxis.range == chart.figure.layout.yaxis2.range == (0, 1)
    assert share(float(values[0, :, -1, 4].mean())) in chart.alt and f"Share of the {of} by class" in chart.alt


def test_a_strategy_that_diverged_has_no_area_and_the_text_says_so(final):
    chart = share_panels(final, "loss", dark=True)
    assert all(not len(t.x) for t in chart.figure.data if t.xaxis == "x3")
    assert "C too fast: no value yet" in chart.alt


def test_seeds_that_diverged_are_left_out_of_a_mean(final):
    values = final.history.loss_share.copy()
    values[0, 1] = np.nan
    history = dataclasses.replace(final.history, loss_share=values)
    chart = share_panels(dataclasses.replace(final, history=history), "loss", dark=False)
    assert np.allclose(chart.figure.data[0].y, values[0, 0][np.isfinite(values[0, 0, :, 0]), 0])


def test_names_of_classes_are_inert(final):
    hostile = dataclasses.replace(final.dataset, class_names=("<b>%{x}</b>", "$y$"))
    snapshot = dataclasses.replace(final, dataset=hostile)
    for chart in (class_panels(snapshot, dark=False), share_panels(snapshot, "gradient", dark=False)):
        assert "<b>%{x}" not in chart.payload() and "$y$" not in chart.payload().replace(chart.alt, "")
        assert chart.figure


def test_before_the_first_epoch_there_are_empty_panels(many):
    for chart in (class_panels(many[0], dark=False), share_panels(many[0], "loss", dark=False)):
        assert "After 0 of 5 epochs" in chart.alt and chart.figure
