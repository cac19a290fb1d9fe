// Draws a figure with Plotly.react and keeps the node. Runs again at each change of data; its cleanup runs once.
// Nothing here makes HTML: labels reach the page through Plotly alone, and they were escaped in lib/figures/text.py.
const SOURCE = "./app/static/plotly.min.js" // relative: a base path before it does no harm
const states = new WeakMap()
const shared = (window.livePlotly ??= { loading: null, waiting: new Set(), busy: false }) // one for all charts of the page
const positions = (window.livePlotlyPositions ??= {}) // group -> where its slider stands, see scrubber.js

function library() {
  shared.loading ??= new Promise((done, fail) => {
    if (window.Plotly) return done(window.Plotly)
    const script = document.createElement("script")
    script.src = new URL(SOURCE, document.baseURI).href
    script.onload = () => done(window.Plotly)
    script.onerror = () => { shared.loading = null; fail(new Error("plotly.min.js did not load")) }
    document.head.append(script)
  })
  return shared.loading
}

// One chart a frame, always with the newest data, small ones first. A chart that took long rests for a while, so that the
// others go on: a slow browser skips ticks of the expensive chart, then of all, and stays usable. Charts that follow a slider
// under somebody's hand come first and together.
const REST = 4 // times as long as its drawing took
function schedule(state) {
  shared.waiting.add(state)
  if (shared.busy) return
  shared.busy = true
  requestAnimationFrame(work)
}

async function work() {
  const start = performance.now()
  const due = [...shared.waiting].filter((state) => state.hurried || !(state.due > start))
  due.sort((a, b) => a.text.length - b.text.length)
  if (!due.length) {
    shared.busy = shared.waiting.size > 0
    if (shared.busy) setTimeout(() => requestAnimationFrame(work), 20)
    return
  }
  const hurried = due.filter((state) => state.hurried)
  for (const state of hurried.length ? hurried : due.slice(0, 1)) await drawOne(state)
  setTimeout(() => requestAnimationFrame(work), hurried.length ? 0 : Math.min(performance.now() - start, 20))
}

async function drawOne(state) {
  const start = performance.now()
  const again = "drawn" in state.plot.dataset && !state.hurried
  shared.waiting.delete(state)
  state.hurried = false
  const patience = new Promise((done) => setTimeout(done, 3000)) // a chart that never gets done must not hold up the others
  try { await Promise.race([draw(state), patience]) } catch (error) { console.error(error) }
  if (again) state.due = start + (1 + REST) * (performance.now() - start)
}

// Arrays stand once in `arrays`; {"$": index} stands where they belong.
function resolve(value, arrays) {
  if (Array.isArray(value)) return value.map((part) => resolve(part, arrays))
  if (value === null || typeof value !== "object") return value
  if ("$" in value) return arrays[value.$]
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolve(part, arrays)]))
}

// What the slider of the chart's group chose stands at the place of each slot.
function showFrame(figure, slots, arrays, position) {
  for (const { path, values } of slots) {
    const place = path.slice(0, -1).reduce((part, step) => part[step], figure)
    place[path.at(-1)] = resolve(values[Math.min(position, values.length - 1)], arrays)
  }
}

// Where a slider moves nothing but shapes, only those are drawn again: that is much less than the whole chart. Returns what
// changes, as one map from the path within a shape to its value for each shape.
function movedShapes(state) {
  const { slots, arrays } = state.parsed
  const { parsed, width, position } = state.shown ?? {}
  if (parsed !== state.parsed || width !== state.plot.clientWidth || !slots?.length) return null
  const next = positions[state.group] ?? 0
  const changes = new Map()
  for (const { path, values } of slots) {
    const value = values[Math.min(next, values.length - 1)]
    if (path[0] === "alt") state.plot.setAttribute("aria-label", value)
    else if (path[0] !== "layout" || path[1] !== "shapes") return null
    else if (value !== values[Math.min(position, values.length - 1)]) {
      if (!changes.has(path[2])) changes.set(path[2], {})
      changes.get(path[2])[path.slice(3).join(".")] = resolve(value, arrays)
    }
  }
  state.shown.position = next
  return changes
}

// Plotly takes 20 ms and more to move a line or to write a number. So lines, shades and labels are changed in the drawing
// itself, and in the layout that Plotly draws from next time; what cannot be changed so is left to Plotly, and returned.
function moveInPlace(plot, changes) {
  const left = {}
  for (const [index, change] of changes) {
    const parts = plot.querySelectorAll(`.shapelayer g.shape-group[data-index="${index}"]`)
    const steps = parts.length === 1 && shapeSteps(plot, plot._fullLayout.shapes[index], parts[0], change)
    for (const [key, value] of Object.entries(change)) {
      if (!steps) left[`shapes[${index}].${key}`] = value
      else for (const layout of [plot.layout, plot._fullLayout]) place(layout.shapes[index], key.split("."), value)
    }
    for (const step of steps || []) step()
  }
  return left
}

function place(target, path, value) {
  path.slice(0, -1).reduce((part, key) => (part[key] ??= {}), target)[path.at(-1)] = value
}

// What to do to the drawing of one shape; null where only Plotly can.
function shapeSteps(plot, shape, part, change) {
  const path = part.querySelector("path"), text = part.querySelector("text")
  const steps = []
  for (const [key, value] of Object.entries(change)) {
    if (key === "x0" || key === "x1") {
      const axis = plot._fullLayout[shape.xref.replace("x", "xaxis")]
      const ends = path?.getAttribute("d").match(/^M[-\d.]+,([-\d.]+)L[-\d.]+,([-\d.]+)$/)
      if (shape.type !== "line" || axis?.type !== "linear" || !ends || change.x0 !== change.x1) return null
      const x = axis._offset + axis.l2p(value)
      steps.push(() => path.setAttribute("d", `M${x},${ends[1]}L${x},${ends[2]}`))
    } else if (key === "fillcolor" && /^#[\da-f]{6}$/i.test(value) && path) {
      steps.push(() => { path.style.fill = value; path.style.fillOpacity = 1 })
    } else if (key === "label.font.color" && text) {
      steps.push(() => { text.style.fill = value })
    } else if (key === "label.text" && text) {
      const written = newTexts(text, shape.label.text, value)
      if (!written) return null
      steps.push(...written)
    } else return null
  }
  return steps
}

// Each stretch between two tags is one text node of the drawing, as long as tags stay the same and nothing is escaped.
function newTexts(text, before, after) {
  const tags = (label) => label.match(/<[^>]*>/g)?.join("") ?? ""
  const stretches = (label) => label.split(/<[^>]*>/).filter(Boolean)
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT), nodes = []
  while (walker.nextNode()) if (walker.currentNode.data) nodes.push(walker.currentNode)
  const next = stretches(after)
  if (tags(before) !== tags(after) || /&/.test(before + after) || nodes.length !== next.length) return null
  if (stretches(before).some((stretch, i) => nodes[i].data !== stretch)) return null
  return nodes.map((node, i) => () => { if (node.data !== next[i]) node.data = next[i] })
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

// Texts that depend on the real width: notes under a plot are broken into lines (about 7.3 px a character at 14 px),
// beside narrow curves stand letters without names, and of many slanted tick labels as many as fit.
function fitTexts(layout, width) {
  const { tickangle, tickvals, ticktext } = layout.xaxis ?? {}
  if (tickangle && ticktext && !layout.meta?.grid) {
    const step = Math.ceil((tickvals.length * 20) / (width - layout.margin.l - layout.margin.r))
    layout.xaxis.tickvals = tickvals.filter((_, i) => i % step === 0)
    layout.xaxis.ticktext = ticktext.filter((_, i) => i % step === 0)
  }
  const narrow = width < 340
  const most = Math.max(24, Math.floor((width - layout.margin.l - (narrow ? 30 : layout.margin.r)) / 7.3))
  for (const text of layout.annotations ?? []) {
    if (text.name === "end" && narrow) {
      text.text = text.text.match(/^<b>[^<]*<\/b>/)[0]
      layout.margin.r = 34
    }
    if (text.name !== "note") continue
    const lines = [""]
    for (const word of text.text.replaceAll("<br>", " ").split(" ")) {
      const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word
      if (longer.length > most && lines.at(-1)) lines.push(word)
      else lines[lines.length - 1] = longer
    }
    const more = 18 * Math.max(0, lines.length - text.text.split("<br>").length)
    layout.margin.b += more
    layout.height += more
    text.text = lines.join("<br>")
  }
}

// Made once for each chart: another object, were it only for its functions, and Plotly.react plots everything anew, twice,
// and hears nothing meanwhile.
function config(state) {
  return {
    showSendToCloud: false, // what is drawn may be the visitor's own, and goes nowhere
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
  const shapes = movedShapes(state)
  if (shapes) {
    const left = moveInPlace(state.plot, shapes)
    const done = Object.keys(left).length ? state.plotly.relayout(state.plot, left) : Promise.resolve()
    return done.then(() => counted(state))
  }
  const { data, layout, slots, arrays, about } = state.parsed
  const shown = { parsed: state.parsed, width: state.plot.clientWidth, position: positions[about.group] ?? 0 }
  const figure = { data: resolve(data, arrays), layout: resolve(layout, arrays), alt: about.alt }
  showFrame(figure, slots ?? [], arrays, positions[about.group] ?? 0)
  state.plot.setAttribute("aria-label", figure.alt)
  figure.layout.height = about.height
  figure.layout.width = state.plot.clientWidth
  fitTexts(figure.layout, state.plot.clientWidth)
  arrange(figure.layout, state.plot.clientWidth)
  state.plot.style.minHeight = `${figure.layout.height}px`
  const axes = Object.entries(figure.layout).filter(([name]) => /^[xy]axis\d*$/.test(name))
  state.meanings = Object.fromEntries(axes.map(([name, axis]) => [name, meaning(axis)])) // before Plotly writes into it
  keepView(state, figure.layout, about.uirevision)
  numberTraces(state, figure.data)
  return state.plotly.react(state.plot, figure.data, figure.layout, state.config ??= config(state)).then(() => {
    state.shown = shown
    counted(state)
    if (state.listening) return
    state.listening = true
    state.plot.on("plotly_relayout", (change) => remember(state, change))
    state.plot.on("plotly_doubleclick", () => state.whole())
    state.plot.on("plotly_click", ({ points: [point] }) => {
      if (!state.parsed.about.clicks) return
      const panel = Number(point.xaxis?._id.slice(1) || 1) - 1, position = positions[state.group] ?? 0
      state.send("clicked", { trace: point.curveNumber, at: point.pointNumber, panel, position })
    })
  })
}

// A reader of the screen is told the text alternative, not the ticks; the buttons of the chart stay within reach.
function counted(state) {
  for (const drawing of state.plot.querySelectorAll(".main-svg")) drawing.setAttribute("aria-hidden", "true")
  state.plot.dataset.drawn = String(Number(state.plot.dataset.drawn ?? 0) + 1)
}

// What the visitor zoomed to stays, although limits follow the data, as long as the axis says the same and has it. (Plotly's
// own uirevision drops a zoom as soon as the figure's limits change.) Hidden legend entries and the drag mode are left to Plotly.
function keepView(state, layout, revision) {
  if (state.revision !== revision) state.zoom = {}
  state.revision = revision
  for (const [axis, zoom] of Object.entries(state.zoom)) {
    if (layout[axis] && fits(zoom, layout[axis])) layout[axis].range = zoom.range
    else delete state.zoom[axis]
  }
  layout.uirevision = null
  layout.legend = { ...layout.legend, uirevision: `${revision} ${state.shownAgain}` }
  layout.modebar = { ...layout.modebar, uirevision: revision }
}

// What an axis says: another kind or title is another axis. Its title is of the first panel where panels share one.
function meaning(axis) {
  return `${axis.type ?? "linear"} ${axis.title?.text ?? ""}`
}

function fits(zoom, axis) {
  const ends = (range) => [Math.min(...range), Math.max(...range)]
  const [from, to] = ends(zoom.range)
  const [low, high] = axis.range ? ends(axis.range) : [from, to]
  return zoom.meaning === meaning(axis) && from < high && to > low
}

// A trace is known by what it is called and where it stands: hidden in the legend, it is the same one that stays hidden,
// although others come and go before it. Plotly makes selectors of these numbers, so they are no names of strangers.
function numberTraces(state, data) {
  const times = new Map()
  for (const trace of data) {
    const called = [trace.type, trace.name, trace.legendgroup, trace.xaxis, trace.yaxis].join("|")
    const time = (times.get(called) ?? 0) + 1
    times.set(called, time)
    const known = `${called}|${time}`
    if (!state.numbers.has(known)) state.numbers.set(known, state.numbers.size)
    trace.uid = `trace${state.numbers.get(known)}`
  }
}

// The new limits are read from what Plotly tells: by the time it does, a tick may have drawn the chart with its own again.
function remember(state, change) {
  for (const [key, value] of Object.entries(change)) {
    const [, axis, end] = key.match(/^([xy]axis\d*)\.range(?:\[([01])\])?$/) ?? []
    if (!axis) continue
    const zoom = (state.zoom[axis] ??= { meaning: state.meanings[axis], range: [...state.plot.layout[axis].range] })
    if (end) zoom.range[end] = value
    else zoom.range = [...value]
  }
}

function mount(plot) {
  const state = { plot, alive: true, zoom: {}, listening: false, shownAgain: 0, numbers: new Map() }
  state.whole = () => { state.zoom = {}; state.shownAgain++; state.shown = null; schedule(state) }
  state.save = (format) => state.plotly.downloadImage(plot, {
    format, filename: "counterweight", scale: format === "png" ? 2 : 1, width: plot.clientWidth, height: plot.clientHeight,
  })
  let width = plot.clientWidth
  state.observer = new ResizeObserver(() => {
    if (plot.clientWidth === width) return
    width = plot.clientWidth
    schedule(state)
  })
  state.observer.observe(plot)
  state.sight = new IntersectionObserver((entries) => { state.seen = entries.at(-1).isIntersecting })
  state.sight.observe(plot)
  state.follow = (event) => {
    if (event.detail !== state.group || !state.plotly) return
    state.hurried = state.seen // a chart that nobody sees can follow a moment later
    schedule(state)
  }
  document.addEventListener("live-plotly-move", state.follow)
  return state
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const plot = parentElement.querySelector(".live-plotly-plot")
  if (plot && !data) library().catch(() => {}) // a page that will have charts loads the library ahead
  if (!plot || !data) return
  const state = states.get(plot) ?? mount(plot)
  states.set(plot, state)
  state.send = setTriggerValue
  const text = typeof data === "string" ? data : new TextDecoder().decode(data)
  if (text !== state.text) {
    state.text = text
    state.parsed = JSON.parse(text)
    const { about } = state.parsed
    state.group = about.group
    plot.setAttribute("aria-label", about.alt)
    if (!plot.style.minHeight) plot.style.minHeight = `${about.height}px`
    plot.dataset.note ??= "The chart is being drawn."
    if (state.plotly) schedule(state)
    else library().then((plotly) => { state.plotly = plotly; schedule(state) })
      .catch((error) => { plot.dataset.note = `No chart: ${error.message}. Reload the page.` })
  }
  return () => {
    // Streamlit calls the cleanup not only at the end, when the chart has left the page: also when newer data overtook this
    // call, of which the next one may not have heard yet.
    if (plot.isConnected) return
    state.alive = false
    shared.waiting.delete(state)
    document.removeEventListener("live-plotly-move", state.follow)
    state.observer.disconnect()
    state.sight.disconnect()
    states.delete(plot)
    state.plotly?.purge(plot)
  }
}
