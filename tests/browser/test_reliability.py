"""A reliability column in a real browser: upload rows with a weight of their own, compare with and without, train."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.test_data import upload


def rows(n: int = 600, weight: str | None = None) -> bytes:
    """Of the 200 events half were overlooked in the rows of reliability 0.1. `weight` replaces that of the fifth row."""
    rng = np.random.default_rng(0)
    lines = ["amount,age,reliability,fraud"]
    for i in range(n):
        event, hurried = i < 200, i % 2 == 0
        amount, age = rng.normal(3 if event else 0), rng.normal()
        own = weight if weight is not None and i == 4 else ("0.1" if hurried else "1")
        lines.append(f"{amount:.4f},{age:.4f},{own},{'yes' if event and not hurried else 'no'}")
    return ("\n".join(lines) + "\n").encode()


def choose_upload(page) -> None:
    page.get_by_role("radio", name="Upload rows").click(timeout=60_000)


def test_upload_rows_with_a_weight_column_and_train_with_and_without_it(visitor) -> None:
    page = visitor.open("/data")
    choose_upload(page)
    upload(page, "fraud.csv", rows())
    expect(page.get_by_text("fraud.csv · 360 training rows · 2 classes")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("combobox", name="Sample-weight column")).to_have_value("reliability")  # guessed from its name
    page.get_by_role("link", name="Go on to training").click()
    expect(page.get_by_role("heading", name="What do the weights change?")).to_be_visible()
    visitor.settle()
    page.get_by_text("Only for this strategy").click()
    page.get_by_text("sample weight", exact=False).first.click(timeout=60_000)
    visitor.settle()
    page.get_by_role("button", name="In words").click()
    expect(page.get_by_text("without row weights")).to_have_count(1, timeout=30_000)
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^Train(?! these)")).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("120 test rows")).to_be_visible()


@pytest.mark.thorough
def test_a_negative_reliability_names_row_and_column_and_loses_nothing(visitor) -> None:
    page = visitor.open("/data")
    choose_upload(page)
    upload(page, "fraud.csv", rows())
    expect(page.get_by_text("fraud.csv · 360 training rows")).to_be_visible(timeout=30_000)
    for weight, said in (("-1", "row 6 has -1"), ("nan", "row 6 has no value")):
        page.locator("[data-testid=stFileUploader] button").last.click()
        upload(page, "wrong.csv", rows(weight=weight).replace(b"reliability", b"sample_weight"))
        expect(page.get_by_text(re.compile(f"'sample_weight' is the sample weight .*{said}"))).to_be_visible(timeout=30_000)
        expect(page.get_by_text("The data stay as they were.")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("fraud.csv · 360 training rows")).to_be_visible()
