"""Strips, series and labels occurring together: every mark stands where its step or cell is."""

import numpy as np
import pytest
import torch

from lib.data import Split
from lib.experiment import Experiment
from lib.figures.curves import train_loss, validation_nll
from lib.figures.labels import together
from lib.figures.recall import recall_bars
from lib.figures.series import measured
from lib.figures.strips import LONGEST, choose, stretches, strips, window_of
from lib.snapshot import past
from lib.training import load, train


@pytest.fixture(scope="module")
def series():
    experiment = Experiment.from_dict({
        "data": {"source": "events", "params": {"n": 40, "steps": 25, "shortest": 8, "rate": 0.1, "n_val": 30, "n_test": 10}},
        "model": {"name": "lstm", "params": {"hidden": 4}}, "training": {"epochs": 2, "lr": 0.02},
        "strategies": [
            {"name": "<b>plain</b>"}, {"name": "weighted", "weighting": "pos_weight"},
            {"name": "undone", "weighting": "pos_weight", "decision": "undo"},
            {"name": "low", "decision": "threshold", "decision_params": {"threshold": 0.1}},
            {"name": "too fast", "overrides": {"lr": 1000.0, "optimizer": "sgd", "weight_decay": 100.0, "batch_size": 2}},
        ],
    })  # fmt: skip
    return list(train(experiment, load(experiment.data)))


@pytest.mark.parametrize("dark", [False, True])
def test_strips_show_truth_scores_and_flags_of_every_strategy(series, dark):
    last = series[-1]
    part = last.dataset.validation
    shown = choose(part)
    figure = strips(last, series=shown, dark=dark).figure
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.line.dash != "dot"]
    for number, axis in zip(shown, ("x", "x2", "x3", "x4"), strict=True):
        length = int(part.mask[number].sum())
        for index, line in enumerate(trace for trace in lines if trace.xaxis == axis):
            assert list(line.x) == list(range(1, length + 1))
            model = last.models[index, 0]
            z = model.outputs(part.x[[number]], part.mask[[number]])[0, :length].double()
            offset = last.rules[index, 0].offset
            shift = float(offset[1] - offset[0])
            p = torch.sigmoid(z + shift if index == 2 else z).numpy()
            floor = len(last.experiment.strategies) + 1 - index - 2 + 0.24
            assert (np.array(line.y) - floor) / 0.68 == pytest.approx(p, abs=1e-5)
            bars = [t for t in figure.data if t.type == "bar" and t.xaxis == axis and (t.name or "").endswith("flagged")][index]
            ends = [(round(x - w / 2 + 0.5), round(x + w / 2 + 0.5)) for x, w in zip(bars.x, bars.width, strict=True)]
            steps = [step for start, stop in ends for step in range(start, stop)]
            assert steps == ((z + shift > 0).nonzero().flatten() + 1).tolist()


def test_bands_stand_behind_every_true_event_and_through_all_lanes(series):
    last = series[-1]
    part = last.dataset.validation
    shown = choose(part)
    figure = strips(last, series=shown, dark=False).figure
    assert {(shape.y0, shape.y1) for shape in figure.layout.shapes} == {(0, 6)}
    events = sum(len(stretches(((part.y[i] > 0) & part.mask[i]).numpy(), (0, 25))) for i in shown)
    assert len(figure.layout.shapes) == events > 0


def test_strips_say_in_words_what_was_found_and_that_a_run_diverged(series):
    chart = strips(series[-1], series=choose(series[-1].dataset.validation), dark=False)
    assert "events found" in chart.alt and "E too fast: no result" in chart.alt
    assert "<b>plain" not in chart.payload()


def test_before_the_first_epoch_there_is_the_truth_alone(series):
    chart = strips(series[0], series=[0, 1], dark=False)
    assert "no result" in chart.alt and all(trace.name == "truth" for trace in chart.figure.data)


def test_long_series_are_shown_around_their_first_event():
    truth = np.zeros(1000, bool)
    truth[600:605] = True
    start, stop = window_of(truth, np.ones(1000, bool))
    assert stop - start == LONGEST and start < 600 < stop
    assert window_of(truth[:100], np.ones(100, bool)) == (0, 100)
    assert stretches(truth, (0, 1000)) == [(601, 605)] and stretches(truth, (602, 604)) == [(603, 604)]


def test_series_with_events_are_chosen_first_and_one_without():
    y = torch.zeros(9, 4, dtype=torch.int8)
    y[[2, 3, 5, 7, 8], 1] = 1
    part = Split(torch.zeros(9, 4, 1), y, mask=torch.ones(9, 4, dtype=torch.bool))
    assert choose(part) == [0, 2, 3, 5] and choose(part, first=4) == [4, 5, 7, 8]
    assert choose(Split(part.x[:2], y[:2], mask=part.mask[:2])) == [0, 1]


def test_training_series_are_drawn_with_their_events(series):
    dataset = series[-1].dataset
    chart = measured(dataset, series=[0, 1, 2], dark=True)
    line = chart.figure.data[0]
    length = int(dataset.train.mask[0].sum())
    assert len(line.x) == length and list(line.y) == pytest.approx(dataset.train.x[0, :length, 0].tolist())


def test_curves_are_divided_by_steps(series):
    titles = [a.text for chart in (train_loss, validation_nll) for a in chart(series[-1], dark=False).figure.layout.annotations]
    assert "loss, divided by the number of steps" in titles and "validation NLL per step, unweighted" in titles


def test_labels_together_are_shares_of_the_row():
    y = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 1]], dtype=np.int8)
    chart = together(y, ["cat", "<b>dog</b>", "bird"], dark=False)
    heat, numbers = chart.figure.data
    assert np.array(heat.z) == pytest.approx(np.array([[1, 2 / 3, 1 / 3], [1, 1, 1 / 2], [1 / 2, 1 / 2, 1]]))
    assert numbers.text[1] == "67%<br>2" and heat.text[0][1].startswith("2 of 3 rows with cat")
    assert "cat with <b>dog</b> 67%" in chart.alt and "<b>dog" not in chart.payload().split('"alt"')[0].replace("cat", "")


def test_a_label_without_a_yes_and_many_labels():
    y = np.zeros((50, 20), dtype=np.int8)
    y[:, 3] = 1
    chart = together(y, [f"label {i}" for i in range(20)], dark=True)
    assert len(chart.figure.data[0].z) == 12 and "The 12 most frequent of 20 labels." in chart.figure.layout.annotations[
        0
    ].text.replace("<br>", " ")
    assert "–" in chart.figure.data[1].text


def test_precision_bars_have_no_interval_of_the_rows_of_their_class():
    chart = recall_bars(["plain"], np.array([[[0.5, 0.2]]]), ["a", "b"], np.array([100.0, 9.0]), dark=False, rate="precision")
    assert chart.figure.data[0].error_y.visible is False and chart.figure.layout.yaxis.title.text == "precision"
    assert chart.alt.startswith("Precision per class")


def test_strips_of_an_earlier_epoch_are_those_that_were_seen_then(series):
    final = series[-1]
    shown = choose(final.dataset.validation)
    frames = [strips(past(final, moment), series=shown, dark=False) for moment in final.moments]
    assert len(frames) == 2
    for frame, then in zip(frames, [s for s in series if s.epoch == s.progress and s.epoch], strict=True):
        assert frame.payload() == strips(then, series=shown, dark=False).payload()
    assert frames[0].payload() != frames[1].payload()
