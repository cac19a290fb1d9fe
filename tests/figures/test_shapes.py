"""The picture of the shape lab: one cell per axis, red where it does not fit or fits by accident, and the same in words."""

import pytest

from lib.figures.shapes import shape_table
from lib.figures.theme import CLASS_DARK, CLASS_LIGHT, contrast, page
from lib.pitfalls.shape_axes import Shapes
from lib.pitfalls.shape_lab import PRESETS, look


def red(dark: bool) -> str:
    return (CLASS_DARK if dark else CLASS_LIGHT)[1]


def texts(chart) -> list[str]:
    return [annotation["text"] for annotation in chart.spec["layout"]["annotations"]]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_makes_a_valid_figure_with_something_red(key, dark) -> None:
    found = look(PRESETS[key].shapes)
    chart = shape_table(found, dark=dark)
    assert len(chart.figure.layout.shapes) == sum(map(len, found.cells.values()))
    assert red(dark) in [shape["line"]["color"] for shape in chart.spec["layout"]["shapes"]]
    assert all("✕" in text or "⚠" in text for text in texts(chart) if "fit" in text)  # never by colour alone
    assert all(annotation["font"]["size"] >= 14 for annotation in chart.spec["layout"]["annotations"])
    assert all(contrast(a["font"]["color"], page(dark).paper) >= 4.5 for a in chart.spec["layout"]["annotations"])


def test_the_trap_says_where_it_lies_and_where_it_was_meant() -> None:
    chart = shape_table(look(PRESETS["n_is_l"].shapes), dark=False)
    assert "<b>⚠ 3</b><br>fits by<br>accident" in texts(chart) and "↻<br>meant for<br>here?" in texts(chart)
    assert "<b>N (axis 0)</b>" in texts(chart) and "<b>L (axis 1)</b>" in texts(chart)
    assert chart.alt == (
        "Shapes of BCEWithLogitsLoss, axis by axis. logits: 3, 3. targets: 3, 3. weight: repeated, 3 fits by accident. "
        "trap N = L."
    )


def test_shapes_that_fit_have_nothing_red() -> None:
    chart = shape_table(look(Shapes("CrossEntropyLoss", (5, 3), (5,), weight=(3,))), dark=False)
    assert red(False) not in [shape["line"]["color"] for shape in chart.spec["layout"]["shapes"]]
    assert "the shapes fit" in chart.alt


def test_an_axis_more_than_the_logits_have_is_told_apart() -> None:
    assert "<b>one axis more</b>" in texts(shape_table(look(PRESETS["column"].shapes), dark=False))


def test_many_axes_and_no_axis_are_drawn() -> None:
    for shape in ((), (1,) * 6, (0,), (100_000,)):
        chart = shape_table(look(Shapes("BCELoss", shape, shape)), dark=True)
        assert chart.figure.layout.height == chart.height and chart.payload()
