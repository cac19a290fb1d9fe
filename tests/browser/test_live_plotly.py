"""The live chart's JavaScript as Streamlit's frontend calls it."""

import json

from lib.ui.live_plotly import CODE, HTML

LAYOUT = {"height": 200, "margin": {"l": 9, "r": 9, "t": 9, "b": 9}, "xaxis": {"range": [0, 9]}}
FIGURE = {"data": [{"type": "scatter", "y": [1, 2]}], "layout": LAYOUT}
MOUNT = """
  const module = await import(URL.createObjectURL(new Blob([js], { type: 'text/javascript' })))
  const parentElement = document.createElement('div')
  parentElement.append(document.createRange().createContextualFragment(html))
  document.body.append(parentElement)
  const plot = parentElement.querySelector('.live-plotly-plot')
  const show = (text) => module.default({ data: new TextEncoder().encode(text), parentElement })
  const drawn = async (times) => {
    const start = performance.now()
    while (!(plot.dataset.drawn >= times) && performance.now() - start < 30000)
      await new Promise((done) => setTimeout(done, 20))
  }
"""
OVERTAKEN = f"""async ([js, html, first, last]) => {{{MOUNT}
  const early = show(first)
  const late = show(last)
  early() // newer data came while the first call was under way: the frontend then runs its cleanup at once
  await drawn(1)
  const seen = [plot.dataset.drawn ?? 'never', plot.getAttribute('aria-label'), plot.calcdata?.[0]?.length ?? 0]
  parentElement.remove()
  late()
  return [...seen, plot.childElementCount]
}}"""
ZOOMED = f"""async ([js, html, first, last]) => {{{MOUNT}
  show(first)
  await drawn(1)
  const react = Plotly.react
  Plotly.react = (...given) => {{ // the next tick; the visitor lets go of the mouse while it is being drawn
    Plotly.react = react
    const done = react(...given)
    Plotly.relayout(plot, {{ 'xaxis.range': [0, 1] }})
    return done
  }}
  show(last)
  await drawn(2)
  show(first)
  await drawn(3)
  return plot.layout.xaxis.range
}}"""
KEPT = f"""async ([js, html, first, last]) => {{{MOUNT}
  const late = show(first)
  await drawn(1)
  await Plotly.relayout(plot, {{ 'xaxis.range': [0, 1] }})
  const drawing = plot.querySelector('.main-svg')
  late() // newer data came before this call was through, and the next one is still on its way
  const empty = plot.childElementCount === 0
  show(last)
  await drawn(2)
  return [empty, drawing.isConnected, plot.layout.xaxis.range]
}}"""


def payload(points: list[int], alt: str) -> str:
    figure = {**FIGURE, "data": [{"type": "scatter", "y": points}]}
    return json.dumps({**figure, "arrays": [], "about": {"alt": alt, "height": 200, "uirevision": "keep", "group": ""}})


def test_a_chart_that_newer_data_overtook_while_it_was_loading_is_drawn(visitor) -> None:
    """A short training sends its first and its last state almost at once; the chart kept the first one, undrawn."""
    page = visitor.open()
    told = page.evaluate(OVERTAKEN, [CODE, HTML, payload([1, 2], "at first"), payload([1, 2, 3], "in the end")])
    assert told == ["1", "in the end", 3, 0]


def test_a_zoom_that_falls_into_a_tick_stays(visitor) -> None:
    """While Plotly plots a chart anew it hears nothing: on a busy machine a zoom was gone with the next tick."""
    page = visitor.open()
    assert page.evaluate(ZOOMED, [CODE, HTML, payload([1, 2, 3], "at first"), payload([1, 2, 4], "then")]) == [0, 1]


def test_a_chart_whose_data_come_quickly_is_not_mounted_anew(visitor) -> None:
    page = visitor.open()
    told = page.evaluate(KEPT, [CODE, HTML, payload([1, 2, 3], "at first"), payload([1, 2, 4], "then")])
    assert told == [False, True, [0, 1]]
