"""Bundled sets: real rows that ship with scikit-learn, cut to an imbalance. Nothing is downloaded."""

import torch
from torch import Tensor

from lib.data.dataset import Dataset, Split, apportion, generator, stratified_split
from lib.data.source import source
from lib.registry import Param

TEST_PER_DIGIT = 50


@source(
    key="digits",
    label="Ten digits, long tail",
    kind="bundled",
    summary="Scanned digits (8 x 8 pixels); which digit is rare is drawn at random.",
    formula=r"n_c = \lfloor \text{head} \cdot \text{ratio}^{-c/9} \rfloor",
    source="scikit-learn, load_digits (UCI optdigits); profile after Cui et al. 2019",
    task="exclusive",
    params=(
        Param("head", "n_0", 100, 10, 120, 10, help="Rows of the most frequent digit; a fifth of them is for validation."),
        Param("ratio", r"\rho", 25.0, 1.0, 120.0, 1.0, help="Rows of the most frequent digit to one of the rarest."),
    ),
    classes=lambda params: tuple(str(digit) for digit in range(10)),
    code=lambda params: (
        f"""def load_data(seed):
    \"\"\"A long tail over the digits in random order; 50 test rows of each.\"\"\"
    raw = load_digits()
    x, y = torch.tensor(raw.data, dtype=torch.float32) / 16, torch.tensor(raw.target)
    g = generator(seed)
    rank = torch.randperm(10, generator=g)  # 0 is the most frequent digit
    test, profile = [], []
    for digit in range(10):
        rows = torch.nonzero(y == digit).squeeze(-1)
        rows = rows[torch.randperm(len(rows), generator=g)]
        keep = max(int({params["head"]} * {params["ratio"]} ** (-int(rank[digit]) / 9) + 1e-9), 1)
        test.append(rows[:{TEST_PER_DIGIT}])
        profile.append(rows[{TEST_PER_DIGIT} : {TEST_PER_DIGIT} + keep])
    chosen = torch.cat(profile)
    train, validation = stratified_split(y[chosen], (0.8, 0.2), seed, classes=10)
    return [(x[rows].to(DTYPE), y[rows]) for rows in (chosen[train], chosen[validation], torch.cat(test))]
"""
    ),
)
def digits(*, seed: int, head: int, ratio: float) -> Dataset:
    """load_digits / 16 on an exponential profile over a random order of the classes; test has 50 rows of each digit."""
    from sklearn.datasets import load_digits  # takes half a second: not at the start of the program

    raw = load_digits()
    x, y = torch.tensor(raw.data, dtype=torch.float32) / 16, torch.tensor(raw.target)
    g = generator(seed)
    rank = torch.randperm(10, generator=g)  # rank[digit]: 0 is the most frequent
    test, profile = [], []
    for digit in range(10):
        rows = torch.nonzero(y == digit).squeeze(-1)
        rows = rows[torch.randperm(len(rows), generator=g)]
        keep = max(int(head * ratio ** (-int(rank[digit]) / 9) + 1e-9), 1)
        test.append(rows[:TEST_PER_DIGIT])
        profile.append(rows[TEST_PER_DIGIT : TEST_PER_DIGIT + keep])
    chosen = torch.cat(profile)
    train, validation = stratified_split(y[chosen], (0.8, 0.2), seed, classes=10)
    parts = (chosen[train], chosen[validation], torch.cat(test))
    names = tuple(str(digit) for digit in range(10))
    pixels = tuple(f"pixel {i // 8},{i % 8}" for i in range(64))
    train_rows, validation_rows, test_rows = (_rows(x, y, part) for part in parts)
    return Dataset("multiclass", names, train_rows, validation_rows, test_rows, feature_names=pixels)


@source(
    key="breast_cancer",
    label="Breast cancer, rare",
    kind="bundled",
    summary="569 biopsies with 30 measurements; malignant ones are cut to a small share.",
    formula=r"\pi_1 = \text{share of malignant rows that is kept}",
    source="scikit-learn, load_breast_cancer (UCI Wisconsin diagnostic, 1995)",
    task="exclusive",
    params=(Param("share", r"\pi_1", 0.05, 0.01, 0.37, 0.01, help="Share of malignant rows among all rows."),),
    classes=lambda params: ("benign", "malignant"),
    code=lambda params: (
        f"""def load_data(seed):
    \"\"\"Every benign row and a few malignant ones, stratified 60/20/20, standardised by the training rows.\"\"\"
    raw = load_breast_cancer()
    x, y = torch.tensor(raw.data, dtype=torch.float32), 1 - torch.tensor(raw.target)  # scikit-learn: 0 is malignant
    benign, malignant = torch.nonzero(y == 0).squeeze(-1), torch.nonzero(y == 1).squeeze(-1)
    wanted = round(len(benign) / (1 - {params["share"]})) - len(benign)
    kept = malignant[torch.randperm(len(malignant), generator=generator(seed))[: max(wanted, 3)]]
    chosen = torch.cat([benign, kept])
    parts = [chosen[part] for part in stratified_split(y[chosen], (0.6, 0.2, 0.2), seed)]
    scale, shift = torch.std_mean(x[parts[0]], dim=0)
    return [((x[rows].to(DTYPE) - shift.to(DTYPE)) / scale.to(DTYPE), y[rows]) for rows in parts]
"""
    ),
)
def breast_cancer(*, seed: int, share: float) -> Dataset:
    """Every benign row and as many malignant ones (drawn by `seed`) as make up `share`; stratified 60/20/20."""
    from sklearn.datasets import load_breast_cancer

    raw = load_breast_cancer()
    x, y = torch.tensor(raw.data, dtype=torch.float32), 1 - torch.tensor(raw.target)  # scikit-learn: 0 is malignant
    benign, malignant = torch.nonzero(y == 0).squeeze(-1), torch.nonzero(y == 1).squeeze(-1)
    wanted = apportion(round(len(benign) / (1 - share)), (1 - share, share))[1]
    kept = malignant[torch.randperm(len(malignant), generator=generator(seed))[: max(wanted, 3)]]
    chosen = torch.cat([benign, kept])
    train, validation, test = (_rows(x, y, chosen[part]) for part in stratified_split(y[chosen], (0.6, 0.2, 0.2), seed))
    scale, shift = torch.std_mean(train.x, dim=0)
    features = tuple(str(name) for name in raw.feature_names)
    return Dataset("binary", ("benign", "malignant"), train, validation, test, feature_names=features,
                   shift=shift, scale=scale)  # fmt: skip


def _rows(x: Tensor, y: Tensor, rows: Tensor) -> Split:
    return Split(x=x[rows], y=y[rows], rows=rows)
