"""Hostile input: 10 000 generated uploads, links, JSON texts and pasted texts each against `lib`, and 200 through the pages.

The corpus (tests/data/hostile.py) goes first among the uploads. Every input is answered, or refused with a ValueError in a
sentence; meanwhile nothing is executed, opened or fetched (tests/fuzz). The memory budget is that of Streamlit Community Cloud.
This is the full form; tests/test_fuzz.py runs a reduced one.
"""

import logging
import os
import resource
from collections.abc import Mapping

import torch

from lib import memory
from tests.fuzz.drive import KINDS, drive
from tests.fuzz.pages import through_pages
from tests.fuzz.watch import Tally

BUDGET = "690MB"


def run(*, count: int = 10_000, pages: int = 200) -> dict[str, float]:
    """inputs, unhandled, worst_s; of each kind `KIND`, `KIND_answered`, `KIND_worst_s`; peak_mb: growth of the resident peak.

    The growth is of the inputs against `lib`, over what the program itself takes once it has answered some of each kind.
    """
    before = os.environ.get(memory.VARIABLE)
    threads = torch.get_num_threads()
    os.environ[memory.VARIABLE] = BUDGET
    torch.set_num_threads(1)
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    try:
        for kind in KINDS:
            drive(kind, 20)
        low = _peak_mb()
        tallies = {kind: drive(kind, count, corpus=True) for kind in KINDS}
        grown = _peak_mb() - low
        tallies["pages"] = through_pages(pages)
    finally:
        torch.set_num_threads(threads)
        if before is None:
            del os.environ[memory.VARIABLE]
        else:
            os.environ[memory.VARIABLE] = before
    return _counted(tallies) | {"peak_mb": grown}


def _counted(tallies: Mapping[str, Tally]) -> dict[str, float]:
    for kind, tally in tallies.items():
        for wrong in tally.unhandled[:20]:
            print(f"{kind}: {wrong}")
    result: dict[str, float] = {
        "inputs": sum(tally.inputs for tally in tallies.values()),
        "unhandled": sum(len(tally.unhandled) for tally in tallies.values()),
        "worst_s": max(tally.worst_s for kind, tally in tallies.items() if kind != "pages"),
    }
    for kind, tally in tallies.items():
        result |= {kind: tally.inputs, f"{kind}_answered": tally.answered, f"{kind}_worst_s": tally.worst_s}
    return result


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def text(result: Mapping[str, float]) -> str:
    """The result as a reader wants it."""
    lines = [f"{result['inputs']:.0f} hostile inputs, {result['unhandled']:.0f} of them neither answered nor refused in words."]
    for kind in (*KINDS, "pages"):
        share = result[f"{kind}_answered"] / max(result[kind], 1)
        lines.append(f"  {kind:8}{result[kind]:8.0f}  {share:4.0%} answered, the slowest in {result[f'{kind}_worst_s']:.2f} s")
    lines.append(f"The resident peak grew by {result['peak_mb']:.0f} MB; an upload may take {memory_of_upload():.0f} MB.")
    return "\n".join(lines)


def memory_of_upload() -> float:
    """MB that reading one upload may take under the budget above."""
    return max((memory.parse(BUDGET) - memory.APP) / 2, memory.FLOOR) / 1e6
