"""The strategies of the comparison: one is edited at a time; add, duplicate, remove, undo."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import streamlit as st

from lib.data import Task
from lib.experiment import Experiment, ModelSpec, Strategy, Training, fitting_model
from lib.figures.theme import style
from lib.registry import Params, brief
from lib.ui import state
from lib.ui.controls import folded, label, params_inputs, record_choice, spoken
from lib.ui.text import inert
from lib.ui.tuning_view import edit_rates

MOST = 8  # letters, colours and room for matrices side by side
LABELS = {"loss": "Loss", "weighting": "Class weights", "sampler": "Sampler", "decision": "Decision"}


def letter(index: int) -> str:
    return style(index, dark=False).letter


def edit(experiment: Experiment, task: Task) -> Experiment:
    """The experiment with what the visitor changed in its strategies."""
    names = [strategy.name for strategy in experiment.strategies]
    at = _chosen(len(names))
    st.pills(
        "Strategy to edit", range(len(names)), format_func=lambda i: f"{letter(i)} {inert(names[i], 14)}",
        default=state.first("strategy", 0), key=state.key("strategy"), required=True, label_visibility="collapsed",
    )  # fmt: skip
    changed = _edit_one(experiment, at, task)
    _buttons(experiment, at)
    return changed


def _chosen(count: int) -> int:
    at = state.current_value("strategy", 0)
    return at if isinstance(at, int) and at < count else 0


def _edit_one(experiment: Experiment, at: int, task: Task) -> Experiment:
    old = experiment.strategies[at]
    scope = f"s{at}"
    values: dict[str, Any] = {
        "name": st.text_input(
            "Name",
            state.first(f"{scope}/name", old.name),
            40,
            state.key(f"{scope}/name"),
            help="What this strategy is called in charts, tables and files.",
        )  # fmt: skip
    }
    for part, (params_field, registry) in Strategy.PARTS.items():
        keys = [key for key, record in registry.items() if task in getattr(record, "tasks", (task,))]
        key = record_choice(LABELS[part], registry, keys, getattr(old, part), f"{scope}/{part}")
        given = getattr(old, params_field) if key == getattr(old, part) else Params()
        declared = registry[key].params
        if key == "manual":
            given = _manual_weights(given)
        values |= {part: key, params_field: _folded(declared, given, f"{scope}/{part}/{key}")}
    values |= {param.name: getattr(old, param.name) for param in Strategy.FIELDS} | {"overrides": old.overrides}
    with folded(f"{scope}/own", "Only for this strategy") as is_open:
        if is_open:
            values |= _own_fields(old, scope)
            values["overrides"] = _overrides(experiment, old, scope)
    return _accepted(experiment, at, values)


def _own_fields(old: Strategy, scope: str) -> Params:
    """The switch for row weights is shown where the data have some."""
    given = Params({param.name: getattr(old, param.name) for param in Strategy.FIELDS})
    weighted = state.dataset().train.sample_weight is not None
    shown = [param for param in Strategy.FIELDS if weighted or param.name != "sample_weight"]
    return Params({**given, **params_inputs(shown, given, scope)})


def _manual_weights(given: Params) -> Params:
    """Typed weights start with a 1 for each class of the data at hand."""
    classes = len(state.dataset().class_names)
    weights = given.get("weights", ())
    return given if len(weights) == classes else Params({**given, "weights": (1.0,) * classes})


def _folded(declared: Sequence[Any], given: Params, scope: str) -> Params:
    """Common parameters in the open; those that are rarely needed (cap, ignore_index) folded away."""
    rare = [param for param in declared if param.name in ("cap", "ignore_index")]
    common = [param for param in declared if param not in rare]
    chosen = params_inputs(common, given, scope) if common else Params()
    if not rare:
        return chosen
    kept = {param.name: given.get(param.name, param.default) for param in rare}
    with folded(scope, "More", rare=True) as is_open:
        return Params({**chosen, **(params_inputs(rare, given, scope) if is_open else kept)})


def _overrides(experiment: Experiment, old: Strategy, scope: str) -> Params:
    fields = [param for param in Training.FIELDS if param.name not in Training.SHARED]
    names = [param.name for param in fields]
    own = st.multiselect(
        "Training settings of its own", names, state.first(f"{scope}/own", [n for n in names if n in old.overrides]),
        key=state.key(f"{scope}/own"),
        format_func=lambda name: label(next(param for param in fields if param.name == name)), placeholder="as the others",
    )  # fmt: skip
    common = old.training(experiment.training)
    given = Params({name: getattr(common, name) for name in names})
    return params_inputs([param for param in fields if param.name in own], given, f"{scope}/override")


def _accepted(experiment: Experiment, at: int, values: dict[str, Any]) -> Experiment:
    """The changed experiment, or the old one with a message beside the widget that does not fit."""
    try:
        strategies = list(experiment.strategies)
        strategies[at] = Strategy(**values)
        return dataclasses.replace(experiment, strategies=tuple(strategies))
    except ValueError as error:
        st.error(f"{inert(str(error), 300)} The strategy stays as it was.")
        return experiment


def _buttons(experiment: Experiment, at: int) -> None:
    count = len(experiment.strategies)
    with st.container(horizontal=True):
        st.button("Duplicate", on_click=_duplicate, args=(at,), disabled=count >= MOST,
                  help=f"A copy of this strategy, to change one thing in it. At most {MOST}.")  # fmt: skip
        st.button("Remove", on_click=_remove, args=(at,), disabled=count == 1)
        st.button("Undo", on_click=state.undo, disabled=not state.can_undo(), help="Takes the last such change back.")


def _duplicate(at: int) -> None:
    experiment = state.experiment()
    old, names = experiment.strategies[at], [strategy.name for strategy in experiment.strategies]
    number = next(n for n in range(2, 100) if f"{old.name[:34]} ({n})" not in names)
    state.keep_for_undo(experiment.strategies)
    copy = dataclasses.replace(old, name=f"{old.name[:34]} ({number})")
    state.replace(dataclasses.replace(experiment, strategies=(*experiment.strategies, copy)))
    state.start_with("strategy", len(names))


def _remove(at: int) -> None:
    experiment = state.experiment()
    state.keep_for_undo(experiment.strategies)
    left = tuple(strategy for index, strategy in enumerate(experiment.strategies) if index != at)
    state.replace(dataclasses.replace(experiment, strategies=left))
    state.start_with("strategy", max(at - 1, 0))


def describe(strategy: Strategy) -> str:
    """One line about a strategy for the page: only what is not the default. Inert Markdown."""
    loss, scheme, sampler, decision = (registry[getattr(strategy, part)] for part, (_, registry) in Strategy.PARTS.items())
    parts = [_named(loss, strategy.loss_params)]
    parts.append("no weights" if scheme.key == "none" else f"weights: {_named(scheme, strategy.weighting_params)}")
    parts += [f"sampler: {_named(sampler, strategy.sampler_params)}"] if sampler.key != "shuffle" else []
    parts += [f"decision: {_named(decision, strategy.decision_params)}"] if decision.key != "argmax" else []
    parts += [] if strategy.sample_weight else ["without row weights"]
    parts += [f"weights from epoch {strategy.weights_from_epoch}"] if strategy.weights_from_epoch else []
    parts += [inert(f"{name.replace('_', ' ')} {_short(value)}") for name, value in strategy.overrides.items()]
    return " · ".join(parts)


def _named(record: Any, params: Params) -> str:
    """A record's label with the numbers that are not its defaults."""
    changed = [f"{p.name} {_short(params[p.name])}" for p in record.params if params[p.name] != p.default]
    return inert(record.label + (f" ({', '.join(changed)})" if changed else ""))


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else brief(value) if isinstance(value, tuple) else spoken(value)


def edit_folded(experiment: Experiment, task: Task) -> Experiment:
    """The experiment with what the visitor changed of the model, the training and the seeds."""
    with folded("model", "Model") as is_open:
        experiment = edit_model(experiment, task) if is_open else experiment
    with folded("training", "Training and seeds") as is_open:
        return edit_training(experiment) if is_open else experiment


def edit_model(experiment: Experiment, task: Task) -> Experiment:
    """The experiment with the visitor's model, of those that read this kind of data."""
    registry = ModelSpec.PARTS["name"][1]
    fitting = [key for key, record in registry.items() if task in record.tasks]
    name = record_choice("Model", registry, fitting, fitting_model(experiment.model, task).name, "model")
    given = experiment.model.params if name == experiment.model.name else Params()
    params = params_inputs(registry[name].params, given, f"model/{name}")
    start = st.toggle(
        "Start the output bias at the log prior", state.first("model/bias", experiment.model.bias_init == "log_prior"),
        key=state.key("model/bias"),
        help="The first predictions are then the class shares, so the first epochs are not spent on learning them.",
    )  # fmt: skip
    return dataclasses.replace(experiment, model=ModelSpec(name, params, "log_prior" if start else "default"))


def edit_training(experiment: Experiment) -> Experiment:
    """The experiment with the visitor's training settings and seeds."""
    values = Params({param.name: getattr(experiment.training, param.name) for param in Training.FIELDS})
    fields = [param for param in Training.FIELDS if param.name != "lr_grid"]
    training = Training(**params_inputs(fields, values, "training", columns=2), lr_grid=edit_rates(experiment.training))
    count = st.number_input(
        "Seeds", 1, 20, state.first("seeds", len(experiment.seeds)), key=state.key("seeds"),
        help="Each strategy is trained this many times from different initial weights and batch orders.",
    )  # fmt: skip
    seeds = experiment.seeds if count == len(experiment.seeds) else tuple(range(count))
    return dataclasses.replace(experiment, training=training, seeds=seeds)
