"""Widgets made from declared parameters: the `Param` says what may be entered, the experiment what stands there now."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st

from lib.registry import Param, Params, Registry
from lib.ui import state
from lib.ui.text import inert

WORDS = {  # of parameters whose names are abbreviations or letters; all others read as they are
    "lr": "Learning rate", "n": "Training rows", "n_val": "Validation rows", "n_test": "Test rows", "dim": "Features",
    "priors": "Class shares", "distance": "Distance of the means", "cap": "Largest weight", "a": "Exponent", "c": "Constant",
    "power": "Exponent", "hidden": "Hidden units per layer", "head": "Rows of the most frequent digit",
    "share": "Share of malignant rows", "ratio": "Ratio", "na_words": "Words for missing values",
    "max_levels": "Most values of a text column", "weights_from_epoch": "Weights start in epoch", "positive": "Positive class",
    "ignore_index": "Class to ignore", "decimal": "Decimal sign", "header": "First row holds names",
    "normaliser": "Loss is divided as", "lr_grid": "Learning rates to try", "sample_weight": "Use the sample weights",
    "s": "Scale of the cosines",
}  # fmt: skip

# Where the Field guide says more: a card for the name of a parameter or of a choice.
CARDS = {
    "label_smoothing": "label_smoothing", "ignore_index": "ignore_index", "gamma": "focal", "alpha": "focal_alpha",
    "threshold": "threshold", "thresholds": "threshold", "metric": "recall", "weights": "class_weight",
    "batch_size": "small_batches", "optimizer": "scale_and_optimiser", "normaliser": "reduction",
    "sample_weight": "sample_weight", "weights_from_epoch": "weights_fade", "positive": "which_way_round",
    "cross_entropy": "reduction", "bce_with_logits": "pos_weight_or_weight", "bce": "bce_has_no_pos_weight",
    "nll": "softmax_twice", "focal": "focal", "sigmoid_focal": "focal_alpha", "none": "class_weight",
    "inverse": "class_weight", "balanced": "class_weight", "pos_weight": "pos_weight", "manual": "weight_order",
    "weighted_random": "sampler_and_weights", "argmax": "threshold", "tuned": "threshold_instead",
    "undo": "weighted_probabilities", "multilabel": "multi_label",
}  # fmt: skip


def explained(name: str, sentence: str) -> str:
    """A help text, and where the Field guide has a card for this name, a link to it. The address is relative to the page's."""
    return f"{sentence} [More in the Field guide](pitfalls?card={CARDS[name]})" if name in CARDS else sentence


def label(param: Param) -> str:
    """A parameter in words, with the symbol of its paper behind them."""
    words = WORDS.get(param.name, param.name.replace("_", " ").capitalize())
    return words + (f"  ${param.symbol}$" if param.symbol not in ("", param.name) or len(param.symbol) == 1 else "")


def spoken(choice: object) -> str:
    """A choice as it is read: its name in code and files has underscores."""
    return str(choice).replace("_", " ")


def param_input(param: Param, value: Any, name: str) -> Any:
    """One widget for one parameter. A text that does not pass `param.read` is refused beside it, and the old value stays."""
    if isinstance(param.default, bool):
        return st.toggle(
            label(param), value=state.first(name, value), key=state.key(name), help=explained(param.name, param.help)
        )
    if param.choices:
        at = param.choices.index(state.first(name, value))
        about = explained(param.name, param.help)
        return st.selectbox(label(param), param.choices, index=at, key=state.key(name), format_func=spoken, help=about)
    if isinstance(param.default, tuple | str):
        return _text(param, value, name)
    return _number(param, value, name)


def _number(param: Param, value: Any, name: str) -> Any:
    whole = isinstance(param.default, int)
    kind = int if whole else float
    typed: dict[str, Any] = {  # Streamlit wants all of one type
        "min_value": None if param.low is None else kind(param.low),
        "max_value": None if param.high is None else kind(param.high),
        "step": kind(param.step or 1),
        "value": state.first(name, None if value is None else kind(value)),
    }
    return st.number_input(
        label(param), format="%d" if whole else "%g", key=state.key(name), placeholder="none",
        help=explained(param.name, param.help), **typed,
    )  # fmt: skip


def _text(param: Param, value: Any, name: str) -> Any:
    typed = st.text_input(
        label(param), state.first(name, param.write(value)), key=state.key(name), help=explained(param.name, param.help)
    )
    try:
        # Numbers in a list may stand apart by commas, blanks or both.
        return param.read(re.sub(r"[\s,;]+", ",", typed.strip()) if isinstance(param.default, tuple) else typed)
    except ValueError as error:
        st.error(inert(f"{error} Still in use: {param.write(value)}.", 300))
        return value


def params_inputs(params: Sequence[Param], values: Params, scope: str, columns: int = 1) -> Params:
    """Widgets for all parameters of a record, in columns."""
    places = st.columns(columns) if columns > 1 and len(params) > 1 else [st.container()]
    chosen = {}
    for index, param in enumerate(params):
        with places[index % len(places)]:
            chosen[param.name] = param_input(param, values.get(param.name, param.default), f"{scope}/{param.name}")
    return Params(chosen)


@contextmanager
def folded(name: str, title: str, *, rare: bool = False) -> Iterator[bool]:
    """A part that is folded away (`rare`: behind a small button); yields whether it is open, and only then needs widgets.

    A script run costs a millisecond per widget, and most of them are rarely looked at.
    """
    if rare:
        popover = st.popover(title, type="tertiary", key=state.key(f"{name}/open"), on_change="rerun")
        with popover:
            yield bool(popover.open)
        return
    expander = st.expander(title, key=state.key(f"{name}/open"), on_change="rerun")
    with expander:
        yield bool(expander.open)


def segments(label: str, options: Mapping[str, str], value: str, name: str, *, labelled: bool = True, about: str = "") -> str:
    """One of a few options, all in sight; `options` are keys and what they are called."""
    return st.pills(
        label, list(options), format_func=lambda key: options[key], default=state.first(name, value), key=state.key(name),
        required=True, label_visibility="visible" if labelled else "collapsed", help=about or None,
    ) or value  # fmt: skip


def record_choice(label: str, registry: Registry[Any], keys: Sequence[str], current: str, name: str) -> str:
    """A select box over records of a registry; the summary of the chosen one stands in its help."""
    options = list(keys)
    start = state.first(name, current if current in options else options[0])
    shown = state.current_value(name, start)
    shown = shown if shown in options else options[0]
    return st.selectbox(
        label, options, index=options.index(start) if start in options else 0, format_func=lambda key: registry[key].label,
        key=state.key(name), help=explained(shown, registry[shown].summary),
    )  # fmt: skip
