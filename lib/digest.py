"""A rounded digest of a result, which a link carries: whoever trains it again can say "reproduced" or by how much it differs.

It carries the numbers themselves, not a hash: float32 rounding grows during training, so that another machine ends a little
off, and a hash turns on a border of rounding. Per strategy, in order, the mean over seeds of the validation NLL and of the
balanced accuracy on test: `0.1523/0.832,0.1710/0.921`; `-` where a number is undefined.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lib.evaluation import RunResult, estimate
from lib.experiment import MAX_STRATEGIES
from lib.registry import brief
from lib.snapshot import At, Snapshot

FIELD = "digest"  # of the link, not of the experiment
NLL_DIGITS, SHARE_DIGITS = 4, 3
NLL_TOLERANCE = 1e-3
ROW_TOLERANCE = 0.005  # of the rows of a class, or one row: what rounding turns over
ENTRY = rf"(?:-|\d{{1,9}}\.\d{{{NLL_DIGITS}}})/(?:-|[01]\.\d{{{SHARE_DIGITS}}})"
PATTERN = re.compile(rf"{ENTRY}(?:,{ENTRY}){{0,{MAX_STRATEGIES - 1}}}", re.ASCII)


@dataclass(frozen=True)
class Comparison:
    """What a digest and a result have to do with each other: a sentence for the visitor."""

    reproduced: bool
    sentence: str


def digest(snapshot: Snapshot, results: Mapping[At, RunResult]) -> str:
    """The digest of a finished training and its results on test."""
    return ",".join(
        f"{_written(nll, NLL_DIGITS)}/{_written(accuracy, SHARE_DIGITS)}" for nll, accuracy in _numbers(snapshot, results)
    )


def with_digest(query: Mapping[str, str], told: str) -> dict[str, str]:
    """The fields of a link, the digest at their end. Raises ValueError when it is none."""
    return {**query, FIELD: check(told)}


def read_digest(query: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
    """The fields of the experiment, and the digest of a link that has one. Raises ValueError when it is none."""
    rest = dict(query)
    told = rest.pop(FIELD, None)
    return rest, None if told is None else check(told)


def check(told: str) -> str:
    """The digest itself. Raises ValueError for any other text."""
    if len(told) > 40 * MAX_STRATEGIES or not PATTERN.fullmatch(told):
        raise ValueError(
            f"{FIELD} must hold a validation NLL and a balanced accuracy per strategy, such as 0.1523/0.832, "
            f"got {brief(told)}. Copy the whole link."
        )
    return told


def compare(told: str, snapshot: Snapshot, results: Mapping[At, RunResult]) -> Comparison:
    """Whether a finished training gave what a digest says, within what another machine's rounding changes.

    That is a thousandth of validation NLL, and one row, or half a percent of the rows, of each class.
    """
    promised = [tuple(map(_read, entry.split("/"))) for entry in check(told).split(",")]
    found = _numbers(snapshot, results)
    if len(promised) != len(found):
        return Comparison(False, f"Differs: the link tells of {len(promised)} strategies, and this result has {len(found)}.")
    tolerances = (NLL_TOLERANCE + 0.5 * 10**-NLL_DIGITS, _row_tolerance(results) + 0.5 * 10**-SHARE_DIGITS)
    names = [strategy.name for strategy in snapshot.experiment.strategies]
    parts = []
    for place, what in enumerate(("validation NLL", "balanced accuracy")):
        gaps = [_gap(theirs[place], ours[place]) for theirs, ours in zip(promised, found, strict=True)]
        if max(gaps) > tolerances[place]:
            worst = gaps.index(max(gaps))
            size = f"by {gaps[worst]:.{SHARE_DIGITS}f}" if math.isfinite(gaps[worst]) else "altogether"
            parts.append(f"{size} in {what} ({names[worst]})")
    if parts:
        return Comparison(False, f"Differs {' and '.join(parts)}. The link was made with other rows or other versions.")
    whose = "its strategy" if len(found) == 1 else f"all {len(found)} strategies"
    return Comparison(True, f"Reproduced: validation NLL and balanced accuracy of {whose} are those of the link.")


def _numbers(snapshot: Snapshot, results: Mapping[At, RunResult]) -> list[tuple[float, float]]:
    """Validation NLL and balanced accuracy of each strategy, mean over the seeds that gave a number; NaN where none did."""
    nll = snapshot.history.val_nll[:, :, -1]
    seeds = range(nll.shape[1])
    accuracy = [[results[s, r].metrics["balanced_accuracy"] for r in seeds] for s in range(len(nll))]
    return [(estimate(one).mean, estimate(other).mean) for one, other in zip(nll, accuracy, strict=True)]


def _row_tolerance(results: Mapping[At, RunResult]) -> float:
    """What the balanced accuracy changes by when one row, or half a percent, of each class is decided otherwise."""
    rows = np.max([result.confusion.sum(-1) for result in results.values()], axis=0).astype(float)  # 0 of a run that diverged
    rows = rows[rows > 0]
    return float(np.mean(np.maximum(1, ROW_TOLERANCE * rows) / rows)) if len(rows) else 0.0


def _written(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) and value < 1e9 else "-"


def _read(text: str) -> float:
    return math.nan if text == "-" else float(text)


def _gap(one: float, other: float) -> float:
    """How far two numbers lie apart; undefined ones are equal to each other alone."""
    if math.isfinite(one) and math.isfinite(other):
        return abs(one - other)
    return 0.0 if math.isfinite(one) == math.isfinite(other) else math.inf
