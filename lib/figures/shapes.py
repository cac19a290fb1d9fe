"""Broadcasting drawn axis by axis: a row per tensor, a column per axis, and in each cell how the two meet."""

import textwrap
from typing import Any

from lib.figures.chart import Chart
from lib.figures.panels import base_layout
from lib.figures.text import count, escape
from lib.figures.theme import class_color, fade, page, readable
from lib.pitfalls.shape_axes import Cell
from lib.pitfalls.shape_lab import Look

RED = 1  # of the palette of classes
ROW, HEAD, NAMES = 76, 44, 96  # pixels
SIGNS = {"own": "", "repeated": "↻ ", "clash": "✕ ", "trap": "⚠ ", "none": ""}
SAID = {"own": "", "repeated": "repeated", "clash": "does not fit", "trap": "fits by accident", "none": "no axis here"}
MEANT = "meant for here?"
CELL = 10  # characters of a line in a cell: in a narrow window it is no wider


def shape_table(look: Look, *, dark: bool) -> Chart:
    """Each tensor under the axes of the loss. Red: does not fit, or fits by accident."""
    rows, wide = look.cells, len(next(iter(look.cells.values())))
    rivals = {(trap.tensor, trap.rival) for trap in look.traps if trap.rival != trap.axis}
    layout = base_layout(HEAD + ROW * len(rows) + 8, (NAMES, 4, 4, 4), dark)
    layout["xaxis"] = {"range": [0, wide], "visible": False, "fixedrange": True}
    layout["yaxis"] = {"range": [len(rows), -HEAD / ROW], "visible": False, "fixedrange": True}
    layout |= {"shapes": [], "dragmode": False}
    for axis in range(wide):
        layout["annotations"].append(_text(axis + 0.5, -0.32, f"<b>{_head(look, axis)}</b>", page(dark).ink))
    for line, (name, cells) in enumerate(rows.items()):
        layout["annotations"].append(_text(0, line + 0.48, f"<b>{name}</b>", page(dark).ink, anchor="right"))
        for axis, cell in enumerate(cells):
            outline, inside = _cell(cell, line, axis, (name, axis) in rivals, dark)
            layout["shapes"].append(outline)
            layout["annotations"].append(inside)
    return Chart({"data": [], "layout": layout}, _alt(look))


def _head(look: Look, axis: int) -> str:
    """`N, axis 0`; axes that the logits do not have are told apart."""
    extra = len(next(iter(look.cells.values()))) - len(look.names) if look.shapes.elementwise else 0
    if not extra <= axis < extra + len(look.names):
        return "one axis more"
    name = look.names[axis - extra]
    return name if name.startswith("axis") else f"{name} (axis {axis - extra})"


def _cell(cell: Cell, line: int, axis: int, rival: bool, dark: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    red, quiet = class_color(RED, dark), page(dark).quiet
    bad = cell.state in ("clash", "trap")
    color = red if bad or rival else quiet
    fill = fade(red, 0.22) if bad else fade(quiet, 0.16) if cell.state == "own" else "rgba(0,0,0,0)"
    outline = {
        "type": "rect", "xref": "x", "yref": "y", "x0": axis + 0.04, "x1": axis + 0.96, "y0": line + 0.06, "y1": line + 0.9,
        "line": {"color": color, "width": 2 if bad or rival else 1, "dash": "solid" if cell.size and not rival else "dot"},
        "fillcolor": fill, "layer": "below",
    }  # fmt: skip
    size = "–" if cell.size is None else count(cell.size)
    said = MEANT if rival else SAID[cell.state]
    sign = SIGNS[cell.state]
    text = f"<b>{sign}{size}</b>" if cell.size is not None or bad else sign.strip()
    ink = readable(red, dark) if bad or rival else page(dark).ink
    shown = "<br>".join(part for part in (text, *textwrap.wrap(said, CELL)) if part)
    return outline, _text(axis + 0.5, line + 0.48, shown, ink if cell.state != "none" or rival else quiet)


def _text(x: float, y: float, text: str, color: str, anchor: str = "center") -> dict[str, Any]:
    return {
        "text": text, "x": x, "y": y, "xref": "x", "yref": "y", "xanchor": anchor, "yanchor": "middle", "showarrow": False,
        "xshift": -6 if anchor == "right" else 0,
        "font": {"size": 14, "color": color},
    }  # fmt: skip


def _alt(look: Look) -> str:
    """The table in words: `weight: axis 0 repeated, axis 1 3 fits by accident`."""
    parts = []
    for name, cells in look.cells.items():
        said = [" ".join(p for p in ("" if c.size is None else str(c.size), SAID[c.state]) if p) for c in cells]
        parts.append(f"{name}: {', '.join(said)}")
    verdict = look.error or ("; ".join(f"trap {trap.name}" for trap in look.traps) or "the shapes fit")
    return f"Shapes of {look.shapes.loss}, axis by axis. {'. '.join(parts)}. {escape(verdict, 200)}."
