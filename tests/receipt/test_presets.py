"""Every preset has the number that the project's list of questions gives for it, and printed code says what torch says."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from lib.receipt import PRESETS, take_apart
from lib.receipt.words import sentence


def value(key: str) -> float:
    return take_apart(PRESETS[key].batch).value


@pytest.mark.parametrize(
    ("key", "number", "digits"),
    [
        ("example_1", 0.31326, 5),
        ("example_2", 0.12319, 5),
        ("example_3", 0.31326, 5),
        ("index_targets", 0.667, 3),
        ("one_hot_targets", 12.68, 2),
    ],
)
def test_the_numbers_people_ask_about(key, number, digits) -> None:
    assert round(value(key), digits) == number


def test_code_as_printed_raises_torchs_own_words() -> None:
    long = "NotImplementedError: \"log_softmax_lastdim_kernel_impl\" not implemented for 'Long'"
    assert PRESETS["example_1"].run() == PRESETS["example_3"].run() == long
    assert PRESETS["example_2"].run() == "RuntimeError: output with shape [4] doesn't match the broadcast shape [4, 4]"
    assert PRESETS["segmentation_wide"].run().startswith("RuntimeError: The size of tensor a (2) must match")
    for preset in PRESETS.values():
        assert bool(preset.code) == bool(preset.printed) == bool(preset.run())
    assert "class_weights = torch.tensor([0.2, 0.8])" in PRESETS["example_1"].code


def test_example_3_is_the_same_with_any_weights() -> None:
    batch = PRESETS["example_3"].batch
    assert value("example_3") == pytest.approx(take_apart(dataclasses.replace(batch, weight=(1.0, 1.0))).value)
    assert sentence(take_apart(batch)).startswith("Every row has the same loss")


def test_the_forums_mask_is_pos_weight_and_is_a_weight() -> None:
    printed = PRESETS["forum_pos_weight"].printed
    assert printed
    assert printed().item() == pytest.approx(value("forum_pos_weight"), rel=1e-6)
    assert value("forum_weight") == pytest.approx(value("forum_pos_weight"), rel=1e-6)


def test_a_batch_of_one_class_cancels() -> None:
    batch = PRESETS["one_class"].batch
    assert sentence(take_apart(batch)) == "The weights cancel: every row has weight 10, and the mean divides by their sum."
    assert value("one_class") == pytest.approx(take_apart(dataclasses.replace(batch, weight=())).value)


def test_pos_weight_of_shape_c_silently_weights_columns() -> None:
    batch = PRESETS["segmentation"].batch
    logits = torch.tensor(batch.inputs).view(1, 2, 2, 2).movedim(-1, 1)
    targets = torch.tensor(batch.number_targets).view(1, 2, 2, 2).movedim(-1, 1)
    right = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 20.0]).view(2, 1, 1))(logits, targets)
    wrong = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 20.0]))(logits, targets)
    assert value("segmentation") == pytest.approx(right.item(), rel=1e-6)
    assert float(PRESETS["segmentation"].run()) == pytest.approx(wrong.item(), rel=1e-4) != pytest.approx(right.item())


def test_padding() -> None:
    assert math.isnan(value("all_ignored"))
    ignored = take_apart(PRESETS["padded_sequence"].batch)
    assert (ignored.divisor, ignored.divisor_name) == (8, "sum of weights")
    padded = take_apart(PRESETS["padded_bce"].batch)
    assert (padded.divisor, padded.divisor_name) == (8, "numel")
    assert f"Divided by the 5 real ones: {padded.numerator / 5:.5g}" in sentence(padded)


def test_saturated_bce_has_loss_100_and_no_gradient() -> None:
    receipt = take_apart(PRESETS["saturated"].batch)
    assert receipt.work.losses[0, 0] == 100 and receipt.gradient[0, 0] == 0
    assert receipt.gradient[1, 0] == pytest.approx(-0.0936, abs=1e-4)


def test_smoothing_flips_the_best_answer() -> None:
    receipt = take_apart(PRESETS["smoothing_flips"].batch)
    assert receipt.batch.inputs[0][0] == pytest.approx(0.160, abs=5e-4)
    assert np.abs(receipt.gradient).max() < 1e-12


def test_a_class_of_weight_0_still_gets_a_gradient() -> None:
    receipt = take_apart(PRESETS["weight_zero"].batch)
    assert receipt.work.weighted[2:].tolist() == [0, 0]
    assert (receipt.gradient[:2, 2] > 0).all()
