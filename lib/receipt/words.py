"""What a receipt says in plain words: why the weights act or cancel, and what to beware of."""

import dataclasses

import numpy as np

from lib.receipt.batch import Batch
from lib.receipt.receipt import Receipt, take_apart


def shown(value: float, digits: int = 5) -> str:
    """A number on a receipt: five significant digits."""
    return "NaN" if np.isnan(value) else f"{value:.{digits}g}".replace("-", "−").replace("inf", "∞")


def sentence(receipt: Receipt) -> str:
    """The one thing to know about this number."""
    batch = receipt.batch
    if batch.reduction == "none":
        return "Reduction none: one number per term, and nothing is divided."
    if batch.reduction == "sum":
        inside = f" (only by the {len(batch.names)} labels inside each row)" if receipt.work.inner > 1 else ""
        return f"A sum divides by nothing{inside}: all weights times 10 make the loss 10 times as large."
    if receipt.work.divisor == "sum of weights":
        return _weighted_mean(receipt)
    return _plain_mean(receipt)


def _weighted_mean(receipt: Receipt) -> str:
    counts = receipt.work.counts
    kept = receipt.numbers.index >= 0 if receipt.numbers.index is not None else np.ones(len(counts), dtype=bool)
    if not kept.any():
        return "0/0: every row in the batch is ignored. With reduction sum the loss would be 0."
    if not counts[kept].any():
        return "0/0: every row in the batch has weight 0."
    ignored = _ignored(int((~kept).sum()))
    smoothed = receipt.batch.parameters.get("label_smoothing", 0) > 0
    if (counts[kept] == counts[kept][0]).all() and not smoothed:
        if counts[kept][0] == 1:
            return f"Every row has weight 1: the mean divides by their number, {kept.sum()}.{ignored}"
        return f"The weights cancel: every row has weight {shown(counts[kept][0])}, and the mean divides by their sum.{ignored}"
    losses = receipt.work.losses[kept]
    if np.allclose(losses, losses[0]) and not smoothed:
        return f"Every row has the same loss, {shown(losses[0])}: whatever the weights, so has their mean.{ignored}"
    return (
        f"The mean divides by the sum of the weights in this batch, {shown(receipt.divisor)}, not by the {kept.sum()} rows: "
        f"all weights times 10 change nothing.{ignored}"
    )


def _plain_mean(receipt: Receipt) -> str:
    batch, weighted = receipt.batch, bool(receipt.batch.weight or receipt.batch.row_weight or receipt.batch.pos_weight)
    what = {"numel": "elements", "N": "rows"}[receipt.work.divisor]
    size = f"{receipt.divisor:g} {what}" if receipt.work.inner == 1 else f"{batch.lines} rows and {len(batch.names)} labels"
    first = f"The mean divides by the {size}, not by the weights"
    first += ": all weights times 10 make the loss 10 times as large." if weighted else "; here there are none."
    if not batch.indexed and not batch.record.yes_no and batch.weight:
        index = _with_index_targets(batch)
        if index is not None:
            first += f" With class targets it would divide by the sum of weights: {shown(index)}."
    padding = int(np.isnan(receipt.numbers.targets).sum())
    if padding:
        real = receipt.numbers.targets.size - padding
        first += (
            f" {padding} of them {'is' if padding == 1 else 'are'} padding: not in the numerator, still in the divisor. "
            f"Divided by the {real} real ones: {shown(receipt.numerator / real if real else float('nan'))}."
        )
    return first


def _with_index_targets(batch: Batch) -> float | None:
    """The loss of the same rows with class targets, where the probabilities are one-hot."""
    names = [[name for name, cell in zip(batch.names, row, strict=True) if cell == 1] for row in batch.number_targets]
    if any(len(found) != 1 for found in names):
        return None
    return take_apart(dataclasses.replace(batch, targets=tuple(found[0] for found in names))).value


def warnings(receipt: Receipt) -> list[str]:
    """What torch accepts and a visitor should know."""
    batch, numbers = receipt.batch, receipt.numbers
    found = []
    if any(w < 0 for w in (*batch.weight, *batch.pos_weight, *batch.row_weight)):
        found.append("A weight is negative. torch accepts it; the loss then rewards being wrong, and means nothing.")
    outside = batch.row_weight and not batch.record.own_row_weight
    if outside:
        found.append(
            f"{batch.record.label} has no weight per row: the terms are weighted outside it (reduction none), and then "
            f"divided by the {'sum of row weight times class weight' if receipt.work.divisor == 'sum of weights' else 'rows'}."
        )
    if batch.reduction == "mean" and len(batch.names) > 1 and 0 in batch.weight and not batch.record.yes_no:
        found.append("Weight 0 takes a class's rows out of the loss. Its logit stays in the softmax and still gets a gradient.")
    if len(batch.names) == 1 and not batch.record.yes_no:
        found.append("One class only: the softmax of one logit is always 1. For one output use BCEWithLogitsLoss.")
    found += _pos_weight_the_wrong_way(receipt)
    p = numbers.inputs
    if batch.criterion == "bce" and ((p == 0) | (p == 1)).any():
        stuck = int((((p == 0) | (p == 1)) & (np.nan_to_num(numbers.targets) != p)).sum())
        found += [f"{stuck} probabilities are exactly 0 or 1 and wrong: the logarithm is clamped at −100."] if stuck else []
    return found


def _pos_weight_the_wrong_way(receipt: Receipt) -> list[str]:
    """pos_weight below 1 on a label that is rare: ones / zeros in place of zeros / ones."""
    real = [column[~np.isnan(column)] for column in receipt.numbers.targets.T]
    for weight, targets in zip(receipt.batch.pos_weight, real, strict=bool(receipt.batch.pos_weight)):
        share = targets.mean() if len(targets) else 0.0
        if 0 < weight < 1 and 0 < share < 0.5:
            return [f"pos_weight {shown(weight)} on a rare yes turns it down further. Did you mean {shown(1 / weight)}?"]
    return []


def _ignored(count: int) -> str:
    if not count:
        return ""
    return f" {count} ignored {'row is' if count == 1 else 'rows are'} not in the divisor either."
