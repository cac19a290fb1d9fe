"""Files become tables: found out, said, aligned with the file, and refused in words."""

import hashlib
import io
import pickle
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lib.data import columns
from lib.data.upload import Table, file_name, read_labels, read_table
from tests.data.hostile import HOSTILE, Hostile, csv, npy, parquet, pet


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.key)
def test_a_hostile_file_works_or_is_refused_in_words(hostile: Hostile) -> None:
    def load() -> columns.Dataset:
        table = read_table(hostile.file, hostile.make())
        return columns.dataset_from_table(table, seed=0, **columns.params_of(table, **hostile.choose))

    if hostile.says is not None:
        with pytest.raises(ValueError, match=hostile.says) as caught:
            load()
        assert type(caught.value) is ValueError and len(str(caught.value)) < 500
        return
    dataset = load()
    assert hostile.classes is None or dataset.class_names == hostile.classes
    assert any(re.search(hostile.notice, notice) for notice in dataset.notices) or not hostile.notice
    assert np.isfinite(dataset.train.x.numpy()).all()


def test_there_are_sixty_hostile_files() -> None:
    assert len({hostile.key for hostile in HOSTILE}) == len(HOSTILE) >= 60


@given(some.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    try:
        assert isinstance(read_table("x.csv", data), Table)
    except ValueError as error:
        assert type(error) is ValueError


@given(some.integers(0, 400), some.sampled_from([b'"', b",", b"\n", b"\n\n", b"\xff", b"\0", b"NA", b"=1"]))
def test_a_damaged_table_is_read_or_refused_in_words(place: int, damage: bytes) -> None:
    good = csv().encode()
    try:
        assert len(read_table("x.csv", good[:place] + damage + good[place:]).frame) >= 38
    except ValueError as error:
        assert type(error) is ValueError


def test_values_are_those_of_pandas() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "real": draw.normal(size=500),
            "whole": draw.integers(-5, 5, 500),
            "gaps": np.where(draw.random(500) < 0.2, np.nan, draw.normal(size=500)),
            "yes": draw.random(500) < 0.5,
            "word": draw.choice(["red", "blue, light", 'the "best"', "grün"], 500),
        }
    )
    text = frame.to_csv(index=False)
    pd.testing.assert_frame_equal(read_table("x.csv", text.encode()).frame, pd.read_csv(io.StringIO(text)))


def test_parquet_keeps_types() -> None:
    columns = {
        "x": pa.array([0.5, None, 2.5]),
        "day": pa.array([0, 1, 2], pa.date32()),
        "price": pa.array(["1.5", "2", None]).cast(pa.decimal128(5, 2)),
        "kind": pa.array(["a", "b", None]).dictionary_encode(),
        "flag": pa.array([True, False, True]),
        "raw": pa.array([b"a", b"b", b"\xff"]),
        "when": pa.array([0, 1, 2], pa.timestamp("us", "No/Where")),
        "length": pa.array([1, 2, 3], pa.duration("s")),
    }
    table = read_table("t.parquet", parquet(columns))
    assert table.notices == ("Left out: 'raw' (cells with lists, records or raw bytes).",)
    frame = table.frame
    assert frame["x"].tolist()[::2] == [0.5, 2.5]
    assert str(frame["day"].dtype).startswith("datetime64")
    assert frame["price"].tolist()[:2] == [1.5, 2.0]
    assert frame["kind"].tolist()[:2] == ["a", "b"] and frame["kind"].isna().tolist() == [False, False, True]
    assert frame["flag"].tolist() == [True, False, True]
    assert str(frame["when"].dtype) == "datetime64[us]"
    assert list(frame.columns) == ["x", "day", "price", "kind", "flag", "when", "length"]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f8", ">f4", "<i2", "|b1", "<f2"])
def test_npy_of_any_number_type(order: str, kind: str) -> None:
    array = np.asarray(np.arange(12).reshape(6, 2) % 3, dtype=kind, order=order)
    frame = read_table("a.npy", npy(array)).frame
    assert list(frame.columns) == ["column 1", "column 2"]
    assert (frame.to_numpy() == array).all()


def test_npy_labels_are_counted() -> None:
    assert read_labels("y.npy", npy(np.array(["b", "a", "b"]))).counts == (1, 2)
    assert read_labels("y.npy", npy(np.array([1, 0, 1, 1]))).names == ("0", "1")


def test_rows_stay_where_they_are_in_the_file() -> None:
    """Row 7 of the file is row 7 of a message, whatever stands above it: header, blank lines, breaks inside quotes."""
    text = csv(lambda i: f'{"bad" if i == 4 else i}.5,"{pet(i)}"' + "\n" * (i == 2)).replace('"cat"', '"c\nat"', 1)
    table = read_table("x.csv", ("\n" + text).encode())
    assert table.frame["x"].isna().tolist().index(True) == 3
    assert table.frame["x"].iloc[5] == "bad.5"
    assert table.row(5) == 8
    with pytest.raises(ValueError, match="row 9 has 3"):
        read_table("x.csv", ("\n" + text.replace("5.5,", "5.5,7,", 1)).encode())


def test_missing_is_empty_in_text_and_a_word_in_numbers() -> None:
    frame = read_table("x.csv", b"n,s\n1,NA\nNA,\n?,None\n4,x\n").frame
    assert frame["n"].tolist()[0::3] == [1.0, 4.0] and frame["n"].isna().tolist() == [False, True, True, False]
    assert frame["s"].isna().tolist() == [False, True, False, False] and frame["s"].iloc[0] == "NA"


@pytest.mark.parametrize(
    ("first", "named"),
    [("x,label", True), ("0.1,cat", False), ("0,1", True), ("2019,2020", True), ("7,label", False), ("cat,dog", True)],
)
def test_a_header_is_told_from_data(first: str, named: bool) -> None:
    table = read_table("x.csv", csv(lambda i: f"{i * 0.5},{pet(i)}", first).encode())
    assert (table.first_row == 2) == named
    assert len(table.frame) == 40 if named else 41


def test_a_rare_first_label_is_not_taken_for_a_name() -> None:
    """`sniff` sees 500 rows; the label comes again only at the very end."""
    data = ("rare\n" + "cat\n" * 3000 + "dog\n" * 50 + "rare\n").encode()
    assert read_labels("y.csv", data).counts == (3000, 50, 2)
    assert len(read_table("y.csv", data).frame) == 3052


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"delimiter": ";"}, "separated by semicolon, got one column; separated by comma there are 2. Choose comma"),
        ({"delimiter": "x"}, "delimiter must be one of"),
        ({"encoding": "zip"}, "encoding must be one of"),
        ({"decimal": ",", "delimiter": ","}, "comma between columns and as decimal comma"),
        ({"encoding": "utf-16"}, "Expected"),
    ],
)
def test_a_wrong_choice_is_named(chosen: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_table("x.csv", csv().encode(), **chosen)


def test_a_choice_is_followed_and_kept() -> None:
    data = "x;label\n1,234;köter\n2,345;katze\n".encode("cp1250")
    table = read_table("x.csv", data, decimal=".", encoding="cp1250", header="no", delimiter=";")
    assert table.frame["column 1"].tolist() == ["x", "1,234", "2,345"]
    assert table.frame["column 2"].iloc[1] == "köter"
    assert table.asked == (";", ".", "cp1250", "no")
    assert table.notices == ()


def test_the_file_is_known_by_its_bytes_and_a_safe_name() -> None:
    table = read_table("../../etc/x\n<b>.csv", csv().encode())
    assert table.name == "x <b>.csv"
    assert table.sha256 == hashlib.sha256(csv().encode()).hexdigest()
    assert file_name("C:\\Users\\me\\rows.csv") == "rows.csv"
    assert file_name("") == "upload" and file_name("...") == "upload"
    assert len(file_name("a" * 5000 + ".csv")) == 80 and file_name("a" * 5000 + ".csv").endswith("….csv")


def test_the_budget_limits_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "500MB")  # uploads get the floor, 64 MB
    with pytest.raises(ValueError, match=r"file of at most 12.8 MB, got 13 MB\. Upload fewer columns or a random part"):
        read_table("x.csv", b"x" * 13_000_000)
    with pytest.raises(ValueError, match="at most 4000000 cells, got .* rows x 500 columns"):
        read_table("x.csv", (",".join(["1"] * 500) + "\n").encode() * 10_000)
    with pytest.raises(ValueError, match=r"at most 4000000 cells, got 5000000 rows x 1 columns"):
        read_table("t.parquet", parquet({"x": pa.nulls(5_000_000, pa.int8())}))


@pytest.mark.parametrize("dtype", ["str", "int64", "bool"])
def test_label_counts_are_those_of_pandas(dtype: str) -> None:
    """Truth: counts equal `value_counts`."""
    draw = np.random.default_rng(3)
    values = pd.Series(draw.choice([0, 1, 2], 300_000, p=[0.9, 0.09, 0.01]))
    values = values.astype(bool) if dtype == "bool" else values.map(lambda v: f"class {v}") if dtype == "str" else values
    found = read_labels("y.csv", values.to_frame("label").to_csv(index=False).encode())
    assert dict(zip(found.names, found.counts, strict=True)) == {str(k): v for k, v in values.value_counts().items()}


def test_labels_need_one_column() -> None:
    with pytest.raises(ValueError, match="one column of labels, got 2 columns"):
        read_labels("x.csv", csv().encode())


def test_reading_executes_nothing() -> None:
    """A pickle inside an NPY, and one named .csv, stay closed."""

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, ("raise SystemExit('executed')",)

    with pytest.raises(ValueError, match="pickle"):
        read_table("x.csv", pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="never unpickled"):
        read_table("x.npy", npy(np.array([Bomb()], dtype=object)))
