"""The Field guide in a real browser: a card by its link, a search, the silent trap in red, light and dark."""

import re

import pytest
from playwright.sync_api import expect

from lib.pitfalls import PITFALLS


def lab(page):
    return page.locator("[data-testid=stVerticalBlock]", has=page.get_by_role("heading", name="Shape lab")).last


@pytest.mark.thorough
def test_a_card_by_its_link_in_both_themes(visit, theme) -> None:
    card = PITFALLS["unsqueezed_weight"]
    with visit(theme=theme) as visitor:
        page = visitor.open("/pitfalls?card=unsqueezed_weight")
        expect(page.get_by_role("heading", name=card.label)).to_be_in_viewport(timeout=30_000)
        expect(page.get_by_text(card.runs()[0].error, exact=True)).to_be_visible(timeout=30_000)  # torch's own words
        expect(page.get_by_text(card.runs()[1].output, exact=True)).to_be_visible(timeout=30_000)
        expect(page.get_by_text(card.sentence()[:60])).to_be_visible(timeout=30_000)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_first_page_of_a_new_process(fresh_server, visit) -> None:
    with visit(server=fresh_server) as visitor:
        page = visitor.open("/pitfalls?card=common_factor")
        expect(page.get_by_role("heading", name=PITFALLS["common_factor"].label)).to_be_visible(timeout=30_000)
        expect(page.get_by_text("Page not found")).to_have_count(0)


@pytest.mark.thorough
def test_search_narrows_and_opens_what_is_left(visitor) -> None:
    page = visitor.open("/pitfalls")
    questions = page.get_by_test_id("stExpander")
    expect(questions).not_to_have_count(0, timeout=15_000)
    many = questions.count()
    page.get_by_role("searchbox", name="Search the questions").fill("holds only padding")
    expect(questions).to_have_count(1, timeout=15_000)
    assert many > 50
    expect(page.get_by_text("all ignored: nan")).to_be_visible()


def test_a_question_is_run_when_it_is_opened(visitor) -> None:
    page = visitor.open("/pitfalls")
    wrong = PITFALLS["negative_weight"].runs()[0].output
    expect(page.get_by_text(wrong, exact=True)).to_have_count(0)
    page.get_by_text("A negative class weight got in by mistake").click()
    expect(page.get_by_text(wrong, exact=True)).to_be_visible(timeout=15_000)


def test_a_silent_trap_turns_red_in_both_themes(visit, theme) -> None:
    with visit(theme=theme) as visitor:
        page = visitor.open("/pitfalls?lab=n_is_l")
        expect(lab(page).get_by_text("Trap: N = L.")).to_be_visible(timeout=15_000)
        cell = lab(page).locator(".annotation-text", has_text="accident")
        expect(cell).to_be_visible(timeout=15_000)
        red, green, blue = cell.evaluate("e => getComputedStyle(e).fill.match(/\\d+/g).slice(0, 3).map(Number)")
        assert red > 1.4 * max(green, blue)


@pytest.mark.thorough
def test_typing_shapes_and_mending_the_trap(visitor) -> None:
    page = visitor.open("/pitfalls?lab=n_is_l")
    picture = lab(page).locator(".live-plotly-plot")
    expect(picture).to_have_attribute("aria-label", re.compile("weight: repeated, 3 fits by accident"), timeout=15_000)
    box = page.get_by_role("textbox", name="weight, shape", exact=True)
    box.fill("-3")
    box.press("Enter")
    expect(lab(page).get_by_text("none negative")).to_be_visible(timeout=15_000)
    expect(lab(page).get_by_text("Trap: N = L.")).to_be_visible()  # the last good picture
    box.fill("3, 1")
    box.press("Enter")
    expect(lab(page).get_by_text("The shapes fit.")).to_be_visible(timeout=15_000)
    expect(lab(page).get_by_text("Trap: N = L.")).to_have_count(0)


def test_a_hostile_address_does_nothing(visitor) -> None:
    page = visitor.open("/pitfalls?card=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&lab=__import__('os')")
    expect(page.get_by_role("heading", name="Shape lab")).to_be_visible(timeout=15_000)
    assert page.locator("[data-testid=stMain] img").count() == 0


@pytest.mark.thorough
def test_from_start_to_a_card_and_on_to_a_comparison(visitor) -> None:
    page = visitor.open("/")
    page.get_by_role("link", name="Why did accuracy drop?").click()
    expect(page.get_by_role("heading", name=PITFALLS["accuracy_fell"].label)).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="Accuracy beside always-the-majority").click()
    expect(page.get_by_role("heading", name="What do the weights change?")).to_be_visible(timeout=15_000)
