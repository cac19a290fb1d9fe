"""The dial in a real browser: the keyboard moves everything, and the server is not asked."""

import re

import pytest
from playwright.sync_api import Page, expect

SMALL = "/dial?data.n=2000&data.n_val=1000&s1=plain"
MATRICES = re.compile("^At weight .* Confusion matrices on validation rows")
LEVEL = "document.querySelector('[aria-label^=Boundaries]')?.data?.[2].contours.start"


def words(page: Page) -> list[str]:
    """What the application sends to the server from now on."""
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame)[:80])))
    return sent


def drawn(page: Page) -> None:
    expect(page.get_by_label(MATRICES)).to_contain_text(re.compile(r"\d+%"), timeout=30_000)
    page.wait_for_selector("[aria-label^=Boundaries][data-drawn]", timeout=30_000)


def test_arrow_keys_move_everything_without_a_script_run(visit) -> None:
    with visit(theme="dark", width=800) as guest:
        sent = words(guest.page)
        page = guest.open(SMALL)
        drawn(page)
        matrices = page.get_by_label(MATRICES)
        before, level = matrices.inner_text(), page.evaluate(LEVEL)
        label = page.locator(".scrubber-label")
        expect(label).to_contain_text("w = 1.00 · threshold 1/(1+w) = 0.500")
        page.wait_for_timeout(500)
        quiet = len(sent)
        assert quiet, "nothing was heard of the websocket"
        slider = page.get_by_role("slider", name="Weight")
        slider.focus()
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        expect(label).to_contain_text("w = 15.8 · threshold 1/(1+w) = 0.0594")
        expect(matrices).not_to_have_text(before)
        expect(page.get_by_label(re.compile("^At weight 15.8"))).to_be_visible()
        page.wait_for_function(f"Math.abs({LEVEL} + Math.log(10 ** 1.2)) < 1e-3 && {LEVEL} !== {level}")
        assert len(sent) == quiet, "the server was asked"
        page.keyboard.press("End")
        expect(label).to_contain_text("w = 1\u2009000")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"


@pytest.mark.thorough
def test_the_mark_balanced_is_one_click_away(visitor) -> None:
    page = visitor.open(SMALL)
    drawn(page)
    page.get_by_role("button", name="balanced").click()
    expect(page.locator(".scrubber-label")).to_contain_text("w = 19.0 · threshold 1/(1+w) = 0.0500")


def test_a_weight_goes_to_the_comparison(visitor) -> None:
    page = visitor.open(SMALL)
    drawn(page)
    page.get_by_role("button", name="balanced").click()
    page.get_by_role("button", name="Compare this weight").click()
    expect(page.get_by_role("heading", name="What do the weights change?")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("3 strategies")).to_be_visible()
    expect(page).to_have_url(re.compile(r"s2=w\+%3D\+19.*s3\.decision\.threshold=0\.05"))


@pytest.mark.thorough
def test_a_trained_path_follows_the_slider_too(visitor) -> None:
    page = visitor.open("/dial?data=moons&data.n=1000&data.n_val=500&training.epochs=3&s1=plain")
    page.get_by_text("MLP, trained").click()
    page.get_by_role("button", name="Train the path").click()
    expect(page.locator(".scrubber-label")).to_contain_text("w = 1.00", timeout=60_000)
    drawn(page)
    page.get_by_role("slider", name="Weight").focus()
    page.keyboard.press("Home")
    expect(page.get_by_label(re.compile("^At weight 1/1.000"))).to_be_visible()
