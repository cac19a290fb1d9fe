"""Recall per class: how many of each class were found, for all strategies, with seeds as whiskers and rows behind each bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.panels import base_layout, note
from lib.figures.text import count, ends, escape, interval, listed, number, shorten
from lib.figures.theme import Style, page, style
from lib.metrics import t_interval, wilson_interval

Array = NDArray[np.float64]

BARS = 10  # classes up to which there are bars
FEW_ROWS = 30
RARE = 10  # a class with at most a tenth of the largest class's rows is rare
TALL = 330  # pixels of that many classes, whose slanted names take room
LONGEST = 24  # characters of a name in the legend
NARROW = 400  # pixels below which a legend would take the room of the bars; the letters under them say whose they are
SIGN = 7.5  # pixels of a character of a name
GROUP = 0.82  # of the space of a class that its bars take


@dataclass(frozen=True)
class Bar:
    """Mean recall of one strategy and class, its interval, and what the interval is."""

    value: float
    low: float
    high: float
    kind: str

    @property
    def has_interval(self) -> bool:
        return bool(np.isfinite(self.low))


def rare_classes(rows: Array) -> list[bool]:
    """Which classes have at most a tenth of the rows of the most frequent one."""
    return [bool(n * RARE <= np.max(rows)) for n in np.asarray(rows)]


def bar(values: Array, rows: float) -> Bar:
    """Recalls of the seeds [R] as mean and interval: Wilson's for few rows (sampling), Student's t over seeds (training)."""
    finite = values[np.isfinite(values)]
    if not len(finite) or not rows:
        return Bar(np.nan, np.nan, np.nan, "")
    mean = float(finite.mean())
    found, kind = t_interval(finite), f"95% t interval over {len(finite)} seeds: training noise"
    if rows < FEW_ROWS:
        found, kind = wilson_interval(mean * rows, rows), f"95% Wilson interval of {count(rows)} rows: sampling noise"
    if found is None:
        return Bar(mean, np.nan, np.nan, "")
    return Bar(mean, max(found[0], 0.0), min(found[1], 1.0), kind)


def recall_bars(
    names: Sequence[str], recalls: Array, class_names: Sequence[str], rows: Array, *, dark: bool, split: str = "validation",
    height: int = 380, width: int = 560, train_rows: Array | None = None, rate: str = "recall", unit: str = "rows",
) -> Chart:  # fmt: skip
    """Grouped bars per class; beyond ten classes one marker per strategy over the classes, most frequent first.

    recalls [S, R, C], NaN where a class has no rows; `rows` [C] stand behind each bar. Which class is rare is said of the
    training rows, as on the page Data (of `rows` without them). `width` in pixels, about: narrow bars carry no numbers.
    `rate` is what the numbers are called (recall or precision), `unit` what is counted.
    """
    values, counts = np.asarray(recalls, dtype=float), np.asarray(rows, dtype=float)
    values = values[:, None] if values.ndim == 2 else values
    classes = len(class_names)
    many = classes > BARS
    order = list(np.argsort(-counts, kind="stable")) if many else list(range(classes))
    # Behind a precision stand the rows that were predicted, not those of the class: it has no Wilson interval here.
    behind = counts if rate == "recall" else np.where(counts > 0, np.inf, 0.0)
    table = [[bar(values[s, :, c], behind[c]) for c in order] for s in range(len(names))]
    layout = base_layout(max(height, TALL) if many else height, (56, 12, 16, 128 if many else 100), dark)
    marks = rare_classes(counts if train_rows is None else train_rows)
    layout |= _axes([class_names[c] for c in order], counts[order], [marks[c] for c in order], many, width, rate)
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left", "itemsizing": "constant"}
    layout |= {"showlegend": width >= NARROW, "barmode": "overlay"}
    data: list[dict[str, Any]] = []
    for s, name in enumerate(names):
        own = style(s, dark)
        hover = [_hover(name, own, class_names[c], counts[c], b, rate, unit) for c, b in zip(order, table[s], strict=True)]
        offset, thick = (0.0, 0.0) if many else _place(s, len(names))
        x: Array = np.arange(classes, dtype=np.float64) + offset
        data.append(
            _dots(x, table[s], own, name, hover) if many else _bars(x, thick, table[s], own, name, hover, page(dark).ink)
        )
        if not many:
            data.append(_letters(x, table[s], own, numbers=(width - 70) * GROUP / (classes * len(names)) >= 38))
    layout["annotations"] += _without_rows(counts[order], dark)
    layout["annotations"].append(_caption(table, counts, values.shape[1], f"{split} {unit}", many, width, dark, any(marks)))
    told = _alt(names, table, [class_names[c] for c in order], counts[order], f"{split} {unit}", rate)
    return Chart({"data": data, "layout": layout}, told)


def _place(index: int, strategies: int) -> tuple[float, float]:
    """Offset and width of a strategy's bar within its class."""
    width = GROUP / max(strategies, 2)
    return (index - (strategies - 1) / 2) * width, width * 0.92


def _axes(
    class_names: Sequence[str], rows: Array, marks: Sequence[bool], many: bool, width: int, rate: str
) -> dict[str, Any]:  # fmt: skip
    longest = max(6, int((width - 70) / len(class_names) / SIGN) - 3)  # a dot before it, and a gap beside the next one
    step = -(-len(rows) // 40)
    ticks = []
    for name, n, rare in zip(class_names, rows, marks, strict=True):
        if many:  # names of many classes often begin alike
            ticks.append(f"{ends(name, 10)}{' •' if rare else ''}")
            continue
        under = ("n = " if _roomy(len(rows), width) else "") + count(n) if n else "no rows"
        label = f"• {escape(name, longest)}" if rare else escape(name, longest)
        ticks.append(f"{label}<br>{under}")
    places = list(range(0, len(rows), step))
    return {
        "xaxis": {"range": [-0.5, len(rows) - 0.5], "tickmode": "array", "tickvals": places, "showgrid": False,
                  "ticktext": [ticks[i] for i in places], "tickangle": -60 if many else 0,
                  "ticklabelstandoff": 0 if many else 12},
        "yaxis": {"range": [-0.02 if many else -0.005, 1.12], "tickvals": [0, 0.25, 0.5, 0.75, 1], "title": {"text": rate},
                  "fixedrange": True},
    }  # fmt: skip


def _roomy(classes: int, width: int) -> bool:
    """Whether "n = 3 800" fits under a class."""
    return (width - 70) / classes >= 64


def _whiskers(bars: Sequence[Bar], color: str, thick: float) -> dict[str, Any]:
    up = [b.high - b.value if b.has_interval else 0.0 for b in bars]
    down = [b.value - b.low if b.has_interval else 0.0 for b in bars]
    return {
        "type": "data", "symmetric": False, "array": np.array(up), "arrayminus": np.array(down), "color": color,
        "thickness": thick, "width": 4, "visible": any(b.has_interval for b in bars),
    }  # fmt: skip


def _bars(x: Array, width: float, bars: Sequence[Bar], own: Style, name: str, hover: list[str], ink: str) -> dict[str, Any]:
    return {
        "type": "bar", "x": x, "y": np.array([b.value for b in bars]), "width": width,
        "name": f"{own.letter} {escape(name, LONGEST)}", "marker": {"color": own.color, "line": {"width": 0}},
        "hovertext": hover, "hoverinfo": "text", "error_y": _whiskers(bars, ink, 2), "legendgroup": own.letter,
    }  # fmt: skip


def _letters(x: Array, bars: Sequence[Bar], own: Style, numbers: bool) -> dict[str, Any]:
    """The strategy's letter under each bar and, where there is room, the number over it."""
    known = [i for i, b in enumerate(bars) if np.isfinite(b.value)]
    tops = [max(bars[i].high if bars[i].has_interval else 0.0, bars[i].value) for i in known]
    over = [number(bars[i].value) for i in known] if numbers else []
    return {
        "type": "scatter", "mode": "text", "cliponaxis": False, "hoverinfo": "skip", "showlegend": False,
        "legendgroup": own.letter,
        "x": np.concatenate([x[known], x[known] if numbers else []]),
        "y": np.concatenate([np.full(len(known), -0.005), tops if numbers else []]),
        "text": [f"<b>{own.letter}</b>" for _ in known] + over,
        "textposition": ["bottom center"] * len(known) + ["top center"] * len(over),
        "textfont": {"size": 14, "color": own.ink},
    }  # fmt: skip


def _dots(x: Array, bars: Sequence[Bar], own: Style, name: str, hover: list[str]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines+markers", "x": x, "y": np.array([b.value for b in bars]), "connectgaps": False,
        "name": f"{own.letter} {escape(name, LONGEST)}", "line": {"color": own.color, "width": 1.5, "dash": own.dash},
        "marker": {"symbol": own.symbol, "size": 8, "color": own.color}, "hovertext": hover, "hoverinfo": "text",
    }  # fmt: skip


def _hover(name: str, own: Style, class_name: str, rows: float, b: Bar, rate: str, unit: str) -> str:
    head = f"<b>{own.letter} {escape(name)}</b><br>{escape(class_name)}: "
    if not np.isfinite(b.value):
        return head + ("no rows" if not rows else "no result")
    spread = f" {interval(b.low, b.high)}<br>{b.kind}" if b.has_interval else ""
    found = f"<br>{count(b.value * rows)} of {count(rows)} {unit} found" if rate == "recall" else ""
    return f"{head}{rate} {number(b.value)}{spread}{found}"


def _without_rows(rows: Array, dark: bool) -> list[dict[str, Any]]:
    return [
        {"text": "no rows", "x": c, "y": 0.04, "xref": "x", "yref": "y", "textangle": -90, "yanchor": "bottom",
         "font": {"size": 14, "color": page(dark).quiet}}
        for c, n in enumerate(rows) if not n
    ]  # fmt: skip


def _caption(
    table: Sequence[Sequence[Bar]], rows: Array, seeds: int, split: str, many: bool, width: int, dark: bool, rare: bool
) -> dict[str, Any]:  # fmt: skip
    parts = [f"{escape(split).capitalize()}."]
    kinds = {b.kind.split(" ")[1] for row in table for b in row if b.kind}
    if many:
        parts.append("Most frequent class first.")
    elif kinds == {"Wilson"}:
        parts.append("Whiskers: 95% interval of a share of few rows (Wilson).")
    elif kinds:
        parts.append(
            f"Whiskers: 95% interval over {seeds} seeds (t)" + ("; Wilson's below 30 rows." if len(kinds) > 1 else ".")
        )
    if not many and not _roomy(len(rows), width):
        parts.append("Under each class: its rows.")
    if rare:
        parts.append("• rare class.")
    return note(" ".join(parts), dark, yshift=-86 if many else -58, wrap=width // 8)


def _alt(names: Sequence[str], table: Sequence[Sequence[Bar]], class_names: Sequence[str], rows: Array, split: str, rate: str
) -> str:  # fmt: skip
    told = []
    for index, (name, bars) in enumerate(zip(names, table, strict=True)):
        values = [
            f"{shorten(c, 20)} {number(b.value) if n else 'no rows'}" for c, b, n in zip(class_names, bars, rows, strict=True)
        ]
        told.append(f"{style(index, False).letter} {shorten(name, 40)}: {listed(values, 10)}")
    behind = listed([f"{shorten(c, 20)} {count(n)}" for c, n in zip(class_names, rows, strict=True)], 10)
    return f"{rate.capitalize()} per class on {split} ({behind}). {'; '.join(told)}."
