"""The live chart's JavaScript as Streamlit's frontend calls it."""

import json

from lib.ui.live_plotly import CODE, HTML

FIGURE = {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {"height": 200, "margin": {"l": 9, "r": 9, "t": 9, "b": 9}}}
OVERTAKEN = """async ([js, html, first, last]) => {
  const module = await import(URL.createObjectURL(new Blob([js], { type: 'text/javascript' })))
  const parentElement = document.createElement('div')
  parentElement.append(document.createRange().createContextualFragment(html))
  document.body.append(parentElement)
  const bytes = (text) => new TextEncoder().encode(text)
  const early = module.default({ data: bytes(first), parentElement })
  const late = module.default({ data: bytes(last), parentElement })
  early() // newer data came while the first call was under way: the frontend then runs its cleanup at once
  const plot = parentElement.querySelector('.live-plotly-plot')
  const start = performance.now()
  while (!plot.dataset.drawn && performance.now() - start < 30000) await new Promise((done) => setTimeout(done, 20))
  const seen = [plot.dataset.drawn ?? 'never', plot.getAttribute('aria-label'), plot.calcdata?.[0]?.length ?? 0]
  late()
  return [...seen, plot.childElementCount]
}"""


def payload(points: list[int], alt: str) -> str:
    figure = {**FIGURE, "data": [{"type": "scatter", "y": points}]}
    return json.dumps({**figure, "arrays": [], "about": {"alt": alt, "height": 200, "uirevision": "keep", "group": ""}})


def test_a_chart_that_newer_data_overtook_while_it_was_loading_is_drawn(visitor) -> None:
    """A short training sends its first and its last state almost at once; the chart kept the first one, undrawn."""
    page = visitor.open()
    told = page.evaluate(OVERTAKEN, [CODE, HTML, payload([1, 2], "at first"), payload([1, 2, 3], "in the end")])
    assert told == ["1", "in the end", 3, 0]
