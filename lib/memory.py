"""One memory budget for everything that grows with what a visitor sends: uploads, cached datasets, worker processes.

The budget is COUNTERWEIGHT_MEMORY (bytes, or like `690MB`) or else what the container or the machine has.
"""

import ctypes
import os
import re
from pathlib import Path

VARIABLE = "COUNTERWEIGHT_MEMORY"
APP = 400_000_000  # the program itself: Python, torch, pandas, plotly and Streamlit, resident
FLOOR = 64_000_000  # an upload of labels works on any machine
ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def budget() -> int:
    """Bytes that the whole program may use. Raises ValueError when COUNTERWEIGHT_MEMORY is not a size."""
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        return parse(given)
    return min([physical(), *(limit for path in CGROUP_LIMITS if (limit := _cgroup_limit(path)) is not None)])


def upload_budget() -> int:
    """Bytes that reading one upload may take at its peak: half of what the program itself leaves."""
    return max((budget() - APP) // 2, FLOOR)


def parse(text: str) -> int:
    """Bytes of `690MB`, `2.7 GB`, `512MiB` or `700000000`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    unit = UNITS.get(match.group(2).upper()) if match else None
    if match is None or unit is None or float(match.group(1)) * unit < 1:
        raise ValueError(f"{VARIABLE} must be bytes or a size such as 690MB or 2.7GB, got {text[:40]!r}.")
    return int(float(match.group(1)) * unit)


def physical() -> int:
    """Bytes of memory in this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def size(count: float) -> str:
    """Bytes for a reader: `690 MB`."""
    for unit, word in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {word}"
    return f"{count:.0f} bytes"


def few_arenas(most: int = 2) -> None:
    """At most so many heaps, of which each keeps what was freed in it; glibc takes eight per core, one for each thread."""
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(ARENA_MAX, most)


def give_back() -> None:
    """Hand freed memory to the system, of all heaps; where there is no glibc nothing is done."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def _cgroup_limit(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None  # "max": no limit
