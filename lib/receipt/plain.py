"""A batch from plain tensors as lists, as code has them: logits, targets, weight, pos_weight and arguments."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.receipt.batch import Batch
from lib.receipt.criterion import CRITERIA, Given


def plain_batch(criterion: str, found: Mapping[str, Any]) -> Batch:
    """The batch of `logits` (or `probabilities`) [N] or [N, K], `targets`, and what else there is by torch's names.

    A weight of [N] beside yes/no logits [N], or of [N, 1], is one per row; every other one is one per class. Code that
    has both `weight` and `pos_weight` for rows says the same thing twice: the weight is taken. Raises ValueError.
    """
    record = CRITERIA.pick(criterion)
    given: Given = "logits" if "logits" in found else "probabilities"
    if given not in found or "targets" not in found:
        raise ValueError(f"Expected logits and targets, got {', '.join(found) or 'nothing'}.")
    inputs, targets = np.array(found[given], dtype=float), np.array(found["targets"], dtype=float)
    flat = inputs.reshape(len(inputs), -1) if inputs.ndim else inputs.reshape(1, 1)
    columns = flat.shape[1]
    names = ("yes",) if record.yes_no and columns == 1 else tuple(f"class {c}" for c in range(columns))
    weight = np.array(found["weight"], dtype=float) if "weight" in found else np.array([])
    by_row = record.own_row_weight and (weight.shape == (len(flat), 1) or weight.shape == inputs.shape == (len(flat),))
    pos = (
        np.array(found["pos_weight"], dtype=float)
        if record.pos_weight and "pos_weight" in found and not by_row
        else np.array([])
    )
    indexed = not record.yes_no and targets.ndim == 1
    params = {p.name: found[p.name] for p in record.params if p.name in found}
    return Batch(
        criterion,
        names,
        _rows(flat),
        tuple(None if y < 0 else names[int(y)] for y in targets) if indexed else _rows(targets.reshape(flat.shape)),
        weight=() if by_row or not weight.size else tuple(weight.ravel().tolist()),
        pos_weight=tuple(np.broadcast_to(pos.ravel(), columns).tolist()) if pos.size else (),
        row_weight=tuple(weight.ravel().tolist()) if by_row else (),
        params=tuple(params.items()),
        given=given,
        reduction=found.get("reduction", "mean"),
    )


def _rows(values: np.ndarray[Any, Any]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.round(6).tolist())
