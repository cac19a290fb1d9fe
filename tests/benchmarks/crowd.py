"""Twenty visitors at once, each with data of his own: whether they get in each other's way, and how long they wait.

The app is the real one, in a process that also writes down what its trainings do (witness.py) and that is told to make do with
the memory of Streamlit's cloud. Visitors have no browser (visitor.py): what is measured ends when the last byte has come.
Half of them paste labels, half upload a file. Class and file names are each visitor's own, so that whatever a session
receives can be searched for those of the others.
"""

import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from lib.data.columns import params_of
from lib.data.upload import Table, read_table
from lib.digest import digest, read_digest
from lib.evaluation import evaluations
from lib.experiment import DataSpec, Experiment, Strategy, Training
from lib.figures.curves import train_loss
from lib.registry import Params
from lib.runner import Runner
from lib.training import load, train
from lib.ui.curves_view import LOW
from tests.benchmarks import storm
from tests.benchmarks.contenders import one_thread
from tests.benchmarks.server import Server, serve
from tests.benchmarks.visitor import Visitor
from tests.benchmarks.witness import VARIABLE, Event, events, most_running

VISITORS = 20
EPOCHS = 200
RELOADS = 3
STORM = 100
FOREVER = 10_000  # epochs
CLOUD = "690MB"
UPLOADER = "CSV, TSV, TXT, Parquet or NPY"


@dataclass
class Guest:
    """A visitor, his experiment, and the words that only he may read."""

    experiment: Experiment
    words: tuple[bytes, ...]
    table: Table | None = None
    file: bytes = b""
    visitor: Visitor = field(init=False)

    @property
    def name(self) -> str:
        return self.experiment.strategies[0].name

    def arrive(self, address: str) -> None:
        """Open the own link; give the file that it asks for, and go on to Compare."""
        page = "data" if self.table else "compare"
        self.visitor = Visitor(address, page, self.experiment.to_query(), recording=True)
        self.visitor.run()
        if self.table:
            self.visitor.upload(UPLOADER, self.table.name, self.file)
            self.visitor.wait(lambda: self.visitor.says("The rows") and self.visitor.says(f"{len(self.words)} classes"))
            self.visitor.problems.clear()  # before it was there, the page asked for it
            self.visitor.go("compare")
        self.visitor.wait(lambda: self.visitor.widget("button", "Train"))


def guests(count: int, epochs: int) -> list[Guest]:
    """Visitors whose class names, counts, strategies and seeds are their own."""
    made = []
    for i in range(count):
        tag = chr(ord("a") + i) * 4
        names = (f"common{tag}", f"seldom{tag}")
        strategies = (Strategy(f"plain{tag}"), Strategy(f"heavy{tag}", weighting="balanced"))
        settings: dict[str, Any] = {
            "strategies": strategies,
            "training": Training(epochs=epochs, batch_size=64),
            "seeds": (i, 100 + i),
        }
        if i % 2:
            file = rows_csv(names, seed=i)
            table = read_table(f"file{tag}.csv", file)
            data = DataSpec("upload", params_of(table, task="exclusive", label="label"))
            own = Guest(Experiment(data=data, **settings), tuple(name.encode() for name in names), table, file)
        else:
            counts = Params({"names": names, "counts": (2000 + 10 * i, 150 + i)})
            own = Guest(Experiment(data=DataSpec("labels", counts), **settings), tuple(name.encode() for name in names))
        made.append(own)
    return made


def rows_csv(names: Sequence[str], seed: int, rows: int = 3000) -> bytes:
    """A small file of one visitor: two features and a label."""
    draw = np.random.default_rng(seed)
    labels = (draw.random(rows) < 0.08).astype(int)
    features = draw.normal(size=(rows, 2)) + 1.5 * labels[:, None]
    lines = (f"{x:.4f},{y:.4f},{names[label]}" for (x, y), label in zip(features.tolist(), labels.tolist(), strict=True))
    return "\n".join(("height,width,label", *lines)).encode()


def run(
    *, visitors: int = VISITORS, epochs: int = EPOCHS, reloads: int = RELOADS, cancelled: int = STORM, closing: bool = True
) -> dict[str, float]:
    """rerun_p95_ms, reload_p95_ms, errors, crosstalk, max_running, and what else is to be 0, or to be what it is.

    `wrong`: visitors whose numbers differ from those of training alone. `overtaken`: trainings that started before one that had
    queued earlier. `without_place`, `without_wait`: visitors who waited and did not read their place, or how long. `lost`:
    visitors whom a reload cost their training. `storm_unstopped`: trainings that did not end as "stopped";
    `storm_unanswered`: clicks on Pause of which nothing came.
    """
    result: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "trainings"
        with serve(module="tests.benchmarks.witness", COUNTERWEIGHT_MEMORY=CLOUD, **{VARIABLE: str(log)}) as server:
            with Visitor(server.address) as first:
                first.wait(lambda: first.says("training rows"))
            time.sleep(2)  # the visitor reads, and the server trains something tiny (lib/ui/engine.py)
            crowd = guests(visitors, epochs)
            with at_once(crowd) as everybody:
                result |= together(server, crowd, everybody, log)
                result |= reloading(server, crowd, everybody, reloads)
                result["errors"] = sum(len(guest.visitor.problems) for guest in crowd)
            result |= storm.figures(storm.on_pages(server, log, cancelled, closing=closing), "storm")
            result["max_running"] = most_running(events(log))
            result["peak_mb"] = server.peak_mb
    result |= storm.figures(storm.on_runner(Runner(grace=0.0), cancelled), "runner_storm")
    return result


@contextlib.contextmanager
def at_once(crowd: Sequence[Guest]) -> Iterator[Callable[[Callable[[Guest], object]], list[Any]]]:
    """What all guests do at the same time; at the end all tabs are closed."""
    with ThreadPoolExecutor(len(crowd)) as pool:
        try:
            yield lambda work: list(pool.map(work, crowd))
        finally:
            for guest in crowd:
                guest.visitor.close()


def together(
    server: Server, crowd: Sequence[Guest], everybody: Callable[[Callable[[Guest], object]], list[Any]], log: Path
) -> dict[str, float]:
    """All come, all press Train, all stay until they have their numbers; somebody else renames a strategy meanwhile."""
    everybody(lambda guest: guest.arrive(server.address))
    taken: list[float] = []
    over = threading.Event()
    with Visitor(server.address, "compare", Experiment(strategies=(Strategy("mine"),)).to_query()) as editor:
        editor.click("Train")
        editor.wait(lambda: editor.says("· finished"))
        before, start = len(events(log)), time.perf_counter()
        busy = threading.Thread(target=lambda: (everybody(watch), over.set()))
        busy.start()
        name = editor.widget("text_input", "Name").id
        while not over.wait(0.1):
            seconds = editor.run(id=name, string_value=f"mine {len(taken)}")
            if running(events(log)) == 2:
                taken.append(1000 * seconds)
        busy.join()
    told = events(log)[before:]
    return {
        "visitors": len(crowd),
        "together_s": time.perf_counter() - start,
        "rerun_p95_ms": float(np.quantile(taken, 0.95)) if taken else float("nan"),
        "rerun_p50_ms": float(np.median(taken)) if taken else float("nan"),
        "crosstalk": crosstalk(crowd),
        "wrong": wrong(crowd),
        "overtaken": overtaken(told),
        **waits(crowd),
    }


def watch(guest: Guest) -> None:
    """Press Train and look on until it has finished."""
    guest.visitor.click("Train")
    guest.visitor.wait(lambda: guest.visitor.says("· finished"), 300)
    guest.visitor.run()


def running(told: Sequence[Event]) -> int:
    """How many train now."""
    latest = {event.number: event.state for event in told}
    return sum(state == "running" for state in latest.values())


def crosstalk(crowd: Sequence[Guest]) -> int:
    """How many visitors have received a word of another; -1 where somebody has not even received his own."""
    found = 0
    for guest in crowd:
        heard = b"\0".join(guest.visitor.heard)
        if not all(word in heard for word in guest.words):
            return -1
        found += any(word in heard for other in crowd if other is not guest for word in other.words)
    return found


def wrong(crowd: Sequence[Guest]) -> int:
    """How many visitors have other curves, or another digest in their address, than training alone gives."""
    found = 0
    with one_thread():
        for guest in crowd:
            *_, last = train(guest.experiment, load(guest.experiment.data, guest.table))
            fields, told = read_digest(dict(parse_qsl(guest.visitor.query)))
            shown, alone = (json.loads(text) for text in (guest.visitor.payload("train_loss"), curves(last)))
            same = (shown["data"], shown["arrays"]) == (alone["data"], alone["arrays"])
            mine = Experiment.from_query(fields) == guest.experiment and told == digest(last, dict(evaluations(last)))
            found += not (same and mine)
    return found


def curves(last: Any) -> str:
    return train_loss(last, dark=False, height=LOW).payload()


def overtaken(told: Sequence[Event]) -> int:
    """How many trainings started before one that had queued earlier."""
    started = [event.number for event in told if event.state == "running"]
    queued = [event.number for event in told if event.state == "queued"]
    places = [queued.index(number) for number in started]
    return sum(later < earlier for earlier, later in zip(places, places[1:], strict=False))


def waits(crowd: Sequence[Guest]) -> dict[str, float]:
    """Of those who read that they wait: who did not read a place, who no time, and whose place ever grew."""
    waited = [[bar for bar in guest.visitor.bars if bar.startswith("Waiting")] for guest in crowd]
    places = [[int(bar.split("place ")[1].split()[0]) for bar in bars if "place " in bar] for bars in waited]
    return {
        "waited": sum(map(bool, waited)),
        "without_place": sum(bool(bars) and len(own) < len(bars) for bars, own in zip(waited, places, strict=True)),
        "without_wait": sum(bool(bars) and not any(", about " in bar for bar in bars) for bars in waited),
        "pushed_back": sum(own != sorted(own, reverse=True) for own in places),
    }


def reloading(
    server: Server, crowd: Sequence[Guest], everybody: Callable[[Callable[[Guest], object]], list[Any]], rounds: int
) -> dict[str, float]:
    """All reload at the same moment, then again while two others train; who does not find his training again has lost it."""
    gate = threading.Barrier(len(crowd))
    alone = [seen for _ in range(rounds) for seen in everybody(lambda guest: again(guest, gate))]
    endless = Experiment(strategies=(Strategy("endless"),), training=Training(epochs=FOREVER)).to_query()
    with Visitor(server.address, "compare", endless) as one, Visitor(server.address, "compare", endless) as other:
        for visitor in (one, other):
            visitor.click("Train")
            visitor.wait(lambda: visitor.progress() > 0)  # noqa: B023
        beside = [seen for _ in range(rounds) for seen in everybody(lambda guest: again(guest, gate))]
        for visitor in (one, other):
            visitor.click("Stop")
            visitor.wait(lambda: visitor.says("· stopped"))  # noqa: B023
    return {
        "reload_p95_ms": 1000 * float(np.quantile([seconds for seconds, _ in alone], 0.95)),
        "reload_p50_ms": 1000 * float(np.median([seconds for seconds, _ in alone])),
        "reload_beside_p95_ms": 1000 * float(np.quantile([seconds for seconds, _ in beside], 0.95)),
        "lost": sum(not kept for _, kept in alone + beside),
    }


def again(guest: Guest, gate: threading.Barrier) -> tuple[float, bool]:
    """Seconds from the start of a reload until the page is there, and whether the training is on it."""
    gate.wait(60)
    start, problems = time.perf_counter(), guest.visitor.problems
    guest.visitor = guest.visitor.reload()
    guest.visitor.problems.extend(problems)
    guest.visitor.send()
    with contextlib.suppress(TimeoutError):
        return guest.visitor.wait(lambda: guest.visitor.says("· finished"), 20) - start, True
    return time.perf_counter() - start, False


def text(result: Mapping[str, float]) -> str:
    """The result as a reader wants it, and what it does not show."""
    return "\n".join([
        f"{result['visitors']:.0f} visitors press Train at once; {result['together_s']:.0f} s until the last has his numbers:",
        f"  {result['crosstalk']:5.0f}  received a word of another's data",
        f"  {result['wrong']:5.0f}  have other numbers than training alone gives, bit for bit",
        f"  {result['max_running']:5.0f}  trainings at once, at most",
        f"  {result['overtaken']:5.0f}  started before one that had come earlier",
        f"  {result['without_place']:5.0f}  of {result['waited']:.0f} who waited did not read their place, "
        f"{result['without_wait']:.0f} not how long",
        f"  {result['errors']:5.0f}  errors on screen",
        f"Another visitor's rerun beside two trainings and those who wait: {result['rerun_p50_ms']:.0f} ms, "
        f"95 % {result['rerun_p95_ms']:.0f} ms.",
        f"All reload at once: {result['reload_p50_ms']:.0f} ms until the page is there, 95 % {result['reload_p95_ms']:.0f} ms, "
        f"beside two trainings {result['reload_beside_p95_ms']:.0f} ms; {result['lost']:.0f} lost their training.",
        storm.text(result),
        f"Resident memory at its highest: {result['peak_mb']:.0f} MB. Visitors and server share this machine's cores, "
        "and there is no network between them.",
    ])  # fmt: skip
