"""Numbers of the wrong kind: what torch says, and the cast that mends it."""

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="integer_logits",
    label="Why does cross-entropy say it is not implemented for 'Long'?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.tensor([[1, 0], [0, 1], [1, 0], [0, 1]])
        targets = torch.tensor([0, 1, 0, 1])
        loss = nn.CrossEntropyLoss(torch.tensor([.2, .8]))(logits, targets)
    """,
    right="""
        logits = torch.tensor([[1., 0.], [0., 1.], [1., 0.], [0., 1.]])
        targets = torch.tensor([0, 1, 0, 1])
        weight = torch.tensor([.2, .8])
        loss = nn.CrossEntropyLoss(weight)(logits, targets)
        print(f"{loss:.5f}")
    """,
    why="Logits are real numbers; whole numbers without a point make an integer tensor, which has no softmax. With "
    "floats the example gives {right[loss]:.5f}, with any weights, because every row costs the same.",
    threads=("an explainer on class weights, example 1",),
    see=(
        See("receipt", "example_1", "Example 1, repaired"),
        See("compare", "weights_that_cancel", "Weights that cancel"),
    ),
)
def integer_logits(wrong: Ran, right: Ran) -> bool:
    return "'Long'" in wrong.error and not right.error


@pitfall(
    key="weight_dtype",
    label="expected scalar type Float but found Double: where is the double?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits, targets = torch.tensor([[1., 0.], [1., 0.]]), torch.tensor([0, 1])
        weight = torch.tensor([1., 9.], dtype=torch.float64)  # as numpy and scikit-learn give it
        loss = nn.CrossEntropyLoss(weight)(logits, targets)
    """,
    right="""
        logits, targets = torch.tensor([[1., 0.], [1., 0.]]), torch.tensor([0, 1])
        weight = torch.tensor([1., 9.], dtype=torch.float64)
        loss = nn.CrossEntropyLoss(weight.to(logits.dtype))(logits, targets)
        pos_weight = torch.tensor(9)  # int64: BCEWithLogits takes it
        bce = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits[:, 0], targets.float())
        print(f"{loss:.4f}, and BCE with an integer pos_weight {bce:.4f}")
    """,
    why="In the weight: cross-entropy wants it in the dtype of the logits, and arrays from numpy are double. "
    "`weight.to(logits.dtype)` gives {right[loss]:.4f}. BCEWithLogits is not so strict about `pos_weight`.",
    threads=("pytorch/pytorch#101213", "trojanzoo 72"),
    see=(
        See("data", "rare_1_to_20", "Weights as a float tensor"),
        See("receipt", "cross_entropy", "The number, taken apart"),
    ),
)
def weight_dtype(wrong: Ran, right: Ran) -> bool:
    return "Double" in wrong.error and not right.error


@pitfall(
    key="half_logits",
    label="Mixed precision: expected scalar type Half but found Float, only when I use weights",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.tensor([[1., 0.], [1., 0.]], dtype=torch.float16)  # outside autocast
        targets, weight = torch.tensor([0, 1]), torch.tensor([1., 9.])
        loss = nn.CrossEntropyLoss(weight)(logits, targets)
    """,
    right="""
        logits = torch.tensor([[1., 0.], [1., 0.]], dtype=torch.float16)
        targets, weight = torch.tensor([0, 1]), torch.tensor([1., 9.])
        loss = nn.CrossEntropyLoss(weight)(logits.float(), targets)
        print(f"{loss:.4f}")
    """,
    why="The weight must have the dtype of the logits. Within autocast torch computes the loss in full precision by "
    "itself; outside, lift the logits: {right[loss]:.4f}. Do not lower the weight, large ones overflow in half "
    "precision.",
    threads=("NVIDIA/apex#837",),
    see=(See("receipt", "cross_entropy", "The number, taken apart"), See("data", "rare_1_to_100", "How large weights get")),
)
def half_logits(wrong: Ran, right: Ran) -> bool:
    return "Half" in wrong.error and not right.error


@pitfall(
    key="weight_is_a_number",
    label="cannot assign 'float' object to buffer 'pos_weight': it is one number, so why not a float?",
    losses=("BCEWithLogitsLoss",),
    wrong="""
        criterion = nn.BCEWithLogitsLoss(pos_weight=9.0)
    """,
    right="""
        pos_weight = torch.tensor(9.0)
        logits, targets = torch.tensor([0., 2.]), torch.tensor([1., 0.])
        loss = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="`weight` and `pos_weight` are buffers of the criterion, and a buffer is a tensor: a number, a list or an array "
    "is refused. Wrapped in `torch.tensor` it gives {right[loss]:.4f}.",
    threads=("pytorch/pytorch#101213",),
    see=(
        See("receipt", "bce_with_logits", "The number, taken apart"),
        See("data", "rare_1_to_100", "pos_weight as a tensor"),
    ),
)
def weight_is_a_number(wrong: Ran, right: Ran) -> bool:
    return wrong.error.startswith("TypeError") and not right.error
