"""The live chart's JavaScript as Streamlit's frontend calls it."""

import json

import pytest

from lib.ui.live_plotly import CODE, HTML

LAYOUT = {"height": 200, "margin": {"l": 9, "r": 9, "t": 9, "b": 9}, "xaxis": {"range": [0, 9]}}
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


OTHERS = f"""async ([js, html, first, ...others]) => {{{MOUNT}
  show(first)
  await drawn(1)
  await Plotly.relayout(plot, {{ 'xaxis.range': [6, 8] }})
  const seen = []
  for (const [times, text] of others.entries()) {{
    show(text)
    await drawn(times + 2)
    seen.push([...plot.layout.xaxis.range])
  }}
  return seen
}}"""
HIDDEN = f"""async ([js, html, first, ...others]) => {{{MOUNT}
  show(first)
  await drawn(1)
  const visible = () => plot._fullData.filter((trace) => trace.visible === true).map((trace) => trace.name)
  plot.querySelectorAll('.legendtoggle')[1].dispatchEvent(new MouseEvent('mousedown', {{ bubbles: true }}))
  plot.querySelectorAll('.legendtoggle')[1].dispatchEvent(new MouseEvent('mouseup', {{ bubbles: true }}))
  const start = performance.now()
  while (visible().length > 2 && performance.now() - start < 30000) await new Promise((done) => setTimeout(done, 20))
  const seen = [visible()]
  const before = Number(plot.dataset.drawn)
  for (const [times, text] of others.entries()) {{
    show(text)
    await drawn(before + times + 1)
    seen.push(visible())
  }}
  plot.querySelector('[data-title="Show all again"]').click()
  await drawn(before + others.length + 1)
  return [...seen, visible()]
}}"""


def payload(points: list[int], alt: str, axis: dict[str, object] | None = None, names: str = "") -> str:
    data = [{"type": "scatter", "y": points, "name": name} for name in names] or [{"type": "scatter", "y": points}]
    layout = {**LAYOUT, "xaxis": {**LAYOUT["xaxis"], **(axis or {})}, "showlegend": bool(names)}  # type: ignore[dict-item]
    figure = {"data": data, "layout": layout}
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


@pytest.mark.parametrize("axis", [{"type": "log"}, {"title": {"text": "NLL"}}, {"range": [0, 5]}])
def test_a_zoom_lasts_as_long_as_its_axis(visitor, axis: dict[str, object]) -> None:
    page = visitor.open()
    told = page.evaluate(OTHERS, [CODE, HTML, payload([1, 2, 3], "a"), payload([1, 2, 4], "b"), payload([1, 2, 5], "c", axis)])
    assert told == [[6, 8], axis.get("range", [0, 9])]


def test_what_the_legend_hides_is_the_same_curve_when_others_go(visitor) -> None:
    page = visitor.open()
    figures = [payload([1, 2], names, names=names) for names in ("abc", "cab", "bc")]
    told = page.evaluate(HIDDEN, [CODE, HTML, *figures])
    assert told == [["a", "c"], ["c", "a"], ["c"], ["b", "c"]]
