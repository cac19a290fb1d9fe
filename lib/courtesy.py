"""Pages come before trainings, and one after the other.

Python runs one thread at a time. Twenty pages that are drawn at once are all there after the time of twenty; one after the
other, half of them are there after that of ten, and none is interrupted a thousand times a second. Beside two trainings a page
has a third of the time, so while one is to be drawn, trainings give way between two slices of theirs.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

PATIENCE = 0.5  # seconds that a page waits for others; then it is drawn beside the one that takes so long
LONGEST = 0.5  # seconds that a training gives way, before each twentieth of a second that it takes


class Courtesy:
    """Counts the pages that are drawn or wait for their turn."""

    def __init__(self) -> None:
        self._pages = 0
        self._changed = threading.Condition()
        self._turn = threading.Semaphore()  # who comes first is first
        self._thread = threading.local()

    @contextlib.contextmanager
    def drawing(self) -> Iterator[None]:
        """While a page, or a part of one, is drawn; a part within its page does not wait or count again."""
        if getattr(self._thread, "draws", False):
            yield
            return
        self._thread.draws = True
        with self._changed:
            self._pages += 1
        in_turn = self._turn.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if in_turn:
                self._turn.release()
            self._thread.draws = False
            with self._changed:
                self._pages -= 1
                self._changed.notify_all()

    def give_way(self, hurries: Callable[[], bool] = lambda: False) -> None:
        """Wait until all pages are there or the training hurries, which is looked up whenever one is there; at most LONGEST."""
        if self._pages:
            with self._changed:
                self._changed.wait_for(lambda: not self._pages or hurries(), LONGEST)
