"""What a training looks like: progress, live panels, the table, the test panel."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import streamlit as st

from lib.advice import advise
from lib.data import Dataset
from lib.experiment import Experiment
from lib.figures.boundary import boundaries
from lib.figures.chart import Chart
from lib.figures.confusion import NUMBERED, group_recalls, top_confusions
from lib.figures.course import boundary_course, shows_course
from lib.figures.recall import recall_bars
from lib.runner import Job, State
from lib.snapshot import Snapshot
from lib.tasks import READINGS
from lib.ui import curves_view, results_view, rows_view, state, task_view, tuning_view, verdict_view
from lib.ui.controls import segments
from lib.ui.engine import engine
from lib.ui.epochs_view import Scene, scene, slider
from lib.ui.live_plotly import live_plotly, preload
from lib.ui.steering_view import job, start
from lib.ui.strategy_editor import letter
from lib.ui.text import inert, inert_table

TICK = 0.25  # seconds between two looks at a running training
WAITING = 1.0  # and at one in the queue; the further back, the longer, so that not all look at the same moments
BESIDE = 4  # classes up to which the recall bars have room beside the curves
STYLE = "<style>.st-key-where { min-height: 8.8rem; }</style>"  # room for the epoch slider: nothing jumps when it comes
SCALES = {"count": "count", "row": "of the true class", "column": "of the predicted class", "all": "of all rows"}


def advice(experiment: Experiment, dataset: Dataset) -> None:
    """What can be said before training: corrections that double, weights that cancel or fade. One box for each kind."""
    said: dict[str, list[str]] = {"warning": [], "note": []}
    for found in state.memo(("advice", experiment.fingerprint), lambda: advise(experiment, dataset)):  # names play no part
        who = ", ".join(f"**{letter(i)}** {inert(experiment.strategies[i].name)}" for i in found.strategies)
        said[found.kind].append(f"{who}: {inert(found.sentence, 500)}")
    for kind, box in (("warning", st.warning), ("note", st.info)):
        if said[kind]:
            box("  \n".join(said[kind]))  # two blanks: a new line


def live(drawn: State | None) -> None:
    """Everything that moves. Polls while a training is active, and runs the page once more when its state is not `drawn`,
    that of the row of buttons: what happened while the rest of the page was drawn counts too."""
    own = job()
    if own is None:  # outside the fragment: its button must run the whole page, which then polls
        _empty()
        return
    st.fragment(_tick, run_every=None if own.ended else _interval(own))(drawn)


def _interval(own: Job) -> float:
    """Seconds until the next look."""
    place = own.place
    waits = place is not None and own.expected_wait != 0  # 0: its turn comes now
    return WAITING * (1 + place / 20) if place and waits else TICK


def _tick(was: State | None) -> None:
    with engine().courtesy.drawing():
        _panels(was)


def _panels(was: State | None) -> None:
    own = job()
    if own is None:
        return
    _draw(own)
    if own.state != was:  # last: a click that came with this run has been answered. The row of buttons says other things now
        st.rerun()


def _draw(own: Job) -> None:
    snapshot = own.snapshot
    if snapshot is None:
        progress(own)
        return
    dark = state.dark()
    # What is measured on validation changes at the end of an epoch, and twice a second is enough for a reader.
    stamp = (own.number, state.memo(("epoch", own.number, *beat(own, snapshot, 2)), lambda: snapshot.epoch), dark)
    shown = scene(own, snapshot, stamp)
    looks = _where(own, shown)
    tuning_view.chosen_rates(snapshot)
    beside = len(snapshot.dataset.class_names) <= BESIDE
    curves_view.draw(shown, own.version, looks, lambda: _recall(shown, width=340 if beside else 1000), beside)
    _confusion(own, shown)
    task_view.more(shown, show)
    if snapshot.dataset.features == 2 and snapshot.dataset.task in ("binary", "multiclass"):
        _boundaries(own, shown)
    if shows_course(snapshot):
        st.subheader("Where the boundary stands, epoch by epoch", anchor=False)
        st.caption("First seed. Dotted: the closed form, and with weight decay where it comes to rest.")
        show(("course", own.number, *beat(own, snapshot, 1), dark), lambda: boundary_course(snapshot, dark=dark), "course")
    results_view.draw(own)


def _where(own: Job, shown: Scene) -> curves_view.Looks:
    """How far the training is, and when it is over the epoch slider; beside it how the curves are drawn."""
    st.html(STYLE)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key="where", vertical_alignment="center", gap="xxsmall"):
            progress(own)
            slider(shown)
        with st.container(width=190, gap="xxsmall"):
            return curves_view.choose()


def beat(own: Job, snapshot: Snapshot, per_second: int) -> tuple[object, ...]:
    """Changes so often while a training runs, and with each snapshot when it does not."""
    return ("running", int(own.elapsed * per_second), per_second) if own.state == "running" else (snapshot.progress,)


def show(name: tuple[object, ...], make: Callable[[], Chart], key: str) -> None:
    """One live chart, drawn again only when its name has changed."""
    live_plotly(state.memo(name, make), key=key)


def progress(own: Job) -> None:
    """Progress bar with epoch, elapsed and remaining time; place in the queue; how it ended."""
    snapshot, epochs, now, place = own.snapshot, own.experiment.training.epochs, own.state, own.place
    done = snapshot.progress if snapshot else 0.0
    text = f"Epoch {int(done)} of {epochs} · {own.elapsed:.1f} s"
    if place is not None:  # each is read once: the training goes on meanwhile
        wait = own.expected_wait
        text = f"Waiting: place {place} in the queue" + (f", about {math.ceil(wait)} s" if wait else "")
    elif now == "running" and (remaining := own.remaining) is not None:
        text += f" · about {math.ceil(remaining)} s left"
    elif now in ("stopped", "paused", "finished"):
        text += f" · {now}"
    st.progress(min(done / epochs, 1.0), text=text + _kept(own))
    if own.error:
        st.error(inert(own.error, 400))
    for sentence in diverged(snapshot):
        st.warning(sentence)


def _kept(own: Job) -> str:
    """What of an earlier training stands here."""
    strategies, seeds = len(own.experiment.strategies), len(own.experiment.seeds)
    if not own.reused:
        return ""
    whole = sum(all((s, r) in own.reused for r in range(seeds)) for s in range(strategies))
    part, of, what = (whole, strategies, "strategies") if whole * seeds == len(own.reused) else (
        len(own.reused), strategies * seeds, "runs")  # fmt: skip
    return f" · {part} of {of} {what} unchanged: kept, not trained again"


def diverged(snapshot: Snapshot | None) -> list[str]:
    """One sentence per strategy that stopped being finite."""
    if snapshot is None or not snapshot.diverged:
        return []
    sentences = []
    for index, strategy in enumerate(snapshot.experiment.strategies):
        epochs = [epoch for (s, _), epoch in snapshot.diverged.items() if s == index]
        if epochs:
            sentences.append(
                f"{letter(index)} {inert(strategy.name)} diverged in epoch {min(epochs)} ({len(epochs)} of "
                f"{len(snapshot.experiment.seeds)} seeds): its loss is not a finite number. The others go on. "
                "Try a smaller learning rate, smaller weights, or no weight of 0."
            )
    return sentences


def gone(snapshot: Snapshot) -> dict[int, int]:
    """The strategies of which every seed diverged, and the epoch in which the last one did."""
    found = {}
    for s in range(len(snapshot.experiment.strategies)):
        epochs = [snapshot.diverged.get((s, r)) for r in range(len(snapshot.experiment.seeds))]
        known = [epoch for epoch in epochs if epoch is not None]
        if len(known) == len(epochs):
            found[s] = max(known)
    return found


def _recall(shown: Scene, width: int) -> None:
    dataset = shown.snapshot.dataset
    if shown.snapshot.epoch == 0 and not shown.snapshot.reused:
        st.caption("After the first epoch.")
        return
    names = [strategy.name for strategy in shown.snapshot.experiment.strategies]
    rows, unit = task_view.rows_of(dataset, "validation"), READINGS[dataset.task].unit
    dark, train_rows = state.dark(), task_view.rows_of(dataset, "train")
    shown.show(
        "recall",
        lambda at: recall_bars(
            names,
            at.recall,
            dataset.class_names,
            rows,
            dark=dark,
            width=width,
            height=curves_view.LOW,
            train_rows=train_rows,
            unit=unit,
        ),
    )


def _boundaries(own: Job, shown: Scene) -> None:
    """The most expensive chart, by far: once a second is enough to see a line turn."""
    st.subheader("Where the boundaries lie", anchor=False)
    dark, snapshot = state.dark(), shown.snapshot
    if not shown.times or snapshot.moments[0].parameters:
        slow = dataclasses.replace(shown, stamp=(own.number, *beat(own, snapshot, 1), dark))
        slow.show("boundary", lambda at: boundaries(at, dark=dark))
        return
    st.caption("As they are now: those of earlier epochs were not kept.")
    show(("boundary", own.number, snapshot.progress, dark), lambda: boundaries(snapshot, dark=dark), "boundary")


def _confusion(own: Job, shown: Scene) -> None:
    snapshot = shown.snapshot
    names = [strategy.name for strategy in snapshot.experiment.strategies]
    classes = snapshot.dataset.class_names
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Validation: what was taken for what", anchor=False, width="content")
        liked = state.remembered("scale", "row")
        comparable = len(names) > 1 and (len(classes) <= NUMBERED or snapshot.dataset.task == "multilabel")
        scales = SCALES | ({"difference": "difference"} if comparable else {})
        chosen = segments("Shade and number", scales, liked if liked in scales else "row", "scale", labelled=False)
        scale: Any = chosen if chosen in scales else "row"
        against = verdict_view.baseline(names)
        if scale == "difference" and not verdict_view.settled(own):
            against = verdict_view.choose_baseline(names, "baseline/matrices")
    state.remember("scale", scale)
    click, label = task_view.matrices(shown, scale, gone, against)
    panels = [s for s in range(len(names)) if scale != "difference" or s != against]
    rows_view.draw(own, shown, label, click, panels)
    if len(classes) > 10 and snapshot.dataset.task == "multiclass":
        left, right = st.columns(2)
        with left:
            st.caption("Mean recall of frequent, middle and rare classes")
            rows = snapshot.dataset.class_counts().numpy()
            recalls = snapshot.recall
            st.dataframe(inert_table(group_recalls(names, recalls, rows).round(3)), hide_index=True)
        with right:
            st.caption("Most frequent confusions")
            st.dataframe(inert_table(top_confusions(names, snapshot.confusion, classes).round(3)), hide_index=True, height=220)


def _empty() -> None:
    preload()
    with st.container(border=True):
        st.markdown("Loss curves, recall per class, confusion matrices and boundaries will stand here, side by side.")
        st.button("Train these strategies", on_click=start)
