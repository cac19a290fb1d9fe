"""Names of strangers in a real browser: on every page, in the report, the CSV and the figures they are text, nothing else."""

import csv
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

PWN = "window.__pwned=1"
NAMES = (
    f"<script>{PWN}</script>",
    f"<img src=x onerror={PWN}>",
    "![m](http://evil.example/m.png)",
    f"[click](javascript:{PWN})",
    "$\\href{http://evil.example}{x}$ :red[r]",
    "%{y}<extra></extra>{{7*7}}${7*7}",
    '"><a href="//evil.example">l</a>',
    "\u202e:material/home: \u2066\u05db\u05dc\u05d1",
)
assert max(map(len, NAMES)) <= 40  # the longest name that a strategy may have
LONG = "=cmd|' /C calc'!A0 " + "W" * 60
CLASSES = (*NAMES[:5], NAMES[7], LONG)
TRAIN = re.compile("^Train(?! these)")
PAGES = ("", "data", "compare", "decisions", "dial", "receipt", "pitfalls", "sweep")
ALIVE = f"""
() => ({{
  pwned: window.__pwned ?? null,
  links: [...document.querySelectorAll("a[href]")].map(a => a.getAttribute("href")).filter(h => /evil|javascript:/i.test(h)),
  images: [...document.querySelectorAll("img, image, iframe, object, embed")].map(
    i => i.getAttribute("src") ?? i.getAttribute("href") ?? "").filter(s => s === "x" || /evil/.test(s)),
  scripts: [...document.scripts].filter(s => s.textContent.trim() === "{PWN}").length,
  handlers: document.querySelectorAll("[onerror], [onload], [onclick]").length,
  direction: document.body.innerText.includes("\\u202e"),
}})
"""
DEAD = {"pwned": None, "links": [], "images": [], "scripts": 0, "handlers": 0, "direction": False}


def check_dead(page: Page) -> None:
    assert page.evaluate(ALIVE) == DEAD


@pytest.fixture
def dialogs() -> list[str]:
    return []


@pytest.fixture
def guest(visitor, dialogs: list[str]):  # noqa: ANN001, ANN201
    """A visitor in whose browser nothing may open a dialog, and of whom no other machine may be asked for anything."""

    def note(dialog) -> None:  # noqa: ANN001
        dialogs.append(dialog.message)
        dialog.dismiss()

    visitor.page.on("dialog", note)
    visitor.page.on("popup", lambda page: dialogs.append(page.url))
    yield visitor
    assert dialogs == []


def link() -> str:
    """A comparison of strategies with these names, on labels with these names."""
    fields = {"data": "labels", "data.counts": ",".join(["200"] * len(CLASSES)), "data.names": json.dumps(CLASSES)}
    fields |= {
        "training.epochs": "2",
        "training.batch_size": "256",
        "model": "linear",
        "data.n_test": "1000",
        "data.n_val": "500",
    }
    for number, name in enumerate(NAMES, start=1):
        fields[f"s{number}"] = name
    return urlencode(fields)


def test_names_are_text_on_every_page_in_the_report_and_in_the_csv(guest, chromium: Browser, tmp_path: Path) -> None:
    page = guest.open(f"/compare?{link()}")
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    for name in NAMES[:4]:
        expect(page.get_by_text(name[:20]).first).to_be_attached()
    check_dead(page)
    for chart in page.locator(".js-plotly-plot[data-drawn]").all()[:4]:  # what a pointer finds in a figure
        chart.scroll_into_view_if_needed()
        chart.hover()
        check_dead(page)
    page.get_by_text("Share and export").click()
    expect(page.get_by_text("Link to this experiment")).to_be_visible()
    check_dead(page)
    saved = {}
    for file in ("report.html", "results.csv"):
        with page.expect_download() as download:
            page.get_by_role("button", name=file).click()
        saved[file] = tmp_path / file
        download.value.save_as(saved[file])
    for name in PAGES[3:]:
        guest.page.get_by_role("link", name=TITLES[name], exact=True).click()
        expect(page).to_have_url(re.compile(f"/{name}"))
        guest.settle()
        check_dead(page)
    check_csv(saved["results.csv"])
    check_report(chromium, saved["report.html"])


TITLES = {"decisions": "Decisions", "dial": "Dial", "receipt": "Receipt", "pitfalls": "Field guide", "sweep": "Sweep"}


def check_csv(file: Path) -> None:
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert len({len(row) for row in rows}) == 1
    active = [cell for row in rows for cell in row if cell[:1] in "=+@\t\r" and cell]
    assert active == []
    assert any("<script>" in cell for row in rows for cell in row)


def check_report(chromium: Browser, file: Path) -> None:
    """Opened from disk, with a network: nothing is asked for."""
    context = chromium.new_context()
    page, asked, dialogs, errors = context.new_page(), [], [], []  # type: ignore[var-annotated]
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    assert NAMES[0] in page.inner_text("body")
    check_dead(page)
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == dialogs == errors == []
    context.close()


def test_columns_and_classes_of_a_file_are_text(guest) -> None:
    columns = ["n", f"<img src=x onerror={PWN}>", "[c](javascript:1) $x$ :red[r]", "kind"]
    lines = [",".join(columns)] + [f'{i % 7},{i % 5}.5,{i % 3},"{NAMES[i % 4]}"' for i in range(120)]
    page = guest.open("/data")
    page.get_by_role("radio", name="Upload rows").click()
    name = f"<img src=x onerror={PWN}>![x](http:evil.example).csv"
    file = {"name": name, "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    page.locator("[data-testid=stSidebar] input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    expect(page.get_by_text("72 training rows · 4 classes")).to_be_visible()
    guest.settle()
    check_dead(page)
    page.get_by_role("link", name="Go on to training").click()
    expect(page.get_by_role("button", name=TRAIN)).to_be_enabled()
    guest.settle()
    check_dead(page)


@pytest.mark.thorough
def test_a_hostile_link_runs_nothing_on_any_page(guest) -> None:
    """Values and names of fields that are quoted in a refusal, and the own fields of pages."""
    wrong = {NAMES[1]: NAMES[0], "s1": NAMES[2], "card": NAMES[0], "lab": NAMES[1], "present": NAMES[1], "digest": NAMES[3]}
    own = {"r.names": f"{NAMES[1]},b", "r.z": "1,0", "r.y": "b", f"r.{NAMES[2]}": "1"}
    for name in PAGES:
        page = guest.open(f"/{name}?{urlencode(wrong | own if name == 'receipt' else wrong)}")
        expect(page.get_by_text("The link does not work").or_(page.get_by_text("has no field")).first).to_be_visible()
        check_dead(page)
