"""Shapes that raise, and shapes that fit by accident. The shape lab draws them."""

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="pos_weight_of_a_picture",
    label="Segmentation: pos_weight with one value per class does not fit [N, C, H, W]. Why?",
    losses=("BCEWithLogitsLoss",),
    wrong="""
        logits, targets = torch.zeros(2, 3, 4, 5), torch.ones(2, 3, 4, 5)
        pos_weight = torch.tensor([1., 5., 9.])
        loss = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
    """,
    right="""
        logits, targets = torch.zeros(2, 3, 4, 5), torch.ones(2, 3, 4, 5)
        pos_weight = torch.tensor([1., 5., 9.]).view(3, 1, 1)
        loss = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="A shape is matched from its last axis, which is the width of the picture and not the class. Give `pos_weight` "
    "the shape `(C, 1, 1)`: {right[loss]:.3f}.",
    threads=("pytorch/pytorch#65702", "pytorch/pytorch#82496", "pytorch/pytorch#101567", "open-mmlab/mmsegmentation#2836"),
    see=(See("guide", "picture", "See the axes"), See("receipt", "segmentation", "pos_weight for pictures")),
)
def pos_weight_of_a_picture(wrong: Ran, right: Ran) -> bool:
    return "size of tensor" in wrong.error and not right.error


@pitfall(
    key="width_equals_classes",
    label="My pos_weight per class fits the pictures, but the classes do not react. How?",
    losses=("BCEWithLogitsLoss",),
    wrong="""
        logits, targets = torch.zeros(2, 3, 4, 3), torch.ones(2, 3, 4, 3)  # width 3 = 3 classes
        pos_weight = torch.tensor([1., 5., 9.])
        terms = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="none")(logits, targets)
        classes = [round(t, 3) for t in terms.mean((0, 2, 3)).tolist()]
        columns = [round(t, 3) for t in terms.mean((0, 1, 2)).tolist()]
        print(f"per class  {classes}\\nper column {columns}")
    """,
    right="""
        logits, targets = torch.zeros(2, 3, 4, 3), torch.ones(2, 3, 4, 3)
        pos_weight = torch.tensor([1., 5., 9.]).view(3, 1, 1)
        terms = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="none")(logits, targets)
        classes = [round(t, 3) for t in terms.mean((0, 2, 3)).tolist()]
        columns = [round(t, 3) for t in terms.mean((0, 1, 2)).tolist()]
        print(f"per class  {classes}\\nper column {columns}")
    """,
    why="The pictures are as wide as there are classes, so the weights land on the columns without a word: every class "
    "costs {wrong[classes][0]}, while the columns differ. With `(C, 1, 1)` the classes differ: {right[classes]}.",
    threads=("pytorch/pytorch#65702", "pytorch/pytorch#82496", "open-mmlab/mmsegmentation#2836"),
    see=(See("guide", "w_is_c", "The W = C trap, drawn"), See("receipt", "segmentation_wide", "pos_weight for pictures")),
)
def width_equals_classes(wrong: Ran, right: Ran) -> bool:
    return len(set(wrong["classes"])) == 1 < len(set(right["classes"])) and len(set(right["columns"])) == 1


@pitfall(
    key="weight_per_row",
    label="One weight per row, several labels per row: why do the sizes not match?",
    losses=("BCEWithLogitsLoss", "BCELoss"),
    wrong="""
        logits, targets = torch.zeros(5, 3), torch.ones(5, 3)
        weight = torch.tensor([1., 1., 1., 1., 9.])  # one per row
        loss = nn.BCEWithLogitsLoss(weight=weight)(logits, targets)
    """,
    right="""
        logits, targets = torch.zeros(5, 3), torch.ones(5, 3)
        weight = torch.tensor([1., 1., 1., 1., 9.])[:, None]
        loss = nn.BCEWithLogitsLoss(weight=weight)(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="A flat weight is laid along the last axis, which holds the labels. A weight per row needs the shape `(N, 1)` "
    "and then gives {right[loss]:.3f}.",
    threads=("pytorch/pytorch#25174", "pytorch/pytorch#5157", "pytorch/pytorch#20982"),
    see=(See("guide", "rows", "See the axes"), See("receipt", "bce_with_logits", "Weights per row")),
)
def weight_per_row(wrong: Ran, right: Ran) -> bool:
    return "size of tensor" in wrong.error and not right.error


@pitfall(
    key="rows_equal_labels",
    label="My weights per row fit, but the wrong things are weighted. What happens when N = L?",
    losses=("BCEWithLogitsLoss", "BCELoss"),
    wrong="""
        logits, targets = torch.zeros(3, 3), torch.ones(3, 3)  # 3 rows, 3 labels
        weight = torch.tensor([1., 1., 9.])  # meant for the last row
        terms = nn.BCEWithLogitsLoss(weight=weight, reduction="none")(logits, targets)
        rows = [round(t, 3) for t in terms.mean(1).tolist()]
        print(f"mean of each row {rows}")
    """,
    right="""
        logits, targets = torch.zeros(3, 3), torch.ones(3, 3)
        weight = torch.tensor([1., 1., 9.])[:, None]
        terms = nn.BCEWithLogitsLoss(weight=weight, reduction="none")(logits, targets)
        rows = [round(t, 3) for t in terms.mean(1).tolist()]
        print(f"mean of each row {rows}")
    """,
    why="With as many rows as labels the sizes agree by accident, and the weights go to the labels: {wrong[rows]} where "
    "{right[rows]} was meant. It often happens in the last batch only. Write `(N, 1)` always.",
    threads=("pytorch/pytorch#25174", "pytorch/pytorch#5157", "pytorch/pytorch#20982"),
    see=(See("guide", "n_is_l", "The N = L trap, drawn"), See("receipt", "bce_with_logits", "Weights per row")),
)
def rows_equal_labels(wrong: Ran, right: Ran) -> bool:
    return not wrong.error and len(set(wrong["rows"])) == 1 < len(set(right["rows"]))


@pitfall(
    key="sequence_axes",
    label="My sequence model gives [batch, time, classes]. Why does cross-entropy want another target size?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.zeros(5, 7, 3)  # [batch, time, classes]
        targets = torch.zeros(5, 7, dtype=torch.long)
        loss = nn.CrossEntropyLoss()(logits, targets)
    """,
    right="""
        logits = torch.zeros(5, 7, 3).transpose(1, 2)  # [batch, classes, time]
        targets = torch.zeros(5, 7, dtype=torch.long)
        loss = nn.CrossEntropyLoss()(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="Cross-entropy takes the second axis for the classes, whatever follows. Transpose to `(B, C, T)`, or flatten "
    "both to `(B * T, C)` and `(B * T)`: {right[loss]:.3f}, the log of the number of classes, as it must be for "
    "equal logits.",
    threads=("How to compute cross entropy for sequences (Stack Overflow)",),
    see=(See("guide", "sequence", "See the axes"),),
)
def sequence_axes(wrong: Ran, right: Ran) -> bool:
    return "target size" in wrong.error and not right.error


@pitfall(
    key="time_equals_classes",
    label="Cross-entropy runs on my sequences, yet nothing is learnt. What happens when T = C?",
    losses=("CrossEntropyLoss",),
    wrong="""
        targets = torch.tensor([[1, 2, 0], [2, 2, 0]])  # 2 sequences, 3 steps, 3 classes
        logits = 9. * nn.functional.one_hot(targets, 3).float()  # a perfect answer, [B, T, C]
        loss = nn.CrossEntropyLoss()(logits, targets)
        print(f"{loss:.4f}")
    """,
    right="""
        targets = torch.tensor([[1, 2, 0], [2, 2, 0]])
        logits = 9. * nn.functional.one_hot(targets, 3).float()
        loss = nn.CrossEntropyLoss()(logits.transpose(1, 2), targets)
        print(f"{loss:.4f}")
    """,
    why="As many steps as classes, and torch cannot tell the axes apart: it takes time for class and says nothing. A "
    "perfect answer costs {wrong[loss]:.2f} instead of {right[loss]:.4f}.",
    threads=("How to compute cross entropy for sequences (Stack Overflow)",),
    see=(See("guide", "t_is_c", "The T = C trap, drawn"),),
)
def time_equals_classes(wrong: Ran, right: Ran) -> bool:
    return not wrong.error and wrong["loss"] > 1 and right["loss"] < 0.01


@pitfall(
    key="unsqueezed_weight",
    label="output with shape [4] doesn't match the broadcast shape [4, 4]: I only added unsqueeze(1)",
    losses=("BCELoss",),
    wrong="""
        probabilities = torch.tensor([.1, .9, .2, .8])
        targets = torch.tensor([0., 1., 0., 1.])
        weight = torch.tensor([1., .5, 1., .5])
        loss = nn.BCELoss(weight=weight.unsqueeze(1))(probabilities, targets)
    """,
    right="""
        probabilities = torch.tensor([.1, .9, .2, .8])
        targets = torch.tensor([0., 1., 0., 1.])
        weight = torch.tensor([1., .5, 1., .5])
        loss = nn.BCELoss(weight=weight)(probabilities, targets)
        print(f"{loss:.5f}")
    """,
    why="A column against a row spans a square, every weight against every loss. The weight needs the shape of the "
    "predictions: {right[loss]:.5f}. Divided by the number of elements, by the way, not by the sum of weights.",
    threads=("an explainer on class weights, example 2",),
    see=(See("guide", "column", "See the axes"), See("receipt", "example_2", "Example 2, repaired")),
)
def unsqueezed_weight(wrong: Ran, right: Ran) -> bool:
    return "broadcast shape" in wrong.error and not right.error


@pitfall(
    key="one_output_softmax",
    label="One output and cross-entropy: the loss is 0 from the start. Is my model that good?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.tensor([[-3.], [0.], [5.]])
        targets = torch.tensor([0, 0, 0])
        loss = nn.CrossEntropyLoss()(logits, targets).abs()
        print(f"{loss:.4f}")
    """,
    right="""
        logits = torch.tensor([-3., 0., 5.])
        targets = torch.tensor([0., 0., 1.])
        loss = nn.BCEWithLogitsLoss()(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="A softmax over one class is always sure: {wrong[loss]:.0f} for every logit, and no gradient. One output is a "
    "yes/no question: BCEWithLogitsLoss gives {right[loss]:.3f}.",
    threads=("ultralytics/yolov3#191", "dcgp 86", "LSTR 50"),
    see=(See("receipt", "bce_with_logits", "One output"), See("compare", "rare_1_to_100", "One output in training")),
)
def one_output_softmax(wrong: Ran, right: Ran) -> bool:
    return float(wrong["loss"]) == 0 and right["loss"] > 0.1
