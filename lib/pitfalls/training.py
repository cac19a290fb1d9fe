"""Over a whole training: other splits, several parts of a batch, several machines, many epochs."""

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="train_and_validation",
    label="My training loss is far above my validation loss. Is the model underfitting?",
    losses=("CrossEntropyLoss", "BCEWithLogitsLoss"),
    wrong="""
        targets = torch.cat([torch.zeros(990), torch.ones(10)]).long()
        prior = torch.tensor([.99, .01])
        logits = prior.log().expand(1000, 2)  # always answers with the class shares
        weight = 1000 / (2 * torch.bincount(targets))
        train = nn.CrossEntropyLoss(weight)(logits, targets)
        validation = nn.CrossEntropyLoss()(logits, targets)
        print(f"train {train:.3f}, validation {validation:.3f}, the same model on the same rows")
    """,
    right="""
        targets = torch.cat([torch.zeros(990), torch.ones(10)]).long()
        prior = torch.tensor([.99, .01])
        logits = prior.log().expand(1000, 2)
        train = nn.CrossEntropyLoss()(logits, targets)
        validation = nn.CrossEntropyLoss()(logits, targets)
        print(f"train {train:.3f}, validation {validation:.3f}")
    """,
    why="The two numbers measure different things: {wrong[train]:.3f} is weighted, {wrong[validation]:.3f} is not. Log "
    "the plain loss (NLL) on both splits and compare that; this app draws the two in separate panels.",
    threads=("keras-team/keras#7985", "keras-team/keras#8591", "keras-team/keras#4137", "tensorflow/tensorflow#42647",
             "scikit-neuralnetwork 219"),
    see=(See("compare", "weights_that_cancel", "Loss as optimised beside validation NLL"),
         ),
)  # fmt: skip
def train_and_validation(wrong: Ran, right: Ran) -> bool:
    return wrong["train"] > 10 * wrong["validation"] and bool(right["train"].isclose(right["validation"]))


@pitfall(
    key="constant_half",
    label="At the start cross-entropy shows 0.69 and pos_weight BCE twice as much. Which one is wrong?",
    losses=("CrossEntropyLoss", "BCEWithLogitsLoss"),
    wrong="""
        targets = torch.cat([torch.zeros(990), torch.ones(10)])
        logits = torch.zeros(1000)  # says one half to everything
        pos_weight = torch.tensor(99.)
        bce = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
        print(f"BCE, pos_weight {pos_weight:.0f}: {bce:.3f}")
    """,
    right="""
        targets = torch.cat([torch.zeros(990), torch.ones(10)])
        logits = torch.zeros(1000)
        pos_weight = torch.tensor(99.)
        bce = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, targets)
        mean_weight = (1 + (pos_weight - 1) * targets).mean()
        compared = bce / mean_weight
        print(f"BCE, divided by its mean weight: {compared:.3f}")
    """,
    why="Neither. Cross-entropy divides the weights away, BCE divides by the rows only and keeps their mean in the "
    "number ({wrong[bce]:.3f}). Divided by it, both say {right[compared]:.3f}: a coin.",
    threads=("keras-team/keras#7985", "tensorflow/tensorflow#42647"),
    see=(See("compare", "rare_1_to_100", "One panel per divisor"),),
)
def constant_half(wrong: Ran, right: Ran) -> bool:
    return wrong["bce"] > 1.3 and 0.69 < right["compared"] < 0.70


@pitfall(
    key="gradient_accumulation",
    label="Gradient accumulation with class weights does not give what one large batch gives. Why?",
    losses=("CrossEntropyLoss",),
    wrong="""
        g = torch.Generator().manual_seed(0)
        logits = torch.randn(12, 3, generator=g)
        targets = torch.tensor([0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 1])
        weight = torch.tensor([1., 9., 30.])
        criterion = nn.CrossEntropyLoss(weight)
        parts = [criterion(z, y) for z, y in zip(logits.split(4), targets.split(4))]
        accumulated = sum(parts) / len(parts)
        whole = criterion(logits, targets)
        print(f"three small batches {accumulated:.4f}, one large {whole:.4f}")
    """,
    right="""
        g = torch.Generator().manual_seed(0)
        logits = torch.randn(12, 3, generator=g)
        targets = torch.tensor([0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 1])
        weight = torch.tensor([1., 9., 30.])
        summed = nn.CrossEntropyLoss(weight, reduction="sum")
        divisor = weight[targets].sum()  # of the whole batch
        parts = [summed(z, y) / divisor for z, y in zip(logits.split(4), targets.split(4))]
        accumulated = sum(parts)
        whole = nn.CrossEntropyLoss(weight)(logits, targets)
        print(f"three small batches {accumulated:.4f}, one large {whole:.4f}")
    """,
    why="A mean of weighted means is not the weighted mean ({wrong[accumulated]:.3f} against {wrong[whole]:.3f}): a part "
    "with little weight counts as much as one with a lot. Sum the parts and divide once by all their weights.",
    threads=("Lightning-AI/pytorch-lightning#21386", "Lightning-AI/pytorch-lightning#20350", "huggingface/transformers#35203",
             "mlx-lm PR 1544", "OpenNMT 2209"),
    see=(See("receipt", "cross_entropy", "Cut the batch into parts"),
         See("compare", "batch_of_one", "What batch size does")),
)  # fmt: skip
def gradient_accumulation(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["accumulated"] - wrong["whole"]) > 0.01 and bool(right["accumulated"].isclose(right["whole"]))


@pitfall(
    key="several_ranks",
    label="With DistributedDataParallel my weighted loss differs from that of one GPU. Which is right?",
    losses=("CrossEntropyLoss",),
    wrong="""
        g = torch.Generator().manual_seed(1)
        logits = torch.randn(8, 2, generator=g)
        targets = torch.tensor([0, 0, 0, 0, 0, 1, 0, 1])
        weight = torch.tensor([1., 6.])
        criterion = nn.CrossEntropyLoss(weight)
        ranks = [criterion(z, y) for z, y in zip(logits.chunk(2), targets.chunk(2))]
        averaged = sum(ranks) / len(ranks)  # as DDP averages gradients
        alone = criterion(logits, targets)
        print(f"two ranks {averaged:.4f}, one {alone:.4f}")
    """,
    right="""
        g = torch.Generator().manual_seed(1)
        logits = torch.randn(8, 2, generator=g)
        targets = torch.tensor([0, 0, 0, 0, 0, 1, 0, 1])
        weight = torch.tensor([1., 6.])
        summed = nn.CrossEntropyLoss(weight, reduction="sum")
        ranks = [summed(z, y) for z, y in zip(logits.chunk(2), targets.chunk(2))]
        divisor = sum(weight[y].sum() for y in targets.chunk(2))  # all_reduce this
        averaged = sum(len(ranks) * r / divisor for r in ranks) / len(ranks)
        alone = nn.CrossEntropyLoss(weight)(logits, targets)
        print(f"two ranks {averaged:.4f}, one {alone:.4f}")
    """,
    why="Each rank divides by its own weights, and the average of the ranks is {wrong[averaged]:.3f}, not "
    "{wrong[alone]:.3f}. Reduce the sum of weights over the ranks first and divide by that.",
    threads=("pytorch/pytorch#31579", "deepdetect PR 1473"),
    see=(
        See("receipt", "cross_entropy", "Cut the batch into ranks"),
        See("compare", "batch_of_one", "What batch size does"),
    ),
)
def several_ranks(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["averaged"] - wrong["alone"]) > 0.01 and bool(right["averaged"].isclose(right["alone"]))


@pitfall(
    key="weights_fade",
    label="Early in training the weights matter, after many epochs they do not. Where do they go?",
    losses=("any", "CrossEntropyLoss"),
    wrong="""
        x, weight = torch.tensor([1., -1.]), torch.tensor([19., 1.])  # two rows, one per class
        line = torch.zeros(2, requires_grad=True)  # slope and bias
        boundary = {}
        for step in range(1, 1001):
            margins = x * (line[0] * x + line[1])
            loss = (weight * nn.functional.softplus(-margins)).sum()
            gradient, = torch.autograd.grad(loss, line)
            line.data -= .02 * gradient
            if step in (50, 500, 1000):
                boundary[step] = (-line[1] / line[0]).item()
                print(f"step {step}: boundary at {boundary[step]:.3f}")
    """,
    right="""
        x, weight = torch.tensor([1., -1.]), torch.tensor([19., 1.])
        line = torch.zeros(2, requires_grad=True)
        boundary = {}
        for step in range(1, 1001):
            margins = x * (line[0] * x + line[1])
            loss = (weight * nn.functional.softplus(-margins)).sum() + .25 * (line ** 2).sum()
            gradient, = torch.autograd.grad(loss, line)
            line.data -= .02 * gradient
            if step in (50, 500, 1000):
                boundary[step] = (-line[1] / line[0]).item()
                print(f"step {step}: boundary at {boundary[step]:.3f}")
    """,
    why="Once the classes are apart, every row is right and training only widens the margin: the boundary moves back "
    "from {wrong[boundary][50]:.2f} to {wrong[boundary][1000]:.2f}, towards the middle. Weight decay stops it at "
    "{right[boundary][1000]:.2f}; so does stopping early.",
    threads=("arXiv 1812.03372",),
    see=(See("compare", "rare_1_to_20", "Where classes overlap, weights stay"),),
)
def weights_fade(wrong: Ran, right: Ran) -> bool:
    faded = abs(wrong["boundary"][1000]) < 0.5 * abs(wrong["boundary"][50])
    return faded and abs(right["boundary"][1000] - right["boundary"][500]) < 0.01
