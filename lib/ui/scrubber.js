// A native range input that moves the charts of a group. All texts are set as text, never as HTML.
const states = new WeakMap()
const positions = (window.livePlotlyPositions ??= {}) // group -> position; charts read it, see live_plotly.js

function move(state, position) {
  const { data, root } = state
  state.position = position
  const input = root.querySelector(".scrubber-input")
  if (Number(input.value) !== position) input.value = String(position)
  input.setAttribute("aria-valuetext", data.labels[position])
  root.querySelector(".scrubber-label").textContent = data.labels[position]
  positions[data.group] = position
  document.dispatchEvent(new CustomEvent("live-plotly-move", { detail: data.group }))
}

function button(parent, text, click) {
  const made = document.createElement("button")
  made.type = "button"
  made.textContent = text
  made.addEventListener("click", click)
  parent.append(made)
  return made
}

function fill(state) {
  const { data, root } = state
  const input = root.querySelector(".scrubber-input")
  root.querySelector(".scrubber-name").textContent = data.name
  input.setAttribute("aria-label", data.name)
  input.max = String(data.labels.length - 1)
  const ticks = root.querySelector(".scrubber-ticks")
  ticks.replaceChildren()
  const lines = Math.max(1, ...data.ticks.map(([, text]) => text.split("\n").length)) // marks stand below the numbers
  ticks.style.height = `${0.4 + 1.2 * lines}rem`
  const last = Math.max(1, data.labels.length - 1)
  for (const [place, text] of data.ticks) {
    const tick = button(ticks, text, () => move(state, place))
    tick.tabIndex = -1 // the slider itself is what the keyboard moves
    tick.className = place === 0 ? "first" : place === last ? "last" : ""
    tick.style.left = `${(100 * place) / last}%`
  }
  state.lines = lines
  if (lines === 1) thin(ticks)
  const actions = root.querySelector(".scrubber-actions")
  actions.replaceChildren()
  for (const action of data.actions) {
    button(actions, action, () => state.send("chosen", { action, position: state.position }))
  }
}

// Where the slider is short, a tick that would touch the one before it is not shown.
function thin(ticks) {
  let end = -Infinity
  for (const tick of ticks.children) {
    const { left, right } = tick.getBoundingClientRect()
    tick.style.visibility = left < end + 4 ? "hidden" : ""
    if (!tick.style.visibility) end = right
  }
}

export default function (component) {
  const { data: text, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".scrubber")
  if (!root || !text) return
  let state = states.get(root)
  if (!state) {
    state = { root }
    states.set(root, state)
    root.querySelector(".scrubber-input").addEventListener("input", (event) => move(state, Number(event.target.value)))
    new ResizeObserver(() => { if (state.lines === 1) thin(root.querySelector(".scrubber-ticks")) }).observe(root)
  }
  state.send = setTriggerValue
  if (text === state.text) return
  state.text = text
  const before = state.data
  state.data = JSON.parse(text)
  fill(state)
  // Where a visitor moved it, it stays, unless the slider has become another one.
  const same = before && before.start === state.data.start && before.labels.length === state.data.labels.length
  move(state, same ? state.position : state.data.start)
}
