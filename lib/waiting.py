"""When a training that waits will start, estimated."""

import heapq
from collections.abc import Sequence


def until_free(slots: int, running: int, ahead: Sequence[float | None]) -> float | None:
    """Seconds until a slot is free for the next, given what those ahead of it have left: the running ones, then the queue.

    None where that of one of them is not known.
    """
    left = [seconds for seconds in ahead if seconds is not None]
    if len(left) < len(ahead):
        return None
    free = [*[0.0] * (slots - running), *left[:running]]  # seconds until each slot is
    heapq.heapify(free)
    for seconds in left[running:]:
        heapq.heapreplace(free, free[0] + seconds)
    return free[0]
