"""The boundary of the weight dial over two features: the weighted model's, the moved threshold's, and the Bayes rule's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.boundary import Box
from lib.figures.chart import Chart
from lib.figures.dial import HEIGHT, ratio
from lib.figures.panels import base_layout, panel_title
from lib.figures.text import escape, share
from lib.figures.theme import fade, page, style

Array = NDArray[np.float64]
POINTS = 900
AT_LEAST = 60  # points of the class, where it has them


@dataclass(frozen=True, eq=False)
class Plane:
    """Two features: a sample of the rest's rows and of the class's [n, 2] each, and log odds on grids over the box, y first.

    `weighted` [W, c, c] of the model of each weight, `plain` [c, c] of the plain one, `bayes` [b, b] of the recipe, if known.
    """

    box: Box
    points: tuple[Array, Array]
    weighted: Array
    plain: Array
    bayes: Array | None


def mesh(box: Box, cells: int) -> Array:
    """The corners of a grid over the box, [cells * cells, 2], row by row from below."""
    across, up = np.linspace(box[0], box[1], cells), np.linspace(box[2], box[3], cells)
    return np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)


def sample(x: Array, y: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Rows of the rest and of the class [n, 2] each, evenly spaced: in proportion, but never few of a rare class."""
    chosen = []
    for own in (np.flatnonzero(~y), np.flatnonzero(y)):
        wanted = min(len(own), max(round(POINTS * len(own) / len(y)), AT_LEAST))
        chosen.append(x[own[np.linspace(0, len(own) - 1, wanted).astype(int)]] if wanted else x[:0])
    return chosen[0], chosen[1]


def boundary(
    plane: Plane, weight: float, at: int, class_names: Sequence[str], colors: Sequence[str], axes: Sequence[str],
    said: tuple[float, float], *, dark: bool,
) -> Chart:  # fmt: skip
    """Both rules and the Bayes rule at one weight. `said` are the shares of all rows that A and B take for the class.

    `class_names` and `colors` are of the rest and of the class; all names may be a stranger's.
    """
    layout = base_layout(HEIGHT, (46, 12, 34, 84), dark)
    common = {"showgrid": False, "nticks": 5}
    layout["xaxis"] = common | {"range": list(plane.box[:2]), "title": {"text": escape(axes[0], 24), "standoff": 4}}
    layout["yaxis"] = common | {"range": list(plane.box[2:]), "title": {"text": escape(axes[1], 24), "standoff": 2}}
    layout["annotations"].append(panel_title(0, "<b>Boundary</b>", page(dark).ink))
    layout |= {"showlegend": True, "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yref": "container",
                                              "yanchor": "bottom", "itemsizing": "constant", "font": {"size": 12}}}  # fmt: skip
    data: list[dict[str, Any]] = []
    for c, points in enumerate(plane.points):
        data.append({
            "type": "scatter", "mode": "markers", "x": points[:, 0], "y": points[:, 1], "name": escape(class_names[c], 16),
            "opacity": 0.75, "hoverinfo": "skip",
            "marker": {"color": colors[c], "symbol": ("circle", "diamond")[c], "size": 4 + 2 * c,
                       "line": {"width": 0.5, "color": page(dark).paper}},
        })  # fmt: skip
    own, moved = style(1, dark), style(0, dark)
    data += _line(plane.plain, plane.box, -float(np.log(weight)), {"color": moved.color, "width": 5}, "A moved")
    data += _line(plane.weighted[at], plane.box, 0.0, {"color": own.color, "width": 2.5}, "B weighted", colors[1])
    if plane.bayes is not None:
        line = {"color": page(dark).ink, "width": 2.5, "dash": "6px,5px"}
        data += _line(plane.bayes, plane.box, -float(np.log(weight)), line, "Bayes")
    alt = f"Boundaries at weight {ratio(weight)}: A, threshold moved, takes {share(said[0])} of the rows for the class; " \
          f"B, weighted, {share(said[1])}."  # fmt: skip
    return Chart({"data": data, "layout": layout}, alt + (" Dashed: the Bayes rule." if plane.bayes is not None else ""))


def _line(z: Array, box: Box, level: float, line: dict[str, Any], name: str, fill: str | None = None) -> list[dict[str, Any]]:
    """Where log odds on a grid cross a level, with the side above it tinted if wanted; and its entry in the legend."""
    cells = len(z) - 1
    place = {"x0": box[0], "dx": (box[1] - box[0]) / cells, "y0": box[2], "dy": (box[3] - box[2]) / cells,
             "xtype": "scaled", "ytype": "scaled"}  # fmt: skip
    contours: dict[str, Any] = {"start": level, "end": level, "size": 1, "coloring": "none"}
    tint: dict[str, Any] = {}
    if fill is not None:
        contours, tint = {"type": "constraint", "operation": "<", "value": level}, {"fillcolor": fade(fill, 0.15)}
    shown = {"type": "scatter", "mode": "lines", "x": [None], "y": [None], "line": line, "name": name}
    return [
        {"type": "contour", "z": z, "contours": contours, "line": line, "autocontour": False, "hoverinfo": "skip",
         "showlegend": False, "showscale": False} | place | tint,
        shown,
    ]  # fmt: skip
