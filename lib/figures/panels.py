"""Small multiples: a row of equal panels, and what every chart's layout has in common.

Sizes are in pixels of a page 1320 wide. The live component knows the width of the window and lays the same panels out in
fewer columns where it is narrow (`layout.meta.grid`); titles are anchored to their panel and move with it.
"""

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lib.figures.chart import Chart
from lib.figures.text import escape
from lib.figures.theme import page, style, template_spec

PAGE_WIDTH = 1320
NOTE = 44  # pixels that a note takes
SMALLEST = 90  # pixels of a panel in which a matrix can still be read


@dataclass(frozen=True)
class Grid:
    """`panels` in rows of `columns`. `gap_x` and `gap_y` hold tick labels and titles; margins are l, r, t, b."""

    panels: int
    columns: int
    panel_height: int
    gap_x: int = 60
    gap_y: int = 80
    margin: tuple[int, int, int, int] = (60, 16, 40, 50)
    narrowest: int = 240

    @property
    def rows(self) -> int:
        return -(-self.panels // self.columns)

    @property
    def height(self) -> int:
        _, _, top, bottom = self.margin
        return top + bottom + self.rows * self.panel_height + (self.rows - 1) * self.gap_y

    def domains(self, panel: int) -> tuple[list[float], list[float]]:
        """x and y domain of a panel, counted from the top left."""
        left, right, top, bottom = self.margin
        width, height = PAGE_WIDTH - left - right, self.height - top - bottom
        panel_width = (width - (self.columns - 1) * self.gap_x) / self.columns
        row, column = divmod(panel, self.columns)
        x0 = column * (panel_width + self.gap_x)
        y1 = height - row * (self.panel_height + self.gap_y)
        y0 = y1 - self.panel_height
        return [x0 / width, min((x0 + panel_width) / width, 1)], [max(y0 / height, 0), min(y1 / height, 1)]

    def meta(self) -> dict[str, Any]:
        """What the live component needs to lay the panels out again."""
        return {
            "panels": self.panels, "columns": self.columns, "height": self.panel_height, "gap_x": self.gap_x,
            "gap_y": self.gap_y, "narrowest": self.narrowest,
        }  # fmt: skip


def fitted(chart: Chart, height: int, columns: int = 4, gap_y: int | None = None) -> Chart:
    """A chart of panels in rows of `columns`, about `height` pixels in all, without notes: for a screen of a presentation.

    `gap_y` overrules the pixels between rows.
    """
    layout = dict(chart.spec["layout"])
    grid = layout["meta"]["grid"] | ({} if gap_y is None else {"gap_y": gap_y})
    columns = min(grid["panels"], columns)
    margin = layout["margin"] | {"b": layout["margin"]["b"] - NOTE} | ({"r": 48} if columns > 2 else {})  # for the last title
    rows = -(-grid["panels"] // columns)
    room = height - margin["t"] - margin["b"] - (rows - 1) * grid["gap_y"]
    panel = max(room // rows, SMALLEST)
    layout["margin"], layout["height"] = margin, height + rows * panel - room
    kept = [text for text in layout["annotations"] if text.get("name") != "note"]
    layout["annotations"] = [text | {"text": _short(text["text"], 44 // columns)} for text in kept]
    layout["meta"] = {"grid": grid | {"columns": columns, "height": panel, "narrowest": SMALLEST}}
    return Chart({**chart.spec, "layout": layout}, chart.alt, chart.slots)


def _short(title: str, longest: int) -> str:
    """The title of a strategy's panel with a shorter name; any other text as it is."""
    head, mark, name = title.partition("</b> ")
    return f"{head}{mark}{escape(html.unescape(name), longest)}" if mark else title


def axis_names(panel: int) -> tuple[str, str]:
    """References of a panel's axes in traces: x, y, x2, y2, ..."""
    suffix = "" if panel == 0 else str(panel + 1)
    return f"x{suffix}", f"y{suffix}"


def layout_key(reference: str) -> str:
    """Name of an axis in the layout: x2 -> xaxis2."""
    return f"{reference[0]}axis{reference[1:]}"


def base_layout(height: int, margin: tuple[int, int, int, int], dark: bool) -> dict[str, Any]:
    left, right, top, bottom = margin
    return {
        "template": template_spec(dark), "height": height, "uirevision": "keep",
        "margin": {"l": left, "r": right, "t": top, "b": bottom}, "annotations": [],
    }  # fmt: skip


def grid_layout(grid: Grid, dark: bool, axes: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """The layout of a grid of panels; `axes` are the settings of the x and the y axis of each."""
    layout = base_layout(grid.height, grid.margin, dark) | {"meta": {"grid": grid.meta()}}
    for panel, (x_axis, y_axis) in enumerate(axes):
        x, y = axis_names(panel)
        across, down = grid.domains(panel)
        layout[layout_key(x)] = {"anchor": y, "domain": across} | x_axis
        layout[layout_key(y)] = {"anchor": x, "domain": down} | y_axis
    return layout


def panel_title(panel: int, text: str, color: str, size: int = 15) -> dict[str, Any]:
    """A title over the left edge of a panel. `text` is ours or escaped."""
    x, y = axis_names(panel)
    return {
        "text": text, "xref": f"{x} domain", "yref": f"{y} domain", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom",
        "yshift": 4, "font": {"size": size, "color": color}, "align": "left",
    }  # fmt: skip


def strategy_title(panel: int, index: int, name: str, dark: bool, longest: int = 28) -> dict[str, Any]:
    """Glyph, letter and name of a strategy over its panel."""
    own = style(index, dark)
    return panel_title(panel, f"{own.glyph} <b>{own.letter}</b> {escape(name, longest)}", own.ink)


def note(text: str, dark: bool, *, yshift: int = -44, wrap: int = 110) -> dict[str, Any]:
    """A quiet line or two under the plot.

    Plotly does not wrap text: it is broken here after `wrap` characters, and by the live component to the real width.
    """
    return {
        "name": "note",
        "text": "<br>".join(textwrap.wrap(text, wrap, break_long_words=False)), "xref": "paper", "yref": "paper",
        "x": 0, "y": 0, "xanchor": "left", "yanchor": "top", "yshift": yshift, "align": "left",
        "font": {"size": 14, "color": page(dark).quiet},
    }  # fmt: skip
