"""Rows as text: what people paste, and what is said when it does not fit."""

import pytest

from lib.receipt import PRESETS
from lib.receipt.paste import pasted

CLASSES = PRESETS["multi_class"].batch  # cat, dog, bird
LABELS = PRESETS["multi_label"].batch


@pytest.mark.parametrize("mark", [",", "\t", ";", "  ", ", "])
def test_cells_stand_apart_by_what_people_use(mark) -> None:
    batch = pasted("\n".join(mark.join(row) for row in (["1", "2", "3", "dog"], ["0.5", "-1", "1e-1", "bird"])), CLASSES)
    assert batch.inputs == ((1, 2, 3), (0.5, -1, 0.1))
    assert batch.targets == ("dog", "bird")
    assert batch.weight == CLASSES.weight and batch.row_weight == ()


def test_a_class_may_be_a_number_and_a_row_may_have_a_weight() -> None:
    batch = pasted("1,2,3,0,1\n1,2,3,-100,0.5", CLASSES)
    assert batch.targets == ("cat", None)
    assert batch.row_weight == (1, 0.5)


def test_names_may_lead_and_make_other_classes() -> None:
    batch = pasted("yes,no,target\n1,2,no\n0,1,yes\n", CLASSES)
    assert batch.names == ("yes", "no") and batch.weight == ()
    assert batch.targets == ("no", "yes")


def test_labels_have_a_target_each() -> None:
    batch = pasted("1 2 3 1 0 1\n0 0 0 0 * 1", LABELS)
    assert batch.targets == ((1, 0, 1), (0, None, 1))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Nothing to read"),
        ("cat dog bird", "Only a line of names"),
        ("1,2,3,cat\n1,2,cat", "Line 2 has 3 cells, the first one 4"),
        ("1,2,3,moose", "Line 1: unknown class 'moose'"),
        ("1,2,3,cat\n1,x,3,cat", "Line 2: expected a number, got 'x'"),
        ("1,2,3,7", "unknown class '7'"),
        ("1,2,nan,cat", "must be a finite number"),
        ("1,2,3,cat\n" * 1_000_000, "at most 200 lines, got 1000001"),
        ("1,2,3,cat\n" * 60, "at most 50 rows"),
        ("x" * 100_000, "at most 200 lines"),
        ("1", "Expected 4 or 5 cells per line"),
    ],
)
def test_what_does_not_fit_is_refused(text, says) -> None:
    with pytest.raises(ValueError) as caught:
        pasted(text, CLASSES)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300
