"""A finished comparison as one HTML file: opens from disk, without a network, for years.

plotly.js and the charts lie in it compressed, as text; the browser unpacks them (DecompressionStream). Tables, settings and
verdict are plain HTML, readable where scripts are off. Names of strangers are escaped in the HTML, and inside the charts
they already are. A content security policy forbids every request.
"""

import base64
import gzip
import html
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from lib.digest import digest, with_digest
from lib.evaluation import RunResult
from lib.export.tables import Table, common_table, confusion_tables, metric_table, settings_table, weights_table
from lib.figures.boundary import boundaries
from lib.figures.chart import Chart
from lib.figures.confusion import confusion_panels
from lib.figures.curves import train_loss, validation_nll
from lib.figures.library import plotly_js
from lib.figures.recall import recall_bars
from lib.figures.strips import choose, strips
from lib.figures.text import shorten
from lib.memory import size
from lib.snapshot import At, Snapshot
from lib.tasks import READINGS, behind

MOST = 2_900_000  # bytes of a report
PAGE = Path(__file__).with_name("report.html")
LINK_CHARACTERS = 4000
MOST_LABELS = 12  # that get a chart of their own; the tables have all

Array = NDArray[np.float64]


def report(snapshot: Snapshot, results: Mapping[At, RunResult], verdict: Sequence[str], *, when: datetime | None = None) -> str:
    """The file as text. `verdict` are plain sentences; `when` is the time that stands in it (now, if left out)."""
    experiment, names = snapshot.experiment, snapshot.dataset.class_names
    first = [run for run in snapshot.runs if run.at[1] == 0]
    tables = [metric_table(experiment, results, names), settings_table(experiment), weights_table(experiment, first, names),
              common_table(experiment), *confusion_tables(experiment, results, names)]  # fmt: skip
    link = with_digest(experiment.to_query(), digest(snapshot, results))
    query = urlencode(link, safe="/,:")
    parts = {
        "title": escaped(" / ".join(strategy.name for strategy in experiment.strategies), 120),
        "verdict": "\n".join(f"<p>{escaped(sentence, 1000)}</p>" for sentence in verdict) or "<p>No verdict.</p>",
        "tables": "\n".join(map(_table, tables)),
        "digest": escaped(link["digest"], 4000), "fingerprint": experiment.fingerprint,
        "link": escaped(f"/compare?{query}", LINK_CHARACTERS) if len(query) < LINK_CHARACTERS else "Too long to be shown.",
        "experiment": escaped(experiment.to_json(), 200_000, lines=True),
        "notices": "".join(f"<li>{escaped(notice, 500)}</li>" for notice in snapshot.dataset.notices),
        "made": f"{when or datetime.now(UTC):%Y-%m-%d %H:%M} UTC, torch {version('torch')}, Python {platform.python_version()}",
        "library": _library(),
    }  # fmt: skip
    page = PAGE.read_text(encoding="utf-8")
    taken = sum(len(text.encode()) for text in [page, *parts.values()])
    parts["charts"] = "\n".join(_figures(charts(snapshot, results), MOST - taken))
    for name, text in parts.items():  # no name of a stranger can be such a place: its < is escaped
        page = page.replace(f"<!--{name}-->", text)
    return page


def charts(snapshot: Snapshot, results: Mapping[At, RunResult]) -> list[tuple[str, Chart]]:
    """The charts of a report, with their titles, most wanted first."""
    names = [strategy.name for strategy in snapshot.experiment.strategies]
    dataset, seeds = snapshot.dataset, range(len(snapshot.experiment.seeds))
    recalls = np.array([[results[s, r].recall for r in seeds] for s in range(len(names))])
    matrices = np.array([[results[s, r].confusion for r in seeds] for s in range(len(names))])
    unit = READINGS[dataset.task].unit
    rows = behind(dataset.class_counts("test"), dataset.task).numpy()
    made = [
        (f"Recall of each {'label' if dataset.task == 'multilabel' else 'class'} on test {unit}",
         recall_bars(names, recalls, dataset.class_names, rows, dark=False, split="test", width=1000, unit=unit)),
        ("Training loss, as it was optimised", train_loss(snapshot, dark=False)),
        ("Validation NLL", validation_nll(snapshot, dark=False)),
    ]  # fmt: skip
    if dataset.task == "multilabel":
        made[1:1] = _label_panels(names, matrices, dataset.class_names)
    else:
        panels = confusion_panels(names, matrices, dataset.class_names, dark=False, split="test")
        made.insert(1, (f"What was taken for what, on test {unit}", panels))
    if dataset.task == "sequence":
        made.append(
            ("A few validation series over time, first seed", strips(snapshot, series=choose(dataset.validation), dark=False))
        )
    if dataset.features == 2 and dataset.train.y.ndim == 1:
        made.append(("Where the boundaries lie, first seed", boundaries(snapshot, dark=False)))
    return made


def _label_panels(names: Sequence[str], matrices: Array, labels: Sequence[str]) -> list[tuple[str, Chart]]:
    """Of each label, no against yes; matrices [S, R, L, 2, 2]."""
    return [
        (f"“{shorten(label, 60)}”: what was taken for what, on test rows",
         confusion_panels(names, matrices[:, :, index], (f"no {label}", label), dark=False, split="test"))
        for index, label in enumerate(labels[:MOST_LABELS])
    ]  # fmt: skip


def escaped(text: str, longest: int, *, lines: bool = False) -> str:
    """A stranger's text as HTML text: cut, and nothing in it is active."""
    return html.escape(text[:longest] if lines else shorten(text, longest))


def _table(table: Table) -> str:
    """Row headings and column headings as such, for screen readers."""
    head = "".join(f'<th scope="col">{escaped(cell, 80) if cell else ""}</th>' for cell in table.header)
    body = "\n".join(
        f'<tr><th scope="row">{escaped(first, 80)}</th>' + "".join(f"<td>{escaped(cell, 300)}</td>" for cell in rest) + "</tr>"
        for first, *rest in table.rows
    )
    return (
        f'<section><h2>{escaped(table.title, 120)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div></section>"
    )


def _figures(made: Sequence[tuple[str, Chart]], room: int) -> list[str]:
    """Each chart as its title, its text alternative and its compressed figure, as long as there is room."""
    parts = []
    for title, chart in made:
        packed = _packed(chart.payload().encode())
        heading = f"<h2>{escaped(title, 120)}</h2>"
        described = f'<p class="alt">{escaped(chart.alt, 3000)}</p>'
        if len(packed) > room:
            left_out = f"<p>This chart takes {size(len(packed))} and was left out, so that the report stays small.</p>"
            parts.append(f"<section>{heading}{left_out}{described}</section>")
            continue
        room -= len(packed)
        parts.append(
            f'<section>{heading}<div class="wide"><div class="chart" role="img" aria-label="{escaped(chart.alt, 3000)}" '
            f'style="height:{chart.height}px" data-figure="{packed}"></div></div>{described}</section>'
        )
    return parts


@cache
def _library() -> str:
    return _packed(plotly_js().read_bytes())


def _packed(data: bytes) -> str:
    """gzip in base64: safe inside an attribute or a script element."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
