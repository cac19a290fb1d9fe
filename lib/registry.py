"""A choice and its numbers, declared once.

A loss, scheme, sampler, decision, recipe or model is one frozen record in one `Registry`; each number that it takes is one
`Param`. From the pair come the widget, the validation, the JSON and URL fields, the exported code and the contract tests.
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

LARGEST = sys.float_info.max
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # also in full width
MAX_JSON = 200_000  # characters of a stranger's JSON or link that are looked at
Value = bool | int | float | str | None | tuple[Any, ...]


def brief(value: object, length: int = 60) -> str:
    """`repr` of something that a stranger sent, short enough for a message."""
    try:
        text = repr(value) if not isinstance(value, str) or len(value) <= length else repr(value[:length])[:-1] + "…'"
    except (RecursionError, ValueError):  # nested too deep; a whole number of more than 4300 digits
        text = f"{type(value).__name__} too large to show"
    return text if len(text) <= length + 3 else text[:length] + "…"


def inert_cell(text: str) -> str:
    """A stranger's text as a cell of a table: spreadsheets take = + - @, a tab or a line break in front for a formula.

    Such text gets an apostrophe before it.
    """
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


@dataclass(frozen=True)
class Param:
    """One number (or switch, choice, list) of a record.

    The type is that of `default`; a default of None means "a number, or left out". For a tuple, `low`, `high` and the
    element type (`item`) hold for each element and `length` bounds how many there are.
    """

    name: str
    symbol: str
    default: Value
    low: float | None = None
    high: float | None = None
    step: float | None = None
    help: str = ""
    choices: tuple[str, ...] = ()
    length: tuple[int, int] = (0, 100)
    item: type = float

    def check(self, value: object) -> Value:
        """The value in its declared type. Raises ValueError that says what was expected and what came."""
        if value is None and self.default is None:
            return None
        if isinstance(self.default, tuple):
            return self._check_tuple(value)
        kind = float if self.default is None else type(self.default)
        return self._check_one(value, kind)

    def write(self, value: Value) -> str:
        """A checked value as the text of a URL field."""
        if isinstance(value, tuple):
            return json.dumps(value, ensure_ascii=False) if self.item is str else ",".join(map(str, value))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def read(self, text: str) -> Value:
        """The checked value of a URL field. Raises ValueError as `check` does."""
        if isinstance(self.default, str):
            return self.check(text)
        if isinstance(self.default, bool):
            return self.check({"true": True, "false": False}.get(text, text))
        if not isinstance(self.default, tuple):
            return self.check(_number(text))
        if self.item is not str:
            return self.check([_number(part) for part in text.split(",")] if text else [])
        try:
            parsed = json.loads(text)
        except (RecursionError, ValueError):
            raise ValueError(f"{self.name} must be a list of texts as JSON, got {brief(text)}.") from None
        return self.check(parsed)

    def _check_tuple(self, value: object) -> tuple[Any, ...]:
        low, high = self.length
        if not isinstance(value, list | tuple) or not low <= len(value) <= high:
            came = f"{len(value)} values" if isinstance(value, list | tuple) else brief(value)
            raise ValueError(f"{self.name} must be a list of {low} to {high} values, got {came}.")
        return tuple(self._check_one(element, self.item) for element in value)

    def _check_one(self, value: object, kind: type) -> Any:
        if kind is bool:
            if not isinstance(value, bool):
                raise ValueError(f"{self.name} must be true or false, got {brief(value)}.")
            return value
        if kind is str:
            return self._check_text(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:  # NaN is neither
            raise ValueError(f"{self.name} must be a number{self._range()}, got {brief(value)}.")
        if kind is int and value != int(value):
            raise ValueError(f"{self.name} must be a whole number{self._range()}, got {brief(value)}.")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise ValueError(f"{self.name} must be{self._range() or ' a number'}, got {value:g}.")
        return kind(value)

    def _check_text(self, value: object) -> str:
        if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):  # half a character
            raise ValueError(f"{self.name} must be text, got {brief(value)}.")
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name} must be one of {', '.join(self.choices)}, got {brief(value)}.")
        if len(value) > (self.high or 200):
            raise ValueError(f"{self.name} must have at most {self.high or 200:g} characters, got {len(value)}.")
        return value

    def _range(self) -> str:
        if self.low is not None and self.high is not None:
            return f" in [{self.low:g}, {self.high:g}]"
        if self.low is not None:
            return f" of at least {self.low:g}"
        return f" of at most {self.high:g}" if self.high is not None else ""


def _number(text: str) -> object:
    """The number that a text spells, or the text itself for `check` to refuse."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


class Params(Mapping[str, Any]):
    """The checked values of a record's parameters: complete, immutable, hashable."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._values.items(), key=lambda pair: pair[0])))

    def __repr__(self) -> str:
        return f"Params({self._values!r})"


def check_params(given: object, declared: tuple[Param, ...], owner: str) -> Params:
    """All declared parameters, given or default. Raises ValueError that names `owner` and the offending parameter."""
    if not isinstance(given, Mapping):
        raise ValueError(f"The parameters of {owner} must be a table of names and values, got {brief(given)}.")
    names = [param.name for param in declared]
    for name in given:
        if name not in names:
            known = f"it takes {', '.join(names)}" if names else "it takes none"
            raise ValueError(f"{owner} has no parameter {brief(name)}; {known}.")
    try:
        return Params({p.name: p.check(given[p.name]) if p.name in given else p.default for p in declared})
    except ValueError as error:
        raise ValueError(f"{owner}: {error}") from None


def read_json(text: str, what: str) -> object:
    """JSON of a stranger, meant as `what` ("an experiment"). Raises ValueError: no JSON, too long, or a key is there twice."""
    if len(text) > MAX_JSON:
        raise ValueError(f"{what[0].upper()}{what[1:]} has at most {MAX_JSON} characters, got {len(text)}.")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"This is not JSON ({brief(str(error), 100)}); expected {what} as the app exports it.") from None


def check_table(raw: object, known: Sequence[str], where: str) -> Mapping[str, Any]:
    """A table whose keys are all known. Raises ValueError that names `where` and the key."""
    if not isinstance(raw, Mapping):
        raise ValueError(f"{where} must be a table of names and values, got {brief(raw)}.")
    for key in raw:
        if key not in known:
            raise ValueError(f"{where} has no field {brief(key)}; the fields are {', '.join(known)}.")
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys differ: of two equal ones a reader could take either."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"{brief(next(key for key in names if names.count(key) > 1))} is there twice")
    return table


class Record(Protocol):
    """What every registered choice has."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def params(self) -> tuple[Param, ...]: ...
    @property
    def function(self) -> Callable[..., Any]: ...


R = TypeVar("R", bound=Record)


class Registry(Mapping[str, R], Generic[R]):
    """Records by key, in the order of registration.

    `context` are the keyword arguments that the program, not the visitor, supplies to a record's function.
    """

    def __init__(self, word: str, context: tuple[str, ...] = ()) -> None:
        self.word = word
        self.context = context
        self._records: dict[str, R] = {}

    def add(self, record: R) -> R:
        """Register. Raises TypeError when the function's keyword arguments and the declared parameters disagree."""
        if record.key in self._records or not re.fullmatch(r"[a-z][a-z0-9_]*", record.key):
            raise TypeError(f"{self.word} key {record.key!r} is taken or not in snake_case.")
        accepted = set(keyword_names(record.function)) - set(self.context)
        declared = {param.name for param in record.params}
        if accepted != declared:
            raise TypeError(f"{self.word} {record.key!r}: declares {sorted(declared)}, its function takes {sorted(accepted)}.")
        self._records[record.key] = record
        return record

    def pick(self, key: object) -> R:
        """The record of a key that a visitor sent. Raises ValueError that lists the choices."""
        if not isinstance(key, str) or key not in self._records:
            raise ValueError(f"Unknown {self.word} {brief(key)}; choose one of {', '.join(self._records)}.")
        return self._records[key]

    def __getitem__(self, key: str) -> R:
        return self._records[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


def keyword_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of the keyword-only arguments of a function."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)
