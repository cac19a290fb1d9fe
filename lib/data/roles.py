"""What each column of a table is for: a guess, with its reason, that the visitor can read and change."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import pandas as pd

from lib.data.labels import plain
from lib.data.upload import Table
from lib.registry import brief

MAX_LEVELS = 20
FEWEST_FOR_ID = 20  # in a shorter column, numbers that all differ prove nothing
GUESSED_CLASSES = 100  # a column with more different values is not guessed to be the label

LABEL_NAMES = re.compile(
    r"(the[ _])?(label|class|target|y|outcome|category|species|diagnosis|(is[ _])?fraud|churn(ed)?|classes|labels)",
    re.I,
)
WEIGHT_NAMES = re.compile(r"(sample|case|row|instance|importance)[ _-]?weights?|reliability", re.I)
DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([ T]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
)

Role = Literal["label", "sample_weight", "numeric", "one_hot", "left_out"]
Kind = Literal["number", "switch", "date", "text"]


@dataclass(frozen=True)
class Column:
    """What one column is used for and why. `levels`: its different values, where they were counted."""

    name: str
    role: Role
    why: str
    missing: int = 0
    levels: int | None = None


@dataclass(frozen=True)
class ColumnPlan:
    """A guess: the label ("" when no column looks like one), the use of each column, and which of two classes is class 1."""

    label: str
    columns: tuple[Column, ...]
    sample_weight: str = ""
    positive: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.role in ("numeric", "one_hot"))

    @property
    def left_out(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.role == "left_out")


def suggest(
    table: Table,
    *,
    label: str = "",
    sample_weight: str | None = None,
    max_levels: int = MAX_LEVELS,
    one_hot: Sequence[str] = (),
) -> ColumnPlan:
    """Guess what columns are for; what is given is kept (`sample_weight` "": there is none).

    Raises ValueError when a given column does not exist.
    """
    for name in filter(None, (label, sample_weight, *one_hot)):
        known_column(table, name)
    label = label or guess_label(table)
    if sample_weight is None:
        named = [name for name in table.frame.columns if WEIGHT_NAMES.fullmatch(name) and name != label]
        sample_weight = next((name for name in named if kind_of(table.frame[name]) == "number"), "")
    columns = []
    for name in table.frame.columns:
        if name == label:
            columns.append(Column(name, "label", "what is to be predicted"))
        elif name == sample_weight:
            columns.append(Column(name, "sample_weight", "the weight of each row"))
        else:
            columns.append(look_at(table, name, max_levels=max_levels, as_category=name in one_hot))
    return ColumnPlan(label, tuple(columns), sample_weight, _rare_word(table, label))


def known_column(table: Table, name: str) -> str:
    """The name itself. Raises ValueError that lists the columns when there is no such column."""
    names = [str(column) for column in table.frame.columns]
    if name in names:
        return name
    close = get_close_matches(name, names, 1)
    meant = f" Did you mean {brief(close[0])}?" if close else ""
    raise ValueError(f"The file has no column {brief(name)}; it has {listed(names)}.{meant} Choose one of its columns.")


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names for a message; the rest as a number."""
    text = ", ".join(brief(name, 30) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def kind_of(values: pd.Series) -> Kind:
    """number, switch (true or false, perhaps with gaps), date, or text. Constant time but for columns of objects."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return "switch"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "date"
    return "switch" if values.dtype == object and values.dropna().isin([True, False]).all() else "text"


def look_at(table: Table, name: str, *, max_levels: int = MAX_LEVELS, as_category: bool = False) -> Column:
    """Whether and how a column can be learnt from."""
    values = table.frame[name]
    kind, missing = kind_of(values), int(values.isna().sum())
    there = len(values) - missing
    if there == 0:
        return Column(name, "left_out", "no value in any row", missing, 0)
    if kind == "date":
        return Column(name, "left_out", "dates", missing)
    if kind == "text" or as_category:
        return _look_at_words(table, name, missing, max_levels, chosen=as_category)
    if kind == "switch":
        constant = values.dropna().nunique() == 1 and not missing
        return Column(
            name,
            "left_out" if constant else "numeric",
            "the same in every row" if constant else "true is 1, false is 0",
            missing,
        )
    if values.min() == values.max() and not missing:
        return Column(name, "left_out", "the same in every row", missing, 1)
    if pd.api.types.is_integer_dtype(values.dtype) and there >= FEWEST_FOR_ID and _all_differ(values):
        return Column(name, "left_out", "a different number in every row, like an id", missing, there)
    return Column(name, "numeric", "numbers", missing)


def _look_at_words(table: Table, name: str, missing: int, max_levels: int, *, chosen: bool) -> Column:
    values = table.frame[name]
    levels = values.dropna().unique()
    there = len(values) - missing
    if len(levels) == 1 and not missing:
        return Column(name, "left_out", "the same in every row", missing, 1)
    if len(levels) <= max_levels:
        return Column(name, "one_hot", f"{len(levels)} different values, one column each", missing, len(levels))
    if not chosen and all(DATE.fullmatch(str(level).strip()) for level in levels[:200]):
        return Column(name, "left_out", "dates", missing, len(levels))
    if not chosen and (odd := _odd_word(values, levels[:2000])) is not None:
        why = f"numbers, but row {table.row(odd)} has {brief(values.iloc[odd], 20)}"
        return Column(name, "left_out", why, missing, len(levels))
    if len(levels) == there and there >= FEWEST_FOR_ID:
        return Column(name, "left_out", "a different text in every row, like an id", missing, len(levels))
    return Column(
        name, "left_out", f"{len(levels)} different values, at most {max_levels} become columns", missing, len(levels)
    )


def _odd_word(values: pd.Series, levels: Sequence[object]) -> int | None:
    """Where the first word stands in a column that is otherwise numbers."""
    numbers = pd.to_numeric(pd.Series([str(level) for level in levels]), errors="coerce")
    if numbers.notna().mean() < 0.8 or numbers.notna().all():
        return None
    return int((values == levels[int(numbers.isna().to_numpy().argmax())]).to_numpy().argmax())


def _all_differ(values: pd.Series) -> bool:
    there = values.dropna()
    return bool(there.iloc[:10_000].is_unique and there.is_unique)


def guess_label(table: Table) -> str:
    """A column named like a label, else the last or the first that has few different values, else ""."""
    names = [str(name) for name in table.frame.columns]
    if len(names) == 1:
        return names[0]
    by_name = sorted((name for name in names if LABEL_NAMES.fullmatch(name.strip())), key=lambda name: name.casefold() == "y")
    for name in [*by_name, names[-1], names[0]]:
        if _could_be_label(table.frame[name]):
            return name
    few = next((name for name in reversed(names) if _could_be_label(table.frame[name])), "")
    return few or next(iter(by_name), "")  # a column named so is meant, even if it holds one class or none


def _could_be_label(values: pd.Series) -> bool:
    kind = kind_of(values)
    if kind == "date":
        return False
    distinct = pd.Series(values.iloc[:5000].dropna().unique())
    whole = kind != "number" or bool((distinct % 1 == 0).all())
    return whole and 2 <= len(distinct) <= min(GUESSED_CLASSES, max(len(values) // 3, 2))


def _rare_word(table: Table, label: str) -> str:
    """Of two classes that are words, the rarer one: it is what people call the positive class. Numbers keep their order."""
    if not label or kind_of(table.frame[label]) != "text":
        return ""
    counts = table.frame[label].str.strip().value_counts()
    return plain(str(counts.index[-1])) if len(counts) == 2 else ""
