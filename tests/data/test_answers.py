"""Uploads with several labels and uploads of series: what is read, and what a stranger's file is told."""

import numpy as np
import pytest
import torch

from lib.data.columns import dataset_from_table, params_of
from lib.data.questions import guess_task
from lib.data.upload import read_table
from lib.experiment import DataSpec, Experiment
from lib.limits import check_limits
from lib.training import load, train


def table(text, name="rows.csv"):
    return read_table(name, text.encode())


def lines(header, rows):
    return header + "\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n"


def pets(n=60, change=None):
    """Two features, and three columns of answers: cat in half, dog in a third, bird in a tenth of the rows."""
    rows = [[i % 7, (i * 3) % 11, int(i % 2 == 0), int(i % 3 == 0), int(i % 10 == 0)] for i in range(n)]
    for (row, column), value in (change or {}).items():
        rows[row][column] = value
    return table(lines("a,b,cat,dog,bird", rows))


def tags(n=60, change=None):
    """The same as lists."""
    cells = [";".join(name for name, k in (("cat", 2), ("dog", 3), ("bird", 10)) if i % k == 0) for i in range(n)]
    for row, value in (change or {}).items():
        cells[row] = value
    return table(lines("a,b,tags", [[i % 7, (i * 3) % 11, cell] for i, cell in enumerate(cells)]))


def long_form(lengths=(9, 1, 14, 6, 8, 5, 7), event=lambda s, t: t % 6 == 3, order=None, time=lambda s, t: t, label=None):
    rows = [
        [f"s{s}", time(s, t), f"{0.1 * t + 10 * s:.1f}", int(event(s, t)) if label is None else label(s, t)]
        for s, n in enumerate(lengths) for t in range(n)
    ]  # fmt: skip
    rows = rows if order is None else [rows[i] for i in order(len(rows))]
    return table(lines("series,time,x,event", rows))


def several(own, **chosen):
    return dataset_from_table(own, seed=0, **params_of(own, task="multilabel", **chosen))


def series(own, **chosen):
    return dataset_from_table(own, seed=0, **params_of(own, task="sequence", **chosen))


def in_file_order(dataset):
    parts = list(dataset.splits.values())
    rows = torch.cat([part.rows for part in parts])
    return torch.cat([part.y for part in parts])[rows.argsort()], torch.cat([part.x for part in parts])[rows.argsort()]


def told(call, *words):
    with pytest.raises(ValueError) as refusal:
        call()
    message = str(refusal.value)
    assert all(word in message for word in words), message
    return message


def test_columns_and_lists_give_the_same_labels() -> None:
    side, lists = several(pets()), several(tags())
    assert side.task == lists.task == "multilabel" and side.feature_names == lists.feature_names == ("a", "b")
    assert side.class_names == ("cat", "dog", "bird") and lists.class_names == ("bird", "cat", "dog")
    one, other = in_file_order(side)[0], in_file_order(lists)[0]
    assert torch.equal(one, other[:, [1, 2, 0]])
    assert one[0].tolist() == [1, 1, 1] and one[1].tolist() == [0, 0, 0]
    assert side.class_counts().tolist() == [[30, 30], [40, 20], [54, 6]]
    assert any("an empty list, read as none of the labels" in notice for notice in lists.notices)


def test_every_split_gets_its_share_of_the_rare_label() -> None:
    dataset = several(pets(300))
    assert [int(part.y[:, 2].sum()) for part in dataset.splits.values()] == [18, 6, 6]


@pytest.mark.parametrize("words", [("yes", "no"), ("True", "False"), ("1.0", "0.0")])
def test_answers_may_be_words(words) -> None:
    change = {(i, c): words[0] if i % 2 else words[1] for i in range(60) for c in (2, 3)}
    dataset = several(pets(change=change), labels=("cat", "dog"), features=("a", "b"))
    assert dataset.class_counts().tolist() == [[30, 30], [30, 30]]


def test_what_is_no_answer_is_named_by_row_and_column() -> None:
    told(lambda: several(pets(change={(6, 3): 2}), labels=("cat", "dog")), "Column 'dog'", "row 8", "'2'", "0 or 1")
    told(lambda: several(pets(change={(6, 3): "maybe"}), labels=("cat", "dog")), "Column 'dog'", "row 8", "'maybe'")


def test_a_missing_answer_is_refused_or_left_out() -> None:
    gone = pets(change={(4, 2): "", (9, 3): ""})
    told(lambda: several(gone), "rows 6, 11 are without an answer")
    dataset = several(gone, missing_labels="drop")
    assert sum(len(part) for part in dataset.splits.values()) == 58
    assert "Rows 6, 11 are without an answer and left out, as chosen." in dataset.notices


def test_all_labels_zero_is_nothing_to_learn() -> None:
    zero = pets(change={(i, c): 0 for i in range(60) for c in (2, 3, 4)})
    told(lambda: several(zero, labels=("cat", "dog", "bird")), "every answer to 'cat', 'dog', 'bird' is no")


def test_one_label_without_a_yes_is_said_and_has_no_recall() -> None:
    dataset = several(pets(change={(i, 4): 0 for i in range(60)}), labels=("cat", "dog", "bird"))
    assert any("No row says yes to 'bird'" in notice for notice in dataset.notices)
    assert dataset.class_counts()[2].tolist() == [60, 0]


def test_one_label_is_a_class_and_no_list() -> None:
    told(lambda: several(pets(), labels=("cat",)), "at least two labels, got one: 'cat'")
    told(
        lambda: several(table(lines("a,tags", [[i % 7, "x" if i % 2 else ""] for i in range(60)])), label="tags"),
        "got one: 'x'",
    )


def test_an_unknown_label_in_a_list_is_named_by_row() -> None:
    known = dict(params_of(tags(), task="multilabel"))
    message = told(
        lambda: dataset_from_table(tags(change={8: "cat;brid"}), seed=0, **{**known, "sha256": ""}),
        "row 10",
        "'brid'",
        "'tags'",
    )
    assert "Did you mean 'bird'?" in message


def test_a_label_that_looks_like_a_slip_is_said() -> None:
    dataset = several(tags(change={8: "cat;brid"}))
    assert "Label 'brid' occurs in row 10 only; perhaps 'bird' was meant." in dataset.notices


@pytest.mark.parametrize("separator", [";", ",", "|"])
def test_other_separators(separator) -> None:
    cells = [f'"{separator.join(["cat", " dog "][: 1 + i % 2])}{separator}"' for i in range(40)]
    own = table(lines("a,tags", [[i % 7, cell] for i, cell in enumerate(cells)]))
    assert several(own, label="tags", labels=(), separator=separator).class_counts().tolist() == [[0, 40], [20, 20]]


def test_features_are_never_labels() -> None:
    told(lambda: several(pets(), features=("a", "cat")), "Column 'cat'", "cannot be a feature too")


def test_series_of_unequal_length_are_padded_and_masked() -> None:
    dataset = series(long_form())
    assert dataset.task == "sequence" and dataset.class_names == ("no event", "event")
    assert dataset.feature_names == ("x",)
    lengths = sorted(int(n) for part in dataset.splits.values() for n in part.mask.sum(1))
    assert lengths == [1, 5, 6, 7, 8, 9, 14]
    for part in dataset.splits.values():
        for x, y, mask in zip(part.x, part.y, part.mask, strict=True):
            n = int(mask.sum())
            assert mask[:n].all() and not x[n:].any() and not y[n:].any()
            assert y[:n].tolist() == [int(t % 6 == 3) for t in range(n)]
            assert (x[1:n, 0] - x[: n - 1, 0]).numpy() == pytest.approx(0.1, abs=1e-4)
    assert any("7 series of 1 to 14 steps; 6 of them have an event." in notice for notice in dataset.notices)
    assert any("1 series has one step, e.g. 's1'." in notice for notice in dataset.notices)


def test_features_are_standardised_by_the_steps_of_the_training_series() -> None:
    dataset = series(long_form())
    steps = dataset.train.x[dataset.train.mask]
    torch.testing.assert_close(dataset.shift, steps.mean(0))
    torch.testing.assert_close(dataset.scale, steps.std(0))


def test_unsorted_times_are_sorted_and_it_is_said() -> None:
    shuffled = long_form(order=lambda n: np.random.default_rng(0).permutation(n))
    one, other = series(long_form()), series(shuffled)
    assert sorted(part.y.sum().item() for part in one.splits.values()) == sorted(
        p.y.sum().item() for p in other.splits.values()
    )
    assert any("were not in the order of 'time' and were sorted" in notice for notice in other.notices)
    for part in other.splits.values():  # x is 10 times the series plus 0.1 of the time: features went where their steps did
        for x, mask, y in zip(part.x, part.mask, part.y, strict=True):
            steps = (10 * (x[mask, 0] - x[0, 0])).round().int().tolist()
            assert steps == list(range(len(steps))) and y[mask].tolist() == [int(t % 6 == 3) for t in steps]


def test_gaps_are_said_by_series_and_row() -> None:
    dataset = series(long_form(time=lambda s, t: t + 5 * (s == 2 and t > 6)))
    assert any("'time' has gaps in 1 series, e.g. series 's2' before row 19." in notice for notice in dataset.notices)


def test_the_same_time_twice_is_refused_by_series_and_rows() -> None:
    told(lambda: series(long_form(time=lambda s, t: min(t, 4) if s == 3 else t)), "Series 's3'", "'time'", "rows 30 and 31")


def test_labels_of_steps_are_yes_or_no() -> None:
    told(
        lambda: series(long_form(label=lambda s, t: 3 if (s, t) == (2, 5) else t % 2), label="event"),
        "'event'",
        "row 17 (series 's2')",
    )
    told(lambda: series(long_form(event=lambda s, t: False), label="event"), "'event'", "no series has an event")


def test_steps_without_a_label_are_refused_or_masked_out() -> None:
    own = long_form(label=lambda s, t: "" if s == 2 and t in (2, 3) or s == 5 else int(t % 6 == 3))
    told(lambda: series(own), "'event'", "7 steps have none", "row 14 (series 's2')")
    dataset = series(own, missing_labels="drop")
    longest = next(y for part in dataset.splits.values() for y in zip(part.y, part.mask, strict=True) if y[1].shape[0] >= 14)
    masks = [mask for part in dataset.splits.values() for mask in part.mask if mask.shape[0] >= 14 and mask[13]]
    assert len(masks) == 1 and masks[0][:5].tolist() == [True, True, False, False, True] and longest
    assert sum(len(part) for part in dataset.splits.values()) == 6
    assert any("1 series without any label are left out" in notice for notice in dataset.notices)


def test_a_step_without_series_or_time_is_refused_by_row() -> None:
    text = lines("series,time,x,event", [[s, t, t * t, int(t == 3)] for s in "abcd" for t in range(6)])
    told(lambda: series(table(text.replace("b,2,", ",2,", 1))), "'series'", "row 10")
    told(lambda: series(table(text.replace("b,2,", "b,,", 1))), "'time'", "row 10 (series 'b')")
    told(lambda: series(table(text.replace("b,2,", "b,soon,", 1))), "'time'", "row 10 (series 'b')", "'soon'")


def test_long_series_are_cut_and_short_ones_are_not() -> None:
    dataset = series(long_form(lengths=(100_000, 3, 8, 20, 900, 40)), max_steps=500)
    assert all(part.x.shape[1] <= 500 for part in dataset.splits.values())
    assert sum(part.decisions for part in dataset.splits.values()) == 100_971
    assert any("2 series are longer than 500 steps (the longest, 's0', has 100000)" in notice for notice in dataset.notices)


def test_pieces_of_a_series_stay_in_one_split() -> None:
    dataset = series(long_form(lengths=(1000,) * 10), max_steps=100)
    of = [{int(row) // 1000 for row in part.rows} for part in dataset.splits.values()]
    assert not of[0] & of[1] and not of[0] & of[2] and not of[1] & of[2]
    assert [len(own) for own in of] == [6, 2, 2]


def test_one_long_series_is_shared_out_by_pieces() -> None:
    dataset = series(long_form(lengths=(1000,)), max_steps=100)
    assert [len(part) for part in dataset.splits.values()] == [6, 2, 2]
    assert any("fewer than 3 series" in notice for notice in dataset.notices)
    told(lambda: series(long_form(lengths=(90,))), "at least 3 series", "'series' has 1")


def test_without_a_time_the_file_gives_the_order() -> None:
    dataset = series(long_form(), time="")
    assert any("stand in the order of the file" in notice for notice in dataset.notices)
    assert "time" in dataset.feature_names


def test_a_file_that_is_too_large_is_trained_on_in_part_and_counted_as_a_whole(monkeypatch) -> None:
    monkeypatch.setattr("lib.data.long_form.TRAINING_STEPS", 60)
    dataset = series(long_form(lengths=(10,) * 30))
    assert sum(part.decisions for part in dataset.splits.values()) == 100
    assert dataset.class_counts().sum() == 300


@pytest.mark.parametrize("own, task", [(pets(), "exclusive"), (tags(), "multilabel"), (long_form(), "sequence")])
def test_how_a_file_asks_is_guessed(own, task) -> None:
    assert guess_task(own) == task


@pytest.mark.parametrize(
    "own, task, model", [(pets(), "multilabel", "mlp"), (tags(), "multilabel", "linear"), (long_form(), "sequence", "lstm")]
)
def test_an_upload_trains(own, task, model) -> None:
    spec = DataSpec("upload", params_of(own, task=task))
    asked = Experiment.from_dict({
        "data": {"source": "upload", "params": {k: list(v) if isinstance(v, tuple) else v for k, v in spec.params.items()}},
        "model": {"name": model}, "training": {"epochs": 2},
        "strategies": [{"name": "plain"}, {"name": "w", "weighting": "sqrt"}],
    })  # fmt: skip
    assert asked.strategies[0].loss == "bce_with_logits"
    dataset = load(asked.data, own)
    check_limits(asked, dataset)
    last = list(train(asked, dataset))[-1]
    assert np.isfinite(last.history.val_nll).all() and not last.diverged
    assert Experiment.from_query(asked.to_query()) == asked


def test_a_file_without_a_feature_is_refused_when_it_is_chosen() -> None:
    told(
        lambda: params_of(table(lines("cat,dog", [[i % 2, i % 3 % 2] for i in range(40)])), task="multilabel"),
        "at least one column",
    )
    own = table(lines("series,time,event", [[s, t, t % 2] for s in "abcd" for t in range(9)]))
    told(lambda: params_of(own, task="sequence"), "at least one column to learn from")
