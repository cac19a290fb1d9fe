"""A click on a cell of a confusion matrix lists its rows, also while a training runs, and moves nothing."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import still

SMALL = "/compare?data.n=2000&data.n_val=1000&training.epochs=6&model=linear&s1=plain&s2=balanced&s2.weighting=balanced&seeds=0"
LONG = SMALL.replace("epochs=6", "epochs=5000")


def train(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Train(?! these)")).click()


def matrices(page: Page) -> Locator:
    found = page.get_by_label(re.compile("^Confusion matrices on validation rows"))
    expect(found).to_contain_text(re.compile(r"\d+%"), timeout=60_000)
    return found


def click_cell(page: Page, strategy: int, true: int, predicted: int) -> None:
    """With the mouse, in the middle of the cell."""
    matrices(page).scroll_into_view_if_needed()
    place = matrices(page).evaluate(
        """(plot, [panel, row, column]) => {
          const end = panel ? panel + 1 : "", { x, y } = plot.getBoundingClientRect()
          const across = plot._fullLayout[`xaxis${end}`], up = plot._fullLayout[`yaxis${end}`]
          return [x + across._offset + across.d2p(column), y + up._offset + up.d2p(row)]
        }""",
        [strategy, true, predicted],
    )
    page.mouse.move(*place)
    page.mouse.click(*place)


def told(page: Page) -> Locator:
    return page.get_by_text(re.compile(r"validation rows? of .* taken for"))


def test_a_click_lists_as_many_rows_as_the_cell_says(visitor) -> None:
    page = visitor.open(SMALL)
    train(page)
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    visitor.settle()
    still(page)  # nothing moves between a look at a cell and the click on it
    for strategy, true, predicted in ((0, 1, 0), (1, 0, 1), (1, 1, 1)):
        click_cell(page, strategy, true, predicted)
        expect(told(page)).to_contain_text(f"of {true} taken for {predicted}, seed 0, after epoch 6")
        expect(told(page)).to_contain_text(("A plain", "B balanced")[strategy])
        texts = matrices(page).evaluate("p => p.data.filter(t => t.mode === 'text').map(t => t.text)")
        cell = re.sub(r"<[^>]*>", " ", texts[strategy][2 * true + predicted]).split()[0]
        expect(told(page)).to_contain_text(f": {cell} validation row")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    saved = download.value.path().read_text().splitlines()
    assert saved[0] == "row,probability of 1 (predicted),x1,x2"
    assert len(saved) - 1 == int(cell.replace("\u2009", ""))


def test_a_click_on_the_slider_s_epoch_and_on_a_difference(visitor) -> None:
    page = visitor.open(SMALL)
    train(page)
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    slider = page.get_by_role("slider", name="Epoch")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".scrubber-label")).to_have_text("1 of 6")
    still(page)
    click_cell(page, 1, 0, 1)
    expect(told(page)).to_contain_text("B balanced")
    expect(told(page)).to_contain_text("of 0 taken for 1, seed 0, after epoch 1.")
    expect(page.locator(".scrubber-label")).to_have_text("1 of 6")
    page.get_by_role("radio", name="difference").first.click()
    difference = page.get_by_label(re.compile("difference to A"))
    expect(difference).to_contain_text(re.compile(r"[+−]"), timeout=30_000)
    visitor.settle()
    place = difference.evaluate(
        "(p) => { const { x, y } = p.getBoundingClientRect(), a = p._fullLayout;"
        " return [x + a.xaxis._offset + a.xaxis.d2p(0), y + a.yaxis._offset + a.yaxis.d2p(0)] }"
    )
    page.mouse.move(*place)
    page.mouse.click(*place)
    expect(told(page)).to_contain_text("of 0 taken for 0")
    expect(told(page)).to_contain_text("B balanced")  # the only panel there is


@pytest.mark.thorough
def test_while_training_runs_a_click_is_answered_and_the_list_stays(visitor) -> None:
    page = visitor.open(LONG)
    train(page)
    matrices(page)
    page.evaluate("window.first = document.querySelector('[aria-label^=Confusion]')")
    click_cell(page, 0, 0, 0)
    expect(told(page)).to_contain_text("of 0 taken for 0")
    before = told(page).inner_text()
    epoch = int(re.search(r"after epoch (\d+)", before).group(1))  # type: ignore[union-attr]
    expect(page.get_by_role("button", name="As it is now")).to_be_enabled(timeout=30_000)
    expect(page.get_by_text(re.compile(rf"Epoch (?!{epoch}\b|{epoch + 1}\b)\d+ of 5000"))).to_be_visible()
    assert told(page).inner_text() == before, "the list moved under its reader"
    page.get_by_role("button", name="As it is now").click()
    expect(told(page)).not_to_have_text(before)
    assert page.evaluate("window.first.isConnected"), "the chart was mounted anew"
    click_cell(page, 1, 1, 1)
    expect(told(page)).to_contain_text("of 1 taken for 1")
    page.get_by_role("button", name=re.compile(r"^Stop\s?S")).click()
    expect(page.get_by_text("· stopped")).to_be_visible()
    expect(told(page)).to_contain_text("of 1 taken for 1")
