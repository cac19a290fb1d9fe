"""What weights do to probabilities and to accuracy."""

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="weighted_probabilities",
    label="After training with pos_weight the probabilities are far too high. Can I get the real ones back?",
    losses=("BCEWithLogitsLoss", "CrossEntropyLoss"),
    wrong="""
        true = torch.tensor([.02, .05, .2, .5, .8, .95], dtype=torch.float64)
        z = torch.zeros_like(true, requires_grad=True)
        pos_weight = torch.tensor(19., dtype=torch.float64)
        criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="sum")
        for _ in range(400):
            gradient, = torch.autograd.grad(criterion(z, true), z)
            z.data -= .4 * gradient
        read = [round(p, 4) for p in z.sigmoid().tolist()]
        print(f"true {true.tolist()}\\nread {read}")
    """,
    right="""
        true = torch.tensor([.02, .05, .2, .5, .8, .95], dtype=torch.float64)
        z = torch.zeros_like(true, requires_grad=True)
        pos_weight = torch.tensor(19., dtype=torch.float64)
        criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="sum")
        for _ in range(400):
            gradient, = torch.autograd.grad(criterion(z, true), z)
            z.data -= .4 * gradient
        read = [round(p, 4) for p in (z - pos_weight.log()).sigmoid().tolist()]
        print(f"true {true.tolist()}\\nread {read}")
    """,
    why="The weighted optimum has its odds multiplied by the weight: a true {wrong[true][1]:.2f} reads "
    "{wrong[read][1]:.2f}. Subtract the log of the weight from the logit to undo it ({right[read][1]:.2f}); the "
    "ranking, and the AUC, stay.",
    threads=("scikit-learn/scikit-learn#5250", "scikit-learn-contrib/imbalanced-learn#1128", "discuss 206415",
             "Re-calibrate after class weights (Stack Exchange)"),
    see=(See("decisions", "rare_1_to_20", "The undo switch"), See("compare", "rare_1_to_20", "Train with weights")),
)  # fmt: skip
def weighted_probabilities(wrong: Ran, right: Ran) -> bool:
    far = max(abs(a - b) for a, b in zip(wrong["read"], wrong["true"].tolist(), strict=True))
    near = max(abs(a - b) for a, b in zip(right["read"], right["true"].tolist(), strict=True))
    return far > 0.4 and near < 1e-3


@pitfall(
    key="threshold_instead",
    label="Could I have moved the threshold instead of weighting?",
    losses=("BCEWithLogitsLoss",),
    wrong="""
        p = torch.tensor([.01, .04, .06, .3, .6])  # of a model without weights
        pos_weight = torch.tensor(19.)
        weighted = (p.logit() + pos_weight.log()).sigmoid() > .5
        plain = p > .5
        same = bool((weighted == plain).all())
        print(f"weighted {weighted.int().tolist()}\\nplain    {plain.int().tolist()}")
    """,
    right="""
        p = torch.tensor([.01, .04, .06, .3, .6])
        pos_weight = torch.tensor(19.)
        weighted = (p.logit() + pos_weight.log()).sigmoid() > .5
        threshold = (1 / (1 + pos_weight)).item()
        plain = p > threshold
        same = bool((weighted == plain).all())
        print(f"weighted {weighted.int().tolist()}")
        print(f"plain    {plain.int().tolist()} at threshold {threshold:.3f}")
    """,
    why="Where the model can fit the data, yes: a half on the weighted model is {right[threshold]:.2f} on the plain one, "
    "one over one plus the weight. The plain one keeps its probabilities.",
    threads=("scikit-learn/scikit-learn#5250", "discuss 206415"),
    see=(See("decisions", "rare_1_to_20", "Move the threshold"), See("compare", "rare_1_to_20", "Weights beside a threshold")),
)
def threshold_instead(wrong: Ran, right: Ran) -> bool:
    return not wrong["same"] and right["same"]


@pitfall(
    key="accuracy_fell",
    label="I balanced the classes and accuracy went down. Did I break it?",
    losses=("any",),
    wrong="""
        normal = torch.distributions.Normal(0., 1.)
        share = torch.tensor(.05)  # of class 1; two Gaussians, the best rule for each weighting
        half = torch.tensor(2.).sqrt()  # half the distance of the means

        def accuracy(weight):
            cut = -(weight * share / (1 - share)).log() / (2 * half)
            found, right = normal.cdf(half - cut), normal.cdf(half + cut)
            return (share * found + (1 - share) * right).item()

        plain, balanced, majority = accuracy(1.), accuracy(19.), 1 - share.item()
        print(f"plain {plain:.4f}, balanced {balanced:.4f}, always class 0 {majority:.4f}")
    """,
    right="""
        normal = torch.distributions.Normal(0., 1.)
        share = torch.tensor(.05)
        half = torch.tensor(2.).sqrt()

        def recalls(weight):
            cut = -(weight * share / (1 - share)).log() / (2 * half)
            return torch.stack([normal.cdf(half + cut), normal.cdf(half - cut)]).tolist()

        plain, balanced = recalls(1.), recalls(19.)
        print(f"recall of class 0 and 1: plain {plain[0]:.4f} {plain[1]:.4f}")
        print(f"                      balanced {balanced[0]:.4f} {balanced[1]:.4f}")
    """,
    why="No. Accuracy follows the majority: always answering class zero has {wrong[majority]:.2f}, more than the "
    "balanced model's {wrong[balanced]:.3f}. Read recall: of the rare class {right[balanced][1]:.0%} are found, not "
    "{right[plain][1]:.0%}.",
    threads=("discuss 11455", "ai.stackexchange 37618"),
    see=(
        See("compare", "rare_1_to_20", "Accuracy beside always-the-majority"),
        See("decisions", "rare_1_to_20", "Choose the threshold"),
    ),
)
def accuracy_fell(wrong: Ran, right: Ran) -> bool:
    return wrong["balanced"] < wrong["majority"] < wrong["plain"] and right["balanced"][1] > right["plain"][1] + 0.2
