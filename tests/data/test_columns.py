"""A table and a choice of columns become a dataset: roles, imputation, splits, weights, limits."""

import hashlib
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from lib.data import columns
from lib.data.columns import UPLOAD_PARAMS, dataset_from_table, label_counts, params_of, suggest
from lib.data.dataset import Dataset, Split
from lib.data.upload import Table, read_table
from lib.registry import Value, check_params, keyword_names
from tests.data.hostile import csv, npy, parquet, pet


def table_of(row: Callable[[int], str], header: str, rows: int = 100) -> Table:
    return read_table("rows.csv", csv(row, header, rows).encode())


def dataset_of(table: Table, seed: int = 0, **chosen: Value) -> Dataset:
    return dataset_from_table(table, seed=seed, **params_of(table, **chosen))


def everything(dataset: Dataset) -> Split:
    """All rows of a dataset, in file order."""
    parts = list(dataset.splits.values())
    rows = torch.cat([part.rows for part in parts if part.rows is not None])
    order = rows.argsort()
    return Split(torch.cat([part.x for part in parts])[order], torch.cat([part.y for part in parts])[order], rows=rows[order])


def mixed() -> Table:
    def row(i: int) -> str:
        age = "" if i % 10 == 0 else str(20 + i % 31)
        day, flag = f"2024-03-{i % 28 + 1:02}", "true" if i % 3 else "false"
        return f"{1000 + i},{age},{('red', 'blue', '')[i % 3]},{day},{flag},user{i},7,,{i / 8},{pet(i)}"

    return table_of(row, "id,age,colour,day,flag,name,same,nothing,share,label")


def test_one_keyword_for_each_parameter() -> None:
    declared = {param.name for param in UPLOAD_PARAMS}
    assert set(keyword_names(dataset_from_table)) - {"seed"} == declared
    assert set(check_params({}, UPLOAD_PARAMS, "upload")) == declared


def test_every_column_gets_a_role_and_a_reason() -> None:
    plan = suggest(mixed())
    assert {column.name: (column.role, column.why) for column in plan.columns} == {
        "id": ("left_out", "a different number in every row, like an id"),
        "age": ("numeric", "numbers"),
        "colour": ("one_hot", "2 different values, one column each"),
        "day": ("left_out", "dates"),
        "flag": ("numeric", "true is 1, false is 0"),
        "name": ("left_out", "a different text in every row, like an id"),
        "same": ("left_out", "the same in every row"),
        "nothing": ("left_out", "no value in any row"),
        "share": ("numeric", "numbers"),
        "label": ("label", "what is to be predicted"),
    }
    assert plan.features == ("age", "colour", "flag", "share")
    assert [column.missing for column in plan.columns][1] == 10


def test_what_is_left_out_is_said() -> None:
    notices = dataset_of(mixed()).notices
    assert notices[0] == (
        "Left out: 'id' (a different number in every row, like an id), 'day' (dates), 'name' (a different text in every row, "
        "like an id), 'same' (the same in every row), 'nothing' (no value in any row)."
    )


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (lambda i: f"{i % 28 + 1:02}.03.2024", "dates"),
        (lambda i: f"{i % 9 + 1}/{i % 28 + 1}/24 10:0{i % 10}", "dates"),
        (lambda i: f"{i % 24:02}:30:0{i % 10}", "dates"),
        (lambda i: "abc" if i == 5 else str(i / 2), "numbers, but row 7 has 'abc'"),
        (lambda i: f"word{i % 50}", "50 different values, at most 20 become columns"),
    ],
)
def test_why_text_is_left_out(column: Callable[[int], str], why: str) -> None:
    plan = suggest(table_of(lambda i: f"{column(i)},{pet(i)}", "x,label"))
    assert (plan.columns[0].role, plan.columns[0].why) == ("left_out", why)


def test_missing_numbers_take_the_training_median_and_a_flag() -> None:
    table = mixed()
    dataset = dataset_of(table)
    assert dataset.feature_names == ("age", "age missing", "colour=blue", "colour=red", "colour missing", "flag", "share")
    age = pd.Series([np.nan if i % 10 == 0 else 20.0 + i % 31 for i in range(100)])
    train = dataset.train.rows
    assert train is not None
    median = age[train.numpy()].median()
    expected = age.fillna(median).to_numpy(dtype=np.float32)
    both = everything(dataset)
    assert both.x[:, 0].numpy().tolist() == expected.tolist()
    assert both.x[:, 1].tolist() == [float(i % 10 == 0) for i in range(100)]
    assert f"'age' ({median:g} in 10 of 100 rows)" in dataset.notices[1]


def test_words_become_a_column_each_and_no_word_its_own() -> None:
    both = everything(dataset_of(mixed()))
    assert both.x[:3, 2:5].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert both.x[:4, 5].tolist() == [0, 1, 1, 0]  # false, true, true, false


def test_shift_and_scale_are_of_the_training_rows() -> None:
    dataset = dataset_of(mixed())
    assert dataset.shift is not None and dataset.scale is not None
    torch.testing.assert_close(dataset.shift, dataset.train.x.mean(0))
    torch.testing.assert_close(dataset.scale, dataset.train.x.std(0))


def test_a_column_that_is_chosen_although_constant_has_scale_1() -> None:
    dataset = dataset_of(mixed(), features=("same", "share"))
    assert dataset.scale is not None and dataset.scale[0] == 1
    assert dataset.feature_names == ("same", "share")


def test_the_split_is_stratified_and_keeps_row_numbers() -> None:
    table = mixed()
    dataset = dataset_of(table)
    assert [len(part) for part in dataset.splits.values()] == [60, 20, 20]
    assert [part.y.bincount().tolist() for part in dataset.splits.values()] == [[45, 15], [15, 5], [15, 5]]
    assert dataset.class_counts().tolist() == [75, 25]  # weights are made from the counts of all rows
    both = everything(dataset)
    assert both.rows is not None and both.rows.tolist() == list(range(100))
    assert [dataset.class_names[y] for y in both.y.tolist()] == table.frame["label"].tolist()


def test_seed_and_choice_decide_the_rows() -> None:
    table = mixed()
    first, again, other = (dataset_of(table, seed).train.rows for seed in (0, 0, 1))
    assert first is not None and again is not None and other is not None
    assert first.tolist() == again.tolist() != other.tolist()


@pytest.mark.parametrize(
    ("labels", "names", "task"),
    [
        (("b", "a", "a"), ("a", "b"), "binary"),  # b is the rarer one: class 1
        (("a", "b", "b"), ("b", "a"), "binary"),
        (("0", "1", "1"), ("0", "1"), "binary"),  # numbers keep their order
        (("true", "false", "true"), ("False", "True"), "binary"),
        (("10", "9", "100"), ("9", "10", "100"), "multiclass"),
        (("10", "9", "x"), ("10", "9", "x"), "multiclass"),
        (("1.0", "2.0", "3.0"), ("1", "2", "3"), "multiclass"),
        (("0.5", "1.5", "1.5"), ("0.5", "1.5"), "binary"),
    ],
)
def test_classes_are_named_and_ordered(labels: tuple[str, ...], names: tuple[str, ...], task: str) -> None:
    dataset = dataset_of(table_of(lambda i: f"{i / 2},{labels[i % 3]}", "x,label", 30), label="label")
    assert (dataset.class_names, dataset.task) == (names, task)


def test_the_positive_class_is_class_1() -> None:
    table = mixed()
    assert params_of(table)["positive"] == "dog"
    dataset = dataset_of(table, positive="cat")
    assert dataset.class_names == ("dog", "cat")
    assert dataset.class_counts().tolist() == [25, 75]
    with pytest.raises(ValueError, match="positive class can be chosen among two classes, got 'bird' for 'cat', 'dog'"):
        dataset_of(table, positive="bird")


@pytest.mark.parametrize(
    ("header", "label"),
    [("target,x", "target"), ("x,Species", "Species"), ("x,anything", "anything"), ("y,kind", "y"), ("kind,y", "kind")],
)
def test_the_label_is_guessed(header: str, label: str) -> None:
    first = header.split(",")[0] == label
    table = table_of(lambda i: f"{pet(i)},{i / 2}" if first else f"{i / 2},{pet(i)}", header)
    assert suggest(table).label == label


def test_a_weight_column_is_found_by_name_and_used() -> None:
    table = table_of(lambda i: f"{i / 2},{i % 3},{pet(i)}", "x,sample_weight,label")
    dataset = dataset_of(table)
    weight, rows = dataset.train.sample_weight, dataset.train.rows
    assert weight is not None and rows is not None
    assert weight.tolist() == [float(row % 3) for row in rows.tolist()]
    assert dataset.feature_names == ("x",)
    assert dataset_of(table, sample_weight="").feature_names == ("x", "sample_weight")
    assert dataset_of(table, features=("sample_weight",)).train.sample_weight is None


def test_numbers_can_be_read_as_categories() -> None:
    table = table_of(lambda i: f"{i % 3 + 7},{i / 2},{pet(i)}", "code,x,label")
    assert dataset_of(table).feature_names == ("code", "x")
    assert dataset_of(table, one_hot=("code",)).feature_names == ("code=7", "code=8", "code=9", "x")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"features": ("name",)}, "'name' cannot be a feature: a different text in every row.*raise the limit of 20 values"),
        ({"features": ("day",)}, "'day' cannot be a feature: dates"),
        ({"features": ("nothing",)}, "'nothing' cannot be a feature: no value in any row"),
        ({"features": ("label",)}, "'label' is the label; it cannot be a feature too"),
        ({"features": ("aeg",)}, "no column 'aeg'.*Did you mean 'age'"),
        ({"sample_weight": "label"}, "'label' is the label; it cannot be the sample weight too"),
        ({"sample_weight": "colour"}, "'colour' is the sample weight and must hold numbers"),
        ({"label": "share"}, "100 rows that all differ"),
        ({"label": "age"}, r"rows 2, 12, 22, 32, 42 and 5 more are without one"),
        ({"max_levels": 1}, "max_levels must be in \\[2, 200\\], got 1"),
        ({"colour": "red"}, "upload has no parameter 'colour'"),
    ],
)
def test_an_impossible_choice_is_named(chosen: dict[str, Value], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataset_of(mixed(), **chosen)


def test_an_id_can_be_chosen_against_the_advice() -> None:
    assert dataset_of(mixed(), features=("id",)).feature_names == ("id",)


def test_rows_without_label_are_refused_or_dropped() -> None:
    table = table_of(lambda i: f"{i / 2},{'' if i in (3, 50) else pet(i)}", "x,label")
    with pytest.raises(ValueError, match="'label' is the label, but rows 5, 52 are without one. Fill them in"):
        dataset_of(table)
    dataset = dataset_of(table, missing_labels="drop")
    assert sum(len(part) for part in dataset.splits.values()) == 98
    assert "Rows 5, 52 are without a label and left out, as chosen." in dataset.notices
    assert label_counts(table, label="label", missing_labels="drop").missing == 2


def test_na_in_the_label_column_is_a_class_or_missing() -> None:
    table = table_of(lambda i: f"{i / 2},{('DE', 'FR', 'NA')[i % 3]}", "x,label", 30)
    assert dataset_of(table).class_names == ("DE", "FR", "NA")
    dataset = dataset_of(table, na_words="missing", missing_labels="drop")
    assert dataset.class_names == ("DE", "FR")


def test_blank_lines_are_left_out_and_rows_stay_aligned() -> None:
    table = table_of(lambda i: f"{i},{i % 2}" + "\n" * (i == 4), "x,label", 50)
    dataset = dataset_of(table, features=("x",))
    assert "Row 7 is blank and left out." in dataset.notices
    assert dataset.class_names == ("0", "1")  # the gap makes pandas write 0.0 and 1.0
    both = everything(dataset)
    assert both.rows is not None
    assert both.rows.tolist() == [*range(5), *range(6, 51)]
    assert both.x[:, 0].tolist() == [float(i) for i in range(50)]


def test_rare_classes_stay_in_training() -> None:
    table = table_of(lambda i: f"{i / 2},{'one' if i == 7 else 'two' if i in (8, 9) else pet(i)}", "x,label")
    dataset = dataset_of(table)
    assert dataset.class_names == ("cat", "dog", "one", "two")
    assert [dataset.class_counts(name)[2:].tolist() for name in dataset.splits] == [[1, 2], [0, 1], [0, 0]]
    assert any("'one' (1), 'two' (2)" in notice for notice in dataset.notices)


def test_no_class_with_three_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="a class with at least 3 rows.*'label' has 20 rows in 10 classes"):
        dataset_of(table_of(lambda i: f"{i / 2},c{i % 10}", "x,label", 20), label="label")


def test_many_rows_are_thinned_but_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "TRAINING_ROWS", 600)
    table = table_of(lambda i: f"{i / 2},{'rare' if i in (1, 2, 3, 4) else pet(i)}", "x,label", 4000)
    dataset = dataset_of(table)
    assert [len(part) for part in dataset.splits.values()] == pytest.approx([602, 200, 200], abs=3)
    assert dataset.train.y.bincount().tolist()[2] == 1  # three of four rare rows are kept, one for each split
    assert dataset.class_counts().tolist()[2] == 4  # and the weights know of all four
    assert [dataset.class_counts(name)[2].item() for name in dataset.splits] == [4, 1, 1]
    found = label_counts(table, label="label")
    assert dict(zip(found.names, found.counts, strict=True)) == table.frame["label"].value_counts().to_dict()
    assert any(
        "The file has 4000 rows. Class counts use all of them; training uses a sample of 100" in n for n in dataset.notices
    )


def test_another_file_is_noticed() -> None:
    table, other = mixed(), table_of(lambda i: f"{i / 2},{pet(i)}", "share,label")
    digest = hashlib.sha256(b"").hexdigest()
    with pytest.raises(
        ValueError, match=r"made with the file 'rows.csv' \(sha256 '[0-9a-f]{12}'…\), got 'rows.csv'.*Upload that file"
    ):
        dataset_from_table(other, seed=0, **params_of(table))
    with pytest.raises(ValueError, match="made for the classes 'a', 'b'; column 'label' has 'cat', 'dog'"):
        dataset_from_table(table, seed=0, **{**params_of(table), "classes": ("a", "b")})
    with pytest.raises(ValueError, match="read with other settings"):
        dataset_from_table(table, seed=0, **{**params_of(table), "delimiter": ","})
    assert digest not in params_of(table).values()


def test_features_must_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    array = np.column_stack([draw.normal(size=(60_000, 40)), draw.integers(0, 2, 60_000)])
    table = read_table("a.npy", npy(array))
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "500MB")
    monkeypatch.setattr("lib.data.features.upload_budget", lambda: 1_000_000)
    with pytest.raises(ValueError, match="features of at most 1 MB, got 60000 rows x 80 columns = 38.4 MB. Choose fewer"):
        dataset_of(table)


def test_npy_and_parquet_lead_to_the_same_dataset() -> None:
    draw = np.random.default_rng(1)
    array = np.column_stack([draw.normal(size=(200, 3)), draw.integers(0, 3, 200)])
    one = dataset_of(read_table("a.npy", npy(array)))
    two = dataset_of(read_table("a.parquet", parquet({f"column {i + 1}": array[:, i] for i in range(4)})))
    assert one.class_names == two.class_names == ("0", "1", "2")
    assert torch.equal(one.train.x, two.train.x)
    assert one.feature_names == ("column 1", "column 2", "column 3")


def test_far_off_numbers_are_pointed_out() -> None:
    dataset = dataset_of(table_of(lambda i: f"{1_700_000_000 + i % 50},{pet(i)}", "seconds,label"))
    assert "Float32 blurs the small differences within 'seconds'; subtract a constant and upload again." in dataset.notices
