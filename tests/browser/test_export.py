"""Share and export in a real browser: the report from disk without a network, the second visitor, opening an experiment."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

LINK = "/compare?data.n=600&data.n_val=200&data.n_test=800&training.epochs=3&s1=plain&s2=%3Cb%3Ebalanced&s2.weighting=balanced"
TRAIN = re.compile("^Train(?! these)")


def train(page: Page) -> None:
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)


def unfold(page: Page) -> None:
    page.get_by_text("Share and export").click()
    expect(page.get_by_text("Link to this experiment")).to_be_visible(timeout=30_000)


@pytest.fixture
def exported(visitor, tmp_path: Path) -> Path:  # noqa: ANN001
    """The report of a training, as the page gives it."""
    page = visitor.open(LINK)
    train(page)
    unfold(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="report.html").click()
    download.value.save_as(tmp_path / "report.html")
    return tmp_path / "report.html"


def test_a_report_opens_from_disk_without_a_network(chromium: Browser, exported: Path) -> None:
    assert exported.stat().st_size < 3_000_000
    context = chromium.new_context(offline=True)
    page, asked, errors = context.new_page(), [], []  # type: ignore[var-annotated]
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(exported.as_uri())
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    assert "test rows" in page.locator("#verdict").inner_text()
    assert page.locator(".chart .bars path").count() >= 4  # recall of two classes by two strategies
    assert "<b>balanced" in page.locator(".chart").first.inner_text()
    page.locator(".chart").first.hover()
    assert page.locator(".modebar-btn[data-title^=Save]").count() >= 2
    assert page.locator(".modebar-btn[data-title^=Share]").count() == 0, "a chart goes nowhere"
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == [] and errors == []
    context.close()


def test_a_report_is_read_with_scripts_off(chromium: Browser, exported: Path) -> None:
    context = chromium.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(exported.as_uri())
    row = page.get_by_role("row", name=re.compile("^Balanced accuracy"))
    assert re.search(r"0\.\d{3}\s+0\.\d{3}", row.inner_text())
    expect(page.get_by_role("columnheader", name="B <b>balanced").first).to_be_visible()
    expect(page.get_by_text(re.compile("^Recall per class on test rows"))).to_be_visible()
    context.close()


def test_a_second_visitor_is_told_that_the_result_is_reproduced(visit) -> None:  # noqa: ANN001
    with visit() as one, visit(theme="dark") as other:
        first = one.open(LINK)
        train(first)
        unfold(first)
        shown = first.get_by_test_id("stCode").first.inner_text().replace("\n", "")
        assert re.search(r"&digest=\d\.\d{4}/0\.\d{3},\d\.\d{4}/0\.\d{3}$", shown)
        second = other.open(shown.removeprefix(one.server))
        train(second)
        expect(second.get_by_text("Reproduced: validation NLL and balanced accuracy of all 2 strategies")).to_be_visible()


def test_an_experiment_is_opened_and_a_hostile_one_changes_nothing(visitor, tmp_path: Path) -> None:  # noqa: ANN001
    page = visitor.open(LINK)
    unfold(page)
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_text(json.dumps({"format": 1, "strategies": [{"name": "x"}], "__proto__": {"a": 1}}))
    good.write_text(
        json.dumps({"format": 1, "data": {"source": "ring", "params": {"n": 500}}, "strategies": [{"name": "mine"}]})
    )
    chooser = page.locator("input[type=file]")
    chooser.set_input_files(bad)
    expect(page.get_by_text("has no field '__proto__'")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("600 training rows · 2 classes")).to_be_visible()
    chooser.set_input_files(good)
    expect(page.get_by_text("500 training rows · 3 classes")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("1 strategy · seed 0")).to_be_visible()


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_the_link_is_copied_by_mouse_and_by_keyboard(visitor) -> None:  # noqa: ANN001
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.open(LINK)
    unfold(page)
    shown = page.get_by_test_id("stCode").first.inner_text().replace("\n", "")
    button = page.get_by_role("button", name="Copy link")
    button.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert copied(page) == shown and shown.startswith(visitor.server + "/compare?")
    expect(button).to_be_visible(timeout=5_000)  # after two seconds it can be pressed again
    page.evaluate("navigator.clipboard.writeText('')")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert copied(page) == shown


def test_where_copying_is_forbidden_the_link_is_selected(visitor) -> None:  # noqa: ANN001
    page = visitor.open(LINK)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")  # as on a page without https
    unfold(page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("textbox", name="Text to copy")).to_be_focused()
    expect(page.get_by_text("Selected: copy it with Ctrl+C")).to_be_visible()
    selected = page.evaluate(
        "(() => { const a = document.activeElement; return a.value.slice(a.selectionStart, a.selectionEnd) })()"
    )
    assert selected == page.get_by_test_id("stCode").first.inner_text().replace("\n", "")
