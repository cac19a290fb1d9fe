"""Pictures beside a receipt: the numbers in them, their words, and names that stay inert."""

import math

import numpy as np
import pytest

from lib.figures.batch_law import SIZES, ratio_curve, smoothing_map
from lib.figures.receipt import dial_gauges, effective_prior_bars, gradient_bars, micro_batch_bars, saturation_curves
from lib.receipt import PRESETS, take_apart
from lib.receipt.what_if import dials, gradient_shares, micro_batches, prior_stages, saturation

INDEX = PRESETS["index_targets"].batch
DARK = pytest.mark.parametrize("dark", [False, True])


def notes(chart):
    return [note.text.replace("<br>", " ") for note in chart.figure.layout.annotations]


@DARK
def test_needles_stand_where_the_losses_went(dark):
    chart = dial_gauges(dials(INDEX, 10.0), dark=dark)
    needles = [trace.gauge.threshold.value for trace in chart.figure.data]
    assert needles == pytest.approx([0, 1, 1], abs=1e-5)
    assert notes(chart)[0] == "<b>CE mean</b>  0.667 loss × 1.00 SGD step × 1.00 Adam step × 1.00"
    assert notes(chart)[2] == "<b>BCE mean</b>  127 loss × 10.0 SGD step × 10.0 Adam step × 1.00"
    assert "CE sum goes from 50.7 to 507" in chart.alt


def test_a_dial_without_a_number_points_up():
    chart = dial_gauges(dials(PRESETS["all_ignored"].batch, 10.0), dark=False)
    assert chart.figure.data[0].gauge.threshold.value == 0
    assert "<b>CE mean</b>  –" in notes(chart)[0]
    chart.payload()


@DARK
def test_gradient_bars_tell_logits_and_classes(dark):
    receipt = take_apart(PRESETS["weight_zero"].batch)
    names = ("<b>cat</b>", "dog", "bird")
    chart = gradient_bars(receipt.gradient[0], names, gradient_shares(receipt), title="row 1", by="logit", dark=dark)
    by_logit, by_class = chart.figure.data
    assert list(by_logit.x) == pytest.approx(receipt.gradient[0])
    assert list(by_class.x)[2] == 0 and sum(by_class.x) == pytest.approx(1)
    assert chart.figure.layout.yaxis.ticktext[0] == "&#60;b&#62;cat&#60;/b&#62;"
    assert "bird 0%" in chart.alt


def test_a_gradient_that_is_nan_is_an_empty_bar():
    receipt = take_apart(PRESETS["all_ignored"].batch)
    gradient = np.array([math.nan, math.nan])
    chart = gradient_bars(gradient, ("a", "b"), gradient_shares(receipt), title="row 1", by="logit", dark=False)
    assert chart.figure.data[0].text == ("–", "–")
    chart.payload()


@DARK
def test_micro_batches_stand_beside_their_mean_and_the_whole(dark):
    chart = micro_batch_bars(micro_batches(INDEX, 2), dark=dark)
    bars, mean, whole = chart.figure.data
    assert list(mean.y) == pytest.approx([np.mean(bars.y)] * 2)
    assert whole.name == "whole batch 0.667"
    micro_batch_bars(micro_batches(PRESETS["all_ignored"].batch, 2), dark=dark).payload()


@DARK
@pytest.mark.parametrize("target", [0, 1])
def test_the_dead_zone_is_shaded(dark, target):
    found = saturation(float(target))
    chart = saturation_curves(found, target, 17, dark=dark)
    zones = [shape for shape in chart.figure.layout.shapes if shape.type == "rect"]
    assert {(zone.x0, zone.x1) for zone in zones} == {found.dead}
    stable, rounded = chart.figure.data[2:]
    assert (stable.name, rounded.name) == ("BCEWithLogitsLoss", "BCELoss on sigmoid(z)")
    side = 0 if target else -1
    assert rounded.y[side] == 0 and abs(stable.y[side]) == pytest.approx(1)


@DARK
def test_the_prior_after_each_stage(dark):
    chart = effective_prior_bars(("common", "rare"), prior_stages(0.01, True, 99.0), dark=dark)
    assert list(chart.figure.data[1].x) == pytest.approx([0.01, 0.5, 0.99])
    assert notes(chart)[0] == "rare: 1.0% → 50% → 99%"


@DARK
@pytest.mark.parametrize(("size", "acts"), [(1, 1.0), (2, 1.942), (8, 6.466), (128, 17.603), (1024, 18.824)])
def test_the_ratio_that_acts_is_marked(dark, size, acts):
    chart = ratio_curve(19.0, 0.05, size, dark=dark)
    wanted, curve, here = chart.figure.data
    assert here.y[0] == pytest.approx(acts, abs=1e-3)
    assert curve.y[SIZES.index(size)] == pytest.approx(acts, abs=1e-3)
    assert wanted.y[0] == 19


@DARK
def test_the_map_of_smoothing_has_the_flip_and_the_mark(dark):
    chart = smoothing_map(2, 100.0, 0.1, dark=dark)
    area, line, here = chart.figure.data
    assert here.text[0] == "<b>0.160</b>"
    at = int(np.argmin(np.abs(np.array(line.y) - 0.1)))
    assert line.x[at] == pytest.approx(19)
    best = np.array(area.z)
    row = int(np.argmin(np.abs(np.array(area.y) - 0.1)))
    assert ((best[row] < 0.5) == (np.array(area.x) > 19)).all()
    assert "the argmax flips above ratio 19.0" in chart.alt
