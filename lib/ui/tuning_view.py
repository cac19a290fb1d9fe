"""Fair tuning on the page: the switch, what it costs, and which learning rates were chosen."""

import math

import streamlit as st

from lib.experiment import Experiment, Training
from lib.figures.theme import style
from lib.registry import Params
from lib.snapshot import Snapshot
from lib.tuning import METRIC, candidates
from lib.ui import state
from lib.ui.controls import params_inputs
from lib.ui.text import inert

STEPS = (0.1, 0.3, 1.0, 3.0, 10.0)  # times the common learning rate, where the switch is turned on


def edit_rates(training: Training) -> tuple[float, ...]:
    """The grid of learning rates: empty while the switch is off."""
    on = st.toggle(
        "Fair learning rates", state.first("training/tune", bool(training.lr_grid)), key=state.key("training/tune"),
        help="Trains every strategy at several learning rates and shows its best one, by " + METRIC + ". One rate for all "
        "punishes losses whose weights scale them.",
    )  # fmt: skip
    if not on:
        return ()
    grid = training.lr_grid or tuple(_round(training.lr * step) for step in STEPS)
    field = next(param for param in Training.FIELDS if param.name == "lr_grid")
    chosen: tuple[float, ...] = params_inputs([field], Params({"lr_grid": grid}), "training")["lr_grid"]
    return tuple(dict.fromkeys(chosen))


def _round(rate: float) -> float:
    """Two digits: 0.003, not 0.0030000000000000005."""
    return round(rate, 1 - math.floor(math.log10(rate)))


def cost(experiment: Experiment) -> None:
    """How many runs the switch makes of how many."""
    if experiment.training.lr_grid:
        seeds = len(experiment.seeds)
        plain, all_of_them = len(experiment.strategies) * seeds, len(candidates(experiment).strategies) * seeds
        st.caption(f"Fair learning rates: {all_of_them} runs are trained instead of {plain}, and {plain} are shown.")


def chosen_rates(snapshot: Snapshot) -> None:
    """Each strategy's learning rate, of which, and by what it was chosen."""
    if not snapshot.tuned:
        return
    word = "chosen" if snapshot.done else "best so far" if snapshot.epoch else "shown first"
    lines = []
    for index, (strategy, own) in enumerate(zip(snapshot.experiment.strategies, snapshot.tuned, strict=True)):
        who = f"**{style(index, dark=False).letter}** {inert(strategy.name, 40)}"
        if len(own.rates) == 1:
            lines.append(f"{who}: its own learning rate, {own.lr:g}")
            continue
        score = own.scores[own.chosen]
        of = ", ".join(f"{rate:g}" for rate in own.rates)
        lines.append(f"{who}: **{own.lr:g}**, of {of}" + (f" ({score:.3f})" if math.isfinite(score) else ""))
    st.caption(f"Learning rate {word}, by {METRIC}, mean over seeds: " + " · ".join(lines))
