"""What a text file is written in: encoding, delimiter, decimal sign, header. And which files are no text at all.

Everything is found out from the first 256 kB; only the encoding looks at every byte.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

from lib.data.labels import is_number
from lib.registry import brief

SAMPLE = 256 * 1024  # bytes, and rows, that are looked at
SAMPLE_ROWS = 2000
MAX_COLUMNS = 2000
DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma", " ": "space"}  # the first wins a tie
ENCODINGS = ("utf-8", "utf-16", "utf-32", "cp1252", "latin-1", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256",
             "shift_jis", "euc_jp", "euc_kr", "gb18030", "big5", "mac_roman")  # fmt: skip

MARKS = (  # first bytes, what it is, what to do
    (
        b"PK\x03\x04",
        "a ZIP archive (Excel .xlsx and .npz files are such archives)",
        "unpack it, or save the sheet as CSV",
    ),
    (b"PK\x05\x06", "an empty ZIP archive", "upload the table itself as CSV"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"BZh", "compressed with bzip2", "unpack it first"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "open it and save the sheet as CSV"),
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"\x89PNG", "a picture", "upload a table"),
    (b"\xff\xd8\xff", "a picture", "upload a table"),
    (b"GIF8", "a picture", "upload a table"),
    (b"SQLite format 3", "an SQLite database", "export one table as CSV"),
    (b"\x89HDF", "an HDF5 file", "save the table as CSV or Parquet"),
    (b"ARROW1", "a Feather (Arrow) file", "save the table as CSV or Parquet"),
    (b"ORC", "an ORC file", "save the table as CSV or Parquet"),
    (b"{\\rtf", "a rich-text document", "save the table as CSV"),
    (b"\x7fELF", "a program", "upload a table"),
    (b"MZ\x90", "a program", "upload a table"),
)
PICKLE = re.compile(rb"\x80[\x02-\x05](\x95.{8}|[\]}c(K])", re.DOTALL)
HTML = re.compile(rb"\s*<(!doctype\s+html|html|head|body|\?xml)[\s>]", re.IGNORECASE)
JSON = re.compile(rb"\s*(\{\s*\"|\[\s*[\[{])")
EXCEL_SEPARATOR = re.compile(rb"sep=([,;\t|])\r?\n", re.IGNORECASE)
BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"))  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """How to read the text: it starts at byte `offset`, which is line `first_line` (1-based) of the file."""

    delimiter: str
    decimal: str
    header: bool
    names: tuple[str, ...]  # of the first row, as written; as many as there are columns
    offset: int
    first_line: int
    notices: tuple[str, ...]


def refuse_foreign(data: bytes) -> None:
    """Raises ValueError, with what to do, when the bytes are a known format that is not a table of text."""
    head = data[:64]
    for mark, kind, remedy in MARKS:
        if head.startswith(mark):
            raise ValueError(f"Expected a table as CSV, TSV, TXT, Parquet or NPY; the file is {kind}: {remedy}.")
    if PICKLE.match(head):
        raise ValueError(
            "Expected a table as CSV, TSV, TXT, Parquet or NPY; the file is a Python pickle. "
            "A pickle can run programs and is never opened: save the table as CSV or Parquet."
        )
    if HTML.match(data[:1024]):
        raise ValueError(
            "Expected a table as CSV, TSV, TXT, Parquet or NPY; the file is a web page (HTML or XML), "
            "perhaps a login page that was saved instead of the download: download the table itself."
        )
    if JSON.match(data[:1024]):
        raise ValueError("Expected a table as CSV, TSV, TXT, Parquet or NPY; the file is JSON: save the table as CSV.")


def to_utf8(data: bytes, encoding: str = "") -> tuple[bytes, str, tuple[str, ...]]:
    """The text as UTF-8 without byte-order mark, its encoding as Python names it, and what there is to say about that.

    Raises ValueError when the bytes are not text in that encoding.
    """
    marked = next((name for bom, name in BOMS if data.startswith(bom)), "")
    notices: tuple[str, ...] = ()
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    if encoding:
        text = _recode(data, name)
    elif marked != "utf-8-sig" and (name := marked or _wide(data)):
        text, notices = _recode(data, name), (f"The text is {name.upper()}.",)
    elif data.isascii():
        text, name = data, "utf-8"
    else:
        text, name, notices = _narrow(data.removeprefix(b"\xef\xbb\xbf"))
        name = marked or name
    if (position := text.find(b"\0")) >= 0:
        line = text.count(b"\n", 0, position) + 1
        raise ValueError(
            f"Expected text, found a NUL byte in line {line}: the file is not text, or is damaged there. "
            "Save the table again as CSV (UTF-8)."
        )
    return text, name, notices


def _narrow(data: bytes) -> tuple[bytes, str, tuple[str, ...]]:
    try:
        for start in range(0, len(data), 1 << 24):  # pieces, so that no second copy of the whole file is made
            _check_utf8(data, start)
        return data, "utf-8", ()
    except UnicodeDecodeError:
        pass
    for name in ("cp1252", "latin-1"):
        try:
            recoded = data.decode(name).encode()
        except UnicodeDecodeError:
            continue
        return recoded, name, (f"The file is not UTF-8; it was read as {name} (Western European). "
                         "If letters look wrong, choose its encoding or save it as UTF-8.",)  # fmt: skip
    raise AssertionError("latin-1 decodes any bytes")


def _check_utf8(data: bytes, start: int) -> None:
    """Raises UnicodeDecodeError if the 16 MB from `start` are not UTF-8; characters on the borders belong to one piece."""
    end = min(start + (1 << 24), len(data))
    while start < end and start > 0 and data[start] & 0xC0 == 0x80:
        start += 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    data[start:end].decode()


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: every other byte of Western text is zero."""
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) < 4 or max(even, odd) < 0.4 * len(head) / 2 or min(even, odd) > 0.05 * len(head):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _recode(data: bytes, encoding: str) -> bytes:
    try:
        return data.decode(encoding).encode()
    except UnicodeError as error:
        where = getattr(error, "start", 0)
        line = data.count(b"\n", 0, where) + 1
        raise ValueError(
            f"Expected {encoding} text, found bytes that are not in line {line}. Choose another encoding, "
            "or save the file again as UTF-8."
        ) from None


def sniff(text: bytes, *, delimiter: str = "", decimal: str = "", header: str = "") -> Dialect:
    """Find out what was not chosen. `header`: "yes", "no" or "" (find out). Raises ValueError on too many columns."""
    offset, first_line = _first_line(text)
    if told := EXCEL_SEPARATOR.match(text, offset):
        delimiter = delimiter or told.group(1).decode()
        offset, lines = _first_line(text, told.end())
        first_line += lines
    _refuse_wide(text, offset, delimiter)
    sample = _sample(text, offset)
    chosen = delimiter or _find_delimiter(sample)
    records = _records(sample, chosen)
    if not records:
        raise ValueError("Expected a header and rows, got an empty file. Upload a table with at least ten rows.")
    if delimiter and len(records[0]) == 1 and (better := _find_delimiter(sample)) and better != delimiter:
        columns = len(_records(sample, better)[0])
        if columns > 1:
            raise ValueError(
                f"Expected columns separated by {DELIMITERS.get(delimiter, brief(delimiter))}, got one column; "
                f"separated by {DELIMITERS[better]} there are {columns}. Choose {DELIMITERS[better]}, or let it be found out."
            )
    if decimal == "," == chosen:
        raise ValueError("Expected different signs, got the comma between columns and as decimal comma. Choose one of the two.")
    sign = decimal or _find_decimal(records, chosen)
    named = _has_header(records, sign) if not header else header == "yes"
    notices = []
    if not delimiter and len(records[0]) > 1 and chosen != ",":
        notices.append(f"Columns are separated by {DELIMITERS[chosen]}.")
    if sign == "," and not decimal:
        notices.append("The comma is read as decimal comma (1,5 is one and a half).")
    if not named and not header:
        notices.append("The first row looks like data, not like names: the columns are numbered.")
    return Dialect(chosen, sign, named, tuple(records[0]), offset, first_line, tuple(notices))


def _first_line(text: bytes, start: int = 0) -> tuple[int, int]:
    """Where the first line with something in it begins, and its number counted from `start`."""
    found = re.compile(rb"\S").search(text, start)
    end = found.start() if found else len(text)
    begin = max(text.rfind(b"\n", start, end), text.rfind(b"\r", start, end)) + 1 or start
    blank = text[start:begin]
    return begin, 1 + blank.count(b"\n") + blank.replace(b"\r\n", b"").count(b"\r")


def _refuse_wide(text: bytes, offset: int, delimiter: str) -> None:
    end = re.compile(rb"[\r\n]").search(text, offset)
    line = text[offset : end.start() if end else len(text)]
    for candidate in [delimiter] if delimiter else [",", ";", "\t", "|"]:
        columns = line.count(candidate.encode()) + 1
        if columns > MAX_COLUMNS:
            raise ValueError(
                f"Expected at most {MAX_COLUMNS} columns, the first line has {columns}. "
                "Keep the label and the columns that matter, and upload again."
            )


def _sample(text: bytes, offset: int) -> str:
    piece = text[offset : offset + SAMPLE]
    if len(text) - offset > SAMPLE and (cut := piece.rfind(b"\n")) > 0:
        piece = piece[: cut + 1]
    return piece.decode("utf-8", "replace")


def _records(sample: str, delimiter: str) -> list[list[str]]:
    """Rows of the sample; blank lines and what the csv module cannot read (a cell above 128 kB) are left out."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == SAMPLE_ROWS:
                break
    except csv.Error:
        if not rows:
            return [[sample[:100]]]
    return rows


def _find_delimiter(sample: str) -> str:
    """The delimiter that divides most rows into the same number of cells (more than one); a comma when none does."""
    best, best_share = ",", 0.5
    for candidate in DELIMITERS:
        rows = _records(sample, candidate)
        cells, often = Counter(len(row) for row in rows).most_common(1)[0] if rows else (0, 0)
        share = often / max(len(rows), 1)
        if cells < 2 or len(rows) < 2 and candidate == " ":
            continue
        if candidate == " " and not all(is_number(cell) for row in rows[1:50] for cell in row):
            continue  # words have spaces between them; only columns of numbers count as separated by spaces
        if share > best_share:
            best, best_share = candidate, share
    return best


def _find_decimal(records: list[list[str]], delimiter: str) -> str:
    if delimiter == ",":
        return "."
    comma = point = 0
    for row in records:
        for cell in row:
            comma += re.fullmatch(r"\s*[+-]?\d+,\d+\s*", cell) is not None
            point += re.fullmatch(r"\s*[+-]?\d+\.\d+\s*", cell) is not None
    return "," if comma > point else "."


def _has_header(records: list[list[str]], decimal: str) -> bool:
    """Whether the first row names the columns: words above numbers do, a word that comes again below does not."""
    first, below = [cell.strip() for cell in records[0]], records[1:500]

    def numeric(cell: str) -> bool:
        return is_number(cell.strip().replace(",", ".") if decimal == "," else cell.strip())

    columns = [[row[i].strip() for row in below if i < len(row) and row[i].strip()] for i in range(len(first))]
    if any(
        cell and not numeric(cell) and cells and all(map(numeric, cells)) for cell, cells in zip(first, columns, strict=True)
    ):
        return True
    if any(cell and cell in cells and not numeric(cell) for cell, cells in zip(first, columns, strict=True)):
        return False
    numbers = [float(cell.replace(",", ".")) for cell in first if numeric(cell)]
    counting = all(after == before + 1 for before, after in zip(numbers, numbers[1:], strict=False))
    return not numbers or (len(numbers) > 1 and counting)  # 0, 1, 2 or 2019, 2020: numbers that count are names
