"""Text of Python programs: what a piece of code names, which functions of ours it must take along, and its imports."""

import ast
import builtins
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import GenericAlias, ModuleType
from typing import Any

IMPORTS = {
    "hashlib": ("", "hashlib"), "io": ("", "io"), "math": ("", "math"), "islice": ("itertools", "islice"),
    "NDArray": ("numpy.typing", "NDArray"), "Path": ("pathlib", "Path"),
    "pd": ("", "pandas as pd"), "np": ("", "numpy as np"), "torch": ("", "torch"),
    "nn": ("torch", "nn"), "F": ("torch.nn", "functional as F"),
    "load_digits": ("sklearn.datasets", "load_digits"), "load_breast_cancer": ("sklearn.datasets", "load_breast_cancer"),
} | {
    name: ("torch.utils.data", name)
    for name in ("DataLoader", "RandomSampler", "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler")
}  # fmt: skip
IMPORTS |= {name: ("torch.nn.utils.rnn", name) for name in ("pack_padded_sequence", "pad_packed_sequence", "pad_sequence")}
THIRD_PARTY = ("numpy", "pandas", "sklearn", "torch")


@lru_cache(maxsize=512)
def named(code: str) -> frozenset[str]:
    """Names that a piece of code reads and neither makes itself nor gets as arguments nor finds in Python."""
    tree = ast.parse(textwrap.dedent(code))
    read: set[str] = set()
    made = set(dir(builtins))
    methods = {id(part) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for part in node.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and id(node) not in methods:
            made.add(node.name)
    return frozenset(read - made)


def made_at_top(code: str) -> set[str]:
    """Functions that a piece of code defines for all others."""
    return {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def companions(parts: Iterable[str], known: Mapping[str, Any]) -> tuple[list[str], set[tuple[str, str]]]:
    """What of ours some pieces of code name, as source, each before who needs it; and the imports of these sources.

    `known` are the global names where the code comes from. Names that it does not know are left to the reader of the code.
    """
    sources: dict[str, str] = {}
    seen: set[str] = set()
    imports: set[tuple[str, str]] = set()

    def visit(text: str, names: Mapping[str, Any]) -> None:
        for name in sorted(named(text) & set(names)):
            value = names[name]
            if name in seen or name in IMPORTS:
                continue
            seen.add(name)
            if isinstance(value, ModuleType):
                imports.add(("", value.__name__ if value.__name__ == name else f"{value.__name__} as {name}"))
            elif isinstance(value, GenericAlias):  # a type with its element type, for annotations
                sources[name] = f"{name} = np.ndarray"
            elif not callable(value):
                sources[name] = f"{name} = {value!r}"
            elif value.__module__.startswith("lib."):
                own = inspect.getsource(value)
                visit(own, vars(inspect.getmodule(value)))
                sources[name] = own.rstrip()
            else:
                imports.add((value.__module__, name))

    parts = list(parts)
    own = set().union(*(made_at_top(part) for part in parts))
    for part in parts:
        visit(part, {name: value for name, value in known.items() if name not in own})
    return list(sources.values()), imports


def import_lines(code: str, more: set[tuple[str, str]]) -> str:
    """The import statements of a program: Python's own first, then the others."""
    wanted = {IMPORTS[name] for name in named(code) if name in IMPORTS} | more

    def lines(theirs: bool) -> Iterator[str]:
        chosen = [(module, name) for module, name in wanted if (module or name).split(".")[0].split()[0] in THIRD_PARTY]
        group = chosen if theirs else [pair for pair in wanted if pair not in chosen]
        yield from sorted(f"import {name}" for module, name in group if not module)
        for origin in sorted({module for module, _ in group if module}):
            yield f"from {origin} import {', '.join(sorted(name for module, name in group if module == origin))}"

    return "\n\n".join("\n".join(block) for block in (list(lines(False)), list(lines(True))) if block)


def indented(code: str, levels: int) -> str:
    """Code moved in by so many levels, without blank lines at its ends."""
    return textwrap.indent(code.strip("\n"), "    " * levels)


def comment(text: str, longest: int = 100) -> str:
    """A stranger's text for use in a comment: one line of printable characters."""
    flat = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r" +", " ", flat).strip()[:longest]
