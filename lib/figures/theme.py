"""How figures look: the project's own template, colours of strategies and of classes, light and dark.

Streamlit makes its own template Plotly's default, with placeholder colours; every chart therefore names this one. Lines
have a contrast of at least 3:1 and text of 4.5:1 against the page, and no two colours fall together for a reader without
red, green or blue cones (tests/figures/test_theme.py computes both). Colour never stands alone: a strategy has a letter, a dash
and a marker, a class its name and a marker.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lib.figures.chart import Chart
from lib.figures.text import count, escape, number, share

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Chart", "Style", "count", "escape", "number", "page", "share", "style", "template"]

FONT = "Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, sans-serif"
LETTERS = "ABCDEFGH"

# After Okabe & Ito 2008; the baseline is grey. Darkened, or lightened, until each stands out on its page.
LIGHT = ("#6b7280", "#0072b2", "#d55e00", "#009e73", "#521855", "#900f0b", "#0216a5", "#ab7afb")
DARK = ("#8f99a5", "#5ab4f0", "#f08030", "#69fd66", "#f0dafd", "#57668f", "#bf3804", "#b008fb")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "6px,2px,2px,2px,2px,2px", "2px,6px")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "triangle-down", "star")
GLYPHS = "●■◆▲✖✚▼★"

# Classes: a second palette, so that a class is never taken for a strategy.
CLASS_LIGHT = ("#7d8ea3", "#b1322b", "#2a6f97", "#0000c4", "#600001", "#302745", "#da6f13", "#9001fb", "#612a80", "#c16df3")
CLASS_DARK = ("#8496ac", "#ff8a80", "#66b2e0", "#7f631e", "#edcb00", "#684afa", "#80e2ff", "#d2f4b5", "#b28713", "#b90cac")


@dataclass(frozen=True)
class Page:
    """Colours of the page that figures stand on; the same as in .streamlit/config.toml."""

    paper: str
    ink: str
    quiet: str  # less important text
    grid: str
    shade: tuple[str, str]  # of matrices: nothing, everything


@dataclass(frozen=True)
class Style:
    """How one strategy is drawn on every page. `color` is for lines and bars, `ink` the same hue for text."""

    letter: str
    color: str
    dash: str
    symbol: str
    ink: str
    glyph: str


PAGES = {
    False: Page("#ffffff", "#0a1119", "#525d6b", "#e3e7ec", ("#f4f7fa", "#0b4a86")),
    True: Page("#10161e", "#e8edf3", "#a3afbc", "#2a3542", ("#17202b", "#7cc4ff")),
}


def page(dark: bool) -> Page:
    return PAGES[dark]


@cache
def style(index: int, dark: bool) -> Style:
    """The look of strategy number `index`; the first is the baseline. Begins again after eight."""
    i = index % len(LETTERS)
    letter = LETTERS[i] + (str(index // len(LETTERS) + 1) if index >= len(LETTERS) else "")
    color = (DARK if dark else LIGHT)[i]
    return Style(letter, color, DASHES[i], SYMBOLS[i], readable(color, dark), GLYPHS[i])


def class_color(index: int, dark: bool) -> str:
    colors = CLASS_DARK if dark else CLASS_LIGHT
    return colors[index % len(colors)]


def class_symbol(index: int) -> str:
    symbols = ("circle", "diamond", "triangle-up", "square", "cross", "triangle-down", "x", "star", "pentagon", "hexagon")
    return symbols[index % len(symbols)]


def channels(color: str) -> tuple[float, float, float]:
    """Red, green and blue in [0, 1] of '#rrggbb'."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    light, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dim + 0.05)


def on_color(color: str) -> str:
    """Black or white, whichever can be read on a colour."""
    return max("#000000", "#ffffff", key=lambda ink: contrast(ink, color))


def mix(one: str, other: str, part: float) -> str:
    """`one` with a part of `other`."""
    pairs = zip(channels(one), channels(other), strict=True)
    return "#" + "".join(f"{round(255 * (a + (b - a) * part)):02x}" for a, b in pairs)


def fade(color: str, alpha: float) -> str:
    red, green, blue = (round(255 * c) for c in channels(color))
    return f"rgba({red},{green},{blue},{alpha:g})"


@cache
def readable(color: str, dark: bool, paper: str | None = None) -> str:
    """The colour, moved towards the page's ink until text in it has a contrast of 4.5."""
    own, steps = page(dark), 20
    shades = (mix(color, own.ink, step / steps) for step in range(steps + 1))
    return next((shade for shade in shades if contrast(shade, paper or own.paper) >= 4.5), own.ink)


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@cache
def template_spec(dark: bool) -> dict[str, Any]:
    """The template as plain JSON."""
    own = page(dark)
    axis = {
        "gridcolor": own.grid, "linecolor": own.quiet, "zerolinecolor": own.grid, "zeroline": False, "ticks": "",
        "tickfont": {"size": 14, "color": own.ink}, "title": {"font": {"size": 15, "color": own.ink}, "standoff": 8},
        "exponentformat": "power", "automargin": False,
    }  # fmt: skip
    return {
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": FONT, "size": 14, "color": own.ink},
            "colorway": list(DARK if dark else LIGHT),
            "xaxis": axis, "yaxis": axis,
            "hoverlabel": {"bgcolor": own.paper, "bordercolor": own.quiet, "align": "left",
                           "font": {"family": FONT, "size": 14, "color": own.ink}},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": own.quiet, "activecolor": own.ink, "orientation": "h"},
            "annotationdefaults": {"showarrow": False, "font": {"size": 14, "color": own.ink}},
            "legend": {"font": {"size": 14, "color": own.ink}, "bgcolor": "rgba(0,0,0,0)"},
            "separators": ".\u2009", "showlegend": False, "hovermode": "closest", "dragmode": "zoom",
        }
    }  # fmt: skip


@cache
def template(dark: bool) -> "go.layout.Template":
    """The project's own Plotly template."""
    import plotly.graph_objects as go

    return go.layout.Template(template_spec(dark))
