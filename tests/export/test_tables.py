"""results.csv: every number once, and no cell that a spreadsheet would run."""

import csv
import io
import math

import numpy as np
import pandas as pd
import pytest

from lib.evaluation import evaluate
from lib.experiment import Experiment
from lib.export.tables import COLUMNS, frame_csv, metric_table, results_csv, settings_table, weights_table
from lib.metrics import METRICS
from lib.registry import inert_cell
from lib.training import load, train

FORMULAS = ["=cmd|' /C calc'!A0", "+1", "-2", "@SUM(A1)", "＝1"]
WHAT = Experiment.from_dict({
    "data": {"source": "labels", "params": {"counts": [100, 60, 40, 30, 0], "names": FORMULAS, "n_val": 60, "n_test": 80}},
    "model": {"name": "linear"}, "seeds": [3, 5], "training": {"epochs": 3},
    "strategies": [{"name": "=1+1"}, {"name": "plain, \"quoted\"", "weighting": "sqrt"},
                   {"name": "late", "weights_from_epoch": 2, "weighting": "inverse", "overrides": {"lr": 0.1}}],
})  # fmt: skip
*_, LAST = train(WHAT, load(WHAT.data))
RESULTS = evaluate(LAST)


def frame() -> pd.DataFrame:
    return pd.read_csv(io.StringIO(results_csv(LAST, RESULTS)))


def test_it_is_tidy_and_holds_every_number() -> None:
    table = frame()
    assert tuple(table.columns) == COLUMNS
    own = table[(table.strategy == 'plain, "quoted"') & (table.seed == 5)]
    loss = own[(own.split == "train") & (own.metric == "loss")]
    assert loss.epoch.tolist() == [1, 2, 3] and np.array_equal(loss.value, LAST.history.train_loss[1, 1])
    nll = own[(own.split == "validation") & (own.metric == "nll")]
    assert np.array_equal(nll.value, LAST.history.val_nll[1, 1])
    recall = own[(own.split == "validation") & (own.metric == f"recall of {FORMULAS[1]}")]
    assert np.array_equal(recall.value, LAST.history.recall[1, 1, :, 1])
    test = own[own.split == "test"].set_index("metric").value
    for key in METRICS:
        assert test[key] == pytest.approx(RESULTS[1, 1].metrics[key], nan_ok=True)
    assert test[f"rows of {FORMULAS[0]} said to be {FORMULAS[1]}"] == RESULTS[1, 1].confusion[0, 1]
    assert not table.duplicated(list(COLUMNS[:-1])).any()


def test_what_is_undefined_is_an_empty_cell() -> None:
    table = frame()
    assert table[table.metric == f"recall of {FORMULAS[4]}"].value.isna().all()
    assert "nan" not in results_csv(LAST, RESULTS)


def test_no_cell_is_a_formula() -> None:
    for row in list(csv.reader(io.StringIO(results_csv(LAST, RESULTS))))[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝")) for cell in (row[0], row[4]))
        assert row[5] == "" or math.isfinite(float(row[5]))


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\tx", "\rx", "\nx", " =1", "＋1"])
def test_a_prefix_that_starts_a_formula_is_made_inert(text: str) -> None:
    assert inert_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["plain", "a=b", "1", "é", "", "recall of =x"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert inert_cell(text) == text


def test_before_the_end_there_is_the_history_alone() -> None:
    assert set(pd.read_csv(io.StringIO(results_csv(LAST, None))).split) == {"train", "validation"}


def test_many_numbers_are_the_last_epochs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.export.tables.MAX_RECALLS", 5)
    table = frame()
    recalls = table[(table.split == "validation") & table.metric.str.startswith("recall")]
    assert set(recalls.epoch) == {3} and set(table[table.metric == "nll"].epoch) >= {1, 2, 3}


def test_the_tables_of_the_report_say_what_was_chosen_and_found() -> None:
    settings = settings_table(WHAT)
    assert settings.header == ("", "A =1+1", 'B plain, "quoted"', "C late")
    assert ("Weights", "None", "Inverse square root", "Inverse frequency") in settings.rows
    assert ("lr", "as all", "as all", "0.1") in settings.rows and ("Epochs before weights", "0", "0", "2") in settings.rows
    firsts = [run for run in LAST.runs if run.at[1] == 0]
    weights = weights_table(WHAT, firsts, LAST.dataset.class_names)
    assert weights.rows[4][:3] == ("＝1", "0", "0")
    metrics = metric_table(WHAT, RESULTS, LAST.dataset.class_names)
    assert [row[0] for row in metrics.rows][: len(METRICS)] == [metric.label for metric in METRICS.values()]


def test_a_table_of_many_classes_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.export.tables.MOST_CELLS", 6)
    table = metric_table(WHAT, RESULTS, LAST.dataset.class_names)
    assert table.title.endswith("(the first 2 of 5 classes)") and len(table.rows) == len(METRICS) + 2


def test_any_table_is_saved_without_formulas_and_with_all_digits():
    third = np.float32(1 / 3)
    frame = pd.DataFrame({"=HYPERLINK(1)": [third, np.float32("nan")], "row": [2, 3], "@name": ["+1", 'a "b", c']})
    header, one, two = csv.reader(io.StringIO(frame_csv(frame), newline=""))
    assert header == ["'=HYPERLINK(1)", "row", "'@name"]
    assert np.float32(one[0]) == third and one[1:] == ["2", "'+1"] and two == ["", "3", 'a "b", c']


def test_each_label_has_its_four_counts_and_series_count_steps() -> None:
    for data, model, wanted in (
        ({"source": "multilabel", "params": {"n": 60, "n_val": 30, "n_test": 40}}, "linear",
         {("rows with yes, said no, to label 2", (1, 1, 0)), ("rows with no, said no, to label 3", (2, 0, 0))}),
        ({"source": "events", "params": {"n": 30, "steps": 8, "rate": 0.3, "n_val": 20, "n_test": 20}}, "window_mlp",
         {("steps of event said to be no event", (1, 0))}),
    ):  # fmt: skip
        what = Experiment.from_dict({"data": data, "model": {"name": model}, "training": {"epochs": 1},
                                     "strategies": [{"name": "@a", "loss": "bce"}]})  # fmt: skip
        *_, last = train(what, load(what.data))
        results = evaluate(last)
        text = results_csv(last, results)
        test = pd.read_csv(io.StringIO(text)).query("split == 'test'").set_index("metric").value
        assert all(test[metric] == results[0, 0].confusion[cell] for metric, cell in wanted) and "\n'@a," in text
