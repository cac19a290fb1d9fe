"""The shape lab against torch itself: what it draws as a clash is what torch refuses, and every repair runs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.pitfalls import PITFALLS
from lib.pitfalls.shape_axes import Shapes, axis_names, cells, columns, traps
from lib.pitfalls.shape_lab import LOSSES, MOST_ELEMENTS, PRESETS, look, read_shape

SIZES = st.sampled_from([1, 2, 3, 5])
SHAPE = st.lists(SIZES, max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("text", "shape"),
    [("5, 3", (5, 3)), ("[5,3]", (5, 3)), ("(5,)", (5,)), ("5 x 3 × 2", (5, 3, 2)), ("torch.Size([5, 3])", (5, 3)),
     ("  7 ", (7,)), ("", None), ("   ", None), ("[]", ()), ("()", ()), ("0, 3", (0, 3))],
)  # fmt: skip
def test_shapes_as_people_write_them(text, shape) -> None:
    assert read_shape(text, "logits") == shape


@pytest.mark.parametrize(
    ("text", "message"),
    [("-1", "none negative"), ("5, -3", "none negative"), ("abc", "expected sizes such as 5, 3"), ("1e9", "whole numbers"),
     ("5.5", "whole numbers"), ("1000000000", "at most 100000 elements, got 1000000000"), ("100000, 100000", "at most 100000"),
     ("1,1,1,1,1,1,1", "at most 6 axes, got 7"), ("__import__('os').system('x')", "expected sizes"),
     ("9" * 10_000, "expected sizes"),
     ("١٢", "expected sizes"), ("²", "expected sizes"), ("0, 999999999999", "at most 100000"), ("🙂", "expected sizes"),
     ("[1, 2", None), ("\x00", "expected sizes")],
)  # fmt: skip
def test_nonsense_is_refused_by_name_and_with_what_to_do(text, message) -> None:
    if message is None:
        assert read_shape(text, "logits") == (1, 2)  # a bracket is missing: nothing is lost
        return
    with pytest.raises(ValueError, match="^logits: expected") as refused:
        read_shape(text, "logits")
    assert message in str(refused.value) and len(str(refused.value)) < 250


@given(st.text(max_size=300))
def test_any_text_is_a_shape_or_a_message(text) -> None:
    try:
        shape = read_shape(text, "weight")
    except ValueError as error:
        assert str(error).startswith("weight: expected")
    else:
        assert shape is None or math.prod(max(size, 1) for size in shape) <= MOST_ELEMENTS


def test_shapes_that_would_span_too_much_are_not_tried() -> None:
    with pytest.raises(ValueError, match="Together these shapes span 2500000000 elements"):
        look(Shapes("BCEWithLogitsLoss", (50_000,), (50_000,), pos_weight=(50_000, 1)))
    with pytest.raises(ValueError, match="BCELoss has none"):
        look(Shapes("BCELoss", (3,), (3,), pos_weight=(3,)))
    with pytest.raises(ValueError, match="expects at least the axis of the classes"):
        look(Shapes("CrossEntropyLoss", (), ()))


@given(st.sampled_from(["BCEWithLogitsLoss", "BCELoss"]), SHAPE, SHAPE, st.none() | SHAPE, st.none() | SHAPE)
def test_a_clash_is_what_torch_refuses_elementwise(loss, logits, targets, weight, pos_weight) -> None:
    shapes = Shapes(loss, logits, targets, weight, pos_weight if loss == "BCEWithLogitsLoss" else None)
    found = look(shapes)
    assert bool(found.error) == any(cell.state == "clash" for row in found.cells.values() for cell in row)
    assert all(len(row) == columns(shapes) for row in found.cells.values())


@given(SHAPE, st.integers(0, 3), SIZES, st.none() | SHAPE)
def test_a_clash_is_what_torch_refuses_by_class(logits, change, size, weight) -> None:
    """Targets that fit, or with one axis more, fewer or changed."""
    logits = logits or (3,)
    fitting = (logits[0], *logits[2:]) if len(logits) > 1 else ()
    targets = (fitting, (*fitting, size), fitting[:-1], tuple(size for _ in fitting))[change]
    shapes = Shapes("CrossEntropyLoss", logits, targets, weight)
    found = look(shapes)
    clash = any(cell.state == "clash" for row in found.cells.values() for cell in row)
    assert clash == (found.error != ""), (shapes, found.error, found.cells)


@given(st.sampled_from(LOSSES), SHAPE, SHAPE, st.none() | SHAPE)
def test_every_repair_runs_and_nothing_else_ever_breaks(loss, logits, targets, weight) -> None:
    try:
        found = look(Shapes(loss, logits, targets, weight))
    except ValueError as error:
        assert logits == () and "axis of the classes" in str(error)
        return
    assert len(axis_names(found.shapes)) == len(logits)
    assert (found.error == "") == math.isfinite(found.value)
    for repair in found.repairs:
        assert look(repair.after).error == ""
    if found.traps:
        assert found.error == ""


def test_the_words_are_torchs_own() -> None:
    with pytest.raises(RuntimeError) as raised:
        nn.BCEWithLogitsLoss(weight=torch.ones(5))(torch.zeros(5, 3), torch.zeros(5, 3))
    assert look(PRESETS["rows"].shapes).error == f"RuntimeError: {raised.value}"


def test_n_equals_l_is_a_trap_because_the_weight_lands_on_the_labels() -> None:
    found = look(PRESETS["n_is_l"].shapes)
    assert [trap.name for trap in found.traps] == ["N = L"] and not found.error
    assert [cell.state for cell in found.cells["weight"]] == ["repeated", "trap"]
    assert [repair.code for repair in found.repairs] == ["weight = weight.view(-1, 1)  # one per row"]
    weight = torch.tensor([1.0, 1.0, 9.0])
    flat, column = (
        nn.BCEWithLogitsLoss(weight=w, reduction="none")(torch.zeros(3, 3), torch.zeros(3, 3))
        for w in (weight, weight.view(-1, 1))
    )
    assert torch.equal(flat, column.T) and not torch.equal(flat, column)  # the trap is real


def test_t_equals_c_and_w_equals_c() -> None:
    time = look(PRESETS["t_is_c"].shapes)
    assert [trap.name for trap in time.traps] == ["T = C"]
    assert "logits = logits.transpose(1, 2)" in [repair.code for repair in time.repairs]
    width = look(PRESETS["w_is_c"].shapes)
    assert [trap.name for trap in width.traps] == ["W = C"]
    assert width.repairs[0].after.pos_weight == (3, 1, 1)
    assert not width.repairs[0].after.elementwise or not traps(width.repairs[0].after)


@pytest.mark.parametrize(
    "shapes",
    [
        Shapes("BCEWithLogitsLoss", (5, 3), (5, 3), weight=(3,)),  # per label, and nothing else it could be
        Shapes("BCEWithLogitsLoss", (3, 3), (3, 3), pos_weight=(3,)),  # pos_weight is per label by its meaning
        Shapes("BCEWithLogitsLoss", (3, 3), (3, 3), weight=(3, 1)),
        Shapes("BCEWithLogitsLoss", (2, 3, 4, 5), (2, 3, 4, 5), pos_weight=(3, 1, 1)),
        Shapes("CrossEntropyLoss", (5, 3), (5,), weight=(3,)),
        Shapes("CrossEntropyLoss", (5, 3, 7), (5, 7)),
        Shapes("BCELoss", (1, 1), (1, 1), weight=(1,)),
    ],
)
def test_what_is_no_trap(shapes) -> None:
    found = look(shapes)
    assert not found.error and not found.traps and not found.repairs


@pytest.mark.parametrize(
    ("shapes", "name"),
    [
        (Shapes("CrossEntropyLoss", (4,), (4,)), "N = C"),
        (Shapes("CrossEntropyLoss", (3, 3), (3,), weight=(3,)), "N = C"),
        (Shapes("CrossEntropyLoss", (2, 4, 4, 4), (2, 4, 4)), "W = C"),
        (Shapes("BCELoss", (7, 7), (7, 7), weight=(7,)), "N = L"),
        (Shapes("BCEWithLogitsLoss", (4, 2, 4), (4, 2, 4), weight=(4,)), "N = T"),
    ],
)
def test_other_traps(shapes, name) -> None:
    assert [trap.name for trap in look(shapes).traps] == [name]


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_raises_or_traps(key) -> None:
    found = look(PRESETS[key].shapes)
    assert bool(found.error) != bool(found.traps) and found.repairs


def test_a_class_weight_must_be_flat() -> None:
    """As the card `missing_class` says; only for pictures and sequences torch counts elements alone."""
    refused = look(Shapes("CrossEntropyLoss", (4, 3), (4,), weight=(1, 3)))
    assert "all 3 classes" in refused.error and [r.code for r in refused.repairs] == ["weight = weight.flatten()"]
    taken = look(Shapes("CrossEntropyLoss", (4, 3, 7), (4, 7), weight=(1, 3)))
    assert not taken.error and "clash" not in [cell.state for cell in taken.cells["weight"]]


def test_cards_and_lab_agree() -> None:
    """A card that points to the lab shows the same error there."""
    for card in PITFALLS.values():
        for see in card.see:
            if see.page == "guide":
                found = look(PRESETS[see.preset].shapes)
                assert found.error == card.runs()[0].error


def test_an_empty_batch_is_drawn_and_gives_nan() -> None:
    found = look(Shapes("BCEWithLogitsLoss", (0, 3), (0, 3)))
    assert not found.error and math.isnan(found.value)
    assert [cell.size for cell in cells(found.shapes)["logits"]] == [0, 3]
