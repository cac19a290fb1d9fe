"""Contrast (WCAG 2.2) and colour-blind distances, computed from the colours that figures use."""

import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from lib.figures.confusion import cell_ink
from lib.figures.theme import CLASS_DARK, CLASS_LIGHT, PAGES, channels, class_color, contrast, mix, on_color, style, template
from lib.ui.frame import COLORS

ROOT = Path(__file__).parents[2]
# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
SEEN_BY = {
    "all cones": np.eye(3),
    "no red cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "no blue cones": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}
# Ottosson 2020, Oklab: distances in it follow what people see.
TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                   [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
TO_LAB = np.array([[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
                   [0.0259040371, 0.7827717662, -0.808675766]])  # fmt: skip


def seen(color, eye):
    rgb = np.array(channels(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return TO_LAB @ np.cbrt(TO_LMS @ np.clip(SEEN_BY[eye] @ linear, 0, 1))


def test_contrast_is_wcags():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)


@pytest.mark.parametrize("dark", [False, True])
def test_lines_stand_out_and_text_can_be_read(dark):
    paper = PAGES[dark].paper
    for own in (style(i, dark) for i in range(8)):
        assert contrast(own.color, paper) >= 3
        assert contrast(own.ink, paper) >= 4.5
    assert contrast(PAGES[dark].ink, paper) >= 7
    assert contrast(PAGES[dark].quiet, paper) >= 4.5
    assert min(contrast(color, paper) for color in (CLASS_DARK if dark else CLASS_LIGHT)) >= 3


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_can_be_read_on_every_shade_of_a_cell(dark):
    shades = np.linspace(0, 1, 101)
    assert min(contrast(cell_ink(s, dark), mix(*PAGES[dark].shade, s)) for s in shades) >= 4.5
    assert min(contrast(on_color(class_color(c, dark)), class_color(c, dark)) for c in range(10)) >= 4.5


@pytest.mark.parametrize("of", ["strategies", "classes"])
@pytest.mark.parametrize("eye", SEEN_BY)
@pytest.mark.parametrize("dark", [False, True])
def test_no_two_look_alike_to_any_eye(dark, eye, of):
    colors = [class_color(c, dark) for c in range(10)] if of == "classes" else [style(i, dark).color for i in range(8)]
    apart = min(np.linalg.norm(seen(a, eye) - seen(b, eye)) for a, b in combinations(colors, 2))
    assert apart > 0.075  # Okabe & Ito's own eight have 0.076 with a grey among them


def test_each_simulation_leaves_grey_alone():
    for eye in SEEN_BY.values():
        assert eye.sum(1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_and_its_figures_have_the_same_colours_and_can_be_read(dark):
    own = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]["dark" if dark else "light"]
    assert (own["backgroundColor"], own["textColor"]) == (PAGES[dark].paper, PAGES[dark].ink)
    for ground in (own["backgroundColor"], own["secondaryBackgroundColor"]):
        assert contrast(own["textColor"], ground) >= 7
        assert contrast(mix(ground, own["textColor"], 0.6), ground) >= 4.5  # captions: text at 60 %
        assert contrast(own["linkColor"], ground) >= 4.5
        assert contrast(own["primaryColor"], ground) >= 4.5  # also of a chosen segment
    drawn = COLORS["dark" if dark else "light"]
    assert contrast(drawn["on_primary"], own["primaryColor"]) >= 4.5
    assert min(contrast(drawn[kind], own["secondaryBackgroundColor"]) for kind in ("quiet", "word", "value", "sign")) >= 4.5


def test_colour_never_stands_alone():
    styles = [style(i, False) for i in range(8)]
    assert [s.letter for s in styles] == list("ABCDEFGH")
    for field in ("dash", "symbol", "glyph", "color"):
        assert len({getattr(s, field) for s in styles}) == 8


def test_the_first_strategy_is_grey_and_the_ninth_begins_again():
    for dark in (False, True):
        red, green, blue = channels(style(0, dark).color)
        assert max(red, green, blue) - min(red, green, blue) < 0.1
    assert style(8, False).color == style(0, False).color
    assert style(8, False).letter == "A2"


@pytest.mark.parametrize("dark", [False, True])
def test_the_template_is_our_own(dark):
    layout = template(dark).layout
    assert layout.font.color == PAGES[dark].ink
    assert layout.font.size >= 14
    assert layout.xaxis.tickfont.size >= 14
    go.Figure(layout={"template": template(dark)})
