"""The shape lab: shapes go in as text, the picture and torch's own words come out."""

import streamlit as st

from lib.figures.shapes import shape_table
from lib.figures.text import number
from lib.pitfalls.shape_axes import TENSORS, LossName, Shape, Shapes
from lib.pitfalls.shape_lab import LOSSES, PRESETS, Look, look, read_shape
from lib.ui import state
from lib.ui.compare_view import show
from lib.ui.text import inert

GOOD = "lab/good"  # the shapes of the last picture
HINTS = {
    "logits": "What the model puts out, for example 32, 10.",
    "targets": "The labels. Class indices have no axis for the classes.",
    "weight": "Leave empty for none.",
    "pos_weight": "Leave empty for none.",
}


@st.fragment
def lab() -> None:
    """Type shapes, see which axis meets which, and what torch says."""
    with st.container(border=True):
        st.subheader("Shape lab", anchor=False)
        first = linked_preset()
        preset = st.pills(
            "Start from", list(PRESETS), default=state.first(f"lab/{first}", first), format_func=lambda key: PRESETS[key].label,
            key=state.key(f"lab/{first}"), required=True, help="Ready shapes: common traps, and tasks that work.",
        ) or first  # fmt: skip
        left, right = st.columns([2, 3], gap="medium")
        with left:
            tried = typed(preset)
        with right:
            good: Look = tried or state.remembered(GOOD, None) or look(PRESETS[first].shapes)
            state.remember(GOOD, good)
            if tried is None:
                st.caption("This picture still shows the last shapes that could be tried.")
            picture(good)


def linked_preset() -> str:
    """The preset that the address names, or the first; anything else in the address does nothing."""
    asked = st.query_params.get("lab", "")
    return asked if asked in PRESETS else next(iter(PRESETS))


def typed(preset: str) -> Look | None:
    """The fields. Under one that cannot be read stands why; then there is nothing to try."""
    start = PRESETS[preset].shapes
    name = f"lab/{preset}/loss"
    loss = st.selectbox("Loss", LOSSES, index=LOSSES.index(state.first(name, start.loss)), key=state.key(name),
                        help="Whose rules for shapes are drawn.")  # fmt: skip
    read: dict[str, Shape | None] = {"pos_weight": None}
    failed = False
    places = [column for _ in range(2) for column in st.columns(2)]
    for place, tensor in zip(places, TENSORS, strict=True):
        with place:
            if tensor == "pos_weight" and loss != "BCEWithLogitsLoss":
                st.caption(f"{loss} has no pos_weight.")
                continue
            try:
                read[tensor] = _field(tensor, preset, getattr(start, tensor))
            except ValueError as error:
                failed = True
                st.error(inert(str(error), 300))
    if failed:
        return None
    try:
        return look(_shapes(loss, read))
    except ValueError as error:
        st.error(inert(str(error), 300))
        return None


def _field(tensor: str, preset: str, shape: Shape | None) -> Shape | None:
    name = f"lab/{preset}/{tensor}"
    written = "" if shape is None else ", ".join(map(str, shape))
    text = st.text_input(
        f"{tensor}, shape", state.first(name, written), key=state.key(name), help=HINTS[tensor], max_chars=200,
        placeholder="none",
    )  # fmt: skip
    read = read_shape(text or "", tensor)
    if read is None and tensor in ("logits", "targets"):
        raise ValueError(f"{tensor}: expected a shape such as 5, 3, got nothing.")
    return read


def _shapes(loss: LossName, read: dict[str, Shape | None]) -> Shapes:
    return Shapes(loss, read["logits"] or (), read["targets"] or (), read["weight"], read["pos_weight"])


def picture(found: Look) -> None:
    """The axes, torch's words, the traps in red, and what would mend them."""
    show(("lab", found.shapes, state.dark()), lambda: shape_table(found, dark=state.dark()), "lab/picture")
    if found.error:
        st.markdown("**torch raises**")
        st.code(found.error, language=None, wrap_lines=True)
    for trap in found.traps:
        st.error(f"**Trap: {trap.name}.** No error, and yet: {inert(trap.sentence, 300)}", icon=":material/warning:")
    if not found.error and not found.traps:
        st.success(f"The shapes fit. {_terms(found)}")
    elif not found.error:
        st.caption(_terms(found))
    if found.repairs:
        st.markdown("**If you meant something else**" if found.traps else "**What you may have meant**")
        st.code("\n".join(repair.code for repair in found.repairs), language="python", wrap_lines=True)


def _terms(found: Look) -> str:
    """How many loss terms there are, and what their mean is for zeros as logits and targets."""
    terms = "one term" if found.terms == () else f"terms of shape {list(found.terms)}"
    return f"torch runs: {terms}; of zeros, with weights of one, their mean is {number(abs(found.value))}."
