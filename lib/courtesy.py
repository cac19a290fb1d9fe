"""Pages come before trainings, and one after the other.

Python runs one thread at a time. Twenty pages that are drawn at once are all there after the time of twenty; one after the
other, half of them are there after that of ten, and none is interrupted a thousand times a second. Beside two trainings a page
has a third of the time, so while one is to be drawn, trainings give way between two slices of theirs.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator

PATIENCE = 0.5  # seconds that a page waits for others; then it is drawn beside the one that takes so long
LONGEST = 0.5  # seconds that a training gives way, before each twentieth of a second that it takes


class Courtesy:
    """The line of the pages that are drawn or wait for their turn. A page is a thread."""

    def __init__(self) -> None:
        self._line: deque[threading.Thread] = deque()  # the first has its turn
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def drawing(self) -> Iterator[None]:
        """While a page, or a part of one, is drawn; a part within its page does not wait again."""
        own = threading.current_thread()
        with self._changed:
            within = own in self._line
            if not within:
                self._line.append(own)
                self._wait(own)
        if within:
            yield
            return
        try:
            yield
        finally:
            with self._changed:
                self._line.remove(own)
                self._changed.notify_all()

    def let_others(self) -> None:
        """Whoever waits comes first: before a page works on something that takes long."""
        own = threading.current_thread()
        with self._changed:
            if len(self._line) > 1 and own in self._line:
                self._line.remove(own)
                self._line.append(own)
                self._changed.notify_all()
                self._wait(own)

    def _wait(self, own: threading.Thread) -> None:
        self._changed.wait_for(lambda: self._line[0] is own, PATIENCE)

    def give_way(self, hurries: Callable[[], bool]) -> None:
        """Wait until all pages are there or the training hurries, which is looked up whenever one is there; at most LONGEST."""
        if self._line:
            with self._changed:
                self._changed.wait_for(lambda: not self._line or hurries(), LONGEST)
