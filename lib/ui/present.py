"""Presentation mode (`?present=1` on Compare): one question, one picture, one sentence per screen, for a projector.

The number in the address is the screen. Pictures are those of Compare, drawn small and shown large: what is 14 px there is
24 px here. Arrow keys, Space and the page keys of a presenter's remote go on and back, Home and End to the ends, Esc leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from lib.data import Dataset
from lib.experiment import Experiment
from lib.figures.boundary import boundaries
from lib.figures.chart import Chart
from lib.figures.confusion import confusion_panels, crowded
from lib.figures.curves import train_loss, validation_nll
from lib.figures.panels import fitted
from lib.figures.recall import recall_bars
from lib.figures.strips import strips
from lib.figures.text import shorten
from lib.runner import Job
from lib.scenarios import SCENARIOS
from lib.snapshot import Snapshot
from lib.tasks import READINGS
from lib.ui import compare_view, frame, state, steering_view, task_view
from lib.ui.engine import engine
from lib.ui.live_plotly import live_plotly, preload
from lib.ui.strategy_editor import describe, letter
from lib.ui.text import inert
from lib.ui.verdict_view import baseline
from lib.verdict import verdict

NUMBERED = 3  # classes up to which two rows of matrices have room for numbers
COLUMNS = {1: 1, 2: 2, 3: 2, 4: 2}  # of matrices of two classes with counts and all names, by strategies
HEIGHT, WIDTH = 330, 780  # pixels in which a picture is drawn before it is enlarged
LARGE = 460  # characters up to which a verdict is written in the largest type

# Everything else away, type of 24 px and more; a projector of 1920 pixels gets larger type still.
STYLE = """
<style>
[data-testid=stHeader], [data-testid=stToolbar], [data-testid=stSidebar] { display: none; }
[data-testid=stMainBlockContainer] { padding: 1.25rem 2rem 3.25rem; }
[data-testid=stMainBlockContainer] h2 { font-size: 40px; padding: 0 0 .5rem; }
[data-testid=stMainBlockContainer] :is(p, li) { font-size: 27px; line-height: 1.4; }
.st-key-present-words :is(p, li) { font-size: 34px; }
.st-key-present-large p { font-size: 42px; }
.live-plotly { zoom: 1.75; pointer-events: none; }
.live-plotly .modebar { display: none; }
.st-key-present-keys { position: fixed; right: 1rem; bottom: .5rem; width: auto; }
.st-key-present-keys button { opacity: .6; }
.st-key-present-keys button:is(:hover, :focus-visible) { opacity: 1; }
.st-key-present-keys button p { font-size: 24px; }
.st-key-present-remote { display: none; }
.st-key-present-keys kbd, .st-key-present-keys [data-testid=stButtonShortcut] { display: none; }
@media (min-width: 1800px) {
  [data-testid=stMainBlockContainer] h2 { font-size: 54px; }
  [data-testid=stMainBlockContainer] :is(p, li) { font-size: 34px; }
  .st-key-present-words :is(p, li) { font-size: 44px; }
  .st-key-present-large p { font-size: 54px; }
  .live-plotly { zoom: 2.2; }
}
</style>
"""
ENDED = {
    "stopped": "Stopped before the end: the test rows were not read, so there is no verdict.",
    "failed": "The training failed, so there is no verdict.",
}


@dataclass(frozen=True)
class Screen:
    """`picture` of a snapshot, or None where words are enough; `name` tells its chart from those of other screens."""

    name: str
    question: str
    sentence: str
    picture: Callable[[Snapshot], Chart] | None = None


def asked() -> bool:
    return frame.PRESENT in st.query_params


def link(label: str = "Present") -> None:
    """A link to the first screen of the current experiment."""
    if st.button(label, help="One picture per screen, in large type, for a projector. Arrow keys go on, Esc leaves."):
        st.switch_page(frame.COMPARE, query_params={frame.PRESENT: "1"})


def draw(experiment: Experiment, dataset: Dataset) -> None:
    """The screen of the address. What has not been trained is trained."""
    st.html(STYLE)
    preload()
    own = steering_view.job()
    if own is None or own.experiment != experiment:
        steering_view.start()
        own = steering_view.job()
    state.tell()  # as much as a training that does not fit
    shown = screens(experiment, dataset)
    at = min(_at(), len(shown)) - 1
    screen = shown[at]
    st.header(screen.question, anchor=False)
    active = own is not None and not own.ended
    st.fragment(_picture, run_every=compare_view.TICK if active else None)(screen, active)
    _keys(at, len(shown))


def _keys(at: int, screens: int) -> None:
    """Three buttons in the corner; those that nobody sees are there for their keys, as a button has one."""
    first, last = at == 0, at + 1 == screens
    with st.container(horizontal=True, key="present-keys"):
        st.button("←", shortcut="Left", on_click=_go, args=(at,), disabled=first, type="tertiary", help="Back")
        st.button("→", shortcut="Right", on_click=_go, args=(at + 2,), disabled=last, type="tertiary", help="On")
        st.button("Leave", shortcut="Esc", on_click=_leave, type="tertiary")
    with st.container(key="present-remote"):
        st.button("Page up", shortcut="PageUp", on_click=_go, args=(at,), disabled=first)
        st.button("Page down", shortcut="PageDown", on_click=_go, args=(at + 2,), disabled=last)
        st.button("Space", shortcut="Space", on_click=_go, args=(at + 2,), disabled=last)
        st.button("Home", shortcut="Home", on_click=_go, args=(1,), disabled=first)
        st.button("End", shortcut="End", on_click=_go, args=(screens,), disabled=last)


def _at() -> int:
    """The screen that the address asks for, from 1; anything that is no number is the first."""
    asked = st.query_params.get(frame.PRESENT, "1")
    return max(int(asked), 1) if asked.isdecimal() and len(asked) < 4 else 1


def _go(screen: int) -> None:
    st.query_params[frame.PRESENT] = str(screen)


def _leave() -> None:
    del st.query_params[frame.PRESENT]


def _picture(screen: Screen, was_active: bool) -> None:
    own = steering_view.job()
    if own is None:
        return
    if was_active and own.ended:
        st.rerun()
    with engine().courtesy.drawing():
        _draw(screen, own)


def _draw(screen: Screen, own: Job) -> None:
    snapshot = own.snapshot
    if own.error:
        st.error(inert(own.error, 400))
    if screen.picture is None:
        said = _verdict(own) if screen.name == "verdict" else []
        large = said and sum(map(len, said)) <= LARGE
        words = "\n\n".join(inert(sentence, 600) for sentence in said) or screen.sentence
        st.container(key="present-large" if large else "present-words").markdown(words)
    elif snapshot is None or (snapshot.epoch == 0 and not snapshot.reused):
        st.markdown("After the first epoch.")
    else:
        make = screen.picture
        stamp = (*compare_view.beat(own, snapshot, 1), state.dark())
        live_plotly(
            state.memo((frame.PRESENT, screen.name, own.number, *stamp), lambda: make(snapshot)), key=f"present-{screen.name}"
        )
        st.markdown(screen.sentence + _running(own, snapshot))


def _running(own: Job, snapshot: Snapshot) -> str:
    return "" if own.ended else f" Epoch {snapshot.epoch} of {own.experiment.training.epochs}."


def _verdict(own: Job) -> list[str]:
    snapshot, results = own.snapshot, own.results
    if own.state != "finished" or snapshot is None or results is None:
        return [ENDED.get(own.state, "When training is over.")]
    against = baseline([strategy.name for strategy in snapshot.experiment.strategies])
    return state.memo(("verdict", own.number, against), lambda: verdict(snapshot, results, against))


def screens(experiment: Experiment, dataset: Dataset) -> list[Screen]:
    """The story, loss curves, recall, matrices, boundaries where there are two features, the verdict."""
    decision = READINGS[dataset.task].decision
    found = [_story(experiment)]
    found.append(Screen(
        "loss", "What does training make smaller?",
        "The loss with its weights. Other weights, other loss: heights cannot be compared.",
        lambda s: train_loss(s, dark=state.dark(), height=HEIGHT),
    ))  # fmt: skip
    found.append(Screen(
        "nll", "Measured alike: who is better?",
        f"Surprise per validation {decision} (NLL), without weights: heights can be compared.",
        lambda s: validation_nll(s, dark=state.dark(), height=HEIGHT),
    ))  # fmt: skip
    found.append(Screen(
        "recall", "How many of each class are found?", "The part of each class that was found (recall).", _recall,
    ))  # fmt: skip
    label = _rarest(dataset)
    same = ", in the same order" if _columns(experiment, dataset) is None else ""
    of = f" of {inert(dataset.class_names[label])}" if dataset.task == "multilabel" else ""
    found.append(Screen(
        "confusion", "What is taken for what?", f"Rows: the truth{of}. Columns{same}: what the model says. On validation.",
        lambda s: _confusion(s, label),
    ))  # fmt: skip
    if dataset.task == "sequence":
        found.append(Screen(
            "strips", "When does it say yes?",
            "Grey: a true event. Line: score. Dotted: threshold. Bar: said to be an event.",
            _strips,
        ))  # fmt: skip
    if dataset.features == 2 and dataset.task in ("binary", "multiclass"):
        found.append(Screen(
            "boundary", "Where does the boundary move?", "First seed. Dashed, where it is known: the best for these weights.",
            lambda s: fitted(boundaries(s, dark=state.dark()), HEIGHT),
        ))  # fmt: skip
    return [*found, Screen("verdict", "Learning, or a moved threshold?", "")]


def _story(experiment: Experiment) -> Screen:
    """The scenario's own words, or what is compared; then the strategies by their letters."""
    story = next((s for s in SCENARIOS.values() if s.experiment == experiment), None)
    strategies = "\n".join(f"* **{letter(i)}** {inert(s.name)}" for i, s in enumerate(experiment.strategies))
    if story is None:
        words = "\n".join(f"* **{letter(i)}** {describe(s)}" for i, s in enumerate(experiment.strategies))
        return Screen("story", "What do the weights change?", words)
    return Screen("story", story.label, f"{story.story}\n\n{strategies}")


def _recall(snapshot: Snapshot) -> Chart:
    dataset, strategies = snapshot.dataset, snapshot.experiment.strategies
    names = [shorten(strategy.name, max(80 // len(strategies), 10)) for strategy in strategies]
    return recall_bars(
        names, snapshot.recall, dataset.class_names,
        task_view.rows_of(dataset, "validation"), dark=state.dark(), width=WIDTH, height=HEIGHT,
        train_rows=task_view.rows_of(dataset, "train"), unit=READINGS[dataset.task].unit,
    )  # fmt: skip


def _strips(snapshot: Snapshot) -> Chart:
    """The first validation series with an event, or the first at all."""
    part = snapshot.dataset.validation
    events = (part.y > 0) if part.mask is None else (part.y > 0) & part.mask
    first = int(events.any(1).int().argmax())
    return fitted(strips(snapshot, series=[first], dark=state.dark()), HEIGHT)


def _rarest(dataset: Dataset) -> int:
    """Of several labels the one with the fewest yes."""
    return int(np.argmin(task_view.rows_of(dataset, "train"))) if dataset.task == "multilabel" else 0


def _confusion(snapshot: Snapshot, label: int) -> Chart:
    several = snapshot.dataset.task == "multilabel"
    counts = snapshot.confusion[:, :, label] if several else snapshot.confusion
    names = [strategy.name for strategy in snapshot.experiment.strategies]
    classes = task_view.classes_of_matrix(snapshot.dataset, label)
    made = confusion_panels(
        names, counts, classes, normalise="row", dark=state.dark(), diverged=compare_view.gone(snapshot)
    )  # fmt: skip
    columns = _columns(snapshot.experiment, snapshot.dataset)
    if columns is None:
        return fitted(crowded(made, 4, numbers=len(classes) <= NUMBERED), HEIGHT)
    return fitted(made, HEIGHT, columns, gap_y=64)


def _columns(experiment: Experiment, dataset: Dataset) -> int | None:
    """In rows of how many matrices counts and all names have room; None where they have none."""
    few = len(dataset.class_names) == 2 or dataset.task == "multilabel"
    return COLUMNS.get(len(experiment.strategies)) if few else None
