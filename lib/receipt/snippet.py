"""The receipt as a PyTorch script that runs as it stands and prints the same number."""

from collections.abc import Iterable

from lib.receipt.batch import Batch
from lib.receipt.torch_side import squeezed


def snippet(batch: Batch) -> str:
    """Imports, tensors, criterion, print. Class names are comments only: they come from strangers."""
    record = batch.record
    lines = ["import torch", "from torch import nn", "", *_names(batch), *_inputs(batch), *_targets(batch)]
    arguments = _arguments(batch)
    lines += [f"{name} = {value}" for name, value in arguments.items()]
    outside = bool(batch.row_weight) and not record.own_row_weight
    taken = [f"{name}={name}" for name in arguments if name != "row_weight"]
    taken += [f"{key}={_literal(value)}" for key, value in batch.params if value != _default(batch, key)]
    reduction = "none" if outside else batch.reduction
    taken += [f'reduction="{reduction}"'] if reduction != "mean" else []
    lines += ["", f"criterion = nn.{record.label}({', '.join(taken)})"]
    call = f"criterion({_scores(batch)}, targets)"
    lines += [f"terms = {call}", *_outside(batch)] if outside else [f"loss = {call}"]
    return "\n".join([*lines, "print(loss)" if batch.reduction == "none" else "print(loss.item())", ""])


def _default(batch: Batch, key: str) -> object:
    return next(param.default for param in batch.record.params if param.name == key)


def _names(batch: Batch) -> list[str]:
    word = "label" if batch.record.yes_no else "class"
    return [f"# {word} {index}: {_comment(name)}" for index, name in enumerate(batch.names)]


def _inputs(batch: Batch) -> list[str]:
    takes, given = batch.record.takes, batch.given
    lines = [f"{given} = {_matrix(batch, batch.inputs)}"]
    if takes == "logits" and given == "probabilities":
        lines.append("logits = probabilities.logit()" if batch.record.yes_no else "logits = probabilities.log()")
    return lines


def _scores(batch: Batch) -> str:
    takes, given = batch.record.takes, batch.given
    if takes == "log-probabilities":
        return "logits.log_softmax(1)" if given == "logits" else "probabilities.log()"
    if takes == "probabilities":
        return "logits.sigmoid()" if given == "logits" else "probabilities"
    return "logits"


def _targets(batch: Batch) -> list[str]:
    if not batch.indexed:
        rows = [[0.0 if cell is None else cell for cell in row] for row in batch.number_targets]
        return [f"targets = {_matrix(batch, rows)}"]
    ignored = batch.parameters.get("ignore_index")
    indices = [ignored if name is None else batch.names.index(name) for name in batch.class_targets]
    view = f".view({_shape(batch)})" if batch.places else ""
    return [f"targets = torch.tensor([{', '.join(map(str, indices))}]){view}"]


def _arguments(batch: Batch) -> dict[str, str]:
    """Tensors by the name of the argument that takes them; `row_weight` where torch has none for it."""
    found: dict[str, str] = {}
    ones = ", 1" * len(batch.places)
    if not batch.record.own_row_weight:
        found |= {"weight": _vector(batch, batch.weight)} if batch.weight else {}
        shape = f".view({_shape(batch)})" if batch.places else ""
        return found | ({"row_weight": _vector(batch, batch.row_weight) + shape} if batch.row_weight else {})
    padded = any(cell is None for row in batch.number_targets for cell in row)
    parts = []
    if batch.weight:  # one per label, on the axis of the labels
        parts.append(f"{_vector(batch, batch.weight)}{f'.view(-1{ones})' if batch.places and not squeezed(batch) else ''}")
    if batch.row_weight and (padded or batch.places or not squeezed(batch)):
        wide = [[value] for value in batch.row_weight]
        parts.append(_matrix(batch, wide))
    elif batch.row_weight:
        parts.append(_vector(batch, batch.row_weight))
    if padded:
        mask = [[0.0 if cell is None else 1.0 for cell in row] for row in batch.number_targets]
        parts.append(_matrix(batch, mask))
    if parts:
        found["weight"] = " * ".join(parts)
    if batch.pos_weight:
        found["pos_weight"] = _vector(batch, batch.pos_weight)
        found["pos_weight"] += f".view(-1{ones})" if batch.places and not squeezed(batch) else ""
    return found


def _outside(batch: Batch) -> list[str]:
    """Row weights beside a criterion that knows none: its terms, weighted, and divided as its own mean would."""
    if batch.reduction == "none":
        return ["loss = row_weight * terms"]
    if batch.reduction == "sum":
        return ["loss = (row_weight * terms).sum()"]
    if not batch.indexed or not batch.record.dense:
        return ["loss = (row_weight * terms).mean()"]
    kept = f"targets != {batch.parameters['ignore_index']}"
    own = " * weight[targets * kept]" if batch.weight else ""
    return [f"kept = {kept}", f"loss = (row_weight * terms).sum() / (row_weight{own} * kept).sum()"]


def _shape(batch: Batch) -> str:
    return ", ".join(map(str, (batch.rows, *batch.places)))


def _matrix(batch: Batch, rows: Iterable[Iterable[float]]) -> str:
    """[M, K'] as torch wants it: [N], [N, K'], or the same with places behind the classes."""
    values = [list(row) for row in rows]
    dtype = _dtype(batch)
    if squeezed(batch):
        flat = f"torch.tensor([{', '.join(_literal(row[0]) for row in values)}]{dtype})"
        return flat + (f".view({_shape(batch)})" if batch.places else "")
    body = ", ".join(f"[{', '.join(map(_literal, row))}]" for row in values)
    text = f"torch.tensor([{body}]{dtype})"
    return text + (f".view({_shape(batch)}, {len(values[0])}).movedim(-1, 1).contiguous()" if batch.places else "")


def _vector(batch: Batch, values: tuple[float, ...]) -> str:
    return f"torch.tensor([{', '.join(map(_literal, values))}]{_dtype(batch)})"


def _dtype(batch: Batch) -> str:
    return "" if batch.dtype == "float32" else ", dtype=torch.float64"


def _literal(value: object) -> str:
    return repr(value) if isinstance(value, int) else repr(float(str(value)))


def _comment(name: str) -> str:
    """A class name that cannot leave its comment."""
    return "".join(character if character.isprintable() else " " for character in " ".join(name.split()))[:60]
