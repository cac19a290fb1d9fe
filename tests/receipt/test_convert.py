"""The same rows under another criterion."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.receipt import CRITERIA, PRESETS, Batch, take_apart
from lib.receipt.convert import as_criterion, as_given, as_targets
from tests.receipt.batches import batches


@pytest.mark.parametrize("key", list(CRITERIA))
@given(st.data())
def test_every_batch_has_a_receipt_under_every_other_criterion_or_says_why_not(key, data) -> None:
    batch = data.draw(batches(key))
    for other in CRITERIA:
        try:
            changed, told = as_criterion(batch, other)
        except ValueError as error:
            assert str(error)
            continue
        assert changed.criterion == other
        assert all(told)
        take_apart(changed)


def test_two_classes_are_one_question_with_the_same_terms() -> None:
    """CE with weights (1, p) has the terms of pos_weight p; only the divisor differs: times sum w / N."""
    batch = dataclasses.replace(PRESETS["index_targets"].batch, dtype="float64")
    question, told = as_criterion(batch, "bce_with_logits")
    assert told == []
    one, other = take_apart(batch), take_apart(question)
    assert other.work.weighted[:, 0] == pytest.approx(one.work.weighted)
    assert other.value * other.divisor == pytest.approx(one.value * one.divisor)
    back, _ = as_criterion(question, "cross_entropy")
    assert back.weight == (1, 37)
    assert take_apart(back).value == pytest.approx(one.value)


def test_pos_weight_becomes_a_row_weight() -> None:
    forum = PRESETS["forum_pos_weight"].batch
    changed, _ = as_criterion(forum, "bce")
    assert changed == PRESETS["forum_weight"].batch


def test_labels_become_classes_where_a_row_has_exactly_one() -> None:
    changed, told = as_criterion(PRESETS["multi_label"].batch, "cross_entropy")
    assert changed.targets == (None, "dog", None, None)
    assert told[-1] == "3 of 4 rows do not have exactly one class; they are ignored."


@pytest.mark.parametrize("key", ["cross_entropy", "nll", "bce", "bce_with_logits", "multilabel_soft_margin"])
@given(st.data())
def test_logits_and_probabilities_say_the_same(key, data) -> None:
    batch = dataclasses.replace(data.draw(batches(key)), given="logits") if key != "multi_margin" else None
    assert isinstance(batch, Batch)
    batch = dataclasses.replace(batch, dtype="float64")
    changed = as_given(batch, "probabilities")
    one, other = take_apart(batch), take_apart(changed)
    assert other.values == pytest.approx(one.values, rel=1e-4, abs=1e-4, nan_ok=True)
    again = take_apart(as_given(changed, "logits"))
    assert again.values == pytest.approx(one.values, rel=1e-4, abs=1e-4, nan_ok=True)


def test_one_hot_targets_and_back() -> None:
    index, one_hot = PRESETS["index_targets"].batch, PRESETS["one_hot_targets"].batch
    assert as_targets(index, indexed=False) == one_hot
    assert as_targets(one_hot, indexed=True) == index
    padded = as_targets(PRESETS["padded_sequence"].batch, indexed=False)
    assert padded.lines == 4 and take_apart(padded).agrees
