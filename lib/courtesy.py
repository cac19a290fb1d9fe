"""Pages come before trainings: while several are drawn at once, a training gives way between two slices of its time."""

import contextlib
import threading
from collections.abc import Iterator

FEW = 1  # pages that are drawn beside a training as if it were not there
LONGEST = 0.1  # seconds that a training gives way, before each twentieth of a second that it takes


class Courtesy:
    """Counts the pages that are being drawn.

    Python runs one thread at a time: beside two trainings a page has a third of it, and of twenty pages each a twentieth of
    that third.
    """

    def __init__(self) -> None:
        self._pages = 0
        self._changed = threading.Condition()
        self._thread = threading.local()

    @contextlib.contextmanager
    def drawing(self) -> Iterator[None]:
        """While a page, or a part of one, is drawn; a part within its page does not count again."""
        if getattr(self._thread, "draws", False):
            yield
            return
        self._thread.draws = True
        with self._changed:
            self._pages += 1
        try:
            yield
        finally:
            self._thread.draws = False
            with self._changed:
                self._pages -= 1
                self._changed.notify_all()

    def give_way(self) -> None:
        """Wait until few pages are left, at most LONGEST."""
        if self._pages > FEW:
            with self._changed:
                self._changed.wait_for(lambda: self._pages <= FEW, LONGEST)
