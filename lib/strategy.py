"""A strategy: loss + scheme + sampler + decision, and the training settings that it may override. Frozen, checked."""

import dataclasses
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lib.data import Task
from lib.decisions import DECISIONS
from lib.losses import LOSSES
from lib.registry import Param, Params, Registry, brief, check_params
from lib.sampling import SAMPLERS
from lib.weighting import WEIGHTINGS

MAX_NAME = 40
NO_PARAMS = Params()
Parts = Mapping[str, tuple[str, Registry[Any]]]  # field with a record's key -> (field with its parameters, registry)


def complete(spec: Any, owner: str) -> None:
    """Check a value under construction and fill in the defaults of its parameters. Raises ValueError that names `owner`."""
    for key_field, (params_field, registry) in spec.PARTS.items():
        record = registry.pick(getattr(spec, key_field))
        params = check_params(getattr(spec, params_field), record.params, f"{owner}, {registry.word} {record.key}")
        object.__setattr__(spec, params_field, params)
    for param in spec.FIELDS:
        try:
            object.__setattr__(spec, param.name, param.check(getattr(spec, param.name)))
        except ValueError as error:
            raise ValueError(f"{owner}: {error}") from None


@dataclass(frozen=True)
class Training:
    """Settings of the optimiser; a strategy may override all but those that are `SHARED`.

    `lr_grid`: train every strategy at each of these learning rates and show its best one (lib/tuning.py); empty: `lr` alone.
    """

    epochs: int = 20
    batch_size: int = 128
    optimizer: str = "adam"
    lr: float = 0.001
    weight_decay: float = 0.0
    normaliser: str = "torch"
    lr_grid: tuple[float, ...] = ()

    SHARED: ClassVar[tuple[str, ...]] = ("epochs", "lr_grid")
    PARTS: ClassVar[Parts] = {}
    FIELDS: ClassVar[tuple[Param, ...]] = (
        Param("epochs", "E", 20, 1, 10_000, 5, help="How often the training rows are gone through."),
        Param("batch_size", "B", 128, 1, 1_000_000, 32,
              help="Rows that are averaged into one step. Small batches often miss a rare class."),
        Param("optimizer", "", "adam", choices=("adam", "sgd"), help="Adam hides the scale of a loss; SGD does not."),
        Param("lr", r"\eta", 0.001, 1e-7, 1000.0, 0.001, help="How far one step goes (lr). Too large: the loss diverges."),
        Param("weight_decay", r"\lambda", 0.0, 0.0, 100.0, 0.0001, help="L2 added to the gradient, as torch.optim does."),
        Param("normaliser", "", "torch", choices=("torch", "fixed"),
              help="What divides the loss of a batch. torch: as torch does. fixed: by its rows, weights rescaled to mean 1."),
        Param("lr_grid", "", (), 1e-7, 1000.0, length=(0, 8),
              help="Fair tuning: each strategy takes the best of these learning rates, by balanced accuracy on validation."),
    )  # fmt: skip

    def __post_init__(self) -> None:
        complete(self, "training")
        if len(set(self.lr_grid)) != len(self.lr_grid):
            raise ValueError(f"training: the learning rates of lr_grid must differ, got {brief(list(self.lr_grid))}.")


@dataclass(frozen=True)
class Strategy:
    """Loss + scheme + sampler + decision, named by the visitor: one column of a comparison."""

    name: str
    loss: str = "cross_entropy"
    loss_params: Params = NO_PARAMS
    weighting: str = "none"
    weighting_params: Params = NO_PARAMS
    sampler: str = "shuffle"
    sampler_params: Params = NO_PARAMS
    decision: str = "argmax"
    decision_params: Params = NO_PARAMS
    weights_from_epoch: int = 0
    sample_weight: bool = True
    overrides: Params = NO_PARAMS

    PARTS: ClassVar[Parts] = {
        "loss": ("loss_params", LOSSES),
        "weighting": ("weighting_params", WEIGHTINGS),
        "sampler": ("sampler_params", SAMPLERS),
        "decision": ("decision_params", DECISIONS),
    }
    FIELDS: ClassVar[tuple[Param, ...]] = (
        Param("weights_from_epoch", "T_0", 0, 0, 10_000, 1,
              help="Epochs before the weights start; until then every row counts the same."),
        Param("sample_weight", "s", True,
              help="Multiply each row's loss with its own weight (its reliability), where the data have such a column."),
    )  # fmt: skip

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", check_name(self.name))
        where = f"Strategy {brief(self.name)}"
        complete(self, where)
        for name in Training.SHARED:
            if isinstance(self.overrides, Mapping) and name in self.overrides:
                raise ValueError(
                    f"{where}: {name} cannot be overridden; the strategies of a comparison are treated alike in it."
                )
        checked = check_params(self.overrides, Training.FIELDS, f"{where}, overrides")
        object.__setattr__(self, "overrides", Params({key: checked[key] for key in sorted(self.overrides)}))

    def training(self, common: Training) -> Training:
        """The training settings of this strategy."""
        return dataclasses.replace(common, **self.overrides)  # type: ignore[arg-type]

    @property
    def slug(self) -> str:
        """The name as a safe part of a file name: letters, digits and dashes."""
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode()
        return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower() or "strategy"


def rates(strategy: Strategy, common: Training) -> tuple[float, ...]:
    """The learning rates that a strategy trains at: those of the grid, unless it has one of its own."""
    return common.lr_grid if common.lr_grid and "lr" not in strategy.overrides else (strategy.training(common).lr,)


def check_name(name: object) -> str:
    """A strategy's name: 1 to 40 characters of plain text in one line."""
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= MAX_NAME:
        came = f"{len(name)} characters" if isinstance(name, str) else brief(name)
        raise ValueError(f"The name of a strategy must be 1 to {MAX_NAME} characters, got {came}.")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise ValueError(f"The name of a strategy must be plain text in one line, got {brief(name)}.")
    return name.strip()


def check_fit(strategies: Sequence[Strategy], task: Task, classes: int) -> None:
    """Raises ValueError for a part of a strategy that cannot work with this task or number of classes."""
    for strategy in strategies:
        for part in Strategy.PARTS:
            if problem := _misfit(strategy, part, task, classes):
                raise ValueError(f"Strategy {brief(strategy.name)}: {problem}")


def adapt(strategies: Sequence[Strategy], task: Task, classes: int) -> tuple[tuple[Strategy, ...], list[str]]:
    """The strategies for other data: a part that cannot work with them takes its default. With a sentence for each."""
    adapted, notices = [], []
    for strategy in strategies:
        for part, (params_field, registry) in Strategy.PARTS.items():
            if problem := _misfit(strategy, part, task, classes):
                fitting = next(
                    key for key in registry if not _misfit(_with(strategy, part, key, params_field), part, task, classes)
                )
                strategy = _with(strategy, part, fitting, params_field)
                notices.append(f"{strategy.name}: {problem.rstrip('.')}; it now uses {registry[fitting].label.lower()}.")
        adapted.append(strategy)
    return tuple(adapted), notices


def _with(strategy: Strategy, part: str, key: str, params_field: str) -> Strategy:
    return dataclasses.replace(strategy, **{part: key, params_field: NO_PARAMS})  # type: ignore[arg-type]


def _misfit(strategy: Strategy, part: str, task: Task, classes: int) -> str | None:
    """Why a part does not fit the data; None where it does."""
    params_field, registry = Strategy.PARTS[part]
    record, params = registry[getattr(strategy, part)], getattr(strategy, params_field)
    if task not in getattr(record, "tasks", (task,)):
        fitting = ", ".join(key for key, other in registry.items() if task in other.tasks)
        return (
            f"{registry.word} {record.key} is for {' or '.join(record.tasks)} targets, "
            f"and these are {task} ({classes} {'labels' if task == 'multilabel' else 'classes'}). Choose one of {fitting}."
        )
    weights, ignored = params.get("weights"), params.get("ignore_index", -100)
    if weights is not None and not any(weights):
        return "weights must not all be 0: nothing would be learnt."
    if weights is not None and len(weights) != classes:
        several = "labels" if task == "multilabel" else "classes"
        return f"weights must have one value per class: {classes} {several}, got {len(weights)} weights."
    thresholds = params.get("thresholds", (0.5,))
    if len(thresholds) not in (1, classes):
        return f"thresholds must be one for all or one per label: {classes} labels, got {len(thresholds)} thresholds."
    if ignored != -100 and not 0 <= ignored < classes:
        return f"ignore_index must be -100 or a class from 0 to {classes - 1}, got {ignored}."
    return None
