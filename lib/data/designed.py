"""Recipes designed to show one thing: labels that are less reliable than others, and two points with room between them."""

import dataclasses
import math

import torch
from torch import Tensor

from lib.data.dataset import Dataset, Split, generator
from lib.data.source import source
from lib.data.synthetic import SIZES, N, around, draw_splits, flip, gaussian_means, numbered, priors_param, two
from lib.registry import Param, Params

DISTANCE = 2 * math.sqrt(2)


def unreliable_code(params: Params) -> str:
    noise = params["label_noise"]
    return "\n".join([
        "means = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])", "", "", "def load_data(seed):",
        '    """Some training rows were labelled in a hurry, which misses events. Their weight is smaller."""',
        "    splits = []",
        "    for stream, rows in enumerate(ROWS):",
        "        g = generator(seed, stream)",
        "        y = torch.repeat_interleave(torch.arange(2), torch.tensor(rows))",
        "        splits.append(((means[y] + torch.randn(len(y), 2, generator=g)).to(DTYPE), y))",
        "    (x, y), (x_val, y_val), test = splits",
        "    g = generator(seed, stream=7)",
        f"    in_hurry = torch.rand(len(y), generator=g) < {params['hurried']}",
        f"    overlooked = in_hurry & (torch.rand(len(y), generator=g) < {params['missed']})",
        f"    weight = torch.where(in_hurry, {params['reliability']}, 1.0).to(DTYPE)",
        "    y = torch.where(overlooked, 0, y)",
        *([f"    y, y_val = flip(y, {noise}, 2, g), flip(y_val, {noise}, 2, g)  # labels of test rows stay true"]
          if noise else []),
        "    return (x, y, weight), (x_val, y_val), test",
    ])  # fmt: skip


@source(
    key="unreliable",
    label="Unreliable labels",
    kind="recipe",
    summary="Two Gaussians; some training rows were labelled in a hurry, which misses events. Each row comes with a sample "
    "weight, its reliability. Validation and test rows are labelled with care.",
    formula=r"x \mid y \sim \mathcal{N}(\mu_y, I),\quad P(\tilde y = 0 \mid y = 1, \text{hurried}) = q,\quad s = r"
    r" \text{ if hurried, else } 1",
    source="This project; corrupted labels: Menon et al. 2015 (Learning from corrupted binary labels)",
    task="exclusive",
    params=(
        N,
        priors_param(0.95, 0.05),
        Param("hurried", "h", 0.67, 0.0, 1.0, 0.01, help="Share of training rows that were labelled in a hurry."),
        Param("missed", "q", 0.8, 0.0, 1.0, 0.05, help="Share of the events among them that were called 0."),
        Param("reliability", "r", 0.1, 0.0, 1.0, 0.05, help="Sample weight of a hurried row; careful rows have 1."),
        *SIZES,
    ),
    classes=lambda params: two(numbered(params)),
    code=unreliable_code,
)
def unreliable(*, seed: int, n: int, priors: tuple[float, ...], hurried: float, missed: float, reliability: float, n_val: int,
               n_test: int, label_noise: float) -> Dataset:  # fmt: skip
    """Means 2 sqrt 2 apart. Which rows are hurried does not depend on the row; a careful row is at least one."""
    means = gaussian_means(Params({"dim": 2, "distance": DISTANCE}))
    true = draw_splits(around(means), seed=seed, n=n, shares=priors, n_val=n_val, n_test=n_test, label_noise=0.0,
                       names=("0", "1"))  # fmt: skip
    g = generator(seed, stream=7)
    in_hurry = torch.rand(n, generator=g) < hurried
    overlooked = in_hurry & (torch.rand(n, generator=g) < missed)
    weight = torch.where(in_hurry, reliability, 1.0)
    if not weight.any():
        raise ValueError("Every row is hurried and their reliability is 0: nothing would count. Raise it, or lower hurried.")
    y = [flip(y, label_noise, 2, g) for y in (torch.where(overlooked, 0, true.train.y), true.validation.y)]
    return dataclasses.replace(
        true, train=Split(x=true.train.x, y=y[0], sample_weight=weight), validation=Split(x=true.validation.x, y=y[1])
    )


def points_code(params: Params) -> str:
    noise = params["label_noise"]
    return "\n".join([
        "def draw(y, g):", '    """Class 0 evenly over (-1, 0), class 1 over (0, 1), in any order."""',
        "    x = torch.empty(len(y))",
        "    for c, side in ((0, -1.0), (1, 1.0)):",
        "        rows = int((y == c).sum())",
        "        x[y == c] = side * ((torch.randperm(rows, generator=g) + 0.5) / rows)",
        "    return x[:, None]", "", "", "def load_data(seed):",
        '    """Training rows lie at -1 and +1 alone; validation and test rows fill the room between."""',
        "    splits = []",
        "    for stream, rows in enumerate(ROWS):",
        "        g = generator(seed, stream)",
        "        y = torch.repeat_interleave(torch.arange(2), torch.tensor(rows))",
        "        x = draw(y, g)",
        *(["        if stream < 2:  # labels of test rows stay true", f"            y = flip(y, {noise}, 2, g)"]
          if noise else []),
        "        splits.append((x.to(DTYPE), y))",
        "    (x, y), validation, test = splits",
        "    order = torch.randperm(len(y), generator=generator(seed, stream=7))",
        "    return (x.sign()[order], y[order]), validation, test",
    ])  # fmt: skip


@source(
    key="points",
    label="Two points",
    kind="recipe",
    summary="Training rows lie at -1 and +1 alone; validation and test rows fill the room between. Recall of 0 minus recall "
    "of 1 is where the boundary stands.",
    formula=r"x \in \{-1, +1\},\; y = [x > 0];\quad \text{validation: } x \text{ in even steps from } -1 \text{ to } 1",
    source="This project, after Byrd & Lipton 2019 (arXiv 1812.03372)",
    task="exclusive",
    params=(
        Param("n", "n", 20, 10, 10_000, 10, help="Training rows, at the two points."),
        priors_param(0.5, 0.5),
        *SIZES,
    ),
    classes=lambda params: two(numbered(params)),
    code=points_code,
)
def points(*, seed: int, n: int, priors: tuple[float, ...], n_val: int, n_test: int, label_noise: float) -> Dataset:
    """One feature. Only the order of the rows, and which labels are noisy, is drawn."""

    def evenly(y: Tensor, g: torch.Generator) -> Tensor:
        x = torch.empty(len(y))
        for c, side in ((0, -1.0), (1, 1.0)):
            rows = int((y == c).sum())
            steps = (torch.randperm(rows, generator=g) + 0.5) / rows
            x[y == c] = side * steps
        return x[:, None]

    filled = draw_splits(evenly, seed=seed, n=n, shares=priors, n_val=n_val, n_test=n_test, label_noise=label_noise,
                         names=("0", "1"))  # fmt: skip
    order = torch.randperm(n, generator=generator(seed, stream=7))
    return dataclasses.replace(filled, train=Split(x=filled.train.x.sign()[order], y=filled.train.y[order]))
