"""The sweep page as a visitor uses it, without a browser."""

import time

import pytest

from tests.ui.test_pages import button, go, progress


@pytest.fixture(autouse=True)
def own_store(monkeypatch, tmp_path):
    monkeypatch.setenv("COUNTERWEIGHT_STORE", str(tmp_path / "sweeps.sqlite"))
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "690MB")  # no worker processes: in a thread


def open_sweep(app, query):
    app.query_params.update(query)
    app.run()
    return go(app, "sweep")


def test_a_sweep_says_how_much_it_is_before_it_starts(app):
    go(app, "sweep")
    assert not app.exception
    assert any("7 cells × 4 strategies × 3 seeds = **84 trained models**." in m.value for m in app.markdown)
    assert not button(app, "Start").disabled
    assert button(app, "Stop").disabled


def test_a_range_that_cannot_be_says_so_and_start_waits(app):
    go(app, "sweep")
    next(n for n in app.number_input if n.label == "from").set_value(0.0).run()
    assert any("A logarithmic range starts above 0" in e.value.replace("\\", "") for e in app.error)
    assert button(app, "Start").disabled


def test_a_sweep_runs_and_opens_the_comparison_of_a_cell(app):
    open_sweep(
        app,
        {"data.n": "200", "data.n_val": "50", "data.n_test": "200", "training.epochs": "1", "s1": "mine", "model": "linear"},
    )
    next(n for n in app.number_input if n.label == "values").set_value(3).run()
    button(app, "Start").click().run()
    for _ in range(200):
        app.run()
        if any("3 of 3 cells" in text and "finished" in text for text in progress(app)):
            break
        time.sleep(0.1)
    else:
        raise AssertionError(progress(app))
    assert any("Recall on test, mean over seeds" in c.value for c in app.caption)
    cell = next(s for s in app.selectbox if s.label.startswith("Cell"))
    cell.select_index(2).run()
    button(app, "Open this comparison").click().run()
    assert any("the comparison of the chosen cell" in e.value for e in app.info)
    assert "1 : 199" in app.caption[0].value
