"""The figures of `live` as Chromium sees them: from a click until Plotly has drawn."""

import statistics
import time
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.benchmarks.server import SETTLED, browser

# A page that can be told to stop asking for ticks, and that knows its own curves.
PROBE = """
const original = window.setInterval
window.ticking = true
window.setInterval = (action, every, ...rest) => original(() => window.ticking && action(...rest), every)
window.plot = () => document.querySelector('.js-plotly-plot')
window.button = (label) => [...document.querySelectorAll('button')].find((b) => b.innerText.startsWith(label))
window.progress = () => Math.max(0, ...(window.plot()?._fullData ?? []).map((trace) => trace.x?.length ? trace.x.at(-1) : 0))
window.drawn = () => Number(window.plot()?.dataset.drawn ?? 0)
window.stopped = () => document.querySelector('[data-testid=stProgress]')?.textContent.includes('stopped')
window.until = (condition) => new Promise((done, fail) => {
  const start = performance.now()
  const look = () => {
    if (condition()) done(performance.now())
    else if (performance.now() - start > 60000) fail(new Error(`In vain: ${condition}`))
    else requestAnimationFrame(look)
  }
  look()
})
window.press = async (label) => {
  await window.until(() => window.button(label) && !window.button(label).disabled)
  window.button(label).click()
  return performance.now()
}
"""
FIRST = """async () => {
  const old = window.progress(), before = window.drawn(), start = await window.press('Train')
  return await window.until(() => window.progress() > 0 && (window.progress() !== old || window.drawn() < before)) - start
}"""
STOP = """async () => {
  const start = await window.press('Stop')
  return await window.until(window.stopped) - start
}"""
SAMPLE = """async () => {
  window.ticking = true
  const before = window.drawn()
  const now = await window.until(() => window.drawn() > before)
  return [now / 1000, window.progress(), window.drawn()]
}"""


def chromium_figures(address: str, query: dict[str, str], *, rounds: int, pairs: int, window: float = 2.0) -> dict[str, float]:
    """chromium_first_point_s, chromium_stop_s, chromium_updates_per_s, chromium_slowdown; nothing without a Chromium."""
    with browser() as page:
        if page is None:
            return {}
        page.add_init_script(PROBE)
        page.goto(f"{address}/compare?{urlencode(query)}")
        page.wait_for_selector(SETTLED)
        page.wait_for_function("window.button('Train')")
        firsts, stops, updates, slowdowns = [], [], [], []
        for _ in range(rounds):
            firsts.append(page.evaluate(FIRST) / 1000)
            time.sleep(1)
            stops.append(page.evaluate(STOP) / 1000)
            time.sleep(0.5)
        page.evaluate(FIRST)
        for _ in range(pairs):
            watched, drawn = stretch(page, window, watched=True)
            alone, _ = stretch(page, window, watched=False)
            slowdowns.append(alone / watched - 1)
            updates.append(drawn)
        page.evaluate(STOP)
    values: dict[str, Any] = {"first_point_s": firsts, "stop_s": stops, "updates_per_s": updates, "slowdown": slowdowns}
    return {f"chromium_{key}": statistics.median(own) for key, own in values.items()}


def stretch(page: Page, window: float, *, watched: bool) -> tuple[float, float]:
    """Epochs and drawn updates per second of a stretch of training."""
    start, before, drawn = page.evaluate(SAMPLE)
    page.evaluate(f"window.ticking = {str(watched).lower()}")
    time.sleep(window)
    end, after, more = page.evaluate(SAMPLE)
    return (after - before) / (end - start), (more - drawn) / (end - start)
