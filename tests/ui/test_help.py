"""Every control has a label and a help of whole sentences; terms lead into the Field guide."""

import re
from collections.abc import Iterator

import pytest
from streamlit.proto.LabelVisibility_pb2 import LabelVisibility
from streamlit.testing.v1 import AppTest

from lib.data import SOURCES
from lib.decisions import DECISIONS
from lib.experiment import DataSpec, ModelSpec, Strategy, Training
from lib.losses import LOSSES
from lib.models import MODELS
from lib.pitfalls import PITFALLS, WORDS
from lib.registry import Param
from lib.sampling import SAMPLERS
from lib.ui.controls import CARDS, explained
from lib.weighting import WEIGHTINGS

REGISTRIES = (LOSSES, WEIGHTINGS, SAMPLERS, DECISIONS, SOURCES, MODELS)
CONTROLS = ("selectbox", "number_input", "slider", "text_input", "text_area", "toggle", "multiselect", "button_group")
PAGES = ("data", "compare", "decisions", "dial", "receipt", "pitfalls", "sweep")


def declared() -> Iterator[tuple[str, Param]]:
    for registry in REGISTRIES:
        for record in registry.values():
            yield from ((f"{registry.word} {record.key}", param) for param in record.params)
    for spec in (Training, Strategy, DataSpec, ModelSpec):
        yield from ((spec.__name__, param) for param in spec.FIELDS)


def test_every_parameter_and_every_choice_is_explained_in_a_sentence():
    for owner, param in declared():
        assert re.fullmatch(r"[A-Z].{10,}\.", param.help, re.DOTALL), (owner, param.name, param.help)
    for registry in REGISTRIES:
        for record in registry.values():
            assert re.fullmatch(r"[A-Z0-9].{10,}[.?]", record.summary, re.DOTALL), (registry.word, record.key, record.summary)


def test_links_into_the_field_guide_lead_to_cards_and_start_from_what_there_is():
    known = {param.name for _, param in declared()} | {key for registry in REGISTRIES for key in registry}
    for name, card in CARDS.items():
        assert card in PITFALLS or card in WORDS, card
        assert name in known, name
    assert explained("gamma", "How fast.") == "How fast. [More in the Field guide](pitfalls?card=focal)"
    assert explained("hidden", "Units.") == "Units."


@pytest.mark.parametrize("page", PAGES)
def test_every_control_has_a_label_and_a_help(app: AppTest, page: str):
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    controls = [(kind, control) for kind in CONTROLS for control in app.get(kind)]
    assert all(control.label for _, control in controls)
    shown = LabelVisibility.LabelVisibilityOptions.VISIBLE  # a help stands behind its label
    bare = [(kind, c.label) for kind, c in controls if not c.proto.help and c.proto.label_visibility.value == shown]
    assert not bare
