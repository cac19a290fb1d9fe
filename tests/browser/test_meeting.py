"""The five minutes of the README, click by click: each step shows what the script says it shows."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, still
from tests.browser.test_decisions import BOARD


def run(guest: Visitor, story: str, button: str = "Run") -> Page:
    """Start, and a button of the story's card."""
    page = guest.page
    page.get_by_role("link", name="Start", exact=True).click()
    expect(page.get_by_role("heading", name="What do weights do to a loss?")).to_be_visible()
    card = page.locator(".stVerticalBlock").filter(has=page.get_by_role("heading", name=story, exact=True)).last
    card.get_by_role("button", name=button, exact=True).click()
    return page


def verdict(page: Page) -> str:
    expect(page.get_by_text("· finished")).to_be_visible(timeout=90_000)
    box = page.locator(".st-key-verdict")
    expect(box).to_contain_text("test rows", timeout=30_000)
    return box.inner_text()


def spread(guest: Visitor) -> float:
    """Between the strategy that finds most events and the one that finds fewest: in recall, as the matrices say it."""
    guest.settle()
    still(guest.page)
    found = [float(n) for n in re.findall(r"recall (\S+),", guest.page.get_by_label(BOARD).get_attribute("aria-label") or "")]
    return max(found) - min(found)


@pytest.mark.thorough
def test_the_script_for_a_meeting(visitor: Visitor) -> None:
    page = visitor.open()
    assert "read at threshold 1/20, “plain” reaches the same recall" in verdict(run(visitor, "Rare event, 1 : 20")).lower()
    page.get_by_role("link", name="Decisions", exact=True).click()
    expect(page.get_by_label(BOARD)).to_contain_text("precision")
    apart = spread(visitor)
    page.get_by_text("weights: as trained").click()
    expect(page.get_by_text("weights: undone")).to_be_visible()
    assert spread(visitor) < apart / 4, "the matrices come together"
    run(visitor, "Weights that cancel")
    expect(page.get_by_text("· finished")).to_be_visible(timeout=90_000)
    curves = page.locator(".st-key-val_nll [data-drawn]")
    expect(curves).to_have_attribute("aria-label", re.compile(r"( \d\.\d+.*){4}"))
    told = curves.get_attribute("aria-label") or ""
    first, *others = (float(n) for n in re.findall(r" (\d\.\d+)", told))
    assert abs(others[0] - first) < 0.002 and abs(others[1] - first) < 0.002, "three recipes, one curve"
    assert max(abs(other - first) for other in others[2:]) > 0.01, told
    assert "“both” raises recall" in verdict(run(visitor, "Sampler and weights: corrected twice"))
    run(visitor, "Rare event, 1 : 20", "Present")
    for question in ("Rare event, 1 : 20", "What does training make smaller?", "Measured alike: who is better?"):
        expect(page.get_by_role("heading", level=2, name=question)).to_be_visible()
        visitor.settle()
        page.locator("body").press("ArrowRight")
