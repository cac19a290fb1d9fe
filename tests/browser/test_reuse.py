"""Change one strategy and see the others stay, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import still
from tests.browser.test_steering import LONG, SMALL, button

THREE = "&s3=focal&s3.loss=focal"
KEPT = "strategies unchanged: kept, not trained again"
# Before a chart has been drawn for the first time there is none: no curves then.
CURVES = """() => Object.fromEntries(document.querySelector('.js-plotly-plot[aria-label^="Validation NLL"]')?.data
    .filter(t => t.line && t.line.width === 3 && t.name).map(t => [t.name[0], [Array.from(t.x), Array.from(t.y)]]) ?? [])"""


def epochs(page: Page, letter: str) -> str:
    """A condition: how many epochs of a strategy are drawn."""
    return f"(({CURVES})()['{letter}']?.[0].length ?? 0)"


def test_change_one_strategy_and_see_the_others_stay(visit) -> None:
    with visit() as guest:
        page = guest.open(SMALL + THREE)
        button(page, "Train").click()
        expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
        page.wait_for_function(f"{epochs(page, 'C')} === 40")
        still(page)
        before = page.evaluate(CURVES)
        change_loss(page)
        button(page, "+1 epoch").click()
        expect(page.get_by_text(re.compile(f"Epoch 1 of 40 .* paused .* 2 of 3 {KEPT}"))).to_be_visible()
        page.wait_for_function(f"{epochs(page, 'A')} === 1")
        still(page)
        now = page.evaluate(CURVES)
        assert now["B"] == before["B"] and now["C"] == before["C"], "a kept curve has changed"
        button(page, "Resume").click()
        expect(page.get_by_text(re.compile(f"Epoch 40 of 40 .* finished .* 2 of 3 {KEPT}"))).to_be_visible(timeout=60_000)
        page.wait_for_function(f"{epochs(page, 'A')} === 40")
        still(page)
        after = page.evaluate(CURVES)
        assert after["B"] == before["B"] and after["C"] == before["C"] and after["A"] != before["A"]
        expect(page.locator(".scrubber-label")).to_have_text("40 of 40")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"


def change_loss(page: Page) -> None:
    page.get_by_role("combobox", name="Loss").first.click()
    page.get_by_role("option", name="Poly-1").click()
    expect(page.get_by_text("The settings have changed since this training.")).to_be_visible()


@pytest.mark.thorough
def test_reset_begins_again_with_all_of_them(visitor) -> None:
    page = visitor.open(LONG.replace("epochs=5000", "epochs=30"))
    button(page, "Train").click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    change_loss(page)
    button(page, "Reset").click()
    expect(page.get_by_text("Epoch 0 of 30")).to_be_visible()
    button(page, "+1 epoch").click()
    expect(page.get_by_text(re.compile("Epoch 1 of 30 .* paused$"))).to_be_visible()
    page.wait_for_function(f"{epochs(page, 'A')} === 1 && {epochs(page, 'B')} === 1")
