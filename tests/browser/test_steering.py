"""Steering a training in a real browser: by buttons and by keys, to the epoch and to the batch."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import still

SMALL = "/compare?data.n=2000&data.n_val=1000&training.epochs=40&s1=plain&s2=balanced&s2.weighting=balanced"
LONG = SMALL.replace("epochs=40", "epochs=5000")


def button(page: Page, name: str):  # noqa: ANN201
    """A button of the row; its name ends with its key."""
    return page.get_by_test_id("stMain").get_by_role("button", name=re.compile(rf"^{re.escape(name)}(?! these)"))


def press(page: Page, key: str) -> None:
    page.locator("body").press(key)


def test_pause_step_and_resume(visit) -> None:
    with visit(theme="dark", width=800) as guest:
        page = guest.open(LONG)
        expect(button(page, "Pause")).to_be_disabled()
        expect(button(page, "Stop")).to_be_disabled()
        expect(button(page, "Reset")).to_be_disabled()
        button(page, "+1 epoch").click()  # a training that has not begun
        expect(page.get_by_text("Epoch 1 of 5000")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("· paused")).to_be_visible()
        place = button(page, "Stop").bounding_box()
        button(page, "+1 batch").click()
        button(page, "+1 epoch").click()
        expect(page.get_by_text("Epoch 2 of 5000")).to_be_visible()
        button(page, "Resume").click()
        expect(button(page, "Pause")).to_be_enabled()
        expect(button(page, "+1 epoch")).to_be_disabled()
        expect(page.get_by_text(re.compile(r"Epoch \d\d+ of 5000"))).to_be_visible(timeout=30_000)
        assert button(page, "Stop").bounding_box() == place, "the row jumped"
        button(page, "Pause").click()
        expect(page.get_by_text("· paused")).to_be_visible()
        button(page, "Stop").click()
        expect(page.get_by_text("· stopped")).to_be_visible()
        expect(button(page, "Train")).to_be_enabled()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"


def test_keys_steer_and_typing_does_not(visitor) -> None:
    page = visitor.open(LONG)
    expect(button(page, "Train")).to_be_enabled()
    press(page, "e")
    expect(page.get_by_text("Epoch 1 of 5000")).to_be_visible(timeout=30_000)
    name = page.get_by_role("textbox", name="Name")
    name.click()
    name.press_sequentially("peb")
    name.press("Enter")
    visitor.settle()
    expect(page.get_by_text("Epoch 1 of 5000")).to_be_visible()
    page.get_by_role("heading", name="What do the weights change?").click()
    press(page, "p")
    expect(page.get_by_text(re.compile(r"Epoch \d\d+ of 5000"))).to_be_visible(timeout=30_000)
    press(page, "p")
    expect(page.get_by_text("· paused")).to_be_visible()
    press(page, "0")
    expect(page.get_by_text("Epoch 0 of 5000")).to_be_visible()
    expect(button(page, "Reset")).to_be_disabled()
    button(page, "Keys").click()
    expect(page.get_by_text("Step: one batch")).to_be_visible()


@pytest.mark.thorough
def test_a_speed_holds_a_demo_back(visitor) -> None:
    page = visitor.open(LONG)
    page.get_by_role("combobox", name="Speed").click()
    page.get_by_role("option", name="2 epochs/s").click()
    button(page, "Train").click()
    expect(page.get_by_text(re.compile(r"Epoch [2-9] of 5000 .* left"))).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1000)
    button(page, "Stop").click()
    stopped = page.get_by_text(re.compile(r"Epoch \d+ of 5000 .* stopped"))
    expect(stopped).to_be_visible()
    epoch, seconds = (float(n) for n in re.findall(r"Epoch (\d+) of 5000 · ([\d.]+) s", stopped.inner_text())[0])
    assert 2 <= epoch <= 2 * seconds + 1


def test_dragging_through_the_epochs_shows_them_without_a_script_run(visit) -> None:
    with visit() as guest:
        sent: list[str] = []
        guest.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame)[:80])))
        page = guest.open(SMALL)
        button(page, "+1 epoch").click()
        matrices = page.get_by_label(re.compile("^Confusion matrices on validation rows"))
        expect(matrices).to_contain_text(re.compile(r"\d+%"), timeout=30_000)
        first = matrices.inner_text()
        assert page.get_by_role("slider", name="Epoch").count() == 0, "one epoch is nothing to drag through"
        page.evaluate("window.first = document.querySelector('[aria-label^=Confusion]')")
        button(page, "Resume").click()
        expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
        slider = page.get_by_role("slider", name="Epoch")
        expect(page.locator(".scrubber-label")).to_have_text("40 of 40")
        expect(matrices).not_to_have_text(first, use_inner_text=True, timeout=30_000)
        guest.settle()
        still(page)
        assert page.evaluate("window.first.isConnected"), "the chart was mounted anew"
        last, quiet = matrices.inner_text(), len(sent)
        slider.focus()
        page.keyboard.press("Home")
        expect(page.locator(".scrubber-label")).to_have_text("1 of 40")
        expect(matrices).to_have_text(first, use_inner_text=True)  # as a visitor saw it then
        cursor = "document.querySelector('.js-plotly-plot[aria-label^=\"Validation NLL\"]')?.layout.shapes[0]?.x0"
        page.wait_for_function(f"{cursor} === 1")
        page.keyboard.press("End")
        expect(matrices).to_have_text(last, use_inner_text=True)
        assert len(sent) == quiet, "the server was asked"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
