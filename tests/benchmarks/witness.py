"""The app in a process that tells what its trainings do: `python -m tests.benchmarks.witness run app.py ...`.

What a page shows is at best as new as its last tick. How many trainings run at a moment, in which order they start, and when
one has ended is therefore written down where it happens: one JSON object a line, in the file of COUNTERWEIGHT_WITNESS. The
clock is the machine's, that of `time.monotonic` in any process.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from streamlit.web.cli import main

from lib import runner

VARIABLE = "COUNTERWEIGHT_WITNESS"


@dataclass(frozen=True)
class Event:
    """A training has come into a state. `name` is that of its first strategy."""

    number: int
    name: str
    state: str
    at: float


def events(path: Path) -> list[Event]:
    """What has been written so far."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [Event(**json.loads(line)) for line in lines]


def most_running(told: list[Event]) -> int:
    """How many had a slot at once: one that is told to stop has it until it has stopped."""
    now: set[int] = set()
    most = 0
    for event in told:
        (now.add if event.state in ("running", "stopping") else now.discard)(event.number)
        most = max(most, len(now))
    return most


def write_down(path: Path) -> None:
    """From now on, write down what all trainings of this process do."""

    class Witnessed(runner.Job):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "state":
                told = Event(self.number, self.experiment.strategies[0].name, str(value), time.monotonic())
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(told.__dict__) + "\n")

    runner.Job = Witnessed  # type: ignore[misc]


if __name__ == "__main__":
    write_down(Path(os.environ[VARIABLE]))
    main(prog_name="streamlit")
