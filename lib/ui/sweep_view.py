"""The sweep page: what varies, how long it takes, the map that fills in, and the way back to one comparison."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from lib.data import SOURCES
from lib.experiment import Experiment
from lib.figures.chart import Chart
from lib.figures.sweep import sweep_lines, sweep_maps
from lib.figures.text import count, number
from lib.metrics import METRICS
from lib.registry import Param, Value
from lib.sweeps.axis import Axis, Choice, choices, spaced
from lib.sweeps.board import Job
from lib.sweeps.ready import READY
from lib.sweeps.sweep import Sweep
from lib.sweeps.table import expected_recall, tidy, values, winners, written
from lib.ui import frame, state
from lib.ui.board import ENGINES, board, cluster
from lib.ui.live_plotly import Click, live_plotly
from lib.ui.text import inert

TICK = 0.5
OWN = "own"
FIRST_CELLS = 6  # trained for an estimate


def choose() -> Sweep | None:
    """The sweep that the visitor asks for: a ready-made one, or his own experiment with one or two axes."""
    labels = {OWN: "My experiment"} | {key: own.label for key, own in READY.items()}
    picked = st.segmented_control(
        "Sweep", list(labels), format_func=lambda key: labels[key], default=OWN, key="sweep", required=True,
        label_visibility="collapsed",
    ) or OWN  # fmt: skip
    try:
        if picked != OWN:
            own = READY[picked]
            st.markdown(f"**{own.question}** {own.look}")
            return own.function()
        return _own(state.experiment())
    except ValueError as error:
        st.error(inert(str(error), 500))
        return None


def _own(experiment: Experiment) -> Sweep:
    known, latest = choices(experiment), job()
    # After a reload the page shows the sweep that runs, or ran.
    before = latest.sweep.axes if latest is not None and latest.sweep.experiment == experiment else ()
    starts = ["data.ratio" if "data.ratio" in known else next(iter(known)), "training.batch_size"]
    axes = [_axis("Vary", known, "1", before[0] if before else starts[0])]
    if st.toggle("and a second one", value=state.first("sweep/two", len(before) == 2), key=state.key("sweep/two")):
        axes.append(_axis("and", known, "2", before[1] if len(before) == 2 else starts[1]))
    return Sweep(experiment, tuple(axes))


def _axis(word: str, known: Mapping[str, Choice], which: str, start: str | Axis) -> Axis:
    """One sentence: vary [this] from [low] to [high], [count] values, log or equal steps; or as a list."""
    first = start if isinstance(start, str) else start.address
    sizes = [3, 1.2, 1.2, 1, 1.4]
    what, *places = st.columns(sizes, vertical_alignment="bottom")
    with what:
        address = st.selectbox(
            word, list(known), index=list(known).index(state.first(f"sweep/{which}", first)),
            key=state.key(f"sweep/{which}"),
            format_func=lambda a: f"{known[a].label}  ({a})",
        )  # fmt: skip
    choice, name = known[address], f"sweep/{which}/{address}"
    before = start if isinstance(start, Axis) and start.address == address else None
    if not choice.ranged:
        with places[0]:
            given = "; ".join(map(choice.param.write, before.values)) if before else _example(choice.param)
            typed = st.text_input("values", state.first(name, given), key=state.key(name), help="Apart by semicolons.")
        return Axis(address, tuple(choice.param.read(part.strip()) for part in typed.split(";") if part.strip()))
    if before is not None and len(before.values) < 2:
        before = None
    low, high, log = _ends(choice.param) if before is None else _ends_of(before)
    many = 7 if before is None else len(before.values)
    with places[0]:
        low = st.number_input("from", value=state.first(f"{name}/from", low), format="%g", key=state.key(f"{name}/from"))
    with places[1]:
        high = st.number_input("to", value=state.first(f"{name}/to", high), format="%g", key=state.key(f"{name}/to"))
    with places[2]:
        many = st.number_input("values", 2, 100, state.first(f"{name}/count", many), key=state.key(f"{name}/count"))
    with places[3]:
        at = state.first(f"{name}/log", 0 if log else 1)
        steps = st.selectbox("steps", ("log", "equal"), index=at, key=state.key(f"{name}/log"))
    return Axis(address, spaced(choice.param, low, high, many, log=steps == "log"))


def _ends(param: Param) -> tuple[float, float, bool]:
    """A range to start with: two decades around the default, within what is allowed."""
    middle = float(param.default) if isinstance(param.default, int | float) and param.default > 0 else 1.0
    low, high = middle / 10, middle * 10
    if param.low is not None:
        low = max(low, param.low)
    if param.high is not None:
        high = min(high, param.high)
    if isinstance(param.default, int):
        low, high = math.ceil(low), math.floor(high)
    return low, high, low > 0 and high / max(low, 1e-12) > 20


def _ends_of(axis: Axis) -> tuple[float, float, bool]:
    """The range that gave an axis its values."""
    low, *_, high = (float(value) for value in axis.values if isinstance(value, int | float))
    middle = float(axis.values[len(axis.values) // 2])  # type: ignore[arg-type]
    part = (len(axis.values) // 2) / (len(axis.values) - 1)
    equal, log = low + part * (high - low), low * (high / low) ** part if low > 0 else math.inf
    return low, high, abs(middle - log) < abs(middle - equal)


def _example(param: Param) -> str:
    return (
        "; ".join(param.choices)
        if param.choices
        else "true; false"
        if isinstance(param.default, bool)
        else param.write(param.default)
    )


def controls(sweep: Sweep | None) -> None:
    """How much it is, and Start, Estimate, Stop."""
    own = job()
    active = own is not None and not own.ended
    if sweep is not None:
        strategies = _many(len(sweep.experiment.strategies), "strategy", "strategies")
        seeds = _many(len(sweep.experiment.seeds), "seed", "seeds")
        refused = [cell for cell in sweep.cells if cell.experiment is None]
        st.markdown(
            f"{count(sweep.size)} cells × {strategies} × {seeds} = **{count(sweep.runs)} trained models**."
            + (f" {len(refused)} cells cannot be: {inert(refused[0].error or '', 200)}" if refused else "")
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        ready = sweep is not None and not active
        st.button("Start", type="primary", disabled=not ready, on_click=_start, args=(sweep, None))
        st.button(
            "Train the first cells", disabled=not ready, on_click=_start, args=(sweep, FIRST_CELLS),
            help="A few cells, for an estimate of how long all take. They are kept.",
        )  # fmt: skip
        st.button("Stop", disabled=not active, on_click=own.stop if own else None)
        if cluster() is not None:
            st.segmented_control(
                "Engine", list(ENGINES), format_func=lambda e: ENGINES[e], default="local", key="engine",
                label_visibility="collapsed",
            )  # fmt: skip


def _many(number_of: int, one: str, several: str) -> str:
    return f"{count(number_of)} {one if number_of == 1 else several}"


def _start(sweep: Sweep, limit: int | None) -> None:
    upload = SOURCES[sweep.experiment.data.source].kind == "upload"
    try:
        table = state.table() if upload else None
        if upload and table is None:
            raise ValueError("The file of this experiment is not here. Upload it on the page Data.")
        engine = st.session_state.get("engine") or "local"
        board().submit(state.visitor(), sweep, engine=engine, table=table, limit=limit)
    except ValueError as error:
        state.say(str(error))


def job() -> Job | None:
    """The visitor's latest sweep."""
    return board().job(state.visitor())


def live() -> None:
    """The map, which fills in while the sweep runs."""
    own = job()
    if own is None:
        with st.container(border=True):
            st.markdown("A map will stand here: one number for every value that you vary, strategy by strategy.")
        return
    st.fragment(_panels, run_every=None if own.ended else TICK)(not own.ended)


def _panels(was_active: bool) -> None:
    own = job()
    if own is None:
        return
    _progress(own)
    sweep = own.sweep
    metrics = [*METRICS, *(f"recall {c}" for c in range(_classes(own)))]
    first = state.memo(("sweep first", id(own)), lambda: _asked(sweep))
    metric = st.selectbox(
        "Shown", metrics, index=metrics.index(first) if first in metrics else 0, key=f"metric/{len(metrics)}", width=320,
        format_func=lambda m: METRICS[m].label if m in METRICS else f"recall of class {m.removeprefix('recall ')}",
    )  # fmt: skip
    name = METRICS[metric].label if metric in METRICS else f"recall of class {metric.removeprefix('recall ')}"
    stamp = ("sweep", id(own), len(own.outcomes), metric, state.dark())
    chart = state.memo(stamp, lambda: _chart(own, metric, name))
    if click := live_plotly(chart, key="sweep-map", clicks=True):
        cell = _cell_of(sweep, click)
        if cell in own.outcomes:
            st.session_state["sweep/cell"] = cell
        else:
            st.caption("This cell is not trained yet.")
    _opened(own)
    _export(own)
    if was_active and own.ended:  # last: a click that came with this run has been answered
        st.rerun()


def _asked(sweep: Sweep) -> str:
    """The metric that a ready-made sweep is about."""
    return next((ready.metric for ready in READY.values() if ready.function() == sweep), "balanced_accuracy")


def _progress(own: Job) -> None:
    progress, left = own.progress, own.progress.remaining
    text = f"{progress.done} of {progress.cells} cells"
    if own.state == "running" and left:
        text += f" · {_between(left)} left"
    elif own.ended:
        text += f" · {own.state}"
        if own.state == "stopped" and left:
            text += f", the rest would take {_between(left)}. Start goes on from here"
    if progress.stored:
        text += f" · {progress.stored} were known already"
    st.progress(progress.done / progress.cells, text=text)
    problem = board().store.problem
    for message in filter(None, (own.error, problem)):
        st.error(inert(message, 400))
    failed = [o for o in list(own.outcomes.values()) if o.result.error is not None]
    if failed:
        st.warning(f"{len(failed)} cells have no result. {inert(failed[0].result.error or '', 300)}")


def _between(left: tuple[float, float]) -> str:
    low, high = map(_seconds, left)
    return "about a second" if left[1] < 1.5 else f"about {high}" if low == high else f"about {low} to {high}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _classes(own: Job) -> int:
    found = next((o for o in list(own.outcomes.values()) if o.result.runs), None)
    return len(found.result.runs[0][0]["recall"]) if found else 2


def _chart(own: Job, metric: str, name: str) -> Chart:
    sweep, outcomes = own.sweep, dict(own.outcomes)
    names = [strategy.name for strategy in sweep.experiment.strategies]
    known = choices(sweep.experiment)
    titles = [known[axis.address].label for axis in sweep.axes]
    ticks = [[_tick(value) for value in axis.values] for axis in sweep.axes]
    measured = values(sweep, outcomes, metric)
    if len(sweep.axes) == 1:
        theory = _theory(sweep, metric)[:, 0]
        shown = theory if np.isfinite(theory).any() else None
        return sweep_lines(names, ticks[0], measured[:, 0], titles[0], name, theory=shown, dark=state.dark())
    best = winners(measured, metric) if len(names) > 1 else None
    theory = _theory(sweep, metric)
    if np.isfinite(theory).all():
        names = [*names, *(f"{own} in theory" for own in names)]
        measured = np.concatenate([measured, np.repeat(theory[..., None], measured.shape[-1], -1)], axis=2)
    return sweep_maps(names, (titles[0], ticks[0]), (titles[1], ticks[1]), measured, name, winners=best, dark=state.dark())


def _theory(sweep: Sweep, metric: str) -> Any:
    """[A, B, S]: the recall that theory gives, NaN where it gives none."""
    shape = [len(axis.values) for axis in sweep.axes] + [1] * (2 - len(sweep.axes))
    found = np.full((*shape, len(sweep.experiment.strategies)), np.nan)
    if not metric.startswith("recall "):
        return found
    flat = found.reshape(-1, found.shape[-1])
    for cell in sweep.cells:
        for s in range(len(sweep.experiment.strategies)):
            recall = expected_recall(cell.experiment, s) if cell.experiment is not None else None
            if recall is not None:
                flat[cell.index, s] = recall[int(metric.removeprefix("recall "))]
    return found


def _tick(value: Value) -> str:
    return number(value) if isinstance(value, float) else str(written(value))


def _cell_of(sweep: Sweep, click: Click) -> int | None:
    """The cell of a clicked point: of a heat map row and column, of a line the point."""
    sizes = [len(axis.values) for axis in sweep.axes]
    if len(click.at) != len(sizes) or any(i >= n for i, n in zip(click.at, sizes, strict=True)):
        return None
    return int(np.ravel_multi_index(click.at, sizes))


def _opened(own: Job) -> None:
    """The cell that was clicked, or chosen by its values: its numbers, and the way to its comparison."""
    cells = [o for _, o in sorted(list(own.outcomes.items())) if o.cell.experiment is not None]
    if not cells:
        return
    clicked = st.session_state.get("sweep/cell")
    at = next((i for i, o in enumerate(cells) if o.cell.index == clicked), 0)
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        chosen = st.selectbox(
            "Cell (or click one in the picture)", range(len(cells)), index=at, key=f"cell/{clicked}/{id(own)}",
            format_func=lambda i: _named(own.sweep, cells[i].cell.values),
        )  # fmt: skip
    outcome = cells[chosen if chosen is not None and chosen < len(cells) else 0]
    with right:
        if st.button("Open this comparison") and outcome.cell.experiment is not None:
            state.replace(outcome.cell.experiment)
            state.say("This is the comparison of the chosen cell. Train to see it in full.", wrong=False)
            st.switch_page(frame.COMPARE)
    if outcome.result.error is not None:
        st.caption(inert(outcome.result.error, 300))
    elif "confusion" in outcome.result.runs[0][0]:
        st.caption(_matrices(own.sweep, outcome.result.runs))


def _named(sweep: Sweep, at: Sequence[Value]) -> str:
    known = choices(sweep.experiment)
    return " · ".join(f"{known[axis.address].label} {_tick(value)}" for axis, value in zip(sweep.axes, at, strict=True))


def _matrices(sweep: Sweep, runs: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """Recall of each class per strategy, mean over seeds, in one line."""
    told = []
    for strategy, own in zip(sweep.experiment.strategies, runs, strict=True):
        mean = np.mean([run["recall"] for run in own], axis=0)
        told.append(f"{inert(strategy.name)}: " + ", ".join(f"class {c} {number(float(r))}" for c, r in enumerate(mean)))
    return "Recall on test, mean over seeds. " + " · ".join(told)


def _export(own: Job) -> None:
    if not own.outcomes:
        return
    outcomes = list(own.outcomes.values())

    def parquet() -> bytes:
        return tidy(own.sweep, outcomes).to_parquet(index=False)

    def csv() -> bytes:
        return tidy(own.sweep, outcomes).to_csv(index=False).encode()

    with st.container(horizontal=True):
        st.download_button("Parquet", parquet, "sweep.parquet", on_click="ignore")
        st.download_button("CSV", csv, "sweep.csv", "text/csv", on_click="ignore")
        st.download_button("sweep.json", own.sweep.to_json, "sweep.json", "application/json", on_click="ignore")
    st.caption("sweep.json runs without a browser: `python -m lib.sweeps sweep.json --out results.parquet`")
