"""Accessibility by axe-core: names, roles, keyboard, contrast. No page has a violation that axe calls serious or critical."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

FIELDS = "data.n=2000&data.n_val=1000&training.epochs=3&s1=plain&s2=balanced&s2.weighting=balanced"
# What Streamlit alone can mend: (rule, a part of the selector, since when, why). Empty since 2026-11-22, Streamlit 1.67.0:
# the contrast of its primary buttons and of comments in code is mended in lib/ui/frame.py.
STREAMLITS: tuple[tuple[str, str, str, str], ...] = ()


def serious(page: Page, rules: list[str] | None = None) -> list[str]:
    """One line for each violation that counts: rule, element, what is wrong."""
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = []
    for violation in Axe().run(page, options=options).response["violations"]:
        for node in violation["nodes"] if violation["impact"] in ("serious", "critical") else ():
            place = " ".join(map(str, node["target"]))
            if not any(rule == violation["id"] and part in place for rule, part, _, _ in STREAMLITS):
                found.append(f"{violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}")
    return found


def drawn(page: Page, charts: int) -> None:
    """At least so many charts have been drawn."""
    page.wait_for_function(f"document.querySelectorAll('[data-drawn]').length >= {charts}", timeout=30_000)


def trained(page: Page) -> None:
    for name in ("Only for this strategy", "Model", "Training and seeds"):
        page.get_by_test_id("stSidebar").get_by_text(name, exact=True).click()
    expect(page.get_by_test_id("stSidebar").get_by_text("Batch size")).to_be_visible()
    page.get_by_role("button", name="Train", exact=False).first.click()
    expect(page.get_by_text("· finished")).to_be_visible()
    expect(page.get_by_role("heading", name="Learning, or a moved threshold?")).to_be_visible()
    drawn(page, 5)


def decisions(page: Page) -> None:
    page.get_by_role("link", name="Decisions", exact=True).click()
    drawn(page, 4)


def screens() -> dict[str, tuple[str, Callable[[Page], None]]]:
    """Every page: its address, and what is waited for before axe looks."""
    return {
        "start": ("/", lambda page: drawn(page, 3)),
        "data": (f"/data?{FIELDS}", lambda page: drawn(page, 2)),
        "compare, before": (f"/compare?{FIELDS}", lambda page: None),
        "compare, after": (f"/compare?{FIELDS}", trained),
        "decisions": ("", decisions),
        "dial": (f"/dial?{FIELDS}", lambda page: drawn(page, 4)),
        "receipt": ("/receipt", lambda page: drawn(page, 1)),
        "field guide": ("/pitfalls?card=recall", lambda page: drawn(page, 1)),
        "sweep": ("/sweep", lambda page: None),
        "presentation": (f"/compare?present=1&{FIELDS}", lambda page: None),
    }


IN_DARK = ("start", "data", "compare, after", "decisions", "receipt")  # every kind of element stands on one of them


@pytest.mark.parametrize("look", ["light", "dark"])
def test_no_page_has_a_serious_violation(visit, look: str) -> None:
    with visit(theme=look) as guest:
        found = {}
        for name, (address, ready) in screens().items():
            if look == "dark" and name not in IN_DARK:
                continue
            if address:
                guest.open(address)
            ready(guest.page)
            guest.settle()
            # The page is built alike in both themes: in the dark one, only colours are looked at.
            found[name] = serious(guest.page, ["color-contrast"] if look == "dark" else None)
        assert not {name: lines for name, lines in found.items() if lines}
