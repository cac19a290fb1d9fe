"""pos_weight, weight and alpha: which terms a weight of a yes/no question multiplies, and which way round it goes."""

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="pos_weight_or_weight",
    label="BCEWithLogitsLoss has weight and pos_weight. What is the difference?",
    losses=("BCEWithLogitsLoss",),
    wrong="""
        logits = torch.tensor([[1.], [1.]])
        targets = torch.tensor([[0.], [1.]])  # a no and a yes
        plain = nn.BCEWithLogitsLoss(reduction="none")(logits, targets)
        seven = nn.BCEWithLogitsLoss(weight=torch.tensor([7.]), reduction="none")(logits, targets)
        no, yes = (seven / plain).flatten().tolist()
        print(f"the no counts {no:.1f} times, the yes {yes:.1f} times")
    """,
    right="""
        logits = torch.tensor([[1.], [1.]])
        targets = torch.tensor([[0.], [1.]])
        pos_weight = torch.tensor([7.])
        plain = nn.BCEWithLogitsLoss(reduction="none")(logits, targets)
        seven = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="none")(logits, targets)
        no, yes = (seven / plain).flatten().tolist()
        print(f"the no counts {no:.1f} times, the yes {yes:.1f} times")
    """,
    why="`weight` multiplies the whole element, yes and no alike ({wrong[no]:.0f} and {wrong[yes]:.0f}), so it balances "
    "nothing. `pos_weight` multiplies only the term of a yes ({right[no]:.0f} and {right[yes]:.0f}).",
    threads=("pytorch/pytorch#5660", "pytorch/pytorch#20982", "discuss 130651", "open-mmlab/mmpretrain#434", "SIIM-COVID19 7"),
    see=(
        See("receipt", "bce_with_logits", "Both, row by row"),
        See("compare", "weights_that_cancel", "Under BCE scale counts"),
    ),
)
def pos_weight_or_weight(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["no"] - wrong["yes"]) < 1e-5 and abs(right["yes"] / right["no"] - 7) < 1e-5


@pitfall(
    key="bce_has_no_pos_weight",
    label="My model ends in a sigmoid and BCELoss takes no pos_weight. What now?",
    losses=("BCELoss",),
    wrong="""
        criterion = nn.BCELoss(pos_weight=torch.tensor(9.))
    """,
    right="""
        logits = torch.tensor([.5, -1., 2., -.3])
        targets = torch.tensor([1., 0., 0., 1.])
        pos_weight = torch.tensor(9.)
        weight = 1 + (pos_weight - 1) * targets  # of this batch
        by_hand = nn.BCELoss(weight=weight)(logits.sigmoid(), targets)
        torchs = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
        print(f"BCELoss, weight = 1 + (p - 1) y    {by_hand:.6f}")
        print(f"BCEWithLogitsLoss, pos_weight = p  {torchs:.6f}")
    """,
    why="Give each element its weight, one for a no and p for a yes: {right[by_hand]:.5f}, to the digit what "
    "`pos_weight` gives. Better still, drop the sigmoid and use BCEWithLogitsLoss.",
    threads=("pytorch/pytorch#20424",),
    see=(
        See("receipt", "bce_with_logits", "Both beside each other"),
        See("compare", "rare_1_to_100", "pos_weight in training"),
    ),
)
def bce_has_no_pos_weight(wrong: Ran, right: Ran) -> bool:
    return "pos_weight" in wrong.error and bool(right["by_hand"].isclose(right["torchs"], rtol=1e-6))


@pitfall(
    key="which_way_round",
    label="Is pos_weight positives over negatives, or negatives over positives?",
    losses=("BCEWithLogitsLoss", "CrossEntropyLoss"),
    wrong="""
        targets = torch.cat([torch.zeros(990), torch.ones(10)])
        pos_weight = targets.sum() / (1 - targets).sum()
        weight = torch.where(targets == 1, pos_weight, 1.)
        p = ((weight * targets).sum() / weight.sum()).item()
        print(f"pos_weight {pos_weight:.4f}: the best constant answer is p = {p:.4f}")
    """,
    right="""
        targets = torch.cat([torch.zeros(990), torch.ones(10)])
        pos_weight = (1 - targets).sum() / targets.sum()
        weight = torch.where(targets == 1, pos_weight, 1.)
        p = ((weight * targets).sum() / weight.sum()).item()
        print(f"pos_weight {pos_weight:.4f}: the best constant answer is p = {p:.4f}")
    """,
    why="Negatives over positives. Above one it raises recall, below one it lowers it: with {wrong[pos_weight]:.2f} the "
    "rare class becomes rarer still, with {right[pos_weight]:.0f} both sides weigh the same.",
    threads=("pytorch/pytorch#16804", "pytorch/pytorch#17218", "ThilinaRajapakse/simpletransformers#1369", "multilogue-net 21"),
    see=(See("compare", "rare_1_to_100", "What it does to recall"), See("data", "rare_1_to_100", "pos_weight of the counts")),
)
def which_way_round(wrong: Ran, right: Ran) -> bool:
    return wrong["p"] < 0.01 and abs(right["p"] - 0.5) < 1e-6


@pitfall(
    key="two_values_for_one_output",
    label="I have two outcomes, so I gave pos_weight two values. Why does one output refuse it?",
    losses=("BCEWithLogitsLoss",),
    wrong="""
        logits, targets = torch.zeros(5, 1), torch.ones(5, 1)
        pos_weight = torch.tensor([1., 9.])
        loss = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
    """,
    right="""
        logits, targets = torch.zeros(5, 1), torch.ones(5, 1)
        pos_weight = torch.tensor([9.])
        loss = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
        print(f"{loss:.4f}")
    """,
    why="`pos_weight` has one value per question (label), not one per outcome: the weight of a no is always one. One "
    "output takes one value and gives {right[loss]:.3f}.",
    threads=("pytorch/pytorch#27936", "zfjsail/gae-pytorch#4"),
    see=(See("guide", "two_values", "See the shapes"), See("receipt", "bce_with_logits", "One output, one pos_weight")),
)
def two_values_for_one_output(wrong: Ran, right: Ran) -> bool:
    return "broadcast" in wrong.error and not right.error


@pitfall(
    key="hand_made_mask",
    label="A hundred zeros for every one: do I penalise the zeros, and what is built in for it?",
    losses=("BCELoss", "BCEWithLogitsLoss"),
    wrong="""
        logits = torch.tensor([[.5, -1., -2., 2.], [-.3, -3., 1., -1.]])  # [batch, seq]
        targets = torch.tensor([[1., 0., 0., 0.], [0., 0., 1., 0.]])
        loss = nn.BCELoss(reduction="none")(logits.sigmoid(), targets)
        loss[targets == 0] *= 100  # "penalise the zeros"
        zeros = (loss[targets == 0].sum() / loss.sum()).item()
        print(f"the zeros have {zeros:.4f} of the loss")
    """,
    right="""
        logits = torch.tensor([[.5, -1., -2., 2.], [-.3, -3., 1., -1.]])
        targets = torch.tensor([[1., 0., 0., 0.], [0., 0., 1., 0.]])
        loss = nn.BCELoss(reduction="none")(logits.sigmoid(), targets)
        loss[targets == 1] *= 100
        mask = loss.mean()
        pos_weight = torch.tensor(100.)
        built_in = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
        weight = nn.BCELoss(weight=1 + 99 * targets)(logits.sigmoid(), targets)
        print(f"mask       {mask:.5f}\\npos_weight {built_in:.5f}\\nweight     {weight:.5f}")
    """,
    why="The missed ones get the weight, negatives over positives. The mask that multiplies them, `pos_weight` and a "
    "`weight` of one plus its rest times the targets all give {right[built_in]:.4f}; weight on the zeros leaves them "
    "{wrong[zeros]:.1%} of the loss.",
    threads=("a forum thread on an LSTM with outputs [batch, seq]",),
    see=(
        See("receipt", "forum_pos_weight", "Mask, weight and pos_weight"),
        See("compare", "rare_1_to_100", "A hundred to one, trained"),
    ),
)
def hand_made_mask(wrong: Ran, right: Ran) -> bool:
    equal = right["mask"].isclose(right["built_in"]) and right["mask"].isclose(right["weight"])
    return wrong["zeros"] > 0.9 and bool(equal)


@pitfall(
    key="focal_alpha",
    label="Focal loss with alpha = 0.25 is the famous setting. Why does my rare class get worse?",
    losses=("focal",),
    wrong="""
        def focal(z, y, alpha, gamma=2.):
            p_t = torch.where(y == 1, z.sigmoid(), 1 - z.sigmoid())
            a_t = torch.where(y == 1, alpha, 1 - alpha)
            return a_t * (1 - p_t) ** gamma * -p_t.log()

        z, y = torch.zeros(2), torch.tensor([0., 1.])
        no, yes = focal(z, y, alpha=.25).tolist()
        ratio = yes / no
        print(f"no {no:.4f}, yes {yes:.4f}: a yes counts {ratio:.2f} times")
    """,
    right="""
        def focal(z, y, alpha, gamma=2.):
            p_t = torch.where(y == 1, z.sigmoid(), 1 - z.sigmoid())
            a_t = torch.where(y == 1, alpha, 1 - alpha)
            return a_t * (1 - p_t) ** gamma * -p_t.log()

        z, y = torch.zeros(2), torch.tensor([0., 1.])
        no, yes = focal(z, y, alpha=.75).tolist()
        ratio = yes / no
        print(f"no {no:.4f}, yes {yes:.4f}: a yes counts {ratio:.2f} times")
    """,
    why="alpha is the weight of a yes and one minus alpha that of a no, so the famous value turns the rare class down "
    "({wrong[ratio]:.2f} times). Above a half it goes up ({right[ratio]:.1f} times). With many classes a single "
    "alpha is only a learning rate.",
    threads=("kornia/kornia#875", "kornia/kornia#2371", "focal-loss-keras 4", "segmentation_models.pytorch 808", "unsky 9"),
    see=(See("compare", "focal_alpha", "Train with alpha 0.25, 0.5 and 0.75"),),
)
def focal_alpha(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["ratio"] - 1 / 3) < 1e-5 and abs(right["ratio"] - 3) < 1e-5
