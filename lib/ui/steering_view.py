"""The row above a comparison: train, pause, step, stop, start over, how fast; and the keys that do the same.

What a click asks for happens at the training's next look up, within a twentieth of a second as a rule. A callback waits for
that, so that the very run that it causes draws the row as it is then; if it takes longer, the panels see the change and run
the page once more.
"""

import time
from collections.abc import Callable

import streamlit as st

from lib.experiment import Experiment
from lib.runner import ENDED, Job, State
from lib.ui import state, tuning_view
from lib.ui.engine import engine
from lib.ui.strategy_editor import describe, letter
from lib.ui.text import inert

PATIENCE = 0.2  # seconds that a click waits for the training to do what it asks
SPEEDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0)  # epochs per second; 0: as fast as possible
KEYS = {
    "Ctrl+Enter": "Train", "P": "Pause, and resume", "E": "Step: to the end of this epoch", "B": "Step: one batch",
    "S": "Stop", "0": "Reset: all back to epoch 0 with the settings of now, paused",
}  # fmt: skip


def job() -> Job | None:
    """The visitor's latest training."""
    return engine().job(state.visitor())


def start() -> None:
    """Queue a training of the current experiment. What does not fit is said on the page."""
    _submit(held=False, reuse=_changed())


def reset() -> None:
    """Epoch 0 of a training of everything with the current settings, paused before its first batch."""
    _submit(held=True, reuse=False)


def stop() -> None:
    if own := job():
        own.stop()
        _settle(own, lambda: own.ended)


def pause() -> None:
    if own := job():
        own.pause()
        _settle(own, lambda: own.state == "paused")


def resume() -> None:
    if own := job():
        own.resume()


def step() -> None:
    """To the end of the epoch, also of a training that has not begun."""
    _step(lambda own: own.step())


def step_batch() -> None:
    _step(lambda own: own.step_batch())


def _step(go: Callable[[Job], None]) -> None:
    own = job()
    if own is None or own.ended:
        own = _submit(held=True, reuse=_changed())
    if own is not None:
        before = own.progress
        go(own)
        _settle(own, lambda: own.state == "paused" and own.progress > before)


def _changed() -> bool:
    """Whether there is something to train: what is finished and asked for once more is trained once more, all of it."""
    own = job()
    return own is not None and (own.state != "finished" or own.experiment != state.experiment())


def _submit(*, held: bool, reuse: bool) -> Job | None:
    try:
        with engine().changed:  # no thread takes it before it is told to wait
            own = engine().submit(state.visitor(), state.experiment(), state.dataset(), reuse=reuse)
            own.speed = state.remembered("speed", 0.0) or None
            if held:
                own.pause()
    except ValueError as error:
        state.say(str(error))
        return None
    state.forget()
    return own


def _settle(own: Job, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done() and not own.ended and time.monotonic() < deadline:
        time.sleep(0.005)


def controls(experiment: Experiment) -> State | None:
    """All that steers a training, in a row of which nothing moves, and what will be trained.

    Returns the state that the row was drawn for: the training goes on meanwhile, and whoever draws after this may see another.
    """
    own = job()
    drawn = own.state if own is not None else None
    active = drawn is not None and drawn not in ENDED
    held = drawn == "paused"
    can_step = not active or held
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.button("Train", type="primary", on_click=start, shortcut="Ctrl+Enter", disabled=active)
        st.button(
            "Resume" if held else "Pause", on_click=resume if held else pause, shortcut="P", disabled=not active, width=118,
            key="steer/pause",
        )  # fmt: skip
        st.button("+1 epoch", on_click=step, shortcut="E", disabled=not can_step,
                  help="Trains to the end of this epoch, then pauses.", key="steer/epoch")  # fmt: skip
        st.button("+1 batch", on_click=step_batch, shortcut="B", disabled=not can_step,
                  help="Trains one batch, then pauses.", key="steer/batch")  # fmt: skip
        st.button("Stop", on_click=stop, shortcut="S", disabled=not active)
        st.button("Reset", on_click=reset, shortcut="0", disabled=own is None or (held and own.progress == 0),
                  help="All of them back to epoch 0, with the settings of now.", key="steer/reset")  # fmt: skip
        _speed(own)
        with st.popover("Keys", type="tertiary"):
            st.markdown("\n".join(f"* `{key}` {what}" for key, what in KEYS.items()))
            st.caption("They work wherever you are not typing.")
        with st.popover("In words", type="tertiary", help="What each strategy does, in a sentence."):
            for index, strategy in enumerate(experiment.strategies):
                st.markdown(f"**{letter(index)} {inert(strategy.name)}** {describe(strategy)}")
        if own is not None and not active and own.experiment != experiment:
            st.caption("The settings have changed since this training. Train to see what they do.")
    tuning_view.cost(experiment)
    return drawn


def _speed(own: Job | None) -> None:
    at = SPEEDS.index(state.remembered("speed", 0.0))
    chosen = st.selectbox(
        "Speed", SPEEDS, index=state.first("speed", at), key=state.key("speed"), label_visibility="collapsed", width=128,
        format_func=lambda speed: f"{speed:g} epochs/s" if speed else "full speed",
    )  # fmt: skip
    state.remember("speed", chosen)
    if own is not None and not own.ended and own.speed != (chosen or None):
        own.speed = chosen or None
