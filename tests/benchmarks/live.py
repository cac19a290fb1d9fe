"""A training on screen: how soon, how often and at what cost it moves, seen by a visitor without a browser and by Chromium.

The page is the real one, in a server process of its own; the visitor speaks its websocket protocol (visitor.py) from this
process. What the visitor measures ends when the last byte has come: drawing is not in it. Chromium's own figures are, and so
is the processor that it takes from the training: on a laptop both share the machine, behind a link they do not. Windows
with and without a watcher alternate, ours and the plain app too, and a number is the median of its rounds.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.registry import Params
from tests.benchmarks.server import Server, serve
from tests.benchmarks.visitor import Visitor
from tests.benchmarks.watcher import chromium_figures

EPOCHS = 20  # of the plain app too
ROUNDS = 5
PAIRS = 8
WINDOW = 1.5  # seconds with, and seconds without a watcher
RERUNS = 40


def run(
    *, rounds: int = ROUNDS, pairs: int = PAIRS, window: float = WINDOW, reruns: int = RERUNS, chromium: bool = True
) -> dict[str, float]:
    """Seconds unless a key says otherwise; `_low` and `_high` are the range over the rounds.

    first_point_s: click on Train until the first point of a curve has come, 8 strategies x 5 seeds. updates_per_s and
    bytes_per_tick of that training. watched_slowdown: how much longer an epoch takes with a watcher, 0.1 is a tenth.
    stop_s: click on Stop until the page says stopped. rerun_p95_ms: a strategy is renamed on a page with charts, while two
    others train and watch. ours_8_s and plain_8_s: click on Train until all is over, the test rows included in ours.
    """
    result: dict[str, float] = {}
    with serve() as server, serve("tests/benchmarks/plain_app.py") as plain:
        with Visitor(server.address) as visitor:
            visitor.wait(lambda: visitor.says("training rows"))
        time.sleep(2)  # the visitor reads
        result |= one_training(server, rounds, pairs, window)
        result |= reruns_beside_two(server, reruns)
        result |= whole_trainings(server, plain, max(rounds // 2, 1))
        if chromium:
            few = {"rounds": max(rounds // 2, 1), "pairs": max(pairs // 2, 1)}
            result |= chromium_figures(server.address, work(5, 5000).to_query(), **few)
    return result


def work(seeds: int, epochs: int) -> Experiment:
    """The ring of issue 2: eight strategies that differ in their class weights."""
    return Experiment(
        strategies=tuple(Strategy(f"s{i}", weighting="power", weighting_params={"a": 0.15 * i}) for i in range(8)),
        data=DataSpec("ring", Params({"n": 10_000, "priors": (0.8, 0.15, 0.05)})),
        model=ModelSpec("mlp", Params({"hidden": (32, 32)})),
        training=Training(epochs=epochs),
        seeds=tuple(range(seeds)),
    )


def one_training(server: Server, rounds: int, pairs: int, window: float) -> dict[str, float]:
    """One visitor, 8 x 5: first point, stop, updates, bytes, and what watching costs."""
    firsts, stops, slowdowns, updates, sizes = [], [], [], [], []
    with Visitor(server.address, "compare", work(5, 5000).to_query()) as visitor:
        for _ in range(rounds):
            firsts.append(first_point(visitor))
            time.sleep(0.6)
            clicked = visitor.click("Stop")
            stops.append(visitor.wait(lambda: visitor.says("· stopped")) - clicked)
            visitor.run()
        first_point(visitor)
        for _ in range(pairs):
            watched, count, size = watch(visitor, window)
            slowdowns.append(leave_alone(visitor, window) / watched - 1)
            updates.append(count / window)
            sizes.append(size)
        visitor.click("Stop")
    ranges = {"first_point_s": firsts, "stop_s": stops, "watched_slowdown": slowdowns, "updates_per_s": updates}
    return spread({**ranges, "bytes_per_tick": sizes})


def first_point(visitor: Visitor) -> float:
    """Seconds from the click on Train to a point of the new training."""
    old = visitor.payload("train_loss")
    clicked = visitor.click("Train")
    return visitor.wait(lambda: visitor.payload("train_loss") != old and visitor.progress() > 0) - clicked


def watch(visitor: Visitor, window: float) -> tuple[float, int, float]:
    """Epochs per second, updates and bytes per tick of a watched stretch of training."""
    visitor.watching = True
    visitor.tick()
    start, before, runs, size = time.perf_counter(), visitor.progress(), visitor.runs, visitor.bytes
    seen = {visitor.payload("train_loss")}
    while (left := start + window - time.perf_counter()) > 0:
        try:
            visitor.wait(lambda: visitor.payload("train_loss") not in seen, left)
        except TimeoutError:
            break
        seen.add(visitor.payload("train_loss"))
    ticks, size = visitor.runs - runs, visitor.bytes - size
    visitor.watching = False
    visitor.tick()
    return (visitor.progress() - before) / (time.perf_counter() - start), len(seen) - 1, size / max(ticks, 1)


def leave_alone(visitor: Visitor, window: float) -> float:
    """Epochs per second of a stretch of training at which nobody looks, but for one tick at its end."""
    visitor.watching = False
    visitor.tick()
    start, before = time.perf_counter(), visitor.progress()
    time.sleep(window)
    visitor.tick()
    return (visitor.progress() - before) / (time.perf_counter() - start)


def reruns_beside_two(server: Server, reruns: int) -> dict[str, float]:
    """A visitor with a finished training on screen renames a strategy, again and again; two others train and watch."""
    taken = []
    address, query = server.address, work(5, 5000).to_query()
    with Visitor(address, "compare", work(1, 3).to_query()) as editor:
        editor.click("Train")
        editor.wait(lambda: editor.says("· finished"))
        with Visitor(address, "compare", query) as one, Visitor(address, "compare", query) as other:
            for visitor in (one, other):
                first_point(visitor)
            name = editor.widget("text_input", "Name").id
            for turn in range(reruns):
                taken.append(1000 * editor.run(id=name, string_value=f"name {turn}"))
                time.sleep(0.05)
            for visitor in (one, other):
                visitor.click("Stop")
                visitor.wait(lambda: visitor.says("· stopped"))  # noqa: B023
    return {"rerun_p95_ms": float(np.quantile(taken, 0.95)), "rerun_p50_ms": statistics.median(taken)}


def whole_trainings(server: Server, plain: Server, rounds: int) -> dict[str, float]:
    """Click to end, 8 strategies and one seed, ours and the plain app by turns."""
    ours, theirs, firsts = [], [], []
    with Visitor(server.address, "compare", work(1, EPOCHS).to_query()) as visitor, Visitor(plain.address) as guest:
        for _ in range(rounds):
            visitor.run()
            clicked = visitor.click("Train")
            visitor.wait(lambda: not visitor.says("· finished"))
            ours.append(visitor.wait(lambda: visitor.says("· finished")) - clicked)
            old, runs = plotted(guest), guest.runs
            clicked = guest.click("Train")
            firsts.append(guest.wait(lambda: plotted(guest) not in ([], old)) - clicked)  # noqa: B023
            theirs.append(guest.wait(lambda: guest.runs > runs) - clicked)  # noqa: B023
    return spread({"ours_8_s": ours, "plain_8_s": theirs, "plain_first_point_s": firsts})


def plotted(guest: Visitor) -> list[str]:
    """The charts of the plain app."""
    return [e.plotly_chart.spec for e in guest.elements.values() if e.WhichOneof("type") == "plotly_chart"]


def spread(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each, and the range."""
    ways: dict[str, Callable[[Sequence[float]], float]] = {"": statistics.median, "_low": min, "_high": max}
    return {f"{key}{end}": float(way(own)) for key, own in values.items() for end, way in ways.items()}


def text(result: Mapping[str, float]) -> str:
    """The result as a reader wants it, and what it does not show."""

    def line(key: str, what: str, form: str = "{:.2f} s") -> str:
        if key not in result:
            return f"  {'-':>10}  {what}"
        low, high = (form.format(result[key + end]) if key + end in result else "" for end in ("_low", "_high"))
        return f"  {form.format(result[key]):>10}  {what}" + (f"  ({low} to {high})" if low else "")

    return "\n".join([
        "8 strategies x 5 seeds on 10 000 rows, seen over the websocket (medians, range over the rounds):",
        line("first_point_s", "click on Train to the first point; the first round is the first training of the server"),
        line("stop_s", "click on Stop to 'stopped'"),
        line("updates_per_s", "updates of the loss curves a second; the page asks four times a second", "{:.1f}"),
        line("bytes_per_tick", "bytes a tick, not compressed", "{:,.0f}"),
        line("watched_slowdown", "longer takes an epoch while it is watched", "{:.0%}"),
        "The same in Chromium, drawing included. It shares this machine's cores with the training:",
        line("chromium_first_point_s", "click to the first drawn point"),
        line("chromium_stop_s", "click to 'stopped' on screen"),
        line("chromium_updates_per_s", "drawn updates a second", "{:.1f}"),
        line("chromium_slowdown", "longer takes an epoch", "{:.0%}"),
        "Two visitors train 8 x 5 and watch, a third renames a strategy on a page with charts:",
        line("rerun_p50_ms", "median", "{:.0f} ms") + line("rerun_p95_ms", "95 %", "{:.0f} ms"),
        "8 strategies, one seed, 20 epochs, click to end, beside a plain Streamlit app with a loop in its script:",
        line("ours_8_s", "ours: five charts and the test rows"),
        line("plain_8_s", "the plain app: one chart, no validation, no stop, no second visitor"),
        line("plain_first_point_s", "its first point, after an epoch of all eight"),
        "All of it on one machine without a network between; other work on the machine slows all of it.",
    ])  # fmt: skip
