"""Files that a stranger may upload, each with what the visitor must read, or with what must come out.

Every file is made in code. `says` is a pattern of the message; None means that the file works up to a dataset, with
`classes`, and with a notice that matches `notice`.
"""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Hostile:
    key: str
    make: Callable[[], bytes]
    says: str | None = None
    classes: tuple[str, ...] | None = None
    notice: str = ""
    file: str = "table.csv"
    choose: dict[str, object] = field(default_factory=dict)


def csv(
    row: Callable[[int], str] = lambda i: f"{i * 0.5},{pet(i)}", header: str = "x,label", rows: int = 40, end: str = "\n"
) -> str:
    return end.join([header, *(row(i) for i in range(rows))]) + end


def pet(i: int) -> str:
    return "dog" if i % 4 == 0 else "cat"


def labelled(rare: str, header: str = "x,label") -> Callable[[], bytes]:
    """A good table in which one of two classes has this name."""
    return lambda: csv(lambda i: f"{i * 0.5},{rare if i % 4 == 0 else 'cat'}", header).encode()


def text(*arguments: Any, **options: Any) -> Callable[[], bytes]:
    return lambda: csv(*arguments, **options).encode()


def zipped(name: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * 50_000_000 if name == "bomb" else csv())
    return sink.getvalue()


def parquet(columns: dict[str, object], **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=True)
    return sink.getvalue()


def npy_claiming(header: str) -> bytes:
    text = header.encode() + b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * 64


def shape(extents: str) -> str:
    return f"{{'descr': '<f8', 'fortran_order': False, 'shape': {extents}, }}"


def repeated_text() -> bytes:
    """100 000 rows of one text of 1 MB: small on disk, 100 GB when written out."""
    dictionary = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, dtype=np.int32)), ["x" * 1_000_000])
    return parquet({"text": dictionary, "label": [pet(i) for i in range(100_000)]})


def blotted(data: bytes) -> bytes:
    return data[:100] + bytes(200) + data[300:]


def nested() -> bytes:
    return parquet({"x": [i * 0.5 for i in range(40)], "list": [[i] for i in range(40)], "label": [pet(i) for i in range(40)]})


PETS = ("cat", "dog")
CAT = ("dog", "cat")  # the rarer of two words is class 1; here the rare class sorts first

HOSTILE: tuple[Hostile, ...] = (
    # nothing there
    Hostile("empty", lambda: b"", "empty file"),
    Hostile("blank lines only", lambda: b"\r\n \n\n", "empty file"),
    Hostile("byte-order mark only", lambda: b"\xef\xbb\xbf", "empty file"),
    Hostile("header alone", lambda: b"x,label\n", "header alone"),
    Hostile("header without line end", lambda: b"x,label", "header alone"),
    Hostile("header and blank lines", lambda: b"x,label\n\n\n\n", "header alone"),
    Hostile("nine rows", lambda: csv(rows=9).encode(), "at least 10 rows with a label, got 9"),
    # something else
    Hostile("zip renamed", lambda: zipped("a.csv"), "ZIP archive.*unpack it, or save the sheet as CSV"),
    Hostile("xlsx renamed", lambda: zipped("xl/workbook.xml"), "ZIP archive.*Excel"),
    Hostile("zip bomb", lambda: zipped("bomb"), "ZIP archive"),
    Hostile("npz", lambda: zipped("a.npy"), "npz", file="a.npz"),
    Hostile("gzip", lambda: gzip.compress(csv().encode(), mtime=0), "gzip: unpack it first"),
    Hostile("bzip2", lambda: bz2.compress(csv().encode()), "bzip2"),
    Hostile("xz", lambda: lzma.compress(csv().encode()), "xz"),
    Hostile("old Excel", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "old Excel"),
    Hostile("PDF", lambda: b"%PDF-1.7\n%\xe2\xe3\n", "PDF document"),
    Hostile("PNG", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "picture"),
    Hostile("SQLite", lambda: b"SQLite format 3\0" + b"\0" * 100, "SQLite"),
    Hostile("pickle", lambda: pickle.dumps({"x": [1, 2]}), "pickle can run programs"),
    Hostile("old pickle", lambda: pickle.dumps({"x": [1, 2]}, protocol=2), "pickle"),
    Hostile("web page", lambda: b"<!DOCTYPE html>\n<html><body>Please log in</body></html>", "web page"),
    Hostile("JSON", lambda: json.dumps([{"x": 1, "label": "cat"}]).encode(), "JSON"),
    Hostile("random bytes", lambda: np.random.default_rng(0).bytes(5000), "NUL byte in line"),
    Hostile("NUL in a cell", lambda: csv().replace("19.5", "19\0").encode(), "NUL byte in line 41"),
    Hostile("text named parquet", text(), r"begins with PAR1; this one does not", file="t.parquet"),
    Hostile("text named npy", text(), r"begins with .*NUMPY", file="t.npy"),
    # encodings
    Hostile("latin-1", lambda: csv(lambda i: f"{i},{'Käse' if i % 4 else 'Wurst'}").encode("latin-1"), None,
            ("Käse", "Wurst"),
            "not UTF-8.*cp1252", choose={"features": ("x",)}),
    Hostile("UTF-8 with mark", lambda: csv().encode("utf-8-sig"), None, PETS),
    Hostile("UTF-16", lambda: csv().encode("utf-16"), None, PETS, "UTF-16"),
    Hostile("UTF-16 without mark", lambda: csv().encode("utf-16-le"), None, PETS, "UTF-16-LE"),
    Hostile("UTF-32", lambda: csv().encode("utf-32"), None, PETS, "UTF-32"),
    Hostile("UTF-16 cut in half", lambda: csv().encode("utf-16")[:-1], "utf-16 text, found bytes that are not in line 41"),
    # delimiters, lines, quotes
    Hostile("semicolons, decimal comma", text(lambda i: f"{i},5;{pet(i)}", "x;label"), None, PETS, "decimal comma"),
    Hostile("tabs", lambda: csv().replace(",", "\t").encode(), None, PETS, "separated by tab", file="t.tsv"),
    Hostile("bars", lambda: csv().replace(",", "|").encode(), None, PETS, "separated by bar"),
    Hostile("Excel's sep line", lambda: ("sep=;\r\n" + csv().replace(",", ";")).encode(), None, PETS),
    Hostile("old Macintosh lines", lambda: csv(end="\r").encode(), None, PETS),
    Hostile("old Macintosh lines, 6000 of them", text(rows=6000, end="\r"), None, PETS),
    Hostile("Windows lines", lambda: csv(end="\r\n").encode(), None, PETS),
    Hostile("blank lines inside", text(lambda i: f"{i}.5,{pet(i)}" + "\n" * (i == 4)), None, PETS, "Row 7 is blank"),
    Hostile("blank lines before", lambda: ("\n\n" + csv()).encode(), None, PETS),
    Hostile("ragged, too long", lambda: csv().replace("1.5,cat", "1.5,cat,9").encode(), "Expected 2 cells.*row 5 has 3"),
    Hostile("ragged, too short", lambda: csv().replace("1.5,cat", "1.5").encode(), "Expected 2 cells.*row 5 has 1"),
    Hostile("open quote", lambda: csv().replace("1.5,cat", '1.5,"cat', 1).encode(), "opened in row 5"),
    Hostile("quote closed too late", lambda: csv().replace("1.5,cat", '1.5,"cat').encode(), None, None,
            "contains a line break"),
    Hostile("line break in quotes", text(lambda i: f'{i}.5,"{pet(i)}\nbig"'), None, ("cat big", "dog big")),
    Hostile("inches", lambda: labelled('dog 5"')(), None, ("cat", 'dog 5"')),
    Hostile("one line of 9 MB", lambda: b"x,label\n1," + b"a" * 9_000_000 + b"\n", "longer|label"),
    Hostile("a billion commas' start", lambda: b"," * 3_000_000, "at most 2000 columns, the first line has 3000001"),
    # columns
    Hostile("50 000 columns", lambda: (",".join(f"c{i}" for i in range(50_000)) + "\n" + "1," * 49_999 + "1\n").encode(),
            "at most 2000 columns, the first line has 50000"),
    Hostile("the same name twice", text(lambda i: f"{i}.5,{i % 3}.5,{pet(i)}", "x,x,label"), None, PETS, "'x'"),
    Hostile("no names", text(lambda i: f"{i}.5,{pet(i)}", "0.1,cat"), None, PETS, "first row looks like data"),
    Hostile("empty names", text(lambda i: f"{i}.5,{pet(i)}", ",label"), None, PETS),
    Hostile("labels alone", text(pet, "label"), "at least one column to learn from; the file has labels alone"),
    Hostile("only ids", text(lambda i: f"{i},{pet(i)}"), r"left out are 'x' \(a different number in every row"),
    Hostile("only dates", text(lambda i: f"2024-01-{i % 28 + 1:02},{pet(i)}"), r"left out are 'x' \(dates"),
    Hostile("only constants", text(lambda i: f"7,{pet(i)}"), r"left out are 'x' \(the same in every row"),
    Hostile("missing everywhere", text(lambda i: f",{pet(i)}"), r"left out are 'x' \(no value in any row"),
    Hostile("infinite feature", text(lambda i: f"{'inf' if i == 3 else i / 2},{pet(i)}"), None, PETS, "Infinite.*'x'"),
    Hostile("1e300 feature", text(lambda i: f"{'1e300' if i == 3 else i / 2},{pet(i)}"), None, PETS, "larger than 1e30"),
    Hostile("hostile column name", lambda: labelled("dog", "<img src=x onerror=alert(1)>,label")(), None, PETS),
    Hostile("column name of 10 kB", lambda: labelled("dog", "x" * 10_000 + ",label")(), None, PETS),
    # labels
    Hostile("one class", text(lambda i: f"{i}.5,cat"), "at least two classes, got one: 'cat' in all 40 rows"),
    Hostile("no label value", text(lambda i: f"{i}.5,"), "'label' must have at least two classes, got no label",
            choose={"label": "label"}),
    Hostile("NaN labels", text(lambda i: f"{i}.5,{'' if i in (3, 5) else pet(i)}"),
            "'label' is the label, but rows 5, 7 are without one"),
    Hostile("NaN labels, dropped", text(lambda i: f"{i}.5,{'nan' if i in (3, 5) else pet(i)}"), None, PETS,
            "Rows 5, 7 are without a label and left out", choose={"missing_labels": "drop"}),
    Hostile("Namibia", lambda: labelled("NA")(), None, ("cat", "NA"), "label NA is read as a class of that name"),
    Hostile("id as label", text(lambda i: f"{i % 5}.5,{i + 1000}"),
            "'label' must be classes, got 40 rows that all differ, like an id", choose={"label": "label"}),
    Hostile("text id as label", text(lambda i: f"{i % 5}.5,u{i}"), "all differ, like an id", choose={"label": "label"}),
    Hostile("measurement as label", text(lambda i: f"{i % 5}.5,{i % 30}.25"),
            "30 different numbers such as 0.25, like a measurement", choose={"label": "label"}),
    Hostile("date as label", text(lambda i: f"{i % 5}.5,2024-01-{i % 9 + 1:02}"), "'label' holds dates",
            choose={"label": "label"}),
    Hostile("infinite label", text(lambda i: f"{i % 5}.5,{'inf' if i == 2 else i % 3}"), "row 4 is infinite",
            choose={"label": "label"}),
    Hostile("no such column", text(), "no column 'lable'.*Did you mean 'label'", choose={"label": "lable"}),
    Hostile("1000 classes", text(lambda i: f"{i % 7}.5,c{i % 1000}", rows=6000), None, None, choose={"label": "label"}),
    Hostile("1001 classes", text(lambda i: f"{i % 7}.5,c{i % 1001}", rows=6006), "2 to 1000 classes, got 1001",
            choose={"label": "label"}),
    Hostile("100 000 classes", text(lambda i: f"{i % 7}.5,c{i // 2}", rows=200_000), "2 to 1000 classes, got 100000",
            choose={"label": "label"}),
    Hostile("a class with one row", text(lambda i: f"{i % 7}.5,{'rare' if i == 7 else pet(i)}"), None,
            ("cat", "dog", "rare"), r"Too few rows.*'rare' \(1\)"),
    Hostile("formula", labelled("=1+1"), None, ("cat", "=1+1")),
    Hostile("formula that runs programs", labelled("=cmd|' /C calc'!A0"), None, ("cat", "=cmd|' /C calc'!A0")),
    Hostile("HTML", labelled("<img src=x onerror=alert(1)>"), None, ("cat", "<img src=x onerror=alert(1)>")),
    Hostile("Markdown picture", labelled("![x](http://x)"), None, ("cat", "![x](http://x)")),
    Hostile("Streamlit colour", labelled(":red[a]"), None, ("cat", ":red[a]")),
    Hostile("dollars", labelled("$\\alpha$"), None, ("cat", "$\\alpha$")),
    Hostile("path", labelled("../../etc/passwd"), None, ("cat", "../../etc/passwd")),
    Hostile("emoji", labelled("👩‍🔬🐕"), None, ("cat", "👩‍🔬🐕")),
    Hostile("right to left", labelled("כלב"), None, ("cat", "כלב")),
    Hostile("direction override", labelled("\u202egnp.exe"), None, ("cat", "gnp.exe")),
    Hostile("combining marks", labelled("Z" + "\u0301" * 200), None, None),
    Hostile("label of 10^6 characters", labelled("d" * 1_000_000), None, ("cat", "d" * 79 + "…"),
            "longer than 80 characters are shortened"),
    Hostile("one label of 10^6 characters", text(lambda i: f"{i}.5,{'d' * 10**6 if i == 7 else pet(i)}"), None,
            ("cat", "d" * 79 + "…", "dog"), "longer than 80 characters are shortened"),
    Hostile("capitals", text(lambda i: f"{i}.5,{('Cat', 'cat', 'dog')[i % 3]}"), None, ("Cat", "cat", "dog"),
            "differ only in capitals"),
    Hostile("blanks around labels", text(lambda i: f"{i}.5,{pet(i)}{' ' * (i % 2)}"), None, PETS, "blanks around them"),
    # weights
    Hostile("negative weight", text(lambda i: f"{i}.5,{-1 if i == 3 else 1},{pet(i)}", "x,w,label"),
            "'w' is the sample weight.*row 5 has -1", choose={"sample_weight": "w"}),
    Hostile("missing weight", text(lambda i: f"{i}.5,{'' if i == 3 else 1},{pet(i)}", "x,w,label"), "row 5 has no value",
            choose={"sample_weight": "w"}),
    Hostile("text as weight", text(lambda i: f"{i}.5,much,{pet(i)}", "x,w,label"),
            "'w' is the sample weight and must hold numbers", choose={"sample_weight": "w"}),
    Hostile("weights all 0", text(lambda i: f"{i}.5,0,{pet(i)}", "x,w,label"), "every weight is 0",
            choose={"sample_weight": "w"}),
    # Parquet and NPY
    Hostile("Parquet, cut off", lambda: parquet({"x": list(range(40))})[:-20], "cut off or damaged", file="t.parquet"),
    Hostile("Parquet, four bytes", lambda: b"PAR1", "cut off or damaged", file="t.parquet"),
    Hostile("Parquet, damaged inside", lambda: blotted(parquet({"x": [i / 3 for i in range(4000)]})), "cut off or damaged",
            file="t.parquet"),
    Hostile("Parquet, lying about its length", lambda: b"PAR1" + b"\0" * 100 + b"\xff\xff\xff\x7fPAR1",
            "cut off or damaged", file="t.parquet"),
    Hostile("Parquet, a text of 1 MB 100 000 times", repeated_text, "memory to read", file="t.parquet"),
    Hostile("Parquet, 30 million rows", lambda: parquet({"x": pa.nulls(30_000_000, pa.int8())}),
            "at most 20000000 rows, got 30000000", file="t.parquet"),
    Hostile("Parquet, 3000 columns", lambda: parquet({f"c{i}": [1] for i in range(3000)}), "at most 2000 columns, got 3000",
            file="t.parquet"),
    Hostile("Parquet, lists in cells", nested, None, PETS, "lists, records or raw bytes", file="t.parquet"),
    Hostile("Parquet, no rows", lambda: parquet({"x": pa.array([], pa.int64())}), "header alone", file="t.parquet"),
    Hostile("NPY of objects", lambda: npy(np.array([{"a": 1}, None], dtype=object)), "never unpickled", file="t.npy"),
    Hostile("NPY of records", lambda: npy(np.zeros(40, dtype=[("x", "f8"), ("label", "i4")])), "dtype", file="t.npy"),
    Hostile("NPY of complex numbers", lambda: npy(np.zeros((40, 2), dtype=complex)),
            "numbers or text, got dtype 'complex128'", file="t.npy"),
    Hostile("NPY, huge shape", lambda: npy_claiming(shape("(10000000, 2)")),
            "bytes for shape|cells", file="t.npy"),
    Hostile("NPY, shape beyond 64 bits",
            lambda: npy_claiming(shape("(10**20, 2)")), "header cannot be read", file="t.npy"),
    Hostile("NPY, negative shape", lambda: npy_claiming(shape("(-1, 2)")),
            "shape", file="t.npy"),
    Hostile("NPY, three dimensions", lambda: npy(np.zeros((4, 4, 4))), "got shape", file="t.npy"),
    Hostile("NPY, cut off", lambda: npy(np.zeros((40, 3)))[:-8], "cut off", file="t.npy"),
    Hostile("NPY, code in the header", lambda: npy_claiming("__import__('os').system('true')"), "header cannot be read",
            file="t.npy"),
)  # fmt: skip
