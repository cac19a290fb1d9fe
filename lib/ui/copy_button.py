"""A button that copies a text, says so for two seconds, and selects the text where a browser forbids copying."""

import json
from pathlib import Path

import streamlit as st

HTML = """
<div class="copy-button">
  <button type="button"></button>
  <input type="text" readonly hidden aria-label="Text to copy">
  <span role="status" aria-live="polite"></span>
</div>
"""

CSS = """
.copy-button { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; }
.copy-button button { padding: .25rem .75rem; border: 1px solid var(--st-border-color); min-width: 7rem;
  border-radius: var(--st-button-radius); background: var(--st-background-color);
  color: inherit; font: inherit; font-size: .875rem; min-height: 2.5rem; cursor: pointer; }
.copy-button button:hover, .copy-button button:focus-visible { border-color: var(--st-primary-color);
  color: var(--st-primary-color); }
.copy-button input { flex: 1 1 20rem; min-height: 2.5rem; padding: 0 .5rem; font: inherit; color: inherit;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); background: var(--st-background-color); }
.copy-button [role=status] { opacity: .75; font-size: .875rem; }
.copy-button:has(input[hidden]) [role=status] { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
"""

JS = (Path(__file__).with_name("copy_button.js")).read_text(encoding="utf-8")

_component = st.components.v2.component("copy_button", html=HTML, css=CSS, js=JS, isolate_styles=False)


def copy_button(label: str, text: str, *, key: str) -> None:
    """Draw the button. Nothing of it is heard by the server."""
    _component(key=key, data=json.dumps({"label": label, "text": text}))
