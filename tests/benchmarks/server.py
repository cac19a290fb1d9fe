"""A Streamlit server in a process of its own, and a Chromium beside it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
PORTS = range(8700, 8800)
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"


@dataclass(frozen=True)
class Server:
    """`started` is when its process was, `healthy` when it answered for the first time."""

    address: str
    process: subprocess.Popen[bytes]
    started: float
    healthy: float

    @property
    def rss_mb(self) -> float:
        """Resident memory now."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

    @property
    def peak_mb(self) -> float:
        """Resident memory at its highest, since the start or since `forget_peak`."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    @property
    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))


@contextlib.contextmanager
def serve(script: str = "app.py", *, module: str = "streamlit", **environment: str) -> Iterator[Server]:
    """The server of a script, until the block ends; started by Streamlit itself or by a module that takes its arguments."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    options = [f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", module, "run", script, *options],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Server(address, process, started, _healthy(address, process))
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"Expected a free port from {PORTS.start} to {PORTS.stop - 1}, found none. End other servers.")


def _healthy(address: str, process: subprocess.Popen[bytes]) -> float:
    while process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
            return time.perf_counter()
        time.sleep(0.005)
    raise RuntimeError(f"The server did not start: exit code {process.returncode}.")


@contextlib.contextmanager
def browser() -> Iterator[Page | None]:
    """A page of a Chromium without a screen; None where there is no Chromium."""
    if not CHROMIUM.exists():
        yield None
        return
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield chromium.new_page(viewport={"width": 1440, "height": 900})
        finally:
            chromium.close()
