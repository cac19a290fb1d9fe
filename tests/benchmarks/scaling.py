"""Seconds per epoch as the work grows: strategies, rows, classes, hidden width and batch size, one axis at a time.

The base point is issue 2's: 8 runs, 10 000 rows, 3 classes, 2-32-32-3, batch 128. Beside ours stands the tuned sequential
loop; where the ratio nears 1, stacking has stopped paying, and lib/stack.py splits the stack there. The loop is timed on
one strategy and multiplied by K: its strategies know nothing of each other. A cell that takes longer than CELL_SECONDS
is timed once and what lies behind it on its axis is left out ("-").
"""

import math
from collections.abc import Mapping
from typing import Any

from tests.benchmarks.contenders import Contender, one_thread, ours, seconds, tuned, work

CELL_SECONDS = 8.0
REPEATS = 3
AXES: Mapping[str, tuple[int, ...]] = {
    "runs": (1, 8, 40, 160),
    "rows": (1_000, 10_000, 100_000, 1_000_000),
    "classes": (2, 3, 10, 100),
    "hidden": (16, 32, 64, 128, 256),
    "batch": (32, 128, 512, 4096),
}
BASE = {"runs": 8, "rows": 10_000, "classes": 3, "hidden": 32, "batch": 128}


def run(*, axes: Mapping[str, tuple[int, ...]] = AXES, base: Mapping[str, int] = BASE) -> dict[str, float]:
    """`ours_AXIS_VALUE` and `tuned_AXIS_VALUE`, seconds per epoch; a cell behind the time cap has no key."""
    result: dict[str, float] = {}
    with one_thread():
        for contender in (ours, tuned):
            epoch(contender, {**base, "rows": 1000})  # warm allocators and kernels
        for axis, values in axes.items():
            for name, contender in (("ours", ours), ("tuned", tuned)):
                for value in values:
                    took = epoch(contender, {**base, axis: value})
                    result[f"{name}_{axis}_{value}"] = took
                    if took > CELL_SECONDS:
                        break
    return result


def epoch(contender: Contender, point: Mapping[str, int]) -> float:
    """Seconds of one epoch: the best of REPEATS, or the first if that is slow."""
    strategies = 1 if contender is tuned else min(point["runs"], 8)
    seeds = 1 if contender is tuned else max(point["runs"] // 8, 1)
    epochs = max(1, 10_000 // point["rows"])  # a table of 1000 rows is over before its setup
    sizes: dict[str, Any] = {
        "rows": point["rows"], "classes": point["classes"], "hidden": (point["hidden"],) * 2, "batch_size": point["batch"],
    }  # fmt: skip
    task = work(strategies=strategies, seeds=seeds, epochs=epochs, **sizes)
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < CELL_SECONDS:
        times.append(seconds(lambda: contender(*task))[0])
    return min(times) / epochs * (point["runs"] if contender is tuned else 1)


def text(result: Mapping[str, float]) -> str:
    """One table: a row per point, ours beside the tuned loop."""
    base = ", ".join(f"{value} {name}" for name, value in BASE.items())
    lines = [f"Seconds per epoch; base point: {base}; one axis varied at a time.", ""]
    lines.append(f"{'':20}{'ours':>10}{'tuned loop':>12}{'ratio':>8}")
    for axis, values in AXES.items():
        for value in values:
            mine, theirs = (result.get(f"{name}_{axis}_{value}", math.nan) for name in ("ours", "tuned"))
            lines.append(f"{axis:10}{value:>10}{mine:10.4f}{theirs:12.4f}{theirs / mine:8.2f}".replace("nan", "  -"))
    return "\n".join(lines)
