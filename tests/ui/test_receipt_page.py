"""The Receipt page as a visitor uses it, without a browser."""

import html
import re

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from lib.receipt import CRITERIA, PRESETS, Batch, take_apart
from lib.receipt.link import to_fields
from lib.receipt.words import shown
from lib.ui.receipt_paper import MOST_LINES, paper
from lib.ui.receipt_table import IGNORED, classes_frame, read_classes, read_rows, rows_frame


def go(app: AppTest, **fields: str) -> AppTest:
    app.query_params.update({name.replace("_", ".", 1): text for name, text in fields.items()})
    return app.switch_page("pages/receipt.py").run()


def read(app: AppTest) -> str:
    """The receipt's text."""
    assert not app.exception
    body = app.get("html")[0].proto.body
    text = re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", body, flags=re.DOTALL))
    return " ".join(html.unescape(text).split())


def result(app: AppTest) -> str:
    found = re.search(r"loss, by hand\s+(\S+)", read(app))
    assert found
    return found[1]


def told(elements) -> str:  # noqa: ANN001
    return " ".join(element.value.replace("\\", "") for element in elements)


@pytest.mark.parametrize("key", list(PRESETS))
def test_every_preset_opens_by_its_link(app, key) -> None:
    go(app, r=key)
    receipt = take_apart(PRESETS[key].batch)
    assert result(app) == shown(receipt.value)
    assert "✓" in read(app)
    assert PRESETS[key].asks in told(app.markdown)
    if PRESETS[key].printed:
        assert PRESETS[key].run() in [code.value for code in app.code]
    assert dict(app.query_params) == {"r": key}, "the address bar is a link to the receipt"


def test_the_divisor_has_its_name(app) -> None:
    assert "divided by sum of weights 76" in read(go(app, r="index_targets"))
    assert "divided by N 4" in read(go(app, r="one_hot_targets"))


def test_a_link_that_does_not_work_leaves_the_last_receipt(app) -> None:
    go(app, r_z="1,2", r_y="moose")
    assert "The link does not work: Row 1: unknown class 'moose'" in told(app.error)
    assert result(app) == "0.66733"
    go(app, r_z="x" * 10_000, r_y="a")
    assert "The link does not work" in told(app.error) and len(told(app.error)) < 600


def test_a_link_holds_experiment_and_receipt(app) -> None:
    app.query_params.clear()
    app.query_params.update({"r": "example_2", "s1": "mine", "data.n": "500"})
    app.switch_page("pages/receipt.py").run()
    assert result(app) == "0.12319"
    assert "1 strategy" in app.caption[0].value
    app.switch_page("pages/compare.py").run()
    assert dict(app.query_params) == {"s1": "mine", "data.n": "500"}
    app.switch_page("pages/receipt.py").run()
    assert result(app) == "0.12319", "the batch is still there"


def test_another_loss_takes_the_same_rows(app) -> None:
    go(app, r="index_targets")
    next(s for s in app.selectbox if s.label == "Loss").set_value("bce_with_logits").run()
    assert result(app) == "12.679"
    assert "divided by numel" in read(app)
    assert next(s for s in app.selectbox if s.label == "Preset").value is None


def test_what_cannot_be_converted_is_said(app) -> None:
    go(app, r="multi_label")
    next(s for s in app.selectbox if s.label == "Loss").set_value("nll").run()
    assert "3 of 4 rows do not have exactly one class; they are ignored." in told(app.info)


def test_paste_and_a_paste_that_does_not_fit(app) -> None:
    go(app, r="index_targets")
    app.text_area[0].set_value("0, 0, rare\n0, 0, common")
    next(b for b in app.button if b.label == "Use these rows").click().run()
    assert result(app) == shown(np.log(2))
    app.text_area[0].set_value("1,2,rare\n" * 1_000_000)
    next(b for b in app.button if b.label == "Use these rows").click().run()
    assert "at most 200 lines, got 1000001 lines" in told(app.error)
    assert result(app) == shown(np.log(2))


def test_probabilities_and_one_hot_targets_are_the_same_rows(app) -> None:
    go(app, r="index_targets")
    next(t for t in app.toggle if t.label == "Targets are probabilities").set_value(True).run()
    assert result(app) == "12.679"
    next(g for g in app.get("button_group") if g.label == "Inputs are").set_value("probabilities").run()
    assert result(app) == "12.679"


def test_a_reduction_and_a_shape(app) -> None:
    go(app, r="index_targets")
    next(g for g in app.get("button_group") if g.label == "Reduction").set_value("sum").run()
    assert "divided by nothing (sum)" in read(app) and result(app) == "50.717"
    next(t for t in app.text_input if t.label == "Places per row").set_value("3").run()
    assert "multiples of 3" in told(app.error) and result(app) == "50.717"
    next(t for t in app.text_input if t.label == "Places per row").set_value("2").run()
    assert "2, 2" in read(app)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("scale", "CE mean stays: k cancels in the sum of weights. CE sum and BCE mean move by k = 10."),
        ("gradient", "**rare** brings 99% of the gradient of this batch."),
        ("size", "In batches of 4 a weight of 37.0 acts like"),
        ("micro", "each divides by its own sum of weights"),
        ("smoothing", "The argmax flips above a ratio of 19.0"),
        ("prior", "The loss sees the rare class as **99%** of the rows, the data have 1.0%."),
        ("saturation", "At z = 17 and target 0 BCELoss has loss 100 and gradient **0**"),
    ],
)
def test_every_what_if_has_its_sentence(app, choice, says) -> None:
    go(app, r="index_targets")
    next(g for g in app.get("button_group") if g.label == "What if").set_value(choice).run()
    assert not app.exception
    assert says in told(app.markdown)
    if choice == "prior":
        assert "Corrected twice" in told(app.warning)


@pytest.mark.parametrize("key", list(CRITERIA))
def test_names_of_strangers_are_inert_on_paper(key) -> None:
    hostile = ("<b onclick=x>", "<script>")
    targets = ((1.0, 0.0),) if CRITERIA[key].yes_no else (hostile[0],)
    body = paper(take_apart(Batch(key, hostile, ((0.0, 1.0),), targets)), 0)
    assert "<b" not in body.replace("<body", "") and "<script" not in body


def test_long_receipts_are_summed_up() -> None:
    batch = Batch("bce_with_logits", ("a", "b", "c"), ((1.0, 2.0, 3.0),) * 40, ((1.0, 0.0, 1.0),) * 40)
    body = paper(take_apart(batch), 0)
    assert f"{120 - MOST_LINES} more lines, together" in body


@pytest.mark.parametrize("key", list(PRESETS))
def test_tables_give_the_batch_back(key) -> None:
    batch = PRESETS[key].batch
    assert read_rows(rows_frame(batch), batch) == batch
    assert read_classes(classes_frame(batch), batch) == batch


def test_an_edited_cell_counts_and_a_bad_one_is_named() -> None:
    batch = PRESETS["multi_class"].batch
    frame = rows_frame(batch)
    frame.loc[0, "target"] = IGNORED
    frame.loc[1, "z dog"] = 5.0
    changed = read_rows(frame, batch)
    assert changed.targets[0] is None and changed.inputs[1][1] == 5
    frame.loc[2, "z cat"] = np.nan
    with pytest.raises(ValueError, match="Row 3, z cat is empty"):
        read_rows(frame, batch)
    text = frame.astype(object)
    text.loc[2, "z cat"] = "much"
    with pytest.raises(ValueError, match="Row 3, z cat: expected a number, got 'much'"):
        read_rows(text, batch)


def test_classes_go_by_name() -> None:
    batch = PRESETS["multi_class"].batch
    frame = classes_frame(batch)
    frame.loc[0, "class"] = "kitten"
    renamed = read_classes(frame, batch)
    assert renamed.names == ("kitten", "dog", "bird") and renamed.targets[0] == "kitten"
    assert take_apart(renamed).value == take_apart(batch).value
    more = read_classes(pd.concat([frame, pd.DataFrame({"class": ["fox"], "weight": [3.0]}, index=[3])]), batch)
    assert more.names[-1] == "fox" and more.inputs[0][-1] == 0 and more.weight[-1] == 3
    with pytest.raises(ValueError, match="'dog' is still the target of a row"):
        read_classes(classes_frame(batch).drop(index=1), batch)
    labels = PRESETS["multi_label"].batch
    fewer = read_classes(classes_frame(labels).drop(index=1), labels)
    assert fewer.names == ("cat", "bird") and fewer.inputs[0] == (2.0, -1.0) and fewer.pos_weight == (1.0, 3.0)
    assert set(to_fields(fewer)) >= {"r.loss", "r.pos"}
