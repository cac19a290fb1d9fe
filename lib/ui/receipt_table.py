"""The batch as two tables that a visitor edits: rows, and classes with their weights. Classes go by name."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from lib.receipt import Batch
from lib.receipt.batch import MAX_COLUMNS, MAX_LINES
from lib.registry import brief

IGNORED = "(ignored)"
TARGET, ROW_WEIGHT = "target", "row weight"


def columns_of(batch: Batch) -> tuple[list[str], list[str]]:
    """Names of the input columns and of the target columns."""
    sign = "z" if batch.given == "logits" else "p"
    targets = [TARGET] if batch.indexed else [f"y {name}" for name in batch.names]
    return [f"{sign} {name}" for name in batch.names], targets


def rows_frame(batch: Batch) -> pd.DataFrame:
    """One line per row (or place): inputs, targets, row weight."""
    inputs, targets = columns_of(batch)
    frame = pd.DataFrame([list(row) for row in batch.inputs], columns=inputs, dtype=float)
    if batch.indexed:
        frame[TARGET] = [IGNORED if name is None else name for name in batch.class_targets]
    else:
        frame[targets] = [[math.nan if cell is None else cell for cell in row] for row in batch.number_targets]
    frame[ROW_WEIGHT] = list(batch.row_weight or (1.0,) * batch.lines)
    return frame


def read_rows(frame: pd.DataFrame, batch: Batch) -> Batch:
    """The batch with the rows as edited. Raises ValueError that names the cell."""
    inputs, targets = columns_of(batch)
    if len(frame) > MAX_LINES:
        raise ValueError(f"A receipt has at most {MAX_LINES} lines, got {len(frame)}.")
    weights = tuple(_number(value, f"Row {i}, {ROW_WEIGHT}", 1.0) for i, value in enumerate(frame[ROW_WEIGHT], start=1))
    changed: dict[str, Any] = {
        "inputs": tuple(
            tuple(_number(value, f"Row {i}, {name}") for name, value in zip(inputs, row, strict=True))
            for i, row in enumerate(frame[inputs].itertuples(index=False), start=1)
        ),
        "row_weight": weights if any(w != 1 for w in weights) else (),
    }
    if batch.indexed:
        changed["targets"] = tuple(
            None if name == IGNORED else _text(name, f"Row {i}, target") for i, name in enumerate(frame[TARGET], start=1)
        )  # fmt: skip
    else:
        changed["targets"] = tuple(
            tuple(None if pd.isna(value) else float(value) for value in row) for row in frame[targets].itertuples(index=False)
        )
    return dataclasses.replace(batch, **changed)


def classes_frame(batch: Batch) -> pd.DataFrame:
    """One line per class or label: name, weight, and pos_weight where the criterion has one."""
    size = len(batch.names)
    frame = pd.DataFrame({"class": list(batch.names), "weight": list(batch.weight or (1.0,) * size)})
    if batch.record.pos_weight:
        frame["pos_weight"] = list(batch.pos_weight or (1.0,) * size)
    return frame


def read_classes(frame: pd.DataFrame, batch: Batch) -> Batch:
    """The batch with classes as edited: renamed, added (logit 0) or left out, in the order of the table.

    The frame's index says which class of the batch a line was. Raises ValueError that names the cell.
    """
    if not 1 <= len(frame) <= MAX_COLUMNS:
        raise ValueError(f"A receipt has 1 to {MAX_COLUMNS} classes, got {len(frame)}.")
    names = tuple(_text(name, f"Class {i}: its name") for i, name in enumerate(frame["class"], start=1))
    changed: dict[str, Any] = {"names": names}
    for word in ("weight", "pos_weight"):
        if word in frame:
            values = tuple(_number(v, f"Class {i}, {word}", 1.0) for i, v in enumerate(frame[word], start=1))
            changed[word] = values if any(v != 1 for v in values) else ()
    origins = [int(index) if int(index) < len(batch.names) else None for index in frame.index]
    if origins != list(range(len(batch.names))) or names != batch.names:
        changed |= _moved(batch, names, origins)
    return dataclasses.replace(batch, **changed)


def _moved(batch: Batch, names: tuple[str, ...], origins: Sequence[int | None]) -> dict[str, Any]:
    """Inputs and targets for other classes; `origins` are the columns that they come from."""
    fresh = 0.0 if batch.given == "logits" else 1e-3
    rows = [tuple(fresh if o is None else row[o] for o in origins) for row in batch.inputs]
    if batch.given == "probabilities" and not batch.record.yes_no:
        rows = [tuple(value / sum(row) for value in row) for row in rows]
    if not batch.indexed:
        targets: Any = tuple(tuple(0.0 if o is None else row[o] for o in origins) for row in batch.number_targets)
        return {"inputs": tuple(rows), "targets": targets}
    renamed = {batch.names[o]: name for name, o in zip(names, origins, strict=True) if o is not None}
    lost = sorted({name for name in batch.class_targets if name is not None and name not in renamed})
    if lost:
        raise ValueError(f"{brief(lost[0])} is still the target of a row. Change those targets first.")
    return {"inputs": tuple(rows), "targets": tuple(None if n is None else renamed[n] for n in batch.class_targets)}


def _number(value: Any, what: str, default: float | None = None) -> float:
    if value is None or pd.isna(value):
        if default is None:
            raise ValueError(f"{what} is empty: expected a number.")
        return default
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{what}: expected a number, got {brief(value)}.") from None


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} is empty.")
    return value.strip()


def edit_rows(batch: Batch, first: pd.DataFrame, key: str) -> pd.DataFrame:
    """The table of rows; `first` is what it started with."""
    inputs, targets = columns_of(batch)
    config: dict[str, Any] = {name: st.column_config.NumberColumn(format="%.6g") for name in (*inputs, ROW_WEIGHT)}
    if batch.indexed:
        offered = [*batch.names, *([IGNORED] if batch.record.dense else [])]
        config[TARGET] = st.column_config.SelectboxColumn(options=offered, required=True)
    else:
        config |= {name: st.column_config.NumberColumn(min_value=0.0, max_value=1.0, format="%.6g") for name in targets}
    return st.data_editor(
        first, key=key, column_config=config, num_rows="dynamic", hide_index=True, width="stretch",
        height=min(2 + 33 * (len(first) + 2), 300),
    )  # fmt: skip


def edit_classes(batch: Batch, first: pd.DataFrame, key: str) -> pd.DataFrame:
    """The table of classes and weights; `first` is what it started with."""
    config: dict[str, Any] = {
        "class": st.column_config.TextColumn("label" if batch.record.yes_no else "class", required=True, width=62),
        "weight": st.column_config.NumberColumn("weight", format="%.6g", width=56),
        "pos_weight": st.column_config.NumberColumn("pos_weight", format="%.6g", width=74),
    }
    return st.data_editor(first, key=key, column_config=config, num_rows="dynamic", hide_index=True, width="stretch")
