"""The registry of ready experiments with a story."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lib.experiment import Experiment
from lib.registry import Param, Registry


@dataclass(frozen=True)
class Scenario:
    """`story`: three sentences; `look_at`: where the answer is to be seen; `function() -> Experiment`."""

    key: str
    label: str
    story: str
    look_at: str
    source: str
    function: Callable[[], Experiment]
    params: tuple[Param, ...] = ()

    @property
    def experiment(self) -> Experiment:
        return self.function()


SCENARIOS: Registry[Scenario] = Registry("scenario")


def scenario(**fields: Any) -> Callable[[Callable[[], Experiment]], Callable[[], Experiment]]:
    """Decorator: register the function below as a scenario with these fields."""

    def register(function: Callable[[], Experiment]) -> Callable[[], Experiment]:
        SCENARIOS.add(Scenario(function=function, **fields))
        return function

    return register
