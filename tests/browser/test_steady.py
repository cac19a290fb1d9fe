"""Nothing jumps: while a training runs, when it pauses, and when it ends, charts stay where they are."""

import re

from playwright.sync_api import Page, expect

FIELDS = (
    "data.n=4000&data.n_val=1000&training.epochs=60&s1=plain&s2=balanced&s2.weighting=balanced"
    "&s3=pos_weight&s3.loss=bce_with_logits&s3.weighting=pos_weight&seeds=0,1"
)
# https://web.dev/articles/cls: what moves on screen without a click or key within the last half second, by its share of the
# screen times how far it moved.
WATCH = """() => {
  window.shifts = 0
  const watch = (list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts += e.value }
  new PerformanceObserver(watch).observe({ type: "layout-shift" })
}"""


def button(page: Page, name: str):  # noqa: ANN201
    return page.get_by_test_id("stMain").get_by_role("button", name=re.compile(rf"^{name}(?! these)"))


def top(page: Page) -> float:
    """Where the first chart begins, in pixels from the top of the page."""
    box = page.locator(".st-key-train_loss").bounding_box()
    assert box is not None
    return float(box["y"])


def test_charts_stay_where_they_are_through_a_training(visit) -> None:
    with visit() as guest:
        page = guest.open(f"/compare?{FIELDS}")
        button(page, r"\+1 epoch").click()
        expect(page.get_by_text("Epoch 1 of 60")).to_be_visible()
        page.wait_for_selector(".st-key-train_loss [data-drawn]")
        page.wait_for_selector(".st-key-confusion [data-drawn]")
        guest.settle()
        page.evaluate(WATCH)
        place = top(page)
        button(page, r"\+1 epoch").click()  # from now on there is an earlier epoch to go back to
        expect(page.get_by_role("slider", name="Epoch")).to_be_visible()
        assert abs(top(page) - place) <= 2, "the slider pushed the charts"
        button(page, "Resume").click()
        expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
        expect(page.get_by_text(re.compile(r"\(2 seeds"))).to_be_visible()
        # On a narrow screen the verdict may need more lines than are kept free for it; here it does not.
        assert abs(top(page) - place) <= 2, "the end pushed the charts"
        assert page.evaluate("window.shifts") < 0.02
