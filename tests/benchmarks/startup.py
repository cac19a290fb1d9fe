"""A cold start: from the start of the process until it answers, until the first heading, until the first chart.

The files are in the page cache after the first round. What ends with `_s` is measured from the start of the process; the
visitor without a browser (visitor.py) asks for the page as soon as the server answers, so that loading Streamlit's own
frontend is not in it. Chromium's figure has that too, and the drawing.

`own_mb` and `streamlit_mb` are bytes on the wire until the first chart, compressed as Chromium gets them with an empty cache:
ours are what `static/` serves (plotly.js, the code of the charts) and all messages of the websocket, which carry our
components and figures; Streamlit's are its frontend.
"""

import statistics
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from playwright.sync_api import Page

from tests.benchmarks.live import spread
from tests.benchmarks.server import Server, browser, serve
from tests.benchmarks.visitor import Visitor

ROUNDS = 5
OWN = "/app/static/"
HEADING, CHART = "What is in the data", "[data-testid=stBidiComponentRegular] .js-plotly-plot, .js-plotly-plot"


def run(*, rounds: int = ROUNDS, chromium: bool = True) -> dict[str, float]:
    """health_s, heading_s, chart_s; rss_mb: resident memory with the first chart on screen, rss_trained_mb: after a training.

    The page is Data, whose heading and chart need the most: numpy, torch, pandas.
    """
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        with serve() as server:
            for key, value in one_start(server).items():
                taken.setdefault(key, []).append(value)
    result = spread(taken)
    if chromium:
        with browser() as page:
            if page is not None:
                seen = [chromium_start(page) for _ in range(max(rounds - 2, 1))]
                result |= {key: statistics.median(one[key] for one in seen) for key in seen[0]} | wire(page)
    return result


def one_start(server: Server) -> dict[str, float]:
    """One start, seen over the websocket."""
    result = {"health_s": server.healthy - server.started}
    visitor = Visitor(server.address, "data")
    visitor.send()
    result["heading_s"] = visitor.wait(lambda: visitor.says(HEADING)) - server.started
    result["chart_s"] = visitor.wait(lambda: visitor.charts()) - server.started
    result["rss_mb"] = server.rss_mb
    visitor.close()
    with Visitor(server.address, "compare") as trainer:
        trainer.click("Train")
        trainer.wait(lambda: trainer.says("· finished"))
        result |= {"trained_s": time.perf_counter() - server.started, "rss_trained_mb": server.rss_mb}
    return result


def chromium_start(page: Page) -> dict[str, float]:
    """One start, seen by a Chromium that has run before and has an empty cache for this address."""
    server: AbstractContextManager[Server] = serve()
    with server as running:
        page.goto(f"{running.address}/data", wait_until="commit")
        page.get_by_role("heading", name=HEADING).wait_for()
        heading = time.perf_counter() - running.started
        page.locator(".js-plotly-plot[data-drawn]").first.wait_for()
        return {"chromium_heading_s": heading, "chromium_chart_s": time.perf_counter() - running.started}


def wire(page: Page) -> dict[str, float]:
    """own_mb and streamlit_mb: what comes over the wire until the first chart is drawn and all is loaded."""
    line = page.context.new_cdp_session(page)
    asked: dict[str, str] = {}  # request -> its address
    came = {"own": 0.0, "streamlit": 0.0}

    def answered(event: dict[str, Any]) -> None:
        came["own" if OWN in asked.get(event["requestId"], "") else "streamlit"] += event["encodedDataLength"] / 1e6

    def told(event: dict[str, Any]) -> None:
        frame = event["response"]  # binary messages come as base64
        came["own"] += len(frame["payloadData"]) * (0.75 if frame["opcode"] == 2 else 1.0) / 1e6

    line.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    line.on("Network.loadingFinished", answered)
    line.on("Network.webSocketFrameReceived", told)
    line.send("Network.enable")
    line.send("Network.setCacheDisabled", {"cacheDisabled": True})
    with serve() as running:
        page.goto(f"{running.address}/data")
        page.locator(".js-plotly-plot[data-drawn]").first.wait_for(timeout=60_000)
        page.wait_for_load_state("networkidle")
    line.detach()
    return {f"{whose}_mb": size for whose, size in came.items()}


def text(result: Mapping[str, float]) -> str:
    """The result as a reader wants it, and what it does not show."""
    rows = (
        ("health_s", "s   the server answers: Streamlit alone"),
        ("heading_s", "s   heading of the page, before torch is imported"),
        ("chart_s", "s   first chart"),
        ("trained_s", "s   the first scenario is trained, the click included"),
        ("rss_mb", "MB  resident memory with that chart"),
        ("rss_trained_mb", "MB  after a training"),
        ("chromium_heading_s", "s   heading in Chromium, Streamlit's frontend loaded from this machine"),
        ("chromium_chart_s", "s   first chart drawn in Chromium"),
        ("own_mb", "MB  of ours on the wire until then, compressed: plotly.js, components, figures"),
        ("streamlit_mb", "MB  of Streamlit's own frontend"),
    )
    lines = ["From the start of the process, medians with their range:"]
    for key, what in rows:
        if key in result:
            span = f"  ({result[key + '_low']:.2f} to {result[key + '_high']:.2f})" if f"{key}_low" in result else ""
            lines.append(f"  {result[key]:8.2f} {what}{span}")
    lines.append("Files come from the page cache: the first start after a boot, or on a sleeping cloud, takes longer.")
    return "\n".join(lines)
