"""Decisions in a real browser: the threshold is dragged without the server, the switch calibrates, a decision is sent."""

import re

import pytest
from playwright.sync_api import Page, expect

FAST = "model=linear&training.epochs=12&training.batch_size=512&training.lr=0.05"
LINK = f"/decisions?{FAST}&s1=plain&s2=balanced&s2.weighting=balanced"
BOARD = re.compile("^Confusion matrices at the threshold")
RUNS = """() => {
  window.runs = 0
  new MutationObserver((all) => all.forEach((m) => window.runs += m.target.dataset.testScriptState === 'running'))
    .observe(document.querySelector('[data-testid=stApp]'), { attributes: true, attributeFilter: ['data-test-script-state'] })
}"""


SHAPES = """() => [...document.querySelectorAll('.js-plotly-plot')].map((plot) =>
  [...plot.querySelectorAll('.shapelayer g.shape-group')].map((part) => {
    const path = part.querySelector('path'), text = part.querySelector('text')
    const corners = path.getAttribute('d').match(/[-\\d.]+/g).map((n) => Math.round(Number(n) / 2))
    return [part.dataset.index, corners, path.style.fill, text?.textContent, text?.style.fill]
  }).sort((a, b) => a[0] - b[0]))"""


def trained(guest, link: str = LINK) -> Page:
    page = guest.open(link)
    page.get_by_role("button", name="Train these strategies").click()
    expect(page.get_by_text("test rows. In brackets")).to_be_visible(timeout=60_000)
    guest.settle()
    expect(page.get_by_label(BOARD)).to_contain_text("precision", timeout=30_000)  # charts draw in their own time
    return page


def cells(page: Page) -> list[int]:
    """The counts of all matrices as they are drawn."""
    told = page.get_by_label(BOARD).locator(".shapelayer tspan").all_text_contents()
    return [int(text.replace("\u2009", "")) for text in told if re.fullmatch(r"[\d\u2009]+", text)]


def intercept(page: Page, name: str) -> float:
    told = page.get_by_label(re.compile("^Reliability")).get_attribute("aria-label") or ""
    found = re.search(rf"{name} intercept (−?[\d.]+)", told)
    assert found, told
    return float(found[1].replace("−", "-"))


def test_the_keyboard_drags_the_threshold_through_all_charts_without_a_script_run(visitor) -> None:
    page = trained(visitor)
    slider = page.get_by_role("slider", name="Threshold for all strategies")
    before, label = cells(page), page.get_by_label(BOARD).get_attribute("aria-label")
    assert "0.500" in (slider.get_attribute("aria-valuetext") or "") and len(before) >= 8
    page.evaluate(RUNS)
    slider.focus()
    for _ in range(25):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_label(BOARD)).not_to_have_attribute("aria-label", label or "")
    page.wait_for_function(
        "() => new Set([...document.querySelectorAll('.js-plotly-plot')].slice(1).map(p => p.layout.shapes[0].x0)).size === 1"
    )
    page.wait_for_timeout(500)
    assert cells(page) != before, "the matrices stood still"
    assert page.evaluate("window.runs") == 0, "the script ran"
    assert page.evaluate("document.querySelectorAll('.js-plotly-plot')[1].layout.shapes[0].x0") < -0.2


@pytest.mark.thorough
def test_what_a_drag_draws_is_what_plotly_would_draw(visitor) -> None:
    """Lines, shades and numbers are changed in place; drawn anew from the layout they are the same."""
    page = trained(visitor)
    at_first = page.evaluate(SHAPES)
    page.get_by_role("slider", name="Threshold for all strategies").focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(1000)  # charts below the fold follow a moment later
    moved = page.evaluate(SHAPES)
    assert all(a != b for a, b in zip(at_first, moved, strict=True)), "a chart stood still"
    page.evaluate("Promise.all([...document.querySelectorAll('.js-plotly-plot')].map((plot) => Plotly.redraw(plot)))")
    assert page.evaluate(SHAPES) == moved


def test_the_undo_switch_returns_the_intercept_to_about_0(visitor) -> None:
    page = trained(visitor)
    plain, weighted = intercept(page, "A plain"), intercept(page, "B balanced")
    assert weighted < -2.3 < plain
    page.get_by_text("weights: as trained").click()
    expect(page.get_by_text("weights: undone")).to_be_visible()
    expect(page.get_by_label(re.compile(r"B balanced intercept −?0\.\d"))).to_be_visible(timeout=30_000)
    assert abs(intercept(page, "B balanced")) < 0.3 and intercept(page, "A plain") == plain


def test_the_sliders_threshold_becomes_the_strategys_decision(visitor) -> None:
    page = trained(visitor)
    slider = page.get_by_role("slider", name="Threshold for all strategies")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    shown = (slider.get_attribute("aria-valuetext") or "").split(" above ")[1]
    page.get_by_role("button", name="Use in B").click()
    expect(page.get_by_text(re.compile("B balanced now decides by Threshold"))).to_be_visible()
    visitor.settle()
    sent = re.search(r"s2\.decision\.threshold=([\d.]+)", page.url)
    assert sent and abs(float(sent[1]) - float(shown)) < 0.001
    assert "s2.decision=threshold" in page.url and "s1.decision" not in page.url
    page.get_by_role("link", name="Go to Compare").click()
    page.get_by_role("button", name="In words").click()
    expect(page.get_by_text("decision: Threshold")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 800)])
def test_both_themes_and_widths(visit, theme: str, width: int) -> None:
    with visit(theme=theme, width=width) as guest:
        page = trained(guest)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
        if width == 1440:
            for what in (
                page.get_by_role("slider").first,
                page.get_by_text("weights: as trained"),
                page.get_by_label(BOARD),
            ):
                box = what.bounding_box()
                assert box and box["y"] + box["height"] <= 900, "the answer is below the fold"
        background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        light = sum(int(n) for n in re.findall(r"\d+", background)[:3]) > 3 * 128
        assert light == (theme == "light")
