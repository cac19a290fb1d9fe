"""Worker processes on this machine, as an `Executor` of the standard library.

Started by subprocess and never by `multiprocessing`: spawn and forkserver would run app.py again in the child. A worker reads
one JSON line per call and writes one line back; it runs functions of this project only.
"""

import importlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from lib.memory import APP, budget

P = ParamSpec("P")
T = TypeVar("T")

WORKER_BYTES = 400_000_000  # torch, numpy and a stack of small models, resident
ROOT = Path(__file__).resolve().parents[2]


class WorkerError(BrokenExecutor):
    """A worker process ended in the middle of a call."""


def worker_count() -> int:
    """Worker processes that the memory budget allows, at most one per core; 0: train in a thread instead."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(min(cores, (budget() - APP) // WORKER_BYTES), 0)


def local(workers: int | None = None) -> Executor:
    """Worker processes, or a thread where there is memory for none."""
    count = worker_count() if workers is None else workers
    return Processes(count) if count else ThreadPoolExecutor(1, thread_name_prefix="counterweight-sweep")


class Processes(Executor):
    """`submit(function, *texts)` runs a function of this project, by its name, in one of `workers` processes.

    Workers start at the first call. One that dies fails the call it had with WorkerError and is replaced at the next.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._calls: deque[tuple[Future[Any], str]] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._processes: set[subprocess.Popen[str]] = set()
        self._threads: list[threading.Thread] = []

    @property
    def pids(self) -> list[int]:
        """Of the workers that live."""
        return [process.pid for process in list(self._processes) if process.poll() is None]

    def submit(self, function: Callable[P, T], /, *texts: P.args, **none: P.kwargs) -> Future[T]:
        future: Future[Any] = Future()
        call = {"module": function.__module__, "name": function.__qualname__, "texts": texts}
        line = json.dumps(call) + "\n"
        with self._changed:
            if not self._open:
                raise RuntimeError("This executor is closed and takes no more calls.")
            self._calls.append((future, line))
            if len(self._threads) < self.workers:
                thread = threading.Thread(target=self._serve, name="counterweight-sweep", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the workers: after what they have (`wait`), or at once."""
        with self._changed:
            self._open = False
            if cancel_futures or not wait:
                while self._calls:
                    self._calls.popleft()[0].cancel()
            self._changed.notify_all()
        if not wait:
            for process in list(self._processes):
                process.kill()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        process: subprocess.Popen[str] | None = None
        try:
            while (found := self._next()) is not None:
                future, line = found
                if not future.set_running_or_notify_cancel():
                    continue
                if process is not None and process.poll() is not None:
                    _end(process)
                    process = None
                process = process or self._start()
                _answer(process, future, line)
        finally:
            if process is not None:
                _end(process)
                self._processes.discard(process)

    def _next(self) -> tuple[Future[Any], str] | None:
        with self._changed:
            while self._open and not self._calls:
                self._changed.wait()
            return self._calls.popleft() if self._calls else None

    def _start(self) -> subprocess.Popen[str]:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-m", "lib.sweeps.local"], cwd=ROOT, env=environment, text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._processes = {own for own in self._processes if own.poll() is None} | {process}
        return process


def _answer(process: subprocess.Popen[str], future: Future[Any], line: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(line)
        process.stdin.flush()
        answered = process.stdout.readline()
    except OSError:
        answered = ""
    if not answered:
        process.kill()
        future.set_exception(WorkerError(f"A worker process ended in the middle of a cell (code {process.wait()})."))
        return
    answer = json.loads(answered)
    if "error" in answer:
        future.set_exception(RuntimeError(answer["error"]))
    else:
        future.set_result(answer["value"])


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.close()
    except OSError:
        pass
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def work() -> None:
    """The worker: a call per line until the other side closes. Its priority is low: visitors come first."""
    os.nice(10)
    answers, sys.stdout = sys.stdout, sys.stderr  # a stray print must not look like an answer
    for line in sys.stdin:
        call = json.loads(line)
        try:
            if not call["module"].startswith("lib.sweeps"):
                raise ValueError(f"A worker runs functions of lib.sweeps, got {call['module']}.")
            function = getattr(importlib.import_module(call["module"]), call["name"])
            answer = {"value": function(*call["texts"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    work()
