import json
import os

import pytest
from streamlit.testing.v1 import AppTest

from lib.figures.chart import Chart
from lib.figures.library import plotly_js
from lib.ui.live_plotly import CODE, CSS, HTML, JS, NAME, Click, install, read_click


def test_plotly_js_is_copied_once_and_whole(tmp_path):
    static = tmp_path / "static"
    install(static)
    copy = static / "plotly.min.js"
    assert copy.read_bytes() == plotly_js().read_bytes()
    before = copy.stat().st_mtime_ns
    (static / "live_plotly-0ld.js").write_text("of an earlier version")
    install(static)
    assert copy.stat().st_mtime_ns == before
    assert sorted(os.listdir(static)) == [NAME, "plotly.min.js"]
    assert (static / NAME).read_text(encoding="utf-8") == CODE


@pytest.mark.parametrize("broken", ["cut", "link"])
def test_a_broken_copy_is_replaced(tmp_path, broken):
    copy = tmp_path / "plotly.min.js"
    if broken == "cut":
        copy.write_text("half of it")
    else:
        copy.symlink_to(plotly_js())  # Streamlit refuses to serve a link that points outside
    install(tmp_path)
    assert not copy.is_symlink()
    assert copy.stat().st_size == plotly_js().stat().st_size


def test_the_javascript_makes_no_html_and_asks_nobody_else():
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "http:",
        "https:",
        "Streamlit.",
    ):
        assert forbidden not in JS + CODE
    assert "Plotly" in CODE and "purge" in CODE and "ResizeObserver" in CODE
    assert len(JS) < 500  # it goes with every message of every chart
    assert 'role="figure"' in HTML
    assert "url(" not in CSS


def test_the_component_mounts_and_sends_the_figure_as_data():
    def page():
        from lib.figures.chart import Chart
        from lib.ui.live_plotly import live_plotly

        chart = Chart({"data": [{"type": "scatter", "y": [1, 2]}], "layout": {"height": 250}}, "Two points, </script>.")
        live_plotly(chart, key="one")
        live_plotly(chart, key="two", height=100)

    test = AppTest.from_function(page, default_timeout=20).run()
    assert not test.exception
    protos = [element.proto for element in test.main if element.type == "bidi_component"]
    sent = [json.loads(proto.bytes) for proto in protos]
    assert [data["about"]["height"] for data in sent] == [250, 100]
    assert sent[0]["data"] == [{"type": "scatter", "y": [1, 2]}]
    assert "Two points" not in protos[0].html_content + protos[0].js_content


def test_a_chart_knows_its_height():
    assert Chart({"data": [], "layout": {"height": 250}}, "").figure.layout.height == 250


CLICK = {"trace": 3, "at": [1, 0], "panel": 2, "position": 5}


def test_a_click_says_which_point_of_which_panel_and_where_the_slider_stood():
    assert read_click(CLICK) == Click(3, (1, 0), panel=2, position=5)
    assert read_click(CLICK | {"at": 7}) == Click(3, (7,), panel=2, position=5)


@pytest.mark.parametrize(
    "sent",
    [None, "x", [], {}, CLICK | {"trace": -1}, CLICK | {"trace": True}, CLICK | {"at": []}, CLICK | {"at": [1, 2, 3]},
     CLICK | {"at": ["1", 0]}, CLICK | {"panel": None}, CLICK | {"panel": 1.5}, CLICK | {"position": -1},
     CLICK | {"at": [10**9, 0]}],
)  # fmt: skip
def test_what_is_no_click_is_nothing(sent):
    assert read_click(sent) is None
