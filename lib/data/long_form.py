"""Series in long form, one row per step: series id, time, features, answer -> padded series with a mask.

Series may be of any length and in any order. What is sorted, cut or left out is said; what cannot be is refused by series,
row and column.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from lib.data.answers import check_answers, yes_no
from lib.data.dataset import Dataset, Split, generator, stratified_split
from lib.data.events import EVENT, QUIET
from lib.data.features import Encoded, encode
from lib.data.labels import plain
from lib.data.roles import Column, kind_of, known_column
from lib.data.upload import Table
from lib.memory import size, upload_budget
from lib.registry import brief

FRACTIONS = (0.6, 0.2, 0.2)
TRAINING_STEPS = 2_000_000
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of all series, one series after another: frame rows [n], series [n] from 0, answers [n] (-1: none)."""

    rows: Whole
    series: Whole
    y: npt.NDArray[np.int8]
    names: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Division:
    """Where the steps go: `piece` [n] of each step, the steps that are `used` [m], and the split of those [m], from 0.

    `alone`: too few series to share out; their pieces are. `cut` and `thinned` are notices.
    """

    steps: Steps
    piece: Whole
    used: Whole
    split: Whole
    alone: bool
    cut: tuple[str, ...]
    thinned: tuple[str, ...]


def divide(
    table: Table, *, seed: int, label: str, series: str, time: str, max_steps: int, missing_labels: str
) -> Division:  # fmt: skip
    """Split by series 60/20/20, by whether they hold an event. Raises ValueError that names series, row and column."""
    steps = read_steps(table, label, series, time, missing_labels)
    piece, cut = _pieces(steps, max_steps)
    n_series = len(steps.names)
    alone = n_series < 3
    unit = piece if alone else steps.series  # what is kept in one split
    if alone and piece[-1] < 2:
        raise ValueError(
            f"Expected at least 3 series, so that training, validation and test each get one; column {brief(series)} has "
            f"{n_series}. Add series, or lower max_steps so that a long one is cut into more pieces."
        )
    kept, thinned = _thin(steps, unit, seed)
    some = np.zeros(unit[-1] + 1, dtype=np.int64)
    np.maximum.at(some, unit, (steps.y > 0).astype(np.int64))
    parts = stratified_split(torch.from_numpy(some[kept]), FRACTIONS, seed, classes=2)
    owner = np.full(len(some), -1, dtype=np.int64)
    for number, members in enumerate(parts):
        owner[kept[members.numpy()]] = number
    used = np.flatnonzero(owner[unit] >= 0)
    return Division(steps, piece, used, owner[unit[used]], alone, tuple(cut), tuple(thinned))


def series_dataset(
    table: Table, division: Division, *, max_steps: int, columns: Sequence[Column], left_out: Sequence[str]
) -> Dataset:
    """Encode, standardise and pad. Raises ValueError when it does not fit."""
    steps, used, where = division.steps, division.used, division.split
    encoded = encode(table, columns, steps.rows[used], where == 0)
    train, validation, test = (_padded(encoded, steps, division.piece, used, where == number, max_steps) for number in range(3))
    shared = [
        "There are fewer than 3 series: their pieces are shared out among training, validation and test. Neighbouring pieces "
        "are alike, so that the test is easier than a new series would be."
    ] if division.alone else []  # fmt: skip
    told = steps.y[steps.y >= 0]
    counts = torch.tensor([int((told == 0).sum()), int((told == 1).sum())], dtype=torch.float64)
    return Dataset(
        "sequence", (QUIET, EVENT), train, validation, test, feature_names=encoded.names,
        shift=torch.from_numpy(encoded.shift), scale=torch.from_numpy(encoded.scale),
        notices=(
            *table.notices, *steps.notices, *division.cut, *shared, *left_out, *encoded.notices, *division.thinned,
        ),
        all_counts=counts if division.thinned else None, first_row=table.first_row,
    )  # fmt: skip


def read_steps(table: Table, label: str, series: str, time: str, missing_labels: str) -> Steps:
    """The labelled series of a table in the order of their times. Raises ValueError that names series, row and column."""
    for name, what in ((label, "label"), (series, "series")):
        if not name:
            raise ValueError(f"Choose the column that is the {what}. Each row of the file is one step of a series.")
        known_column(table, name)
    identity, names = pd.factorize(table.frame[series])
    texts = [plain(str(name)) for name in names]
    if (identity < 0).any():
        row = int((identity < 0).argmax())
        raise ValueError(
            f"Column {brief(series)} says which series a step belongs to; row {table.row(row)} has no value. Add it."
        )

    def called(row: int) -> str:
        return f" (series {brief(texts[identity[row]], 30)})"

    y, bad = yes_no(table.frame[label])
    check_answers(table, label, bad, called(int(bad.argmax())))
    order, notices = _in_time(table, time, identity, texts)
    notices += _missing(table, label, y, identity, texts, missing_labels)
    answered = np.bincount(identity[y >= 0], minlength=len(texts)) > 0
    order = order[answered[identity[order]]]
    _check_both(y, label)
    _, renumbered = np.unique(identity[order], return_inverse=True)
    kept = [text for text, there in zip(texts, answered, strict=True) if there]
    return Steps(order, renumbered.astype(np.int64), y[order], tuple(kept), (*notices, *_about(y[order], renumbered, kept)))


def _check_both(y: npt.NDArray[np.int8], label: str) -> None:
    if not (y == 1).any() or not (y == 0).any():
        came = "0: no series has an event" if not (y == 1).any() else "1"
        raise ValueError(
            f"Column {brief(label)} is the label, but every step is {came}. There is nothing to learn; choose another."
        )


def _missing(
    table: Table, label: str, y: npt.NDArray[np.int8], identity: Whole, texts: list[str], missing_labels: str
) -> list[str]:  # fmt: skip
    without = np.flatnonzero(y < 0)
    if not len(without):
        return []
    first = f"row {table.row(without[0])} (series {brief(texts[identity[without[0]]], 30)})"
    if missing_labels == "refuse":
        raise ValueError(
            f"Column {brief(label)} is the label, but {len(without)} steps have none, the first in {first}. Fill them in, or "
            "choose to leave such rows out."
        )
    gone = int((np.bincount(identity[y >= 0], minlength=len(texts)) == 0).sum())
    more = f" {gone} series without any label are left out." if gone else ""
    return [f"{len(without)} steps have no label, the first in {first}: they are seen, but do not count.{more}"]


def _in_time(table: Table, time: str, identity: Whole, texts: list[str]) -> tuple[Whole, list[str]]:
    """Frame rows, series after series (in the order in which they appear), each in the order of its times."""
    if not time:
        return np.argsort(identity, kind="stable"), ["No time column: the steps of a series stand in the order of the file."]
    values = table.frame[known_column(table, time)]
    if kind_of(values) not in ("number", "date"):
        odd = pd.to_numeric(values, errors="coerce").isna().to_numpy()
        row = int(odd.argmax())
        raise ValueError(
            f"Column {brief(time)} is the time and must hold numbers or dates; row {table.row(row)} (series "
            f"{brief(texts[identity[row]], 30)}) has {brief(str(values.iloc[row]))}. Correct it, or choose no time column."
        )
    gone = values.isna().to_numpy()
    clock = values.to_numpy("datetime64[ns]").astype(np.int64) if kind_of(values) == "date" else values.to_numpy(np.float64)
    gone = gone | (~np.isfinite(clock) if clock.dtype.kind == "f" else False)
    if gone.any():
        row = int(gone.argmax())
        raise ValueError(
            f"Column {brief(time)} is the time; row {table.row(row)} (series {brief(texts[identity[row]], 30)}) has none. "
            "Add it, or choose no time column."
        )
    order = np.lexsort((clock, identity))
    same = np.diff(identity[order]) == 0
    ahead = np.diff(clock[order])
    if (twice := same & (ahead == 0)).any():
        at = int(twice.argmax())
        rows = sorted((table.row(order[at]), table.row(order[at + 1])))
        raise ValueError(
            f"Series {brief(texts[identity[order[at]]], 30)} has the same time twice in column {brief(time)}: rows {rows[0]} "
            f"and {rows[1]}. A series has one row per time; correct it, or choose another series column."
        )
    moved = np.flatnonzero(order != np.argsort(identity, kind="stable"))
    notices = []
    if len(moved):
        mixed = pd.unique(identity[order[moved]])
        notices.append(
            f"{len(mixed)} series were not in the order of {brief(time)} and were sorted, e.g. {brief(texts[mixed[0]], 30)}."
        )
    if same.any():
        usual = float(np.median(ahead[same]))
        gaps = same & (ahead > 1.5 * usual)
        if gaps.any():
            at = int(gaps.argmax())
            holed = len(np.unique(identity[order[:-1]][gaps]))
            notices.append(
                f"{brief(time)} has gaps in {holed} series, e.g. series {brief(texts[identity[order[at]]], 30)} before row "
                f"{table.row(order[at + 1])}. Steps are taken as they follow each other."
            )
    return order, notices


def _about(y: npt.NDArray[np.int8], series: Whole, names: list[str]) -> list[str]:
    lengths = np.bincount(series)
    some = np.bincount(series, weights=y > 0) > 0
    notices = [f"{len(lengths)} series of {lengths.min()} to {lengths.max()} steps; {int(some.sum())} of them have an event."]
    if single := int((lengths == 1).sum()):
        notices.append(
            f"{single} series {'has' if single == 1 else 'have'} one step, e.g. {brief(names[int(lengths.argmin())], 30)}."
        )
    return notices


def _pieces(steps: Steps, max_steps: int) -> tuple[Whole, list[str]]:
    """The piece of each step, from 0: a series of more than `max_steps` is cut into equal pieces."""
    starts = np.flatnonzero(np.diff(steps.series, prepend=-1))
    lengths = np.diff(np.append(starts, len(steps.series)))
    within = np.arange(len(steps.series)) - np.repeat(starts, lengths)
    parts = -(-lengths // max_steps)
    each = -(-lengths // parts)
    first = np.cumsum(parts) - parts
    piece = np.repeat(first, lengths) + within // np.repeat(each, lengths)
    piece = np.unique(piece, return_inverse=True)[1].astype(np.int64)
    answered = np.bincount(piece[steps.y >= 0], minlength=piece[-1] + 1)
    notices = []
    if long := int((lengths > max_steps).sum()):
        name = brief(steps.names[int(lengths.argmax())], 30)
        notices.append(
            f"{long} series {'is' if long == 1 else 'are'} longer than {max_steps} steps (the longest, {name}, has "
            f"{lengths.max()}) and cut into pieces; each piece is read as a series of its own."
        )
    if (answered == 0).any():
        notices.append(f"{int((answered == 0).sum())} pieces without any label do not count.")
    return piece, notices


def _thin(steps: Steps, unit: Whole, seed: int) -> tuple[Whole, list[str]]:
    """The units that are used, and a notice where they are a random part: 60 % of the steps are to fit TRAINING_STEPS."""
    sizes, answered = np.bincount(unit), np.bincount(unit, weights=steps.y >= 0)
    whole = np.flatnonzero(answered > 0)
    most = TRAINING_STEPS / FRACTIONS[0]
    if sizes[whole].sum() <= most:
        return whole, []
    order = whole[torch.randperm(len(whole), generator=generator(seed, stream=6)).numpy()]
    kept = np.sort(order[np.cumsum(sizes[order]) <= most])
    return kept, [
        f"The file has {len(unit)} steps. Counts and weights use all of them; training uses a random part of the series with "
        f"{int(sizes[kept].sum())} steps, drawn by the data seed."
    ]


def _padded(
    encoded: Encoded, steps: Steps, piece: Whole, used: Whole, mine: npt.NDArray[np.bool_], max_steps: int
) -> Split:  # fmt: skip
    """The pieces of one split, padded to its longest."""
    numbers, own = np.unique(piece[used[mine]], return_inverse=True)
    starts = np.flatnonzero(np.diff(own, prepend=-1))
    within = np.arange(len(own)) - np.repeat(starts, np.diff(np.append(starts, len(own))))
    n, longest, width = len(numbers), int(within.max(initial=0)) + 1, encoded.x.shape[1]
    if (needed := n * longest * (4 * width + 10)) > upload_budget():
        raise ValueError(
            f"{n} pieces padded to {longest} steps of {width} features take {size(needed)} of memory; {size(upload_budget())} "
            f"are there. Lower max_steps (now {max_steps}), or choose fewer feature columns."
        )
    x, y = torch.zeros(n, longest, width), torch.zeros(n, longest, dtype=torch.int8)
    mask = torch.zeros(n, longest, dtype=torch.bool)
    at: tuple[Tensor, Tensor] = (torch.from_numpy(own), torch.from_numpy(within))
    answer = torch.from_numpy(steps.y[used[mine]])
    x[at] = torch.from_numpy(encoded.x[mine])
    y[at] = answer.clamp(min=0)
    mask[at] = answer >= 0
    step_rows = torch.full((n, longest), -1)
    step_rows[at] = torch.from_numpy(steps.rows[used[mine]])
    some = mask.any(1)  # a piece without any label has nothing to count
    return Split(x[some], y[some], mask=mask[some], rows=step_rows[some, 0], step_rows=step_rows[some])
