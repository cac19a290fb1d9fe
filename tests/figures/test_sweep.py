import numpy as np
import pytest

from lib.figures.sweep import sweep_lines, sweep_maps
from lib.metrics import t_interval

NAMES = ["plain", "<b>bold</b>"]
TICKS = ["1", "10", "100"]
LINE = np.array([[[0.9, 0.92], [0.8, 0.82]], [[0.7, 0.72], [0.8, 0.84]], [[np.nan, np.nan], [0.85, 0.86]]])  # [A, S, R]


@pytest.mark.parametrize("dark", [False, True])
def test_a_line_is_the_mean_over_seeds_and_its_band_the_t_interval(dark):
    chart = sweep_lines(NAMES, TICKS, LINE, "imbalance ratio", "Balanced accuracy", dark=dark)
    lines = [trace for trace in chart.figure.data if trace.mode == "lines+markers"]
    assert lines[1].y == pytest.approx([0.81, 0.82, 0.855])
    assert np.isnan(lines[0].y[2])
    band = next(trace for trace in chart.figure.data if trace.fill == "toself")
    low, high = t_interval(LINE[0, 0])
    assert band.y[0] == pytest.approx(high)
    assert band.y[-1] == pytest.approx(low)


def test_theory_is_drawn_beside_and_named():
    chart = sweep_lines(NAMES, TICKS, LINE, "w", "recall", theory=np.full((3, 2), 0.5), dark=False)
    assert sum(trace.line.dash == "dot" for trace in chart.figure.data) == 2
    assert "Dots: theory" in " ".join(a.text for a in chart.figure.layout.annotations)


def test_names_of_strangers_are_inert():
    chart = sweep_lines(NAMES, ["<img>"] * 3, LINE, "<a>", "x", dark=False)
    text = chart.payload()
    assert "<b>bold" not in text
    assert "<img>" not in text.replace("&#60;img&#62;", "")


def test_maps_share_one_scale_and_write_their_numbers():
    measured = np.stack([LINE, LINE + 0.05], axis=1)  # [A, B, S, R]
    chart = sweep_maps(NAMES, ("ratio", TICKS), ("batch", ["8", "32"]), measured, "Recall", dark=False)
    maps = [trace for trace in chart.figure.data if trace.type == "heatmap"]
    assert len(maps) == 2
    assert maps[1].z[1, 0] == pytest.approx(0.82)
    scale = chart.figure.layout.coloraxis
    assert (scale.cmin, scale.cmax) == pytest.approx((0.71, 0.96))
    numbers = [trace for trace in chart.figure.data if trace.type == "scatter"]
    assert "0.820" in numbers[1].text
    assert len(numbers[0].text) == 4  # cells without a result have no number
    assert "A plain: from 0.710 at 10, 8 to 0.960 at 1, 32" in chart.alt


def test_winners_are_full_where_they_are_clear_and_hatched_where_not():
    best, clear = np.array([[0, 1], [1, -1], [1, 1]]), np.array([[True, True], [False, False], [True, True]])
    measured = np.stack([LINE, LINE], axis=1)
    chart = sweep_maps(NAMES, ("r", TICKS), ("b", ["8", "32"]), measured, "x", winners=(best, clear), dark=False)
    bars = {}
    for trace in chart.figure.data:
        if trace.type == "bar":
            cells = [(int(x), round(base + 0.46)) for x, base in zip(trace.x, trace.base, strict=True)]
            bars[trace.text[0], trace.marker.pattern.shape] = sorted(cells)
    assert chart.figure.layout.barmode == "overlay"  # side by side, bars of several strategies would leave their cells
    assert bars["A", ""] == [(0, 0)]
    assert bars["B", "/"] == [(0, 1)]
    assert bars["B", ""] == [(0, 2), (1, 0), (1, 2)]


def test_an_empty_map_is_drawn():
    nothing = np.full((2, 2, 1, 1), np.nan)
    chart = sweep_maps(["only"], ("r", ["1", "2"]), ("b", ["1", "2"]), nothing, "x", dark=True)
    assert chart.figure.data[0].type == "heatmap"
    assert "A only: –" in chart.alt
