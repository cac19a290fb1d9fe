"""Hostile files and pasted texts: the corpus damaged, tables of hostile cells, Parquet and NPY of all types and shapes."""

import functools
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as some

from lib.data.columns import UPLOAD_PARAMS, dataset_from_table, label_counts, params_of
from lib.data.labels import LabelCounts, parse_counts, parse_labels, paste
from lib.data.upload import READ_PARAMS, read_labels, read_table
from lib.experiment import DataSpec, Experiment
from lib.export.script import script
from lib.pitfalls.shape_lab import read_shape
from lib.receipt import PRESETS, take_apart
from lib.receipt.paste import pasted
from lib.strategy import Strategy
from tests.data.hostile import HOSTILE, csv, npy, npy_claiming, parquet
from tests.fuzz.watch import Tally, attempt, check_code

SMALL = 20_000  # bytes of a file of the corpus that is damaged; the larger ones are tried as they are
NAMES = (
    "x", "label", "w", "weight", "id", "date", "", " ", "x", "=1+1", "<script>window.__pwned=1</script>",
    "$\\alpha$", "\u202egnp",
    ":material/x:", "'); import os; os.system('true') #", '"""', "\\", "{x}", "%{y}", "[a](javascript:alert(1))", "n" * 300,
    "series", "time", "nan", "1e999", "\u0000", "🐕", "כלב", "__class__", "../../etc/passwd", "None", "y.1",
)  # fmt: skip
CELLS = (
    *NAMES, "0", "1", "-1", "1e999", "-1e999", "1e-400", "nan", "inf", "NA", "?", "1,5", "1.5", "0x10",
    "1_000", "９", "٣", "1" * 400,
    "2024-01-01", "2024-13-45", "9999-12-31", "true", "FALSE", "yes", "no", "cat;bird", "cat;cat;;", "a|b,c", '"', '""', "'",
    "\ud83d", "\ufffe", "\x1b[31m", "\r", "-2147483649", "9223372036854775808", "1e308", "=cmd|' /C calc'!A0", "@SUM(1)", "+1",
)  # fmt: skip
PIECES = (
    b"\0", b'"', b",", b";", b"\t", b"\n", b"\r", b"\n\n\n", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3",
    b"\xed\xa0\xbd", b"PAR1", b"\x93NUMPY",
    b"1e999,", b"NA", b"=1", b"<script>", b"\x80\x04\x95",
    b"(" * 200, b"9" * 500, b"," * 3000, b'"' * 99, b"x" * 5000, b"\x1f\x8b",
)  # fmt: skip
EXTENTS = ("(40,)", "(40, 2)", "(0,)", "()", "(1, 10**9)", "(9999999999, 2)", "(2**63,)", "(-1,)", "(1.5,)",
         "(True, 2)", "((1,),)",
           "(" * 90 + ")" * 90, "[40]", "None", "40")  # fmt: skip
DTYPES = (
    "<f8",
    ">i4",
    "|b1",
    "<U5",
    "<U0",
    "|O",
    "|S9",
    "<M8[s]",
    "<c16",
    "<f2",
    ">f8",
    "[('a','<f8')]",
    "|V8",
    "zz",
    "<U999999999",
)
KINDS = (pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.bool_(), pa.string(), pa.large_string(),
         pa.binary(), pa.date32(),
         pa.date64(), pa.timestamp("ns", "Mars/Phobos"), pa.time64("us"), pa.duration("s"), pa.decimal128(38, 5), pa.null(),
         pa.list_(pa.int8()))  # fmt: skip
FILES = some.sampled_from(
    [*["t.csv"] * 9, "t.tsv", "T.PARQUET", "t.npy", "", "../../x.csv", "<b>.csv", "a" * 300, "x\n\0.txt", "\u202evsc.x"]
)
WORDS = some.sampled_from(CELLS) | some.text(max_size=6)


@functools.cache
def bases() -> tuple[bytes, ...]:
    """Files that are damaged: the small ones of the corpus, and sound ones of every format."""
    series = csv(lambda i: f"s{i // 10},{i % 10},{i / 3},{int(i % 7 == 0)}", "series,time,x,label", rows=60)
    several = csv(lambda i: f"{i / 3},{i % 2},{int(i % 5 == 0)}", "x,a,b", rows=60)
    sound = [csv().encode(), csv().encode("utf-16"), series.encode(), several.encode(), npy(np.arange(80.0).reshape(40, 2) % 3)]
    sound += [
        parquet({"x": [i / 2 for i in range(40)], "label": ["cat", "dog"] * 20}, compression=how) for how in ("snappy", "zstd")
    ]
    made = [hostile.make() for hostile in HOSTILE if hostile.key not in HEAVY]
    return (*sound, *(data for data in made if len(data) <= SMALL))


HEAVY = ("Parquet, a text of 1 MB 100 000 times", "Parquet, 30 million rows")  # as they are, once: making them takes seconds


@some.composite
def damaged(draw: some.DrawFn) -> bytes:
    """A file of the corpus with up to four wounds."""
    data = draw(some.sampled_from(bases()))
    for _ in range(draw(some.integers(0, 4))):
        place = int(draw(some.floats(0, 1)) * len(data))
        how = draw(some.sampled_from(["insert", "over", "cut", "out", "twice", "bit", "bytes"]))
        piece = draw(some.sampled_from(PIECES))
        long = draw(some.integers(1, 400))
        if how == "bit" and data:
            place = min(place, len(data) - 1)
            data = data[:place] + bytes([data[place] ^ (1 << draw(some.integers(0, 7)))]) + data[place + 1 :]
        else:
            data = {
                "insert": data[:place] + piece + data[place:],
                "over": data[:place] + piece + data[place + len(piece) :],
                "cut": data[:place],
                "out": data[:place] + data[place + long :],
                "twice": data[:place] + data[place : place + long] * 2 + data[place + long :],
                "bytes": data[:place] + draw(some.binary(max_size=12)) + data[place:],
                "bit": data,
            }[how]
    return data


@some.composite
def tables(draw: some.DrawFn) -> bytes:
    """Text with hostile names and cells, well formed or nearly so."""
    width, rows = draw(some.integers(1, 5)), draw(some.integers(0, 40))
    sign = draw(some.sampled_from([",", ";", "\t", "|", " ", "§"]))
    columns = [draw(some.lists(WORDS, min_size=1, max_size=3)) for _ in range(width)]
    numbers = draw(some.integers(0, width))  # the first of them hold numbers
    lines = [sign.join(draw(some.lists(WORDS, min_size=width, max_size=width)))]
    for row in range(rows):
        cells = [str(row * 0.5) if c < numbers else column[row * 7 % len(column)] for c, column in enumerate(columns)]
        lines.append(sign.join(f'"{cell}"' if draw(some.integers(0, 30)) == 0 else cell for cell in cells))
    text = draw(some.sampled_from(["\n", "\r\n", "\r", "\n\n"])).join(lines)
    return text.encode(draw(some.sampled_from(["utf-8", "utf-16", "utf-8-sig", "utf-32-be", "utf-7"])), "surrogatepass")


@some.composite
def arrays(draw: some.DrawFn) -> bytes:
    """NPY: a header that claims anything, over a few bytes."""
    order = draw(some.sampled_from(["True", "False", "1", "'C'"]))
    dtype, extents = draw(some.sampled_from(DTYPES)), draw(some.sampled_from(EXTENTS))
    header = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {extents}, }}"
    return npy_claiming(header) + draw(some.binary(max_size=64)) * draw(some.integers(0, 9))


@some.composite
def columnar(draw: some.DrawFn) -> bytes:
    """Parquet with columns of any type, sometimes cut."""
    rows = draw(some.integers(0, 40))
    names = draw(some.lists(some.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    made = []
    for _ in names:
        kind = draw(some.sampled_from(KINDS))
        made.append(pa.nulls(rows, kind) if draw(some.booleans()) else _filled(kind, rows))
    sink = io.BytesIO()
    pq.write_table(pa.table(made, names=names), sink, compression=draw(some.sampled_from(["none", "snappy", "gzip", "zstd"])))
    data = sink.getvalue()
    return data[: draw(some.integers(4, len(data)))] if draw(some.integers(0, 4)) == 0 else data


def _filled(kind: pa.DataType, rows: int) -> pa.Array:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        words = [cell.encode("utf-8", "replace").decode() for cell in CELLS]
        return pa.array([words[i * 3 % len(words)] for i in range(rows)], kind)
    if pa.types.is_binary(kind):
        return pa.array([b"\xff\0"] * rows, kind)
    if pa.types.is_list(kind):
        return pa.array([[i % 3] for i in range(rows)], kind)
    whole = pa.array([i % 3 for i in range(rows)], pa.int64())
    if pa.types.is_float16(kind):
        return pa.array([np.float16(i % 3) for i in range(rows)], kind)
    if pa.types.is_decimal(kind) or pa.types.is_boolean(kind):
        return whole.cast(pa.int32()).cast(kind) if pa.types.is_boolean(kind) else pa.array(range(rows), pa.decimal128(38, 5))
    if pa.types.is_date(kind):
        return pa.array([i % 3 for i in range(rows)], pa.int32()).cast(pa.date32()).cast(kind)
    return pa.nulls(rows, kind) if pa.types.is_null(kind) else whole.cast(kind, safe=False)


def choices() -> some.SearchStrategy[dict[str, Any]]:
    """What a visitor, or a link, says about the columns."""
    values = (
        some.sampled_from(NAMES) | some.lists(some.sampled_from(NAMES), max_size=3).map(tuple) | some.integers() | some.floats()
    )
    known = {p.name: some.sampled_from(p.choices) if p.choices else values for p in UPLOAD_PARAMS if p not in READ_PARAMS}
    return some.fixed_dictionaries({}, optional={name: known[name] for name in known if name not in ("file", "sha256")})


UPLOADS = some.tuples(
    FILES, damaged() | tables() | arrays() | columnar() | some.binary(max_size=200),
    some.just({}) | some.sampled_from([{"task": "multilabel"}, {"task": "sequence"}]) | choices(),
)  # fmt: skip
PASTES = (
    some.lists(
        WORDS
        | some.sampled_from([",", ";", ":", "\n", "\t", " 5 ", "cat 500", "1:100", "[", "]", "Counter({", "})", "5 000", "-3"]),
        max_size=30,
    ).map(" ".join)
    | some.text(max_size=200)
    | some.sampled_from(  # fmt: skip
        [
            "1:" * 4000 + "1",
            "a 1\n" * 5000,
            "9" * 400_000,
            "((((" * 20_000,
            "cat " + " " * 100_000 + "5",
            ":" * 100_000,
            "1 " * 100_000,
        ]
    )
)


def try_upload(tally: Tally, upload: tuple[str, bytes, dict[str, Any]]) -> None:
    name, data, chosen = upload

    def read() -> Iterator[str]:
        refusals = []
        for use in (lambda: _counted(read_labels(name, data)), lambda: _as_dataset(name, data, chosen)):
            try:
                yield from use()
            except ValueError as error:
                refusals.append(error)
        if len(refusals) == 2:
            raise refusals[1]

    attempt(tally, lambda: f"{name!r} {chosen} {data[:300]!r}", read)


def _counted(found: LabelCounts) -> list[str]:
    assert len(found.names) == len(found.counts) and sum(found.counts) > 0
    return [*found.names, *found.notices]


def _as_dataset(name: str, data: bytes, chosen: dict[str, Any]) -> Iterator[str]:
    """As the page does: read, choose columns, split; then the link, the JSON and the script of what came out."""
    table = read_table(name, data)
    yield from (table.name, *table.notices, *map(str, table.frame.columns))
    params = params_of(table, **chosen)
    dataset = dataset_from_table(table, seed=0, **params)
    assert bool(dataset.train.x.isfinite().all())
    yield from (*dataset.class_names, *dataset.feature_names, *dataset.notices)
    if dataset.task in ("binary", "multiclass"):
        label_counts(table, **{key: str(params[key]) for key in ("label", "na_words", "missing_labels", "positive")})
        experiment = Experiment((Strategy("plain"),), DataSpec("upload", params))
        assert Experiment.from_json(experiment.to_json()) == experiment == Experiment.from_query(experiment.to_query())
        check_code(script(experiment, 0, dataset, table))


def try_paste(tally: Tally, text: str) -> None:
    def read() -> Iterator[str]:
        uses = [lambda read=read: _counted(read(text)) for read in (parse_counts, parse_labels, paste)]
        uses += [lambda key=key: [take_apart(pasted(text, PRESETS[key].batch)).divisor_name] for key in list(PRESETS)[:3]]
        uses.append(lambda: [str(read_shape(text, "logits"))])
        refusals = []
        for use in uses:
            try:
                yield from use()
            except ValueError as error:
                refusals.append(error)
        if len(refusals) == len(uses):
            raise refusals[0]

    attempt(tally, lambda: repr(text), read)
