"""A real scheduler and real workers, as processes on loopback."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.sweeps.cluster import dask
from lib.sweeps.drive import sweep_cells
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


@pytest.fixture(scope="module")
def cluster():
    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    address = said(scheduler, r"Scheduler at:\s+(tcp://\S+)")
    workers = [start("dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny") for _ in range(2)]
    yield address, workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.filterwarnings("ignore")  # of distributed's own, on its way down
def test_a_cluster_gives_the_numbers_of_this_process_although_a_worker_is_killed(cluster, tmp_path):
    address, workers = cluster
    here = numbers(sweep_cells(SWEEP, Here(), Store(tmp_path / "here")))
    executor = dask(address)
    try:
        found = []
        for outcome in sweep_cells(SWEEP, executor, Store(tmp_path / "there")):
            if not found:
                workers[0].kill()
            found.append(outcome)
        assert numbers(found) == here
    finally:
        executor.shutdown(wait=False)
        executor._client.close()
