"""The experiment: the one thing that is shared. Frozen, hashable, checked; as JSON (format 1) and as a URL query.

What a stranger sent is refused by name where it does not fit. What is left out takes its default, and defaults are left
out again, so that a parameter added later changes no old link and no old fingerprint.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from lib.data import SOURCES, Task
from lib.losses import LOSSES
from lib.registry import MAX_JSON, Param, Params, Registry, brief, check_table, read_json
from lib.sequence_models import MODELS
from lib.strategy import NO_PARAMS, Parts, Strategy, Training, check_fit, check_name, complete, rates

__all__ = [
    "DataSpec",
    "Experiment",
    "ModelSpec",
    "Strategy",
    "Training",
    "check_fit",
    "check_model",
    "check_name",
    "fitting_model",
]

FORMAT = 1
MAX_STRATEGIES = 64
LARGEST_SEED = 2**31 - 1
SEEDS = Param("seeds", "", (0,), 0, LARGEST_SEED, help="Initial weights and batch order.", length=(1, 100), item=int)


@dataclass(frozen=True)
class DataSpec:
    """Which rows: a recipe, a bundled set, or an upload that is named but does not travel."""

    source: str = "gaussians"
    params: Params = NO_PARAMS
    seed: int = 0
    resample: bool = False

    PARTS: ClassVar[Parts] = {"source": ("params", SOURCES)}
    FIELDS: ClassVar[tuple[Param, ...]] = (
        Param("seed", "", 0, 0, LARGEST_SEED, 1, help="Makes the draw and the split."),
        Param("resample", "", False, help="Draw fresh data for each seed, so that intervals carry sampling noise too."),
    )

    def __post_init__(self) -> None:
        complete(self, "data")
        if self.resample and SOURCES[self.source].kind != "recipe":
            raise ValueError(f"data: resample draws fresh data per seed, which only recipes can; {self.source} is not one.")


@dataclass(frozen=True)
class ModelSpec:
    name: str = "mlp"
    params: Params = NO_PARAMS
    bias_init: str = "default"

    PARTS: ClassVar[Parts] = {"name": ("params", MODELS)}
    FIELDS: ClassVar[tuple[Param, ...]] = (
        Param("bias_init", "b", "default", choices=("default", "log_prior"),
              help="Start of the output bias: torch's random one, or the log of the class shares."),
    )  # fmt: skip

    def __post_init__(self) -> None:
        complete(self, "model")


def check_model(model: ModelSpec, task: Task) -> None:
    """Raises ValueError for a model that does not read this kind of data."""
    fitting = [key for key, record in MODELS.items() if task in record.tasks]
    if model.name not in fitting:
        raise ValueError(
            f"model {model.name} is for {' or '.join(MODELS[model.name].tasks)} targets, and these are {task}. "
            f"Choose one of {', '.join(fitting)}."
        )


def fitting_model(model: ModelSpec, task: Task) -> ModelSpec:
    """The model, or the first that reads this kind of data."""
    if task in MODELS[model.name].tasks:
        return model
    preferred = ModelSpec() if task in MODELS[ModelSpec().name].tasks else None
    return preferred or ModelSpec(next(key for key, record in MODELS.items() if task in record.tasks))


@dataclass(frozen=True)
class Experiment:
    """data + model + training settings + strategies + seeds."""

    strategies: tuple[Strategy, ...]
    data: DataSpec = DataSpec()
    model: ModelSpec = ModelSpec()
    training: Training = Training()
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        if not 1 <= len(self.strategies) <= MAX_STRATEGIES:
            raise ValueError(f"An experiment has 1 to {MAX_STRATEGIES} strategies, got {len(self.strategies)}.")
        names = [strategy.name for strategy in self.strategies]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"Names of strategies must differ; {brief(twice)} is there twice. Rename one.")
        object.__setattr__(self, "seeds", SEEDS.check(self.seeds))
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must differ from each other, got {brief(list(self.seeds))}.")
        if self.data.resample:  # seed s draws with data.seed + s
            largest = self.data.seed + max(self.seeds)
            if largest > LARGEST_SEED:
                raise ValueError(f"data: with resample, data.seed + seed must be at most {LARGEST_SEED}, got {largest}.")
        tried = sum(len(rates(strategy, self.training)) for strategy in self.strategies)
        if tried > MAX_STRATEGIES:
            raise ValueError(
                f"Fair tuning would train {tried} combinations of strategy and learning rate; at most {MAX_STRATEGIES} train "
                "together. Take fewer learning rates or strategies."
            )
        source = SOURCES[self.data.source]
        if classes := source.classes(self.data.params):  # of an upload they are known once its columns are chosen
            task = source.task_of(self.data.params)
            check_fit(self.strategies, task, len(classes))
            check_model(self.model, task)

    @classmethod
    def from_dict(cls, raw: object) -> "Experiment":
        """A checked experiment. Raises ValueError that names the unknown key, the range or the impossible pair."""
        table = check_table(raw, ("format", *(f.name for f in dataclasses.fields(cls))), "The experiment")
        if type(table.get("format", FORMAT)) is not int or table.get("format", FORMAT) != FORMAT:
            raise ValueError(f"This program reads format {FORMAT}, got format {brief(table['format'])}.")
        strategies = table.get("strategies")
        if not isinstance(strategies, list) or len(strategies) > MAX_STRATEGIES:
            raise ValueError(f"strategies must be a list of 1 to {MAX_STRATEGIES} strategies, got {brief(strategies)}.")
        data = _build(DataSpec, table.get("data", {}), "data")
        task = SOURCES[data.source].task_of(data.params)
        strategies = [_fitting(strategy, "loss", LOSSES, task) for strategy in strategies]
        return cls(
            strategies=tuple(_build(Strategy, strategy, "A strategy") for strategy in strategies),
            data=data,
            model=_build(ModelSpec, _fitting(table.get("model", {}), "name", MODELS, task), "model"),
            training=_build(Training, table.get("training", {}), "training"),
            seeds=table.get("seeds", (0,)),
        )

    @classmethod
    def from_json(cls, text: str) -> "Experiment":
        """As `from_dict`, from text that a stranger sent."""
        return cls.from_dict(read_json(text, "an experiment"))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, defaults left out; `from_dict` gives the same experiment back."""
        return {
            "format": FORMAT,
            "data": {"source": self.data.source} | _changed(self.data),
            "model": {"name": self.model.name} | _changed(self.model),
            "strategies": [{"name": strategy.name} | _changed(strategy) for strategy in self.strategies],
            "training": _changed(self.training),
            "seeds": list(self.seeds),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)

    def to_query(self) -> dict[str, str]:
        """The experiment as URL fields: readable, non-default fields only. `s1` is the first strategy's name."""
        query = _written(self.data, "data") | _written(self.model, "model") | _written(self.training, "training")
        for number, strategy in enumerate(self.strategies, start=1):
            query |= {f"s{number}": strategy.name} | _written(strategy, f"s{number}")
        return query | ({"seeds": SEEDS.write(self.seeds)} if self.seeds != SEEDS.default else {})

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Experiment":
        """The experiment of a URL's fields. Raises ValueError that names the field."""
        if sum(len(key) + len(text) for key, text in query.items()) > MAX_JSON:
            raise ValueError(f"A link has at most {MAX_JSON} characters; this one has more.")
        left = dict(query)
        raw: dict[str, Any] = {
            "data": _read(DataSpec, left, "data"),
            "model": _read(ModelSpec, left, "model"),
            "training": _read(Training, left, "training"),
            "seeds": SEEDS.read(left.pop("seeds", "0")),
            "strategies": [],
        }
        while (prefix := f"s{len(raw['strategies']) + 1}") in left:
            raw["strategies"].append({"name": left.pop(prefix)} | _read(Strategy, left, prefix))
        if left:
            raise ValueError(f"The link has a field {brief(next(iter(left)))} that this program does not know.")
        return cls.from_dict(raw)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the canonical JSON without display names."""
        plain = self.to_dict()
        for strategy in plain["strategies"]:
            del strategy["name"]
        return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def run_fingerprint(self, strategy: Strategy, seed: int) -> str:
        """Identifies one run: it trains the same whatever stands beside it in the comparison.

        With fair tuning its learning rate is chosen over all seeds together, so those are part of it.
        """
        alone = dataclasses.replace(self, strategies=(strategy,), seeds=(seed,)).fingerprint
        if len(rates(strategy, self.training)) == 1:
            return alone
        return hashlib.sha256(f"{alone} {sorted(self.seeds)}".encode()).hexdigest()


S = TypeVar("S", DataSpec, ModelSpec, Training, Strategy)


def _fitting(raw: object, field: str, registry: Registry[Any], task: Task) -> object:
    """A table that leaves a choice out, with the first choice that fits the task where the usual default does not."""
    first = next(key for key, record in registry.items() if task in record.tasks)
    default = {"loss": Strategy.loss, "name": ModelSpec.name}[field]
    if not isinstance(raw, Mapping) or field in raw or task in registry[default].tasks:
        return raw
    return {**raw, field: first}


def _build(cls: type[S], raw: object, where: str) -> S:
    """A checked value of one of the classes above, from a table of a stranger's."""
    table = check_table(raw, [f.name for f in dataclasses.fields(cls)], where)
    defaults = {"name": None} if cls is Strategy else {}
    return cls(**{**defaults, **table})


def _different(spec: Any, params_field: str, record: Any) -> list[tuple[Param, Any]]:
    values = getattr(spec, params_field)
    return [(param, values[param.name]) for param in record.params if values[param.name] != param.default]


def _changed(spec: DataSpec | ModelSpec | Training | Strategy) -> dict[str, Any]:
    """What is not a default, as plain data."""
    plain: dict[str, Any] = {}
    defaults = {f.name: f.default for f in dataclasses.fields(spec)}
    for key_field, (params_field, registry) in spec.PARTS.items():
        key = getattr(spec, key_field)
        if key != defaults[key_field]:
            plain[key_field] = key
        if different := _different(spec, params_field, registry[key]):
            plain[params_field] = {p.name: list(v) if isinstance(v, tuple) else v for p, v in different}
    changed = {p.name: getattr(spec, p.name) for p in spec.FIELDS if getattr(spec, p.name) != p.default}
    plain |= {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}
    return plain | ({"overrides": dict(spec.overrides)} if isinstance(spec, Strategy) and spec.overrides else {})


def _address(key_field: str, prefix: str) -> str:
    """Where a record's key stands in a URL: `data` for data.source, `model` for model.name, `s1.loss` for a loss."""
    return prefix if key_field in ("source", "name") else f"{prefix}.{key_field}"


def _written(spec: DataSpec | ModelSpec | Training | Strategy, prefix: str) -> dict[str, str]:
    """The URL fields of what is not a default."""
    query: dict[str, str] = {}
    defaults = {f.name: f.default for f in dataclasses.fields(spec)}
    for key_field, (params_field, registry) in spec.PARTS.items():
        key, address = getattr(spec, key_field), _address(key_field, prefix)
        if key != defaults[key_field]:
            query[address] = key
        query |= {f"{address}.{p.name}": p.write(v) for p, v in _different(spec, params_field, registry[key])}
    changed = [(p, getattr(spec, p.name)) for p in spec.FIELDS]
    query |= {f"{prefix}.{p.name}": p.write(value) for p, value in changed if value != p.default}
    if isinstance(spec, Strategy):
        query |= {
            f"{prefix}.training.{p.name}": p.write(spec.overrides[p.name]) for p in Training.FIELDS if p.name in spec.overrides
        }
    return query


def _read(cls: type[S], query: dict[str, str], prefix: str) -> dict[str, Any]:
    """Takes the URL fields of one value out of `query`, as plain data."""
    raw: dict[str, Any] = {}
    defaults = {f.name: f.default for f in dataclasses.fields(cls)}

    def take(params: Sequence[Param], start: str) -> dict[str, Any]:
        return {p.name: p.read(query.pop(f"{start}.{p.name}")) for p in params if f"{start}.{p.name}" in query}

    for key_field, (params_field, registry) in cls.PARTS.items():
        address = _address(key_field, prefix)
        named = address in query
        record = registry.pick(query.pop(address, defaults[key_field]))
        raw |= {params_field: take(record.params, address)} | ({key_field: record.key} if named else {})
    if cls is Strategy:
        raw["overrides"] = take(Training.FIELDS, f"{prefix}.training")
    return raw | take(cls.FIELDS, prefix)
