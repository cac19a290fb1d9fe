"""The same batch through torch's own module: value, gradient, or the error that torch raises."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lib.receipt.batch import Batch

MODULES = {
    "cross_entropy": nn.CrossEntropyLoss,
    "nll": nn.NLLLoss,
    "bce": nn.BCELoss,
    "bce_with_logits": nn.BCEWithLogitsLoss,
    "multi_margin": nn.MultiMarginLoss,
    "multilabel_soft_margin": nn.MultiLabelSoftMarginLoss,
}


@dataclass(frozen=True, eq=False)
class Answer:
    """`values`: one number, or every term where the reduction is none. `gradient` [M, K]. `error` is torch's own, verbatim."""

    values: NDArray[np.float64]
    gradient: NDArray[np.float64]
    error: str = ""


def dtype_of(batch: Batch) -> torch.dtype:
    return torch.float64 if batch.dtype == "float64" else torch.float32


def squeezed(batch: Batch) -> bool:
    """One yes/no question per line has no dimension for its class: [N], [N, T]."""
    return batch.record.own_row_weight and len(batch.names) == 1


def in_shape(batch: Batch, flat: Tensor) -> Tensor:
    """[M, K] in torch's shape: [N, K], [N, K, T], [N, K, H, W]; without K for one yes/no question."""
    shaped = flat.view(batch.rows, *batch.places, flat.shape[-1])
    return shaped.squeeze(-1) if squeezed(batch) else shaped.movedim(-1, 1).contiguous()


def scores(batch: Batch, leaf: Tensor) -> Tensor:
    """What the criterion takes, from the leaf: sigmoid or log-softmax where it takes no logits."""
    takes = batch.record.takes
    if takes == "probabilities" and batch.given == "logits":
        return leaf.sigmoid()
    if takes == "log-probabilities":
        return functional.log_softmax(leaf, -1) if batch.given == "logits" else leaf.log()
    return leaf


def leaf_of(batch: Batch) -> Tensor:
    """The inputs as the tensor whose gradient is asked for: logits where the criterion takes them."""
    values = torch.tensor(batch.inputs, dtype=dtype_of(batch))
    if batch.record.takes == "logits" and batch.given == "probabilities":
        values = values.logit() if batch.record.yes_no else values.log()
    return values.requires_grad_()


def held_inputs(batch: Batch) -> NDArray[np.float64] | None:
    """Probabilities as torch's sigmoid rounds them, for the criterion that takes probabilities and is given logits."""
    if batch.record.takes != "probabilities" or batch.given != "logits":
        return None
    return torch.tensor(batch.inputs, dtype=dtype_of(batch)).sigmoid().double().numpy()


def targets_of(batch: Batch) -> Tensor:
    """Class indices [M], or numbers [M, K] with 0 for padding."""
    if batch.indexed:
        ignored = batch.parameters.get("ignore_index", -100)
        return torch.tensor([ignored if name is None else batch.names.index(name) for name in batch.class_targets])
    rows = [[0.0 if cell is None else cell for cell in row] for row in batch.number_targets]
    return torch.tensor(rows, dtype=dtype_of(batch))


def arguments(batch: Batch) -> dict[str, Tensor]:
    """`weight` and `pos_weight` of the module, in shapes that torch broadcasts as they are meant."""
    dtype = dtype_of(batch)
    found: dict[str, Tensor] = {}
    tail = [1] * len(batch.places)
    if batch.record.own_row_weight:
        padded = not batch.indexed and any(cell is None for row in batch.number_targets for cell in row)
        if batch.weight or batch.row_weight or padded:
            numbers = batch.numbers()
            real = (~np.isnan(numbers.targets)).astype(float)
            each = numbers.row_weight[:, None] * numbers.weight * real
            found["weight"] = in_shape(batch, torch.tensor(each, dtype=dtype))
    elif batch.weight:
        found["weight"] = torch.tensor(batch.weight, dtype=dtype)
    if batch.pos_weight:
        values = torch.tensor(batch.pos_weight, dtype=dtype)
        found["pos_weight"] = values if squeezed(batch) else values.view(-1, *tail)
    return found


def ask_torch(batch: Batch) -> Answer:
    """Value and gradient by torch. What torch refuses comes back as its own words."""
    leaf = leaf_of(batch)
    try:
        result = _forward(batch, leaf)
        (gradient,) = torch.autograd.grad(result.sum(), leaf)
    except (RuntimeError, IndexError, ValueError) as error:
        nothing = np.array(np.nan)
        return Answer(nothing, np.full(leaf.shape, np.nan), f"{type(error).__name__}: {error}")
    return Answer(result.detach().double().flatten().numpy(), gradient.double().numpy())


def _forward(batch: Batch, leaf: Tensor) -> Tensor:
    """The module alone; with row weights that it does not know, its terms, weighted and reduced as its own mean would."""
    inputs, flat = in_shape(batch, scores(batch, leaf)), targets_of(batch)
    targets = flat.view(batch.rows, *batch.places) if batch.indexed else in_shape(batch, flat)
    known = {key: value for key, value in batch.params}
    outside = batch.row_weight and not batch.record.own_row_weight
    reduction = "none" if outside else batch.reduction
    module = MODULES[batch.criterion](**arguments(batch), **known, reduction=reduction)
    result = module(inputs, targets)
    if not outside:
        return result
    row_weight = torch.tensor(batch.row_weight, dtype=dtype_of(batch)).view(result.shape)
    weighted = row_weight * result
    if batch.reduction == "none":
        return weighted
    if batch.reduction == "sum":
        return weighted.sum()
    if batch.criterion not in ("cross_entropy", "nll") or not batch.indexed:
        return weighted.mean()
    kept = targets != known["ignore_index"]
    class_weight = torch.tensor(batch.weight or [1.0] * len(batch.names), dtype=dtype_of(batch))
    return weighted.sum() / (row_weight * class_weight[targets * kept] * kept).sum()
