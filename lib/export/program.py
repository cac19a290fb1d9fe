"""What the exported script of one strategy has to know: the parts that are chosen, and which of them make a difference."""

import ast
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from lib.data import SOURCES, Dataset, Source
from lib.data.dataset import count_classes
from lib.data.upload import Table
from lib.decisions import DECISIONS, Decision
from lib.experiment import Experiment, Training
from lib.export.criterion import criterion_code
from lib.export.source_text import named
from lib.models import MODELS
from lib.sampling import SAMPLERS, Sampler
from lib.stack import Run
from lib.strategy import rates
from lib.training import load
from lib.weighting import WEIGHTINGS, Scheme

WIDTH = 100  # of a value; a longer one takes several lines


@dataclass(frozen=True, eq=False)
class Program:
    """Strategy number `index` of an experiment on this dataset; `table` is the visitor's file, where there is one.

    `lr` is the learning rate that fair tuning chose. Raises ValueError for what no script can be written for.
    """

    experiment: Experiment
    index: int
    dataset: Dataset
    table: Table | None = None
    lr: float | None = None

    def __post_init__(self) -> None:
        if self.lr is None and len(rates(self.run.strategy, self.experiment.training)) > 1:
            raise ValueError("Fair tuning chooses the learning rate of a strategy while it trains. Train first.")
        if self.experiment.data.resample and not self._alike():
            raise ValueError(
                "Some draws have no row of a class that others have. Raise n, or do not draw rows anew for each seed."
            )

    def _alike(self) -> bool:
        """Whether the rows of every seed are of the same classes."""
        data, there = self.experiment.data, self.run.class_counts > 0
        drawn = (load(dataclasses.replace(data, seed=data.seed + seed)) for seed in self.experiment.seeds)
        return all(bool(((own.class_counts() > 0) == there).all()) for own in drawn)

    @cached_property
    def run(self) -> Run:
        return Run(self.experiment.strategies[self.index], self.experiment.seeds[0], (self.index, 0), self.dataset)

    @cached_property
    def settings(self) -> Training:
        return self.run.strategy.training(self.experiment.training)

    @property
    def source(self) -> Source:
        return SOURCES[self.experiment.data.source]

    @property
    def several(self) -> bool:
        """Whether a row has several labels: scores are [L, N, 2] then, counts and weights [L, 2]."""
        return self.dataset.task == "multilabel"

    @property
    def series(self) -> bool:
        """Whether rows are series, with a mask of the steps that count."""
        return self.dataset.task == "sequence"

    @property
    def names(self) -> str:
        """The constant with the names of the classes, or labels."""
        return "LABELS" if self.several else "CLASSES"

    @property
    def columns(self) -> list[str]:
        """What `load_data` returns of each split, besides the sample weights of training rows."""
        return ["x", "y", "mask"] if self.series else ["x", "y"]

    @property
    def scheme(self) -> Scheme:
        return WEIGHTINGS[self.run.strategy.weighting]

    @property
    def sampler(self) -> Sampler:
        return SAMPLERS[self.run.strategy.sampler]

    @property
    def decision(self) -> Decision:
        return DECISIONS[self.run.strategy.decision]

    @property
    def sampler_code(self) -> str:
        return self.sampler.code.format(**self.run.strategy.sampler_params)

    @property
    def decision_code(self) -> str:
        code = self.decision.code
        text = code if isinstance(code, str) else code(2 if self.several else len(self.dataset.class_names))
        return text.format(**self.run.strategy.decision_params)

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Where the code of the records comes from: their names are known there."""
        parts = (self.run.loss, self.scheme, self.sampler, self.decision, self.source, MODELS[self.experiment.model.name])
        return tuple(part.function for part in parts)

    @property
    def one_logit(self) -> bool:
        return self.run.loss.scores == "one"

    @property
    def weighted(self) -> bool:
        return self.run.strategy.weighting != "none"

    @property
    def late(self) -> bool:
        """Whether weights start after the first epoch, so that the criterion is made anew in each."""
        return self.weighted and self.run.strategy.weights_from_epoch > 0

    @property
    def weighs_rows(self) -> bool:
        return self.dataset.train.sample_weight is not None and self.run.strategy.sample_weight

    @property
    def weighs_outside(self) -> bool:
        """No pos_weight can say a weight of 0 for "no": then the weight is multiplied outside the criterion."""
        return self.one_logit and not self.several and not bool(self.run.class_weight[0])

    @property
    def empty_classes(self) -> bool:
        return not bool((self.run.class_counts > 0).all())

    @property
    def reduction(self) -> str:
        return "mean" if self.settings.normaliser == "fixed" else self.run.loss.reduction

    @property
    def per_row(self) -> bool:
        """Whether the loop takes the mean, not the criterion."""
        return self.weighs_rows or self.weighs_outside or self.reduction != self.run.loss.reduction

    @cached_property
    def criterion(self) -> str:
        """Code that defines `criterion`, with the names of weights that it reads."""
        inside = self.weighted and not self.weighs_outside
        negative = _at_work(self.run.class_weight, self.run.class_counts, self.settings.normaliser)[..., 0]
        even = bool((negative == 1).all())
        ones = () if inside and not even else ("scale",) if inside else ("class_weight", "pos_weight", "scale")
        own = criterion_code(self.run.loss, self.run.strategy.loss_params, ones=ones, per_row=self.per_row)
        values = {
            "class_weight": "torch.ones(len(CLASSES), dtype=DTYPE)",
            "scale": "torch.ones((), dtype=DTYPE)",
            "pos_weight": "torch.ones((), dtype=DTYPE)",
        }
        if inside:
            no, yes = ("class_weight[:, 0]", "class_weight[:, 1]") if self.several else ("class_weight[0]", "class_weight[1]")
            values = {"scale": f"{no}  # of a no", "pos_weight": f"{yes} / {no}  # a yes to a no"}
        lines = [f"{name} = {value}" for name, value in values.items() if name in named(own)]
        if "class_counts" in named(own):
            lines.append("class_counts = class_counts.to(DTYPE)")
        if lines and own.startswith("def "):
            lines.append("")  # a function among statements stands apart
        return "\n".join([*lines, own])

    @property
    def counts(self) -> str:
        """An expression for the class counts that weights are made from: training targets `y`, or the constant of all rows."""
        part = self.dataset.train
        own = count_classes(part.y, self.dataset.task, len(self.dataset.class_names), part.mask)
        if self.dataset.all_counts is not None and not bool((own == self.run.class_counts).all()):
            return "CLASS_COUNTS"
        return self.own_counts

    @property
    def own_counts(self) -> str:
        """An expression for the class counts of training targets `y`."""
        if self.several:
            return "torch.stack([(y == 0).sum(dim=0), (y == 1).sum(dim=0)], dim=1).double()  # [L, 2]: no and yes"
        return f"torch.bincount({'y[mask]' if self.series else 'y'}, minlength=len(CLASSES)).double()"


def _at_work(weight: Tensor, counts: Tensor, normaliser: str) -> Tensor:
    """Class weights as the criterion gets them."""
    return weight * counts.sum() / (weight * counts).sum() if normaliser == "fixed" else weight


def literal(value: object, width: int = WIDTH) -> str:
    """A value as Python text that reads back to the same, on several lines where it is long.

    Only plain values: nothing in it can run. Raises ValueError where a number is not finite.
    """
    text = repr(value)
    try:
        ast.literal_eval(text)
    except ValueError:
        raise ValueError(
            f"A script holds finite numbers, got {text[:80]}. Choose weights or settings that are less extreme."
        ) from None
    if len(text) <= width or not isinstance(value, list | tuple | dict):
        return text
    pairs = value.items() if isinstance(value, dict) else None
    items = [f"{key!r}: {own!r}" for key, own in pairs] if pairs is not None else list(map(repr, value))
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) > WIDTH:
            lines.append("")
        lines[-1] += f"{item}, "
    rows = "\n".join(f"    {line.rstrip()}" for line in lines if line)
    return f"{text[0]}\n{rows}\n{text[-1]}"


def tensor(values: Tensor) -> str:
    return f"torch.tensor({literal(values.tolist(), WIDTH // 2)}, dtype=torch.float64)"
