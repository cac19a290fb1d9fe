"""A real server and a real Chromium. Without Chromium these tests are left out with one plain line; under CI that fails."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

expect.set_options(timeout=30_000)  # the other tests run beside these

ROOT = Path(__file__).parents[2]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic",
]  # fmt: skip
STILL = """() => {
  const charts = [...document.querySelectorAll('.live-plotly-plot')].filter((chart) => chart.clientWidth)
  const drawn = charts.map((chart) => chart.dataset.drawn ?? 'not yet').join()
  if (drawn !== window.drawnBefore) [window.drawnBefore, window.drawnSince] = [drawn, performance.now()]
  return !drawn.includes('not yet') && performance.now() - window.drawnSince > 1500
}"""
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(log: Path) -> Iterator[str]:
    """The address of an app of its own; its log must hold no traceback."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true"]
    own = os.environ | {"COUNTERWEIGHT_STORE": str(log.with_name("sweeps.sqlite"))}  # no cell is known from an earlier run
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--server.address=127.0.0.1"], cwd=ROOT, stdout=out, stderr=out, env=own)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)
    # A tab that closes early makes the web server itself complain; what counts is code of ours.
    ours = [line for line in log.read_text().splitlines() if f'File "{ROOT}/' in line and "/site-packages/" not in line]
    assert not ours, log.read_text()[-4000:]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app that most tests share."""
    with serve(tmp_path_factory.mktemp("server") / "log.txt") as address:
        yield address


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[str]:
    """The address of an app that nobody has opened yet."""
    with serve(tmp_path / "log.txt") as address:
        yield address


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The app did not start: exit code {process.poll()}.")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


def still(page: Page) -> None:
    """All charts are drawn, and none has been for a while: on a busy machine they come long after the text that says it."""
    page.wait_for_function(STILL, timeout=60_000)


class Visitor:
    """One browser tab of one visitor, with what it asked of the network and what went wrong in it."""

    def __init__(self, page: Page, server: str) -> None:
        self.page, self.server = page, server
        self.errors: list[str] = []
        self.strangers: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith((self.server, self.server.replace("http", "ws"), "data:", "blob:")):
            self.strangers.append(url)

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.server + path)
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.wait_for_selector(SETTLED, timeout=60_000)

    def check(self) -> None:
        assert not self.errors, self.errors
        assert not self.strangers, self.strangers
        assert self.page.get_by_test_id("stException").all_inner_texts() == []


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visitor(chromium: Browser, server: str) -> Iterator[Visitor]:
    """A visitor on a laptop. At the end no page error, no exception on screen, no request to another machine."""
    with _visit(chromium, server) as guest:
        yield guest


class _visit:  # noqa: N801 - reads as a verb: with _visit(...) as guest
    def __init__(self, chromium: Browser, server: str, theme: str = "light", width: int = 1440) -> None:
        self.context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
        self.visitor = Visitor(self.context.new_page(), server)

    def __enter__(self) -> Visitor:
        return self.visitor

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.visitor.check()
        self.context.close()


@pytest.fixture
def visit(chromium: Browser, server: str):  # noqa: ANN201
    """A function that opens a visit with a theme, a width, perhaps to another server."""
    return lambda theme="light", width=1440, server=server: _visit(chromium, server, theme, width)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser tests out where there is no Chromium; under CI=true that is a failure."""
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    if CHROMIUM.exists() or not mine:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"CI=true, and there is no Chromium at {CHROMIUM}: the browser tests must run.")
    items[:] = [item for item in items if item not in mine]
    config.hook.pytest_deselected(items=mine)
    print(f"\nNo Chromium at {CHROMIUM}: {len(mine)} browser tests are left out.")
