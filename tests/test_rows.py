"""The rows behind a cell, against plain numpy: which they are, how many, in which order, and where they stand in the file."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.data import columns
from lib.data.columns import dataset_from_table, params_of
from lib.data.upload import read_table
from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.registry import Params
from lib.reuse import join, keep
from lib.rows import FEATURES, Cell, counted_from, rows_of, table
from lib.training import load, train


def finished(dataset=None, **fields):
    """The last snapshot of a short training."""
    own = Experiment.from_dict({
        "strategies": [{"name": "plain"}, {"name": "b", "weighting": "balanced", "decision": "undo"}],
        "training": {"epochs": 2, "batch_size": 64, "lr": 0.02}, "model": {"name": "linear"}, "seeds": [0, 1], **fields,
    })  # fmt: skip
    return list(train(own, load(own.data) if dataset is None else dataset))[-1]


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


TASKS = {
    "binary": {"data": {"source": "gaussians", "params": {"n": 300, "n_val": 200, "n_test": 100}}},
    "multiclass": {"data": {"source": "ring", "params": {"n": 300, "n_val": 200, "n_test": 100}}},
    "one logit": {
        "data": {"source": "gaussians", "params": {"n": 300, "n_val": 200, "n_test": 100}},
        "strategies": [{"name": "bce", "loss": "bce_with_logits"},
                       {"name": "t", "loss": "bce_with_logits", "decision": "threshold",
                        "decision_params": {"threshold": 0.2}}],
    },
    "resampled": {"data": {"source": "gaussians", "params": {"n": 300, "n_val": 200, "n_test": 100}, "resample": True}},
}  # fmt: skip


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("name", TASKS)
def test_the_rows_of_a_cell_are_those_that_numpy_finds(name, split):
    last = finished(**TASKS[name])
    for at, model in last.models.items():
        part = model.run.dataset.splits[split]
        weight, bias = (own.double().numpy() for own in model.state_dict().values())
        z = part.x.double().numpy() @ weight.T + bias
        z = np.concatenate([np.zeros_like(z), z], 1) if z.shape[1] == 1 else z
        offset = last.rules[at].offset.numpy()
        said, truth = (z + offset).argmax(1), part.y.numpy()
        shown = softmax(z + offset if model.run.strategy.decision == "undo" else z)
        for true in range(z.shape[1]):
            for predicted in range(z.shape[1]):
                own = np.flatnonzero((truth == true) & (said == predicted))
                found = rows_of(last, at, Cell(true, predicted), split=split, most=10)
                assert found.total == len(own)
                if split == "validation":
                    assert found.total == last.confusion[at][true, predicted]
                order = own[np.argsort(-shown[own, predicted], kind="stable")][:10]
                assert found.at.tolist() == order.tolist() and found.rows is None and found.steps is None
                assert np.array_equal(found.x, part.x.numpy()[order])
                assert found.true == pytest.approx(shown[order, true], abs=1e-5) and found.sure
                assert found.predicted == pytest.approx(shown[order, predicted], abs=1e-5)


def test_the_rows_are_those_of_the_matrix_in_the_middle_of_an_epoch():
    data = DataSpec("gaussians", Params({"n": 640, "n_val": 300, "n_test": 50}))
    experiment = Experiment((Strategy("a"),), data, ModelSpec("linear"), Training(epochs=2, batch_size=32, lr=0.3))
    snapshots = list(train(experiment, load(data), stride=lambda: 3))
    between = [s for s in snapshots if s.epoch == 1 and s.progress > 1]
    assert len(between) > 3 and not torch.equal(between[-1].models[0, 0].parameters, between[-1].measured[0, 0].parameters)
    for at in between:
        for true, predicted in np.ndindex(2, 2):
            assert rows_of(at, (0, 0), Cell(true, predicted)).total == at.confusion[0, 0, true, predicted]
    with pytest.raises(ValueError, match="has not finished an epoch"):
        rows_of(snapshots[0], (0, 0), Cell(0, 0))


def test_of_several_labels_the_cell_is_one_of_a_label():
    last = finished(
        data={"source": "multilabel", "params": {"n": 300, "n_val": 200, "n_test": 100}},
        strategies=[{"name": "b", "loss": "bce_with_logits"}, {"name": "own", "loss": "bce_with_logits", "decision": "tuned"}],
    )  # fmt: skip
    y = last.dataset.validation.y.numpy()
    for (s, r), model in last.models.items():
        z = model.outputs(last.dataset.validation.x).double().numpy()
        for label in range(y.shape[1]):
            shift = last.rules[s, r].offset[label]
            said = z[:, label] + float(shift[1] - shift[0]) > 0
            for true, predicted in np.ndindex(2, 2):
                found = rows_of(last, (s, r), Cell(true, predicted, label), most=10**6)
                assert sorted(found.at) == np.flatnonzero((y[:, label] == true) & (said == predicted)).tolist()
                assert found.total == last.confusion[s, r, label, true, predicted]


SERIES = {
    "data": {"source": "events", "params": {"n": 40, "steps": 25, "shortest": 8, "rate": 0.1, "n_val": 30, "n_test": 10}},
    "model": {"name": "lstm", "params": {"hidden": 4}},
    "strategies": [{"name": "plain"}, {"name": "w", "weighting": "pos_weight"}],
}  # fmt: skip


def test_of_series_a_row_is_a_step_of_a_series(monkeypatch):
    last = finished(**SERIES)
    whole = rows_of(last, (1, 0), Cell(0, 1), most=10**6)
    monkeypatch.setattr("lib.rows.EVALUATED", 25 * 2 * 7)  # seven series at a time
    part = last.dataset.validation
    z = last.models[1, 0].outputs(part.x, part.mask).double().numpy()
    for true, predicted in np.ndindex(2, 2):
        found = rows_of(last, (1, 0), Cell(true, predicted), most=10**6)
        own = np.argwhere(part.mask.numpy() & (part.y.numpy() == true) & ((z > 0) == predicted))
        assert sorted(zip(found.at, found.steps, strict=True)) == [tuple(place) for place in own]
        assert found.total == last.confusion[1, 0, true, predicted]
        assert np.array_equal(found.x, part.x.numpy()[found.at, found.steps])
        p = 1 / (1 + np.exp(-z[found.at, found.steps]))
        assert found.predicted == pytest.approx(p if predicted else 1 - p, abs=1e-5)
    shown = table(whole, last.dataset, ("quiet", "event"))
    assert shown.columns.tolist()[:3] == ["series", "step", "probability of event (predicted)"]
    assert shown["step"].min() >= 1 and shown["series"].min() >= 1


def upload(name, text, **chosen):
    """A file as read, its dataset, and the data of an experiment on it."""
    own = read_table(name, text.encode())
    params = params_of(own, **chosen)
    data = {"source": "upload", "params": {key: list(v) if isinstance(v, tuple) else v for key, v in params.items()}}
    return own, dataset_from_table(own, seed=0, **params), data


def test_row_numbers_are_those_of_the_visitors_file(monkeypatch):
    """Also where training took a sample of the file, and rows without a label were left out."""
    monkeypatch.setattr(columns, "TRAINING_ROWS", 150)
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 1000)
    lines = [f"{i},{rng.normal(k):.3f},{'' if i % 50 == 0 else 'abc'[k]}" for i, k in enumerate(kinds)]
    _, dataset, data = upload("t.csv", "\n\nnumber,x,label\n" + "\n".join(lines) + "\n",
                          label="label", features=("number", "x"), missing_labels="drop")  # fmt: skip
    assert sum(len(part) for part in dataset.splits.values()) < 300 < 980
    last = finished(dataset, data=data)
    seen = 0
    for true, predicted in np.ndindex(3, 3):
        found = rows_of(last, (0, 0), Cell(true, predicted))
        shown = table(found, dataset, ("abc"[true], "abc"[predicted]))
        for row, (_, line) in zip(shown["row"], shown.iterrows(), strict=True):
            parts = by_row(lines)[row].split(",")
            assert parts[2] == "abc"[true] and float(parts[0]) == line["number"] and float(parts[1]) == pytest.approx(line["x"])
            seen += 1
    assert seen == len(dataset.validation)
    assert "its first row of data is row 4" in counted_from(dataset)  # below two blank lines and the header


def by_row(lines):
    """The lines of a file by the number that a spreadsheet gives them."""
    return dict(enumerate(lines, start=4))


def test_steps_of_an_upload_know_their_rows_although_the_file_is_in_another_order():
    rng = np.random.default_rng(1)
    places = [(s, t) for s in range(12) for t in range(20)]
    rng.shuffle(places)
    lines = [f"s{s},{t},{s + t / 100:.2f},{int(t % 6 == 3)}" for s, t in places]
    _, dataset, data = upload("s.csv", "series,time,x,event\n" + "\n".join(lines) + "\n", task="sequence", max_steps=8)
    last = finished(dataset, data=data, model=SERIES["model"], strategies=SERIES["strategies"])
    total = 0
    for true, predicted in np.ndindex(2, 2):
        found = rows_of(last, (0, 1), Cell(true, predicted), split="test", most=10**6)
        for row, x in zip(found.rows, found.x[:, 0], strict=True):
            s, t = places[row]
            assert x == pytest.approx(s + t / 100) and true == (t % 6 == 3)
        total += found.total
    assert total == dataset.test.decisions


def test_the_table_has_few_features_and_no_name_twice():
    last = finished(data={"source": "breast_cancer"})
    found = rows_of(last, (0, 0), Cell(0, 0), most=5)
    shown = table(found, dataclasses.replace(last.dataset, feature_names=("row",) * 30), ("benign", "benign"))
    assert shown.shape == (5, 2 + FEATURES) and len(set(shown.columns)) == 2 + FEATURES
    assert shown.columns.tolist()[:3] == ["row", "probability of benign (predicted)", "row (2)"]
    assert (np.diff(shown.iloc[:, 1]) <= 0).all(), "the surest come first"
    assert "from 0" in counted_from(last.dataset)


def test_what_is_no_cell_is_refused():
    last = finished(**TASKS["binary"])
    for cell in (Cell(2, 0), Cell(0, -1), Cell(0, 0, 9)):
        with pytest.raises(ValueError, match="Choose a cell of the matrix"):
            rows_of(last, (0, 0), cell)


def test_a_run_that_diverged_has_no_rows():
    wild = {"name": "wild", "weighting": "manual", "weighting_params": {"weights": [0, 1]}, "overrides": {"batch_size": 4}}
    last = finished(**TASKS["binary"] | {"strategies": [{"name": "calm"}, wild]})
    with pytest.raises(ValueError, match="diverged"):
        rows_of(last, (1, 0), Cell(0, 0))
    assert rows_of(last, (0, 0), Cell(0, 0)).total > 0


def test_scores_that_are_no_probabilities_are_called_scores():
    last = finished(data=TASKS["multiclass"]["data"], strategies=[{"name": "hinge", "loss": "multi_margin"}])
    found = rows_of(last, (0, 0), Cell(0, 0), most=3)
    assert not found.sure and table(found, last.dataset, ("0", "0")).columns[1] == "score of 0 (predicted)"


def test_a_run_that_was_kept_from_an_earlier_training_has_its_rows():
    first = finished(**TASKS["binary"])
    changed = dataclasses.replace(
        first.experiment, strategies=(first.experiment.strategies[1], Strategy("new", weighting="sqrt"))
    )
    kept = keep(first, None, changed, first.dataset)
    whole = join(kept, next(train(changed, first.dataset, skip=kept.runs)))  # before the first batch of the rest
    for true, predicted in np.ndindex(2, 2):
        assert rows_of(whole, (0, 1), Cell(true, predicted)).total == first.confusion[1, 1, true, predicted]
    with pytest.raises(ValueError, match="has not finished an epoch"):
        rows_of(whole, (1, 0), Cell(0, 0))
