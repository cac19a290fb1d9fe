"""A real scheduler and real workers, as processes on loopback."""

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.sweeps.cluster import dask
from lib.sweeps.drive import EngineLostError, sweep_cells
from lib.sweeps.store import Store
from tests.sweeps.conftest import small_sweep
from tests.sweeps.test_drive import RATES, ROWS, Here, numbers

ROOT = Path(__file__).parents[2]
SWEEP = small_sweep(RATES, ROWS)


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]], cwd=ROOT, text=True,
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def said(process, pattern, seconds=30):
    """What a process wrote that matches."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        line = process.stderr.readline()
        if found := re.search(pattern, line):
            return found.group(1)
    raise AssertionError(f"{process.args} did not say {pattern}")


class Cluster:
    """A scheduler that keeps its address when it is started again, and its workers."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address, self.processes = f"tcp://127.0.0.1:{self.port}", []
        self.begin(2)

    def begin(self, workers):
        scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show")
        self.processes = [scheduler]
        assert said(scheduler, r"Scheduler at:\s+(tcp://\S+)") == self.address
        options = ("--nthreads", "1", "--no-dashboard", "--no-nanny")
        self.processes += [start("dask_worker", self.address, *options) for _ in range(workers)]

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stderr.close()


@pytest.fixture(scope="module")
def cluster():
    own = Cluster()
    yield own
    own.end()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return numbers(sweep_cells(SWEEP, Here(), Store(tmp_path_factory.mktemp("here") / "s")))


def sweep_on(cluster, store):
    """Outcomes of a sweep on the cluster; as a visitor does, it is started again when the cluster is gone for long."""
    while True:
        executor = dask(cluster.address)
        try:
            yield from sweep_cells(SWEEP, executor, store, ahead=1)
            return
        except EngineLostError:
            continue
        finally:
            executor.shutdown(wait=False)


@pytest.mark.filterwarnings("ignore")  # of distributed's own, on its way down
def test_a_cluster_gives_the_numbers_of_this_process_although_a_worker_is_killed(cluster, here, tmp_path):
    found = []
    for outcome in sweep_on(cluster, Store(tmp_path / "there")):
        if not found:
            cluster.processes[1].kill()
        found.append(outcome)
    assert len(found) == SWEEP.size
    assert numbers(found) == here


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_is_started_again_costs_no_finished_cell(cluster, here, tmp_path):
    """It takes its place again; what was finished comes from the store or was told before, and nothing differs."""
    store, found, kept = Store(tmp_path / "there"), {}, None
    for outcome in sweep_on(cluster, store):
        assert outcome.cell.index not in found or outcome.stored
        found[outcome.cell.index] = outcome
        if kept is None:
            kept = len(store)
            cluster.end()
            cluster.begin(1)
    assert 0 < kept < SWEEP.size
    assert numbers(found.values()) == here
    assert len(store) == SWEEP.size
