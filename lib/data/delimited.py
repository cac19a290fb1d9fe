"""Text whose dialect is known -> an Arrow table, by pyarrow's parser; and why a file cannot be parsed, by row."""

import pyarrow as pa
import pyarrow.csv as pa_csv

from lib.data.binary import check_size
from lib.data.dialect import DELIMITERS, Dialect
from lib.memory import size
from lib.registry import brief

NULLS = [
    "",
    "NA",
    "N/A",
    "n/a",
    "nan",
    "NaN",
    "NAN",
    "-nan",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "<NA>",
    "NULL",
    "null",
    "None",
    "?",
]
BLOCK = 4 << 20  # bytes that one thread parses at a time; a row may not be longer than two of them


def read_text(text: bytes, dialect: Dialect) -> pa.Table:
    """Parse with all cores. Blank lines at the end are no rows; blank lines inside are rows of missing values.

    Raises ValueError that names the row where cells are missing or too many, or a quote is left open.
    """
    end = len(text)
    while end > dialect.offset and text[end - 1] in b"\r\n \x1a":
        end -= 1
    head = text[dialect.offset : min(end, dialect.offset + (1 << 20))]
    rows_in_head = head.count(b"\n") + 1
    check_size((end - dialect.offset) * rows_in_head // max(len(head), 1), len(dialect.names))
    source = pa.py_buffer(text).slice(dialect.offset, end - dialect.offset)
    if len(head) == len(source) and rows_in_head == 1 and b"\r" not in head:
        source = pa.py_buffer(head + b"\n")  # pyarrow wants the end of a lonely line
    try:
        table = _read_csv(source, dialect, quotes=b'"' in text)
    except (pa.ArrowException, UnicodeError, OSError) as error:
        raise ValueError(_what_is_wrong(source, dialect, error)) from None
    if text.count(b'"') % 2 and table.num_rows:
        _refuse_open_quote(table, dialect)
    return table


def _read_csv(
    source: pa.Buffer, dialect: Dialect, *, quotes: bool, bad_rows: list[pa_csv.InvalidRow] | None = None
) -> pa.Table:
    """With `bad_rows`, on one thread: only then does pyarrow number the rows that it hands over.

    The fast way takes no Python callback: a worker that lets go of one while the interpreter exits aborts the process.
    """

    def stop(row: pa_csv.InvalidRow) -> str:
        bad_rows.append(row)  # type: ignore[union-attr]
        return "error"

    return pa_csv.read_csv(
        pa.BufferReader(source),
        read_options=pa_csv.ReadOptions(
            use_threads=bad_rows is None, block_size=BLOCK, autogenerate_column_names=not dialect.header
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=dialect.delimiter,
            newlines_in_values=quotes,
            ignore_empty_lines=False,
            invalid_row_handler=None if bad_rows is None else stop,
        ),
        convert_options=pa_csv.ConvertOptions(null_values=NULLS, decimal_point=dialect.decimal, check_utf8=False),
    )


def _what_is_wrong(source: pa.Buffer, dialect: Dialect, error: Exception) -> str:
    """The sentence for a file that pyarrow refuses: read again, slowly, to learn the row."""
    bad_rows: list[pa_csv.InvalidRow] = []
    try:
        _read_csv(source, dialect, quotes=True, bad_rows=bad_rows)
    except (pa.ArrowException, UnicodeError, OSError):
        pass
    columns = len(dialect.names)
    if bad_rows:
        number, came, text = dialect.first_line - 1 + bad_rows[0].number, bad_rows[0].actual_columns, bad_rows[0].text
        sign = DELIMITERS.get(dialect.delimiter, brief(dialect.delimiter))
        remedy = "Close the quote" if '"' in text else "Add the missing cells, put text that contains the delimiter in quotes"
        return (
            f"Expected {columns} cells in every row, as in the first; row {number} has {came}: {brief(text)}. "
            f"{remedy}, or choose another delimiter than {sign}."
        )
    if "straddl" in str(error):
        return f"Expected rows of at most {size(BLOCK)}, one is longer. A quote may be left open, or line breaks are missing."
    return f"Expected a table as text; it cannot be read ({brief(str(error).splitlines()[0])}). Save it again as CSV (UTF-8)."


def _refuse_open_quote(table: pa.Table, dialect: Dialect) -> None:
    """With an odd number of quotes, one that swallowed the rest of the file shows as a line break in the last row."""
    for column in table.columns:
        last = column[-1].as_py() if pa.types.is_string(column.type) else ""
        if "\n" in last or "\r" in last:
            number = dialect.first_line + int(dialect.header) + table.num_rows - 1
            raise ValueError(
                f"Expected every quote to be closed; the one opened in row {number}, {brief(last)}, never is. "
                "Close it, or remove the quote, and upload again."
            )
