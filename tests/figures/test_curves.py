import dataclasses

import numpy as np
import pytest

from lib.figures.curves import smoothed, spread, train_loss, validation_nll
from lib.reuse import join, keep
from lib.training import train


def texts(chart):
    return [note.text for note in chart.figure.layout.annotations]


def lines(chart):
    return {t.name: t for t in chart.figure.data if t.mode and "lines" in t.mode and not t.name.endswith("seed")}


def test_losses_with_different_divisors_stand_in_different_panels(final):
    chart = train_loss(final, dark=False)
    assert "loss, divided by the sum of weights" in texts(chart)
    assert "loss, divided by the number of rows" in texts(chart)
    axes = {name[0]: trace.yaxis for name, trace in lines(chart).items()}
    assert axes["A"] == axes["C"] != axes["B"]


def test_a_point_exists_before_the_first_epoch_ends(snapshots):
    early = snapshots[1]
    assert 0 < early.progress < 1
    chart = train_loss(early, dark=False)
    own = next(trace for name, trace in lines(chart).items() if name.startswith("B"))  # its stack comes first
    assert list(own.x) == [early.progress]
    assert own.y[0] == pytest.approx(early.loss_now[1].mean())
    assert "after 0.25 of 3 epochs: A plain no value yet, C too fast no value yet, B" in chart.alt


def test_the_line_is_the_mean_over_seeds_and_the_band_reaches_over_them(final):
    chart = train_loss(final, dark=False)
    values = final.history.train_loss[0]
    low, high = (next(t for t in chart.figure.data if t.name == f"A plain, {which} seed") for which in ("lowest", "highest"))
    assert np.allclose(lines(chart)["A plain"].y, values.mean(0))
    assert list(low.y) == pytest.approx(values.min(0)) and list(high.y) == pytest.approx(values.max(0))
    assert high.fill == "tonexty"


def test_the_epochs_are_there_from_the_start(snapshots):
    for snapshot in snapshots:
        for chart in (train_loss(snapshot, dark=False), validation_nll(snapshot, dark=True)):
            assert tuple(chart.figure.layout.xaxis.range) == (0, 3)


def test_a_run_that_diverged_is_named_with_its_epoch_and_does_not_set_the_axis(final):
    chart = train_loss(final, dark=False)
    assert final.diverged == {(2, 0): 1, (2, 1): 1}
    assert "✕ <b>C</b> too fast diverged in epoch 1" in texts(chart)
    assert "C too fast no value yet, diverged in epoch 1" in chart.alt
    assert chart.figure.layout.yaxis.range[1] < 10


def test_a_run_that_is_about_to_diverge_does_not_flatten_the_others(snapshots):
    assert np.nanmax(snapshots[3].loss_now[2]) > 1e3
    assert train_loss(snapshots[3], dark=False).figure.layout.yaxis.range[1] < 10


def test_a_run_that_stops_later_ends_with_a_cross(final):
    chart = validation_nll(dataclasses.replace(final, diverged={(0, 1): 3}), dark=False)
    cross = next(trace for trace in chart.figure.data if trace.name == "A plain, diverged")
    assert list(cross.x) == [2]
    assert "seed no. 2 diverged in epoch 3" in cross.hovertext[0]


def test_each_line_has_its_name_at_its_end(final):
    assert any(text.startswith("<b>A</b> plain") for text in texts(validation_nll(final, dark=False)))


def test_names_are_inert(final):
    payload = train_loss(final, dark=False).payload() + validation_nll(final, dark=False).payload()
    assert "<b>pos" not in payload
    assert "&#60;b&#62;pos&#60;/b&#62; weight" in payload


def test_validation_nll_says_that_it_is_unweighted(final):
    chart = validation_nll(final, dark=False)
    assert "validation NLL per row, unweighted" in texts(chart)
    assert np.allclose(lines(chart)["A plain"].y, final.history.val_nll[0].mean(0))


def test_a_log_axis_spans_the_values(final):
    axis = validation_nll(final, dark=False, log=True).figure.layout.yaxis
    sound = final.history.val_nll[:2].mean(1)
    assert axis.type == "log"
    assert 10 ** axis.range[0] < sound.min() < sound.max() < 10 ** axis.range[1]


@pytest.mark.parametrize("places", [[50, 50, 50], [0, 1, 2], [99, 100, 98, 97], [10, 90], []])
def test_labels_are_pushed_apart_in_order_and_stay_inside(places):
    moved = spread(places, 18, 100)
    by_place = sorted(range(len(places)), key=lambda i: places[i])
    gaps = np.diff([moved[i] for i in by_place])
    assert (gaps >= 18 - 1e-9).all()
    assert all(-1e-9 <= m <= 100 + 1e-9 for m in moved)


def test_labels_with_room_stay_where_they_are():
    assert spread([10, 90], 18, 100) == [10, 90]


def test_smoothing_is_a_weighted_mean_of_what_came_before_and_leaves_the_raw_line(final):
    values = np.array([4.0, np.nan, 2.0, 1.0])
    old = 0.8 ** np.arange(2, -1, -1.0)  # the oldest first
    finite = np.array([4.0, 2.0, 1.0])
    expected = [4.0, np.nan, (finite[:2] @ old[1:]) / old[1:].sum(), (finite @ old) / old.sum()]
    assert smoothed(values) == pytest.approx(expected, nan_ok=True)
    plain, chart = (validation_nll(final, dark=False, smooth=smooth) for smooth in (False, True))
    raw, drawn = ({t["name"]: t["y"] for t in c.spec["data"] if "lines" in t["mode"]} for c in (plain, chart))
    assert "A plain, smoothed" in drawn
    assert all(np.array_equal(drawn[name], y, equal_nan=True) for name, y in raw.items())


@pytest.fixture(scope="module")
def joined(final):
    """Of three strategies the first is kept and the second is new: every snapshot, as a page reads it."""
    changed = dataclasses.replace(final.experiment.strategies[1], weighting="balanced", name="changed")
    what = dataclasses.replace(final.experiment, strategies=(final.experiment.strategies[0], changed), seeds=(0, 1))
    kept = keep(final, None, what, final.dataset)
    return [join(kept, rest) for rest in train(what, final.dataset, stride=lambda: 6, skip=kept.runs)]


@pytest.mark.parametrize("make", [train_loss, validation_nll])
def test_a_strategy_that_is_kept_has_its_whole_curve_and_the_new_one_grows(final, joined, make):
    for snapshot in joined:
        chart = make(snapshot, dark=False, smooth=snapshot.epoch == 2)
        kept, new = lines(chart)["A plain"], lines(chart)["B changed"]
        values = getattr(final.history, make.__name__.replace("validation", "val"))[0]
        assert list(kept.x) == [1, 2, 3] and list(kept.y) == pytest.approx(values.mean(0))
        there = [1, 2, 3][: snapshot.epoch]
        there += [snapshot.progress] if make is train_loss and snapshot.progress > snapshot.epoch else []
        assert list(new.x) == there and np.isfinite(new.y).all()
        assert tuple(chart.figure.layout.xaxis.range) == (0, 3)
        assert ("(kept, after all epochs)" in chart.alt) == (not snapshot.done)


def test_of_more_seeds_the_kept_ones_stand_in_full(final):
    what = dataclasses.replace(final.experiment, strategies=final.experiment.strategies[:1], seeds=(0, 2))
    kept = keep(final, None, what, final.dataset)
    first = join(kept, next(train(what, final.dataset, skip=kept.runs)))
    assert list(lines(train_loss(first, dark=False))["A plain"].y) == pytest.approx(final.history.train_loss[0, 0])
    band = next(t for t in validation_nll(first, dark=False).figure.data if t.name == "A plain, highest seed")
    assert list(band.x) == [1, 2, 3]
    line = lines(validation_nll(first, dark=False))["A plain"]
    assert np.isfinite(line.customdata).all() and shown(line, 0).endswith(f"seeds 0: {final.history.val_nll[0, 0, 0]:.3g}, …")


def shown(line, point):
    """What stands under the pointer: the numbers in their places."""
    text = line.hovertemplate.replace("<extra></extra>", "")
    for place, value in {"x": line.x[point], "y": line.y[point]}.items():
        text = text.replace(f"%{{{place}:.3~r}}", f"{value:.3g}")
    for at, value in enumerate(line.customdata[point]):
        text = text.replace(f"%{{customdata[{at}]:.3~r}}", f"{value:.3g}")
    return text


def test_under_the_pointer_stand_the_mean_and_each_seed(final):
    values = final.history.val_nll[0]
    line = lines(validation_nll(final, dark=False))["A plain"]
    assert shown(line, 1) == (
        f"<b>A plain</b><br>epoch 2: mean {values[:, 1].mean():.3g}<br>seeds 0: {values[0, 1]:.3g}, 1: {values[1, 1]:.3g}"
    )


def test_a_seed_that_diverged_is_named_with_its_epoch_and_has_no_number(final):
    gone = dataclasses.replace(final, diverged={(0, 0): 3})
    line = lines(validation_nll(gone, dark=False))["A plain"]
    values = final.history.val_nll[0]
    assert shown(line, 0).endswith(f"seeds 1: {values[1, 0]:.3g}<br>seed 0 diverged in epoch 3")
    assert np.isfinite(line.customdata).all()


def test_of_many_seeds_eight_are_named(final):
    strategies, epochs = 3, 3
    values = np.arange(strategies * 10 * epochs, dtype=float).reshape(strategies, 10, epochs)
    ten = dataclasses.replace(final.experiment, seeds=tuple(range(20, 30)))
    history = dataclasses.replace(final.history, val_nll=values)
    line = lines(validation_nll(dataclasses.replace(final, experiment=ten, history=history, diverged={}), dark=False))[
        "A plain"
    ]
    assert "20: 0," in shown(line, 0) and "27: 21, …" in shown(line, 0) and "28:" not in shown(line, 0)


def test_one_seed_has_no_band_and_no_list(ring):
    line = lines(validation_nll(ring, dark=False))["A plain"]
    assert line.customdata is None and "seeds" not in line.hovertemplate
    assert len([t for t in validation_nll(ring, dark=False).figure.data if "seed" in t.name]) == 0
