"""Reading curves in a real browser: class by class, with a line at the chosen epoch, and each seed under the pointer."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import still
from tests.browser.test_compare import train

TRAINED = "/compare?model=linear&data.n=2000&training.epochs=8&training.batch_size=256&training.lr=0.05&s1=plain&s2=balanced"
TRAINED += "&s2.weighting=balanced&seeds=3,5"
WAIT = 30_000
BUTTONS = ["Zoom", "Pan", "Zoom in", "Zoom out", "Show all again", "Save as PNG", "Save as SVG"]


def finished(page: Page) -> None:
    train(page)
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)


def test_by_class_draws_panels_and_areas_that_follow_the_epoch(visitor) -> None:
    page = visitor.open(TRAINED)
    finished(page)
    page.get_by_role("radio", name="By class").click()
    panels = page.get_by_label(re.compile("^Validation NLL per row of a class"))
    expect(panels.locator(".scatterlayer .trace.scatter path.js-line").first).to_be_visible(timeout=WAIT)
    shares = page.get_by_label(re.compile("^Share of the loss by class"))
    expect(shares.locator(".scatterlayer .trace.scatter path.js-fill")).to_have_count(4, timeout=WAIT)  # 2 classes, 2 panels
    expect(shares).to_contain_text("B balanced")
    lines = shares.locator(".shapelayer path, .layer-below path[data-index]")
    expect(lines).to_have_count(2)
    before = lines.first.get_attribute("d")
    page.get_by_role("slider", name="Epoch").focus()
    page.keyboard.press("Home")
    page.wait_for_function("([shown, was]) => shown.getAttribute('d') !== was", arg=[lines.first.element_handle(), before])
    page.get_by_role("radio", name="of the gradient").click()
    expect(page.get_by_label(re.compile("^Share of the gradient by class"))).to_be_visible(timeout=WAIT)


def test_a_curve_tells_each_seed_under_the_pointer(visitor) -> None:
    page = visitor.open(TRAINED)
    finished(page)
    chart = page.get_by_label(re.compile("^Validation NLL, unweighted"))
    expect(chart.locator(".points path").first).to_be_visible(timeout=WAIT)
    still(page)
    place = chart.locator(".points path").nth(3).bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2, steps=4)
    told = chart.locator(".hoverlayer")
    expect(told).to_contain_text(re.compile(r"epoch 4: mean 0\.\d+.*seeds 3: 0\.\d+, 5: 0\.\d+"), timeout=WAIT)
    buttons = chart.get_by_role("button").evaluate_all("all => all.map((one) => one.ariaLabel ?? one.dataset.title)")
    assert buttons == BUTTONS, "none of them sends the chart away"
