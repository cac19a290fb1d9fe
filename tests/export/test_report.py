"""The report as a file: what stands in it, how large it is, and that names of strangers are text."""

import base64
import gzip
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from lib.digest import digest
from lib.evaluation import evaluate
from lib.experiment import Experiment
from lib.export.report import MOST, report
from lib.figures.library import plotly_js
from lib.training import load, train

ATTACK = "<script>alert(1)</script>"
NAMES = [ATTACK, '"><img src=x onerror=alert(1)>', "<!--charts-->"]
WHAT = Experiment.from_dict({
    "data": {"source": "labels", "params": {"counts": [200, 60, 20], "names": NAMES, "n_val": 100, "n_test": 200}},
    "strategies": [{"name": "</pre><script>x"}, {"name": "balanced", "weighting": "balanced"}],
    "training": {"epochs": 2}, "seeds": [0, 1],
})  # fmt: skip
*_, LAST = train(WHAT, load(WHAT.data))
RESULTS = evaluate(LAST)
VERDICT = ["“balanced” raises recall <b>by 0.28</b>.", "Its odds are 19 times too high."]
WHEN = datetime(2026, 1, 2, tzinfo=UTC)
TEXT = report(LAST, RESULTS, VERDICT, when=WHEN)


class Reader(HTMLParser):
    """Tags, text outside scripts and styles, and the cells of tables."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.within = tag

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, data: str) -> None:
        if self.within not in ("script", "style"):
            self.text.append(data)


@pytest.fixture(scope="module")
def read() -> Reader:
    reader = Reader()
    reader.feed(TEXT)
    return reader


def unpacked(text: str | None) -> bytes:
    return gzip.decompress(base64.b64decode(text or ""))


def test_it_is_small_enough_to_be_sent() -> None:
    assert 1_500_000 < len(TEXT.encode()) < MOST < 3_000_000


def test_it_tells_verdict_digest_settings_and_how_it_was_made(read: Reader) -> None:
    shown = "".join(read.text)
    for wanted in (*VERDICT, digest(LAST, RESULTS), WHAT.fingerprint, "2026-01-02 00:00 UTC, torch", "Balanced", "A </pre>"):
        assert wanted in shown
    assert Experiment.from_json(re.search(r"experiment.json(\{.*\})", shown, re.DOTALL)[1]) == WHAT  # type: ignore[index]


def test_names_of_strangers_make_no_tag_and_no_script(read: Reader) -> None:
    assert [tag for tag, _ in read.tags].count("script") == 2 and "img" not in [tag for tag, _ in read.tags]
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert ATTACK not in TEXT and "".join(read.text).count(ATTACK) > 3


def test_nothing_is_asked_of_a_network(read: Reader) -> None:
    policy = next(attributes["content"] for tag, attributes in read.tags if attributes.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'") and "http" not in policy
    assert not [attributes for _, attributes in read.tags if {"src", "href"} & set(attributes)]


def test_the_library_is_plotlys_own_and_every_chart_is_a_figure(read: Reader) -> None:
    library = re.search(r'id="library">([^<]*)<', TEXT)
    assert library and unpacked(library[1]) == plotly_js().read_bytes()
    charts = [attributes for _, attributes in read.tags if "data-figure" in attributes]
    assert len(charts) == 4  # three features: no boundaries
    for attributes in charts:
        figure = json.loads(unpacked(attributes["data-figure"]))
        assert figure["data"] and figure["layout"] and attributes["aria-label"]


def test_the_same_result_gives_the_same_file() -> None:
    assert report(LAST, RESULTS, VERDICT, when=WHEN) == TEXT


def test_charts_that_do_not_fit_are_left_out_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.export.report.MOST", len(TEXT.encode()) - 3000)
    smaller = report(LAST, RESULTS, VERDICT)
    assert "was left out, so that the report stays small" in smaller and len(smaller) < len(TEXT)
    assert len(re.findall("data-figure=", smaller)) == 3


OTHERS = {
    "several labels": (
        {"source": "multilabel", "params": {"n": 120, "n_val": 60, "n_test": 80}}, "mlp",
        ["Label", "no, said yes", "All labels right", "“label 2”: what was taken for what"], 6,
    ),
    "series": (
        {"source": "events", "params": {"n": 60, "steps": 12, "rate": 0.2, "n_val": 30, "n_test": 40}}, "lstm",
        ["said to be event", "Event recall", "False alarms per 1000 steps", "on test steps", "series over time"], 5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("data, model, wanted, charts", OTHERS.values(), ids=OTHERS)
def test_labels_and_series_have_their_tables_and_charts(data: dict, model: str, wanted: list[str], charts: int) -> None:
    what = Experiment.from_dict({
        "data": data, "model": {"name": model}, "training": {"epochs": 1},
        "strategies": [{"name": ATTACK, "loss": "bce_with_logits"}, {"name": "b", "loss": "bce", "weighting": "balanced"}],
    })  # fmt: skip
    *_, last = train(what, load(what.data))
    results = evaluate(last)
    text = report(last, results, VERDICT, when=WHEN)
    reader = Reader()
    reader.feed(text)
    shown = "\n".join(reader.text)
    assert all(word in shown for word in wanted) and ATTACK not in text
    assert len([attributes for _, attributes in reader.tags if "data-figure" in attributes]) == charts
    cells = [cell.replace("\u2009", "").replace("\u202f", "").replace("\xa0", "") for cell in reader.text]
    for matrix in results[1, 0].confusion.reshape(-1, 2, 2):
        assert all(str(int(cell)) in cells for cell in matrix.flat)
