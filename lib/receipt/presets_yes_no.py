"""Ready receipts for yes/no questions: the forum's mask and its two repairs, segmentation shapes, padding, saturation."""

import torch
from torch import Tensor, nn

from lib.receipt.batch import Batch, Rows
from lib.receipt.preset import preset

EVENT = ("event",)
LSTM_LOGITS = ((-2.0,), (-1.5,), (0.4,), (-3.0,), (-2.5,), (1.0,), (-0.5,), (-2.0,))
LSTM_TARGETS: Rows = ((0.0,), (0.0,), (1.0,), (0.0,), (0.0,), (1.0,), (1.0,), (0.0,))


def forum_as_asked() -> Tensor:
    predictions = torch.tensor([[-2.0, -1.5, 0.4, -3.0], [-2.5, 1.0, -0.5, -2.0]]).sigmoid()
    target = torch.tensor([[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]])
    loss_flat = nn.BCELoss(reduction="none")(predictions, target).flatten()
    loss_flat[target.flatten() == 1] *= 100
    return loss_flat.mean()


@preset(
    key="forum_pos_weight",
    label="LSTM, 100 zeros per one: pos_weight",
    asks="Outputs [batch, seq], 100 zeros for every one: how do I weight BCE?",
    answer="pos_weight = zeros / ones = 100. It equals the mask written by hand; it is the missed ones that get the weight.",
    printed=forum_as_asked,
)
def forum_pos_weight() -> Batch:
    return Batch("bce_with_logits", EVENT, LSTM_LOGITS, LSTM_TARGETS, pos_weight=(100.0,), places=(4,))


@preset(
    key="forum_weight",
    label="LSTM, 100 zeros per one: BCELoss",
    asks="BCELoss has no pos_weight. What then?",
    answer="weight = 1 + (p - 1) y, with the shape of the batch: the same number as the mask and as pos_weight.",
    printed=forum_as_asked,
)
def forum_weight() -> Batch:
    weights = tuple(1 + (100 - 1) * float(row[0] or 0) for row in LSTM_TARGETS)
    return Batch("bce", EVENT, LSTM_LOGITS, LSTM_TARGETS, row_weight=weights, places=(4,))


ROADS = ("road", "sign")
PIXELS = ((2.0, -3.0), (1.0, -1.0), (-1.5, 0.5), (0.5, -2.0))
MASKS: Rows = ((1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 0.0))


def segmentation_by_column() -> Tensor:
    logits = torch.tensor([[[[2.0, 1.0], [-1.5, 0.5]], [[-3.0, -1.0], [0.5, -2.0]]]])  # [N, C, H, W] = [1, 2, 2, 2]
    targets = torch.tensor([[[[1.0, 1.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0]]]])
    pos_weight = torch.tensor([1.0, 20.0])  # [C], meant per channel: W == C, so that it acts per column
    return nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)


@preset(
    key="segmentation",
    label="Segmentation: pos_weight [C, 1, 1]",
    asks="Is pos_weight of shape [C] right for masks [N, C, H, W]?",
    answer="No: it meets the last axis. Where W equals C it silently weights columns; elsewhere it raises. Shape [C, 1, 1] "
    "weights channels, as here.",
    printed=segmentation_by_column,
)
def segmentation() -> Batch:
    return Batch("bce_with_logits", ROADS, PIXELS, MASKS, pos_weight=(1.0, 20.0), places=(2, 2))


def segmentation_raises() -> Tensor:
    logits, targets = torch.zeros(1, 2, 2, 3), torch.ones(1, 2, 2, 3)  # [N, C, H, W], W is not C
    return nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 20.0]))(logits, targets)


@preset(
    key="segmentation_wide",
    label="Segmentation: W is not C",
    asks="pos_weight of shape [C] raises for my masks. Why?",
    answer="It is laid along the last axis, the columns. Shape [C, 1, 1] puts it on the channels.",
    printed=segmentation_raises,
)
def segmentation_wide() -> Batch:
    return Batch("bce_with_logits", ROADS, ((0.0, 0.0),) * 6, ((1.0, 1.0),) * 6, pos_weight=(1.0, 20.0), places=(2, 3))


@preset(
    key="padded_bce",
    label="Padded sequences, BCE",
    asks="Padded steps have weight 0. Why is the loss still too small?",
    answer="Weight 0 takes them out of the numerator only: the mean still divides by all elements, padding included.",
)
def padded_bce() -> Batch:
    targets: Rows = ((0.0,), (1.0,), (0.0,), (0.0,), (1.0,), (None,), (None,), (None,))
    return Batch("bce_with_logits", EVENT, LSTM_LOGITS, targets, places=(4,))


@preset(
    key="saturated",
    label="BCELoss, sure and wrong",
    asks="The loss is 100 and nothing is learned. Why?",
    answer="In float32 sigmoid(17) is exactly 1: the logarithm is clamped at -100 and the gradient is exactly 0. At -30 the "
    "gradient has faded to a tenth. BCEWithLogitsLoss keeps both at 1.",
)
def saturated() -> Batch:
    return Batch("bce", ("yes",), ((17.0,), (-30.0,), (2.0,)), ((0.0,), (1.0,), (0.0,)), reduction="sum")


@preset(
    key="margin",
    label="MultiMarginLoss with weights",
    asks="Do weights cancel in MultiMarginLoss?",
    answer="No: it divides by the number of rows, and by K inside each row.",
)
def margin() -> Batch:
    logits = ((2.0, 0.5, -1.0), (0.2, 1.0, -0.5), (-1.0, 0.0, 1.5))
    return Batch("multi_margin", ("cat", "dog", "bird"), logits, ("cat", "dog", "dog"), weight=(1.0, 3.0, 1.0))
