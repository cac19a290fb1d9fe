"""The registry of datasets that can be made from settings alone: recipes and bundled sets. One block each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from lib.data.dataset import Dataset, Task
from lib.registry import Param, Params, Registry

Asked = Literal["exclusive", "multilabel", "sequence"]


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    `task` is how the rows are asked: one class of several, several yes/no questions, or a yes/no for each step of a series.

    `function(*, seed, **params) -> Dataset`. `classes(params)` gives the class names without drawing a row, so that an
    impossible pair (BCE on ten classes) is refused before any work. `means(params)` [C, D] are the class means of recipes
    whose classes are unit Gaussians: for them closed forms exist.
    `code(params)` draws the same rows in plain PyTorch: it defines `draw(y, g)` (targets, generator -> features) of a recipe
    whose splits have `drawn` rows of each class, else `load_data(seed)`, which returns training, validation and test: (x, y)
    with x in `DTYPE` and y int64, of series (x, y, mask); (x, y, sample weight) of training rows that have one.
    Functions of lib that it names travel with it. None: the rows come from a file.
    """

    key: str
    label: str
    kind: Literal["recipe", "bundled", "upload"]
    summary: str
    formula: str
    source: str
    task: Asked | Callable[[Params], Asked]
    params: tuple[Param, ...]
    classes: Callable[[Params], tuple[str, ...]]
    function: Callable[..., Dataset]
    means: Callable[[Params], Tensor] | None = None
    code: Callable[[Params], str] | None = None

    def task_of(self, params: Params) -> Task:
        """The task; classes that exclude each other are `binary` when there are two of them."""
        asked = self.task(params) if callable(self.task) else self.task
        if asked == "exclusive":
            return "binary" if len(self.classes(params)) == 2 else "multiclass"
        return asked


SOURCES: Registry[Source] = Registry("data source", context=("seed",))


def source(**fields: Any) -> Callable[[Callable[..., Dataset]], Callable[..., Dataset]]:
    """Decorator: register the function below as a source with these fields."""

    def register(function: Callable[..., Dataset]) -> Callable[..., Dataset]:
        SOURCES.add(Source(function=function, **fields))
        return function

    return register
