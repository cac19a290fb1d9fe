import json
import os

import pytest
from streamlit.testing.v1 import AppTest

from lib.figures.chart import Chart
from lib.ui.live_plotly import CSS, HTML, JS, install_plotly, plotly_js


def test_plotly_js_is_copied_once_and_whole(tmp_path):
    static = tmp_path / "static"
    copy = install_plotly(static)
    assert copy.read_bytes() == plotly_js().read_bytes()
    before = copy.stat().st_mtime_ns
    assert install_plotly(static).stat().st_mtime_ns == before
    assert os.listdir(static) == ["plotly.min.js"]


@pytest.mark.parametrize("broken", ["cut", "link"])
def test_a_broken_copy_is_replaced(tmp_path, broken):
    copy = tmp_path / "plotly.min.js"
    if broken == "cut":
        copy.write_text("half of it")
    else:
        copy.symlink_to(plotly_js())  # Streamlit refuses to serve a link that points outside
    install_plotly(tmp_path)
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
        assert forbidden not in JS
    assert "Plotly" in JS and "purge" in JS and "ResizeObserver" in JS
    assert 'role="img"' in HTML
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
