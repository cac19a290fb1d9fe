"""What if: one picture and one sentence each, beside the receipt."""

from collections.abc import Callable

import streamlit as st

from lib.figures.batch_law import ratio_curve, smoothing_map
from lib.figures.chart import Chart
from lib.figures.receipt import dial_gauges, effective_prior_bars, gradient_bars, micro_batch_bars, saturation_curves
from lib.figures.text import number, share
from lib.receipt import Receipt
from lib.receipt.what_if import (
    dials,
    flipping_ratio,
    gradient_shares,
    micro_batches,
    prior_stages,
    saturation,
    smoothed_optimum,
)  # fmt: skip
from lib.theory import effective_ratio
from lib.ui import state
from lib.ui.controls import explained, segments
from lib.ui.live_plotly import live_plotly
from lib.ui.text import inert

FACTORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
CHOICES = {
    "scale": "Weights × k", "gradient": "Gradient", "size": "Batch size", "micro": "Micro-batches",
    "smoothing": "Label smoothing", "prior": "Effective prior", "saturation": "BCELoss clamp",
}  # fmt: skip


def what_if(receipt: Receipt, line: int) -> None:
    """The chosen what-if."""
    first = state.first("receipt/what_if", state.remembered("receipt/what_if", "scale"))
    chosen = st.pills(
        "What if", list(CHOICES), format_func=CHOICES.__getitem__, default=first, required=True, wrap=True,
        key=state.key("receipt/what_if"), help="One change to this batch, and what the loss makes of it.",
    )  # fmt: skip
    state.remember("receipt/what_if", chosen)
    draw: dict[str, Callable[[], None]] = {
        "scale": lambda: _scale(receipt), "gradient": lambda: _gradient(receipt, line), "size": lambda: _size(receipt),
        "micro": lambda: _micro(receipt), "smoothing": lambda: _smoothing(receipt), "prior": _prior,
        "saturation": _saturation,
    }  # fmt: skip
    try:
        draw[chosen]()
    except ValueError as error:
        st.info(inert(str(error), 400))


def _show(chart: Chart) -> None:
    live_plotly(chart, key="receipt/picture")


def _scale(receipt: Receipt) -> None:
    k = st.select_slider("All weights times k", FACTORS, 10.0, key=state.key("receipt/k"), format_func=lambda v: f"{v:g}",
                         help=explained("scale_and_optimiser", "Every class weight, multiplied by one number."))  # fmt: skip
    found = dials(receipt.batch, k)
    _show(dial_gauges(found, dark=state.dark()))
    stay = [dial.label for dial in found if abs(dial.factor - 1) < 1e-6]
    move = [dial.label for dial in found if dial.label not in stay]
    if k == 1:
        st.markdown("Move k: the dials show which losses follow.")
        return
    told = f"{' and '.join(stay)} {'stays' if len(stay) == 1 else 'stay'}: k cancels in the sum of weights. " if stay else ""
    told += f"{' and '.join(move)} {'moves' if len(move) == 1 else 'move'} by k = {k:g}. " if move else ""
    st.markdown(f"{told}SGD's first step follows the loss; Adam divides by the gradient's size, so that k hardly shows.")


def _gradient(receipt: Receipt, line: int) -> None:
    batch = receipt.batch
    by = batch.record.differentiates(batch.given)
    chart = gradient_bars(
        receipt.gradient[line], batch.names, gradient_shares(receipt), title=batch.line_name(line), by=by, dark=state.dark()
    )
    _show(chart)
    shares = gradient_shares(receipt)
    most = max(shares, key=lambda name: shares[name])
    st.markdown(
        f"**{inert(most)}** brings {share(shares[most])} of the gradient of this batch. Below 0: the {by} is pushed up."
    )


def _start_ratio(receipt: Receipt, otherwise: float) -> float:
    """Largest over smallest weight of the batch."""
    weights = [w for w in receipt.batch.weight or receipt.batch.pos_weight if w > 0]
    ratio = max(weights, default=1.0) / min(weights, default=1.0) if len(weights) > 1 else max(weights, default=1.0)
    return float(f"{min(max(ratio, 1.0), 1000.0):.4g}") if ratio > 1 else otherwise


def _size(receipt: Receipt) -> None:
    first, second, third = st.columns(3)
    ratio = first.number_input("Weight ratio", 1.0, 1000.0, _start_ratio(receipt, 19.0), 1.0, format="%g", key=_key("ratio"),
                               help="Weight of the rare class to that of the frequent one.")  # fmt: skip
    rare = second.number_input("Rare share", 0.001, 0.999, 0.05, 0.01, format="%g", key=_key("rare"),
                               help="Part of the rows that is of the rare class.")  # fmt: skip
    size = third.number_input(
        "Batch size", 1, 1024, max(receipt.batch.rows, 1), key=_key("size"), help="Rows whose losses are divided together."
    )
    _show(ratio_curve(ratio, rare, size, dark=state.dark()))
    here = effective_ratio(ratio, rare, size)
    st.markdown(
        f"In batches of {size} a weight of {number(ratio)} acts like **{number(here)}** in the mean of cross-entropy: it "
        "divides by the weights that happen to be in the batch. BCE divides by the count, and there it stays."
    )


def _micro(receipt: Receipt) -> None:
    batch = receipt.batch
    if batch.rows < 2 or batch.reduction == "none":
        st.info("Micro-batches need at least two rows, and a mean or a sum.")
        return
    count = st.slider("Micro-batches", 1, batch.rows, 2, key=_key("micro"),
                      help="Parts of the batch whose losses are averaged, as in gradient accumulation.")  # fmt: skip
    found = micro_batches(batch, count)
    _show(micro_batch_bars(found, dark=state.dark()))
    same = abs(found.mean - found.whole) <= 1e-6 * max(1.0, abs(found.whole))
    word = f"The mean of the micro-batches is {number(found.mean)}, the loss of the whole batch **{number(found.whole)}**"
    why = (
        "each divides by its own sum of weights. Exact: add up w·ℓ and w over all, then divide once."
        if receipt.work.divisor == "sum of weights" and batch.reduction == "mean"
        else "parts of unequal size, or a sum."
    )
    st.markdown(f"{word}: {'the same here.' if same else why}")


def _smoothing(receipt: Receipt) -> None:
    own = float(receipt.batch.parameters.get("label_smoothing", 0.0))
    classes = max(len(receipt.batch.names), 2)
    left, right = st.columns(2)
    ratio = left.number_input("Weight ratio", 1.0, 1000.0, _start_ratio(receipt, 100.0), 1.0, format="%g", key=_key("s_ratio"))
    spread = right.number_input("Label smoothing", 0.0, 0.5, own if 0 < own <= 0.5 else 0.1, 0.05, format="%g", key=_key("e"))
    _show(smoothing_map(classes, ratio, spread, dark=state.dark()))
    best, flip = float(smoothed_optimum(ratio, spread, classes)), float(flipping_ratio(spread, classes))
    st.markdown(
        f"A row is certainly of its class, and a rival has {number(ratio)} times its weight: the best p(true) is "
        f"**{number(best)}**. The argmax flips above a ratio of {number(flip)}, because the smoothing mass is weighted too."
    )


def _prior() -> None:
    left, right = st.columns(2)
    rare = left.number_input("Rare share in the data", 0.001, 0.5, 0.01, 0.01, format="%g", key=_key("prior"))
    balanced = round((1 - rare) / rare, 4)
    ratio = right.number_input(
        "Weight ratio", 1.0, 1000.0, min(balanced, 1000.0), 1.0, format="%g", key=_key(f"p_ratio/{rare}")
    )
    sampler = st.toggle("Balanced sampler", True, key=_key("sampler"),
                        help="Draws each class equally often.")  # fmt: skip
    stages = prior_stages(rare, sampler, ratio)
    _show(effective_prior_bars(("common", "rare"), stages, dark=state.dark()))
    last = float(list(stages.values())[-1][1])
    st.markdown(f"The loss sees the rare class as **{share(last)}** of the rows, the data have {share(rare)}.")
    if sampler and ratio > 1:
        st.warning("Corrected twice: the sampler has already made the classes even, and the weights multiply on top. Use one.")


def _saturation() -> None:
    target = int(segments("Target", {"0": "0", "1": "1"}, "0", "receipt/s_target"))
    logit = st.slider("Logit z", -120, 120, 17 if target == 0 else -30, key=_key(f"z/{target}"),
                      help="What the last layer puts out for this row.")  # fmt: skip
    found = saturation(float(target))
    _show(saturation_curves(found, target, logit, dark=state.dark()))
    at = int(abs(found.logits - logit).argmin())
    st.markdown(
        f"At z = {logit} and target {target} BCELoss has loss {number(found.loss[at])} and gradient "
        f"**{number(found.gradient[at])}**; BCEWithLogitsLoss has {number(found.stable_loss[at])} and "
        f"{number(found.stable_gradient[at])}. float32: sigmoid rounds to exactly 1, and the logarithm stops at −100."
    )


def _key(name: str) -> str:
    return state.key(f"receipt/if/{name}")
