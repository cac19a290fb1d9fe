"""The weight tensor as PyTorch code: what stands in it, in which order, and for which criterion."""

from collections.abc import Sequence

from torch import Tensor

from lib.data import Task


def weight_code(weights: Tensor, class_names: Sequence[str], task: Task) -> str:
    """The weights as PyTorch takes them: per class [C], per label [L, 2], or of steps without and with an event [2]."""
    if task == "multilabel":
        return _per_label(weights, class_names)
    if task == "sequence":
        return "\n".join(["import torch", "from torch import nn", "", *_of_steps(weights)])
    return tensor_code(weights, class_names)


def _per_label(weights: Tensor, names: Sequence[str]) -> str:
    about = f"# shape [{len(weights)}], float32, one pos_weight per label: weight of a yes over the weight of a no"
    lines = ["import torch", "from torch import nn", "", about, "pos_weight = torch.tensor(["]
    lines += [
        f"    {_literal(yes / no if no else 0.0)},  # {index}: {_comment(name)}"
        for index, ((no, yes), name) in enumerate(zip(weights.tolist(), names, strict=True))
    ]
    lines += ["])", "criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)  # logits [N, L], targets [N, L] of 0. and 1.", ""]
    return "\n".join(lines)


def _of_steps(weights: Tensor) -> list[str]:
    no, yes = weights.tolist()
    return [
        f"pos_weight = torch.tensor({_literal(yes / no if no else 0.0)})  # weight of a step with an event over one without",
        "criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction='none')",
        "",
        "# logits, targets [N, T] (targets 0. or 1.), mask [N, T]: True where a step counts, False where there is padding",
        "def loss(logits, targets, mask):",
        "    return criterion(logits, targets)[mask].mean()",
        "",
    ]


def tensor_code(weights: Tensor, class_names: Sequence[str]) -> str:
    """A script that builds `CrossEntropyLoss(weight=...)` and, for two classes, the two BCE forms. It runs as it stands.

    weights [C] float64, in class order. Class names are comments only: they come from strangers.
    """
    about = f"# shape [{len(weights)}], float32, one weight per class, in class order"
    lines = ["import torch", "from torch import nn", "", about, "weight = torch.tensor(["]
    lines += [
        f"    {_literal(value)},  # {index}: {_comment(name)}"
        for index, (value, name) in enumerate(zip(weights.tolist(), class_names, strict=True))
    ]
    lines += ["])", "criterion = nn.CrossEntropyLoss(weight=weight)  # logits [N, C], targets [N] of class indices", ""]
    if len(weights) == 2:
        lines += _yes_no(weights)
    return "\n".join(lines)


def _yes_no(weights: Tensor) -> list[str]:
    negative, positive = weights.tolist()
    lines = ["# one logit per row: targets are floats, 0. or 1."]
    if negative > 0:
        lines += [
            f"pos_weight = torch.tensor([{_literal(positive / negative)}])  # weight of a 1 over the weight of a 0",
            "with_logits = nn.BCEWithLogitsLoss(pos_weight=pos_weight)  # logits [N, 1], targets [N, 1]",
        ]
    lines += [
        "",
        "# BCELoss has no pos_weight: its weight has the shape of the batch, so build it per batch",
        "def bce(probabilities, targets):  # both [N]",
        f"    row_weight = torch.where(targets > 0, {_literal(positive)}, {_literal(negative)})",
        "    return nn.BCELoss(weight=row_weight)(probabilities, targets)",
        "",
    ]
    return lines


def _literal(value: float) -> str:
    """A float that reads back to the same float32."""
    return repr(float(f"{value:.9g}"))


def _comment(name: str) -> str:
    """A class name that cannot leave its comment."""
    return "".join(character if character.isprintable() else " " for character in " ".join(name.split()))[:60]
