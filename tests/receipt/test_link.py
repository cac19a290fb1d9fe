"""The link: every batch comes back, nonsense is refused by name."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.receipt import CRITERIA, PRESETS
from lib.receipt.link import from_fields, to_fields
from tests.receipt.batches import batches


@pytest.mark.parametrize("key", list(CRITERIA))
@given(st.data())
def test_a_batch_comes_back_from_its_link(key, data) -> None:
    batch = data.draw(batches(key))
    assert from_fields(to_fields(batch)) == batch


def test_a_preset_is_its_key() -> None:
    for key, preset in PRESETS.items():
        assert to_fields(preset.batch) == {"r": key}
        assert from_fields({"r": key}) == preset.batch


def test_a_link_can_be_written_by_hand() -> None:
    batch = from_fields({"r.z": "1,0;0,1", "r.y": "0;1", "r.w": "1,10"})
    assert (batch.criterion, batch.names, batch.targets, batch.weight) == ("cross_entropy", ("0", "1"), ("0", "1"), (1, 10))


GOOD = {"r.loss": "cross_entropy", "r.names": "a,b", "r.z": "1,0;0,1", "r.y": "a;b"}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"r": "moose"}, "Unknown preset 'moose'"),
        (GOOD | {"r.loss": "focl"}, "Unknown criterion 'focl'"),
        (GOOD | {"r.moose": "1"}, "no field 'moose'"),
        (GOOD | {"r.z": "1,0;0,x"}, "Field z of the link: expected a number, got 'x'"),
        (GOOD | {"r.z": "1,0;0"}, "Row 2: expected 2 logits"),
        (GOOD | {"r.z": "1,nan;0,1"}, "must be a finite number"),
        (GOOD | {"r.y": "a;moose"}, "unknown class 'moose'; the classes are 'a', 'b'"),
        (GOOD | {"r.y": "a"}, "Expected one target per line: 2, got 1"),
        (GOOD | {"r.w": "1,2,3"}, "weight must have 2 values, got 3"),
        (GOOD | {"r.pos": "1,2"}, "CrossEntropyLoss has no pos_weight"),
        (GOOD | {"r.places": "3"}, "multiples of 3"),
        (GOOD | {"r.places": "9" * 30}, "places must be"),
        (GOOD | {"r.dtype": "float16"}, "The dtype must be one of"),
        (GOOD | {"r.label_smoothing": "2"}, "label_smoothing must be in"),
        ({"r.loss": "bce", "r.p": "0.5,2", "r.t": "1,0", "r.names": "a,b"}, "a probability must be in"),
        ({"r.y": "a"}, "needs the field z"),
        ({"r.z": "1,2"}, "needs the field y"),
        ({"r.z": "x" * 10_000, "r.y": "a"}, "expected a number"),
        ({"r.z": "1," * 12_000, "r.y": "a"}, "at most 20000 characters"),
    ],
)
def test_a_bad_link_says_what_is_wrong(fields, says) -> None:
    with pytest.raises(ValueError, match="^.{0,400}$") as caught:
        from_fields(fields)
    assert says in str(caught.value)


@given(st.dictionaries(st.sampled_from(["r", *GOOD, "r.t", "r.p", "r.w", "r.rows", "r.places", "r.dtype", "r.p.x"]),
                       st.text(alphabet=string.printable + "é\ud800\u0661", max_size=30)))  # fmt: skip
def test_nonsense_raises_nothing_but_value_errors(fields) -> None:
    try:
        from_fields(fields)
    except ValueError as error:
        assert str(error)
