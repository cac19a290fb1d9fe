"""A chart that lives through a training: the DOM node, a zoom and a hover survive new data.

`st.plotly_chart` mounts a new chart whenever its data change. This component calls `Plotly.react` instead. The figure
travels as data and is never turned into HTML or JavaScript; the JavaScript below is constant.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from lib.figures.chart import Chart
from lib.figures.library import plotly_js

STATIC = Path(__file__).resolve().parents[2] / "static"


@dataclass(frozen=True)
class Click:
    """A point that was clicked: its trace, and its index there, of a heat map row and column.

    `panel` is the subplot, from 0; `position` where the slider of the chart's group stood.
    """

    trace: int
    at: tuple[int, ...]
    panel: int = 0
    position: int = 0


HTML = """
<div class="live-plotly">
  <div class="live-plotly-plot" role="figure"></div>
</div>
"""

CSS = """
.live-plotly { width: 100%; }
.live-plotly-plot { width: 100%; overflow: hidden; }
.live-plotly-plot .modebar { opacity: 0; transition: opacity .15s; background: var(--st-background-color); border-radius: 4px; }
.live-plotly-plot:hover .modebar, .live-plotly-plot:focus-within .modebar { opacity: 1; }
.live-plotly-plot:not([data-drawn])::after { content: attr(data-note); display: block; padding-top: 1rem; opacity: .6; }
"""

CODE = (Path(__file__).with_name("live_plotly.js")).read_text(encoding="utf-8")
NAME = f"live_plotly-{hashlib.sha256(CODE.encode()).hexdigest()[:8]}.js"  # another program is another address: no stale copy
# Streamlit sends a component's JavaScript with each of its messages: this much instead of ten kilobytes.
JS = f"""
let code
export default async function (component) {{
  code ??= import(new URL("./app/static/{NAME}", document.baseURI).href)
  try {{ return (await code).default(component) }} catch (error) {{ code = null; throw error }}
}}
"""

_component = st.components.v2.component("live_plotly", html=HTML, css=CSS, js=JS, isolate_styles=False)


def live_plotly(
    chart: Chart, *, key: str, height: int | None = None, uirevision: str = "keep", group: str = "", clicks: bool = False
) -> Click | None:  # fmt: skip
    """Draw a chart, or bring the one with this key up to date.

    `height` in pixels overrules the chart's own. A zoom lasts as long as `uirevision` stays the same. A chart with slots
    shows the position of the slider of its `group` (lib/ui/scrubber.py). With `clicks`, a click on a point runs the script once
    and is returned in that run.
    """
    about = {"alt": chart.alt, "height": height or chart.height, "uirevision": uirevision, "group": group}
    about |= {"clicks": clicks}
    body = chart.payload()
    result = _component(
        key=key, data=f'{body[:-1]},"about":{json.dumps(about)}}}'.encode(), on_clicked_change=lambda: None
    )  # fmt: skip
    return read_click(result.clicked) if clicks else None


def read_click(clicked: Any) -> Click | None:
    """What a browser sent, if it can be a click; whether there is such a point is for the caller to see."""
    if not isinstance(clicked, dict) or not all(_index(clicked.get(name)) for name in ("trace", "panel", "position")):
        return None
    at = clicked.get("at")
    place: list[Any] = at if isinstance(at, list) else [at]
    if not 1 <= len(place) <= 2 or not all(map(_index, place)):
        return None
    return Click(clicked["trace"], tuple(place), clicked["panel"], clicked["position"])


def _index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9


def preload() -> None:
    """Load Plotly in the browser before there is a chart: the first one then needs no second of its own."""
    _component(key="preload", data=None)


def install(static: Path = STATIC) -> None:
    """Copy plotly.min.js and the code above to `static/`, which Streamlit serves."""
    static.mkdir(exist_ok=True)
    for old in static.glob("live_plotly-*.js"):
        if old.name != NAME:
            old.unlink(missing_ok=True)
    put(plotly_js().read_bytes, plotly_js().stat().st_size, static / "plotly.min.js")
    put(CODE.encode, len(CODE.encode()), static / NAME)


def put(read: Callable[[], bytes], size: int, copy: Path) -> None:
    """Write a file unless it is there. Whoever reads it meanwhile sees all of it or nothing."""
    if copy.is_file() and not copy.is_symlink() and copy.stat().st_size == size:
        return
    handle, name = tempfile.mkstemp(dir=copy.parent, prefix=".plotly-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(read())
        os.chmod(name, 0o644)
        os.replace(name, copy)
    finally:
        Path(name).unlink(missing_ok=True)
