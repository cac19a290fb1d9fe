"""A small batch as a visitor types it: the one thing that a receipt is made of.

Classes go by name. Frozen, checked when made, and small enough for a link.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lib.receipt.criterion import CRITERIA, Array, Criterion, Given, Numbers
from lib.registry import Params, brief, check_params

MAX_ROWS, MAX_LINES, MAX_COLUMNS, MAX_NAME = 50, 200, 10, 40
REDUCTIONS = ("mean", "sum", "none")
DTYPES = ("float32", "float64")
Cell = float | None
Rows = tuple[tuple[Cell, ...], ...]
Reduction = Literal["mean", "sum", "none"]


@dataclass(frozen=True)
class Batch:
    """Lines of inputs [M][K], their targets, and the arguments of one of torch's criteria.

    `names`: of the K classes or labels. `targets` are names of classes (None: ignored), or [M][K] numbers in [0, 1] (None:
    padding). `weight` and `pos_weight` have one value per name, `row_weight` one per line; empty: none. `places`: what
    follows after the classes in torch's shape, (T,) for steps or (H, W) for pixels; M is then N x T or N x H x W.
    """

    criterion: str
    names: tuple[str, ...]
    inputs: tuple[tuple[float, ...], ...]
    targets: tuple[str | None, ...] | Rows
    weight: tuple[float, ...] = ()
    pos_weight: tuple[float, ...] = ()
    row_weight: tuple[float, ...] = ()
    params: Any = ()
    given: Given = "logits"
    reduction: Reduction = "mean"
    places: tuple[int, ...] = ()
    dtype: str = "float32"

    def __post_init__(self) -> None:
        record = CRITERIA.pick(self.criterion)
        params = check_params(dict(self.params), record.params, record.label)
        object.__setattr__(self, "params", tuple(params.items()))
        _choice("The reduction", self.reduction, REDUCTIONS)
        _choice("The dtype", self.dtype, DTYPES)
        if self.given not in record.given:
            raise ValueError(f"{record.label} takes {' or '.join(record.given)}, got {brief(self.given)}.")
        _check_names(self.names)
        _check_sizes(self)
        if self.places and not record.dense:
            raise ValueError(f"{record.label} takes [N, K] only: no steps and no pixels.")
        _check_inputs(self, record)
        _check_targets(self, record)
        _check_weights(self, record)

    @property
    def record(self) -> Criterion:
        return CRITERIA[self.criterion]

    @property
    def parameters(self) -> Params:
        return Params(self.params)

    @property
    def indexed(self) -> bool:
        """Whether a target is one class, by name."""
        return not isinstance(self.targets[0], tuple)

    @property
    def class_targets(self) -> tuple[str | None, ...]:
        """The targets of an indexed batch."""
        return self.targets  # type: ignore[return-value]

    @property
    def number_targets(self) -> Rows:
        """The targets of any other batch."""
        return self.targets  # type: ignore[return-value]

    @property
    def lines(self) -> int:
        return len(self.inputs)

    @property
    def rows(self) -> int:
        """N: the first dimension of torch's tensors."""
        return self.lines // math.prod(self.places)

    def line_name(self, line: int) -> str:
        """`row 2`, or `row 2, step 3`."""
        row, place = divmod(line, math.prod(self.places))
        where = {0: "", 1: f", step {place + 1}"}.get(len(self.places))
        return f"row {row + 1}" + (
            where if where is not None else ", pixel {} {}".format(*np.unravel_index(place, self.places))
        )

    def numbers(self, inputs: Array | None = None) -> Numbers:
        """The batch as float64 arrays that hold what the dtype holds. `inputs` overrules those of the batch."""
        dtype = np.dtype(self.dtype)

        def held(values: Any) -> Array:
            return np.asarray(values, dtype=dtype).astype(np.float64)

        columns = len(self.names)
        index = None
        if self.indexed:
            ignored = self.parameters.get("ignore_index")
            index = np.array([-1 if name is None else self.names.index(name) for name in self.class_targets])
            index = np.where(index == ignored, -1, index)
            targets = np.eye(columns)[np.maximum(index, 0)]
        else:
            targets = held([[np.nan if cell is None else cell for cell in row] for row in self.number_targets])
        return Numbers(
            inputs=held(self.inputs) if inputs is None else inputs,
            given=self.given,
            targets=targets,
            index=index,
            weight=held(self.weight or np.ones(columns)),
            pos_weight=held(self.pos_weight or np.ones(columns)),
            row_weight=held(self.row_weight or np.ones(self.lines)),
        )


def _choice(what: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{what} must be one of {', '.join(choices)}, got {brief(value)}.")


def _check_names(names: tuple[str, ...]) -> None:
    if not 1 <= len(names) <= MAX_COLUMNS:
        raise ValueError(f"A receipt has 1 to {MAX_COLUMNS} classes, got {len(names)}. Leave some out.")
    for name in names:
        if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or not name.isprintable():
            raise ValueError(f"A class name has 1 to {MAX_NAME} printable characters, got {brief(name)}.")
        if names.count(name) > 1:
            raise ValueError(f"Class names must differ; {brief(name)} is there twice.")


def _check_sizes(batch: Batch) -> None:
    places = batch.places
    if len(places) > 2 or not all(isinstance(size, int) and 1 <= size <= MAX_LINES for size in places):
        raise ValueError(f"places must be none, T, or H and W, each from 1 to {MAX_LINES}, got {brief(places)}.")
    each = math.prod(places)
    if not batch.inputs:
        raise ValueError("A receipt needs at least one row, got none. Add one.")
    if len(batch.inputs) % each:
        raise ValueError(
            f"Every row has {each} places, so that lines come in multiples of {each}; got {len(batch.inputs)} lines."
        )
    if len(batch.inputs) > MAX_LINES or len(batch.inputs) // each > MAX_ROWS:
        raise ValueError(
            f"A receipt has at most {MAX_ROWS} rows and {MAX_LINES} lines, got {len(batch.inputs)} lines. "
            "Take a few rows that show the question."
        )
    if len(batch.targets) != len(batch.inputs):
        raise ValueError(f"Expected one target per line: {len(batch.inputs)}, got {len(batch.targets)}.")


def _check_inputs(batch: Batch, record: Criterion) -> None:
    wide = len(batch.names)
    for line, row in enumerate(batch.inputs):
        where = batch.line_name(line).capitalize()
        if len(row) != wide:
            raise ValueError(f"{where}: expected {wide} {batch.given}, one per class, got {len(row)}.")
        for name, value in zip(batch.names, row, strict=True):
            what = f"{where}, {brief(name, MAX_NAME)}"
            _finite(f"{what}: a {batch.given[:-1] if batch.given == 'logits' else 'probability'}", value)
            if batch.given == "probabilities":
                _check_probability(what, value, record)
        if batch.given == "probabilities" and not record.yes_no and abs(sum(row) - 1) > 1e-3:
            raise ValueError(f"{where}: the probabilities of one row must add up to 1, they add up to {sum(row):g}.")


def _check_probability(what: str, value: float, record: Criterion) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{what}: a probability must be in [0, 1], got {value:g}. Are these logits?")
    if value in (0, 1) and record.takes == "logits":
        raise ValueError(f"{what}: a probability of {value:g} has no finite logit. Type e.g. 0.001, or choose BCELoss.")
    if value == 0 and record.takes == "log-probabilities":
        raise ValueError(f"{what}: a probability of 0 has no logarithm. Type e.g. 0.001.")


def _check_targets(batch: Batch, record: Criterion) -> None:
    if any(isinstance(target, tuple) != (not batch.indexed) for target in batch.targets):
        raise ValueError("Targets must all be class names, or all be lists of numbers; these are mixed.")
    if batch.indexed:
        if record.yes_no:
            raise ValueError(
                f"{record.label} asks yes or no of every label: expected a number in [0, 1] for each, got a class."
            )
        for line, name in enumerate(batch.class_targets):
            where = batch.line_name(line).capitalize()
            if name is None and not record.dense:
                raise ValueError(f"{where}: {record.label} cannot ignore a row. Give it a class or leave it out.")
            if name is not None and name not in batch.names:
                raise ValueError(f"{where}: unknown class {brief(name)}; the classes are {_listed(batch.names)}.")
        return
    if not record.yes_no and not record.soft_targets:
        raise ValueError(f"{record.label} takes one class per row, not a probability for each.")
    if not record.yes_no and batch.parameters["ignore_index"] >= 0:
        raise ValueError("torch refuses ignore_index with probability targets. Leave it at -100, or use class targets.")
    for line, row in enumerate(batch.number_targets):
        _check_numbers(batch, record, batch.line_name(line).capitalize(), row)


def _check_numbers(batch: Batch, record: Criterion, where: str, row: tuple[Cell, ...]) -> None:
    if len(row) != len(batch.names):
        raise ValueError(f"{where}: expected {len(batch.names)} targets, one per label, got {len(row)}.")
    for name, value in zip(batch.names, row, strict=True):
        if value is None:
            if not (record.yes_no and record.dense):
                raise ValueError(f"{where}, {brief(name)}: {record.label} cannot leave a target out. Type a number in [0, 1].")
            continue
        _finite(f"{where}, {brief(name)}: a target", value)
        if not 0 <= value <= 1:
            raise ValueError(f"{where}, {brief(name)}: a target must be in [0, 1], got {value:g}.")
    if not record.yes_no and abs(sum(value or 0 for value in row) - 1) > 1e-3:
        raise ValueError(f"{where}: target probabilities must add up to 1, got {sum(value or 0 for value in row):g}.")


def _check_weights(batch: Batch, record: Criterion) -> None:
    for word, values, length in (
        ("weight", batch.weight, len(batch.names)),
        ("pos_weight", batch.pos_weight, len(batch.names)),
        ("row_weight", batch.row_weight, batch.lines),
    ):
        if values and len(values) != length:
            raise ValueError(f"{word} must have {length} values, got {len(values)}.")
        for value in values:
            _finite(f"A {word}", value)
    if batch.pos_weight and not record.pos_weight:
        raise ValueError(f"{record.label} has no pos_weight; row weights of 1 + (p - 1) y do the same.")


def _finite(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} must be a number, got {brief(value)}.")
    if not math.isfinite(value) or abs(value) > 1e6:
        raise ValueError(f"{what} must be a finite number between -1e6 and 1e6, got {value:g}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(brief(name) for name in names)
