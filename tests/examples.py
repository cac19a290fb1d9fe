"""Hypothesis strategies made from the registries: values of a parameter, parameters of a record, whole experiments."""

import math

from hypothesis import strategies as some

from lib.data import SOURCES
from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.registry import Param
from lib.sequence_models import MODELS


def values_of(param: Param) -> some.SearchStrategy:
    """Anything that the parameter allows."""
    if param.default is None:
        return some.none() | _numbers(param, float)
    if isinstance(param.default, tuple):
        low, high = param.length
        return some.lists(_one(param, param.item), min_size=low, max_size=min(high, low + 4)).map(tuple)
    return _one(param, type(param.default))


def _one(param: Param, kind: type) -> some.SearchStrategy:
    if kind is bool:
        return some.booleans()
    if kind is str:
        letters = some.characters(exclude_categories=("Cs",))
        return some.sampled_from(param.choices) if param.choices else some.text(letters, max_size=int(param.high or 20))
    return _numbers(param, kind)


def _numbers(param: Param, kind: type) -> some.SearchStrategy:
    low = -1e9 if param.low is None else param.low
    high = 1e9 if param.high is None else param.high
    if kind is int:
        return some.integers(math.ceil(low), math.floor(high))
    return some.floats(low, high, allow_nan=False)


def params_of(record) -> some.SearchStrategy:
    """A table with some of a record's parameters."""
    return some.fixed_dictionaries({}, optional={param.name: values_of(param) for param in record.params})


def shares(classes: int) -> some.SearchStrategy:
    """Class shares that sum to 1, none of them tiny."""
    parts = some.lists(some.integers(1, 99), min_size=classes, max_size=classes)
    return parts.map(lambda counts: tuple(count / sum(counts) for count in counts))


CLASS_NAMES = some.text(some.characters(exclude_categories=("Cs",)), max_size=8)


@some.composite
def data_specs(draw) -> DataSpec:
    """Any source, a file included, with parameters that fit together."""
    source = SOURCES[draw(some.sampled_from(list(SOURCES)))]
    params = dict(draw(params_of(source)))
    if source.key == "upload":
        params["classes"] = tuple(draw(some.lists(CLASS_NAMES, min_size=2, max_size=5, unique=True)))
    if "priors" in params:
        default = next(param.default for param in source.params if param.name == "priors")
        params["priors"] = draw(shares(len(default) if len(default) == 2 else draw(some.integers(2, 6))))
    if source.key == "labels":
        params = {key: value for key, value in params.items() if key not in ("names", "counts")}
        counts = draw(some.lists(some.integers(10, 1000), min_size=2, max_size=5))
        params["counts"] = tuple(counts)
        names = some.lists(
            some.text(some.characters(exclude_categories=("Cs",)), max_size=8),
            min_size=len(counts),
            max_size=len(counts),
            unique=True,
        )
        if draw(some.booleans()):
            params["names"] = tuple(draw(names))
    resample = draw(some.booleans()) and source.kind == "recipe"
    return DataSpec(source.key, params, seed=draw(some.integers(0, 2**20)), resample=resample)


NAMES = some.text(some.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40).filter(
    lambda name: 1 <= len(name.strip()) <= 40
)


@some.composite
def strategies_of(draw, spec: DataSpec, name: str) -> Strategy:
    """A strategy whose every part fits the data."""
    source = SOURCES[spec.source]
    classes, task = len(source.classes(spec.params)), source.task_of(spec.params)
    chosen: dict = {"name": name}
    for key_field, (params_field, registry) in Strategy.PARTS.items():
        fitting = [record for record in registry.values() if task in getattr(record, "tasks", (task,))]
        record = draw(some.sampled_from(fitting))
        params = dict(draw(params_of(record)))
        if "ignore_index" in params:
            params["ignore_index"] = draw(some.sampled_from([-100, *range(classes)]))
        if "weights" in [param.name for param in record.params]:
            params["weights"] = tuple(draw(some.lists(some.floats(0, 1e6), min_size=classes, max_size=classes).filter(any)))
        if "thresholds" in params:
            each = some.lists(some.floats(0.0001, 0.9999), min_size=classes, max_size=classes)
            params["thresholds"] = tuple(draw(each)) if draw(some.booleans()) else params["thresholds"][:1]
        chosen |= {key_field: record.key, params_field: params}
    overrides = {param.name: values_of(param) for param in Training.FIELDS if param.name not in Training.SHARED}
    chosen["overrides"] = draw(some.fixed_dictionaries({}, optional=overrides))
    return Strategy(**chosen, weights_from_epoch=draw(some.integers(0, 10)), sample_weight=draw(some.booleans()))


@some.composite
def experiments(draw) -> Experiment:
    """Any experiment that the registries allow, over all of them."""
    spec = draw(data_specs())
    names = draw(some.lists(NAMES, min_size=1, max_size=3, unique_by=str.strip))
    task = SOURCES[spec.source].task_of(spec.params)
    model = MODELS[draw(some.sampled_from([key for key, record in MODELS.items() if task in record.tasks]))]
    settings = {p.name: values_of(p) for p in Training.FIELDS}
    settings["lr_grid"] = settings["lr_grid"].filter(lambda rates: len(set(rates)) == len(rates))
    return Experiment(
        strategies=tuple(draw(strategies_of(spec, name)) for name in names),
        data=spec,
        model=ModelSpec(model.key, draw(params_of(model)), draw(some.sampled_from(["default", "log_prior"]))),
        training=Training(**draw(some.fixed_dictionaries({}, optional=settings))),
        seeds=tuple(draw(some.lists(some.integers(0, 2**31 - 1 - 2**20), min_size=1, max_size=4, unique=True))),
    )
