"""The page Decisions: what is asked, the slider with its switch, and the pictures that follow it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lib.figures.chart import Chart, Track
from lib.figures.operating import LABELS, cost_curves, histograms, threshold_curves
from lib.figures.operating_board import Reading, board
from lib.figures.operating_calibration import reliability_diagram
from lib.figures.text import count, number
from lib.operating.chosen import at_threshold
from lib.operating.costs import Costs
from lib.operating.points import LANDMARKS, Points, grid_of
from lib.operating.scored import Scored, logit, probability, read
from lib.snapshot import Snapshot
from lib.tasks import READINGS, behind
from lib.thresholds import CRITERIA
from lib.ui import state
from lib.ui.compare_view import diverged, progress
from lib.ui.controls import segments
from lib.ui.decisions_send import send
from lib.ui.live_plotly import live_plotly
from lib.ui.scrubber import scrubber
from lib.ui.steering_view import job, start
from lib.ui.strategy_editor import letter
from lib.ui.text import inert

Array = NDArray[np.float64]

GROUP = "decisions"
SWITCH = 250  # pixels
APART = 0.08  # of the slider's length between two of its ticks
TICK = 1.0  # seconds between two looks at a running training
SHOWN = {"recall,precision": "recall, precision", "alerts": "how many get a yes"} | {
    name: LABELS[name] for name in ("f_beta", "mcc", "g_mean", "balanced_accuracy")
}


@dataclass(frozen=True, eq=False)
class Question:
    """What the visitor asks: which runs, is it class `positive`, with weights or without, and what mistakes cost."""

    stamp: tuple[object, ...]  # changes when the scores do
    snapshot: Snapshot
    seed: int  # its place among the seeds
    runs: list[Scored]
    positive: int
    label: int | None  # of several labels, the one that is asked about; `positive` is its yes
    undone: bool
    metric: str
    beta: float
    costs: Costs | None
    rows_per_day: float | None
    test: bool  # whether the test rows may be read

    @property
    def class_name(self) -> str:
        return self.snapshot.dataset.class_names[self.positive if self.label is None else self.label]

    @property
    def classes(self) -> int:
        """Between how many classes is chosen: of a label between no and yes."""
        return len(self.snapshot.dataset.class_names) if self.label is None else 2

    @property
    def binary(self) -> bool:
        return self.classes == 2

    @property
    def unit(self) -> str:
        """What a choice is made for: rows, or steps of series."""
        return READINGS[self.snapshot.dataset.task].unit

    def points(self, undone: bool) -> list[Points]:
        """The validation rows of every run at all thresholds."""
        name = ("points", *self.stamp, self.positive, undone)
        return state.memo(name, lambda: [
            Points(one.index, one.name, one.sample("validation", self.positive, undone=undone)) for one in self.runs
        ])  # fmt: skip

    @property
    def shown(self) -> list[Points]:
        return self.points(self.undone)

    @property
    def grid(self) -> Array:
        """The slider's positions: the same with weights and without, so that the line stays where it is."""
        name = ("grid", *self.stamp, self.positive, self.metric, self.beta, self.costs)
        return state.memo(name, self._grid)

    def _grid(self) -> Array:
        both = [*self.points(False), *self.points(True)]
        also = [one.best(self.metric, self.beta)[0] for one in both]
        also += [-float(np.log(one.weight)) for one in self.runs if self.binary]  # 1 / (1 + w) of the plain model
        if self.costs is not None:
            star = self.costs.threshold(both[0].sample.prior)
            also += [one.cheapest(self.costs)[0] for one in both] + ([float(logit(star))] if 0 < star < 1 else [])
        return grid_of([one.sample for one in both], also)


def question() -> Question | None:
    """The sidebar's controls and what they ask; None, with a message or an empty page, where nothing can be asked."""
    own = job()
    if own is None or own.snapshot is None or own.snapshot.epoch == 0:
        if own is None or own.ended:
            _empty()
        return None
    snapshot, test = own.snapshot, own.state == "finished"
    with st.sidebar:
        picked, seed = _which(snapshot)
        metric, beta = _metric()
        costs, rows_per_day = _costs(READINGS[snapshot.dataset.task].unit)
    positive, label = (1, picked) if snapshot.dataset.task == "multilabel" else (picked, None)
    stamp = (snapshot.epoch, test, seed, label)
    try:
        runs = state.memo(("scored", *stamp), lambda: read(snapshot, seed, test=test, label=label))
    except ValueError as error:
        st.error(inert(str(error), 300))
        return None
    for sentence in diverged(snapshot):
        st.warning(sentence)
    if not runs:
        st.error("No strategy has finite scores. Train again with a smaller learning rate or smaller weights.")
        st.page_link("pages/compare.py", label="Go to Compare")
        return None
    undone = bool(state.current_value("undone", state.remembered("undone", False)))
    return Question(stamp, snapshot, seed, runs, positive, label, undone, metric, beta, costs, rows_per_day, test)


def _which(snapshot: Snapshot) -> tuple[int, int]:
    """The class, or the label, and the seed that are looked at."""
    classes, seeds = snapshot.dataset.class_names, snapshot.experiment.seeds
    labels = snapshot.dataset.task == "multilabel"
    positive, seed = 0 if labels else 1, 0
    if len(classes) > 2 or (labels and len(classes) > 1):
        counts = behind(snapshot.dataset.class_counts(), snapshot.dataset.task).numpy()
        rarest = int(np.argmin(np.where(counts > 0, counts, np.inf)))
        positive = st.selectbox(
            "Label" if labels else "Class", range(len(classes)), index=_kept("class", rarest, len(classes)),
            key=state.key("class"), format_func=lambda c: inert(classes[c], 30),
            help="Each label is a yes/no question of its own, with a threshold of its own." if labels else
            "This class against all others. Its counts differ from the full matrix, where the others compete too.",
        )  # fmt: skip
    if len(seeds) > 1:
        seed = st.selectbox(
            "Seed", range(len(seeds)), index=_kept("seed", 0, len(seeds)), key=state.key("seed"),
            format_func=lambda r: str(seeds[r]), help="Pictures and tables are of the runs with this seed.",
        )  # fmt: skip
    state.remember("class", positive)
    state.remember("seed", seed)
    return min(positive, len(classes) - 1), min(seed, len(seeds) - 1)


def _metric() -> tuple[str, float]:
    metric = st.selectbox(
        "Best for", CRITERIA, index=_kept("metric_at", 0), key=state.key("metric_at"), format_func=lambda name: LABELS[name],
        help="What a threshold or a tuned decision should have most of, on validation rows.",
    )  # fmt: skip
    beta = st.number_input(
        "beta of F-beta", 0.1, 10.0, _kept("beta", 1.0), 0.5, key=state.key("beta"),
        help="Recall counts beta times as much as precision; 1 is F1.",
    )  # fmt: skip
    state.remember("metric_at", CRITERIA.index(metric))
    state.remember("beta", beta)
    return metric, beta


def _costs(unit: str) -> tuple[Costs | None, float | None]:
    """What mistakes cost, where and how often decisions are made. Costs that cannot be are refused where they are typed."""
    with st.expander("Costs", expanded=True):
        miss = st.number_input(f"A missed {unit[:-1]} costs", value=_kept("miss", 10.0), key=state.key("miss"), format="%g",
                               help="False negative, c01.")  # fmt: skip
        alarm = st.number_input("A false alarm costs", value=_kept("alarm", 1.0), key=state.key("alarm"), format="%g",
                                help="False positive, c10.")  # fmt: skip
        prior = st.number_input(
            "Share of the class at deployment", value=_kept("prior", None), key=state.key("prior"), format="%g",
            placeholder=f"as in these {unit}",
            help=f"Between 0 and 1. Where it is not that of these {unit}, costs and alerts differ.",
        )  # fmt: skip
        rows = st.number_input(
            f"{unit.capitalize()} a day", 0.0, value=_kept("rows", 1000.0), key=state.key("rows"), format="%g",
            help=f"How many {unit} are decided on in a day: the queue is those that get a yes.",
        )  # fmt: skip
        state.remember("miss", miss)
        state.remember("alarm", alarm)
        state.remember("prior", prior)
        state.remember("rows", rows)
        try:
            costs = Costs(0.0 if miss is None else miss, 0.0 if alarm is None else alarm, prior)
        except ValueError as error:
            st.error(inert(str(error), 300))
            return None, rows
        if costs.remark:
            st.info(costs.remark)
    return costs, rows


def _kept(name: str, value: Any, most: int | None = None) -> Any:
    """What a widget starts with: what the visitor chose when he was here last."""
    kept = state.remembered(name, value)
    return state.first(name, value if most is not None and kept >= most else kept)


def slider(asked: Question) -> None:
    """The threshold and, beside it, the switch that takes the weights off."""
    row = st.container(horizontal=True, vertical_alignment="center")
    line, switch = row.container(width="stretch"), row.container(border=True, width=SWITCH)
    with switch:
        st.toggle(
            "**weights: undone**" if asked.undone else "**weights: as trained**", state.first("undone", asked.undone),
            key=state.key("undone"),
            help="Subtracts what weights, sampler and loss added to the log odds, log w; of focal also its own map. Nothing is "
            "trained again.",
        )  # fmt: skip
        state.remember("undone", asked.undone)
    with line:
        letters = [f"Use in {letter(one.index)}" for one in asked.runs] if asked.binary else []
        chosen = scrubber(_track(asked), group=GROUP, key="decisions_threshold", actions=letters)
    if chosen is not None:
        one = asked.runs[letters.index(chosen.action)]
        at = float(asked.grid[chosen.position])
        why = f"the slider's {number(float(probability(at)))}" + (" with the weights undone" if asked.undone else "")
        send(one.index, one.name, at_threshold(one, one.as_trained(at) if asked.undone else at, why))
        st.rerun()


def _track(asked: Question) -> Track:
    labels = tuple(f"say “{asked.class_name[:40]}” above {number(float(probability(place)))}" for place in asked.grid)
    marks: dict[int, str] = {}
    for p in sorted(LANDMARKS, key=lambda p: abs(logit(p))):  # a half first
        at = int(np.abs(asked.grid - logit(p)).argmin())
        within = asked.grid[0] <= logit(p) <= asked.grid[-1]
        if within and all(abs(at - other) >= APART * len(labels) for other in marks):
            marks[at] = f"{p:g}"
    return Track("Threshold for all strategies:", labels, int(np.abs(asked.grid).argmin()), marks)


def pictures(asked: Question) -> None:
    """Matrices, curves, histograms, costs and reliability, with one line through them."""
    dark = state.dark()
    stamp = (*asked.stamp, asked.positive, asked.undone, asked.metric, asked.beta, asked.costs, dark)
    shown, grid = asked.shown, asked.grid
    reading = Reading(asked.beta, asked.rows_per_day, asked.costs)
    _show("board", (*stamp, asked.rows_per_day), lambda: board(shown, grid, asked.class_name, reading, dark=dark))
    st.caption(_rows(asked))
    _remarks(asked)
    own = [one.own_threshold if not asked.undone else None for one in asked.runs]
    chosen = segments("Curve", SHOWN, state.remembered("curve", "recall,precision"), "curve", labelled=False)
    state.remember("curve", chosen)
    prior = asked.costs.prior if asked.costs else None
    columns = st.grid(2, min_column_width=380)
    with columns.cell():
        _show("curves", (*stamp, chosen), lambda: threshold_curves(
            shown, grid, chosen.split(","), beta=asked.beta, prior=prior, own=own, dark=dark
        ))  # fmt: skip
    with columns.cell():
        _show("histograms", stamp, lambda: histograms(shown, grid, asked.class_name, asked.positive, dark=dark))
    with columns.cell():
        if asked.costs is None:
            st.error("No expected cost: see what the sidebar says about the costs.")
        else:
            costs = asked.costs
            _show("cost", stamp, lambda: cost_curves(shown, grid, costs, unit=asked.unit[:-1], dark=dark))
    with columns.cell():
        known = [points for points, one in zip(shown, asked.runs, strict=True) if one.calibrated]
        _show("reliability", stamp, lambda: reliability_diagram(known, grid, units=asked.unit, dark=dark))


def _show(name: str, stamp: tuple[object, ...], make: Callable[[], Chart]) -> None:
    live_plotly(state.memo((name, *stamp), make, keep=48), key=f"decisions_{name}", group=GROUP)


def _rows(asked: Question) -> str:
    """Which rows, of which run, and what the numbers mean."""
    sample, seeds = asked.shown[0].sample, asked.snapshot.experiment.seeds
    seed = f" Seed {seeds[asked.seed]}, one of {len(seeds)}." if len(seeds) > 1 else ""
    queue = f" Yes a day: of {count(asked.rows_per_day)} {asked.unit}." if asked.rows_per_day is not None else ""
    own = (
        f"{count(sample.positives)} of them {'with' if asked.label is not None else 'of class'} “{inert(asked.class_name, 30)}”"
    )
    return (
        f"{count(len(sample.y_true))} validation {asked.unit}, {own}."
        f"{seed}{_against(asked)}{queue} Thresholds and calibration are chosen on these {asked.unit} and reported on the test "
        f"{asked.unit} below."
    )


def _against(asked: Question) -> str:
    """What stands on the other side of the question."""
    if asked.label is not None:
        return " One label: yes or no. The others have thresholds of their own."
    if asked.runs[0].series("validation") is not None:
        return " All steps that count, padding left out."
    return "" if asked.binary else " One class against all others: in the full matrix the others compete too."


def _remarks(asked: Question) -> None:
    """What cannot be read, and why; everything else stays."""
    sample = asked.shown[0].sample
    if not (sample.positives and sample.negatives):
        there = f"with {inert(asked.class_name, 30)}" if not sample.positives else f"without {inert(asked.class_name, 30)}"
        st.warning(f"There are no validation {asked.unit} {there}: no threshold can be chosen. Take more, or ask of another.")
    for points, one in zip(asked.shown, asked.runs, strict=True):
        who = f"{letter(one.index)} {inert(one.name)}"
        if points.constant:
            st.warning(f"{who} gives all {asked.unit} the same score: no threshold tells them apart.")
        if not one.calibrated:
            st.info(f"{who}: the scores of its loss are no probabilities, so its calibration cannot be read.")
        elif asked.undone and not one.understood:
            st.info(f"{who}: no theory says how far its loss moves the odds, so nothing is taken off.")


def watch(asked: Question | None) -> None:
    """While a training runs: how far it is. Its end, or its first epoch, brings the page up to date."""
    own = job()
    if own is not None and own.state == "finished" and asked is not None and not asked.test:
        st.rerun()  # it has ended while this page was drawn
    if own is not None and not own.ended:
        st.fragment(_watched, run_every=TICK)(own.snapshot.epoch if own.snapshot else 0)


def _watched(seen: int) -> None:
    own = job()
    if own is None or own.ended or (seen == 0 and own.snapshot is not None and own.snapshot.epoch > 0):
        st.rerun()
    progress(own)
    if seen:
        st.caption(f"The scores above are those after epoch {seen}. They are read again when the training ends.")


def _empty() -> None:
    with st.container(border=True):
        st.markdown(
            "One threshold through all strategies will stand here: matrices, curves, scores, costs and calibration, with the "
            "weights as trained and undone. It needs a training."
        )
        st.button("Train these strategies", on_click=start, type="primary")
        st.page_link("pages/compare.py", label="Choose strategies in Compare")
