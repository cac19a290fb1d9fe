"""Steering as a visitor does it, without a browser: what the row allows, and that nothing of it changes a number."""

import time

from lib.ui import compare_view
from lib.ui.steering_view import job
from tests import live
from tests.ui.test_pages import button, finish, go, progress

SETTINGS = {
    "data.n": "500",
    "training.epochs": "5",
    "training.batch_size": "100",
    "s1": "plain",
    "s2": "b",
    "s2.weighting": "balanced",
}


def compare(app, **fields):
    app.query_params.update(SETTINGS | {name.replace("_", "."): text for name, text in fields.items()})
    return go(app, "compare")


def able(app) -> set[str]:
    return {b.label for b in app.button if not b.disabled} & {
        "Train",
        "Pause",
        "Resume",
        "+1 epoch",
        "+1 batch",
        "Stop",
        "Reset",
    }


def until(app, text: str):
    for _ in range(100):
        app.run()
        if any(text in line for line in progress(app)):
            return app
        time.sleep(0.05)
    raise AssertionError(progress(app))


def table(app):
    return app.dataframe[0].value.to_dict()


def test_the_row_offers_what_can_be_done(app) -> None:
    compare(app)
    assert able(app) == {"Train", "+1 epoch", "+1 batch"}
    button(app, "+1 batch").click().run()
    until(app, "paused")
    assert able(app) == {"Resume", "+1 epoch", "+1 batch", "Stop", "Reset"}
    button(app, "Resume").click().run()
    finish(app).run()
    assert able(app) == {"Train", "+1 epoch", "+1 batch", "Reset"}
    button(app, "Reset").click().run()
    until(app, "paused")
    assert able(app) == {"Resume", "+1 epoch", "+1 batch", "Stop"}
    assert not app.exception


def test_the_row_is_drawn_again_for_what_happens_while_the_page_is_drawn(app, monkeypatch) -> None:
    """A step that ends just after its row was drawn left buttons that nobody could press, until the page was reloaded."""

    def meanwhile(experiment, dataset) -> None:
        if own := job():
            own.pause()
            live.until(lambda: own.state == "paused" or own.ended)

    compare(app, training_epochs="10000")
    monkeypatch.setattr(compare_view, "advice", meanwhile)
    button(app, "Train").click().run()
    assert able(app) - {"Reset"} == {"Resume", "+1 epoch", "+1 batch", "Stop"}  # Reset: if a batch was trained before
    button(app, "Stop").click().run()
    assert not app.exception


def test_steering_changes_no_number(app) -> None:
    compare(app)
    button(app, "Train").click().run()
    straight = table(finish(app))
    button(app, "Reset").click().run()
    for step, then in (("+1 batch", "Epoch 0 of 5"), ("+1 epoch", "Epoch 1 of 5"), ("+1 epoch", "Epoch 2 of 5")):
        button(app, step).click().run()
        until(app, f"{then} ·")
        until(app, "paused")
    button(app, "Resume").click().run()
    assert table(finish(app)) == straight
    assert not app.exception
