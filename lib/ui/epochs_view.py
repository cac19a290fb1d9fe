"""The epoch slider: a training that is over or paused can be dragged through time, in the browser.

Each position is an epoch of which matrices and boundaries were kept (lib/moments.py), the last one what is there now. While
a training runs there is no slider and charts show the newest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from lib.figures.chart import Chart, Track
from lib.figures.frames import animated, with_cursor
from lib.runner import Job
from lib.snapshot import Snapshot, past
from lib.ui import state
from lib.ui.engine import engine
from lib.ui.live_plotly import Click, live_plotly
from lib.ui.scrubber import scrubber

GROUP = "epochs"
MARKS = 5  # epochs that stand under the slider


@dataclass(frozen=True, eq=False)
class Scene:
    """What a page shows of a training: the newest, and where it can be dragged through time the epochs before it.

    `stamp` changes when what is measured at the end of an epoch may have.
    """

    snapshot: Snapshot
    times: tuple[Snapshot, ...]  # empty, or the kept epochs and at last the newest
    number: int  # of the training
    stamp: tuple[object, ...]

    def show(self, key: str, make: Callable[[Snapshot], Chart], *what: object, clicks: bool = False) -> Click | None:
        """A chart that follows the slider. `what` are the settings that it depends on besides the training."""
        if not self.times:
            name = (key, *what, *self.stamp)
            return live_plotly(state.memo(name, lambda: make(self.snapshot)), key=key, clicks=clicks)
        name = (key, *what, self.number, state.dark())
        drawn: dict[float, Chart] = state.memo(("frames", *name), dict)  # a step adds one frame to those that are drawn

        def all_of_them() -> Chart:
            frames = {at.progress: drawn.get(at.progress) or self._frame(make, at) for at in self.times}
            drawn.clear()
            drawn.update(frames)
            return animated(list(frames.values()), start=len(frames) - 1)

        chart = state.memo(("scrubbed", *name, self.snapshot.progress), all_of_them)
        return live_plotly(chart, key=key, group=GROUP, clicks=clicks)

    def _frame(self, make: Callable[[Snapshot], Chart], at: Snapshot) -> Chart:
        engine().courtesy.let_others()  # there may be dozens
        return make(at)

    def show_course(self, key: str, make: Callable[[], Chart], *what: object) -> None:
        """A chart over epochs, on which a line stands at the slider's."""
        if not self.times:
            live_plotly(state.memo((key, *what), make), key=key)
            return
        epochs = [at.progress for at in self.times]
        name = ("scrubbed", key, *what)
        live_plotly(state.memo(name, lambda: with_cursor(make(), epochs, dark=state.dark())), key=key, group=GROUP)


def scene(own: Job, snapshot: Snapshot, stamp: tuple[object, ...]) -> Scene:
    return Scene(snapshot, _times(own, snapshot), own.number, stamp)


def _times(own: Job, snapshot: Snapshot) -> tuple[Snapshot, ...]:
    if not (own.ended or own.state == "paused") or snapshot.epoch == 0:
        return ()
    earlier = [past(snapshot, moment) for moment in snapshot.moments if moment.epoch < snapshot.epoch]
    return (*earlier, snapshot) if earlier else ()


def slider(shown: Scene) -> None:
    """Nothing where there is no earlier epoch to go back to; its place is kept, so that no chart below is mounted anew."""
    times, place = shown.times, st.container()
    if not times:
        return
    epochs = shown.snapshot.experiment.training.epochs
    labels = tuple(f"{at.epoch} of {epochs}" for at in times)
    last = len(times) - 1
    ticks = {round(last * part / (MARKS - 1)) for part in range(MARKS)}
    track = Track("Epoch", labels, start=last, ticks={at: str(times[at].epoch) for at in ticks})
    with place:
        scrubber(track, group=GROUP, key="epochs/slider")
