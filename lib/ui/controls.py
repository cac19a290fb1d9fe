"""Widgets made from declared parameters: the `Param` says what may be entered, the experiment what stands there now."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lib.registry import Param, Params, Registry
from lib.ui import state
from lib.ui.text import inert


def param_input(param: Param, value: Any, name: str) -> Any:
    """One widget for one parameter. A text that does not pass `param.read` is refused beside it, and the old value stays."""
    label = param.name.replace("_", " ") + (f"  ${param.symbol}$" if param.symbol not in ("", param.name) else "")
    if isinstance(param.default, bool):
        return st.toggle(label, value=state.first(name, value), key=state.key(name), help=param.help)
    if param.choices:
        at = param.choices.index(state.first(name, value))
        return st.selectbox(label, param.choices, index=at, key=state.key(name), help=param.help)
    if isinstance(param.default, tuple | str):
        return _text(param, value, name, label)
    return _number(param, value, name, label)


def _number(param: Param, value: Any, name: str, label: str) -> Any:
    whole = isinstance(param.default, int)
    kind = int if whole else float
    typed: dict[str, Any] = {  # Streamlit wants all of one type
        "min_value": None if param.low is None else kind(param.low),
        "max_value": None if param.high is None else kind(param.high),
        "step": kind(param.step or 1),
        "value": state.first(name, None if value is None else kind(value)),
    }
    return st.number_input(
        label, format="%d" if whole else "%g", key=state.key(name), help=param.help, placeholder="none", **typed
    )  # fmt: skip


def _text(param: Param, value: Any, name: str, label: str) -> Any:
    typed = st.text_input(label, state.first(name, param.write(value)), key=state.key(name), help=param.help)
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


def segments(label: str, options: Mapping[str, str], value: str, name: str, *, labelled: bool = True) -> str:
    """One of a few options, all in sight; `options` are keys and what they are called."""
    return st.segmented_control(
        label, list(options), format_func=lambda key: options[key], default=state.first(name, value), key=state.key(name),
        required=True, label_visibility="visible" if labelled else "collapsed",
    ) or value  # fmt: skip


def record_choice(label: str, registry: Registry[Any], keys: Sequence[str], current: str, name: str) -> str:
    """A select box over records of a registry; the summary of the chosen one stands in its help."""
    options = list(keys)
    start = state.first(name, current if current in options else options[0])
    shown = state.current_value(name, start)
    return st.selectbox(
        label, options, index=options.index(start) if start in options else 0, format_func=lambda key: registry[key].label,
        key=state.key(name), help=registry[shown if shown in options else options[0]].summary,
    )  # fmt: skip
