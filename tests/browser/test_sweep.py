"""Sweeps in a real browser."""

import contextlib
import re

from playwright.sync_api import TimeoutError, expect

LINK = "/sweep?data.n=300&data.n_val=60&data.n_test=300&training.epochs=1&model=linear&s1=mine&seeds=0"


def test_a_small_sweep_is_stopped_reloaded_resumed_and_a_cell_opened(visit) -> None:
    with visit() as guest:
        page = guest.open(LINK)
        values = page.get_by_role("spinbutton", name="values")
        values.fill("60")
        values.press("Enter")
        expect(page.get_by_text("60 cells × 1 strategy")).to_be_visible(timeout=20_000)
        page.get_by_role("button", name="Estimate the time").click()
        estimate = re.compile(r"[1-9]\d* of 60 cells · stopped, the rest would take about .+ Start goes on from here")
        expect(page.get_by_text(estimate)).to_be_visible(timeout=180_000)
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_text(re.compile(r"[1-9]\d* of 60 cells"))).to_be_visible(timeout=180_000)
        with contextlib.suppress(TimeoutError):  # it may be over by now
            page.get_by_role("button", name="Stop", exact=True).click(timeout=2_000)
        expect(page.get_by_text(re.compile("of 60 cells · (stopped|finished)"))).to_be_visible(timeout=180_000)
        page.reload()
        guest.settle()
        expect(page.get_by_text("60 cells × 1 strategy")).to_be_visible(timeout=20_000)
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_text("60 of 60 cells · finished")).to_be_visible(timeout=180_000)
        expect(page.get_by_text("were known already")).to_be_visible()
        chart = page.get_by_role("figure", name=re.compile("Balanced accuracy over imbalance ratio, 60 cells"))
        expect(chart).to_be_visible(timeout=20_000)
        expect(page.get_by_role("figure", name=re.compile("^Confusion matrices on test rows"))).to_be_visible()
        page.get_by_role("button", name="Open this comparison").click()
        expect(page.get_by_role("heading", name="What do the weights change?")).to_be_visible(timeout=20_000)
        expect(page.get_by_text("300 training rows")).to_be_visible(timeout=20_000)
