"""Lines and pictures of regions against closed forms and an independent reader."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lib.figures.regions import SHAPES, edges, marks, picture, zero_lines
from lib.figures.theme import class_symbol


def grid(cells=40, reach=2.0):
    along = np.linspace(-reach, reach, cells)
    return along, *np.meshgrid(along, along)


def test_the_line_of_a_circle_is_a_closed_ring_on_it():
    along, x, y = grid()
    line = edges((1.5**2 - x**2 - y**2)[None], along, along)
    ring = line[:-1]
    assert np.isnan(line[-1]).all() and np.isfinite(ring).all()
    assert np.hypot(*ring.T) == pytest.approx(1.5, abs=0.01)
    assert ring[0] == pytest.approx(ring[-1])
    angles = np.sort(np.arctan2(ring[:, 1], ring[:, 0]))
    assert np.diff(angles).max() < 0.5


def test_a_straight_line_is_found_exactly_and_needs_few_points():
    along, x, y = grid()
    line = edges((y - 0.5 * x - 0.1)[None], along, along)[:-1]
    assert line[:, 1] == pytest.approx(0.5 * line[:, 0] + 0.1, abs=1e-12)
    assert len(line) < 20
    assert {round(float(v), 6) for v in line[[0, -1], 0]} == {-2.0, 2.0}  # from rim to rim


@pytest.mark.parametrize("seed", range(5))
def test_any_field_is_parted_at_its_changes_of_sign(seed):
    """Each side of a cell whose ends differ is crossed by exactly one line point, before points on the way are left out."""
    dice = np.random.default_rng(seed)
    field = dice.normal(size=(12, 15))
    inside = field > 0
    crossed = (inside[:, 1:] != inside[:, :-1]).sum() + (inside[1:] != inside[:-1]).sum()
    lines = zero_lines(field)
    points = np.concatenate([line[:-1] if (line[0] == line[-1]).all() else line for line in lines])
    assert len(points) <= crossed
    assert len({tuple(point) for point in points.round(9)}) == len(points)
    near = np.abs(points - points.round()).min(1)
    assert near == pytest.approx(0, abs=1e-12)  # on a side: one coordinate is whole


def test_two_hills_give_two_lines_and_a_plain_gives_none():
    along, x, y = grid()
    hills = np.maximum(0.5 - np.hypot(x - 1, y), 0.5 - np.hypot(x + 1, y))
    assert len(zero_lines(hills)) == 2
    assert zero_lines(np.ones((5, 5))) == [] and edges(-np.ones((2, 5, 5)), along, along).shape == (0, 2)


def test_the_picture_has_the_colour_of_the_winner_in_each_cell_with_the_lowest_row_at_the_bottom():
    winners = np.array([[0, 0, 1], [2, 1, 1]])
    colors = ["#ff0000", "#00ff00", "#0000ff"]
    kind, _, code = picture(winners, colors, 0.2).partition(",")
    assert kind == "data:image/png;base64"
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGBA"))
    assert seen.shape == (2, 3, 4)
    assert seen[0].tolist() == [[0, 0, 255, 51], [0, 255, 0, 51], [0, 255, 0, 51]]
    assert seen[1].tolist() == [[255, 0, 0, 51], [255, 0, 0, 51], [0, 255, 0, 51]]


def test_more_classes_than_a_byte_are_still_a_picture():
    picture(np.arange(300).reshape(15, 20), ["#000000"] * 100, 0.2)


@pytest.mark.parametrize("symbol", [class_symbol(c) for c in range(10)])
def test_every_class_has_a_mark_of_its_own_around_its_point(symbol):
    x, y = marks(np.array([5.0, 7.0]), np.array([1.0, 2.0]), symbol, (0.1, 0.2))
    assert np.isnan(x).sum() == np.isnan(y).sum() == 2
    first = slice(0, len(x) // 2 - 1)
    away = np.hypot((x[first] - 5) / 0.1, (y[first] - 1) / 0.2)
    assert away.max() == pytest.approx(1)
    assert np.mean(x[first]) == pytest.approx(5) and np.mean(y[first]) == pytest.approx(1)
    assert len({class_symbol(c) for c in range(10)} - set(SHAPES)) == 0
