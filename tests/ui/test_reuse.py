"""A visitor changes one strategy and trains: the others stay, and the page says so."""

import pytest

from tests.ui.test_pages import button, finish, go, progress, unfold
from tests.ui.test_steering import SETTINGS, table, until

KEPT = "strategies unchanged: kept, not trained again"


def compare(app, **fields):
    app.query_params.clear()
    app.query_params.update(SETTINGS | {name.replace("_", "."): text for name, text in fields.items()})
    return go(app, "compare")


def trained(app, **fields):
    compare(app, s3="c", s3_loss="focal", **fields)
    button(app, "Train").click().run()
    return finish(app)


def pick(app, label, value):
    next(s for s in app.selectbox if s.label == label).select(value).run()
    return app


def test_the_others_stay_and_keep_their_numbers(app) -> None:
    before = table(trained(app))
    assert not any(KEPT in line for line in progress(app))
    pick(app, "Loss", "Poly-1")
    button(app, "+1 epoch").click().run()
    until(app, "paused")
    assert any("Epoch 1 of 5" in line and f"2 of 3 {KEPT}" in line for line in progress(app))
    button(app, "Resume").click().run()
    after = table(finish(app))
    assert after["B b"] == before["B b"] and after["C c"] == before["C c"] and after["A plain"] != before["A plain"]
    assert any("finished" in line and f"2 of 3 {KEPT}" in line for line in progress(app))
    assert not app.exception


def test_a_removed_strategy_trains_nothing_and_train_once_more_trains_all(app) -> None:
    before = table(trained(app))
    button(app, "Remove").click().run()
    button(app, "Train").click().run()
    after = table(finish(app))
    assert any(f"2 of 2 {KEPT}" in line and "Epoch 5 of 5" in line for line in progress(app))
    assert list(after.values())[1:] == list(before.values())[2:]
    button(app, "Train").click().run()
    assert table(finish(app)).keys() == after.keys()
    assert not any(KEPT in line for line in progress(app))
    assert not app.exception


def test_reset_keeps_nothing(app) -> None:
    trained(app)
    button(app, "Remove").click().run()
    button(app, "Reset").click().run()
    until(app, "paused")
    button(app, "+1 epoch").click().run()
    until(app, "Epoch 1 of 5")
    assert not any(KEPT in line for line in progress(app))
    assert not app.exception


@pytest.mark.parametrize("source", ["multilabel", "events", "points"])
def test_every_task_shows_a_training_that_keeps_runs(app, source) -> None:
    fields = {"data": source, "s1_loss": "bce_with_logits", "s2_loss": "bce_with_logits", "s3": "c"}
    fields |= {"s2_weighting": "pos_weight", "s3_loss": "bce_with_logits", "s3_weighting": "balanced"}
    if source == "events":
        fields |= {"data_steps": "20", "model": "lstm", "model_hidden": "4", "data_n": "250"}
    if source == "points":
        fields |= {"data_n": "400", "model": "linear"}
    compare(app, **fields)
    button(app, "Train").click().run()
    before = table(finish(app))
    pick(app, "Class weights", "Inverse square root")
    for step, then in (("+1 batch", "Epoch 0 of 5"), ("+1 epoch", "Epoch 1 of 5")):
        button(app, step).click().run()
        until(app, then)
        until(app, "paused")
        assert not app.exception
    assert any(f"2 of 3 {KEPT}" in line for line in progress(app))
    button(app, "Resume").click().run()
    after = table(finish(app))
    assert after["B b"] == before["B b"] and after["C c"] == before["C c"]
    assert not app.exception


def test_more_seeds_are_told_in_runs(app) -> None:
    compare(app, seeds="0,1")
    button(app, "Train").click().run()
    finish(app)
    unfold(app, "training")
    next(n for n in app.number_input if n.label == "Seeds").set_value(3).run()
    button(app, "Train").click().run()
    finish(app)
    assert any("4 of 6 runs unchanged: kept, not trained again" in line for line in progress(app))
    assert not app.exception
