"""The map of a sweep, which fills in while it runs; what one cell says, and the way back to its comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from lib.figures.chart import Chart
from lib.figures.confusion import confusion_panels
from lib.figures.sweep import sweep_lines, sweep_maps
from lib.figures.text import number
from lib.metrics import METRICS
from lib.registry import Value
from lib.sweeps.axis import choices
from lib.sweeps.board import Job
from lib.sweeps.ready import READY
from lib.sweeps.sweep import Sweep
from lib.sweeps.table import csv_bytes, expected_recall, parquet_bytes, tidy, values, winners, written
from lib.ui import frame, state
from lib.ui.board import board
from lib.ui.engine import engine
from lib.ui.live_plotly import Click, live_plotly
from lib.ui.sweep_controls import job, start
from lib.ui.text import inert

TICK = 0.5


def live(asked: Sweep | None) -> None:
    """The map, which fills in while the sweep runs. `asked` is the sweep that stands above it."""
    own = job()
    if own is None:
        with st.container(border=True):
            st.markdown("A map will stand here: one number for every value that you vary, strategy by strategy.")
        return
    if asked is not None and own.sweep != asked:
        st.caption("The map below is of the sweep that you started before.")
    st.fragment(_drawn, run_every=None if own.ended else TICK)(not own.ended)


def _drawn(was_active: bool) -> None:
    with engine().courtesy.drawing():
        _panels(was_active)


def _panels(was_active: bool) -> None:
    own = job()
    if own is None:
        return
    _progress(own)
    sweep = own.sweep
    metrics = [*METRICS, *(f"recall {c}" for c in range(_classes(own)))]
    first = state.memo(("sweep first", own.number), lambda: _asked(sweep))
    metric = st.selectbox(
        "Shown", metrics, index=metrics.index(first) if first in metrics else 0, key=f"metric/{len(metrics)}", width=320,
        format_func=lambda m: METRICS[m].label if m in METRICS else f"recall of class {m.removeprefix('recall ')}",
    )  # fmt: skip
    name = METRICS[metric].label if metric in METRICS else f"recall of class {metric.removeprefix('recall ')}"
    stamp = ("sweep", own.number, len(own.outcomes), metric, state.dark())
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
        if own.state != "finished" and left:
            text += f", the rest would take {_between(left)}. Start goes on from here"
    if progress.stored:
        text += f" · {progress.stored} were known already"
    st.progress(progress.done / progress.cells, text=text)
    problem = board().store.problem
    for message in filter(None, (own.error, problem)):
        st.error(inert(message, 400))
    again = None
    if own.state == "failed" and own.engine != "local" and st.button("Go on with this machine"):
        again = "local"
    failed = [o for o in list(own.outcomes.values()) if o.result.error is not None and o.cell.experiment is not None]
    if failed:
        cells = "1 cell has" if len(failed) == 1 else f"{len(failed)} cells have"
        st.warning(f"{cells} no result. {inert(failed[0].result.error or '', 300)}")
        if own.ended and st.button("Train the failed cells again"):
            again = own.engine
    if again is not None:
        start(own.sweep, engine=again)
        st.rerun()


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
    cells = {i: o for i, o in sorted(list(own.outcomes.items())) if o.cell.experiment is not None}
    if not cells:
        return
    clicked, numbers = st.session_state.get("sweep/cell"), list(cells)
    at = numbers.index(clicked) if clicked in cells else 0
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        chosen = st.selectbox(
            "Cell (or click one in the picture)", numbers, index=at, key=f"cell/{clicked}/{own.number}",
            format_func=lambda i: _named(own.sweep, own.sweep.cells[i].values),
        )  # fmt: skip
    outcome = cells[chosen if chosen in cells else numbers[0]]
    with right:
        if st.button("Open this comparison") and outcome.cell.experiment is not None:
            state.replace(outcome.cell.experiment)
            state.say("This is the comparison of the chosen cell. Train to see it in full.", wrong=False)
            st.switch_page(frame.COMPARE)
    if outcome.result.error is not None:
        st.caption(inert(outcome.result.error, 300))
    elif "confusion" in outcome.result.runs[0][0]:
        stamp = ("sweep cell", own.number, outcome.cell.index, state.dark())
        live_plotly(state.memo(stamp, lambda: _matrices(own.sweep, outcome.result.runs)), key="sweep-cell")


def _named(sweep: Sweep, at: Sequence[Value]) -> str:
    known = choices(sweep.experiment)
    return " · ".join(f"{known[axis.address].label} {_tick(value)}" for axis, value in zip(sweep.axes, at, strict=True))


def _matrices(sweep: Sweep, runs: Sequence[Sequence[Mapping[str, Any]]]) -> Chart:
    """The confusion matrix of each strategy in one cell, mean over seeds."""
    names = [strategy.name for strategy in sweep.experiment.strategies]
    matrices = np.array([[run["confusion"] for run in own] for own in runs], dtype=float)
    classes = [f"class {c}" for c in range(matrices.shape[-1])]
    return confusion_panels(names, matrices, classes, dark=state.dark(), split="test")


def _export(own: Job) -> None:
    if not own.outcomes:
        return
    outcomes = list(own.outcomes.values())

    def parquet() -> bytes:
        return parquet_bytes(tidy(own.sweep, outcomes))

    def csv() -> bytes:
        return csv_bytes(tidy(own.sweep, outcomes))

    with st.container(horizontal=True):
        st.download_button("Parquet", parquet, "sweep.parquet", on_click="ignore")
        st.download_button("CSV", csv, "sweep.csv", "text/csv", on_click="ignore")
        st.download_button("sweep.json", own.sweep.to_json, "sweep.json", "application/json", on_click="ignore")
    st.caption("sweep.json runs without a browser: `python -m lib.sweeps sweep.json --out results.parquet`")
