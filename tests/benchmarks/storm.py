"""A hundred trainings, cancelled at random moments and in every way there is: each has to end as "stopped", soon.

Once straight at the runner, where every state is reached on purpose; once on pages, by visitors without a browser.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.experiment import DataSpec, Experiment, Strategy, Training
from lib.registry import Params
from lib.runner import GRACE, Job, Runner
from lib.training import load
from tests.benchmarks.server import Server
from tests.benchmarks.visitor import Visitor
from tests.benchmarks.witness import Event, events

EPOCHS = 10_000  # never reached here
SECONDS = 20.0  # after which a training that has not ended is one that does not end
MOMENTS = ("at once", "running", "queued", "paused", "stepping", "slow")
UNANSWERED = "paused in vain"
ENDS = ("stop", "double stop", "replaced", "left")
TABS = 10


@dataclass(frozen=True)
class Cancelled:
    """A training that was cancelled: in which state, how, what became of it, and how many seconds later."""

    moment: str
    end: str
    state: str
    seconds: float


def endless(name: str) -> Experiment:
    """A small training that goes on until it is stopped."""
    data = DataSpec("gaussians", Params({"n": 6400, "n_val": 50, "n_test": 60}))
    return Experiment(strategies=(Strategy(name),), data=data, training=Training(epochs=EPOCHS, batch_size=64))


def on_runner(runner: Runner, count: int = 100, seed: int = 0) -> list[Cancelled]:
    """Visitors train, and cancel in every state in every way. The runner forgets at once who leaves; it is empty at the end."""
    dice, dataset = random.Random(seed), load(endless("one").data)
    asked: list[tuple[str, str, Job, float]] = []
    for i in range(count):
        moment, end, name = MOMENTS[i % len(MOMENTS)], ENDS[i // len(MOMENTS) % len(ENDS)], f"visitor {i}"
        ahead = [f"{name} ahead {place}" for place in range(runner.max_running if moment == "queued" else 0)]
        for other in ahead:
            runner.submit(other, endless("ahead"), dataset)
        runner.back(name)
        job = runner.submit(name, endless("one"), dataset)
        _come_to(job, moment)
        time.sleep(dice.uniform(0, 0.02))
        asked.append((moment, end, job, time.monotonic()))
        _cancel(runner, job, end)
        if end == "replaced":
            ahead.append(name)
        _until(lambda: job.ended)  # noqa: B023
        for other in ahead:
            if own := runner.job(other):
                own.stop()
    _until(lambda: runner.running == 0 and not runner.queue)
    return [Cancelled(moment, end, job.state, job.since - start) for moment, end, job, start in asked]


def _come_to(job: Job, moment: str) -> None:
    """Bring a training into a state."""
    if moment == "running":
        _until(lambda: job.progress > 0)
    elif moment in ("paused", "stepping"):
        job.pause()
        _until(lambda: job.state == "paused")
    if moment == "stepping":
        job.step(50)
    elif moment == "slow":
        job.speed = 0.1


def _cancel(runner: Runner, job: Job, end: str) -> None:
    if end == "replaced":
        runner.submit(job.visitor, endless("newer"), job.dataset)
    elif end == "left":
        runner.leave(job.visitor)
    else:
        for _ in range(1 + (end == "double stop")):
            job.stop()


def on_pages(server: Server, log: Path, count: int = 100, *, closing: bool = True) -> list[Cancelled]:
    """Tabs cancel with Stop, once or twice, after a visit to another page, or by being closed: then after the grace."""
    with ThreadPoolExecutor(TABS) as pool:
        tabs = list(pool.map(lambda tab: _tab(server.address, tab, count // TABS, closing), range(TABS)))
    if closing:
        time.sleep(max(GRACE + 2 - (time.monotonic() - min(asked[-1][2] for asked in tabs)), 0))
    told = events(log)
    return [
        Cancelled(moment, end, *_outcome(told, f"storm {tab}", turn, start))
        for tab, asked in enumerate(tabs)
        for turn, (moment, end, start) in enumerate(asked)
    ]


def _outcome(told: Sequence[Event], name: str, turn: int, start: float) -> tuple[str, float]:
    """The last state of a tab's training, and when it came after it was asked for."""
    own = [event for event in told if event.name == name]
    number = sorted({event.number for event in own})[turn]
    last = [event for event in own if event.number == number][-1]
    return last.state, last.at - start


def _tab(address: str, tab: int, trainings: int, closing: bool) -> list[tuple[str, str, float]]:
    """One tab that trains and cancels, in a state and in a way of its own each time; how, and when it asked for it."""
    dice, asked = random.Random(tab), []
    visitor = Visitor(address, "compare", endless(f"storm {tab}").to_query())
    visitor.run()
    for turn in range(trainings):
        visitor.click("Train")
        moment = _page_to(visitor, MOMENTS[(tab + turn) % len(MOMENTS)], dice)
        end = ("stop", "page switched", "double stop")[turn % 3]
        last = turn == trainings - 1 and closing
        if last or end == "page switched":  # what comes in one moment with a click, to Streamlit, makes it forget the click
            visitor.wait(lambda: visitor.widget("button", "Train").disabled, SECONDS)
        if last:
            asked.append((moment, "tab closed", time.monotonic() + GRACE))
            break
        if end == "page switched":
            visitor.go("data")
            visitor.go("compare")
        asked.append((moment, end, time.monotonic()))
        visitor.click("Stop")
        if end == "double stop":
            visitor.send(id=visitor.widget("button", "Stop").id, trigger_value=True)
        visitor.wait(lambda: not visitor.widget("button", "Train").disabled, SECONDS)
        visitor.run()  # now the second stop has been answered too, and cannot stop what comes next
    visitor.close()
    return asked


def _page_to(visitor: Visitor, moment: str, dice: random.Random) -> str:
    """What a visitor does before he cancels; which moment that has become."""
    if moment in ("paused", "stepping"):
        visitor.click("Pause")
        try:
            visitor.wait(lambda: visitor.widget("button", "Resume"), SECONDS)
        except TimeoutError:  # he would press it again; here it is counted
            return UNANSWERED
    if moment == "stepping":
        visitor.click("+1 epoch")
    if moment == "running":
        visitor.wait(lambda: visitor.says("s left") or visitor.says("place"), SECONDS)
    if moment != "at once":
        time.sleep(dice.uniform(0, 0.3))
    return moment


def figures(cancelled: Sequence[Cancelled], prefix: str) -> dict[str, float]:
    """How many did not end as stopped, and the seconds that it took."""
    seconds = [one.seconds for one in cancelled]
    return {
        f"{prefix}_trainings": len(cancelled),
        f"{prefix}_unanswered": sum(one.moment == UNANSWERED for one in cancelled),
        f"{prefix}_unstopped": sum(one.state != "stopped" for one in cancelled),
        f"{prefix}_p95_s": float(np.quantile(seconds, 0.95)),
        f"{prefix}_worst_s": max(seconds),
    }


def text(result: Mapping[str, float]) -> str:
    lines = []
    for key, where in (("storm", "on pages"), ("runner_storm", "at the runner")):
        count, unstopped, soon, worst = (result[f"{key}_{what}"] for what in ("trainings", "unstopped", "p95_s", "worst_s"))
        lines.append(f"{count:.0f} trainings cancelled {where}: {unstopped:.0f} did not end as stopped;")
        lines.append(f"  95 % ended within {soon:.2f} s, the slowest after {worst:.2f} s.")
    return "\n".join(lines)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"In vain after {SECONDS:g} s.")
        time.sleep(0.0005)
