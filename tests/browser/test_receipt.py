"""The receipt in a real browser: every preset by its link, an edited cell, the dial, hostile names, both themes."""

import re

import pytest
from playwright.sync_api import Page, expect

from lib.receipt import PRESETS, take_apart
from lib.receipt.words import shown


def number(page: Page) -> str:
    """The result on the paper."""
    return page.locator(".receipt tr.result td").last.inner_text()


def total_is(page: Page, text: str) -> None:
    expect(page.locator(".receipt tr.result td").last).to_have_text(text, timeout=30_000)


def test_presets_open_by_their_links(visitor) -> None:
    for key, preset in list(PRESETS.items())[::5]:  # all of them: tests/ui/test_receipt_page.py
        page = visitor.open(f"/receipt?r={key}")
        total_is(page, shown(take_apart(preset.batch).value))
        expect(page.locator(".receipt tr").last).to_contain_text("✓")
        assert page.url.endswith(f"/receipt?r={key}")


@pytest.mark.thorough
def test_the_numbers_people_ask_about_can_be_read(visitor) -> None:
    page = visitor.open("/receipt?r=example_1")
    total_is(page, "0.31326")
    expect(page.get_by_text("\"log_softmax_lastdim_kernel_impl\" not implemented for 'Long'")).to_be_visible()
    page = visitor.open("/receipt?r=one_class")
    expect(page.get_by_text("The weights cancel: every row has weight 10, and the mean divides by their sum.")).to_be_visible()
    page = visitor.open("/receipt?r=all_ignored")
    total_is(page, "NaN")
    expect(page.get_by_text("0/0: every row in the batch is ignored.")).to_be_visible()


def test_an_edited_cell_changes_the_total_and_the_link(visitor) -> None:
    page = visitor.open("/receipt?r=one_class")
    total_is(page, "0.89617")
    table = page.get_by_test_id("stMain").get_by_test_id("stDataFrame").first
    canvas = table.locator("canvas").first
    box = canvas.bounding_box()
    assert box
    editor = page.locator("#portal input")
    for _ in range(10):  # a table that has just come does not listen yet
        page.mouse.click(box["x"] + 90, box["y"] + 50)  # z of the first row
        page.wait_for_timeout(300)
        page.keyboard.press("5")  # opens the editor
        page.wait_for_timeout(500)
        if editor.count():
            break
    editor.press_sequentially("3")
    editor.press("Enter")
    expect(page.locator(".receipt tr.result td").last).not_to_have_text("0.89617", timeout=30_000)
    page.wait_for_url(re.compile(r"r\.z=\d*3%2C1"), timeout=30_000)
    edited = number(page)
    page.reload()
    visitor.settle()
    total_is(page, edited)


@pytest.mark.thorough
def test_ce_mean_stays_and_bce_moves_with_k(visitor) -> None:
    page = visitor.open("/receipt?r=index_targets")
    dials = page.get_by_label(re.compile("^Losses after scaling all weights"))
    at_ten = re.compile("CE mean goes from 0.667 to 0.667.*BCE mean goes from 12.7 to 127")
    expect(dials).to_have_attribute("aria-label", at_ten, timeout=30_000)
    slider = page.get_by_test_id("stMain").get_by_role("slider").first
    slider.focus()
    slider.press("ArrowRight")  # from 10 to 30
    expect(dials).to_have_attribute(
        "aria-label", re.compile("CE mean goes from 0.667 to 0.667.*BCE mean goes from 12.7 to 380"), timeout=30_000
    )
    expect(page.get_by_text("CE mean stays: k cancels")).to_be_visible()
    total_is(page, "0.66733")


def test_a_link_that_does_not_work_says_why(visitor) -> None:
    page = visitor.open("/receipt?r.z=1,2&r.y=" + "moose" * 2000)
    expect(page.get_by_text("The link does not work: Row 1: unknown class 'moosemoose")).to_be_visible()
    total_is(page, "0.66733")


@pytest.mark.thorough
def test_names_of_strangers_are_inert(visitor) -> None:
    page = visitor.open("/receipt?r.names=%3Cimg src=x onerror=alert(1)%3E,www.example.org&r.z=1,0;0,1&r.y=www.example.org;*")
    expect(page.locator(".receipt")).to_contain_text("www.example", timeout=30_000)
    page.get_by_role("button", name="Gradient").or_(page.get_by_role("radio", name="Gradient")).first.click()
    visitor.settle()
    assert page.locator("[data-testid=stMain] img, [data-testid=stMain] a[href*=example]").count() == 0


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 800)])
def test_both_themes_and_widths(visit, theme: str, width: int) -> None:
    with visit(theme=theme, width=width) as guest:
        page = guest.open("/receipt?r=multi_label")
        total_is(page, "0.68077")
        colour = page.evaluate("getComputedStyle(document.querySelector('.receipt td')).color")
        light = sum(int(n) for n in re.findall(r"\d+", colour)[:3]) < 3 * 128
        assert light == (theme == "light"), "dark ink on light paper and the other way round"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
        paper = "document.querySelector('.receipt')"
        assert page.evaluate(f"{paper}.scrollWidth <= {paper}.clientWidth + 1"), "the paper scrolls sideways"
