"""Columns that hold answers: yes or no in one column, several of them side by side, or lists of labels such as `cat;bird`.

Every refusal names the row and the column; nothing is guessed away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pandas as pd

from lib.data.labels import classes_of
from lib.data.roles import kind_of, known_column, listed
from lib.data.upload import Table
from lib.registry import brief

MAX_LABELS = 200
FEWEST_YES = 3  # so that training, validation and test can each have one
SAYS = {"0": 0, "1": 1, "false": 0, "true": 1, "no": 0, "yes": 1, "0.0": 0, "1.0": 1}


@dataclass(frozen=True, eq=False)
class Answers:
    """y [n, L] int8 of every frame row, where it is answered [n], label names, and what was decided."""

    y: npt.NDArray[np.int8]
    answered: npt.NDArray[np.bool_]
    names: tuple[str, ...]
    notices: tuple[str, ...]


def yes_no(values: pd.Series) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
    """0 or 1 of each value, -1 where there is none, and where the value is something else [n]."""
    if kind_of(values) == "number":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isnan(numbers) | (numbers == 0) | (numbers == 1)
        return np.where(np.isnan(numbers), -1, numbers == 1).astype(np.int8), ~known
    codes, distinct = pd.factorize(values)
    said = np.array([SAYS.get(str(value).strip().lower(), -2) for value in distinct] + [-1], dtype=np.int8)[codes]
    return np.where(said == -2, 0, said).astype(np.int8), said == -2


def check_answers(table: Table, name: str, bad: npt.NDArray[np.bool_], where: str = "") -> None:
    """Raises ValueError that names the first value that is neither yes nor no."""
    if bad.any():
        row = int(bad.argmax())
        value = table.frame[name].iloc[row]
        raise ValueError(
            f"Column {brief(name)} must hold 0 or 1; row {table.row(row)}{where} has {brief(str(value))} "
            f"({int(bad.sum())} such {'row' if bad.sum() == 1 else 'rows'}). Write 1 for yes and 0 for no."
        )


def side_by_side(table: Table, columns: Sequence[str]) -> Answers:
    """Several columns of 0 and 1, one label each. Raises ValueError that names column and row."""
    names = [known_column(table, name) for name in dict.fromkeys(columns)]
    _check_number(names)
    parts = []
    for name in names:
        part, bad = yes_no(table.frame[name])
        check_answers(table, name, bad)
        parts.append(part)
    y = np.stack(parts, axis=1)
    return Answers(np.maximum(y, 0).astype(np.int8), np.asarray((y >= 0).all(1)), tuple(names), ())


def lists(table: Table, column: str, separator: str, known: Sequence[str] = ()) -> Answers:
    """One column of lists such as `cat;bird`; an empty cell names no label.

    With `known` labels another one is an error. Raises ValueError that names the row and the label.
    """
    values = table.frame[known_column(table, column)]
    if kind_of(values) == "date":
        raise ValueError(f"Column {brief(column)} holds dates, not lists of labels. Choose another column.")
    codes, distinct = pd.factorize(values)
    written = [[part.strip() for part in str(value).split(separator)] for value in distinct]
    tokens = sorted({part for parts in written for part in parts if part})
    where = f"Column {brief(column)}"
    if len(tokens) > 20 * MAX_LABELS:
        raise ValueError(f"{where} has {len(tokens)} different labels; at most {MAX_LABELS} can be trained on. Join labels.")
    found = classes_of(tokens, na_words="class")
    of_token = {token: index for token, index in zip(tokens, found.index, strict=True) if index >= 0}
    names = list(found.names)
    if known:
        _check_known(table, column, codes, written, {t: names[i] for t, i in of_token.items()}, known)
        of_token = {token: list(known).index(names[index]) for token, index in of_token.items()}
        names = list(known)
    _check_number(names, where)
    table_of_lists = np.zeros((len(written) + 1, len(names)), dtype=np.int8)  # the last row is that of an empty cell
    for row, parts in enumerate(written):
        table_of_lists[row, [of_token[part] for part in parts if part in of_token]] = 1
    y = table_of_lists[codes]
    notices = list(found.notices) + _odd_labels(table, column, y, names)
    if empty := int((y.sum(1) == 0).sum()):
        notices.append(
            f"{where}: {empty} {'row has' if empty == 1 else 'rows have'} an empty list, read as none of the labels."
        )
    return Answers(y, np.ones(len(y), dtype=bool), tuple(names), tuple(notices))


def _check_number(names: Sequence[str], where: str = "The labels") -> None:
    if len(names) < 2:
        came = f"one: {brief(names[0])}" if names else "none"
        raise ValueError(f"{where}: expected at least two labels, got {came}. Ask a single one as a class per row.")
    if len(names) > MAX_LABELS:
        raise ValueError(
            f"{where}: expected at most {MAX_LABELS} labels, got {len(names)}. Join labels, or leave rare ones out."
        )


def _check_known(
    table: Table, column: str, codes: npt.NDArray[np.int64], written: list[list[str]], names: dict[str, str],
    known: Sequence[str],
) -> None:  # fmt: skip
    """Raises ValueError that names the first row with a label that the experiment does not have."""
    strange = {token for token, name in names.items() if name not in known}
    for code, parts in enumerate(written):
        for part in parts:
            if part in strange:
                row = table.row(int((codes == code).argmax()))
                close = get_close_matches(part, list(known), 1)
                meant = f" Did you mean {brief(close[0])}?" if close else ""
                raise ValueError(
                    f"Column {brief(column)}, row {row} has the label {brief(part)}, which is not one of "
                    f"{listed(list(known))}.{meant} Correct it, or start a new experiment with this file."
                )


def _odd_labels(table: Table, column: str, y: npt.NDArray[np.int8], names: list[str]) -> list[str]:
    """A label that occurs once and is spelt nearly like another may be a slip."""
    counts = y.sum(0, dtype=np.int64)
    notices = []
    for label, name in enumerate(names):
        others = [other for own, other in enumerate(names) if own != label and counts[own] > 1]
        if counts[label] == 1 and (close := get_close_matches(name, others, 1, 0.75)):
            row = table.row(int(y[:, label].argmax()))
            notices.append(f"Label {brief(name)} occurs in row {row} only; perhaps {brief(close[0])} was meant.")
    return notices[:6]


def check_some_yes(answers: Answers) -> list[str]:
    """Notices about labels that are rarely or never a yes. Raises ValueError when all answers are no, or all yes."""
    said = answers.y[answers.answered]
    counts = said.sum(0, dtype=np.int64)
    if not counts.any() or (counts == len(said)).all():
        came = "no" if not counts.any() else "yes"
        raise ValueError(
            f"Expected some rows with a yes and some with a no, but every answer to {listed(answers.names)} is {came}. "
            "There is nothing to learn: choose other columns."
        )
    none = [name for name, n in zip(answers.names, counts, strict=True) if n == 0]
    few = [f"{brief(name)} ({n})" for name, n in zip(answers.names, counts, strict=True) if 0 < n < FEWEST_YES]
    notices = [f"No row says yes to {listed(none)}: its weight is 0, and its recall reads “no rows”."] if none else []
    return notices + ([f"Too few yeses for training, validation and test alike: {', '.join(few[:6])}."] if few else [])


def strata_of(y: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """What a split is to divide evenly: of each row its rarest label, or that it has none."""
    counts = y.sum(0, dtype=np.int64)
    rank = np.argsort(np.argsort(counts, kind="stable"), kind="stable")  # 0: the rarest
    return np.where(y.any(1), np.where(y > 0, rank, len(counts)).min(1), len(counts)).astype(np.int64)
