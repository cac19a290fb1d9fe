"""By hand equals torch: every criterion, value and gradient, NaN and refusals included."""

import contextlib
import dataclasses
import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lib.receipt import CRITERIA, PRESETS, Batch, take_apart
from lib.receipt.snippet import snippet
from lib.receipt.torch_side import MODULES
from lib.receipt.words import sentence, warnings
from tests.receipt.batches import batches


def printed(batch: Batch) -> np.ndarray:
    """What the snippet prints, run as it stands."""
    out = io.StringIO()
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(out):
        exec(snippet(batch), names)  # noqa: S102 - our own text
    if batch.reduction == "none":
        loss = names["loss"]
        assert isinstance(loss, torch.Tensor)
        return loss.detach().double().flatten().numpy()
    return np.array([float(out.getvalue())])


@pytest.mark.parametrize("key", list(CRITERIA))
@settings(max_examples=150)
@given(st.data())
def test_by_hand_equals_torch_and_the_snippet_prints_the_same(key, data) -> None:
    batch = data.draw(batches(key))
    receipt = take_apart(batch)
    assert not receipt.torch.error
    assert receipt.agrees, (receipt.difference, receipt.values, receipt.torch.values)
    np.testing.assert_array_equal(printed(batch), receipt.torch.values)
    assert sentence(receipt) and isinstance(warnings(receipt), list)
    worked = receipt.batch.record.worked(receipt.numbers, 0, 0, **batch.parameters)
    assert worked.count("{") == worked.count("}")
    if batch.reduction != "none" and receipt.divisor:
        assert receipt.value == pytest.approx(receipt.numerator / receipt.divisor)


@pytest.mark.parametrize("key", ["cross_entropy", "nll", "bce_with_logits", "multilabel_soft_margin", "multi_margin"])
@settings(max_examples=40)
@given(st.data())
def test_extreme_logits_agree_as_well(key, data) -> None:
    batch = dataclasses.replace(data.draw(batches(key, reach=100.0)), dtype="float64")
    assert take_apart(batch).agrees


@pytest.mark.parametrize("z", [-120.0, -30.0, -28.0, 16.0, 16.7, 17.0, 90.0, 120.0])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_bce_saturates_as_torchs_float32_does(z, y) -> None:
    receipt = take_apart(Batch("bce", ("yes",), ((z,),), ((y,),)))
    logit = torch.tensor([z], requires_grad=True)
    loss = nn.BCELoss()(logit.sigmoid(), torch.tensor([y]))
    loss.backward()
    assert receipt.value == pytest.approx(loss.item(), rel=1e-6)
    assert receipt.gradient.item() == pytest.approx(logit.grad.item(), rel=1e-5, abs=1e-12)
    if z == 17 and y == 0:
        assert (receipt.value, receipt.gradient.item()) == (100, 0)


def test_every_criterion_is_torchs_own() -> None:
    assert set(MODULES) == set(CRITERIA)
    for key, module in MODULES.items():
        assert module.__name__ == CRITERIA[key].label


ROWS = ((1.0, 2.0), (0.5, 0.0))


@pytest.mark.parametrize(
    ("batch", "says"),
    [
        (Batch("cross_entropy", ("a", "b"), ROWS, (None, None)), "0/0: every row in the batch is ignored."),
        (Batch("cross_entropy", ("a", "b"), ROWS, ("a", "a"), weight=(0.0, 1.0)), "0/0: every row in the batch has weight 0."),
        (Batch("nll", ("a", "b"), ROWS, ("b", None), weight=(2.0, 0.0)), "0/0: every row in the batch has weight 0."),
        (
            Batch("cross_entropy", ("a", "b"), ROWS, ("a", None), params=(("label_smoothing", 0.1),), weight=(0.0, 3.0)),
            "0/0: every row in the batch has weight 0.",
        ),
    ],
)
def test_nan_is_explained(batch, says) -> None:
    receipt = take_apart(batch)
    assert math.isnan(receipt.value) and math.isnan(receipt.torch.values.item())
    assert receipt.agrees, "NaN in the same places, gradient included"
    assert sentence(receipt).startswith(says)
    assert take_apart(dataclasses.replace(batch, reduction="sum")).value == 0 or batch.parameters.get("label_smoothing")


@pytest.mark.parametrize(
    ("key", "inputs", "targets", "raises", "ours"),
    [
        ("cross_entropy", [[1.0, 2.0]], [5], IndexError, {"targets": ("moose",)}),
        ("nll", [[1.0, 2.0]], [5], IndexError, {"targets": ("moose",)}),
        ("multi_margin", [[1.0, 2.0]], [5], RuntimeError, {"targets": ("moose",)}),
        ("bce", [[1.5, 0.2]], [[1.0, 0.0]], RuntimeError, {"given": "probabilities", "inputs": ((1.5, 0.2),)}),
        ("bce", [[0.5, 0.2]], [[3.0, 0.0]], RuntimeError, {"targets": ((3.0, 0.0),)}),
    ],
)
def test_what_torch_refuses_is_refused(key, inputs, targets, raises, ours) -> None:
    with pytest.raises(raises):
        MODULES[key]()(torch.tensor(inputs), torch.tensor(targets))
    good = Batch(key, ("a", "b"), ((1.0, 2.0),), ((1.0, 0.0),) if CRITERIA[key].yes_no else ("a",))
    with pytest.raises(ValueError):
        dataclasses.replace(good, **ours)


def test_negative_weights_are_taken_and_warned_about() -> None:
    receipt = take_apart(Batch("cross_entropy", ("a", "b"), ROWS, ("a", "b"), weight=(-1.0, 3.0)))
    assert receipt.agrees
    assert "negative" in warnings(receipt)[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("key", list(PRESETS))
def test_presets_agree_with_torch_and_with_their_snippet(key, dtype) -> None:
    batch = dataclasses.replace(PRESETS[key].batch, dtype=dtype)
    receipt = take_apart(batch)
    assert receipt.agrees
    np.testing.assert_array_equal(printed(batch), receipt.torch.values)
