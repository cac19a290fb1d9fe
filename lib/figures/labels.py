"""Pictures of several labels: how often two of them occur in one row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lib.figures.chart import Chart
from lib.figures.confusion import cell_ink
from lib.figures.panels import base_layout, note
from lib.figures.text import count, escape, listed, share, shorten
from lib.figures.theme import page

MOST = 12  # labels that are named and numbered


def together(y: NDArray[np.int8], names: Sequence[str], *, dark: bool, height: int = 0) -> Chart:
    """Of the rows with the label on the left, the share that has the label above, too. y [N, L] of 0 and 1.

    Of more labels than MOST, the most frequent ones.
    """
    answers = y.astype(np.float64)
    chosen = np.sort(np.argsort(-answers.sum(0), kind="stable")[:MOST])
    both = answers.T[chosen] @ answers[:, chosen]  # [L, L]
    rows = np.diag(both)
    part = np.divide(both, rows[:, None], out=np.full(both.shape, np.nan), where=rows[:, None] > 0)
    shown = [names[i] for i in chosen]
    n = len(shown)
    layout = base_layout(height or 150 + 48 * n, (150, 16, 60, 70), dark)
    ticks = [escape(name, 14) for name in shown]
    places = list(range(n))
    layout["xaxis"] = {"range": [-0.5, n - 0.5], "tickmode": "array", "tickvals": places, "ticktext": ticks, "side": "top",
                       "showgrid": False, "fixedrange": True, "tickangle": 0 if n <= 6 else -40}  # fmt: skip
    layout["yaxis"] = {"range": [n - 0.5, -0.5], "tickmode": "array", "tickvals": places, "showgrid": False, "fixedrange": True,
                       "ticktext": [f"{t}<br>n = {count(r)}" if r else f"{t}<br>no rows"
                                    for t, r in zip(ticks, rows, strict=True)]}  # fmt: skip
    layout["coloraxis"] = {
        "cmin": 0,
        "cmax": 1,
        "showscale": False,
        "colorscale": [[0, page(dark).shade[0]], [1, page(dark).shade[1]]],
    }
    hover = [
        [f"{count(both[i, j])} of {count(rows[i])} rows with {ticks[i]} have {ticks[j]}" for j in range(n)] for i in range(n)
    ]
    cells = [f"{share(p)}<br>{count(b)}" if np.isfinite(p) else "–" for p, b in zip(part.flat, both.flat, strict=True)]
    i, j = np.indices(both.shape)
    data = [
        {"type": "heatmap", "z": np.nan_to_num(part), "coloraxis": "coloraxis", "xgap": 2, "ygap": 2, "text": hover,
         "hovertemplate": "%{text}<extra></extra>"},
        {"type": "scatter", "mode": "text", "x": j.ravel(), "y": i.ravel(), "text": cells, "hoverinfo": "skip",
         "showlegend": False,
         "textfont": {"size": 14 if n <= 7 else 12, "color": [cell_ink(d, dark) for d in np.nan_to_num(part).flat]}},
    ]  # fmt: skip
    most = f" The {n} most frequent of {len(names)} labels." if n < len(names) else ""
    layout["annotations"].append(
        note(f"Of the rows with the label on the left: share that has the one above, too.{most}", dark, yshift=-20)
    )
    pairs = [
        f"{shorten(shown[a], 20)} with {shorten(shown[b], 20)} {share(part[a, b])}"
        for a in range(n)
        for b in range(n)
        if a != b
    ]
    return Chart(
        {"data": data, "layout": layout}, f"How labels occur together, share of the rows of the first: {listed(pairs)}."
    )
