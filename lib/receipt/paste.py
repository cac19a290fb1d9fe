"""Rows as text: one line per row, inputs first, then the target or targets, then perhaps a row weight."""

import dataclasses
import re
from typing import Any

from lib.receipt.batch import MAX_COLUMNS, MAX_LINES, MAX_NAME, Batch
from lib.registry import brief

LONGEST = 60_000
MISSING = ("", "-", "*", "ignored")


def pasted(text: str, batch: Batch) -> Batch:
    """The batch with the rows of a text. Cells stand apart by commas, semicolons, tabs or blanks; names may lead.

    Classes: `2.0, 0.5, -1.0, cat` with K inputs and a class name or its number; yes/no: K inputs, then K targets. One
    more number at the end is the row's weight. Raises ValueError that names the line.
    """
    if (count := text.count("\n") + 1) > MAX_LINES + 1 or len(text) > LONGEST:
        raise ValueError(f"A receipt has at most {MAX_LINES} lines, got {count} lines of {len(text)} characters.")
    lines = [_cells(line) for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("Nothing to read: expected one line per row, e.g. 2.0, 0.5, cat")
    header = lines.pop(0) if not _is_number(lines[0][0]) else None
    if not lines:
        raise ValueError("Only a line of names: expected rows of numbers below it.")
    wide = len(lines[0])
    yes_no = not batch.indexed
    columns = _columns(batch, wide, header)
    names = batch.names if columns == len(batch.names) else tuple(f"class {c}" for c in range(columns))
    if header and len(header) >= columns:
        names = tuple(name[:MAX_NAME] for name in header[:columns])
    targets_wide = columns if yes_no else 1
    inputs, targets, weights = [], [], []
    for number, cells in enumerate(lines, start=1 + bool(header)):
        if len(cells) != wide:
            raise ValueError(f"Line {number} has {len(cells)} cells, the first one {wide}.")
        inputs.append(tuple(_number(cell, number) for cell in cells[:columns]))
        own = cells[columns : columns + targets_wide]
        targets.append(tuple(_cell(cell, number) for cell in own) if yes_no else _class(own[0], names, number))
        weights.append(_number(cells[-1], number) if wide > columns + targets_wide else 1.0)
    changed: dict[str, Any] = {"names": names, "inputs": tuple(inputs), "targets": tuple(targets)}
    if names != batch.names and columns != len(batch.names):
        changed |= {"weight": (), "pos_weight": ()}
    if len(inputs) != batch.lines:
        changed["places"] = ()
    changed["row_weight"] = tuple(weights) if any(w != 1 for w in weights) else ()
    return dataclasses.replace(batch, **changed)


def _columns(batch: Batch, wide: int, header: list[str] | None) -> int:
    """K, of rows with `wide` cells: as the batch has it where that fits."""
    own = len(batch.names)
    each = 2 if not batch.indexed else 1
    needed = own * each + (0 if each == 2 else 1)
    if wide in (needed, needed + 1):
        return own
    columns = wide // 2 if each == 2 else wide - 1
    if not 1 <= columns <= MAX_COLUMNS:
        raise ValueError(f"Expected {needed} or {needed + 1} cells per line: {own} inputs, then targets; got {wide}.")
    return columns


def _cells(line: str) -> list[str]:
    """The cells of one line: by tabs, else semicolons, else commas, else blanks."""
    for mark in ("\t", ";", ","):
        if mark in line:
            return [cell.strip() for cell in line.strip().strip(mark).split(mark)]
    return re.split(r"\s+", line.strip())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, line: int) -> float:
    if not _is_number(text):
        raise ValueError(f"Line {line}: expected a number, got {brief(text)}.")
    return float(text)


def _cell(text: str, line: int) -> float | None:
    return None if text in MISSING else _number(text, line)


def _class(text: str, names: tuple[str, ...], line: int) -> str | None:
    """A class by its name or, where no class is called so, by its number."""
    if text in names:
        return text
    if text in MISSING or text == "-100":
        return None
    if text.isascii() and text.isdigit() and int(text) < len(names):
        return names[int(text)]
    raise ValueError(f"Line {line}: unknown class {brief(text)}; the classes are {', '.join(map(brief, names))}.")
