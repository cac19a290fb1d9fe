"""The page Decisions with many rows: all thresholds at once, and a drag as Chromium answers it.

`precompute_s` is from 300 000 scores x 8 strategies to every count, every curve, the best and the cheapest thresholds and the
slider's positions; `frames_s` what the matrices' frames take on top. `drag_ms` is from moving the slider until all charts in
sight show the new threshold, in Chromium, with 8 strategies: the median over the moves; `_low` and `_high` the fastest and the
slowest.
"""

import statistics
import time
from collections.abc import Mapping
from urllib.parse import urlencode

import numpy as np

from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.figures.operating_board import Reading, board
from lib.operating.costs import Costs
from lib.operating.points import CURVES, Points, at_grid, grid_of
from lib.operating.scored import Sample, probability
from lib.registry import Params
from lib.thresholds import criterion
from tests.benchmarks.server import SETTLED, browser, serve

ROWS, STRATEGIES, ROUNDS, MOVES = 300_000, 8, 3, 30
COSTS = Costs(10, 1)

MOVE = """async (moves) => {
  const inSight = (plot) => plot.getBoundingClientRect().top < innerHeight && plot.getBoundingClientRect().bottom > 0
  const plots = [...document.querySelectorAll('.live-plotly-plot')].filter(inSight)
  const input = document.querySelector('.scrubber-input')
  const drawn = () => plots.map((plot) => Number(plot.dataset.drawn ?? 0))
  const taken = []
  for (let move = 0; move < moves; move++) {
    const before = drawn(), start = performance.now()
    input.value = String(60 + (move * 7) % 100)
    input.dispatchEvent(new Event('input', { bubbles: true }))
    while (!drawn().every((n, i) => n > before[i])) await new Promise((done) => setTimeout(done, 0))
    taken.push(performance.now() - start)
    await new Promise((done) => setTimeout(done, 100))
  }
  return taken
}"""


def run(
    *, rows: int = ROWS, strategies: int = STRATEGIES, rounds: int = ROUNDS, moves: int = MOVES, chromium: bool = True
) -> dict[str, float]:
    """Seconds, or milliseconds where the key says so."""
    samples = scores(rows, strategies)
    taken: dict[str, list[float]] = {"precompute_s": [], "frames_s": []}
    for _ in range(rounds):
        start = time.perf_counter()
        points, grid = precompute(samples)
        middle = time.perf_counter()
        board(points, grid, "yes", Reading(1.0, 1000, COSTS), dark=False).payload()
        taken["precompute_s"].append(middle - start)
        taken["frames_s"].append(time.perf_counter() - middle)
    result = {key: statistics.median(values) for key, values in taken.items()}
    return result | (drag(strategies, moves) if chromium else {})


def scores(rows: int, strategies: int) -> list[Sample]:
    """The same rows, read by strategies that differ in a shift and some noise."""
    draw = np.random.default_rng(0)
    right = draw.normal(size=rows) * 1.5 - 3
    y = (draw.random(rows) < probability(right)).astype(np.int64)
    return [Sample(y, right + 0.4 * s + 0.1 * draw.normal(size=rows)) for s in range(strategies)]


def precompute(samples: list[Sample]) -> tuple[list[Points], np.ndarray]:
    """Every threshold of every strategy: counts, curves, the best, the cheapest, and the slider's positions."""
    points = [Points(index, f"s{index}", sample) for index, sample in enumerate(samples)]
    bests = []
    for one in points:
        tally = one.cuts.tally
        for name in CURVES:
            criterion(name, tally)
        bests += [one.best("balanced_accuracy")[0], one.cheapest(COSTS)[0]]
    grid = grid_of(samples, bests)
    for one in points:
        at_grid(one, grid).cost(COSTS)
    return points, grid


def work(strategies: int) -> Experiment:
    """As many strategies, trained in a second."""
    return Experiment(
        strategies=tuple(Strategy(f"s{i}", weighting="power", weighting_params={"a": 0.14 * i}) for i in range(strategies)),
        data=DataSpec("gaussians", Params({"n": 5000})), model=ModelSpec("linear"),
        training=Training(epochs=5, batch_size=500, lr=0.05),
    )  # fmt: skip


def drag(strategies: int, moves: int) -> dict[str, float]:
    """drag_ms; nothing without a Chromium."""
    with serve() as server, browser() as page:
        if page is None:
            return {}
        page.goto(f"{server.address}/decisions?{urlencode(work(strategies).to_query())}")
        page.wait_for_selector(SETTLED)
        page.get_by_role("button", name="Train these strategies").click()
        page.get_by_text("test rows. In brackets").wait_for(timeout=120_000)
        page.wait_for_selector(SETTLED)
        page.wait_for_function(
            "() => { const all = [...document.querySelectorAll('.live-plotly-plot')]; "
            "return all.length >= 5 && all.every((plot) => plot.dataset.drawn) }",
            timeout=60_000,
        )
        page.wait_for_timeout(3000)  # the last redrawing is over
        taken = page.evaluate(MOVE, moves)
    return {"drag_ms": statistics.median(taken), "drag_ms_low": min(taken), "drag_ms_high": max(taken)}


def text(result: Mapping[str, float]) -> str:
    lines = [
        f"{ROWS:,} scores x {STRATEGIES} strategies, medians of {ROUNDS} rounds:",
        f"  {result['precompute_s']:8.3f} s   every threshold: counts, seven curves, best and cheapest, the slider's positions",
        f"  {result['frames_s']:8.3f} s   the frames of the matrices, as they travel to the browser",
    ]
    if "drag_ms" in result:
        lines.append(
            f"  {result['drag_ms']:8.1f} ms  a move of the slider until all charts in sight show it, in Chromium "
            f"({result['drag_ms_low']:.0f} to {result['drag_ms_high']:.0f})"
        )
    return "\n".join([*lines, "On one machine; other work on it slows all of it."])
