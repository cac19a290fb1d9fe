"""Recipes: data whose truth is known, so that theory can be drawn beside the fit.

Every recipe counts TRAINING rows in `n`, draws `n_val` and `n_test` rows in addition, and splits each by the class shares
exactly. `label_noise` replaces that share of training and validation labels by another class; test labels stay true, so
that a recall on test is a recall of the truth.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lib.data.dataset import TRAINING_ROWS, Dataset, Split, Task, apportion, generator, sample_counts
from lib.data.source import source
from lib.registry import Param, Params

Draw = Callable[[Tensor, torch.Generator], Tensor]  # targets [N], generator -> features [N, D]

N = Param("n", "n", 10_000, 10, 2_000_000, 1000, help="Training rows; validation and test rows are drawn in addition.")
SIZES = (
    Param(
        "n_val",
        "n_{val}",
        4000,
        10,
        1_000_000,
        1000,
        help="Validation rows: live curves and matrices are read on them.",
    ),
    Param("n_test", "n_{test}", 20_000, 10, 1_000_000, 1000, help="Test rows: used once, when training is over."),
    Param(
        "label_noise",
        r"\epsilon",
        0.0,
        0.0,
        0.5,
        0.01,
        help="Share of training and validation labels replaced by another class.",
    ),
)


def priors_param(*default: float) -> Param:
    return Param("priors", r"\pi", tuple(default), 0.0, 1.0, 0.01, help="Share of each class; they sum to 1.", length=(2, 100))


def numbered(params: Params) -> tuple[str, ...]:
    """Class names of a recipe with priors: 0, 1, ..."""
    shares = params["priors"]
    assert isinstance(shares, tuple)
    if abs(sum(shares) - 1) > 1e-3:
        raise ValueError(f"priors must sum to 1, got {sum(shares):g}.")
    return tuple(str(c) for c in range(len(shares)))


def draw_splits(
    draw: Draw, *, seed: int, n: int, shares: tuple[float, ...], n_val: int, n_test: int, label_noise: float,
    names: tuple[str, ...], means: Tensor | None = None, all_counts: Tensor | None = None,
) -> Dataset:  # fmt: skip
    """Exact class counts in each split (largest remainder), features from `draw`, label noise as the module says.

    With `all_counts` [C], training rows are a stratified sample of n rows that stand for those.
    """
    splits = []
    train_counts = apportion(n, shares) if all_counts is None else sample_counts(all_counts.long().tolist(), n)
    drawn = (tuple(train_counts), tuple(apportion(n_val, shares)), tuple(apportion(n_test, shares)))
    for stream, counts in enumerate(drawn):
        g = generator(seed, stream)
        y = torch.repeat_interleave(torch.arange(len(shares)), torch.tensor(counts))
        x = draw(y, g)
        if label_noise and stream < 2:
            y = flip(y, label_noise, len(shares), g)
        splits.append(Split(x=x, y=y))
    train, validation, test = splits
    dims = tuple(f"x{d + 1}" for d in range(train.x.shape[1]))
    task: Task = "binary" if len(shares) == 2 else "multiclass"
    notices = [] if all_counts is None else [
        f"Class counts and weights use all {int(all_counts.sum())} labels; training uses a sample of {len(train)} rows "
        "with the same class shares."
    ]  # fmt: skip
    return Dataset(task, names, train, validation, test, dims, notices=tuple(notices), means=means, all_counts=all_counts,
                   drawn=drawn)  # fmt: skip


def flip(y: Tensor, share: float, classes: int, g: torch.Generator) -> Tensor:
    """Replace each label with probability `share` by one of the other classes, all equally likely."""
    noisy = torch.rand(len(y), generator=g) < share
    other = (y + torch.randint(1, classes, (len(y),), generator=g)) % classes
    return torch.where(noisy, other, y)


def around(means: Tensor) -> Draw:
    """Unit Gaussians around class means [C, D]."""
    return lambda y, g: means[y] + torch.randn(len(y), means.shape[1], generator=g)


def around_code(means: str) -> str:
    return f"means = {means}\n\n\ndef draw(y, g):\n    return means[y] + torch.randn(len(y), means.shape[1], generator=g)\n"


def gaussian_means(params: Params) -> Tensor:
    dim, distance = int(params["dim"]), float(params["distance"])  # type: ignore[arg-type]
    half = torch.full((dim,), distance / (2 * math.sqrt(dim)))
    return torch.stack([-half, half])


@source(
    key="gaussians",
    label="Two Gaussians",
    kind="recipe",
    summary="Two classes that overlap; the best boundary is a straight line, and theory knows where.",
    formula=r"x \mid y \sim \mathcal{N}(\mu_y, I), \quad \lVert \mu_1 - \mu_0 \rVert = d",
    source="Menon et al. 2021 (arXiv 2007.07314), section 6.1",
    task="exclusive",
    params=(
        N,
        priors_param(0.95, 0.05),
        Param("distance", "d", 2.828427, 0.0, 20.0, 0.1, help="Distance between the two class means."),
        Param("dim", "D", 2, 1, 100, 1, help="Number of features."),
        *SIZES,
    ),
    classes=lambda params: two(numbered(params)),
    means=gaussian_means,
    code=lambda params: (
        f"half = torch.full(({params['dim']},), {params['distance']} / (2 * math.sqrt({params['dim']})))\n"
        + around_code("torch.stack([-half, half])")
    ),
)
def gaussians(*, seed: int, n: int, priors: tuple[float, ...], distance: float, dim: int, n_val: int, n_test: int,
              label_noise: float) -> Dataset:  # fmt: skip
    """Two unit Gaussians `distance` apart along the diagonal, centred on the origin."""
    means = gaussian_means(Params({"dim": dim, "distance": distance}))
    return draw_splits(around(means), seed=seed, n=n, shares=priors, n_val=n_val, n_test=n_test,
                       label_noise=label_noise, names=("0", "1"), means=means)  # fmt: skip


def two(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) != 2:
        raise ValueError(f"priors must have 2 values for two classes, got {len(names)}.")
    return names


def ring_means(params: Params) -> Tensor:
    shares, radius = params["priors"], float(params["radius"])  # type: ignore[arg-type]
    angle = 2 * math.pi * torch.arange(len(shares), dtype=torch.float64) / len(shares)  # type: ignore[arg-type]
    return (radius * torch.stack([angle.cos(), angle.sin()], dim=1)).float()


@source(
    key="ring",
    label="Ring of Gaussians",
    kind="recipe",
    summary="Several classes on a circle, in the plane: every boundary can be seen.",
    formula=r"x \mid k \sim \mathcal{N}\big(r(\cos\tfrac{2\pi k}{C}, \sin\tfrac{2\pi k}{C}), I_2\big)",
    source="This project",
    task="exclusive",
    params=(
        N,
        priors_param(0.8, 0.15, 0.05),
        Param("radius", "r", 2.0, 0.0, 20.0, 0.1, help="Radius of the circle on which the class means lie."),
        *SIZES,
    ),
    classes=numbered,
    means=ring_means,
    code=lambda params: (
        f"angle = 2 * math.pi * torch.arange({len(params['priors'])}).double() / {len(params['priors'])}\n"
        + around_code(f"({params['radius']} * torch.stack([angle.cos(), angle.sin()], dim=1)).float()")
    ),
)
def ring(*, seed: int, n: int, priors: tuple[float, ...], radius: float, n_val: int, n_test: int,
         label_noise: float) -> Dataset:  # fmt: skip
    """C unit Gaussians on a circle."""
    params = Params({"priors": priors, "radius": radius})
    means = ring_means(params)
    return draw_splits(around(means), seed=seed, n=n, shares=priors, n_val=n_val, n_test=n_test,
                       label_noise=label_noise, names=numbered(params), means=means)  # fmt: skip


def simplex_means(params: Params) -> Tensor:
    return float(params["distance"]) * torch.eye(len(params["priors"]))  # type: ignore[arg-type]


LONG_TAIL = (0.68596, 0.2169, 0.0686, 0.02168, 0.00686)  # 5 classes, exponential, largest : smallest = 100


@source(
    key="simplex",
    label="Long tail on a simplex",
    kind="recipe",
    summary="C classes, each with an axis of its own; the recall of every class is known exactly under any weights.",
    formula=r"x \mid k \sim \mathcal{N}(d\,e_k, I_C)",
    source="This project",
    task="exclusive",
    params=(
        Param("n", "n", 7289, 10, 2_000_000, 1000, help=N.help),
        priors_param(*LONG_TAIL),
        Param("distance", "d", 3.0, 0.0, 20.0, 0.1, help="Distance of each class mean from the origin, along its axis."),
        *SIZES,
    ),
    classes=numbered,
    means=simplex_means,
    code=lambda params: around_code(f"{params['distance']} * torch.eye({len(params['priors'])})"),
)
def simplex(*, seed: int, n: int, priors: tuple[float, ...], distance: float, n_val: int, n_test: int,
            label_noise: float) -> Dataset:  # fmt: skip
    """Class k around d on its own axis: all pairs of classes are equally hard."""
    params = Params({"priors": priors, "distance": distance})
    means = simplex_means(params)
    return draw_splits(around(means), seed=seed, n=n, shares=priors, n_val=n_val, n_test=n_test,
                       label_noise=label_noise, names=numbered(params), means=means)  # fmt: skip


@source(
    key="moons",
    label="Two moons",
    kind="recipe",
    summary="Two interleaved half circles: a straight line is the wrong model.",
    formula=r"x \mid 0 = (\cos t, \sin t),\; x \mid 1 = (1-\cos t, \tfrac12-\sin t),\; t \sim U(0,\pi),\;"
    r" + \mathcal{N}(0, \sigma^2 I)",
    source="scikit-learn, make_moons",
    task="exclusive",
    params=(
        N,
        priors_param(0.95, 0.05),
        Param("noise", r"\sigma", 0.25, 0.0, 2.0, 0.05, help="Standard deviation of the noise around the half circles."),
        *SIZES,
    ),
    classes=lambda params: two(numbered(params)),
    code=lambda params: (
        "def draw(y, g):\n"
        "    t = math.pi * torch.rand(len(y), generator=g)\n"
        "    upper = torch.stack([t.cos(), t.sin()], dim=1)\n"
        "    lower = torch.stack([1 - t.cos(), 0.5 - t.sin()], dim=1)\n"
        "    noise = torch.randn(len(y), 2, generator=g)\n"
        f"    return torch.where(y[:, None] == 0, upper, lower) + {params['noise']} * noise\n"
    ),
)
def moons(*, seed: int, n: int, priors: tuple[float, ...], noise: float, n_val: int, n_test: int,
          label_noise: float) -> Dataset:  # fmt: skip
    """scikit-learn's two moons, with uniform instead of evenly spaced angles so that rows are independent."""

    def draw(y: Tensor, g: torch.Generator) -> Tensor:
        t = math.pi * torch.rand(len(y), generator=g)
        upper = torch.stack([t.cos(), t.sin()], dim=1)
        lower = torch.stack([1 - t.cos(), 0.5 - t.sin()], dim=1)
        return torch.where(y[:, None] == 0, upper, lower) + noise * torch.randn(len(y), 2, generator=g)

    return draw_splits(draw, seed=seed, n=n, shares=priors, n_val=n_val, n_test=n_test,
                       label_noise=label_noise, names=("0", "1"))  # fmt: skip


MAX_LABEL_AXES = 20


def label_means(params: Params) -> Tensor:
    """Pairwise distance `separation`: on axes of their own up to 20 classes, beyond that in random directions of 20."""
    classes = len(params["counts"])  # type: ignore[arg-type]
    reach = float(params["separation"]) / math.sqrt(2)  # type: ignore[arg-type]
    if classes <= MAX_LABEL_AXES:
        return reach * torch.eye(classes)
    directions = torch.randn(classes, MAX_LABEL_AXES, generator=generator(classes))
    return reach * directions / directions.norm(dim=1, keepdim=True)


def label_code(params: Params) -> str:
    classes, separation = len(params["counts"]), params["separation"]
    if classes <= MAX_LABEL_AXES:
        return around_code(f"{separation} / math.sqrt(2) * torch.eye({classes})")
    directions = f"directions = torch.randn({classes}, {MAX_LABEL_AXES}, generator=generator({classes}))\n"
    return directions + around_code(f"{separation} / math.sqrt(2) * directions / directions.norm(dim=1, keepdim=True)")


def label_names(params: Params) -> tuple[str, ...]:
    counts, names = params["counts"], params["names"]
    assert isinstance(counts, tuple) and isinstance(names, tuple)
    if sum(counts) < 10:
        raise ValueError(f"counts must sum to at least 10 training rows, got {sum(counts)}.")
    if not names:
        return tuple(str(c) for c in range(len(counts)))
    if len(names) != len(counts) or len(set(names)) != len(names):
        raise ValueError(f"names must be {len(counts)} different names, one per count, got {len(set(names))}.")
    return names


@source(
    key="labels",
    label="Features made for your labels",
    kind="recipe",
    summary="Your class counts, with Gaussian features made for them: see what weights do before you have a model.",
    formula=r"x \mid k \sim \mathcal{N}(\tfrac{s}{\sqrt2}\,e_k, I)",
    source="This project",
    task="exclusive",
    params=(
        Param(
            "counts",
            "n_c",
            (5000, 300, 12),
            0,
            10**9,
            1,
            help="Training rows of each class.",
            length=(2, 1000),
            item=int,
        ),
        Param("names", "", (), help="Class names, in the order of the counts.", length=(0, 1000), item=str, high=80),
        Param("separation", "s", 3.0, 0.0, 20.0, 0.1, help="Distance between any two class means, in standard deviations."),
        *SIZES,
    ),
    classes=label_names,
    means=label_means,
    code=label_code,
)
def labels(*, seed: int, counts: tuple[int, ...], names: tuple[str, ...], separation: float, n_val: int, n_test: int,
           label_noise: float) -> Dataset:  # fmt: skip
    """Given label counts, with features: unit Gaussians `separation` apart."""
    params = Params({"counts": counts, "names": names, "separation": separation})
    class_names, means = label_names(params), label_means(params)
    n = sum(counts)
    many = n > TRAINING_ROWS
    return draw_splits(around(means), seed=seed, n=min(n, TRAINING_ROWS), shares=tuple(count / n for count in counts),
                       n_val=n_val, n_test=n_test, label_noise=label_noise, names=class_names, means=means,
                       all_counts=torch.tensor(counts, dtype=torch.float64) if many else None)  # fmt: skip
