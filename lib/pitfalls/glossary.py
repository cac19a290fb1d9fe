"""The words, each with code that shows what it means."""

import math

from lib.pitfalls.pitfall import word
from lib.pitfalls.snippet import Ran


@word(
    key="logit",
    label="logit",
    code="""
        z = torch.tensor(2.)
        p = z.sigmoid().item()
        odds = z.exp().item()
        print(f"logit {z:.0f}: odds {odds:.2f} to 1, probability {p:.3f}")
    """,
    why="What the last layer puts out, before any sigmoid or softmax: the log of the odds. Here the probability is "
    "{run[p]:.3f}.",
)
def logit(ran: Ran) -> bool:
    return math.isclose(ran["p"], ran["odds"] / (1 + ran["odds"]), rel_tol=1e-5)


@word(
    key="multi_class",
    label="multi-class",
    code="""
        logits = torch.tensor([2., 0., -1.])  # cat, dog, bird
        p = logits.softmax(0)
        total = p.sum().item()
        print(f"{[round(v, 3) for v in p.tolist()]}, together {total:.1f}")
    """,
    why="Exactly one of several classes: cat, dog or bird. Softmax and CrossEntropyLoss; the probabilities sum to "
    "{run[total]:.0f}.",
)
def multi_class(ran: Ran) -> bool:
    return math.isclose(ran["total"], 1, rel_tol=1e-6)


@word(
    key="multi_label",
    label="multi-label",
    code="""
        logits = torch.tensor([2., 0., -1.])  # a cat? a dog? a bird?
        p = logits.sigmoid()
        total = p.sum().item()
        print(f"{[round(v, 3) for v in p.tolist()]}, together {total:.3f}")
    """,
    why="Any combination of classes: several yes/no questions asked of one network. Sigmoid and BCEWithLogitsLoss; "
    "nothing makes the probabilities sum to one (here {run[total]:.2f}).",
)
def multi_label(ran: Ran) -> bool:
    return abs(ran["total"] - 1) > 0.1


@word(
    key="class_weight",
    label="weight (class weight)",
    code="""
        targets = torch.tensor([0, 0, 0, 1])
        weight = torch.tensor([1., 3.])
        rows = weight[targets].tolist()
        print(f"each row takes the weight of its class: {rows}")
    """,
    why="In CrossEntropyLoss and NLLLoss one number per class, looked up by the target of each row; only their ratio "
    "acts on the mean (here {run[rows][3]:.0f} to {run[rows][0]:.0f}). In BCELoss `weight` means one number per "
    "element.",
)
def class_weight(ran: Ran) -> bool:
    return ran["rows"] == [1, 1, 1, 3]


@word(
    key="pos_weight",
    label="pos_weight",
    code="""
        targets = torch.cat([torch.zeros(990), torch.ones(10)])
        pos_weight = (1 - targets).sum() / targets.sum()
        print(f"{pos_weight:.0f}")
    """,
    why="In BCEWithLogitsLoss the factor on the term of a yes, one per label. Negatives over positives, here "
    "{run[pos_weight]:.0f}, lets both sides weigh the same.",
    losses=("BCEWithLogitsLoss",),
)
def pos_weight(ran: Ran) -> bool:
    return float(ran["pos_weight"]) == 99


@word(
    key="sample_weight",
    label="sample weight",
    code="""
        logits, targets = torch.tensor([[2., 0.], [0., 2.]]), torch.tensor([0, 0])
        trust = torch.tensor([1., .1])  # the second label is doubtful
        rows = nn.CrossEntropyLoss(reduction="none")(logits, targets)
        plain = rows.mean()
        trusted = (trust * rows).sum() / trust.sum()
        print(f"plain {plain:.3f}, by trust {trusted:.3f}")
    """,
    why="One number per row, for instance how far its label is trusted. torch's losses have no argument for it: take "
    "`reduction='none'` and weigh the rows yourself ({run[plain]:.2f} becomes {run[trusted]:.2f}).",
)
def sample_weight(ran: Ran) -> bool:
    return bool(ran["trusted"] < ran["plain"])


@word(
    key="reduction",
    label="reduction and divisor",
    code="""
        logits, targets = torch.tensor([[2., 0.], [0., 2.]]), torch.tensor([0, 0])
        weight = torch.tensor([5., 1.])
        none, total, mean = (
            nn.CrossEntropyLoss(weight, reduction=r)(logits, targets) for r in ("none", "sum", "mean")
        )
        divisor = (total / mean).item()
        print(f"none {[round(v, 3) for v in none.tolist()]}, sum {total:.3f}, mean {mean:.3f}")
        print(f"sum / mean = {divisor:.1f}: the divisor is the sum of weights")
    """,
    why="How the losses of a batch become one number: all of them (none), their sum, or a mean. What the mean divides by "
    "is the divisor: the sum of weights in cross-entropy (here {run[divisor]:.0f}), the number of elements in BCE.",
)
def reduction(ran: Ran) -> bool:
    return math.isclose(ran["divisor"], 10, rel_tol=1e-5)


@word(
    key="label_smoothing_word",
    label="label smoothing",
    code="""
        smoothing, classes = .1, 4
        target = torch.full((classes,), smoothing / classes)
        target[0] += 1 - smoothing
        best = target.max().item()
        print([round(v, 3) for v in target.tolist()])
    """,
    why="The target gives a small part of its mass to all classes, so that no answer is pushed to certainty: the best "
    "probability is {run[best]:.3f}, not one.",
    losses=("CrossEntropyLoss",),
)
def label_smoothing(ran: Ran) -> bool:
    return math.isclose(ran["best"], 0.925, rel_tol=1e-5)


@word(
    key="ignore_index",
    label="ignore_index",
    code="""
        logits = torch.tensor([[2., 0.], [0., 2.]])
        one = nn.CrossEntropyLoss()(logits[:1], torch.tensor([0]))
        both = nn.CrossEntropyLoss()(logits, torch.tensor([0, -100]))
        print(f"one row {one:.4f}, with an ignored row {both:.4f}")
    """,
    why="A target that stands for padding. Such rows leave the sum and the divisor, as if they were not there: "
    "{run[one]:.3f} both times.",
    losses=("CrossEntropyLoss",),
)
def ignore_index(ran: Ran) -> bool:
    return bool(ran["one"].isclose(ran["both"]))


@word(
    key="broadcast",
    label="broadcasting",
    code="""
        row, column = torch.zeros(4), torch.zeros(4, 1)
        shape = list((row + column).shape)
        print(f"[4] and [4, 1] make {shape}")
    """,
    why="torch lines shapes up from their last axis and repeats what has size one or is missing. A row and a column make "
    "a square, {run[shape]}. The shape lab draws it.",
)
def broadcast(ran: Ran) -> bool:
    return ran["shape"] == [4, 4]


@word(
    key="focal",
    label="focal loss (gamma, alpha)",
    code="""
        p_t = torch.tensor([.9, .5, .1])  # of the true class: easy, open, missed
        factor = (1 - p_t) ** 2
        easy, missed = factor[0].item(), factor[2].item()
        print([round(f, 3) for f in factor.tolist()])
    """,
    why="Cross-entropy times (one minus p) to the power gamma: easy rows count less ({run[easy]:.2f}), missed ones "
    "nearly in full ({run[missed]:.2f}). gamma moves no decision; alpha is a class weight.",
    losses=("focal",),
)
def focal(ran: Ran) -> bool:
    return ran["easy"] < 0.05 and ran["missed"] > 0.8


@word(
    key="threshold",
    label="threshold",
    code="""
        p = torch.tensor([.03, .2, .7])
        half = (p > .5).int().tolist()
        low = (p > .1).int().tolist()
        print(f"above 0.5: {half}, above 0.1: {low}")
    """,
    why="The score above which a yes/no model says yes. Lowering it finds more of the rare class, as a weight does, and "
    "changes no probability: {run[half]} becomes {run[low]}.",
)
def threshold(ran: Ran) -> bool:
    return sum(ran["low"]) > sum(ran["half"])


@word(
    key="recall",
    label="recall and precision",
    code="""
        y_true = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])
        y_pred = torch.tensor([0, 0, 0, 0, 1, 1, 1, 0])
        hits = ((y_true == 1) & (y_pred == 1)).sum()
        recall = (hits / (y_true == 1).sum()).item()
        precision = (hits / (y_pred == 1).sum()).item()
        print(f"recall {recall:.2f}, precision {precision:.2f}")
    """,
    why="Recall: how many of the real ones were found ({run[recall]:.0%} here). Precision: how many of the found ones "
    "are real ({run[precision]:.0%}). Weights trade one for the other.",
)
def recall(ran: Ran) -> bool:
    return ran["recall"] == 0.5 and math.isclose(ran["precision"], 1 / 3, rel_tol=1e-5)


@word(
    key="calibration",
    label="calibration",
    code="""
        said = torch.tensor([.3, .3, .3, .3, .3])
        happened = torch.tensor([0., 1., 0., 0., 0.])
        gap = (said.mean() - happened.mean()).item()
        print(f"said {said.mean():.1f}, happened {happened.mean():.1f}")
    """,
    why="Whether a probability means what it says: of all rows that got this one, so many should be real. Here they are "
    "apart by {run[gap]:.1f}. Weights shift it, and can be undone.",
)
def calibration(ran: Ran) -> bool:
    return math.isclose(ran["gap"], 0.1, rel_tol=1e-4)
