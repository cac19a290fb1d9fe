"""Thresholds in pictures: what a visitor reads off them, at every position of the slider."""

import json
import re

import numpy as np
import pytest

from lib.figures.operating import LABELS, chances, cost_curves, histograms, threshold_curves
from lib.figures.operating_board import Reading, board
from lib.figures.operating_calibration import reliability_diagram
from lib.figures.theme import contrast, page
from lib.operating.costs import Costs
from lib.operating.points import CURVES, Points, grid_of
from lib.operating.scored import Sample, logit, probability

COSTS = Costs(9, 1)


@pytest.fixture(scope="module")
def points():
    """Two strategies on the same rows; the second one's odds are multiplied with 19."""
    draw = np.random.default_rng(0)
    score = draw.normal(size=3000) * 1.5 - 2
    y = (draw.random(3000) < probability(score)).astype(np.int64)
    return [Points(0, "plain", Sample(y, score)), Points(2, "<b>weighted</b>", Sample(y, score + np.log(19)))]


@pytest.fixture(scope="module")
def grid(points):
    return grid_of([one.sample for one in points], [one.best("mcc")[0] for one in points])


def charts(points, grid, dark):
    yield threshold_curves(points, grid, ["recall", "precision"], own=[0.0, None], dark=dark)
    yield from (threshold_curves(points, grid, [name], beta=2.0, dark=dark) for name in (*CURVES, "alerts"))
    yield cost_curves(points, grid, COSTS, dark=dark)
    yield histograms(points, grid, "$x$ <i>", 1, dark=dark)
    yield reliability_diagram(points, grid, dark=dark)
    yield board(points, grid, "$x$ <i>", Reading(1.0, 500, COSTS), dark=dark)


def at(chart, frame):
    """The chart's spec as it is with the slider there."""
    spec = json.loads(json.dumps(chart.spec, default=lambda array: array.tolist()))
    for slot in chart.slots:
        place = spec
        for step in slot.path[:-1]:
            place = place[step]
        place[slot.path[-1]] = slot.values[frame]
    return spec


@pytest.mark.parametrize("dark", [False, True])
def test_every_chart_is_a_figure_with_a_frame_for_each_position(points, grid, dark):
    for chart in charts(points, grid, dark):
        assert chart.figure.layout.height == chart.height and len(chart.alt) > 20
        assert chart.slots and all(len(slot.values) == len(grid) for slot in chart.slots)
        chart.payload()


def test_names_of_strangers_are_inert(points, grid):
    for chart in charts(points, grid, False):
        texts = json.dumps(at(chart, 0))
        assert "<b>weighted" not in texts and "$x$" not in texts and "<i>" not in texts


@pytest.mark.parametrize("frame", [0, 40, 120, -1])
def test_one_line_stands_at_the_threshold_in_all_charts(points, grid, frame):
    for chart in list(charts(points, grid, False))[:-1]:
        shape = at(chart, frame)["layout"]["shapes"][0]
        assert shape["x0"] == shape["x1"] == pytest.approx(grid[frame], rel=1e-4) and shape["yref"] == "paper"
        assert chart.spec["layout"]["xaxis"]["range"] == [grid[0], grid[-1]]


@pytest.mark.parametrize("frame", [0, 60, 130, -1])
def test_the_matrices_count_the_rows_above_the_threshold(points, grid, frame):
    chart = board(points, grid, "yes", Reading(), dark=False)
    shapes = at(chart, frame)["layout"]["shapes"]
    assert len(shapes) == 6 * len(points)
    for panel, one in enumerate(points):
        said, y = one.sample.score > grid[frame], one.sample.y_true
        wanted = [(~said & (y == 0)).sum(), (said & (y == 0)).sum(), (~said & (y == 1)).sum(), (said & (y == 1)).sum()]
        read = [shape["label"]["text"] for shape in shapes[6 * panel : 6 * panel + 4]]
        assert [int(re.search(r"<b>([\d\u2009]+)", text)[1].replace("\u2009", "")) for text in read] == wanted
        recall = shapes[6 * panel + 4]["label"]["text"]
        assert recall.startswith(f"recall <b>{wanted[3] / (wanted[2] + wanted[3]):.3g}"[:14])
    assert at(chart, frame).get("alt") is None or "threshold" in at(chart, frame)["alt"]


@pytest.mark.parametrize("dark", [False, True])
def test_the_numbers_in_the_cells_can_be_read_at_every_position(points, grid, dark):
    chart = board(points, grid, "yes", Reading(), dark=dark)
    for frame in range(0, len(grid), 20):
        for shape in at(chart, frame)["layout"]["shapes"]:
            fill = page(dark).paper if shape["fillcolor"].startswith("rgba") else shape["fillcolor"]
            assert contrast(fill, shape["label"]["font"]["color"]) >= 4.5


def test_the_numbers_beside_the_matrices_follow_the_sidebar(points, grid):
    zero = int(np.flatnonzero(grid == 0)[0])
    bare = at(board(points, grid, "yes", Reading(), dark=False), zero)["layout"]["shapes"][5]["label"]["text"]
    assert "yes a day" not in bare and "cost" not in bare
    full = at(board(points, grid, "yes", Reading(2.0, 1000, Costs(9, 1, 0.5)), dark=False), zero)["layout"]["shapes"]
    said = points[0].sample.score > 0
    y = points[0].sample.y_true
    queue = 1000 * (said[y == 1].mean() + said[y == 0].mean()) / 2
    cost = 0.5 * 9 * (~said[y == 1]).mean() + 0.5 * said[y == 0].mean()
    assert f"yes a day <b>{queue:.0f}" in full[5]["label"]["text"] and f"cost <b>{cost:.3g}"[:12] in full[5]["label"]["text"]
    assert "F2 <b>" in full[4]["label"]["text"]


def test_the_best_is_marked_on_its_curve_and_the_own_decision_is_open(points, grid):
    chart = threshold_curves(points, grid, ["mcc"], own=[0.0, 0.0], dark=False)
    marks = [trace for trace in chart.spec["data"] if trace["mode"] == "markers"]
    best = [trace for trace in marks if "best MCC" in trace["name"]]
    assert [(trace["x"][0], trace["y"][0]) for trace in best] == [one.best("mcc") for one in points]
    assert len([trace for trace in marks if "decides now" in trace["name"]]) == 2
    assert f"best MCC {points[0].best('mcc')[1]:.3f}" in chart.alt


def test_the_cheapest_thresholds_stand_beside_elkans(points, grid):
    chart = cost_curves(points, grid, COSTS, dark=False)
    star = next(shape for shape in chart.spec["layout"]["shapes"] if shape["line"].get("dash") == "dot")
    assert probability(star["x0"]) == pytest.approx(0.1)
    assert any("p* = 0.100" in note["text"] for note in chart.spec["layout"]["annotations"])
    cheapest = [trace for trace in chart.spec["data"] if "cheapest" in trace["name"]]
    assert float(probability(cheapest[0]["x"][0])) == pytest.approx(0.1, abs=0.06)
    assert cheapest[1]["x"][0] - cheapest[0]["x"][0] == pytest.approx(np.log(19))  # the same rows, 19 times the odds
    certain = cost_curves(points, grid, Costs(0, 1), dark=False)
    assert len(certain.spec["layout"]["shapes"]) == 1  # p* = 1 is nowhere on the axis


def test_reliability_says_the_intercept_and_holds_every_row(points, grid):
    chart = reliability_diagram(points, grid, dark=False)
    assert re.search(r"A plain intercept −?0\.0", chart.alt) and re.search(r"intercept −2\.[89]", chart.alt)
    rows = [trace for trace in chart.spec["data"] if trace["name"].endswith(", rows")]
    assert [trace["y"].sum() for trace in rows] == [3000, 3000]


def test_histograms_are_drawn_for_classes_without_rows_and_constant_scores(grid):
    odd = [Points(0, "a", Sample(np.zeros(5, int), np.full(5, 40.0))), Points(1, "b", Sample(np.zeros(0, int), np.zeros(0)))]
    for chart in charts(odd, grid, False):
        chart.payload()
        assert chart.figure.layout.height


@pytest.mark.parametrize(("low", "high"), [(-12, 12), (-3, 1), (-0.5, 0.5)])
def test_ticks_are_probabilities_within_the_axis(low, high):
    axis = chances(low, high)
    assert 1 <= len(axis["tickvals"]) <= 8
    assert axis["tickvals"] == pytest.approx([float(logit(float(text))) for text in axis["ticktext"]], abs=1e-4)


def test_every_curve_has_a_name():
    assert set(CURVES) <= set(LABELS)
