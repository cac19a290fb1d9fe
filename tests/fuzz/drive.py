"""Generated inputs by the thousand: Hypothesis draws them, and the same ones each time."""

import itertools
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some

from tests.data.hostile import HOSTILE
from tests.fuzz.texts import LINKS, TEXTS, try_link, try_text
from tests.fuzz.uploads import PASTES, UPLOADS, try_paste, try_upload
from tests.fuzz.watch import Tally

KINDS: dict[str, tuple[some.SearchStrategy[Any], Callable[[Tally, Any], None]]] = {
    "uploads": (UPLOADS, try_upload),
    "links": (LINKS, try_link),
    "texts": (TEXTS, try_text),
    "pastes": (PASTES, try_paste),
}


def drive(kind: str, count: int, *, corpus: bool = False) -> Tally:
    """`count` different inputs of one kind; with `corpus` the uploads begin with tests/data/hostile.py, as it is."""
    inputs, use = KINDS[kind]
    tally = Tally()
    if corpus and kind == "uploads":
        for hostile in HOSTILE:
            use(tally, (hostile.file, hostile.make(), dict(hostile.choose)))
    different(inputs, lambda one: use(tally, one), count - tally.inputs)
    return tally


def different(inputs: some.SearchStrategy[Any], use: Callable[[Any], None], count: int) -> None:
    """Call `use` with so many draws, no two alike. The same ones each time: the rounds are seeded with their number."""
    seen: set[int] = set()

    def once(one: Any) -> None:
        name = hash(repr(one))
        if name not in seen and len(seen) < count:
            seen.add(name)
            use(one)

    for number in itertools.count():
        if len(seen) >= count:
            return
        draw = given(inputs)(once)
        seed(number)(settings(ROUND, max_examples=min(count - len(seen) + 50, 2000))(draw))()


ROUND = settings(
    database=None, deadline=None, phases=(Phase.generate,), derandomize=False, suppress_health_check=list(HealthCheck)
)
