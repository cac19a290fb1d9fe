"""Pictures of the running app for the README.

    python -m tests.pictures

starts the app, opens each page in Chromium, light and dark, and writes static/PAGE-THEME.png.
"""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, SETTLED, serve

WIDTH, HEIGHT = 1440, 1180


def start(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(SETTLED)


def data(page: Page, address: str) -> None:
    page.goto(f"{address}/data?data=labels&data.counts=5000,300,12&data.names=%5B%22cat%22,%22dog%22,%22bird%22%5D&s1=plain")
    page.wait_for_selector(SETTLED)


def compare(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(SETTLED)
    page.get_by_role("button", name="Run").nth(2).click()
    page.get_by_text(re.compile("· finished")).wait_for(timeout=60_000)


def main() -> None:
    log = Path(tempfile.mkdtemp()) / "log.txt"
    with serve(log) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for theme in ("light", "dark"):
            for shot in (start, data, compare):
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme)  # type: ignore[arg-type]
                shot(page, address)
                page.wait_for_timeout(5000)  # charts draw in their own time
                page.screenshot(path=ROOT / "static" / f"{shot.__name__}-{theme}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
