"""A table and a choice of columns -> a dataset.

`suggest` guesses what each column is for and says why; `params_of` writes a choice down as an experiment stores it;
`dataset_from_table` carries it out; `label_counts` counts the classes over all rows. What is left out, imputed or shortened
is said in the dataset's notices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from lib.data.answers import MAX_LABELS, Answers, check_some_yes, lists, side_by_side, strata_of
from lib.data.dataset import TRAINING_ROWS, Dataset, Split, count_classes, stratified_sample, stratified_split
from lib.data.events import EVENT, QUIET
from lib.data.features import Encoded, encode
from lib.data.labels import (
    FEWEST_ROWS,
    MAX_CLASSES,
    NAME_LENGTH,
    LabelCounts,
    check_number_of_classes,
    classes_of,
    refuse_measurements,
)
from lib.data.long_form import divide, read_steps, series_dataset
from lib.data.questions import suggest_questions
from lib.data.roles import MAX_LEVELS, Column, ColumnPlan, kind_of, known_column, listed, look_at, suggest
from lib.data.upload import READ_PARAMS, Table
from lib.registry import Param, Params, Value, brief, check_params

__all__ = ["UPLOAD_PARAMS", "Column", "ColumnPlan", "dataset_from_table", "label_counts", "params_of", "suggest"]

FRACTIONS = (0.6, 0.2, 0.2)

UPLOAD_PARAMS: tuple[Param, ...] = (
    Param("file", "", "", high=80, help="Name of the file; the file itself never travels."),
    Param("sha256", "", "", high=64, help="Fingerprint of the file, so that another file is noticed."),
    *READ_PARAMS,
    Param("label", "", "", high=NAME_LENGTH, help="The column that says which class a row is in."),
    Param("classes", "", (), length=(0, MAX_CLASSES), item=str, high=NAME_LENGTH,
          help="Class names in order, as they were found when the choice was made."),
    Param("positive", "", "", high=NAME_LENGTH, help="Of two classes, the one that is class 1; empty: the last in order."),
    Param("missing_labels", "", "refuse", choices=("refuse", "drop"), help="What happens to rows without a label."),
    Param("na_words", "", "class", choices=("class", "missing"), help="What NA, None and null mean in the label column."),
    Param("features", "", (), length=(0, 2000), item=str, high=NAME_LENGTH,
          help="Columns to learn from; empty: all that can be used."),
    Param("one_hot", "", (), length=(0, 2000), item=str, high=NAME_LENGTH,
          help="Columns of numbers that are names of categories."),
    Param("max_levels", "", MAX_LEVELS, 2, 200, 1, help="Text columns with more different values are left out."),
    Param("sample_weight", "", "", high=NAME_LENGTH, help="Column with the weight of each row; empty: all count the same."),
    Param("task", "", "exclusive", choices=("exclusive", "multilabel", "sequence"),
          help="One class per row, several yes/no labels per row, or a yes/no for each step of a series."),
    Param("labels", "", (), length=(0, MAX_LABELS), item=str, high=NAME_LENGTH,
          help="Several labels: their columns of 0 and 1; empty: the label column holds lists."),
    Param("separator", "", ";", choices=(";", ",", "|"), help="What divides the labels of a list."),
    Param("series", "", "", high=NAME_LENGTH, help="The column that says which series a step belongs to."),
    Param("time", "", "", high=NAME_LENGTH, help="The column that orders the steps of a series; empty: the order of the file."),
    Param("max_steps", "", 500, 2, 2000, 50, help="Longer series are cut into pieces of at most so many steps."),
)  # fmt: skip


def params_of(table: Table, **chosen: Value) -> Params:
    """A choice, complete and checked, as an experiment stores it. What is not chosen is as `suggest` guesses.

    Raises ValueError that names the parameter, or the column, that is wrong.
    """
    reading = {param.name: value for param, value in zip(READ_PARAMS, table.asked, strict=True)}
    params = check_params({**reading, **chosen, "file": table.name, "sha256": table.sha256}, UPLOAD_PARAMS, "upload")
    if params["task"] != "exclusive":
        return _params_of_questions(table, params, set(chosen))
    plan = suggest(
        table, label=str(params["label"]), sample_weight=str(params["sample_weight"]) if "sample_weight" in chosen else None
    )
    weight = "" if plan.sample_weight in (params["features"] or ()) else plan.sample_weight
    guessed = {"label": plan.label, "sample_weight": weight, "positive": plan.positive}
    complete = {**params, **{name: value for name, value in guessed.items() if name not in chosen}}
    words = (str(complete[name]) for name in ("label", "na_words", "missing_labels", "positive"))
    found = _classes(table, *words)
    if complete["sample_weight"]:
        _refuse_label_as_weight(str(complete["sample_weight"]), [complete["label"]])
        _weights(table, str(complete["sample_weight"]), found.codes >= 0)
    return Params({**complete, "classes": found.names})


def _params_of_questions(table: Table, params: Params, chosen: set[str]) -> Params:
    """As `params_of`, for several labels and for series."""
    guessed = suggest_questions(table, str(params["task"]))
    complete = Params({**params, **{name: value for name, value in guessed.items() if name not in chosen}})
    taken = (complete["series"], complete["time"]) if params["task"] == "sequence" else complete["labels"]
    feature_columns(
        table, complete["label"], complete["sample_weight"], complete["features"], complete["one_hot"], complete["max_levels"],
        tuple(filter(None, taken)),
    )  # fmt: skip
    if params["task"] == "sequence":
        read_steps(table, *(str(complete[name]) for name in ("label", "series", "time", "missing_labels")))
        return Params({**complete, "classes": (QUIET, EVENT)})
    return Params({**complete, "classes": _answers(table, complete).names})


def _answers(table: Table, params: Mapping[str, Any]) -> Answers:
    if params["labels"]:
        return side_by_side(table, params["labels"])
    if not params["label"]:
        raise ValueError("Choose the columns that are the labels: several of 0 and 1, or one with lists such as cat;bird.")
    return lists(table, params["label"], params["separator"], params["classes"])


def label_counts(
    table: Table, *, label: str, na_words: str = "class", missing_labels: str = "refuse", positive: str = ""
) -> LabelCounts:
    """Rows of each class over the whole file, however few of them are trained on. Raises ValueError as the dataset does."""
    found = _classes(table, label, na_words, missing_labels, positive)
    counts = np.bincount(found.codes[found.codes >= 0], minlength=len(found.names))
    return LabelCounts(found.names, tuple(int(count) for count in counts), found.notices, int((found.codes < 0).sum()))


def dataset_from_table(
    table: Table, *, seed: int, file: str, sha256: str, delimiter: str, decimal: str, encoding: str, header: str,
    label: str, classes: tuple[str, ...], positive: str, missing_labels: str, na_words: str,
    features: tuple[str, ...], one_hot: tuple[str, ...], max_levels: int, sample_weight: str,
    task: str = "exclusive", labels: tuple[str, ...] = (), separator: str = ";", series: str = "", time: str = "",
    max_steps: int = 500,
) -> Dataset:  # fmt: skip
    """Split, encode and standardise. One keyword for each of UPLOAD_PARAMS; `params_of` fills them.

    Stratified 60/20/20; at most TRAINING_ROWS training rows. Raises ValueError that names column, row or limit.
    """
    _check_same_file(table, file, sha256, (delimiter, decimal, encoding, header))
    if task == "sequence":
        if sample_weight:
            raise ValueError("A sample weight is for rows of their own, not for the steps of series. Choose none.")
        columns, left_out = feature_columns(table, label, "", features, one_hot, max_levels, (series, time))
        division = divide(
            table, seed=seed, label=label, series=series, time=time, max_steps=max_steps, missing_labels=missing_labels
        )
        return series_dataset(table, division, max_steps=max_steps, columns=columns, left_out=left_out)
    if task == "multilabel":
        asked = {"labels": labels, "label": label, "separator": separator, "classes": classes}
        columns, left_out = feature_columns(table, label, sample_weight, features, one_hot, max_levels, labels)
        return _of_several_labels(table, _answers(table, asked), seed, missing_labels, sample_weight, columns, left_out)
    found = _classes(table, label, na_words, missing_labels, positive)
    if classes and classes != found.names:
        raise ValueError(
            f"The experiment was made for the classes {listed(classes)}; column {brief(label)} has {listed(found.names)}. "
            "Choose the file and label it was made with, or start a new experiment."
        )
    columns, left_out = feature_columns(table, label, sample_weight, features, one_hot, max_levels)
    weights = _weights(table, sample_weight, found.codes >= 0) if sample_weight else None
    rows, thinned = _thin(found.codes, seed)
    y = torch.from_numpy(found.codes[rows])
    parts = stratified_split(y, FRACTIONS, seed, classes=len(found.names))
    if min(len(part) for part in parts) == 0:
        raise ValueError(
            f"Expected a class with at least 3 rows, so that training, validation and test each get one; "
            f"column {brief(label)} has {len(rows)} rows in {len(found.names)} classes. Add rows or choose another label."
        )
    training = np.zeros(len(rows), dtype=bool)
    training[parts[0].numpy()] = True
    encoded = encode(table, columns, rows, training)
    splits = (_split(encoded, y, weights, rows, part) for part in parts)
    train, validation, test = splits
    notices = (*table.notices, *found.notices, *left_out, *encoded.notices, *_few_rows(y, found.names), *thinned)
    return Dataset(
        "binary" if len(found.names) == 2 else "multiclass", found.names, train, validation, test,
        feature_names=encoded.names, shift=torch.from_numpy(encoded.shift), scale=torch.from_numpy(encoded.scale),
        notices=notices,
        all_counts=torch.bincount(torch.from_numpy(found.codes[found.codes >= 0])).double(), first_row=table.first_row,
    )  # fmt: skip


def _of_several_labels(
    table: Table, found: Answers, seed: int, missing_labels: str, sample_weight: str, columns: list[Column], left_out: list[str]
) -> Dataset:  # fmt: skip
    """As `dataset_from_table`, for several yes/no labels per row."""
    without = np.flatnonzero(~found.answered)
    if len(without) and missing_labels == "refuse":
        raise ValueError(
            f"The labels are {listed(found.names)}, but {table.rows_are(without)} without an answer to some. Fill them in, "
            "or choose to leave such rows out."
        )
    rare = check_some_yes(found)
    if found.answered.sum() < FEWEST_ROWS:
        raise ValueError(f"Expected at least {FEWEST_ROWS} rows with answers, got {int(found.answered.sum())}. Add rows.")
    dropped = [f"{table.rows_are(without).capitalize()} without an answer and left out, as chosen."] if len(without) else []
    weights = _weights(table, sample_weight, found.answered) if sample_weight else None
    strata = np.where(found.answered, strata_of(found.y), -1)
    rows, thinned = _thin(strata, seed)
    y = torch.from_numpy(found.y[rows])
    parts = stratified_split(torch.from_numpy(strata[rows]), FRACTIONS, seed, classes=len(found.names) + 1)
    training = np.zeros(len(rows), dtype=bool)
    training[parts[0].numpy()] = True
    encoded = encode(table, columns, rows, training)
    train, validation, test = (_split(encoded, y, weights, rows, part) for part in parts)
    return Dataset(
        "multilabel", found.names, train, validation, test,
        feature_names=encoded.names, shift=torch.from_numpy(encoded.shift), scale=torch.from_numpy(encoded.scale),
        notices=(*table.notices, *found.notices, *rare, *dropped, *left_out, *encoded.notices, *thinned),
        all_counts=count_classes(torch.from_numpy(found.y[found.answered]), "multilabel", len(found.names)),
        first_row=table.first_row,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Found:
    """Class of every frame row, -1 for none; names in class order."""

    codes: npt.NDArray[np.int64]
    names: tuple[str, ...]
    notices: tuple[str, ...]


def _check_same_file(table: Table, file: str, sha256: str, reading: tuple[str, str, str, str]) -> None:
    if sha256 and sha256 != table.sha256:
        raise ValueError(
            f"The experiment was made with the file {brief(file)} (sha256 {brief(sha256[:12])}…), "
            f"got {brief(table.name)} (sha256 {table.sha256[:12]}…). Upload that file, or start a new experiment."
        )
    if reading != table.asked:
        raise ValueError("The file was read with other settings than the experiment has. Read it again with its settings.")


def _classes(table: Table, label: str, na_words: str, missing_labels: str, positive: str) -> _Found:
    """Raises ValueError when the column cannot be a label: missing values, one class, an id, a measurement, dates."""
    if not label:
        raise ValueError(
            f"Choose the column that is the label; no column looks like one. There are {listed(list(table.frame.columns))}."
        )
    values = table.frame[known_column(table, label)]
    codes, distinct = pd.factorize(values)
    distinct = list(distinct)
    _check_label(table, label, values, distinct)
    classes = classes_of(distinct, na_words=na_words)
    where = f"Column {brief(label)}"
    check_number_of_classes(classes.names, int((codes >= 0).sum()), where)
    codes = np.append(np.array(classes.index, dtype=np.int64), -1)[codes]  # -1 finds the -1 at the end
    names, codes = _put_last(classes.names, codes, positive, where)
    notices = list(classes.notices)
    nowhere = np.flatnonzero(codes < 0)
    blank = nowhere[table.frame.iloc[nowhere].isna().all(axis=1).to_numpy()]
    if len(blank):
        notices.append(f"{table.rows_are(blank).capitalize()} blank and left out.")
    without = np.setdiff1d(nowhere, blank)
    if len(without) and missing_labels == "refuse":
        raise ValueError(
            f"{where} is the label, but {table.rows_are(without)} without one. Fill them in, choose another label, "
            "or choose to leave such rows out."
        )
    if len(without):
        notices.append(f"{table.rows_are(without).capitalize()} without a label and left out, as chosen.")
    if len(codes) - len(nowhere) < FEWEST_ROWS:
        raise ValueError(f"Expected at least {FEWEST_ROWS} rows with a label, got {len(codes) - len(nowhere)}. Add rows.")
    return _Found(codes, names, tuple(notices))


def _check_label(table: Table, label: str, values: pd.Series, distinct: Sequence[object]) -> None:
    where = f"Column {brief(label)}"
    if kind_of(values) == "date":
        raise ValueError(f"{where} holds dates, not classes. Choose a column that says which class a row is in.")
    refuse_measurements(distinct, int(values.notna().sum()), where)
    if kind_of(values) == "number" and (endless := np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan))).any():
        row = table.row(endless.argmax())
        raise ValueError(f"{where} is the label, but row {row} is infinite. Correct it, or choose another label.")


def _put_last(
    names: tuple[str, ...], codes: npt.NDArray[np.int64], positive: str, where: str
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """The positive class of two becomes class 1."""
    if not positive:
        return names, codes
    if len(names) != 2 or positive not in names:
        raise ValueError(
            f"{where}: a positive class can be chosen among two classes, got {brief(positive)} for {listed(names)}. "
            "Choose one of the two, or none."
        )
    if positive == names[1]:
        return names, codes
    return (names[1], names[0]), np.where(codes >= 0, 1 - codes, codes)


def _refuse_label_as_weight(sample_weight: str, labels: Sequence[object]) -> None:
    if sample_weight and sample_weight in labels:
        raise ValueError(
            f"Column {brief(sample_weight)} is the label; it cannot be the sample weight too. Choose another, or none."
        )


def feature_columns(
    table: Table, label: str, sample_weight: str, features: tuple[str, ...], one_hot: tuple[str, ...], max_levels: int,
    taken: Sequence[str] = (),
) -> tuple[list[Column], list[str]]:  # fmt: skip
    """The columns to learn from, and a notice about those left out. `taken` are columns that say something else."""
    _refuse_label_as_weight(sample_weight, [label, *taken])
    for name in (*features, *one_hot):
        if name in (label, sample_weight, *taken):
            use = "label" if name == label else "sample weight" if name == sample_weight else "label, series or time"
            raise ValueError(f"Column {brief(name)} is the {use}; it cannot be a feature too.")
    if features:
        return [_chosen(table, name, max_levels, name in one_hot) for name in dict.fromkeys(features)], []
    first = label or next(iter(taken), "")
    plan = suggest(table, label=first, sample_weight=sample_weight, max_levels=max_levels, one_hot=one_hot)
    used = [column for column in plan.columns if column.name in plan.features and column.name not in taken]
    reasons = [f"{brief(column.name, 30)} ({column.why})" for column in plan.left_out if column.name not in taken]
    if not used:
        because = f": left out are {', '.join(reasons[:4])}" if reasons else "; the file has labels alone"
        raise ValueError(
            f"Expected at least one column to learn from{because}. "
            "Add a column of numbers or categories, or have features made for these labels."
        )
    rest = f" and {len(reasons) - 8} more" if len(reasons) > 8 else ""
    return used, [f"Left out: {', '.join(reasons[:8])}{rest}."] if reasons else []


def _chosen(table: Table, name: str, max_levels: int, as_category: bool) -> Column:
    """A column that the visitor chose: used even if it looks like an id, refused if there is no way to."""
    column = look_at(table, known_column(table, name), max_levels=max_levels, as_category=as_category)
    if column.role != "left_out":
        return column
    if column.missing == len(table.frame):
        raise ValueError(f"Column {brief(name)} cannot be a feature: {column.why}. Leave it out.")
    if kind_of(table.frame[name]) in ("number", "switch") and not as_category:
        return Column(name, "numeric", "chosen", column.missing, column.levels)
    if column.levels is not None and column.levels <= max_levels:
        return Column(name, "one_hot", "chosen", column.missing, column.levels)
    raise ValueError(
        f"Column {brief(name)} cannot be a feature: {column.why}. Leave it out, or raise the limit of {max_levels} values."
    )


def _weights(table: Table, name: str, used: npt.NDArray[np.bool_]) -> Tensor:
    """float32 over all frame rows. Raises ValueError that names the first bad row."""
    values = table.frame[known_column(table, name)]
    if kind_of(values) not in ("number", "switch"):
        raise ValueError(
            f"Column {brief(name)} is the sample weight and must hold numbers of at least 0, got text or dates. Choose another."
        )
    weights = values.to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(used & ~((weights >= 0) & (weights < 1e30)))
    if len(bad):
        came = weights[bad[0]]
        raise ValueError(
            f"Column {brief(name)} is the sample weight and must hold finite numbers of at least 0; "
            f"row {table.row(bad[0])} has {'no value' if np.isnan(came) else f'{came:g}'}. Correct it, or choose none."
        )
    if not weights[used].any():
        raise ValueError(f"Column {brief(name)} is the sample weight, but every weight is 0. Choose another, or none.")
    return torch.from_numpy(weights.astype(np.float32))


def _thin(codes: npt.NDArray[np.int64], seed: int) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Labelled rows, in file order; a stratified sample of them when 60% would be more than TRAINING_ROWS."""
    rows = np.flatnonzero(codes >= 0)
    most = int(TRAINING_ROWS / FRACTIONS[0])
    if len(rows) <= most:
        return rows, []
    kept = stratified_sample(codes, rows, most, seed)
    notice = (
        f"The file has {len(rows)} rows. Class counts use all of them; training uses a sample of {len(kept)} "
        f"with the same class shares, {TRAINING_ROWS} of them for training, drawn by the data seed."
    )
    return kept, [notice]


def _few_rows(y: Tensor, names: tuple[str, ...]) -> list[str]:
    counts = torch.bincount(y, minlength=len(names)).tolist()
    few = [f"{brief(name)} ({count})" for name, count in zip(names, counts, strict=True) if count < len(FRACTIONS)]
    if not few:
        return []
    shown = ", ".join(few[:6]) + (f" and {len(few) - 6} more" if len(few) > 6 else "")
    return [f"Too few rows for training, validation and test alike: {shown}. Where a class has none, recall reads “no rows”."]


def _split(encoded: Encoded, y: Tensor, weights: Tensor | None, rows: npt.NDArray[np.int64], part: Tensor) -> Split:
    in_file = torch.from_numpy(rows)[part]
    weight = None if weights is None else weights[in_file]
    return Split(x=torch.from_numpy(encoded.x)[part], y=y[part], sample_weight=weight, rows=in_file)
