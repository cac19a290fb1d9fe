"""Sigmoid and softmax twice, or too early: losses with a floor and gradients that vanish."""

import math

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="sigmoid_twice",
    label="My BCEWithLogits loss stops at 0.3 and never gets near 0. What holds it?",
    losses=("BCEWithLogitsLoss",),
    wrong="""
        logits = torch.tensor([100., -100.])  # as sure, and as right, as can be
        targets = torch.tensor([1., 0.])
        outputs = logits.sigmoid()  # the model ends in a sigmoid
        yes, no = nn.BCEWithLogitsLoss(reduction="none")(outputs, targets).tolist()
        print(f"a yes costs at least {yes:.3f}, a no at least {no:.3f}")
    """,
    right="""
        logits = torch.tensor([100., -100.])
        targets = torch.tensor([1., 0.])
        yes, no = nn.BCEWithLogitsLoss(reduction="none")(logits, targets).tolist()
        print(f"a yes costs at least {yes:.3f}, a no at least {no:.3f}")
    """,
    why="BCEWithLogits has the sigmoid inside. After a second one no logit leaves the stretch from zero to one, so a "
    "perfect yes still costs {wrong[yes]:.3f} and a perfect no {wrong[no]:.3f}. Drop the sigmoid of the model.",
    threads=("glue-factory 89", "focal-loss-pytorch PR 5", "Merlin PR 1175"),
    see=(
        See("receipt", "bce_with_logits", "With an extra sigmoid"),
        See("compare", "rare_1_to_20", "A loss that does go down"),
    ),
)
def sigmoid_twice(wrong: Ran, right: Ran) -> bool:
    return wrong["yes"] > 0.3 and wrong["no"] > 0.6 and max(right["yes"], right["no"]) < 1e-6


@pitfall(
    key="softmax_twice",
    label="Do I need a softmax before CrossEntropyLoss?",
    losses=("CrossEntropyLoss",),
    wrong="""
        floors = {}
        for classes in (2, 3, 10):
            logits = torch.zeros(1, classes)
            logits[0, 0] = 100.  # surely class 0, and it is
            loss = nn.CrossEntropyLoss()(logits.softmax(1), torch.tensor([0]))
            floors[classes] = loss.item()
            print(f"{classes:2d} classes: at least {loss:.3f}")
    """,
    right="""
        floors = {}
        for classes in (2, 3, 10):
            logits = torch.zeros(1, classes)
            logits[0, 0] = 100.
            loss = nn.CrossEntropyLoss()(logits, torch.tensor([0]))
            floors[classes] = loss.item()
            print(f"{classes:2d} classes: at least {loss:.3f}")
    """,
    why="No. CrossEntropyLoss takes logits and has the softmax inside; of probabilities it makes a floor that grows with "
    "the number of classes, {wrong[floors][2]:.3f} for two and {wrong[floors][10]:.3f} for ten.",
    threads=("SciCo 2", "lightning-bolts 654"),
    see=(See("compare", "three_classes", "A loss that does go down"),),
)
def softmax_twice(wrong: Ran, right: Ran) -> bool:
    return wrong["floors"][2] < wrong["floors"][3] < wrong["floors"][10] and max(right["floors"].values()) < 1e-6


@pitfall(
    key="clamped_log",
    label="BCELoss shows exactly 100 and the model stops learning. Where does the 100 come from?",
    losses=("BCELoss", "BCEWithLogitsLoss"),
    wrong="""
        z = torch.tensor([17.], requires_grad=True)  # sure of a yes
        targets = torch.tensor([0.])  # and wrong
        loss = nn.BCELoss()(z.sigmoid(), targets)
        loss.backward()
        gradient = z.grad.item()
        print(f"loss {loss:.1f}, gradient {gradient}")
    """,
    right="""
        logits = torch.tensor([17.], requires_grad=True)
        targets = torch.tensor([0.])
        loss = nn.BCEWithLogitsLoss()(logits, targets)
        loss.backward()
        gradient = logits.grad.item()
        print(f"loss {loss:.1f}, gradient {gradient:.3f}")
    """,
    why="In single precision the sigmoid rounds to one, torch clamps the log of what is left, and the gradient is "
    "exactly {wrong[gradient]:.0f}: the worst mistakes are never corrected. With logits it is {right[gradient]:.0f}.",
    threads=("pytorch/pytorch#39435", "pytorch/pytorch#24933", "pytorch/pytorch#49844", "pytorch/pytorch#102894",
             "pytorch/pytorch#4867"),
    see=(See("receipt", "saturated", "Both losses along the logit, dead zones shaded"),
         See("compare", "rare_1_to_100", "BCE on logits, trained")),
)  # fmt: skip
def clamped_log(wrong: Ran, right: Ran) -> bool:
    return float(wrong["loss"]) == 100 and wrong["gradient"] == 0 and right["gradient"] > 0.99


@pitfall(
    key="fading_gradient",
    label="Does BCELoss fail for missed positives as well?",
    losses=("BCELoss", "BCEWithLogitsLoss"),
    wrong="""
        gradients = {}
        for at in (-20, -28, -30, -40):
            z = torch.tensor([float(at)], requires_grad=True)
            nn.BCELoss()(z.sigmoid(), torch.ones(1)).backward()
            gradients[-at] = z.grad.item()
            print(f"logit {at}: gradient {z.grad.item():.2g}")
    """,
    right="""
        gradients = {}
        for at in (-20, -28, -30, -40):
            z = torch.tensor([float(at)], requires_grad=True)
            nn.BCEWithLogitsLoss()(z, torch.ones(1)).backward()
            gradients[-at] = z.grad.item()
            print(f"logit {at}: gradient {z.grad.item():.2g}")
    """,
    why="Later and more slowly: torch divides by p times one minus p, kept above a tiny number, so the pull on a missed "
    "yes fades to {wrong[gradients][30]:.2f} and on to {wrong[gradients][40]:.0e}. With logits it stays "
    "{right[gradients][40]:.0f}.",
    threads=("pytorch/pytorch#39435", "pytorch/pytorch#49844"),
    see=(See("receipt", "saturated", "The two dead zones"), See("compare", "rare_1_to_100", "BCE on logits, trained")),
)
def fading_gradient(wrong: Ran, right: Ran) -> bool:
    faded = abs(wrong["gradients"][40]) < 1e-4 < abs(wrong["gradients"][30]) < 0.2
    return faded and all(math.isclose(g, -1, rel_tol=1e-5) for g in right["gradients"].values())
