"""The registries of the Field guide: mistakes that run (`PITFALLS`) and words (`WORDS`).

A sentence holds no number of its own: `{wrong[loss]:.3f}` and `{right[loss]:.3f}` come from the variables of the two runs.
The function below a block is its claim about them; the page says so where a torch does not bear it out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from lib.pitfalls.snippet import Ran, run, whole
from lib.registry import Param, Registry

LossName = Literal["CrossEntropyLoss", "BCEWithLogitsLoss", "BCELoss", "focal", "any"]
PageName = Literal["compare", "decisions", "data", "dial", "receipt", "guide"]
Claim = Callable[[Ran, Ran], bool]

CRITERIA = ("cross_entropy", "bce_with_logits")  # as lib/losses names them
ON_RECEIPT = ("logits", "probabilities", "targets", "weight", "pos_weight", "label_smoothing", "ignore_index", "reduction")


@dataclass(frozen=True)
class See:
    """Where it can be seen: a page, and what stands there.

    `preset`, for compare, decisions, data and dial: the key of a scenario. For guide: a preset of the shape lab. For
    receipt: one of `CRITERIA`, on the tensors of the card's own right code (`Pitfall.batch`), or a preset of the receipt.
    """

    page: PageName
    preset: str
    text: str


@dataclass(frozen=True)
class Pitfall:
    """A confusion: the question, the code that goes wrong and the code that does not, and one sentence why.

    `threads` are where people asked: `owner/name#1`, `discuss 1`, `arXiv 1`, or plain words where the place is not clear.
    `recorded`: the output of `wrong` as somebody's machine gave it, for code that needs hardware; it is not run here.
    """

    key: str
    label: str
    losses: tuple[LossName, ...]
    wrong: str
    right: str
    why: str
    threads: tuple[str, ...]
    see: tuple[See, ...]
    function: Claim
    recorded: str = ""
    params: tuple[Param, ...] = ()

    @property
    def theme(self) -> str:
        """The file in which the block stands."""
        return self.function.__module__.rpartition(".")[2]

    def runs(self) -> tuple[Ran, Ran]:
        """The wrong and the right code, run (once per process)."""
        wrong = Ran("", self.recorded, {}) if self.recorded else run(self.wrong)
        return wrong, run(self.right)

    def sentence(self) -> str:
        """Why, with the numbers of the runs. Raises KeyError when a run no longer has a variable that it names."""
        wrong, right = self.runs()
        return self.why.format(wrong=wrong, right=right)

    def holds(self) -> bool:
        """Whether the installed torch bears the claim out."""
        wrong, right = self.runs()
        try:
            return self.function(wrong, right)
        except KeyError:  # a run that ended early
            return False

    def batch(self) -> Mapping[str, Any]:
        """What a receipt of this card's right code starts with: its tensors as lists, its numbers as they are."""
        _, right = self.runs()
        found = {name: right.names[name] for name in ON_RECEIPT if name in right.names}
        return {name: value.tolist() if isinstance(value, Tensor) else value for name, value in found.items()}


@dataclass(frozen=True)
class Word:
    """A word of the field: what it means, in one sentence and in code that runs."""

    key: str
    label: str
    code: str
    why: str
    function: Callable[[Ran], bool]
    losses: tuple[LossName, ...] = ("any",)
    params: tuple[Param, ...] = ()

    def run(self) -> Ran:
        return run(self.code)

    def sentence(self) -> str:
        return self.why.format(run=self.run())


PITFALLS: Registry[Pitfall] = Registry("pitfall")
WORDS: Registry[Word] = Registry("word")


def pitfall(*, wrong: str, right: str, **fields: Any) -> Callable[[Claim], Claim]:
    """Decorator: register the claim below as a pitfall with these fields."""

    def register(function: Claim) -> Claim:
        PITFALLS.add(Pitfall(wrong=whole(wrong), right=whole(right), function=function, **fields))
        return function

    return register


def word(*, code: str, **fields: Any) -> Callable[[Callable[[Ran], bool]], Callable[[Ran], bool]]:
    """Decorator: register the claim below as a word with these fields."""

    def register(function: Callable[[Ran], bool]) -> Callable[[Ran], bool]:
        WORDS.add(Word(code=whole(code), function=function, **fields))
        return function

    return register


ADDRESSES = (
    (re.compile(r"([\w.-]+/[\w.-]+)#(\d+)"), r"https://github.com/\1/issues/\2"),  # GitHub sends pull requests on
    (re.compile(r"discuss (\d+)"), r"https://discuss.pytorch.org/t/\1"),
    (re.compile(r"arXiv (\d{4}\.\d{5})"), r"https://arxiv.org/abs/\1"),
)


def address(thread: str) -> str | None:
    """The public address of a thread; None where its name alone does not give one."""
    for pattern, url in ADDRESSES:
        if found := pattern.fullmatch(thread):
            return found.expand(url)
    return None


def search(text: str, loss: str | None = None) -> list[Pitfall]:
    """The pitfalls that hold every word of a search text, in question, sentence, code, theme or thread, and fit a loss."""
    words = text[:200].lower().split()
    return [p for p in PITFALLS.values() if loss in (None, *p.losses) and all(w in _searched(p) for w in words)]


def search_words(text: str, loss: str | None = None) -> list[Word]:
    """As `search`, in the glossary."""
    parts = text[:200].lower().split()
    found = [word for word in WORDS.values() if loss in (None, *word.losses)]
    return [word for word in found if all(part in f"{word.label} {word.why}".lower() for part in parts)]


def _searched(found: Pitfall) -> str:
    return " ".join((found.key, found.label, found.why, found.wrong, found.right, found.theme, *found.threads)).lower()
