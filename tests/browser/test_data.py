"""A visitor's own data in a real browser: upload, choose, train; a bad file loses nothing."""

import re

import numpy as np
from playwright.sync_api import expect


def rows(n: int = 400, rare: int = 40) -> str:
    """A CSV with an id, two numbers that tell the classes apart, a text column, and the label."""
    rng = np.random.default_rng(0)
    lines = ["id,amount,age,country,fraud"]
    for i in range(n):
        fraud = i < rare
        amount, age = rng.normal(3 if fraud else 0), rng.normal(1 if fraud else 0)
        lines.append(f"{i},{amount:.4f},{age:.4f},{'FR' if i % 3 else 'DE'},{'yes' if fraud else 'no'}")
    return "\n".join(lines) + "\n"


def upload(page, name: str, text: bytes) -> None:
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text})


def test_upload_a_csv_and_train_on_it(visitor) -> None:
    page = visitor.open("/data")
    page.get_by_role("radio", name="Upload rows").click()
    upload(page, "fraud.csv", rows().encode())
    expect(page.get_by_text("fraud.csv · 240 training rows · 2 classes · 1 : 9")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Go on to training").click()
    expect(page.get_by_role("heading", name="What do the weights change?")).to_be_visible()
    visitor.settle()
    page.get_by_role("button", name=re.compile("^Train(?! these)")).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("80 test rows")).to_be_visible()


def test_a_file_that_cannot_be_read_says_why_and_loses_nothing(visitor) -> None:
    page = visitor.open("/data")
    page.get_by_role("radio", name="Upload rows").click()
    upload(page, "fraud.csv", rows().encode())
    expect(page.get_by_text("fraud.csv · 240 training rows")).to_be_visible(timeout=30_000)
    page.locator("[data-testid=stFileUploader] button").last.click()
    upload(page, "report.csv", b"PK\x03\x04" + bytes(200))
    expect(page.get_by_text("The data stay as they were.")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("fraud.csv · 240 training rows")).to_be_visible()


def test_hostile_names_are_inert(visitor) -> None:
    page = visitor.open("/data")
    page.get_by_role("radio", name="Upload rows").click()
    hostile = ["<img src=x onerror=alert(1)>", "![x](http://example.org/x.png) :red[a] $x$", "=1+1"]
    lines = ["amount,kind"] + [f'{i % 7},"{hostile[i % 3]}"' for i in range(90)]
    upload(page, "![x](http://example.org/y.png).csv", "\n".join(lines).encode())
    expect(page.get_by_text("54 training rows · 3 classes")).to_be_visible(timeout=30_000)
    assert page.locator("[data-testid=stMain] img").count() == 0
    assert page.locator("[data-testid=stSidebar] img").count() == 0


def test_pasted_counts_become_weights(visitor) -> None:
    page = visitor.open("/data")
    page.get_by_role("radio", name="Labels or counts").click()
    box = page.get_by_role("textbox", name="Labels or counts")
    box.fill("cat 900, dog 90, bird 10")
    box.press("Control+Enter")
    expect(page.get_by_text("1 000 training rows · 3 classes · 1 : 90")).to_be_visible(timeout=30_000)
    page.get_by_role("tab", name="As PyTorch").click()
    expect(page.get_by_text("nn.CrossEntropyLoss(weight=weight)")).to_be_visible()
    expect(page.get_by_text("33.3333333,")).to_be_visible()  # 1000 / (3 * 10), the bird's
    page.get_by_role("link", name="Go on to training").click()
    expect(page.get_by_role("heading", name="What do the weights change?")).to_be_visible()
    visitor.settle()
    page.get_by_role("button", name=re.compile("^Train(?! these)")).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
