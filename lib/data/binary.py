"""Tables that are not text: Parquet and NPY. Sizes are read from the header and checked before anything is allocated."""

import io
import struct

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lib.data.dialect import MAX_COLUMNS
from lib.memory import size, upload_budget
from lib.registry import brief

MAX_ROWS = 20_000_000
MAX_CELLS = 200_000_000
PARQUET, NPY = b"PAR1", b"\x93NUMPY"


def check_size(rows: int, columns: int, extra: int = 0) -> None:
    """Raises ValueError that names the limit. `extra` are bytes that reading takes besides 8 for each cell."""
    if columns > MAX_COLUMNS:
        raise ValueError(f"Expected at most {MAX_COLUMNS} columns, got {columns}. Keep the ones that matter and upload again.")
    if rows > MAX_ROWS:
        raise ValueError(f"Expected at most {MAX_ROWS} rows, got {rows}. Upload a random part of the rows.")
    cells = min(MAX_CELLS, upload_budget() // 16)  # 8 bytes for each cell, twice while the table is built
    if rows * columns > cells:
        raise ValueError(
            f"Expected at most {cells} cells, got {rows} rows x {columns} columns = {rows * columns}. "
            "Upload fewer columns or a random part of the rows."
        )
    if extra > upload_budget():
        raise ValueError(
            f"Expected a table that takes at most {size(upload_budget())} of memory to read, this one says {size(extra)}. "
            "Upload fewer columns or a random part of the rows."
        )


def read_parquet(data: bytes) -> tuple[pa.Table, tuple[str, ...]]:
    """An Arrow table of the columns that hold one value in each cell, and notices.

    Raises ValueError when the file is damaged or too large.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        fields = list(file.schema_arrow)
        names = [field.name for field in fields]
        check_size(file.metadata.num_rows, max(file.metadata.num_columns, len(names)), _bytes(file.metadata))
        if len(set(names)) < len(names):
            raise ValueError("Expected columns with different names, two have the same. Rename one and upload again.")
        kept = [field.name for field in fields if _is_plain(field.type)]
        words = [field.name for field in fields if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=words)  # a text stored once stays stored once
        table = file.read(columns=kept if len(kept) < len(names) else None, use_pandas_metadata=False)
        _check_words(table)
        table.validate(full=True)
    except (pa.ArrowException, OSError, struct.error, UnicodeError) as error:
        raise ValueError(
            "Expected a Parquet file, but it cannot be read: it is cut off or damaged "
            f"({brief(str(error).splitlines()[0])}). Upload it again, or save the table as CSV."
        ) from None
    odd = [brief(name) for name in names if name not in kept]
    return table, (f"Left out: {', '.join(odd[:6])} (cells with lists, records or raw bytes).",) if odd else ()


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a cell is one number, truth value, time or text."""
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)
    times = pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind)
    return numbers or times or pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)


def _bytes(metadata: pq.FileMetaData) -> int:
    return sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))


def _check_words(table: pa.Table) -> None:
    """A long text that is stored once and repeated a million times must not be written out."""
    total = 0
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            for chunk in column.chunks:
                lengths = pc.binary_length(chunk.dictionary)
                total += pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0
    check_size(0, 0, 2 * total)


def read_npy(data: bytes) -> pa.Table:
    """A 1-D or 2-D array of numbers, booleans or text as a table; columns without names. Never unpickles."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_column, dtype = read(stream, max_header_size=10_000)
    except Exception:  # numpy hands on whatever Python's own parser and tokenizer raise
        raise ValueError("Expected an NPY file, its header cannot be read. Save it again with numpy.save.") from None
    if dtype.hasobject or dtype.kind not in "biufU":
        raise ValueError(
            f"Expected an array of numbers or text, got dtype {brief(str(dtype))}. Objects are never unpickled: save numbers."
        )
    if len(shape) not in (1, 2) or any(extent < 0 for extent in shape):
        raise ValueError(
            f"Expected an array [rows] or [rows, columns], got shape {brief(str(shape))}. Reshape it and save again."
        )
    rows, columns = shape[0], shape[1] if len(shape) == 2 else 1
    check_size(rows, columns)
    body = data[stream.tell() :]
    if rows * columns * dtype.itemsize != len(body):
        raise ValueError(
            f"Expected {rows * columns * dtype.itemsize} bytes for shape {shape}, the file has {len(body)}: "
            "it is cut off or damaged. Save it again with numpy.save."
        )
    if dtype.itemsize == 0:
        raise ValueError("Expected an array of numbers or text, got texts of length 0. Save the labels again.")
    array = np.frombuffer(body, dtype).reshape((rows, columns), order="F" if by_column else "C")
    native = array.astype(dtype.newbyteorder("="), copy=False)
    return pa.table([_arrow(native[:, i]) for i in range(columns)], names=[""] * columns)


def _arrow(column: np.ndarray) -> pa.Array:
    if column.dtype.kind == "f" and column.dtype.itemsize not in (4, 8):
        column = column.astype(np.float64)
    return pa.array(column.tolist() if column.dtype.kind == "U" else np.ascontiguousarray(column))
