"""The mean and its divisor: what the loss is divided by decides what the weights do."""

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="mean_is_not_none_mean",
    label="I average the weighted losses of reduction='none' myself. Why do I not get reduction='mean'?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.tensor([[2., 0.], [1., 0.], [.5, 0.], [0., 1.]])
        targets = torch.tensor([0, 0, 0, 1])
        weight = torch.tensor([1., 19.])
        rows = nn.CrossEntropyLoss(weight, reduction="none")(logits, targets)
        mine = rows.mean()
        torchs = nn.CrossEntropyLoss(weight)(logits, targets)
        print(f"mine    {mine:.4f}\\ntorch's {torchs:.4f}")
    """,
    right="""
        logits = torch.tensor([[2., 0.], [1., 0.], [.5, 0.], [0., 1.]])
        targets = torch.tensor([0, 0, 0, 1])
        weight = torch.tensor([1., 19.])
        rows = nn.CrossEntropyLoss(weight, reduction="none")(logits, targets)
        mine = rows.sum() / weight[targets].sum()
        torchs = nn.CrossEntropyLoss(weight)(logits, targets)
        print(f"mine    {mine:.4f}\\ntorch's {torchs:.4f}")
    """,
    why="Cross-entropy's mean divides by the sum of the weights of the rows, not by their number: {wrong[mine]:.3f} over "
    "rows is {right[torchs]:.3f} over weights. BCE and BCEWithLogits do divide by the number of elements.",
    threads=("pytorch/pytorch#8062", "pytorch/pytorch#25571", "pytorch/pytorch#40560", "pytorch/pytorch#65329"),
    see=(
        See("receipt", "cross_entropy", "Take this number apart"),
        See("compare", "weights_that_cancel", "Train with both divisors"),
    ),
)
def mean_is_not_none_mean(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["mine"] - wrong["torchs"]) > 0.1 and bool(right["mine"].isclose(right["torchs"]))


@pitfall(
    key="common_factor",
    label="I multiplied all class weights by ten and nothing happened. Are they ignored?",
    losses=("CrossEntropyLoss", "BCEWithLogitsLoss"),
    wrong="""
        logits = torch.tensor([[2., 0.], [1., 0.], [0., 1.]])
        targets = torch.tensor([0, 0, 1])
        weight = torch.tensor([1., 9.])
        before = nn.CrossEntropyLoss(weight)(logits, targets)
        after = nn.CrossEntropyLoss(10 * weight)(logits, targets)
        print(f"weights 1 and 9   {before:.4f}")
        print(f"weights 10 and 90 {after:.4f}")
    """,
    right="""
        logits = torch.tensor([[2., 0.], [1., 0.], [0., 1.]])
        targets = torch.tensor([0, 0, 1])
        weight = torch.tensor([1., 9.])
        before = nn.CrossEntropyLoss(weight)(logits, targets)
        ratio = nn.CrossEntropyLoss(weight * torch.tensor([1., 10.]))(logits, targets)
        summed = []
        for k in (1, 10):
            criterion = nn.CrossEntropyLoss(k * weight, reduction="sum")
            summed.append(criterion(logits, targets).item())
        print(f"another ratio, 1 and 90: {before:.4f} -> {ratio:.4f}")
        print(f"a sum has no divisor:    {summed[0]:.4f} -> {summed[1]:.4f}")
    """,
    why="The weights stand above and below the fraction line, so a common factor cancels: {wrong[before]:.4f} stays "
    "{wrong[after]:.4f}. Only their ratio acts. Sums and BCE do scale with it: {right[summed][0]:.3f} becomes "
    "{right[summed][1]:.3f}.",
    threads=("qubvel/segmentation_models#208", "autrainer PR 86"),
    see=(
        See("compare", "weights_that_cancel", "Three recipes, one curve"),
        See("receipt", "cross_entropy", "Multiply all weights by k"),
    ),
)
def common_factor(wrong: Ran, right: Ran) -> bool:
    one, ten = right["summed"]
    scales = abs(ten / one - 10) < 1e-4
    return bool(wrong["before"].isclose(wrong["after"])) and abs(right["ratio"] - right["before"]) > 0.001 and scales


@pitfall(
    key="scale_and_optimiser",
    label="With SGD a larger loss weight makes training explode; with Adam it does nothing. Which is right?",
    losses=("BCEWithLogitsLoss", "any"),
    wrong="""
        def train(make, scale):
            z = torch.zeros(1, requires_grad=True)
            optimizer = make([z])
            criterion = nn.BCEWithLogitsLoss(weight=torch.tensor([scale]))
            for _ in range(20):
                optimizer.zero_grad()
                criterion(z, torch.ones(1)).backward()
                optimizer.step()
            return z.item()

        small, large = (train(lambda p: torch.optim.SGD(p, lr=.1), k) for k in (1., 100.))
        print(f"SGD, logit after 20 steps: weight 1 {small:.3f}, weight 100 {large:.3f}")
    """,
    right="""
        def train(make, scale):
            z = torch.zeros(1, requires_grad=True)
            optimizer = make([z])
            criterion = nn.BCEWithLogitsLoss(weight=torch.tensor([scale]))
            for _ in range(20):
                optimizer.zero_grad()
                criterion(z, torch.ones(1)).backward()
                optimizer.step()
            return z.item()

        small, large = (train(lambda p: torch.optim.Adam(p, lr=.1), k) for k in (1., 100.))
        print(f"Adam, logit after 20 steps: weight 1 {small:.3f}, weight 100 {large:.3f}")
    """,
    why="A weight that multiplies every term is a learning rate. SGD obeys it ({wrong[small]:.2f} against "
    "{wrong[large]:.2f}), Adam divides it away ({right[small]:.3f} against {right[large]:.3f}). To change the "
    "balance, change the ratio.",
    threads=("qubvel/segmentation_models#208", "autrainer PR 86"),
    see=(See("compare", "weights_that_cancel", "See BCE train faster under SGD"),),
)
def scale_and_optimiser(wrong: Ran, right: Ran) -> bool:
    return wrong["large"] > 3 * wrong["small"] and abs(right["large"] - right["small"]) < 1e-4


@pitfall(
    key="equal_rows",
    label="I tried weights [0.1, 10] instead of [1, 1] and the loss is exactly the same. Why?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.tensor([[1., 0.], [0., 1.], [1., 0.], [0., 1.]])
        targets = torch.tensor([0, 1, 0, 1])
        even = nn.CrossEntropyLoss(torch.tensor([1., 1.]))(logits, targets)
        uneven = nn.CrossEntropyLoss(torch.tensor([.1, 10.]))(logits, targets)
        print(f"[1, 1]    {even:.5f}\\n[0.1, 10] {uneven:.5f}")
    """,
    right="""
        logits = torch.tensor([[1., 0.], [1., 0.], [1., 0.], [0., 1.]])
        targets = torch.tensor([0, 1, 0, 1])
        weight = torch.tensor([.1, 10.])
        even = nn.CrossEntropyLoss(torch.tensor([1., 1.]))(logits, targets)
        uneven = nn.CrossEntropyLoss(weight)(logits, targets)
        print(f"[1, 1]    {even:.5f}\\n[0.1, 10] {uneven:.5f}")
    """,
    why="A weighted mean of equal numbers is that number: every row of this example costs {wrong[even]:.5f}, so no "
    "weights can move it. A formula that stops at weight times loss hides this divisor. As soon as one row is wrong the "
    "weights show: {right[even]:.3f} becomes {right[uneven]:.3f}.",
    threads=("an explainer on class weights, example 3",),
    see=(
        See("receipt", "example_3", "Take example 3 apart"),
        See("compare", "weights_that_cancel", "Weights that cancel"),
    ),
)
def equal_rows(wrong: Ran, right: Ran) -> bool:
    return bool(wrong["even"].isclose(wrong["uneven"])) and abs(right["even"] - right["uneven"]) > 0.1


@pitfall(
    key="batch_of_one",
    label="Class weights do nothing when my batch size is 1. Is that a bug?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits, targets = torch.tensor([[1., 0.]]), torch.tensor([1])
        plain = nn.CrossEntropyLoss()(logits, targets)
        weighted = nn.CrossEntropyLoss(torch.tensor([1., 100.]))(logits, targets)
        print(f"no weights {plain:.4f}\\nweight 100 {weighted:.4f}")
    """,
    right="""
        logits, targets = torch.tensor([[1., 0.]]), torch.tensor([1])
        weight = torch.tensor([1., 100.])
        reduction = "sum"
        plain = nn.CrossEntropyLoss(reduction=reduction)(logits, targets)
        weighted = nn.CrossEntropyLoss(weight, reduction=reduction)(logits, targets) / len(targets)
        print(f"no weights {plain:.4f}\\nweight 100 {weighted:.4f}")
    """,
    why="With one row, or rows of one class only, the same weight stands above and below the fraction line: "
    "{wrong[plain]:.4f} with and without. Divide by the number of rows instead and it acts: {right[weighted]:.1f}.",
    threads=("pytorch/pytorch#50528", "pytorch/pytorch#14184", "mathiaszinnen/focal_loss_torch#18"),
    see=(
        See("compare", "batch_of_one", "Train with batches of 1, 8, 32 and 512"),
        See("receipt", "one_class", "A batch of one class"),
    ),
)
def batch_of_one(wrong: Ran, right: Ran) -> bool:
    return bool(wrong["plain"].isclose(wrong["weighted"])) and abs(right["weighted"] / right["plain"] - 100) < 1e-3


@pitfall(
    key="small_batches",
    label="My weights give the rare class half of the loss. Why does it get less in small batches?",
    losses=("CrossEntropyLoss",),
    wrong="""
        def part_of_rare(batch, share=.01, weight=99.):
            rare = torch.arange(batch + 1.)
            chance = torch.distributions.Binomial(batch, torch.tensor(share)).log_prob(rare).exp()
            part = weight * rare / (weight * rare + batch - rare)
            return (chance * part).sum().item()

        sizes = [1, 8, 32, 128, 1024]
        parts = [part_of_rare(batch) for batch in sizes]
        for batch, part in zip(sizes, parts):
            print(f"batch of {batch:4d}: {part:.3f} of the loss")
    """,
    right="""
        def part_of_rare(batch, share=.01, weight=99.):
            rare = torch.arange(batch + 1.)
            chance = torch.distributions.Binomial(batch, torch.tensor(share)).log_prob(rare).exp()
            numerator = (chance * weight * rare).sum()
            return (numerator / (chance * (weight * rare + batch - rare)).sum()).item()

        # the fixed divisor: CrossEntropyLoss(weight, reduction="sum") / batch
        sizes = [1, 8, 32, 128, 1024]
        parts = [part_of_rare(batch) for batch in sizes]
        for batch, part in zip(sizes, parts):
            print(f"batch of {batch:4d}: {part:.3f} of the loss")
    """,
    why="Each batch divides by the weights that happen to be in it, and most small batches hold no rare row: its part of "
    "the loss is {wrong[parts][1]:.3f} with batches of {wrong[sizes][1]}, not {right[parts][1]:.3f}. A fixed divisor "
    "keeps it.",
    threads=("pytorch/pytorch#50528", "a law of this project (derived)"),
    see=(See("compare", "batch_of_one", "The same weights, four batch sizes"),),
)
def small_batches(wrong: Ran, right: Ran) -> bool:
    grows = all(a < b for a, b in zip(wrong["parts"], wrong["parts"][1:], strict=False))
    return grows and wrong["parts"][0] < 0.02 and all(abs(part - 0.5) < 1e-4 for part in right["parts"])


@pitfall(
    key="one_hot_targets",
    label="I turned my class indices into one-hot targets. Why is the weighted loss so much larger?",
    losses=("CrossEntropyLoss",),
    wrong="""
        logits = torch.tensor([[2., 0.], [1., 0.], [.5, 0.], [0., 1.]])
        targets = torch.tensor([0, 0, 0, 1])
        weight = torch.tensor([1., 99.])
        one_hot = nn.functional.one_hot(targets, 2).float()
        index = nn.CrossEntropyLoss(weight)(logits, targets)
        soft = nn.CrossEntropyLoss(weight)(logits, one_hot)
        print(f"indices {index:.4f}\\none-hot {soft:.4f}")
    """,
    right="""
        logits = torch.tensor([[2., 0.], [1., 0.], [.5, 0.], [0., 1.]])
        targets = torch.tensor([0, 0, 0, 1])
        weight = torch.tensor([1., 99.])
        one_hot = nn.functional.one_hot(targets, 2).float()
        index = nn.CrossEntropyLoss(weight)(logits, targets)
        total = nn.CrossEntropyLoss(weight, reduction="sum")(logits, one_hot)
        soft = total / (one_hot @ weight).sum()
        print(f"indices {index:.4f}\\none-hot {soft:.4f}")
    """,
    why="With probabilities as targets torch divides by the number of rows, with indices by the sum of weights: "
    "{wrong[soft]:.3f} against {wrong[index]:.3f}, a step that is many times larger under SGD.",
    threads=("pytorch/pytorch#61044",),
    see=(
        See("receipt", "one_hot_targets", "Indices against one-hot"),
        See("compare", "weights_that_cancel", "What the divisor changes"),
    ),
)
def one_hot_targets(wrong: Ran, right: Ran) -> bool:
    return wrong["soft"] > 5 * wrong["index"] and bool(right["soft"].isclose(right["index"]))


@pitfall(
    key="two_outputs_or_one",
    label="Is cross-entropy with weights [1, p] on two outputs the same as pos_weight=p on one?",
    losses=("CrossEntropyLoss", "BCEWithLogitsLoss"),
    wrong="""
        z = torch.tensor([-2., -1., .5, 0.])
        targets = torch.tensor([0, 0, 0, 1])
        two = torch.stack([torch.zeros(4), z], dim=1)  # logits 0 and z
        ce = nn.CrossEntropyLoss(torch.tensor([1., 9.]))(two, targets)
        bce = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.))(z, targets.float())
        print(f"cross-entropy {ce:.4f}\\npos_weight    {bce:.4f}")
    """,
    right="""
        z = torch.tensor([-2., -1., .5, 0.])
        targets = torch.tensor([0, 0, 0, 1])
        weight = torch.tensor([1., 9.])
        logits = torch.stack([torch.zeros(4), z], dim=1)
        ce = nn.CrossEntropyLoss(weight)(logits, targets) * weight[targets].sum() / len(targets)
        bce = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.))(z, targets.float())
        print(f"cross-entropy, sum of weights / N times: {ce:.4f}\\npos_weight: {bce:.4f}")
    """,
    why="Row by row they are the same loss; the divisors differ. {wrong[ce]:.4f} is over the sum of weights, "
    "{wrong[bce]:.4f} over the number of rows, and the ratio of the two divisors makes them equal.",
    threads=("a common question (derived)",),
    see=(
        See("receipt", "cross_entropy", "Both divisors on one batch"),
        See("compare", "rare_1_to_100", "Both, trained side by side"),
    ),
)
def two_outputs_or_one(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["ce"] - wrong["bce"]) > 0.1 and bool(right["ce"].isclose(right["bce"]))


@pitfall(
    key="last_batch",
    label="My training crashes in the last, smaller batch. What has the loss weight to do with it?",
    losses=("BCEWithLogitsLoss", "BCELoss"),
    wrong="""
        logits, targets = torch.zeros(10), torch.ones(10)
        weight = torch.full((4,), 2.)
        criterion = nn.BCEWithLogitsLoss(weight=weight)
        for z, y in zip(logits.split(4), targets.split(4)):
            print(f"{len(z)} rows: {criterion(z, y):.4f}")
    """,
    right="""
        logits, targets = torch.zeros(10), torch.ones(10)
        weight = torch.full((10,), 2.)
        losses = []
        for z, y, w in zip(logits.split(4), targets.split(4), weight.split(4)):
            loss = nn.functional.binary_cross_entropy_with_logits(z, y, weight=w)
            losses.append(loss.item())
            print(f"{len(z)} rows: {loss:.4f}")
    """,
    why="A weight per row belongs to the rows, not to the criterion: built once for a full batch, it cannot fit the last "
    "one. Take it from the batch, through the functional form.",
    threads=("torch/nn#1037", "pytorch/pytorch#10732"),
    see=(See("guide", "last_batch", "See the shapes"), See("receipt", "bce_with_logits", "Weights per row")),
)
def last_batch(wrong: Ran, right: Ran) -> bool:
    return "size" in wrong.error and not right.error and len(right["losses"]) == 3
