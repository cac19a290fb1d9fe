"""Class weights that act otherwise than expected: smoothing, padding, zeros, order, missing classes."""

import math

import torch

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="label_smoothing",
    label="I use class weights and label smoothing, and the model predicts the rare class where it cannot be. Why?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.zeros(1, 2, requires_grad=True)
        targets = torch.tensor([0])  # surely class 0
        weight = torch.tensor([1., 100.])
        criterion = nn.CrossEntropyLoss(weight, label_smoothing=.1)
        for _ in range(300):
            gradient, = torch.autograd.grad(criterion(logits, targets), logits)
            logits.data -= .02 * gradient
        p = logits.softmax(1)[0, 0].item()
        print(f"best p(class 0) = {p:.3f}")
    """,
    right="""
        logits = torch.zeros(1, 2, requires_grad=True)
        targets = torch.tensor([0])  # surely class 0
        weight = torch.tensor([1., 100.])
        smooth = nn.CrossEntropyLoss(label_smoothing=.1, reduction="none")
        for _ in range(300):
            w = weight[targets]
            loss = (w * smooth(logits, targets)).sum() / w.sum()
            gradient, = torch.autograd.grad(loss, logits)
            logits.data -= 2 * gradient
        p = logits.softmax(1)[0, 0].item()
        print(f"best p(class 0) = {p:.3f}")
    """,
    why="torch weighs the smoothed mass of every class with that class's weight, so a row that is surely common is "
    "pulled to {wrong[p]:.3f}. Smooth first and weigh the row, and it stays at {right[p]:.2f}.",
    threads=("pytorch/pytorch#104776", "pytorch/pytorch#148884"),
    see=(
        See("compare", "smoothing_turns", "Train with both, and with each"),
        See("receipt", "smoothing_flips", "Weights x smoothing: where the answer flips"),
    ),
)
def label_smoothing(wrong: Ran, right: Ran) -> bool:
    return wrong["p"] < 0.5 < right["p"]


@pitfall(
    key="padding_in_the_mean",
    label="I set the loss of padded steps to zero. Why is the weighted mean too small?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.tensor([[1., 0.], [0., 0.], [0., 1.], [3., 0.], [3., 0.]])
        targets = torch.tensor([0, 1, 1, 0, 0])
        mask = torch.tensor([1., 1., 1., 0., 0.])  # the last two are padding
        weight = torch.tensor([1., 5.])
        rows = nn.CrossEntropyLoss(weight, reduction="none")(logits, targets)
        loss = (rows * mask).sum() / weight[targets].sum()
        print(f"{loss:.4f}")
    """,
    right="""
        logits = torch.tensor([[1., 0.], [0., 0.], [0., 1.], [3., 0.], [3., 0.]])
        ignore_index = -100
        targets = torch.tensor([0, 1, 1, ignore_index, ignore_index])
        weight = torch.tensor([1., 5.])
        loss = nn.CrossEntropyLoss(weight, ignore_index=ignore_index)(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="Padding must leave the divisor too. `ignore_index` takes the rows out of the numerator and out of the sum of "
    "weights: {right[loss]:.3f}. Zeros that are averaged in make it {wrong[loss]:.3f}.",
    threads=("pytorch/pytorch#69339", "pytorch/pytorch#63004"),
    see=(
        See("receipt", "padded_sequence", "Pad a row and watch the divisor"),
        See("compare", "rare_1_to_20", "Train with weights"),
    ),
)
def padding_in_the_mean(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["loss"] - right["loss"]) > 0.01


@pitfall(
    key="all_ignored",
    label="Why is the loss NaN for a batch that holds only padding?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits, targets = torch.zeros(2, 3), torch.tensor([-100, -100])
        loss = nn.CrossEntropyLoss()(logits, targets)
        print(f"all ignored: {loss}")
        weight = torch.tensor([0., 1., 1.])
        zero = nn.CrossEntropyLoss(weight)(logits, torch.tensor([0, 0]))
        print(f"only a class of weight 0: {zero}")
    """,
    right="""
        logits, targets = torch.zeros(2, 3), torch.tensor([-100, -100])
        weight = torch.tensor([0., 1., 1.])
        reduction = "sum"
        total = nn.CrossEntropyLoss(weight, reduction=reduction)(logits, targets)
        kept = targets[targets != -100]
        loss = total / weight[kept].sum().clamp(min=1e-8)
        print(f"all ignored: {loss}")
    """,
    why="The mean of nothing is zero divided by zero: {wrong[loss]}. The same happens when every row of the batch has a "
    "class of weight zero. Sum, and divide by a sum of weights that you keep above zero.",
    threads=("pytorch/pytorch#70348", "pytorch/pytorch#75181", "pytorch/pytorch#116349"),
    see=(
        See("receipt", "all_ignored", "A batch with nothing in it"),
        See("compare", "batch_of_one", "Weights and small batches"),
    ),
)
def all_ignored(wrong: Ran, right: Ran) -> bool:
    return math.isnan(wrong["loss"]) and math.isnan(wrong["zero"]) and float(right["loss"]) == 0


@pitfall(
    key="weight_zero",
    label="Does weight 0 take a class out of the training?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.tensor([[1., 0., 2.]], requires_grad=True)
        targets = torch.tensor([0])
        weight = torch.tensor([1., 1., 0.])  # class 2 is to be gone
        nn.CrossEntropyLoss(weight)(logits, targets).backward()
        gradient = logits.grad[0, 2].item()
        print(f"gradient on the logit of class 2: {gradient:.3f}")
    """,
    right="""
        logits = torch.tensor([[1., 0., 2.]], requires_grad=True)
        targets = torch.tensor([0])
        gone = torch.tensor([False, False, True])
        left = logits.masked_fill(gone, float("-inf"))
        nn.CrossEntropyLoss()(left, targets).backward()
        gradient = logits.grad[0, 2].item()
        print(f"gradient on the logit of class 2: {gradient:.3f}")
    """,
    why="Weight zero silences the rows of that class. Its logit stays in the softmax of all other rows and is still "
    "pushed down there ({wrong[gradient]:.2f}). Mask the logit to take the class out ({right[gradient]:.0f}).",
    threads=("pytorch/pytorch#63004",),
    see=(
        See("receipt", "weight_zero", "Gradient bars per logit"),
        See("compare", "three_classes", "Three classes in training"),
    ),
)
def weight_zero(wrong: Ran, right: Ran) -> bool:
    return wrong["gradient"] > 0.1 and right["gradient"] == 0


@pitfall(
    key="missing_class",
    label="weight tensor should be defined either for all classes or no classes: what does it want?",
    losses=("CrossEntropyLoss",),
    wrong="""
        targets = torch.tensor([0, 0, 0, 1])  # no row of class 2 in this split
        counts = targets.unique(return_counts=True)[1]
        weight = len(targets) / (len(counts) * counts)
        print("weight", weight.tolist())
        loss = nn.CrossEntropyLoss(weight)(torch.zeros(4, 3), targets)
    """,
    right="""
        targets = torch.tensor([0, 0, 0, 1])
        logits = torch.zeros(4, 3)
        counts = torch.bincount(targets, minlength=logits.shape[1])
        weight = torch.where(counts > 0, len(targets) / (3 * counts.clamp(min=1)), 0.)
        print("weight", [round(w, 3) for w in weight.tolist()])
        loss = nn.CrossEntropyLoss(weight)(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="One weight per output of the model, whether the class occurs or not, and flat: a shape of `[1, C]` is refused "
    "as well. Count once, over all training rows, with `minlength`; here `unique` found {wrong[counts].shape[0]} of "
    "{right[logits].shape[1]} classes.",
    threads=("andreagemelli/doc2graph#18", "davidtvs/PyTorch-ENet#35", "MHyEEG 3"),
    see=(See("guide", "class_weight", "The shapes of a class weight"), See("data", "three_classes", "Weights of every scheme")),
)
def missing_class(wrong: Ran, right: Ran) -> bool:
    return "all 3 classes" in wrong.error and not right.error and right["weight"][2] == 0


@pitfall(
    key="weight_order",
    label="In which order do the class weights go?",
    losses=("CrossEntropyLoss",),
    wrong="""
        rows = {"neutral": 900, "joy": 90, "fear": 10}
        index = {"fear": 0, "joy": 1, "neutral": 2}  # as the data set numbers them
        weight = torch.tensor([1000 / (3 * n) for n in rows.values()])
        given = {name: round(weight[i].item(), 2) for name, i in index.items()}
        print(given)
    """,
    right="""
        rows = {"neutral": 900, "joy": 90, "fear": 10}
        index = {"fear": 0, "joy": 1, "neutral": 2}
        weight = torch.empty(len(index))
        for name, i in index.items():
            weight[i] = 1000 / (3 * rows[name])
        given = {name: round(weight[i].item(), 2) for name, i in index.items()}
        print(given)
    """,
    why="Weight number i belongs to class index i, whatever order a table lists them in. Here 'fear' would get "
    "{wrong[given][fear]} in place of {right[given][fear]}, and nothing would complain. Fill by name, never by "
    "position.",
    threads=("declare-lab/MELD#51",),
    see=(See("data", "three_classes", "A table by name"), See("compare", "three_classes", "Train with it")),
)
def weight_order(wrong: Ran, right: Ran) -> bool:
    return wrong["given"]["fear"] < wrong["given"]["neutral"] and right["given"]["fear"] > right["given"]["neutral"]


@pitfall(
    key="negative_weight",
    label="A negative class weight got in by mistake. Would torch have told me?",
    losses=("CrossEntropyLoss", "BCEWithLogitsLoss"),
    wrong="""
        logits = torch.tensor([[2., 0.], [2., 0.]])
        targets = torch.tensor([0, 1])
        weight = torch.tensor([1., -5.])
        loss = nn.CrossEntropyLoss(weight, reduction="sum")(logits, targets)
        print(f"{loss:.4f}: the worse class 1 does, the lower")
    """,
    right="""
        logits = torch.tensor([[2., 0.], [2., 0.]])
        targets = torch.tensor([0, 1])
        weight = torch.tensor([1., 5.])
        if not bool((weight >= 0).all()):
            raise ValueError(f"weights must not be negative, got {weight.tolist()}")
        loss = nn.CrossEntropyLoss(weight, reduction="sum")(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="No. torch multiplies with whatever it gets, and a negative weight rewards mistakes: the loss is "
    "{wrong[loss]:.2f} and falls without end. Check before you train; this app refuses such weights.",
    threads=("a test of this project",),
    see=(See("receipt", "cross_entropy", "Type one in"), See("compare", "weights_that_cancel", "Weights in training")),
)
def negative_weight(wrong: Ran, right: Ran) -> bool:
    return not wrong.error and wrong["loss"] < 0 < right["loss"]


@pitfall(
    key="device",
    label="Expected all tensors to be on the same device, but my inputs and targets are. What is left?",
    losses=("any",),
    wrong="""
        logits = torch.zeros(4, 2, device="cuda")
        targets = torch.zeros(4, dtype=torch.long, device="cuda")
        criterion = nn.CrossEntropyLoss(weight=torch.tensor([1., 9.]))
        criterion(logits, targets)
    """,
    recorded="RuntimeError: Expected all tensors to be on the same device, but got weight is on cpu, different from other "
    "tensors on cuda:0 (when checking argument in method wrapper_CUDA_nll_loss_forward)",
    right="""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        logits = torch.zeros(4, 2, device=device)
        targets = torch.zeros(4, dtype=torch.long, device=device)
        criterion = nn.CrossEntropyLoss(weight=torch.tensor([1., 9.])).to(device)
        loss = criterion(logits, targets)
        saved = list(criterion.state_dict())
        print(f"{loss:.4f}, and in the state_dict: {saved}")
    """,
    why="The weight is left. It is a buffer of the criterion, so `criterion.to(device)` takes it along, and it is saved "
    "in the `state_dict` (here {right[saved]}).",
    threads=("pytorch/pytorch#3879", "pytorch/pytorch#122757", "pytorch/pytorch#155085", "sacdallago/biotrainer#67",
             "Lightning-AI/pytorch-lightning#2984"),
    see=(See("data", "rare_1_to_20", "Weights as code"),),
)  # fmt: skip
def device(wrong: Ran, right: Ran) -> bool:
    return not right.error and right["saved"] == ["weight"]


@pitfall(
    key="plain_attribute",
    label="I wrote my own loss class with self.weight = tensor. Why does .to() leave it behind?",
    losses=("any",),
    wrong="""
        class Weighted(nn.Module):
            def __init__(self, weight):
                super().__init__()
                self.weight = weight

        moved = Weighted(torch.tensor([1., 9.])).to(torch.float64)
        kind = str(moved.weight.dtype)
        print(f"{kind}, saved: {list(moved.state_dict())}")
    """,
    right="""
        class Weighted(nn.Module):
            def __init__(self, weight):
                super().__init__()
                self.register_buffer("weight", weight)

        moved = Weighted(torch.tensor([1., 9.])).to(torch.float64)
        kind = str(moved.weight.dtype)
        print(f"{kind}, saved: {list(moved.state_dict())}")
    """,
    why="`.to()` moves parameters and buffers, not plain attributes: the dtype stays {wrong[kind]} instead of "
    "{right[kind]}, and a device would stay too. Register the weight as a buffer.",
    threads=("pytorch/pytorch#3879", "Lightning-AI/pytorch-lightning#2984"),
    see=(See("data", "rare_1_to_20", "Weights as code that moves"),),
)
def plain_attribute(wrong: Ran, right: Ran) -> bool:
    return wrong["kind"] == str(torch.float32) and right["kind"] == str(torch.float64)


@pitfall(
    key="weight_is_an_alias",
    label="I changed my weight tensor later and the criterion changed with it. Does it not copy?",
    losses=("any",),
    wrong="""
        logits, targets = torch.tensor([[1., 0.], [1., 0.]]), torch.tensor([0, 1])
        weight = torch.tensor([1., 9.])
        criterion = nn.CrossEntropyLoss(weight)
        before = criterion(logits, targets)
        weight[1] = 0.
        after = criterion(logits, targets)
        print(f"before {before:.4f}, after {after:.4f}")
    """,
    right="""
        logits, targets = torch.tensor([[1., 0.], [1., 0.]]), torch.tensor([0, 1])
        weight = torch.tensor([1., 9.])
        criterion = nn.CrossEntropyLoss(weight.clone())
        before = criterion(logits, targets)
        weight[1] = 0.
        after = criterion(logits, targets)
        print(f"before {before:.4f}, after {after:.4f}")
    """,
    why="The criterion keeps your tensor itself: a change in place goes through, from {wrong[before]:.3f} to "
    "{wrong[after]:.3f}. Hand over a clone.",
    threads=("pytorch/pytorch#130193",),
    see=(See("data", "rare_1_to_20", "Weights as code"),),
)
def weight_is_an_alias(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["before"] - wrong["after"]) > 0.1 and bool(right["before"].isclose(right["after"]))
