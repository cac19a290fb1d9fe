"""One hostile input, watched: what it may come to, how long it took, and what it tried to do to this machine.

An input is answered with a result, or refused with a ValueError in a sentence. While it is looked at nothing may be executed,
opened, written, unpickled or fetched: Python's audit events say so. A hook cannot be taken off again; outside `attempt` it
does nothing.
"""

import ast
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

LONGEST_SAID = 1000  # characters of a refusal, and of a notice
FORBIDDEN = ("exec", "open", "os.", "subprocess.", "socket.", "pickle.", "shutil.", "urllib.", "ctypes.dlopen", "webbrowser.")
_watched = threading.local()


class Escaped(BaseException):
    """The input had something done that no input may. Not an Exception: nobody on the way may swallow it."""


@dataclass
class Tally:
    """What came of the inputs of one kind."""

    inputs: int = 0
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by the first words of the refusal
    unhandled: list[str] = field(default_factory=list)
    worst_s: float = 0.0
    worst: str = ""


def attempt(tally: Tally, shown: Callable[[], str], read: Callable[[], Iterable[str]]) -> None:
    """Count what comes of `read`, which gives the texts that a visitor would be shown. `shown` describes the input."""
    tally.inputs += 1
    start = time.perf_counter()
    wrong = ""
    _watched.on = True
    try:
        texts = list(read())
        tally.answered += 1
        wrong = next(filter(None, map(unfit, texts)), "")
    except ValueError as error:
        wrong = unfit_refusal(error)
        tally.refused[str(error)[:24]] += 1
    except (Exception, Escaped) as error:
        wrong = f"{type(error).__name__}: {error}"
    finally:
        _watched.on = False
    taken = time.perf_counter() - start
    if wrong:
        tally.unhandled.append(f"{wrong[:400]} <- {shown()[:400]}")
    if taken > tally.worst_s:
        tally.worst_s, tally.worst = taken, shown()[:200]


def unfit(text: str) -> str:
    """Why a text cannot be shown: too long, or not to be written as UTF-8. Empty when it can."""
    if len(text) > LONGEST_SAID:
        return f"{len(text)} characters to show: {text[:80]}"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"half a character to show: {text[:80]!r}"
    return ""


def unfit_refusal(error: ValueError) -> str:
    """Why a refusal is none: of another type, without a sentence, or unfit to be shown. Empty when it is one."""
    said = str(error)
    if type(error) is not ValueError:
        return f"{type(error).__name__}: {said}"
    if len(said) < 15 or " " not in said or "Traceback" in said or "object at 0x" in said:
        return f"no sentence: {said!r}"
    return unfit(said)


def check_code(text: str) -> None:
    """Exported code is Python, whatever strangers called their classes. It is parsed, never run."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise AssertionError(f"the exported code does not parse: {error}") from None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not getattr(_watched, "on", False) or not event.startswith(FORBIDDEN) or _importing():
        return
    if event == "open" and str(arguments[0]).endswith(".py") and arguments[1] in ("r", "rb"):
        return  # the source of our own functions, which an exported script contains
    _watched.on = False
    raise Escaped(f"{event} {arguments!r}"[:300])


def _importing() -> bool:
    """Whether a module of the program is being imported, late but not because of what the input says."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


sys.addaudithook(_hook)
