"""Labels and series in a real browser: upload, choose how it is asked, train; strips line up with the truth."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from lib.experiment import DataSpec
from lib.figures.strips import choose
from lib.registry import Params
from lib.training import load
from tests.browser.conftest import still

PLOTS = ".js-plotly-plot"


def series_file(series: int = 30) -> bytes:
    """Series of 20 to 40 steps; the value is high during an event."""
    rng = np.random.default_rng(0)
    lines = ["machine,step,value,event"]
    for number in range(series):
        steps = int(rng.integers(20, 41))
        start = int(rng.integers(0, steps - 4)) if number % 2 else steps
        for step in range(steps):
            on = start <= step < start + 3
            lines.append(f"m{number},{step},{rng.normal(4 if on else 0):.3f},{int(on)}")
    return ("\n".join(lines) + "\n").encode()


def labels_file(rows: int = 300) -> bytes:
    rng = np.random.default_rng(1)
    lines = ["a,b,tags"]
    for number in range(rows):
        cat, bird = number % 2 == 0, number % 9 == 0
        tags = ";".join(name for name, there in (("cat", cat), ("bird", bird)) if there)
        lines.append(f"{rng.normal(2 * cat):.3f},{rng.normal(3 * bird):.3f},{tags}")
    return ("\n".join(lines) + "\n").encode()


def hundred_classes() -> bytes:
    rng = np.random.default_rng(2)
    lines = ["x,y,kind"]
    for kind in range(100):
        for _ in range(10 + 60 // (kind + 1)):
            lines.append(f"{rng.normal(kind % 10):.3f},{rng.normal(kind // 10):.3f},kind {kind}")
    return ("\n".join(lines) + "\n").encode()


def upload(page: Page, name: str, data: bytes) -> None:
    page.get_by_role("radio", name="Upload rows").click()
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": data})


def train(visitor, page: Page) -> None:
    page.get_by_role("link", name="Go on to training").click()
    expect(page.get_by_role("heading", name="What do the weights change?")).to_be_visible(timeout=30_000)
    visitor.settle()
    page.get_by_role("button", name=re.compile("^Train(?! these)")).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=90_000)


def test_upload_a_long_form_series_file_and_train_on_it(visitor) -> None:
    page = visitor.open("/data?training.epochs=4&s1=plain&s2=weighted&s2.weighting=balanced")
    upload(page, "machines.csv", series_file())
    expect(page.get_by_text("machines.csv · 18 training series · steps")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile("30 series of 2\\d to (39|40) steps; 15 of them have an event"))).to_be_visible()
    train(visitor, page)
    expect(page.get_by_text(re.compile("6 test series with"))).to_be_visible()
    expect(page.get_by_label(re.compile("^Truth, score and decision over time"))).to_be_visible(timeout=30_000)


@pytest.mark.thorough
def test_upload_a_multi_label_file_and_train_on_it(visitor) -> None:
    page = visitor.open("/data?training.epochs=4&s1=plain&s2=weighted&s2.weighting=balanced")
    upload(page, "pets.csv", labels_file())
    expect(page.get_by_text("pets.csv · 180 training rows · 2 labels · rarest 1 :")).to_be_visible(timeout=60_000)
    expect(page.get_by_label(re.compile("^How labels occur together"))).to_be_visible(timeout=30_000)
    train(visitor, page)
    expect(page.get_by_text("59 test rows")).to_be_visible()
    matrix = page.get_by_label(re.compile("^Confusion matrices on validation rows"))
    expect(matrix).to_contain_text("no bird", timeout=30_000)


@pytest.mark.thorough
def test_upload_a_file_with_a_hundred_classes(visitor) -> None:
    page = visitor.open("/data?training.epochs=3&s1=plain&s2=weighted&s2.weighting=balanced")
    upload(page, "kinds.csv", hundred_classes())
    expect(page.get_by_text(re.compile(r"kinds.csv · \d+ training rows · 100 classes"))).to_be_visible(timeout=60_000)
    train(visitor, page)
    expect(page.get_by_text("Most frequent confusions", exact=True).first).to_be_visible(timeout=30_000)


@pytest.mark.thorough
def test_a_series_file_with_a_wrong_label_says_where_and_loses_nothing(visitor) -> None:
    page = visitor.open("/data?training.epochs=4&s1=plain")
    upload(page, "machines.csv", series_file())
    expect(page.get_by_text("machines.csv · 18 training series · steps")).to_be_visible(timeout=60_000)
    page.locator("[data-testid=stFileUploader] button").last.click()
    lines = series_file().decode().splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith("m2,5,"))
    lines[row] = lines[row][:-1] + "7"
    upload(page, "worse.csv", "\n".join(lines).encode())
    expect(page.get_by_text(re.compile(rf"row {row + 1} \(series 'm2'\) has '7"))).to_be_visible(timeout=60_000)
    expect(page.get_by_text("The data stay as they were.")).to_be_visible()
    expect(page.get_by_text("machines.csv · 18 training series")).to_be_visible()


def trained_strips(page: Page) -> str:
    """Train, and the chart of the strips in the browser's words."""
    page.get_by_role("button", name=re.compile("^Train(?! these)")).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=90_000)
    chart = page.get_by_label(re.compile("^Truth, score and decision over time"))
    expect(chart).to_be_visible(timeout=30_000)
    found = f"[...document.querySelectorAll('{PLOTS}')].find(plot => plot.data?.some(trace => trace.name === 'truth'))"
    page.wait_for_function(f"Boolean({found})", timeout=30_000)
    still(page)
    return found


def test_strips_line_up_with_the_truth(visitor) -> None:
    params = {"n": 60, "steps": 30, "shortest": 12, "rate": 0.05, "n_val": 40, "n_test": 30}
    query = "&".join(f"data.{name}={value}" for name, value in params.items())
    page = visitor.open(f"/compare?data=events&{query}&model=lstm&training.epochs=3&s1=plain&s2=w&s2.weighting=pos_weight")
    found = trained_strips(page)
    drawn = page.evaluate(
        f"{found}.calcdata.map(c => ({{name: c[0].trace.name, axis: c[0].trace.xaxis,"
        " bars: c[0].trace.type === 'bar' ? c.map(p => [p.p, p.w]) : [], line: c[0].trace.type === 'scatter' ? c.length : 0}))"
    )
    part = load(DataSpec("events", Params(params))).validation
    shown = choose(part)
    for panel, number in enumerate(shown):
        axis = "x" if panel == 0 else f"x{panel + 1}"
        (truth,) = [own for own in drawn if own["name"] == "truth" and own["axis"] == axis]
        steps = sorted(
            step for middle, width in truth["bars"] if middle is not None
            for step in range(round(middle - width / 2 + 0.5), round(middle + width / 2 + 0.5))
        )  # fmt: skip
        events = ((part.y[number] > 0) & part.mask[number]).nonzero().flatten() + 1
        assert steps == events.tolist()
        lines = [own["line"] for own in drawn if own["axis"] == axis and own["line"] > 2]
        assert lines == [int(part.mask[number].sum())] * 2  # a score for every step, and for no padding


def test_strips_follow_the_epoch_slider(visitor) -> None:
    data = "data=events&data.n=60&data.steps=30&data.shortest=12&data.rate=0.05&data.n_val=40&data.n_test=30"
    page = visitor.open(f"/compare?{data}&model=lstm&training.epochs=6&training.lr=0.03&s1=plain&s2=w&s2.weighting=pos_weight")
    found = trained_strips(page)
    score = f"{found}.calcdata.find(c => c[0].trace.name === 'B w').map(p => p.y.toFixed(4)).join()"
    last = page.evaluate(score)
    page.get_by_role("slider", name="Epoch").focus()
    page.keyboard.press("Home")
    page.wait_for_function(f"{score} !== '{last}'", timeout=30_000)
    page.keyboard.press("End")
    page.wait_for_function(f"{score} === '{last}'", timeout=30_000)
