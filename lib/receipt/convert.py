"""The same rows under another criterion, as far as its targets and weights allow."""

import dataclasses
import math
from typing import Any

from lib.receipt.batch import Batch
from lib.receipt.criterion import CRITERIA, Given

LEAST = 1e-6  # probabilities stay so far from 0 and 1 where they become logits


def as_criterion(batch: Batch, key: str) -> tuple[Batch, list[str]]:
    """The batch for the criterion `key`, and what could not be kept, in sentences.

    Classes become one yes/no question each, two classes become one (z = z1 - z0), and back. Weights of classes become row
    weights w_y of a BCE and the other way round where that is the same weight.
    """
    record = CRITERIA.pick(key)
    if key == batch.criterion:
        return batch, []
    told: list[str] = []
    changed: dict[str, Any] = {"criterion": key}
    changed["params"] = tuple((name, value) for name, value in batch.params if name in {p.name for p in record.params})
    if batch.given not in record.given:
        changed |= {"given": "logits", "inputs": tuple(tuple(map(math.log, row)) for row in batch.inputs)}
    if batch.places and not record.dense:
        changed["places"] = ()
        told.append(f"{record.label} takes [N, K] only: every place is a row now.")
    if record.yes_no and not batch.record.yes_no:
        changed |= _to_questions(batch)
    elif not record.yes_no and batch.record.yes_no:
        changed |= _to_classes(batch, told)
    elif not batch.indexed and not record.yes_no and not record.soft_targets:
        changed["targets"] = tuple(_most_likely(batch.names, row) for row in batch.number_targets)
        told.append(f"{record.label} takes one class per row: the most likely one.")
    if batch.pos_weight and not record.pos_weight and record.yes_no:
        changed |= {"pos_weight": ()} | _as_row_weight(batch, told)
    return dataclasses.replace(batch, **_fitting(batch, changed, told)), told


def _fitting(batch: Batch, changed: dict[str, Any], told: list[str]) -> dict[str, Any]:
    """Without the lines that the new criterion cannot leave out."""
    record = CRITERIA[changed["criterion"]]
    targets = changed.get("targets", batch.targets)
    if record.dense:
        return changed
    kept = [i for i, target in enumerate(targets) if target is not None and not (isinstance(target, tuple) and None in target)]
    if len(kept) == len(targets):
        return changed
    told.append(f"{record.label} cannot ignore a row: {len(targets) - len(kept)} are left out.")
    pick = {"targets": targets, "inputs": changed.get("inputs", batch.inputs)}
    pick["row_weight"] = changed.get("row_weight", batch.row_weight)
    return changed | {name: tuple(values[i] for i in kept) if values else () for name, values in pick.items()}


def _to_questions(batch: Batch) -> dict[str, Any]:
    """One question per class; two exclusive classes are one question about the second."""
    columns = range(len(batch.names))
    if batch.indexed:
        targets: Any = tuple(
            tuple(None if name is None else float(batch.names.index(name) == c) for c in columns)
            for name in batch.class_targets
        )
    else:
        targets = batch.number_targets
    if len(batch.names) != 2:
        return {"targets": targets}
    if batch.given == "logits":
        inputs = tuple((row[1] - row[0],) for row in batch.inputs)
    else:
        inputs = tuple((row[1],) for row in batch.inputs)
    found = {"names": batch.names[1:], "inputs": inputs, "targets": tuple(row[1:] for row in targets), "weight": ()}
    if batch.weight:
        none, yes = batch.weight
        own = batch.row_weight or (1.0,) * batch.lines
        found["row_weight"] = tuple(
            w * (none + (yes - none) * (row[1] or 0.0)) for w, row in zip(own, targets, strict=True)
        )  # fmt: skip
    return found


def _to_classes(batch: Batch, told: list[str]) -> dict[str, Any]:
    """One question is two classes, with logits (0, z); several are classes where each row has exactly one yes."""
    found: dict[str, Any] = {"pos_weight": ()}
    if len(batch.names) > 1:
        targets = tuple(_only_yes(batch.names, row) for row in batch.number_targets)
        if batch.pos_weight:
            told.append("The pos_weights are left out: here every class has one weight.")
        if missing := targets.count(None):
            told.append(f"{missing} of {len(targets)} rows do not have exactly one class; they are ignored.")
        if batch.given == "probabilities":
            found |= {"given": "logits", "inputs": tuple(tuple(map(_logit, row)) for row in batch.inputs)}
        return found | {"targets": targets}
    name = batch.names[0]
    names = (f"not {name}"[:40], name)
    logit = (lambda z: (0.0, z)) if batch.given == "logits" else (lambda p: (1 - p, p))
    found |= {"names": names, "inputs": tuple(logit(row[0]) for row in batch.inputs), "weight": ()}
    if any(row[0] not in (None, 0, 1) for row in batch.number_targets):
        told.append("Targets between 0 and 1 are rounded: here a row has one class.")
    found["targets"] = tuple(None if row[0] is None else names[round(row[0])] for row in batch.number_targets)
    if batch.pos_weight:
        found["weight"] = (1.0, batch.pos_weight[0])
    elif batch.row_weight and (weights := _class_weights(batch)):
        found |= {"weight": weights, "row_weight": ()}
    return found


def _class_weights(batch: Batch) -> tuple[float, float] | None:
    """Row weights that are one weight for every no and one for every yes; None where they are not."""
    by_target: dict[object, set[float]] = {0.0: set(), 1.0: set()}
    for row, weight in zip(batch.number_targets, batch.row_weight, strict=True):
        if row is not None and row[0] is not None:
            by_target.setdefault(row[0], set()).add(weight)
    if len(by_target) > 2 or any(len(weights) > 1 for weights in by_target.values()):
        return None
    return next(iter(by_target[0.0]), 1.0), next(iter(by_target[1.0]), 1.0)


def _as_row_weight(batch: Batch, told: list[str]) -> dict[str, Any]:
    """pos_weight as row weights 1 + (p - 1) y, for one question per row."""
    if len(batch.names) > 1:
        told.append("The pos_weights are left out: this loss has none, and rows of several labels have one weight.")
        return {}
    extra = batch.pos_weight[0] - 1
    own = batch.row_weight or (1.0,) * batch.lines
    return {"row_weight": tuple(w * (1 + extra * (row[0] or 0.0)) for w, row in zip(own, batch.number_targets, strict=True))}


def _most_likely(names: tuple[str, ...], row: tuple[float | None, ...]) -> str:
    return max(zip(names, row, strict=True), key=lambda pair: pair[1] or 0.0)[0]


def _only_yes(names: tuple[str, ...], row: tuple[float | None, ...]) -> str | None:
    yes = [name for name, cell in zip(names, row, strict=True) if cell == 1]
    return yes[0] if len(yes) == 1 and all(cell in (0, 1) for cell in row) else None


def _logit(p: float) -> float:
    p = min(max(p, LEAST), 1 - LEAST)
    return math.log(p / (1 - p))


def as_given(batch: Batch, given: Given) -> Batch:
    """The same numbers as logits or as probabilities. Probabilities stay off 0 and 1, which have no logit."""
    if given == batch.given:
        return batch
    if given == "probabilities":
        inputs = tuple(_probabilities(row, batch.record.yes_no) for row in batch.inputs)
    elif batch.record.yes_no:
        inputs = tuple(tuple(map(_logit, row)) for row in batch.inputs)
    else:
        inputs = tuple(tuple(math.log(max(p, LEAST)) for p in row) for row in batch.inputs)
    return dataclasses.replace(batch, given=given, inputs=inputs)


def as_targets(batch: Batch, indexed: bool) -> Batch:
    """One class per row, or a probability for each class: one-hot there, the most likely class back."""
    if indexed == batch.indexed or not batch.record.soft_targets:
        return batch
    if indexed:
        names = tuple(_most_likely(batch.names, row) for row in batch.number_targets)
        return dataclasses.replace(batch, targets=names)
    kept = [i for i, name in enumerate(batch.class_targets) if name is not None]
    one_hot = tuple(tuple(float(name == batch.class_targets[i]) for name in batch.names) for i in kept)
    own = tuple(batch.row_weight[i] for i in kept) if batch.row_weight else ()
    places = batch.places if len(kept) == batch.lines else ()
    params = tuple((name, -100 if name == "ignore_index" else value) for name, value in batch.params)
    inputs = tuple(batch.inputs[i] for i in kept)
    return dataclasses.replace(batch, inputs=inputs, targets=one_hot, row_weight=own, places=places, params=params)


def _probabilities(row: tuple[float, ...], yes_no: bool) -> tuple[float, ...]:
    if yes_no:
        return tuple(1 / (1 + math.exp(-max(min(z, -_logit(LEAST)), _logit(LEAST)))) for z in row)
    top = max(row)
    parts = [max(math.exp(z - top), LEAST) for z in row]
    return tuple(part / sum(parts) for part in parts)
