"""Training in a real browser: it moves, the chart node stays, it stops, and the numbers can be read."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import still

SCHEMES = ("none", "inverse", "balanced", "sqrt", "power", "effective_number", "median_frequency", "enet")
EIGHT = "&".join(f"s{i}={key}&s{i}.weighting={key}" for i, key in enumerate(SCHEMES, start=1))
LONG = f"/compare?data.n=20000&training.epochs=4000&{EIGHT}&seeds=0,1,2,3,4"
PLOT = ".js-plotly-plot"
POINTS = f"Math.max(0, ...(document.querySelector('{PLOT}')?.calcdata ?? []).map(trace => trace.length))"


def train(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Train(?! these)")).click()


def test_a_scenario_is_one_click_from_a_running_comparison(visitor) -> None:
    page = visitor.open()
    page.get_by_role("button", name="Run").first.click()
    expect(page.get_by_role("heading", name="What do the weights change?")).to_be_visible()
    expect(page.get_by_text("Epoch 15 of 15")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("finished")).to_be_visible()
    expect(page.get_by_text("20\u2009000 test rows")).to_be_visible()


def test_eight_strategies_grow_while_node_and_zoom_stay_and_stop_stops(visitor) -> None:
    page = visitor.open(LONG)
    train(page)
    page.wait_for_selector(PLOT, timeout=30_000)
    page.wait_for_function(f"{POINTS} > 2", timeout=60_000)
    for last in (False, True):  # on a busy machine the page may still be on its way when the first points are there
        page.evaluate(f"window.first = document.querySelector('{PLOT}')")
        page.evaluate("Plotly.relayout(window.first, {'xaxis.range': [1, 3]})")
        before = page.evaluate(POINTS)
        page.wait_for_function(f"{POINTS} > {before + 3}", timeout=60_000)
        if page.evaluate(f"window.first === document.querySelector('{PLOT}')"):
            break
        assert not last, "the chart was mounted anew"
    assert page.evaluate("window.first.layout.xaxis.range.map(Math.round)") == [1, 3], "the zoom was lost"
    page.get_by_role("button", name=re.compile(r"^Stop\s?S")).click()
    expect(page.get_by_text("· stopped")).to_be_visible(timeout=10_000)
    still(page)
    stopped = page.evaluate(POINTS)
    page.wait_for_timeout(1000)
    assert page.evaluate(POINTS) == stopped


def test_a_confusion_matrix_can_be_read(visitor) -> None:
    page = visitor.open("/compare?model=linear&training.epochs=5&training.batch_size=512&training.lr=0.05&s1=plain")
    train(page)
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    cells = page.get_by_label(re.compile("^Confusion matrices on validation rows"))
    expect(cells).to_contain_text(re.compile(r"\d+%"), timeout=30_000)  # charts draw in their own time
    numbers = [int(n.replace("\u2009", "")) for n in re.findall(r"\b\d[\d\u2009]*\b(?!\s*%)", cells.inner_text())]
    assert 3800 in (a + b for a in numbers for b in numbers), "no two cells add up to the 3 800 validation rows of class 0"


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 800)])
def test_both_themes_and_widths(visit, theme: str, width: int) -> None:
    with visit(theme=theme, width=width) as guest:
        page = guest.open("/compare?model=linear&training.epochs=3&training.batch_size=512&s1=plain&s2=b&s2.weighting=balanced")
        train(page)
        expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
        background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        light = sum(int(n) for n in re.findall(r"\d+", background)[:3]) > 3 * 128
        assert light == (theme == "light")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"


def test_a_link_that_does_not_work_says_why_and_leaves_defaults(visitor) -> None:
    page = visitor.open("/compare?s1=plain&s1.loss=focl")
    expect(page.get_by_text("Unknown loss 'focl'")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Train(?! these)"))).to_be_enabled()


def test_the_empty_page_has_one_button_that_fills_it(visitor) -> None:
    page = visitor.open("/compare?data.n=1000&training.epochs=2&s1=a")
    page.get_by_role("button", name="Train these strategies").click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)


def test_names_of_strangers_are_no_links(visitor) -> None:
    page = visitor.open("/compare?data.n=1000&s1=www.example.org&s2=https%3A%2F%2Fexample.org&s3=a%40example.org")
    expect(page.get_by_text("example.org").first).to_be_visible()
    assert page.locator("[data-testid=stMain] a[href*=example]").count() == 0
    assert page.locator("[data-testid=stSidebar] a[href*=example]").count() == 0


def test_ticks_never_steal_focus_zoom_or_scroll(visitor) -> None:
    """Every quarter of a second the page is brought up to date, under the hands of whoever uses it."""
    page = visitor.open(LONG)
    train(page)
    page.wait_for_function(f"{POINTS} > 2", timeout=60_000)
    page.wait_for_function(f"document.querySelector('{PLOT}')?.dataset.drawn > 1")  # before it is drawn it does not listen
    page.evaluate(f"window.first = document.querySelector('{PLOT}')")
    page.evaluate("Plotly.relayout(window.first, {'xaxis.range': [1, 3]})")
    name = page.get_by_role("textbox", name="Name")
    name.click()
    name.press_sequentially("!half a na")
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 700)")
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop > 600")
    scrolled = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    before = page.evaluate(POINTS)
    page.wait_for_function(f"{POINTS} > {before + 3}", timeout=60_000)  # ticks went by
    expect(name).to_be_focused()
    assert name.input_value().endswith("!half a na"), "what was typed was lost"
    page.keyboard.type("me")
    assert name.input_value().endswith("!half a name"), "the caret was moved"
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == scrolled, "the page was scrolled"
    assert page.evaluate("window.first.isConnected && window.first.layout.xaxis.range.map(Math.round)") == [1, 3]
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    page.get_by_role("button", name=re.compile(r"^Stop\s?S")).click()
    expect(page.get_by_text("· stopped")).to_be_visible(timeout=30_000)
