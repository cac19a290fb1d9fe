"""Weighted samplers: what they take, what they draw, and what they do to weights on top."""

from lib.pitfalls.pitfall import See, pitfall
from lib.pitfalls.snippet import Ran


@pitfall(
    key="sampler_wants_rows",
    label="I gave WeightedRandomSampler my class weights. Why do I only ever see two rows?",
    losses=("any",),
    wrong="""
        from torch.utils.data import WeightedRandomSampler

        targets = torch.cat([torch.zeros(90), torch.ones(10)]).long()
        weights = torch.tensor([1 / 90, 1 / 10])  # one per class
        g = torch.Generator().manual_seed(0)
        drawn = list(WeightedRandomSampler(weights, 100, generator=g))
        only = sorted(set(drawn))
        print(f"rows drawn: {only}, of classes {targets[drawn].unique().tolist()}")
    """,
    right="""
        from torch.utils.data import WeightedRandomSampler

        targets = torch.cat([torch.zeros(90), torch.ones(10)]).long()
        weights = torch.tensor([1 / 90, 1 / 10])[targets]  # one per row
        g = torch.Generator().manual_seed(0)
        drawn = list(WeightedRandomSampler(weights, 100, generator=g))
        rare = int((targets[drawn] == 1).sum())
        print(f"{len(set(drawn))} different rows, {rare} of {len(drawn)} draws are of class 1")
    """,
    why="It wants one weight per row and takes the length of the list for the number of rows, so two class weights draw "
    "the rows {wrong[only]} for ever. Index the class weights with the targets: {right[rare]} of the draws are rare.",
    threads=("soundbay PR 49", "superpoint_graph 175"),
    see=(
        See("compare", "corrected_twice", "The sampler in training"),
        See("compare", "rare_1_to_100", "Sampler against weights"),
    ),
)
def sampler_wants_rows(wrong: Ran, right: Ran) -> bool:
    return set(wrong["drawn"]) == {0, 1} and 30 <= right["rare"] <= 70


@pitfall(
    key="without_replacement",
    label="My weighted sampler draws without replacement and the batches are as skewed as before. Why?",
    losses=("any",),
    wrong="""
        from torch.utils.data import WeightedRandomSampler

        targets = torch.cat([torch.zeros(990), torch.ones(10)]).long()
        weights = (1 / torch.bincount(targets))[targets]
        g = torch.Generator().manual_seed(0)
        drawn = list(WeightedRandomSampler(weights, 1000, replacement=False, generator=g))
        rare = int((targets[drawn] == 1).sum())
        print(f"{rare} of {len(drawn)} draws are of class 1")
    """,
    right="""
        from torch.utils.data import WeightedRandomSampler

        targets = torch.cat([torch.zeros(990), torch.ones(10)]).long()
        weights = (1 / torch.bincount(targets))[targets]
        g = torch.Generator().manual_seed(0)
        drawn = list(WeightedRandomSampler(weights, 1000, replacement=True, generator=g))
        rare = int((targets[drawn] == 1).sum())
        print(f"{rare} of {len(drawn)} draws are of class 1")
    """,
    why="Without replacement every row is drawn once by the end of the epoch, so only the order changes: {wrong[rare]} "
    "rare draws, as in the data. With replacement there are {right[rare]}.",
    threads=("pytorch/pytorch#116117",),
    see=(See("compare", "corrected_twice", "The sampler in training"),),
)
def without_replacement(wrong: Ran, right: Ran) -> bool:
    return wrong["rare"] == 10 and 400 < right["rare"] < 600


@pitfall(
    key="coverage",
    label="Does one epoch with a weighted sampler see all of my data?",
    losses=("any",),
    wrong="""
        from torch.utils.data import WeightedRandomSampler

        targets = torch.cat([torch.zeros(9900), torch.ones(100)]).long()
        weights = (1 / torch.bincount(targets))[targets]
        g = torch.Generator().manual_seed(0)
        drawn = torch.tensor(list(WeightedRandomSampler(weights, 10000, generator=g)))
        seen = len(drawn.unique()) / len(targets)
        print(f"{seen:.1%} of the rows seen")
    """,
    right="""
        targets = torch.cat([torch.zeros(9900), torch.ones(100)]).long()
        g = torch.Generator().manual_seed(0)
        drawn = torch.randperm(len(targets), generator=g)  # shuffle=True, and weights in the loss
        weight = len(targets) / (2 * torch.bincount(targets))
        seen = len(drawn.unique()) / len(targets)
        print(f"{seen:.1%} of the rows seen, weight {[round(w, 3) for w in weight.tolist()]}")
    """,
    why="No. Half of the draws are repeats of the few rare rows, and among the rest chance leaves many out: "
    "{wrong[seen]:.0%} of the rows are seen. Class weights with plain shuffling see {right[seen]:.0%}, at the price "
    "of unequal steps.",
    threads=("pytorch/pytorch#116117",),
    see=(See("compare", "rare_1_to_100", "Sampler against weights"),),
)
def coverage(wrong: Ran, right: Ran) -> bool:
    return 0.3 < wrong["seen"] < 0.5 and right["seen"] == 1


@pitfall(
    key="sampler_and_weights",
    label="I use a weighted sampler and class weights. Now everything is the rare class. Why?",
    losses=("any", "CrossEntropyLoss"),
    wrong="""
        rows = torch.tensor([9900., 100.])
        drawn = rows.sum() * torch.tensor([.5, .5])  # what the sampler shows
        weight = rows.sum() / (2 * rows)  # balanced, on top
        mass = drawn * weight
        prior = (mass / mass.sum())[1].item()
        factor = ((mass[1] / mass[0]) / (rows[1] / rows[0])).item()
        print(f"class 1 counts as {prior:.2f} of the data, its odds times {factor:.0f}")
    """,
    right="""
        rows = torch.tensor([9900., 100.])
        drawn = rows.sum() * torch.tensor([.5, .5])
        weight = torch.ones(2)  # one correction is enough
        mass = drawn * weight
        prior = (mass / mass.sum())[1].item()
        factor = ((mass[1] / mass[0]) / (rows[1] / rows[0])).item()
        print(f"class 1 counts as {prior:.2f} of the data, its odds times {factor:.0f}")
    """,
    why="The two corrections multiply. The sampler alone makes the rare class {right[prior]:.0%} of what the model sees; "
    "balanced weights on top make it {wrong[prior]:.0%}. Use one of them.",
    threads=("FGA-DIKU/BONSAI#352", "GaNDLF 776", "face.evoLVe 106"),
    see=(
        See("compare", "corrected_twice", "Train with both, and with each"),
        See("decisions", "corrected_twice", "Read the probabilities"),
    ),
)
def sampler_and_weights(wrong: Ran, right: Ran) -> bool:
    return abs(wrong["prior"] - 0.99) < 1e-4 and abs(right["prior"] - 0.5) < 1e-6
