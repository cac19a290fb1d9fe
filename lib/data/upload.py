"""Bytes of a stranger's file -> a parsed table. Nothing is executed and nothing of the raw bytes is kept.

CSV, TSV, TXT, Parquet and NPY, told apart by their content. Text is parsed by pyarrow, the fastest engine that pandas has.
In columns of numbers an empty cell, NA, nan, null, None and ? are missing; in columns of text only an empty cell is: there
"NA" may be Namibia. Rows stay where they are in the file: a blank line is a row in which everything is missing.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lib.data import binary
from lib.data.delimited import read_text
from lib.data.dialect import DELIMITERS, ENCODINGS, refuse_foreign, sniff, to_utf8
from lib.data.labels import NAME_LENGTH, LabelCounts, count_labels, plain, unique
from lib.memory import size, upload_budget
from lib.registry import Param, brief

READ_PARAMS = (
    Param("delimiter", "", "", help="What stands between columns; empty: found out.", choices=("", *DELIMITERS)),
    Param("decimal", "", "", help="The decimal sign; empty: found out.", choices=("", ".", ",")),
    Param("encoding", "", "", help="The encoding of the text; empty: found out.", choices=("", *ENCODINGS)),
    Param("header", "", "", help="Whether the first row names the columns; empty: found out.", choices=("", "yes", "no")),
)
PEAK = 5  # measured peak of reading a CSV, in multiples of the file (tests/benchmarks/upload.py)


@dataclass(frozen=True)
class Reading:
    """How a file was read: what was chosen and what was found out. `above`: lines above the header, or the first row."""

    kind: Literal["text", "parquet", "npy"] = "text"
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    header: bool = True
    above: int = 0


@dataclass(frozen=True, eq=False)
class Table:
    """What was read. `frame` row i is row `first_row + i` of the file, counted as a spreadsheet does: the header is row 1.

    `asked` are the values of READ_PARAMS that the visitor chose, so that the same reading can be asked for again.
    """

    name: str
    sha256: str
    frame: pd.DataFrame
    notices: tuple[str, ...] = ()
    first_row: int = 1
    asked: tuple[str, str, str, str] = ("", "", "", "")
    reading: Reading = Reading()

    @cached_property
    def nbytes(self) -> int:
        """Bytes of the frame."""
        return int(self.frame.memory_usage().sum())

    def row(self, index: int) -> int:
        """The number, for a message, of a frame row."""
        return self.first_row + int(index)

    def rows_are(self, rows: npt.NDArray[np.int64]) -> str:
        """`rows 3, 7 and 12 more are` as the file counts them."""
        shown = ", ".join(str(self.row(row)) for row in rows[:5])
        if len(rows) == 1:
            return f"row {shown} is"
        return f"rows {shown} are" if len(rows) <= 5 else f"rows {shown} and {len(rows) - 5} more are"


@dataclass(frozen=True)
class _Parsed:
    table: pa.Table
    notices: tuple[str, ...]
    first_row: int
    reading: Reading


def read_table(
    name: str, data: bytes, *, delimiter: str | None = None, decimal: str | None = None,
    encoding: str | None = None, header: str | None = None,
) -> Table:  # fmt: skip
    """Parse a file. What is None (or "") is found out and, where it is not plain CSV, said in `notices`.

    Raises ValueError that says what was expected, what came and what to do.
    """
    given = (delimiter or "", decimal or "", encoding or "", header or "")
    for param, value in zip(READ_PARAMS, given, strict=True):
        param.check(value)
    safe = file_name(name)
    parsed = _parse(safe, data, *given)
    table, renamed = _name_columns(parsed.table)
    notices, first_row, reading = (*parsed.notices, *renamed), parsed.first_row, parsed.reading
    del parsed
    frame = _to_pandas(table)
    del table
    if len(data) > upload_budget() // 100:  # what parsing took would stay with the process, for the next parse
        pa.default_memory_pool().release_unused()
    return Table(safe, hashlib.sha256(data).hexdigest(), frame, notices, first_row, given, reading)


def read_labels(name: str, data: bytes, *, na_words: str = "class") -> LabelCounts:
    """Count the labels of a file that has one column. Raises ValueError when it has more, or no two classes.

    The counting is done on the parsed column itself, without a table: 10 million labels in a fifth of a second.
    """
    parsed = _parse(file_name(name), data, "", "", "", "")
    if parsed.table.num_columns != 1:
        raise ValueError(
            f"Expected a file with one column of labels, got {parsed.table.num_columns} columns. "
            "Read it as a table and choose which column is the label."
        )
    tally = pc.value_counts(_plain_type(parsed.table.column(0)))
    counts = tally.field("counts").to_pylist()
    values = ["" if value is None else value for value in tally.field("values").to_pylist()]
    found = count_labels(values, counts, na_words=na_words)
    return LabelCounts(found.names, found.counts, (*parsed.notices, *found.notices), found.missing)


def file_name(name: str) -> str:
    """The last part of a path, as one short line of plain text; the ending is kept."""
    stem, dot, ending = re.split(r"[/\\]", name)[-1].rpartition(".")
    if not dot or len(ending) > 8:
        return plain(stem + dot + ending).strip(". ") or "upload"
    return (plain(stem, NAME_LENGTH - 1 - len(ending)).strip(". ") or "upload") + (f".{plain(ending)}" if ending else "")


def _parse(name: str, data: bytes, delimiter: str, decimal: str, encoding: str, header: str) -> _Parsed:
    if not data:
        raise ValueError("Expected a header and rows, got an empty file. Upload a table with at least ten rows.")
    if len(data) * (1 if data[:4] == binary.PARQUET else PEAK) > upload_budget():
        raise ValueError(
            f"Expected a file of at most {size(upload_budget() // PEAK)}, got {size(len(data))}. "
            "Upload fewer columns or a random part of the rows, or run the dashboard on a machine with more memory."
        )
    if data.startswith(binary.PARQUET):
        table, notices = binary.read_parquet(data)
        return _checked(_Parsed(table, notices, 1, Reading("parquet")))
    if data.startswith(binary.NPY):
        notices = ("NPY arrays have no names: the columns are numbered.",)
        return _checked(_Parsed(binary.read_npy(data), notices, 1, Reading("npy")))
    refuse_foreign(data)
    for ending, kind in ((".parquet", "PAR1"), (".npy", "\\x93NUMPY")):
        if name.lower().endswith(ending):
            raise ValueError(
                f"Expected a {ending} file, which begins with {kind}; this one does not. Rename it, or save it again."
            )
    text, written_in, notes = to_utf8(data, encoding)
    dialect = sniff(text, delimiter=delimiter, decimal=decimal, header=header)
    table = read_text(text, dialect)
    if dialect.header and not header and _occurs_below(dialect.names, table):
        dialect = sniff(text, delimiter=delimiter, decimal=decimal, header="no")
        table = read_text(text, dialect)
    if not dialect.header:
        table = table.rename_columns([""] * table.num_columns)
    first_row = dialect.first_line + int(dialect.header)
    reading = Reading("text", written_in, dialect.delimiter, dialect.decimal, dialect.header, dialect.first_line - 1)
    return _checked(_Parsed(table, notes + dialect.notices, first_row, reading))


def _occurs_below(names: tuple[str, ...], table: pa.Table) -> bool:
    """A file of labels whose first row comes again, if only below what `sniff` has seen: it is a label, not a name."""
    column = table.column(0)
    return len(names) == 1 and pa.types.is_string(column.type) and bool(pc.any(pc.equal(column, names[0])).as_py())


def _checked(parsed: _Parsed) -> _Parsed:
    if parsed.table.num_columns == 0:
        raise ValueError("Expected at least one column, got none. Upload a table with a column of labels.")
    if parsed.table.num_rows == 0:
        raise ValueError("Expected rows below the header, got a header alone. Upload a table with at least ten rows.")
    return parsed


def _name_columns(table: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """Every column gets a name of its own: plain text, at most 80 characters."""
    names = [plain(name) or f"column {i + 1}" for i, name in enumerate(table.column_names)]
    distinct = unique(names)
    notices = []
    twice = [brief(name) for name, own in zip(names, distinct, strict=True) if name != own]
    if twice:
        notices.append(f"These column names occur twice and were numbered: {', '.join(dict.fromkeys(twice[:6]))}.")
    return table.rename_columns(distinct), tuple(notices)


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    columns = [_empty_is_missing(_plain_type(column)) for column in table.columns]
    plain_table = pa.table(columns, names=table.column_names)
    return plain_table.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False, ignore_metadata=True)


def _plain_type(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers, booleans, timestamps and text; everything else is made one of these."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp(kind.unit))  # the time zone, which may be nonsense, is dropped
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("ms" if pa.types.is_date64(kind) else "s"))
    if pa.types.is_null(kind):
        return column.cast(pa.float64())
    return column if pa.types.is_string(kind) or pa.types.is_large_string(kind) else column.cast(pa.string())


def _empty_is_missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    empty = pc.equal(column, "")
    return pc.if_else(empty, pa.scalar(None, column.type), column) if pc.any(empty).as_py() else column
