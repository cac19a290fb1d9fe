"""Columns of a table -> the numbers that a network takes, and the mean and spread that standardise them.

A number stays a number; true and false are 1 and 0; text becomes one 0/1 column for each value. A missing number takes the
median of the training rows and is flagged in a 0/1 column of its own; a missing text is a value of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lib.data.labels import plain, unique
from lib.data.roles import Column, kind_of, listed
from lib.data.upload import Table
from lib.memory import size, upload_budget

Values = npt.NDArray[np.float64] | npt.NDArray[np.bool_]  # of one feature, [n]
LARGEST = 1e30  # beyond it, squares leave float32
FINEST = 2e-5  # spread relative to size below which float32 has less than 8 bits left for the differences


@dataclass(frozen=True, eq=False)
class Encoded:
    """x [n, D] float32, raw; `shift` and `scale` [D] float32 are mean and standard deviation of the training rows."""

    x: npt.NDArray[np.float32]
    names: tuple[str, ...]
    shift: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    notices: tuple[str, ...]


def encode(table: Table, columns: Sequence[Column], rows: npt.NDArray[np.int64], training: npt.NDArray[np.bool_]) -> Encoded:
    """The chosen columns of the chosen rows.

    rows [n] are frame rows, training [n] says which of them are training rows. Raises ValueError when it does not fit.
    """
    whole = len(rows) == len(table.frame) and bool((rows[1:] > rows[:-1]).all())  # steps of series stand in their own order
    frame = table.frame if whole else table.frame.iloc[rows]
    width = sum(2 if column.role == "numeric" else (column.levels or 0) + 1 for column in columns)
    needed = 2 * 4 * len(rows) * width  # once as one block, once as three splits
    if needed > upload_budget():
        raise ValueError(
            f"Expected features of at most {size(upload_budget())}, got {len(rows)} rows x {width} columns = {size(needed)}. "
            "Choose fewer feature columns, or lower max_levels."
        )
    parts: list[tuple[str, Values]] = []
    filled: list[str] = []
    endless: list[str] = []
    for column in columns:
        values = frame[column.name]
        if column.role == "one_hot":
            parts += _one_hot(column.name, values)
            continue
        numbers, gaps, infinite = _numbers(values)
        endless += [column.name] if infinite else []
        if gaps.any():
            there = numbers[training & ~gaps]
            median = float(np.median(there)) if len(there) else 0.0
            filled.append(f"{listed([column.name])} ({median:.6g} in {int(gaps.sum())} of {len(gaps)} rows)")
            parts += [(column.name, np.where(gaps, median, numbers)), (f"{column.name} missing", gaps)]
        else:
            parts.append((column.name, numbers))
    return _standardised(parts, training, _notices(filled, endless))


def _one_hot(name: str, values: pd.Series) -> list[tuple[str, Values]]:
    codes, levels = pd.factorize(values, sort=True)
    parts = [(plain(f"{name}={level}"), codes == number) for number, level in enumerate(levels)]
    return [*parts, (plain(f"{name} missing"), codes < 0)] if (codes < 0).any() else parts


def _numbers(values: pd.Series) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], bool]:
    """float64 [n], where it is missing [n], and whether some of that was infinite or too large for float32."""
    if kind_of(values) == "switch":
        values = values.map({True: 1.0, False: 0.0})
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        gaps = ~(np.abs(numbers) <= LARGEST)
    return numbers, gaps, bool((gaps & ~np.isnan(numbers)).any())


def _notices(filled: list[str], endless: list[str]) -> list[str]:
    notices = []
    if endless:
        notices.append(f"Infinite or larger than 1e30, and therefore treated as missing, in {listed(endless)}.")
    if filled:
        shown = ", ".join(filled[:6]) + (f" and {len(filled) - 6} more columns" if len(filled) > 6 else "")
        notices.append(
            f"Missing numbers were replaced by the median of the training rows and flagged in a column of their own: {shown}."
        )
    return notices


def _standardised(parts: list[tuple[str, Values]], training: npt.NDArray[np.bool_], notices: list[str]) -> Encoded:
    x = np.empty((len(training), len(parts)), dtype=np.float32)
    shift, scale = np.zeros(len(parts)), np.ones(len(parts))
    for number, (_, values) in enumerate(parts):
        x[:, number] = values
        seen = values[training].astype(np.float64)
        shift[number] = seen.mean()
        spread = seen.std(ddof=1) if len(seen) > 1 else 0.0
        scale[number] = spread if spread > 1e-12 * abs(shift[number]) else 1.0
    coarse = [
        name
        for (name, _), mean, spread in zip(parts, shift, scale, strict=True)
        if spread < FINEST * abs(mean) and spread != 1.0
    ]
    if coarse:
        notices.append(f"Float32 blurs the small differences within {listed(coarse)}; subtract a constant and upload again.")
    names = tuple(unique(plain(name) for name, _ in parts))
    return Encoded(x, names, shift.astype(np.float32), scale.astype(np.float32), tuple(notices))
