"""What a sweep varies, how much that is, and Start, Estimate, Stop."""

import dataclasses
import math
from collections.abc import Mapping

import streamlit as st

from lib.data import SOURCES
from lib.experiment import Experiment
from lib.figures.text import count
from lib.models import MODELS
from lib.registry import Param
from lib.sweeps.axis import Axis, Choice, choices, spaced
from lib.sweeps.board import Job
from lib.sweeps.ready import READY
from lib.sweeps.sweep import Sweep
from lib.ui import state
from lib.ui.board import ENGINES, board, cluster
from lib.ui.text import inert

OWN = "own"
FIRST_CELLS = 6  # trained for an estimate
MAX_SEEDS = 20


def choose() -> Sweep | None:
    """The sweep that the visitor asks for: a ready-made one, or his own experiment with one or two axes."""
    labels = {OWN: "My experiment"} | {key: own.label for key, own in READY.items()}
    picked = st.pills(
        "Sweep", list(labels), format_func=lambda key: labels[key], default=OWN, key="sweep", required=True,
        label_visibility="collapsed",
    ) or OWN  # fmt: skip
    try:
        if picked != OWN:
            own = READY[picked]
            st.markdown(f"**{own.question}** {own.look}")
            sweep = own.function()
            st.caption(f"An experiment of its own, whatever stands above: {_told(sweep)}. Yours stays as it is.")
            return sweep
        return _own(state.experiment())
    except ValueError as error:
        st.error(inert(str(error), 500))
        return None


def _told(sweep: Sweep) -> str:
    """What a ready-made sweep varies, and of what."""
    known, own = choices(sweep.experiment), sweep.experiment
    axes = " × ".join(f"{known[axis.address].label}, {len(axis.values)} values" for axis in sweep.axes)
    return f"{SOURCES[own.data.source].label}, model {MODELS[own.model.name].label}, {inert(axes)}"


def _own(experiment: Experiment) -> Sweep:
    known, latest = choices(experiment), job()
    # After a reload the page shows the sweep that runs, or ran.
    seeds, before = experiment.seeds, tuple[Axis, ...]()
    if latest is not None and dataclasses.replace(latest.sweep.experiment, seeds=seeds) == experiment:
        seeds, before = latest.sweep.experiment.seeds, latest.sweep.axes
    starts = ["data.ratio" if "data.ratio" in known else next(iter(known)), "training.batch_size"]
    axes = [_axis("Vary", known, "1", before[0] if before else starts[0])]
    if st.toggle(
        "and a second one",
        value=state.first("sweep/two", len(before) == 2),
        key=state.key("sweep/two"),
        help="Two settings make a map of rows and columns.",
    ):
        axes.append(_axis("and", known, "2", before[1] if len(before) == 2 else starts[1]))
    many = st.number_input(
        "Seeds of each cell", 1, MAX_SEEDS, state.first("sweep/seeds", min(len(seeds), MAX_SEEDS)), width=180,
        key=state.key("sweep/seeds"), help="Each cell is trained so many times; the spread over seeds is the training noise.",
    )  # fmt: skip
    return Sweep(dataclasses.replace(experiment, seeds=_seeds(experiment.seeds, many)), tuple(axes))


def _seeds(own: tuple[int, ...], many: int) -> tuple[int, ...]:
    """The first `many` seeds of the experiment; where it has fewer, the next whole numbers after them."""
    return (*own, *range(max(own) + 1, max(own) + 1 + many))[:many]


def _axis(word: str, known: Mapping[str, Choice], which: str, start: str | Axis) -> Axis:
    """One sentence: vary [this] from [low] to [high], [count] values, log or equal steps; or as a list."""
    first = start if isinstance(start, str) else start.address
    sizes = [3, 1.2, 1.2, 1, 1.4]
    what, *places = st.columns(sizes, vertical_alignment="bottom")
    with what:
        address = st.selectbox(
            word, list(known), index=list(known).index(state.first(f"sweep/{which}", first)),
            key=state.key(f"sweep/{which}"), help="The setting that changes from cell to cell; in brackets its name in a file.",
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
        low = st.number_input("from", value=state.first(f"{name}/from", low), format="%g", key=state.key(f"{name}/from"),
                              help="The first value.")  # fmt: skip
    with places[1]:
        high = st.number_input("to", value=state.first(f"{name}/to", high), format="%g", key=state.key(f"{name}/to"),
                               help="The last value.")  # fmt: skip
    with places[2]:
        many = st.number_input("values", 2, 100, state.first(f"{name}/count", many), key=state.key(f"{name}/count"),
                               help="How many values, both ends included.")  # fmt: skip
    with places[3]:
        at = state.first(f"{name}/log", 0 if log else 1)
        steps = st.selectbox("steps", ("log", "equal"), index=at, key=state.key(f"{name}/log"),
                             help="log: each value is the last one times a factor. equal: plus a number.")  # fmt: skip
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
        st.button("Start", type="primary", disabled=not ready, on_click=start, args=(sweep,))
        st.button(
            "Estimate the time", disabled=not ready, on_click=start, args=(sweep, FIRST_CELLS),
            help="Trains a few cells and says how long all take. They are kept.",
        )  # fmt: skip
        st.button("Stop", disabled=not active, on_click=own.stop if own else None)
        if cluster() is not None:
            st.pills(
                "Engine", list(ENGINES), format_func=lambda e: ENGINES[e], default="local", key="engine",
                label_visibility="collapsed",
            )  # fmt: skip


def _many(number_of: int, one: str, several: str) -> str:
    return f"{count(number_of)} {one if number_of == 1 else several}"


def start(sweep: Sweep, limit: int | None = None, engine: str | None = None) -> None:
    """Start a sweep, or go on with it; `limit`: only so many cells, for an estimate."""
    upload = SOURCES[sweep.experiment.data.source].kind == "upload"
    try:
        table = state.table() if upload else None
        if upload and table is None:
            raise ValueError("The file of this experiment is not here. Upload it on the page Data.")
        chosen = engine or st.session_state.get("engine") or "local"
        board().submit(state.visitor(), sweep, engine=chosen, table=table, limit=limit)
    except ValueError as error:
        state.say(str(error))


def job() -> Job | None:
    """The visitor's latest sweep."""
    return board().job(state.visitor())
