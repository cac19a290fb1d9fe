"""A presentation: the screens follow each other by arrow keys, large and without controls, in both themes."""

import re

import pytest
from playwright.sync_api import Page, expect

LINK = "model=linear&training.epochs=4&training.batch_size=512&training.lr=0.05&s1=plain&s2=heavy&s2.weighting=balanced"
QUESTIONS = (
    "What do the weights change?", "What does training make smaller?", "Measured alike: who is better?",
    "How many of each class are found?", "What is taken for what?", "Where does the boundary move?",
    "Learning, or a moved threshold?",
)  # fmt: skip
PLOT = ".live-plotly-plot[data-drawn]"
# Sizes on screen: a picture is enlarged as a whole.
SMALLEST_TYPE = """() => {
  const sizes = []
  for (const text of document.querySelectorAll("[data-testid=stMain] :is(h2, p, li, svg text)")) {
    if (!text.textContent.trim() || !text.getClientRects().length) continue
    let zoom = 1
    for (let node = text; node; node = node.parentElement) zoom *= Number(getComputedStyle(node).zoom) || 1
    sizes.push(parseFloat(getComputedStyle(text).fontSize) * zoom)
  }
  return Math.min(...sizes)
}"""


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", name=text)).to_be_visible(timeout=20_000)


def test_arrow_keys_go_through_all_screens(visit) -> None:
    with visit(theme="dark") as guest:
        page = guest.open(f"/compare?present=1&{LINK}")
        for at, question in enumerate(QUESTIONS, start=1):
            heading(page, question)
            expect(page.get_by_role("button", name="Leave")).to_be_visible()  # then the keys are known
            guest.settle()
            if 1 < at < len(QUESTIONS):
                page.wait_for_selector(PLOT, timeout=60_000)
            if at == len(QUESTIONS):
                expect(page.get_by_text(re.compile("test rows of"))).to_be_visible(timeout=60_000)
            assert page.evaluate(SMALLEST_TYPE) >= 24, question
            assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight <= window.innerHeight"), question
            expect(page.get_by_role("link", name="Data")).to_have_count(0)
            expect(page.get_by_text("Strategies", exact=True)).to_have_count(0)
            assert f"present={at}" in page.url and "s2=heavy" in page.url
            if at < len(QUESTIONS):
                page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        heading(page, QUESTIONS[-2])
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Data").first).to_be_visible(timeout=20_000)
        expect(page.get_by_text("· finished")).to_be_visible(timeout=20_000)
        guest.settle()
        assert "present" not in page.url and "s2=heavy" in page.url


@pytest.mark.thorough
def test_a_story_opens_straight_into_its_presentation(visitor) -> None:
    page = visitor.open()
    page.get_by_role("button", name="Present").first.click()
    expect(page.get_by_role("button", name="Leave")).to_be_visible(timeout=20_000)  # then the keys are known
    heading(page, "Rare event, 1 : 20")
    visitor.settle()
    page.keyboard.press("ArrowRight")
    heading(page, QUESTIONS[1])
    page.wait_for_selector(PLOT, timeout=60_000)


def test_a_presenters_remote_goes_on_and_back(visitor) -> None:
    page = visitor.open(f"/compare?present=1&{LINK}")
    heading(page, QUESTIONS[0])
    expect(page.get_by_role("button", name="Leave")).to_be_visible(timeout=20_000)
    visitor.settle()
    for key, at in (("PageDown", 1), ("PageDown", 2), ("PageUp", 1), ("Space", 2), ("End", 6), ("PageUp", 5), ("Home", 0)):
        page.keyboard.press(key)
        heading(page, QUESTIONS[at])
        visitor.settle()
    page.get_by_role("button", name="→").click()
    heading(page, QUESTIONS[1])
    visitor.settle()
    page.keyboard.press("Space")  # with the button in focus: one screen, not two
    heading(page, QUESTIONS[2])
    visitor.settle()
    expect(page.get_by_role("heading", name=QUESTIONS[2])).to_be_visible()
    assert "present=3" in page.url
    expect(page.get_by_role("button", name="Page down")).to_have_count(0)  # for keys alone
