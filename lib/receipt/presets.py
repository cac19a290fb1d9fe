"""Ready receipts for classes that exclude each other: the explainer's examples, weights that cancel, targets, padding."""

import torch
from torch import Tensor, nn

from lib.receipt.batch import Batch
from lib.receipt.preset import preset

TWO = ("class 0", "class 1")
ALTERNATING = ("class 0", "class 1", "class 0", "class 1")
ONE_HOT_LOGITS = ((1.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.0, 1.0))


def example_1_as_printed() -> Tensor:
    class_weights = torch.tensor([0.2, 0.8])
    inputs = torch.tensor([[1, 0], [0, 1], [1, 0], [0, 1]])
    targets = torch.tensor([0, 1, 0, 1])
    criterion = nn.CrossEntropyLoss(weight=class_weights)
    return criterion(inputs, targets)


@preset(
    key="example_1",
    label="Example 1: class weights",
    asks="An explainer's first example: CrossEntropyLoss with class weights.",
    answer="As printed it raises: the logits are whole numbers. With floats it runs, and the weights change nothing, because "
    "every row has the same loss.",
    printed=example_1_as_printed,
)
def example_1() -> Batch:
    return Batch("cross_entropy", TWO, ONE_HOT_LOGITS, ALTERNATING, weight=(0.2, 0.8))


def example_2_as_printed() -> Tensor:
    sample_weights = torch.tensor([1.0, 0.5, 1.0, 0.5])
    inputs = torch.tensor([0.1, 0.9, 0.2, 0.8])
    targets = torch.tensor([0, 1, 0, 1])
    criterion = nn.BCELoss(weight=sample_weights.unsqueeze(1))
    return criterion(inputs, targets.float())


@preset(
    key="example_2",
    label="Example 2: row weights in BCELoss",
    asks="The second example: BCELoss with a weight per row.",
    answer="As printed it raises: unsqueeze(1) makes the weight [4, 1] beside inputs [4]. Without it the weight has the shape "
    "of the batch, and the mean divides by 4, not by the weights.",
    printed=example_2_as_printed,
)
def example_2() -> Batch:
    return Batch(
        "bce", ("yes",), ((0.1,), (0.9,), (0.2,), (0.8,)), ((0.0,), (1.0,), (0.0,), (1.0,)),
        row_weight=(1.0, 0.5, 1.0, 0.5), given="probabilities",
    )  # fmt: skip


def example_3_as_printed() -> Tensor:
    inputs = torch.tensor([[1, 0], [0, 1], [1, 0], [0, 1]])
    targets = torch.tensor([0, 1, 0, 1])
    equal = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 1.0]))
    imbalanced = nn.CrossEntropyLoss(weight=torch.tensor([0.1, 10.0]))
    return torch.stack([equal(inputs, targets), imbalanced(inputs, targets)])


@preset(
    key="example_3",
    label="Example 3: weights 0.1 and 10",
    asks="The third example: “imbalanced weights drastically change the loss”.",
    answer="They do not. As printed it raises; with floats both losses are the same, because every row has the same loss and "
    "the weighted mean divides by the sum of weights.",
    printed=example_3_as_printed,
)
def example_3() -> Batch:
    return Batch("cross_entropy", TWO, ONE_HOT_LOGITS, ALTERNATING, weight=(0.1, 10.0))


@preset(
    key="one_class",
    label="A batch of one class",
    asks="Why do my weights do nothing?",
    answer="All rows of the batch have the same weight, and the mean divides by their sum: it cancels. The same happens with a "
    "batch of one row.",
)
def one_class() -> Batch:
    return Batch("cross_entropy", ("no", "yes"), ((0.3, 1.2), (1.5, -0.5), (-1.0, 0.4)), ("yes",) * 3, weight=(1.0, 10.0))


MIXED = ((1.5, 0.0), (2.0, 0.0), (0.0, 3.0), (0.0, -1.0))


@preset(
    key="index_targets",
    label="Index targets",
    asks="The same rows give 0.667 with class indices and 12.68 with one-hot targets. Which is right?",
    answer="Both: with indices the mean divides by the sum of weights.",
)
def index_targets() -> Batch:
    return Batch("cross_entropy", ("common", "rare"), MIXED, ("common", "common", "rare", "rare"), weight=(1.0, 37.0))


@preset(
    key="one_hot_targets",
    label="One-hot targets",
    asks="The same rows give 0.667 with class indices and 12.68 with one-hot targets. Which is right?",
    answer="Both: probability targets divide by the number of rows, so that weights scale the loss, and with SGD the step.",
)
def one_hot_targets() -> Batch:
    one_hot = ((1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 1.0))
    return Batch("cross_entropy", ("common", "rare"), MIXED, one_hot, weight=(1.0, 37.0))


ANIMALS = ("cat", "dog", "bird")
ANIMAL_LOGITS = ((2.0, 0.5, -1.0), (0.2, 1.0, -0.5), (-1.0, 0.0, 1.5), (0.5, 0.3, 0.1))


@preset(
    key="multi_class",
    label="Cat, dog, bird: multi-class",
    asks="What is multi-class?",
    answer="Exactly one of cat, dog and bird: one softmax over three logits, one term per picture.",
)
def multi_class() -> Batch:
    return Batch("cross_entropy", ANIMALS, ANIMAL_LOGITS, ("cat", "dog", "bird", "bird"), weight=(0.5, 1.0, 4.0))


@preset(
    key="multi_label",
    label="Cat, dog, bird: multi-label",
    asks="What is multi-label?",
    answer="Any combination, also none: three yes/no questions asked of one network, three terms per picture.",
)
def multi_label() -> Batch:
    targets = ((1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return Batch("bce_with_logits", ANIMALS, ANIMAL_LOGITS, targets, pos_weight=(1.0, 1.0, 3.0))


@preset(
    key="padded_sequence",
    label="Padded sequences, ignore_index",
    asks="Do padded steps count?",
    answer="Rows with ignore_index leave the numerator and the divisor.",
)
def padded_sequence() -> Batch:
    logits = ((2.0, 0.1), (0.3, 0.9), (1.0, 0.0), (1.5, -0.5), (0.4, 0.2), (0.0, 0.0))
    return Batch("cross_entropy", ("quiet", "event"), logits, ("quiet", "event", "quiet", "quiet", None, None),
                 weight=(1.0, 5.0), places=(3,))  # fmt: skip


@preset(
    key="all_ignored",
    label="Nothing but padding",
    asks="Why is my loss NaN?",
    answer="Every row is ignored: 0/0. With reduction sum it would be 0.",
)
def all_ignored() -> Batch:
    return Batch("cross_entropy", ("quiet", "event"), ((2.0, 0.1), (0.3, 0.9)), (None, None), weight=(1.0, 5.0))


@preset(
    key="weight_zero",
    label="A class of weight 0",
    asks="Does weight 0 remove a class?",
    answer="Its rows no longer count, but its logit stays in every softmax and still gets a gradient from the other rows.",
)
def weight_zero() -> Batch:
    return Batch("cross_entropy", ANIMALS, ANIMAL_LOGITS, ("cat", "dog", "bird", "bird"), weight=(1.0, 1.0, 0.0))


@preset(
    key="smoothing_flips",
    label="Label smoothing and weights",
    asks="Every row is “no”. Why does the model learn to say “yes”?",
    answer="The smoothing mass is weighted as well: with 0.1 and weights 1 to 100 the best p(no) is 0.16, as typed here, and "
    "the gradient is 0.",
)
def smoothing_flips() -> Batch:
    best = (1 - 0.1 + 0.1 / 2) / (1 - 0.1 + 0.1 / 2 + 0.1 / 2 * 100)
    return Batch("cross_entropy", ("no", "yes"), ((best, 1 - best),) * 2, ("no", "no"), weight=(1.0, 100.0),
                 given="probabilities", params=(("label_smoothing", 0.1),), dtype="float64")  # fmt: skip
