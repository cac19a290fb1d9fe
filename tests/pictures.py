"""Pictures of the running app for the README.

    python -m tests.pictures [PAGE ...]

starts the app, opens each page (or those that are named) in Chromium, light and dark, and writes static/PAGE-THEME.png with
few colours: that hardly shows on a page of an app, and makes files small.
"""

import io
import os
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, SETTLED, serve

WIDTH, HEIGHT = 1440, 960
COLORS = 96
SMALL = (
    "model=linear&data.n=1000&data.n_val=1000&data.n_test=1000&training.epochs=3&training.lr=0.05"
    "&s1=plain&s2=balanced&s2.weighting=balanced"
)


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(SETTLED, timeout=90_000)


def by_link(page: Page, name: str) -> None:
    """To another page within the visit, which keeps what was trained."""
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_selector(SETTLED, timeout=90_000)


def start(page: Page, address: str) -> None:
    opened(page, address)


def data(page: Page, address: str) -> None:
    opened(page, f"{address}/data?data=labels&data.counts=5000,300,12&data.names=%5B%22cat%22,%22dog%22,%22bird%22%5D&s1=plain")


def compare(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_role("button", name="Run").first.click()
    page.get_by_text(re.compile("· finished")).wait_for(timeout=90_000)


def decisions(page: Page, address: str) -> None:
    compare(page, address)
    by_link(page, "Decisions")


def dial(page: Page, address: str) -> None:
    opened(page, f"{address}/dial")
    page.wait_for_selector("[data-drawn]", timeout=30_000)
    page.get_by_role("slider", name="Weight").press("PageUp")


def receipt(page: Page, address: str) -> None:
    opened(page, f"{address}/receipt")


def guide(page: Page, address: str) -> None:
    opened(page, f"{address}/pitfalls")


def sweep(page: Page, address: str) -> None:
    opened(page, f"{address}/sweep?{SMALL}")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text(re.compile("cells · finished")).first.wait_for(timeout=120_000)


def present(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_role("button", name="Present").first.click()
    page.wait_for_selector(".st-key-present-keys")
    for question in ("What does training", "Measured alike", "How many of each"):
        page.locator("body").press("ArrowRight")
        page.get_by_role("heading", name=re.compile(question)).wait_for()


SHOTS = (start, data, compare, decisions, dial, receipt, guide, sweep, present)


def write(shot: bytes, path: Path) -> None:
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def main(names: list[str]) -> None:
    shots = [shot for shot in SHOTS if not names or shot.__name__ in names]
    scratch = Path(tempfile.mkdtemp())
    os.environ["COUNTERWEIGHT_STORE"] = str(scratch / "cells.sqlite")
    with serve(scratch / "log.txt") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for theme in ("light", "dark"):
            for shot in shots:
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme)  # type: ignore[arg-type]
                shot(page, address)
                page.wait_for_timeout(5000)  # charts draw in their own time
                write(page.screenshot(), ROOT / "static" / f"{shot.__name__}-{theme}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
