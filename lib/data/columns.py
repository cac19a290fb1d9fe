"""A table and a choice of columns -> a dataset.

`suggest` guesses what each column is for and says why; `params_of` writes a choice down as an experiment stores it;
`dataset_from_table` carries it out. What is left out, imputed or shortened is said in the dataset's notices.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lib.data.dataset import Dataset, Split, Task, apportion, generator, stratified_split
from lib.data.features import Encoded, encode, kind_of, look_at
from lib.data.labels import AMBIGUOUS, MAX_CLASSES, NAME_LENGTH, LabelCounts, check_number_of_classes, classes_of
from lib.data.upload import READ_PARAMS, Table
from lib.registry import Param, Params, Value, brief, check_params

TRAINING_ROWS = 200_000
FRACTIONS = (0.6, 0.2, 0.2)
FEWEST_ROWS = 10
MEASURED = 20  # distinct broken numbers above which a column is a measurement, not a class

UPLOAD_PARAMS: tuple[Param, ...] = (
    Param("file", "", "", help="Name of the file; the file itself never travels.", high=80),
    Param("sha256", "", "", help="Fingerprint of the file, so that a link can say when another one is given.", high=64),
    *READ_PARAMS,
    Param("label", "", "", help="The column that says which class a row is in.", high=NAME_LENGTH),
    Param("classes", "", (), help="Class names in order, as found when the choice was made.", length=(0, MAX_CLASSES), item=str, high=NAME_LENGTH),
    Param("positive", "", "", help="Of two classes, the one that is class 1; empty: the last in order.", high=NAME_LENGTH),
    Param("missing_labels", "", "refuse", help="What happens to rows without a label.", choices=("refuse", "drop")),
    Param("na_words", "", "class", help="What NA, None or null in the label column means.", choices=("class", "missing")),
    Param("features", "", (), help="Columns to learn from; empty: all that can be used.", length=(0, 2000), item=str, high=NAME_LENGTH),
    Param("one_hot", "", (), help="Columns of numbers that are names of categories.", length=(0, 2000), item=str, high=NAME_LENGTH),
    Param("max_levels", "", 20, 2, 200, 1, help="Columns of text with more different values than this are left out."),
    Param("sample_weight", "", "", help="Column with the weight of each row; empty: every row counts the same.", high=NAME_LENGTH),
)  # fmt: skip

LABEL_NAMES = re.compile(r"(the_?)?(labels?|class(es)?|targets?|y|outcome|category|species|diagnosis|is_?fraud|fraud|churn(ed)?)", re.I)
WEIGHT_NAMES = re.compile(r"(sample|case|row|instance|importance)[ _-]?weights?", re.I)


@dataclass(frozen=True)
class Column:
    """What one column is used for and why, for the visitor to read and change."""

    name: str
    role: Literal["label", "sample_weight", "numeric", "one_hot", "left_out"]
    why: str
    missing: int = 0
    levels: int | None = None  # different values, where they were counted


@dataclass(frozen=True)
class ColumnPlan:
    """A guess: the label (empty when no column looks like one), what each column is for, the class that is class 1."""

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
    table: Table, *, label: str = "", sample_weight: str = "", max_levels: int = 20, one_hot: Sequence[str] = ()
) -> ColumnPlan:
    """Guess roles; what is given is kept. Raises ValueError when a given column does not exist."""
    label = _known(table, label) if label else guess_label(table)
    if not sample_weight:
        names = [name for name in table.frame.columns if WEIGHT_NAMES.fullmatch(name) and name != label]
        sample_weight = next((name for name in names if kind_of(table.frame[name]) == "number"), "")
    columns = []
    for name in table.frame.columns:
        if name == label:
            columns.append(Column(name, "label", "what is to be predicted"))
        elif name == sample_weight:
            columns.append(Column(name, "sample_weight", "the weight of each row"))
        else:
            columns.append(Column(name, *look_at(table, name, max_levels, name in one_hot)))
    return ColumnPlan(label, tuple(columns), sample_weight, _rare_word(table, label))
