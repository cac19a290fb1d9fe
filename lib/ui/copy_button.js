// Copies a text. Where the browser does not allow that (a page without https, a refusal), the text stands beside the button,
// selected. Texts are set as text, never as HTML.
const states = new WeakMap()
const LONG = 2000 // milliseconds for which the button says that it has copied

function say(state, copied) {
  const { root, data } = state
  const button = root.querySelector("button"), field = root.querySelector("input"), status = root.querySelector("[role=status]")
  button.textContent = copied ? "Copied" : data.label
  status.textContent = copied ? "Copied" : ""
  clearTimeout(state.timer)
  if (copied) {
    field.hidden = true
    state.timer = setTimeout(() => say(state, false), LONG)
  }
}

async function copy(state) {
  try {
    await navigator.clipboard.writeText(state.data.text)
    say(state, true)
  } catch {
    const field = state.root.querySelector("input")
    field.hidden = false
    field.value = state.data.text
    field.focus()
    field.select()
    state.root.querySelector("[role=status]").textContent = "Selected: copy it with Ctrl+C or Cmd+C."
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".copy-button")
  if (!root || !component.data) return
  let state = states.get(root)
  if (!state) {
    state = { root }
    states.set(root, state)
    root.querySelector("button").addEventListener("click", () => copy(state))
  }
  const data = JSON.parse(component.data)
  const before = state.data
  state.data = data
  if (before?.text !== data.text || before?.label !== data.label) {
    root.querySelector("input").hidden = true
    say(state, false)
  }
}
