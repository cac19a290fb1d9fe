"""What a visitor chooses and types on the Receipt page. What cannot be is said beside its field; the last good batch stays."""

import dataclasses
from collections.abc import Callable
from typing import cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.receipt import CRITERIA, PRESETS, Batch, Preset
from lib.receipt.batch import DTYPES, REDUCTIONS, Reduction
from lib.receipt.convert import as_criterion, as_given, as_targets
from lib.receipt.criterion import Given
from lib.receipt.link import LETTER, from_fields, to_fields
from lib.receipt.paste import pasted
from lib.ui import state
from lib.ui.controls import explained, params_inputs, record_choice, segments
from lib.ui.receipt_table import classes_frame, edit_classes, edit_rows, read_classes, read_rows, rows_frame
from lib.ui.text import inert

BATCH, GENERATION, WRITTEN, TOLD, FIRST = "receipt", "receipt/generation", "receipt/written", "receipt/told", "index_targets"


def name(widget: str) -> str:
    """Name of a widget that is seeded from the batch: another batch seeds all of them anew."""
    return f"receipt/{state.remembered(GENERATION, 0)}/{widget}"


def current() -> Batch:
    """The batch of the address bar where that is new, otherwise the one that the visitor has."""
    fields = state.page_fields(LETTER)
    batch: Batch = state.remembered(BATCH, PRESETS[FIRST].batch)
    if not fields or fields == state.remembered(WRITTEN, None):
        return batch
    state.remember(WRITTEN, fields)
    try:
        linked = from_fields(fields)
    except ValueError as error:
        state.remember(TOLD, [])
        st.error(inert(f"The link does not work: {error} Below is the last receipt that did.", 500))
        return batch
    _take_up(linked)
    return linked


def _take_up(batch: Batch, told: list[str] | None = None) -> None:
    state.remember(BATCH, batch)
    state.remember(GENERATION, state.remembered(GENERATION, 0) + 1)
    state.remember(TOLD, told or [])


def adopt(batch: Batch, told: list[str] | None = None) -> None:
    """Another batch than the widgets show: seed them anew, and say what could not be kept."""
    _take_up(batch, told)
    st.rerun()


def keep(batch: Batch) -> None:
    """The batch as it is now: for the next run, and in the address bar."""
    state.remember(BATCH, batch)
    fields = to_fields(batch)
    state.remember(WRITTEN, fields)
    state.show_fields(fields)


def attempt(batch: Batch, change: Callable[[Batch], Batch], place: DeltaGenerator | None = None) -> Batch:
    """The changed batch or, with a message here, the batch as it was."""
    try:
        return change(batch)
    except ValueError as error:
        (place or st).error(inert(f"{error} The receipt below is the last one that worked.", 500))
        return batch


def preset_of(batch: Batch) -> Preset | None:
    """The preset that the batch is, unchanged."""
    return next((preset for preset in PRESETS.values() if preset.batch == batch), None)


def choose(batch: Batch) -> Batch:
    """Preset, loss, its arguments and the weights. A change of structure seeds all widgets anew."""
    for sentence in state.remembered(TOLD, []):
        st.info(inert(sentence, 300))
    found = preset_of(batch)
    first = state.first(name("preset"), found.key if found else None)
    keys = list(PRESETS)
    chosen = st.selectbox(
        "Preset", keys, index=keys.index(first) if first else None, format_func=lambda key: PRESETS[key].label,
        placeholder="Your own batch", key=state.key(name("preset")), help="Ready batches, each from a question of a forum.",
    )  # fmt: skip
    if chosen and chosen != first:
        adopt(PRESETS[chosen].batch)
    _paste(batch)
    key = record_choice("Loss", CRITERIA, list(CRITERIA), batch.criterion, name("loss"))
    if key != batch.criterion:
        attempt(batch, lambda own: _restructure(*as_criterion(own, key)))
    reduction = cast(
        Reduction,
        segments(
            "Reduction",
            {r: r for r in REDUCTIONS},
            batch.reduction,
            name("reduction"),
            about=explained("normaliser", "How the losses of the rows become one number."),
        ),
    )
    params = params_inputs(batch.record.params, batch.parameters, name("params"))
    batch = attempt(batch, lambda own: dataclasses.replace(own, reduction=reduction, params=tuple(params.items())))
    batch = classes(batch)
    _form(batch)
    return _shape(batch)


def _restructure(batch: Batch, told: list[str]) -> Batch:
    adopt(batch, told)
    return batch


def classes(batch: Batch) -> Batch:
    """Weights by class name; classes can be renamed, added and left out."""
    st.caption("Weights by name: `weight`" + (" and `pos_weight`" if batch.record.pos_weight else "") + ". 1 everywhere: none.")
    frame = edit_classes(batch, state.first(name("classes"), classes_frame(batch)), state.key(name("classes")))
    changed = attempt(batch, lambda own: read_classes(frame, own))
    if changed.names != batch.names:
        adopt(changed)
    return changed


def _form(batch: Batch) -> None:
    """Logits or probabilities, class or probability targets: the same numbers in another form."""
    record = batch.record
    if len(record.given) > 1:
        given = cast(
            Given,
            segments(
                "Inputs are",
                {g: g for g in record.given},
                batch.given,
                name("given"),
                about="Logits come straight from the last layer; probabilities have been through sigmoid or softmax.",
            ),
        )
        if given != batch.given:
            attempt(batch, lambda own: _restructure(as_given(own, given), []))
    if record.soft_targets:
        soft = st.toggle("Targets are probabilities", state.first(name("soft"), not batch.indexed), key=state.key(name("soft")),
                         help="One share per class in place of the number of the class.")  # fmt: skip
        if soft == batch.indexed:
            attempt(batch, lambda own: _restructure(as_targets(own, not soft), []))


def _shape(batch: Batch) -> Batch:
    with st.expander("Shape and dtype"):
        dtype = segments("Number type (dtype)", {d: d for d in DTYPES}, batch.dtype, name("dtype"),
                         about="The kind of numbers that torch computes with; float16 has about three digits.")  # fmt: skip
        batch = attempt(batch, lambda own: dataclasses.replace(own, dtype=dtype))
        if not batch.record.dense:
            return batch
        text = st.text_input(
            "Places per row", state.first(name("places"), "x".join(map(str, batch.places))), key=state.key(name("places")),
            placeholder="none", help="Steps of a sequence, e.g. 4, or pixels, e.g. 2x2. The lines of the table then go through "
            "the places of row 1, of row 2, and so on.",
        )  # fmt: skip
        return attempt(batch, lambda own: dataclasses.replace(own, places=_places(text)))


def _places(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.lower().replace("×", "x").split("x")] if text.strip() else []
    if not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        raise ValueError("Places per row: expected nothing, a number such as 4, or two such as 2x2.")
    return tuple(map(int, parts))


def rows(batch: Batch) -> Batch:
    """The table of rows."""
    frame = edit_rows(batch, state.first(name("rows"), rows_frame(batch)), state.key(name("rows")))
    return attempt(batch, lambda own: read_rows(frame, own))


def _paste(batch: Batch) -> None:
    with st.popover("Paste rows", width="stretch"):
        text = st.text_area("One line per row: inputs, target, perhaps a row weight", key=state.key(name("paste")), height=160,
                            help="Numbers and names apart by commas, as from a spreadsheet.",
                            placeholder="2.0, 0.5, cat\n0.1, 1.2, dog")  # fmt: skip
        if st.button("Use these rows") and text:
            attempt(batch, lambda own: _restructure(pasted(text, own), []))
