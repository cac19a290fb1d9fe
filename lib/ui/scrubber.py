"""A slider that charts follow in the browser, without a word to the server.

Charts whose `group` is that of the slider hold all frames already (lib/figures/chart.py, Slot); moving the native range input,
by hand or by keyboard, redraws them. Only a click on one of its buttons runs the script.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from lib.figures.chart import Track

HTML = """
<div class="scrubber">
  <div class="scrubber-line"><span class="scrubber-name"></span><output class="scrubber-label"></output></div>
  <input class="scrubber-input" type="range" step="1" min="0">
  <div class="scrubber-ticks"></div>
  <div class="scrubber-actions"></div>
</div>
"""

CSS = """
.scrubber { width: 100%; color: var(--st-text-color); font-family: var(--st-font); }
.scrubber-line { display: flex; flex-wrap: wrap; gap: .75rem; align-items: baseline; font-size: 1.05rem; }
.scrubber-name { opacity: .75; }
.scrubber-label { font-weight: 600; font-variant-numeric: tabular-nums; }
.scrubber-input { width: 100%; height: 24px; margin: .35rem 0 0; accent-color: var(--st-primary-color); cursor: pointer; }
.scrubber-ticks { position: relative; height: 1.6rem; margin: 0 8px; font-size: .875rem; }
.scrubber-ticks button { position: absolute; transform: translateX(-50%); white-space: pre; line-height: 1.4;
  padding: 0 .2rem; border: 0;
  background: none; color: inherit; font: inherit; opacity: .75; cursor: pointer; }
.scrubber-ticks button.first { transform: none; margin-left: -8px; }
.scrubber-ticks button.last { transform: translateX(-100%); margin-left: 8px; }
.scrubber-actions { display: flex; flex-wrap: wrap; gap: .5rem; }
.scrubber-actions:not(:empty) { margin-top: .25rem; }
.scrubber-actions button { padding: .25rem .75rem; border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius); background: var(--st-background-color);
  color: inherit; font: inherit; min-height: 2.25rem; cursor: pointer; }
.scrubber-actions button:hover, .scrubber-actions button:focus-visible { border-color: var(--st-primary-color);
  color: var(--st-primary-color); }
"""

JS = (Path(__file__).with_name("scrubber.js")).read_text(encoding="utf-8")

_component = st.components.v2.component("scrubber", html=HTML, css=CSS, js=JS, isolate_styles=False)


@dataclass(frozen=True)
class Chosen:
    """A click on one of a slider's buttons: which, and where the slider stood."""

    action: str
    position: int


def scrubber(track: Track, *, group: str, key: str, actions: Sequence[str] = ()) -> Chosen | None:
    """Draw a slider for the charts of `group`. In the one run that a click on a button causes: what was chosen."""
    data = {
        "group": group, "name": track.name, "labels": track.labels, "start": track.start, "ticks": sorted(track.ticks.items()),
        "actions": list(actions),
    }  # fmt: skip
    result = _component(key=key, data=json.dumps(data, separators=(",", ":")), on_chosen_change=lambda: None)
    return read(result.chosen, actions, len(track.labels))


def read(chosen: Any, actions: Sequence[str], positions: int) -> Chosen | None:
    """What a browser sent, if it can be one of our buttons; None for anything else."""
    if not isinstance(chosen, dict) or chosen.get("action") not in actions:
        return None
    position = chosen.get("position")
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < positions:
        return None
    return Chosen(chosen["action"], position)
