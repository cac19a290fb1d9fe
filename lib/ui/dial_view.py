"""The weight dial on screen: a slider that turns the boundary, and what it does to decisions, in the browser alone."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch

from lib.data import Dataset
from lib.dial import dial_weights
from lib.dial.exact import bayes_log_odds
from lib.dial.models import Dial, balanced, equal_errors, linear_dial, trained_dial
from lib.dial.reading import ENOUGH
from lib.dial.trained import PER_DECADE, path_experiment, weighted
from lib.experiment import Experiment, Strategy
from lib.figures import dial as figures
from lib.figures.boundary import view
from lib.figures.chart import Chart, Track
from lib.figures.dial_boundary import Plane, boundary, mesh, sample
from lib.figures.frames import animated
from lib.figures.text import count, interval, number, share, shorten
from lib.figures.theme import class_color
from lib.models import MODELS
from lib.registry import Params
from lib.runner import Job
from lib.ui import compare_view, frame, state
from lib.ui.controls import segments
from lib.ui.engine import engine
from lib.ui.live_plotly import live_plotly
from lib.ui.scrubber import scrubber
from lib.ui.strategy_editor import MOST
from lib.ui.text import inert

GROUP = "dial"
SPLIT = "validation"
LINE_CELLS, CURVE_CELLS = 12, 48  # a straight line needs few
SEND = "Compare this weight"
CLOSE = 4  # two marks within this part of the slider stand one below the other


@dataclass(frozen=True)
class Choice:
    """The class that the weight is for, whether its models are trained (or solved), and the L2 of solved ones."""

    positive: int
    trained: bool
    l2: float


def settings(dataset: Dataset, experiment: Experiment) -> Choice:
    """Which class, which model, how much L2, in one line."""
    counts = dataset.class_counts()
    rarest = min((c for c in range(len(counts)) if counts[c] > 0), key=lambda c: float(counts[c]))
    who, what, how = st.columns([2, 2, 1])
    names = [shorten(name, 40) for name in dataset.class_names]
    with who:
        positive = st.selectbox(
            "The weight is for rows of class", range(len(names)), index=state.first("dial/class", rarest),
            format_func=lambda c: inert(names[c]), key=state.key("dial/class"),
            help="It counts w times, every other row once. The rarest class comes first.",
        )  # fmt: skip
    with what:
        options = {"linear": "Linear, solved exactly", "trained": f"{MODELS[experiment.model.name].label}, trained"}
        model = segments(
            "Model", options, "linear", "dial/model",
            about="Solved exactly: the best linear model for each weight, without training. Trained: the model of Compare.",
        )  # fmt: skip
    with how:
        l2 = st.number_input(
            "L2 penalty", 0.0, 1e6, state.first("dial/l2", 0.0), 0.1, format="%g", key=state.key("dial/l2"),
            disabled=model == "trained", help="Added to the summed loss as L2/2 times the squared coefficients: "
            "1/C of scikit-learn. 0: none.",
        )  # fmt: skip
    return Choice(positive, model == "trained", l2)


def draw(dataset: Dataset, experiment: Experiment, choice: Choice) -> None:
    """The dial, or in its place what keeps it from being shown."""
    name = ("dial", experiment, choice) if choice.trained else ("dial", experiment.data, choice)
    try:
        if choice.trained:
            dial = _trained(dataset, experiment, choice, name)
        else:
            clean = not experiment.data.params.get("label_noise")
            dial = state.memo(name, lambda: linear_dial(dataset, choice.positive, choice.l2, split=SPLIT, clean=clean))
    except ValueError as error:
        st.error(inert(str(error), 500))
        return
    if dial is not None:
        _show(dataset, experiment, choice, dial, name)


def _trained(dataset: Dataset, experiment: Experiment, choice: Choice, name: tuple[Any, ...]) -> Dial | None:
    """The dial of the visitor's training of this path; None, with a button or a progress bar, where it is not there."""
    weights = dial_weights(balanced(dataset, choice.positive), per_decade=PER_DECADE)
    wanted = path_experiment(experiment, len(dataset.class_names), choice.positive, weights)
    own = _job()
    if own is None or own.experiment != wanted or own.state in ("stopped", "failed"):
        if own is not None and own.experiment == wanted and own.error:
            st.error(inert(own.error, 400))
        with st.container(border=True):
            st.markdown(
                f"{len(weights)} models from w = 1/1000 to 1000 train together, with the settings of Compare; each batch is "
                "divided by its rows, so that no weight is lost in small batches. The path will stand here."
            )
            st.button("Train the path", type="primary", on_click=_start, args=(wanted,))
        return None
    if own.state != "finished":
        st.fragment(_progress, run_every=compare_view.TICK)()
        return None
    snapshot = own.snapshot
    assert snapshot is not None
    for sentence in compare_view.diverged(snapshot):
        st.warning(sentence)
    return state.memo(name, lambda: trained_dial(snapshot, choice.positive, weights, split=SPLIT))


def _slot() -> str:
    """The visitor's second place at the runner: a path must not replace the training of Compare."""
    return f"{state.visitor()}/{GROUP}"


def _job() -> Job | None:
    return engine().job(_slot())


def _start(wanted: Experiment) -> None:
    try:
        engine().submit(_slot(), wanted, state.dataset())
    except ValueError as error:
        state.say(str(error))


def _progress() -> None:
    own = _job()
    if own is None or own.ended:
        st.rerun()
    compare_view.progress(own)
    st.button("Stop", on_click=own.stop)


def _show(dataset: Dataset, experiment: Experiment, choice: Choice, dial: Dial, name: tuple[Any, ...]) -> None:
    """Pictures, slider, pictures."""
    reading, dark = dial.reading, state.dark()
    for notice in dial.notices:
        st.info(inert(notice, 500))
    others, own = reading.class_rows
    readable = bool(others and own)
    if readable:
        st.markdown(verdict(dial))
    else:
        missing = "of this class" if not own else "of another class"
        st.warning(f"No {SPLIT} row is {missing}: recall, ROC and the gap cannot be read. The boundary can.")
    frames = range(len(reading.weights))
    names = _two_names(dataset, choice.positive)

    def chart(key: str, make: Callable[[int], Chart]) -> None:
        live_plotly(
            state.memo((*name, key, dark), lambda: animated([make(at) for at in frames])), key=f"dial/{key}", group=GROUP
        )

    grid = st.grid(3, min_column_width=300)
    with grid.cell():
        _boundary(dataset, choice, dial, names, chart, name)
    with grid.cell():
        chart("confusion", lambda at: figures.confusion(reading, at, names, SPLIT, dark=dark))
    if readable:
        with grid.cell():
            chart("roc", lambda at: figures.roc(reading, at, dark=dark))
    track = slider(dataset, choice.positive, dial)
    chosen = scrubber(track, group=GROUP, key="dial/slider", actions=(SEND,))
    grid = st.grid(3, min_column_width=300)
    with grid.cell():
        chart("reliability", lambda at: figures.reliability(reading, at, dark=dark))
    if readable:
        with grid.cell():
            chart("gap", lambda at: figures.gap(reading, at, dial.exact_gap, dark=dark))
        with grid.cell():
            chart("pr", lambda at: figures.precision_recall(reading, at, dark=dark))
    st.caption(footnote(dataset, dial))
    if chosen is not None:
        _send(experiment, dataset, choice.positive, float(reading.weights[chosen.position]))


def _two_names(dataset: Dataset, positive: int) -> tuple[str, str]:
    names = dataset.class_names
    return (names[1 - positive] if len(names) == 2 else f"not {shorten(names[positive], 30)}"), names[positive]


def _boundary(
    dataset: Dataset, choice: Choice, dial: Dial, names: tuple[str, str], chart: Callable[[str, Callable[[int], Chart]], None],
    name: tuple[Any, ...],
) -> None:  # fmt: skip
    """Two features: the plane. More: the scores and their threshold."""
    reading, dark = dial.reading, state.dark()
    binary = len(dataset.class_names) == 2
    colors = (
        class_color(1 - choice.positive if binary else len(dataset.class_names), dark),
        class_color(choice.positive, dark),
    )
    if dataset.features != 2:
        chart("scores", lambda at: figures.histogram(reading, at, names, colors, dark=dark))
        return
    plane = state.memo((*name, "plane"), lambda: _plane(dataset, choice, dial))
    axes = dataset.feature_names or ("x1", "x2")
    rows = sum(reading.class_rows)
    said = [points.counts[:, :, 1].sum(1) / rows for points in (reading.moved, reading.weighted)]
    chart("boundary", lambda at: boundary(plane, float(reading.weights[at]), at, names, colors, axes,
                                          (float(said[0][at]), float(said[1][at])), dark=dark))  # fmt: skip


def _plane(dataset: Dataset, choice: Choice, dial: Dial) -> Plane:
    rows = dataset.splits[SPLIT]
    x = rows.x.numpy().astype(float)
    box, cells = view(x), CURVE_CELLS if choice.trained else LINE_CELLS
    grid = torch.from_numpy(mesh(box, cells))
    weighted_odds = [dial.score(at, grid).reshape(cells, cells) for at in range(len(dial.reading.weights))]
    bayes = None
    if dataset.means is not None:
        counts = dataset.class_counts()
        fine = mesh(box, CURVE_CELLS)
        found = bayes_log_odds(fine, dataset.means.double().numpy(), (counts / counts.sum()).numpy(), choice.positive)
        bayes = found.reshape(CURVE_CELLS, CURVE_CELLS)
    points = sample(x, (rows.y == choice.positive).numpy())
    return Plane(box, points, np.array(weighted_odds), dial.plain(grid).reshape(cells, cells), bayes)


def slider(dataset: Dataset, positive: int, dial: Dial) -> Track:
    """The weights as positions, each with what it means; decades, balanced and equal errors are marked."""
    weights, reading = dial.reading.weights, dial.reading
    labels = []
    for at, weight in enumerate(weights.tolist()):
        said = f"w = {figures.ratio(weight)} · threshold 1/(1+w) = {number(1 / (1 + weight))}"
        if all(reading.class_rows):
            exactly = "" if dial.exact_recall is None else f" (exactly {share(dial.exact_recall[at])})"
            said += f" · found {share(reading.weighted.recall[at])}{exactly} weighted, "
            said += f"{share(reading.moved.recall[at])} threshold moved"
        labels.append(said)
    one = int(np.abs(np.log(weights)).argmin())
    ticks = {int(np.abs(np.log(weights / 10.0**power)).argmin()): text for power, text in figures.TICKS.items()}
    marks: dict[int, list[str]] = {}
    even = balanced(dataset, positive)
    if weights[0] <= even <= weights[-1]:
        marks.setdefault(int(np.abs(np.log(weights / even)).argmin()), []).append("balanced")
    at, known = equal_errors(dial, dataset, positive)
    if known or min(reading.class_rows) >= ENOUGH:
        marks.setdefault(at, []).append("Bayes for equal errors" if known else "equal errors here")
    near = len(marks) == 2 and max(marks) - min(marks) < len(weights) / CLOSE
    for line, (place, texts) in enumerate(marks.items(), start=1):
        ticks[place] = ticks.get(place, "") + "\n" * (line if near else 1) + " · ".join(texts)
    return Track("Weight", tuple(labels), one, ticks)


def verdict(dial: Dial) -> str:
    """What weighting did that a threshold does not, in one or two sentences."""
    reading, found = dial.reading, dial.reading.gap
    apart = (found.low > 0) | (found.high < 0)
    told = np.isfinite(found.low).sum()
    if not told:
        text = "Too few rows of the class to say whether weighting does more than moving the threshold."
    elif not apart.any():
        text = "As far as these rows can tell, weighting does what moving the threshold does: both points lie on one ROC curve."
    else:
        at = int(np.nanargmax(np.where(apart, np.abs(found.value), np.nan)))
        text = (
            f"Weighting is not only a moved threshold here: they part most at **w = {figures.ratio(reading.weights[at])}**, by "
            f"**{number(found.value[at])}** of recall {interval(found.low[at], found.high[at])} at equal false alarms. "
            f"{apart.sum()} of {told} intervals leave out 0; one in twenty would by chance."
        )
    if dial.exact_gap is not None:
        text += f" Exactly, on what was learned, the gap is at most {number(float(np.abs(dial.exact_gap).max()))}."
    return text


def footnote(dataset: Dataset, dial: Dial) -> str:
    """Which rows, which intervals, and what A and B are."""
    others, own = dial.reading.class_rows
    text = (
        f"{count(own)} {SPLIT} rows of the class and {count(others)} others. A: the plain model, yes above 1/(1+w). B: the "
        "model whose loss counts the class w times, yes above 0.5. Bars at the points: 95%, Wilson."
    )
    return text if min(own, others) >= ENOUGH else text + f" Below {ENOUGH} rows of a class the gap has no interval."


def both_ways(weight: float, classes: int, positive: int) -> list[Strategy]:
    """A weight as strategies: the weighted loss and, of two classes, the plain loss with a moved threshold."""
    found = [weighted(f"w = {weight:.3g}", classes, positive, float(f"{weight:.4g}"))]
    if classes == 2:
        threshold = 1 / (1 + weight) if positive == 1 else weight / (1 + weight)
        params = Params({"threshold": min(max(threshold, 0.0001), 0.9999)})
        found.append(Strategy(f"plain at {threshold:.3g}", decision="threshold", decision_params=params))
    return found


def _send(experiment: Experiment, dataset: Dataset, positive: int, weight: float) -> None:
    """Both ways into the comparison, where it has room."""
    taken = {strategy.name for strategy in experiment.strategies}
    new = [strategy for strategy in both_ways(weight, len(dataset.class_names), positive) if strategy.name not in taken]
    if (over := len(experiment.strategies) + len(new) - MOST) > 0:
        st.warning(f"A comparison holds {MOST} strategies. Remove {over} there, then send this weight again.")
        return
    state.keep_for_undo(experiment.strategies)
    state.replace(dataclasses.replace(experiment, strategies=(*experiment.strategies, *new)))
    st.switch_page(frame.COMPARE)
