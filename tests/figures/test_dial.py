"""The pictures of the dial: what a visitor reads at one position, and that every one is a valid figure."""

import numpy as np
import pytest

from lib.dial.models import linear_dial
from lib.experiment import DataSpec
from lib.figures import dial as figures
from lib.figures.boundary import view
from lib.figures.dial_boundary import Plane, boundary, mesh, sample
from lib.figures.frames import animated
from lib.registry import Params
from lib.training import load

NAMES = ("no <b>", "yes")


@pytest.fixture(scope="module")
def dataset():
    return load(DataSpec("gaussians", Params({"n": 2000, "n_val": 1000, "n_test": 10, "priors": (0.9, 0.1)})))


@pytest.fixture(scope="module")
def dial(dataset):
    return linear_dial(dataset, 1)


@pytest.fixture(scope="module")
def reading(dial):
    return dial.reading


def at_weight(reading, weight):
    return int(np.abs(np.log(reading.weights / weight)).argmin())


def charts(reading, at, dark=False):
    return [
        figures.confusion(reading, at, NAMES, "validation", dark=dark), figures.roc(reading, at, dark=dark),
        figures.precision_recall(reading, at, dark=dark), figures.reliability(reading, at, dark=dark),
        figures.gap(reading, at, None, dark=dark), figures.gap(reading, at, np.zeros(len(reading.weights)), dark=dark),
        figures.histogram(reading, at, NAMES, ("#112233", "#445566"), dark=dark),
    ]  # fmt: skip


@pytest.mark.parametrize("dark", [False, True])
def test_every_picture_is_a_valid_figure_at_the_ends_and_in_the_middle(reading, dark):
    for at in (0, 30, len(reading.weights) - 1):
        for chart in charts(reading, at, dark):
            assert chart.figure.layout.height and chart.payload() and chart.alt


def test_the_matrices_say_the_counts_of_both_ways(reading):
    at = at_weight(reading, 9.0)
    assert reading.weights[at] == pytest.approx(9)
    chart = figures.confusion(reading, at, NAMES, "validation", dark=False)
    said = [" ".join(trace["text"]) for trace in chart.spec["data"] if trace.get("mode") == "text"]
    for text, points in zip(said, (reading.moved, reading.weighted), strict=True):
        assert f"<b>{points.counts[at, 1, 1]:.0f}</b>" in text
    assert chart.alt.startswith("At weight 9.00.")


def test_the_points_stand_on_their_trails_with_wilsons_bars(reading):
    at = at_weight(reading, 9.0)
    data = figures.roc(reading, at, dark=False).spec["data"]
    for trail, here, points in ((data[1], data[2], reading.moved), (data[3], data[4], reading.weighted)):
        assert (here["x"][0], here["y"][0]) == (trail["x"][at], trail["y"][at])
        low, high = points.intervals(at)[0]
        assert here["error_y"]["array"][0] == pytest.approx(high - here["y"][0])
        assert here["error_y"]["arrayminus"][0] == pytest.approx(here["y"][0] - low)


def test_undoing_a_weight_is_bayes_rule():
    q = np.array([0.0, 0.05, 0.5, 1.0])
    moved = 19 * q / (19 * q + 1 - q)
    np.testing.assert_allclose(figures.undone(moved, 19.0), q)
    assert figures.undone(np.array([0.5]), 19.0)[0] == pytest.approx(0.05)


def test_weights_below_1_are_said_as_fractions():
    assert [figures.ratio(w) for w in (0.001, 0.5, 1.0, 19.0)] == ["1/1 000".replace(" ", "\u2009"), "1/2.00", "1.00", "19.0"]


def test_the_gap_says_its_number_and_interval_or_that_nothing_tells(reading):
    at = at_weight(reading, 0.3)
    text = figures.gap(reading, at, np.full(len(reading.weights), 0.0125), dark=False).alt
    assert "exactly 0.0125" in text
    if np.isfinite(reading.gap.low[at]):
        assert "[" in text


def test_names_are_inert(reading):
    chart = figures.confusion(reading, 30, NAMES, "validation", dark=False)
    assert "<b>no" not in chart.payload() and "no <b>" not in chart.payload()


def test_the_boundary_follows_the_slider_and_the_bayes_rule_is_a_level(dataset, dial):
    x, y = dataset.validation.x.numpy().astype(float), dataset.validation.y.numpy() == 1
    box = view(x)
    import torch

    grid = torch.from_numpy(mesh(box, 12))
    odds = np.array([dial.score(at, grid).reshape(12, 12) for at in range(len(dial.reading.weights))])
    plane = Plane(box, sample(x, y), odds, dial.plain(grid).reshape(12, 12), np.zeros((4, 4)))

    def make(at):
        return boundary(
            plane, float(dial.reading.weights[at]), at, NAMES, ("#111111", "#222222"), ("a", "b"), (0.1, 0.2), dark=False
        )

    chart = animated([make(at) for at in range(len(odds))])
    assert chart.figure
    slots = {slot.path: slot.values for slot in chart.slots}
    levels = slots["data", 2, "contours", "start"]
    np.testing.assert_allclose(levels, -np.log(dial.reading.weights))
    assert slots["data", 4, "z"][0] is not slots["data", 4, "z"][1]
    assert len(plane.points[0]) + len(plane.points[1]) <= 1000 and len(plane.points[1]) >= 60
    assert "A, threshold moved, takes 10% of the rows" in chart.alt


def test_a_sample_of_no_rows_is_empty():
    rest, own = sample(np.zeros((5, 2)), np.zeros(5, dtype=bool))
    assert rest.shape == (5, 2) and own.shape == (0, 2)
