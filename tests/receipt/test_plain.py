"""The Field guide's cards as receipts."""

import pytest
import torch
from torch import nn

from lib.pitfalls import PITFALLS
from lib.receipt import CRITERIA, PRESETS, take_apart
from lib.receipt.link import from_fields, to_fields
from lib.receipt.plain import plain_batch
from lib.ui.guide_view import where

CARDS = [(card, see) for card in PITFALLS.values() for see in card.see if see.page == "receipt"]


@pytest.mark.parametrize(("card", "see"), CARDS, ids=[f"{card.key}-{see.preset}" for card, see in CARDS])
def test_every_link_of_a_card_opens_a_receipt(card, see) -> None:
    assert see.preset in PRESETS or see.preset in CRITERIA
    page, fields = where(card, see)
    assert page == "pages/receipt.py"
    receipt = take_apart(from_fields(fields))
    assert receipt.agrees
    assert to_fields(receipt.batch) == fields


def test_a_weight_per_row_and_a_number_are_told_apart() -> None:
    logits, y = [0.5, -1.0, 2.0], [1.0, 0.0, 0.0]
    batch = plain_batch("bce_with_logits", {"logits": logits, "targets": y, "weight": [1.0, 2.0, 3.0]})
    theirs = nn.BCEWithLogitsLoss(weight=torch.tensor([1.0, 2.0, 3.0]))(torch.tensor(logits), torch.tensor(y))
    assert batch.row_weight == (1, 2, 3) and take_apart(batch).value == pytest.approx(theirs.item(), rel=1e-6)
    assert plain_batch("bce_with_logits", {"logits": logits, "targets": y, "pos_weight": 9}).pos_weight == (9,)


def test_what_is_no_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected logits and targets, got weight"):
        plain_batch("cross_entropy", {"weight": [1.0]})
