"""The rows behind a cell of a confusion matrix: which they are in the visitor's file, and how sure the model was of them.

A run is read as it stood when its matrix was counted, with the rule of that moment, so that the rows are those of the cell.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lib.data import Dataset, Split, Task
from lib.data.labels import plain, unique
from lib.decisions import Rule
from lib.evaluation import probabilities
from lib.snapshot import At, Snapshot, TrainedModel
from lib.tasks import READINGS
from lib.training import EVALUATED

Whole = NDArray[np.int64]
Array = NDArray[np.float64]

MOST = 200  # rows of a table
FEATURES = 12  # columns of a table that are features


@dataclass(frozen=True)
class Cell:
    """True and predicted class; of several labels 0 and 1 are no and yes of one of them."""

    true: int
    predicted: int
    label: int = 0


@dataclass(frozen=True, eq=False)
class Listed:
    """The rows (of series: the steps) of one cell, those of which the model was surest first.

    `total` are in the cell, the first n of them are here. `true` and `predicted` [n] are the probabilities of the two classes,
    or, where the loss gives none (`sure` is False), their scores.
    """

    total: int
    at: Whole  # [n] row, or series, of the split
    steps: Whole | None  # [n] step of the series, from 0
    rows: Whole | None  # [n] row of the file, from 0; None where rows were synthesised
    x: NDArray[np.float32]  # [n, D] raw
    true: Array
    predicted: Array
    sure: bool


def rows_of(snapshot: Snapshot, at: At, cell: Cell, *, split: str = "validation", most: int = MOST) -> Listed:
    """The rows of a split that one run puts into a cell. Ties stand in the order of the split.

    Raises ValueError for a run that diverged, or of which no model is kept, and for a class that there is not.
    """
    if at in snapshot.diverged or at not in snapshot.measured or at not in snapshot.rules:
        raise ValueError("There is no model to ask: this run diverged, or has not finished an epoch.")
    model, dataset = snapshot.measured[at], snapshot.measured[at].run.dataset
    several = dataset.task == "multilabel"
    classes = 2 if several else len(dataset.class_names)
    if not (0 <= cell.true < classes and 0 <= cell.predicted < classes and 0 <= cell.label < len(dataset.class_names)):
        raise ValueError(
            f"Expected two of {classes} classes, got {cell.true} and {cell.predicted}. Choose a cell of the matrix."
        )
    offset = snapshot.rules[at].offset
    rule = Rule(offset[cell.label] if several else offset)
    part = dataset.splits[split]
    at_once = max(EVALUATED // (part.y[:1].numel() * classes), 1)
    found = [_among(model, part, slice(start, start + at_once), cell, rule) for start in range(0, max(len(part), 1), at_once)]
    number, step, true, predicted = (np.concatenate(column) for column in zip(*found, strict=True))
    kept = np.argsort(-predicted, kind="stable")[:most]
    number, step = number[kept], step[kept]
    series = dataset.task == "sequence"
    origin = part.rows if part.step_rows is None else part.step_rows
    place = (number, step) if series else (number,)
    return Listed(
        len(true), number, step if series else None,
        None if origin is None else origin.numpy()[place if part.step_rows is not None else (number,)],
        part.x.numpy()[place], true[kept], predicted[kept], model.run.loss.link != "none",
    )  # fmt: skip


def _among(
    model: TrainedModel, part: Split, rows: slice, cell: Cell, rule: Rule
) -> tuple[Whole, Whole, Array, Array]:  # fmt: skip
    """Of some rows of a split, those of the cell: number, step, and what the model says of the true and predicted class."""
    dataset = model.run.dataset
    mask = None if part.mask is None else part.mask[rows]
    own = Split(part.x[rows], part.y[rows], mask=mask)
    scores, y = model.scores(own.x, mask), READINGS[dataset.task].targets(own)
    if dataset.task == "multilabel":
        scores, y = scores[cell.label], y[cell.label]
    chosen = torch.nonzero((y == cell.true) & (rule(scores) == cell.predicted)).squeeze(-1)
    number, step = _places(own, dataset.task, chosen)
    shown = probabilities(model, scores[chosen], rule)
    values = scores[chosen].double().numpy() if shown is None else shown
    return number + rows.start, step, values[:, cell.true], values[:, cell.predicted]


def _places(own: Split, task: Task, chosen: Tensor) -> tuple[Whole, Whole]:
    """Row and step of decisions; the step of what is no series is 0."""
    if task != "sequence":
        return chosen.numpy(), np.zeros(len(chosen), dtype=np.int64)
    counted = torch.ones_like(own.y, dtype=torch.bool) if own.mask is None else own.mask
    places = counted.nonzero()[chosen].numpy()
    return places[:, 0], places[:, 1]


def table(
    listed: Listed, dataset: Dataset, class_names: tuple[str, str], series: NDArray[np.object_] | None = None
) -> pd.DataFrame:
    """One line per row: its number, features as they are in the data, and what the model says of the two classes.

    `class_names` are the true and the predicted class; `series` [n] what the visitor calls the series of each step, where that
    is known.
    """
    columns: list[tuple[str, NDArray[np.generic]]] = []
    if listed.steps is not None:
        columns += [("series", listed.at + 1 if series is None else series), ("step", listed.steps + 1)]
    if listed.rows is not None:
        columns.append(("row", listed.rows + dataset.first_row))
    elif listed.steps is None:
        columns.append(("row", listed.at))
    word = "probability" if listed.sure else "score"
    true, predicted = (plain(name, 24) for name in class_names)
    columns.append((f"{word} of {predicted} (predicted)", listed.predicted))
    if class_names[0] != class_names[1]:
        columns.append((f"{word} of {true} (true)", listed.true))
    names = (dataset.feature_names or [f"x{d + 1}" for d in range(dataset.features)])[:FEATURES]
    columns += [(name, listed.x[:, d]) for d, name in enumerate(names)]
    return pd.DataFrame(dict(zip(unique([name for name, _ in columns]), (values for _, values in columns), strict=True)))


def counted_from(dataset: Dataset) -> str:
    """What a row number means, in a sentence."""
    part = dataset.validation
    if part.rows is None:
        return "" if dataset.task == "sequence" else "Rows are numbered from 0 within the split: they were synthesised."
    if dataset.first_row == 0:
        return "Rows are numbered from 0, as the bundled data set has them."
    if dataset.first_row == 1:
        return "Row numbers are those of your file: its first row is row 1."
    return f"Row numbers are those of your file as a spreadsheet shows it: its first row of data is row {dataset.first_row}."
