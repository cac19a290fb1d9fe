"""Class names, class order, and counts out of pasted text."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lib.data.labels import (
    NAME_LENGTH,
    LabelCounts,
    classes_of,
    count_labels,
    parse_counts,
    parse_labels,
    paste,
    plain,
    unique,
)

COUNTS = [
    ("cat 5000, dog 300, bird 12", {"cat": 5000, "dog": 300, "bird": 12}),
    ("cat: 5000\ndog: 300", {"cat": 5000, "dog": 300}),
    ("cat=5 000; dog=300", {"cat": 5000, "dog": 300}),
    ("cat\t5000\r\ndog\t300\r\n", {"cat": 5000, "dog": 300}),
    ("cat 5,000, dog 300, bird 1,200", {"cat": 5000, "dog": 300, "bird": 1200}),
    ("cat 5 000, dog 300", {"cat": 5000, "dog": 300}),
    ("cat 5.000; dog 300", {"cat": 5000, "dog": 300}),
    ("cat:5000,dog:300", {"cat": 5000, "dog": 300}),
    ("cat;5000\ndog;300", {"cat": 5000, "dog": 300}),
    ("5000 cat, 300 dog", {"cat": 5000, "dog": 300}),
    ("cat 5 rows, dog 3 rows", {"cat": 5, "dog": 3}),
    ('{"cat": 5000, "dog": 300}', {"cat": 5000, "dog": 300}),
    ("Counter({'cat': 5000, 'dog': 300})", {"cat": 5000, "dog": 300}),
    ("label,count\ncat,5000\ndog,300", {"cat": 5000, "dog": 300}),
    ("label\ncat    5000\ndog     300\nName: count, dtype: int64", {"cat": 5000, "dog": 300}),
    ("class 1: 500, class 2: 20", {"class 1": 500, "class 2": 20}),
    ("0: 900\n1: 100", {"0": 900, "1": 100}),
    ("golden retriever 7\npug 0", {"golden retriever": 7, "pug": 0}),
    ("猫 500, <img onerror> 20, =1+1 3", {"猫": 500, "<img onerror>": 20, "=1+1": 3}),
    ("5000, 300, 12", {"0": 5000, "1": 300, "2": 12}),
    ("5000 300 12", {"0": 5000, "1": 300, "2": 12}),
]

RATIOS = [("1:100", (10_000, 100)), ("100 : 1", (10_000, 100)), ("1:10:100", (10_000, 1000, 100)), ("0.95:0.05", (1900, 100))]

LABELS = [
    ("cat\ndog\ncat\n", {"cat": 2, "dog": 1}),
    ("cat dog cat", {"cat": 2, "dog": 1}),
    ("cat, dog, cat", {"cat": 2, "dog": 1}),
    ("cat; dog; cat", {"cat": 2, "dog": 1}),
    ("['cat', 'dog', 'cat']", {"cat": 2, "dog": 1}),
    ("0 1 1 0 2", {"0": 2, "1": 2, "2": 1}),
    ("0,1,1,0", {"0": 2, "1": 2}),
    ("10\n9\n10\n100", {"9": 1, "10": 2, "100": 1}),
    ("golden retriever\npug\npug", {"golden retriever": 1, "pug": 2}),
    ("room 1\nroom 2\nroom 1", {"room 1": 2, "room 2": 1}),
]


@pytest.mark.parametrize(("text", "expected"), COUNTS)
def test_counts_are_read_in_the_order_written(text: str, expected: dict[str, int]) -> None:
    found = paste(text)
    assert dict(zip(found.names, found.counts, strict=True)) == expected
    assert found.names == tuple(expected)
    assert found.notices[0] == "Read as class counts."


@pytest.mark.parametrize(("text", "counts"), RATIOS)
def test_a_ratio_gives_the_rarest_class_100_rows(text: str, counts: tuple[int, ...]) -> None:
    found = parse_counts(text)
    assert found.counts == counts
    assert f"the rarest class has {counts[-1]} rows" in found.notices[0]


def test_an_extreme_ratio_stays_within_two_million_rows() -> None:
    assert parse_counts("1:100000").counts == (1_999_980, 20)


@pytest.mark.parametrize(("text", "expected"), LABELS)
def test_labels_are_counted_in_class_order(text: str, expected: dict[str, int]) -> None:
    found = paste(text)
    assert list(zip(found.names, found.counts, strict=True)) == list(expected.items())
    assert found.notices[0] == f"Read as labels, one for each of {sum(expected.values())} rows."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got nothing"),
        (" \n ", "got nothing"),
        ("cat 5000", "at least two classes, got one: 'cat' in all 5000 rows"),
        ("cat -5, dog 3", "count from 0 to 1e\\+15 rows, got 'cat -5'"),
        ("cat 99999999999999999999, dog 1", "count from 0 to 1e\\+15 rows, got 'cat 99999999999999999999'"),
        ("cat 5.5, dog 3", "whole number of rows, such as “cat 5000”, got 'cat 5.5'"),
        ("cat 95%, dog 5%", "got 'cat 95%'.*ratio, such as 95:5"),
        ("cat 5, cat 6", "every class once, got 'cat' twice"),
        ("cat 0, dog 0", "counts that are all 0"),
        ("1:0", "ratio of numbers above 0"),
        ("cat cat cat", "at least two classes, got one: 'cat' in all 3 rows"),
        ("x" * 1_000_001, "at most 1000000 pasted characters, got 1000001"),
        (" ".join(f"c{i} c{i}" for i in range(1001)), "2 to 1000 classes, got 1001 different values in 2002 rows"),
        ("\n".join(f"u{i}" for i in range(50)), "50 rows that all differ, like an id"),
    ],
)
def test_what_cannot_be_read_is_quoted(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paste(text)


@pytest.mark.parametrize(
    "text", ["a" + " " * 990_000 + "b 5", ":" * 990_000, "1:" * 490_000 + "1", "1" * 990_000, "[a]" + " " * 900_000 + "x"]
)
def test_long_nonsense_is_answered(text: str) -> None:
    """Patterns with nested repetition would take hours here."""
    try:
        assert isinstance(paste(text), LabelCounts)
    except ValueError as error:
        assert len(str(error)) < 400


@given(some.text(max_size=60))
def test_any_text_is_counted_or_refused_in_words(text: str) -> None:
    try:
        found = paste(text)
    except ValueError as error:
        assert type(error) is ValueError and len(str(error)) < 400
    else:
        assert 2 <= len(found.names) == len(set(found.names)) == len(found.counts)
        assert all(name and len(name) <= NAME_LENGTH for name in found.names)


@given(some.dictionaries(some.text("abcdefgh", min_size=1), some.integers(1, 10**6), min_size=2, max_size=20))
def test_what_is_written_is_read_back(counts: dict[str, int]) -> None:
    found = parse_counts("\n".join(f"{name}: {count}" for name, count in counts.items()))
    assert dict(zip(found.names, found.counts, strict=True)) == counts


def test_numbers_are_ordered_as_numbers_and_words_as_text() -> None:
    assert classes_of(["10", "9", "-1.5", "100"]).names == ("-1.5", "9", "10", "100")
    assert classes_of(["10", "9", "b"]).names == ("10", "9", "b")
    assert classes_of([2.0, 10.0, 1.0]).names == ("1", "2", "10")
    assert classes_of([True, False]).names == ("False", "True")


def test_what_programs_write_for_nothing_is_no_class() -> None:
    classes = classes_of(["cat", "nan", "", "dog", "#N/A"])
    assert classes.names == ("cat", "dog")
    assert classes.index == (0, -1, -1, 1, -1)


def test_na_is_a_class_until_the_visitor_says_otherwise() -> None:
    classes = classes_of(["NA", "DE", "None"])
    assert classes.names == ("DE", "NA", "None")
    assert classes.notices == ("The label NA, None is read as a class of that name; it can be set to mean “no label”.",)
    assert classes_of(["NA", "DE", "None", "FR"], na_words="missing").names == ("DE", "FR")


def test_long_names_stay_apart() -> None:
    classes = classes_of(["x" * 500 + "1", "x" * 500 + "2"])
    assert [len(name) for name in classes.names] == [NAME_LENGTH, NAME_LENGTH]
    assert len(set(classes.names)) == 2
    assert classes.notices == ("Class names longer than 80 characters are shortened (2 of 2).",)


def test_names_are_one_plain_line() -> None:
    assert plain("a\n\tb\x00\x1b[31m") == "a b [31m"
    assert plain("\u202eexe.gnp") == "exe.gnp"
    assert plain("e\u0301") == "é"
    assert plain("👩‍🔬") == "👩‍🔬"
    assert unique(["a", "a", "a (2)", "a"]) == ["a", "a (2)", "a (2) (2)", "a (3)"]


def test_counting_equals_a_counter() -> None:
    values = ["b", "a", "c", "a", "b", "a"]
    tally = Counter(values)
    found = count_labels(list(tally), list(tally.values()))
    assert found == LabelCounts(("a", "b", "c"), (3, 2, 1))
    assert parse_labels("\n".join(values)) == found
    assert found.rows == 6


def test_rows_without_label_are_said() -> None:
    found = count_labels(["a", "b", ""], [3, 2, 4])
    assert (found.counts, found.missing, found.notices) == ((3, 2), 4, ("4 rows have no label; they are not counted.",))
