"""The code that is shown runs, and holds the tensor that training uses."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from lib.experiment import DataSpec, Strategy
from lib.export.program import literal
from lib.export.tensors import tensor_code
from lib.stack import Run
from lib.training import load
from lib.weighting import WEIGHTINGS, class_weights

HOSTILE = ['"""', "\nimport os", "# ]) ; raise SystemExit", "a\u2028b", "{x}", "\\"]


def run(code: str) -> dict:
    names: dict = {}
    exec(compile(code, "shown", "exec"), names)
    return names


def run_of(strategy: Strategy, **params: object) -> Run:
    return Run(strategy, 0, (0, 0), load(DataSpec("gaussians", {"n": 1000, "n_val": 50, "n_test": 50, **params})))


@pytest.mark.parametrize("key", [key for key in WEIGHTINGS if key not in ("manual", "pos_weight")])
def test_the_tensor_is_that_of_the_criterion(key: str) -> None:
    counts = torch.tensor([5000.0, 300.0, 12.0])
    names = run(tensor_code(class_weights(key, counts), ["cat", "dog", "bird"]))
    assert names["weight"].dtype == torch.float32 and names["weight"].shape == (3,)
    assert torch.equal(names["weight"], class_weights(key, counts).float())
    logits, targets = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 0, 1])
    expected = functional.cross_entropy(logits, targets, class_weights(key, counts).float())
    assert torch.equal(names["criterion"](logits, targets), expected)


def test_yes_or_no_in_three_ways_is_one_loss_up_to_its_divisor() -> None:
    run_ = run_of(Strategy("a", weighting="balanced"))
    names = run(tensor_code(run_.class_weight, ["no", "yes"]))
    assert float(names["pos_weight"]) == pytest.approx(19)
    logits, y = torch.tensor([-1.0, 0.5, 2.0]), torch.tensor([0.0, 1.0, 0.0])
    element = torch.where(y > 0, run_.class_weight[1], run_.class_weight[0]).float()
    terms = functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
    assert float(names["bce"](logits.sigmoid(), y)) == pytest.approx(float((element * terms).mean()), rel=1e-6)
    scaled = float(names["with_logits"](logits, y)) * float(run_.class_weight[0])
    assert scaled == pytest.approx(float((element * terms).mean()), rel=1e-6)


def test_names_of_strangers_stay_comments() -> None:
    code = tensor_code(torch.arange(1.0, 1 + len(HOSTILE)).double(), HOSTILE)
    assert isinstance(run(code)["criterion"], nn.CrossEntropyLoss)
    assert [line for line in code.splitlines() if "import" in line] == ["import torch", "from torch import nn"] + [
        line for line in code.splitlines() if line.startswith("    2.0,  # 1:")
    ]


@pytest.mark.parametrize("value", [float("nan"), [1.0, float("inf")], {"a": -float("inf")}])
def test_what_is_no_finite_number_is_refused_in_a_sentence(value):
    with pytest.raises(ValueError, match="A script holds finite numbers, got .* less extreme"):
        literal(value)
