"""Curves over epochs: the loss as optimised and validation NLL, of all rows or class by class, and whom training listens to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from lib.figures.by_class import class_panels, share_panels
from lib.figures.curves import train_loss, validation_nll
from lib.ui import state
from lib.ui.controls import segments
from lib.ui.epochs_view import Scene

LOW = 230  # pixels of the curves: a matrix is to be in sight below them on a laptop
ROWS = {"all": "All rows", "class": "By class"}
PARTS = {"loss": "of the loss", "gradient": "of the gradient"}
SHARES = (
    "Loss: the sum of weight x term over what training sees of a class, by that sum over all classes. Gradient: the same with "
    "the length of the gradient of weight x term at the model's outputs. Measured on some training rows of each class, at the "
    "end of some epochs; how often the sampler draws a class counts."
)


@dataclass(frozen=True)
class Looks:
    """How the visitor wants to see curves."""

    log: bool
    smooth: bool
    by_class: bool


def choose() -> Looks:
    """The switches, one below the other."""
    log = _liked("Log axis", "log", "Loss curves on a logarithmic axis.")
    smooth = _liked("Smooth", "smooth", "A moving average of the curves; the curves themselves stay, thin.")
    return Looks(log, smooth, _chosen("Validation NLL of", ROWS, "curves/rows") == "class")


def draw(shown: Scene, version: int, looks: Looks, recall: Callable[[], None], beside: bool) -> None:
    """Curves, and the recall of each class `beside` them where it has room. `version` changes with each new snapshot."""
    newest = (shown.number, version, state.dark())
    drawn: Any = {"dark": state.dark(), "log": looks.log, "smooth": looks.smooth}
    name = (looks.log, looks.smooth)
    grid = st.grid(1 + beside + (not looks.by_class), min_column_width=300)
    with grid.cell():
        shown.show_course("train_loss", lambda: train_loss(shown.snapshot, height=LOW, **drawn), *name, *newest)
    if not looks.by_class:
        with grid.cell():
            shown.show_course("val_nll", lambda: validation_nll(shown.snapshot, height=LOW, **drawn), *name, *shown.stamp)
    with grid.cell() if beside else st.container():
        recall()
    if looks.by_class:
        _by_class(shown, drawn)


def _by_class(shown: Scene, drawn: dict[str, Any]) -> None:
    snapshot, dark = shown.snapshot, drawn["dark"]
    if snapshot.epoch == 0 and not snapshot.reused:
        st.caption("Class by class after the first epoch.")
        return
    one = "label" if snapshot.dataset.task == "multilabel" else "class"
    st.subheader(f"Validation NLL of each {one}", anchor=False)
    shown.show_course("class_nll", lambda: class_panels(snapshot, **drawn), drawn["log"], drawn["smooth"], *shown.stamp)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(f"Whom training listens to: share of each {one}", anchor=False, width="content", help=SHARES)
        of: Any = _chosen("Share", PARTS, "curves/share")
    shown.show_course("class_share", lambda: share_panels(snapshot, of, dark=dark), of, *shown.stamp)


def _chosen(label: str, options: dict[str, str], name: str) -> str:
    """A way of looking, one of a few."""
    found = segments(label, options, state.remembered(name, next(iter(options))), name, labelled=False)
    state.remember(name, found)
    return found


def _liked(label: str, name: str, about: str) -> bool:
    """A way of looking at curves that is switched on or off."""
    on = st.toggle(label, state.first(name, state.remembered(name, False)), key=state.key(name), help=about)
    state.remember(name, on)
    return on
