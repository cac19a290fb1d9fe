"""How a file asks: one class per row, several labels per row, or a yes/no for each step of a series. Guesses, to be changed."""

import re

import pandas as pd

from lib.data.answers import yes_no
from lib.data.roles import LABEL_NAMES, kind_of
from lib.data.upload import Table

SERIES_NAMES = re.compile(
    r"(series|sequence|session|subject|patient|device|machine|recording|track|trip|run|unit)([ _-]?(id|no|number|name))?", re.I
)
TIME_NAMES = re.compile(r"t|time(stamp|[ _-]?step)?|step|tick|frame|seconds?|minutes?|hours?|date(time)?|day|epoch|cycle", re.I)
EVENT_NAMES = re.compile(r"(is[ _]?)?(event|anomaly|alarm|fault|failure|seizure|spike)", re.I)
SEEN = 5000  # rows that a guess looks at


def guess_task(table: Table) -> str:
    """`sequence` for a file with a column of series and one of times, `multilabel` for lists of labels, else `exclusive`."""
    names = [str(name) for name in table.frame.columns]
    if _first(names, SERIES_NAMES) and _first(names, TIME_NAMES):
        return "sequence"
    return "multilabel" if _list_column(table, ";") else "exclusive"


def suggest_questions(table: Table, task: str) -> dict[str, str | tuple[str, ...]]:
    """What the columns of several labels (`label`, `labels`) or of series (`label`, `series`, `time`) seem to be."""
    names = [str(name) for name in table.frame.columns]
    if task == "sequence":
        series, time = _first(names, SERIES_NAMES), _first(names, TIME_NAMES)
        rest = [name for name in names if name not in (series, time)]
        named = [name for name in rest if LABEL_NAMES.fullmatch(name.strip()) or EVENT_NAMES.fullmatch(name.strip())]
        label = next((name for name in [*named, *reversed(rest)] if _answers(table, name)), next(iter(named), ""))
        return {"label": label, "series": series, "time": time}
    if column := _list_column(table, ";"):
        return {"label": column, "labels": ()}
    return {"label": "", "labels": tuple(name for name in names if _answers(table, name))}


def _first(names: list[str], pattern: re.Pattern[str]) -> str:
    return next((name for name in names if pattern.fullmatch(name.strip())), "")


def _answers(table: Table, name: str) -> bool:
    """Whether a column holds yes and no, and nothing else."""
    said, odd = yes_no(table.frame[name].iloc[:SEEN])
    return not odd.any() and {0, 1} <= set(said.tolist())


def _list_column(table: Table, separator: str) -> str:
    """A column of text in which lists occur."""
    for name in table.frame.columns:
        values: pd.Series = table.frame[name].iloc[:SEEN].dropna()
        if kind_of(values) == "text" and values.astype(str).str.contains(separator, regex=False).any():
            return str(name)
    return ""
