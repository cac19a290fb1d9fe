"""Hostile input in a reduced form: 300 of each kind against `lib`, 12 through the pages.

The full form is `python -m tests.benchmarks fuzz`.
"""

import os
import pickle
import socket
from collections.abc import Iterator

import pytest

from lib import memory
from tests.benchmarks import fuzz
from tests.fuzz.drive import KINDS, drive
from tests.fuzz.pages import through_pages
from tests.fuzz.watch import Tally, attempt


@pytest.fixture(autouse=True)
def as_in_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, fuzz.BUDGET)


@pytest.mark.parametrize("kind", KINDS)
def test_every_input_is_answered_or_refused_in_a_sentence(kind: str) -> None:
    tally = drive(kind, 300)
    assert not tally.unhandled
    assert tally.inputs == 300
    assert 15 <= tally.answered <= 285  # neither all sound nor all hopeless
    assert len(tally.refused) >= 4


def test_pages_show_no_exception_and_keep_what_was_there() -> None:
    tally = through_pages(12)
    assert not tally.unhandled
    assert tally.inputs == 12


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.mark.parametrize(
    ("does", "seen"),
    [
        (lambda: os.system("true"), "os.system"),
        (lambda: eval("1 + 1"), "exec"),
        (lambda: pickle.loads(pickle.dumps(Bomb())), "pickle.find_class"),
        (lambda: open("/etc/hostname"), "open"),
        (lambda: socket.socket(), "socket.__new__"),
        (lambda: {}["x"], "KeyError"),
        (lambda: "\ud800".encode(), "UnicodeEncodeError"),
    ],
    ids=["system", "eval", "pickle", "open", "socket", "KeyError", "half a character"],
)
def test_the_watch_sees_what_no_input_may_do(does, seen: str) -> None:
    tally = Tally()

    def read() -> Iterator[str]:
        try:
            does()
        except RuntimeError:  # as a careless reader would
            pass
        yield "well"

    attempt(tally, lambda: "shown", read)
    assert len(tally.unhandled) == 1 and seen in tally.unhandled[0]


@pytest.mark.parametrize("said", ["", "bad", "x" * 5000, "half a character \ud800", "<object at 0x7f> is bad input"])
def test_a_refusal_is_a_sentence_that_can_be_shown(said: str) -> None:
    tally = Tally()

    def read() -> Iterator[str]:
        raise ValueError(said)
        yield

    attempt(tally, lambda: "shown", read)
    assert len(tally.unhandled) == 1


def test_fuzz_has_its_keys() -> None:
    result = fuzz.run(count=100, pages=2)
    assert {"inputs", "unhandled", "worst_s", "peak_mb", "uploads", "links", "texts", "pastes", "pages"} <= set(result)
    assert result["unhandled"] == 0
    assert "2 " in fuzz.text(result) and "resident peak" in fuzz.text(result)
