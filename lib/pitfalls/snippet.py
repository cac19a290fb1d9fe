"""Code that runs: constants of this project, each once per process. What a visitor types never gets here.

A snippet prints through a `print` of its own, because redirecting stdout would redirect that of every visitor, and draws
from a Generator of its own, because torch's global one belongs to everybody (a test reads every snippet for that).
"""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from textwrap import dedent
from types import MappingProxyType
from typing import Any

from torch import Tensor

IMPORTS = "import torch\nfrom torch import nn\n\n"
MODULES = ("torch", "math")  # what a snippet may import; below them anything
NAMES = (
    "ValueError __build_class__ abs bool dict enumerate float int len list max min range round set sorted str sum super "
    "tuple zip"
).split()
KEPT = (bool, int, float, str, list, tuple, dict, Tensor)


@dataclass(frozen=True, eq=False)
class Ran:
    """What a run left: the lines it printed, the error it ended in (or ""), and its variables, as `ran["loss"]`."""

    printed: str
    error: str
    names: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """A variable at the end of the run. Raises KeyError when the run ended before it was there."""
        return self.names[name]

    @property
    def output(self) -> str:
        """What a terminal would show, without the lines of a traceback that are not the error."""
        return "\n".join(part for part in (self.printed, self.error) if part)


def whole(code: str) -> str:
    """A snippet as it can be pasted: unindented, with the imports that all of them share."""
    return IMPORTS + dedent(code).strip()


@lru_cache(maxsize=256)  # there are fewer snippets than that
def run(code: str) -> Ran:
    """Run a whole snippet of ours, once per process. An error of it is part of the result."""
    lines: list[str] = []

    def written(*values: object, sep: str = " ") -> None:
        lines.append(sep.join(map(str, values)))

    namespace: dict[str, Any] = {"__name__": "snippet", "__builtins__": _builtins() | {"print": written}}
    error = ""
    try:
        exec(compile(code, "<snippet>", "exec"), namespace)  # a constant of lib/pitfalls, never a visitor's text
    except Exception as raised:  # torch's own words are what the card shows
        error = f"{type(raised).__name__}: {raised}"
    kept = {name: _kept(value) for name, value in namespace.items() if name[0] != "_" and isinstance(value, KEPT)}
    return Ran("\n".join(lines), error, MappingProxyType(kept))


def _kept(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _builtins() -> dict[str, Any]:
    return {name: getattr(builtins, name) for name in NAMES} | {"__import__": _import}


def _import(name: str, *args: Any, **kwargs: Any) -> Any:
    if name.partition(".")[0] not in MODULES:
        raise ImportError(f"A snippet may import {' and '.join(MODULES)}, got {name}.")
    return __import__(name, *args, **kwargs)
