// Draws a figure with Plotly.react and keeps the node. Runs again at each change of data; its cleanup runs once.
// Nothing here makes HTML: labels reach the page through Plotly alone, and they were escaped in lib/figures/text.py.
const SOURCE = "./app/static/plotly.min.js" // relative: a base path before it does no harm
const states = new WeakMap()

function library() {
  window.liveplotly ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    const script = document.createElement("script")
    script.src = new URL(SOURCE, document.baseURI).href
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => { window.liveplotly = undefined; reject(new Error("plotly.min.js did not load")) }
    document.head.append(script)
  })
  return window.liveplotly
}

// Arrays stand once in `arrays`; {"$": index} stands where they belong.
function resolve(value, arrays) {
  if (Array.isArray(value)) return value.map((part) => resolve(part, arrays))
  if (value === null || typeof value !== "object") return value
  if ("$" in value) return arrays[value.$]
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolve(part, arrays)]))
}

// Panels in fewer columns where the window is narrow. Sizes in pixels, see lib/figures/panels.py.
function arrange(layout, width) {
  const grid = layout.meta?.grid
  if (!grid) return
  const { l, r, t, b } = layout.margin
  const inner = width - l - r
  let columns = Math.floor((inner + grid.gap_x) / (grid.narrowest + grid.gap_x))
  columns = Math.max(1, Math.min(columns, grid.columns))
  if (columns === 3 && grid.panels % 3 && grid.columns === 4) columns = 2
  const rows = Math.ceil(grid.panels / columns)
  const tall = rows * grid.height + (rows - 1) * grid.gap_y
  const wide = (inner - (columns - 1) * grid.gap_x) / columns
  if (columns < grid.columns) layout.height = tall + t + b
  for (let panel = 0; panel < grid.panels; panel++) {
    const end = panel ? panel + 1 : ""
    const x = (panel % columns) * (wide + grid.gap_x)
    const y = tall - Math.floor(panel / columns) * (grid.height + grid.gap_y)
    const within = (low, high, whole) => [Math.max(0, low / whole), Math.min(1, high / whole)]
    layout[`xaxis${end}`].domain = within(x, x + wide, inner)
    layout[`yaxis${end}`].domain = within(y - grid.height, y, tall)
  }
}

function config(state) {
  return {
    displaylogo: false, doubleClick: false, scrollZoom: false, showTips: false, responsive: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "resetScale2d", "toImage"],
    modeBarButtonsToAdd: [
      { name: "whole", title: "Show all again", icon: state.plotly.Icons.home, click: () => state.whole() },
      { name: "png", title: "Save as PNG", icon: state.plotly.Icons.camera, click: () => state.save("png") },
      { name: "svg", title: "Save as SVG", icon: state.plotly.Icons.disk, click: () => state.save("svg") },
    ],
  }
}

function draw(state) {
  if (!state.plotly || !state.alive || !state.plot.clientWidth) return
  const { data, layout, arrays, about } = JSON.parse(state.text)
  const figure = { data: resolve(data, arrays), layout: resolve(layout, arrays) }
  figure.layout.height = about.height
  figure.layout.width = state.plot.clientWidth
  arrange(figure.layout, state.plot.clientWidth)
  state.plot.style.minHeight = `${figure.layout.height}px`
  // Plotly resets to the ranges of the first drawing; a new uirevision drops the zoom and takes the present ones.
  figure.layout.uirevision = `${about.uirevision}#${state.wholes}`
  return state.plotly.react(state.plot, figure.data, figure.layout, config(state)).then(() => {
    state.plot.dataset.drawn = String(Number(state.plot.dataset.drawn ?? 0) + 1)
    if (!state.listening) {
      state.listening = true
      state.plot.on("plotly_doubleclick", () => state.whole())
    }
  })
}

function mount(plot) {
  const state = { plot, alive: true, wholes: 0, listening: false }
  state.whole = () => { state.wholes += 1; draw(state) }
  state.save = (format) => state.plotly.downloadImage(plot, {
    format, filename: "counterweight", scale: format === "png" ? 2 : 1, width: plot.clientWidth, height: plot.clientHeight,
  })
  let width = plot.clientWidth
  state.observer = new ResizeObserver(() => {
    if (plot.clientWidth === width) return
    width = plot.clientWidth
    requestAnimationFrame(() => draw(state))
  })
  state.observer.observe(plot)
  return state
}

export default function (component) {
  const { data, parentElement } = component
  const plot = parentElement.querySelector(".live-plotly-plot")
  if (!plot || !data) return
  const known = states.get(plot)
  const state = known ?? mount(plot)
  states.set(plot, state)
  const text = typeof data === "string" ? data : new TextDecoder().decode(data)
  if (text !== state.text) {
    state.text = text
    const { about } = JSON.parse(text)
    plot.setAttribute("aria-label", about.alt)
    if (!plot.style.minHeight) plot.style.minHeight = `${about.height}px`
    plot.dataset.note ??= "The chart is being drawn."
    if (state.plotly) draw(state)
    else library().then((plotly) => { state.plotly = plotly; return draw(state) })
      .catch((error) => { plot.dataset.note = `No chart: ${error.message}. Reload the page.` })
  }
  return () => {
    state.alive = false
    state.observer.disconnect()
    states.delete(plot)
    state.plotly?.purge(plot)
  }
}
