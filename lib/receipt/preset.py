"""The registry of ready receipts: a batch, the question it answers, and perhaps code as somebody wrote it, run as it stands."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from lib.receipt.batch import Batch
from lib.registry import Param, Registry


@dataclass(frozen=True)
class Preset:
    """`function() -> Batch`; `asks` is the question, `answer` the sentence that answers it.

    `printed` is code as it was published or asked about: what is shown is its source, and what it gives is found by
    running it.
    """

    key: str
    label: str
    asks: str
    answer: str
    function: Callable[[], Batch]
    printed: Callable[[], Tensor] | None = None
    params: tuple[Param, ...] = ()

    @cached_property
    def batch(self) -> Batch:
        return self.function()

    @property
    def code(self) -> str:
        """The source of `printed`."""
        return textwrap.dedent(inspect.getsource(self.printed)).strip() if self.printed else ""

    def run(self) -> str:
        """What the printed code gives: its number, or torch's error, verbatim."""
        if self.printed is None:
            return ""
        try:
            return ", ".join(f"{value:.5g}" for value in self.printed().flatten().tolist())
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            return f"{type(error).__name__}: {error}"


PRESETS: Registry[Preset] = Registry("preset")


def preset(**fields: Any) -> Callable[[Callable[[], Batch]], Callable[[], Batch]]:
    """Decorator: register the function below as a preset with these fields."""

    def register(function: Callable[[], Batch]) -> Callable[[], Batch]:
        PRESETS.add(Preset(function=function, **fields))
        return function

    return register
