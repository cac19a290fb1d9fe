"""Recipes of several yes/no questions about one row: labels that may be correlated, and pictures that are asked two ways."""

import math
import textwrap

import torch
from torch import Tensor

from lib.data.dataset import Dataset, Split, Task, generator
from lib.data.source import source
from lib.data.synthetic import SIZES, N
from lib.registry import Param, Params

ANIMALS = ("cat", "dog", "bird")


def numbered_labels(params: Params) -> tuple[str, ...]:
    return tuple(f"label {number + 1}" for number in range(len(params["biases"])))


def flip_answers(y: Tensor, share: float, g: torch.Generator) -> Tensor:
    """Each yes becomes a no, and each no a yes, with probability `share`."""
    return torch.where(torch.rand(y.shape, generator=g) < share, 1 - y, y)


def splits_code(params: Params, setup: str, draws: str) -> str:
    """`load_data` of a recipe that draws `rows` x and y of each split from a generator `g`."""
    return "\n".join([
        f"ROWS = {(params['n'], params['n_val'], params['n_test'])}  # training, validation, test", "", "",
        "def load_data(seed):", '    """Training, validation and test rows, each from a generator of its own."""',
        f"    {setup}", "    splits = []", "    for stream, rows in enumerate(ROWS):", "        g = generator(seed, stream)",
        textwrap.indent(draws, "        "), "        splits.append((x.to(DTYPE), y))", "    return splits",
    ])  # fmt: skip


def noise_code(params: Params) -> str:
    """Lines that turn some answers of training and validation rows."""
    noise = params["label_noise"]
    return f"\nif stream < 2:  # answers of test rows stay true\n    y = flip_answers(y, {noise}, g)" if noise else ""


def multilabel_code(params: Params) -> str:
    setup, correlation = f"bias = torch.tensor({params['biases']})", params["correlation"]
    return splits_code(params, setup, (
        "x = torch.randn(rows, 1, generator=g)\n"
        "shared, own = torch.randn(rows, 1, generator=g), torch.randn(rows, len(bias), generator=g)\n"
        f"coin = torch.special.ndtr(math.sqrt({correlation}) * shared + math.sqrt(1 - {correlation}) * own)  # in [0, 1]\n"
        f"y = (coin < torch.sigmoid(bias + {params['slope']} * x)).long()"
    ) + noise_code(params))  # fmt: skip


def pictures_code(params: Params) -> str:
    noise = params["label_noise"]
    draws = (
        "main = torch.multinomial(shares, rows, replacement=True, generator=g)\n"
        f"clear = 0.5 * (torch.rand(rows, 3, generator=g) < {params['company']})\n"
        "clear[torch.arange(rows), main] = 1.0\n"
        f"x = {params['distance']} * clear + torch.randn(rows, 3, generator=g)\n"
    )
    if params["asked"] == "any of":
        draws += "y = (clear > 0).long()" + noise_code(params)
    elif noise:
        draws += (
            f"noisy = torch.rand(rows, generator=g) < ({noise} if stream < 2 else 0.0)  # labels of test rows stay true\n"
            "y = torch.where(noisy, (main + torch.randint(1, 3, (rows,), generator=g)) % 3, main)"
        )
    else:
        draws += "y = main"
    return splits_code(params, f"shares = torch.tensor({params['shares']})", draws)


@source(
    key="multilabel",
    label="Several labels",
    kind="recipe",
    summary="One number x; each label is a yes or no of its own, rarer from label to label, and theory knows its odds.",
    formula=r"x \sim \mathcal{N}(0, 1),\quad \mathrm{logit}\,P(y_l = 1 \mid x) = b_l + a x",
    source="This project; correlated answers by a Gaussian copula",
    task="multilabel",
    params=(
        N,
        Param("biases", "b", (-1.0, -3.0, -5.0), -20.0, 20.0, 0.5, help="Log odds of each label at x = 0.", length=(2, 100)),
        Param("slope", "a", 2.0, -20.0, 20.0, 0.5, help="How much x tells about the labels."),
        Param("correlation", r"\rho", 0.0, 0.0, 1.0, 0.1, help="How much the labels of a row go together beyond what x says."),
        *SIZES,
    ),
    classes=numbered_labels,
    code=multilabel_code,
)
def multilabel(*, seed: int, n: int, biases: tuple[float, ...], slope: float, correlation: float, n_val: int, n_test: int,
               label_noise: float) -> Dataset:  # fmt: skip
    """Each answer is a coin of the stated odds; the coins of a row share a Gaussian factor. Counts are as the coins fall."""
    bias = torch.tensor(biases)
    splits = []
    for stream, rows in enumerate((n, n_val, n_test)):
        g = generator(seed, stream)
        x = torch.randn(rows, 1, generator=g)
        shared, own = torch.randn(rows, 1, generator=g), torch.randn(rows, len(biases), generator=g)
        coin = torch.special.ndtr(math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own)  # uniform in [0, 1]
        y = (coin < torch.sigmoid(bias + slope * x)).to(torch.int8)
        if label_noise and stream < 2:
            y = flip_answers(y, label_noise, g)
        splits.append(Split(x=x, y=y))
    train, validation, test = splits
    return Dataset("multilabel", numbered_labels(Params({"biases": biases})), train, validation, test, feature_names=("x",))


@source(
    key="pictures",
    label="Cat, dog, bird",
    kind="recipe",
    summary="The same pictures, asked two ways: which one animal is it mainly? Or: is there a cat, a dog, a bird?",
    formula=r"x = d \sum_k s_k e_k + \mathcal{N}(0, I_3),\quad s_k = 1 \text{ (main)}, \tfrac12 \text{ (company)}",
    source="This project; the question of the PyTorch forum (multi-class or multi-label?)",
    task=lambda params: "multilabel" if params["asked"] == "any of" else "exclusive",
    params=(
        N,
        Param("asked", "", "one of", choices=("one of", "any of"),
              help="What is asked of a picture. one of: exactly one of cat, dog, bird. any of: three yes/no questions."),
        Param("shares", r"\pi", (0.7, 0.25, 0.05), 0.001, 1.0, 0.01, length=(3, 3),
              help="How often cat, dog and bird are the main animal; only the proportions count."),
        Param("company", "q", 0.3, 0.0, 1.0, 0.05, help="How often each other animal is in the picture, too."),
        Param("distance", "d", 4.0, 0.0, 20.0, 0.1, help="How clearly a main animal shows; company shows half as much."),
        *SIZES,
    ),
    classes=lambda params: ANIMALS,
    code=pictures_code,
)  # fmt: skip
def pictures(*, seed: int, n: int, asked: str, shares: tuple[float, ...], company: float, distance: float, n_val: int,
             n_test: int, label_noise: float) -> Dataset:  # fmt: skip
    """Three numbers that show which animals are there. The question changes the targets, never the pictures."""
    task: Task = "multilabel" if asked == "any of" else "multiclass"
    splits = []
    for stream, rows in enumerate((n, n_val, n_test)):
        g = generator(seed, stream)
        main = torch.multinomial(torch.tensor(shares), rows, replacement=True, generator=g)
        there = torch.rand(rows, 3, generator=g) < company
        clear = 0.5 * there
        clear[torch.arange(rows), main] = 1.0
        x = distance * clear + torch.randn(rows, 3, generator=g)
        if task == "multilabel":
            y = (clear > 0).to(torch.int8)
            y = flip_answers(y, label_noise, g) if label_noise and stream < 2 else y
        else:
            noisy = torch.rand(rows, generator=g) < (label_noise if stream < 2 else 0.0)
            y = torch.where(noisy, (main + torch.randint(1, 3, (rows,), generator=g)) % 3, main)
        splits.append(Split(x=x, y=y))
    train, validation, test = splits
    return Dataset(task, ANIMALS, train, validation, test, feature_names=("x1", "x2", "x3"))
