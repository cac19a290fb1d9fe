"""The sweep page as a visitor uses it, without a browser."""

import sqlite3
import time

import pytest

from lib.sweeps import cell, store
from lib.sweeps.ready import READY
from lib.ui import sweep_controls
from tests.ui.test_pages import button, go, progress


@pytest.fixture(autouse=True)
def own_store(monkeypatch, tmp_path):
    monkeypatch.setenv("COUNTERWEIGHT_STORE", str(tmp_path / "sweeps.sqlite"))
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "690MB")  # no worker processes: in a thread


def labelled(widgets, label):
    return next(own for own in widgets if own.label == label)


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
    cell = next(s for s in app.selectbox if s.label.startswith("Cell"))
    cell.select_index(2).run()
    button(app, "Open this comparison").click().run()
    assert any("the comparison of the chosen cell" in e.value for e in app.info)
    assert "1 : 199" in app.caption[0].value


SMALL = {"data.n": "200", "data.n_val": "50", "data.n_test": "200", "training.epochs": "1", "s1": "mine", "model": "linear"}


def wait_until(app, text):
    for _ in range(300):
        app.run()
        if any(text in told for told in progress(app)):
            return
        time.sleep(0.1)
    raise AssertionError(progress(app))


def failing(monkeypatch, rows):
    """Cells of so many rows run out of memory."""
    real = cell.load

    def load(spec, table=None):
        if spec.params["n"] == rows:
            raise MemoryError
        return real(spec, table)

    monkeypatch.setattr(cell, "load", load)


def test_failed_cells_say_why_and_a_button_trains_them_again(app, monkeypatch):
    open_sweep(app, SMALL | {"data.seed": "5"})
    next(s for s in app.selectbox if s.label == "Vary").set_value("data.n").run()
    labelled(app.number_input, "from").set_value(200)
    labelled(app.number_input, "to").set_value(400)
    labelled(app.selectbox, "steps").set_value("equal")
    labelled(app.number_input, "values").set_value(3).run()
    with monkeypatch.context() as patch:
        failing(patch, 300)
        button(app, "Start").click().run()
        wait_until(app, "3 of 3 cells · finished")
        assert [w.value.replace("\\", "") for w in app.warning] == [
            "1 cell has no result. There was not enough memory for this cell. Take fewer rows, strategies or seeds."
        ]
    button(app, "Train the failed cells again").click().run()
    wait_until(app, "3 of 3 cells · finished · 2 were known already")
    assert not app.warning


def test_a_full_disk_is_said_and_the_results_are_there(app, monkeypatch):
    open_sweep(app, SMALL | {"data.seed": "6"})
    labelled(app.number_input, "values").set_value(3).run()

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store.Store, "_trim", full)
    button(app, "Start").click().run()
    wait_until(app, "3 of 3 cells · finished")
    app.run()
    assert [e.value.replace("\\", "") for e in app.error] == [
        "New results are not written to the store: database or disk is full. They last as long as the program runs."
    ]
    assert len(labelled(app.selectbox, "Cell (or click one in the picture)").options) == 3
    button(app, "Start").click().run()
    wait_until(app, "3 of 3 cells · finished · 3 were known already")


def test_an_estimate_is_a_range_before_all_are_trained(app):
    open_sweep(app, SMALL | {"data.seed": "7"})
    labelled(app.number_input, "values").set_value(30).run()
    button(app, "Estimate the time").click().run()
    wait_until(app, "of 30 cells · stopped, the rest would take about")
    (told,) = progress(app)
    assert 6 <= int(told.split()[0]) < 30
    assert told.endswith("Start goes on from here")


def test_more_seeds_are_the_next_numbers(app):
    go(app, "sweep")
    labelled(app.number_input, "Seeds of each cell").set_value(4).run()
    assert any("7 cells × 4 strategies × 4 seeds = **112 trained models**." in m.value for m in app.markdown)
    assert sweep_controls._seeds((3, 8), 4) == (3, 8, 9, 10)
    assert sweep_controls._seeds((3, 8), 1) == (3,)


@pytest.mark.parametrize("key", READY)
def test_a_ready_made_sweep_opens(app, key):
    go(app, "sweep")
    next(g for g in app.button_group if "My experiment" in str(g.options)).set_value(key).run()
    assert not app.exception
    assert not app.error
    assert any(READY[key].question in m.value for m in app.markdown)
    assert any("An experiment of its own" in c.value for c in app.caption)
    assert not button(app, "Start").disabled
