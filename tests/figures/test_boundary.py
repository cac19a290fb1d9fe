import time

import numpy as np
import pytest

from lib.experiment import Experiment
from lib.figures.boundary import bayes_segments, boundaries, margins, offset, view
from lib.metrics import confusion_matrices
from lib.theory import bayes_rule
from lib.training import load, train


def test_one_panel_per_strategy_with_the_same_axes(ring):
    layout = boundaries(ring, dark=False).figure.layout
    assert layout.xaxis.range == layout.xaxis2.range
    assert layout.yaxis.range == layout.yaxis2.range
    titles = [note.text for note in layout.annotations]
    assert "● <b>A</b> plain" in titles and "■ <b>B</b> balanced" in titles


def test_the_regions_are_what_the_model_says(ring):
    """The grid cell of a validation point has the class that the confusion matrix counted, but for points on the line."""
    model, part = ring.models[0, 0], ring.dataset.validation
    box = view(part.x.numpy())
    lead, across, up = margins(model, offset(model), box, cells=200)
    x = part.x.numpy()
    columns = np.abs(across[None] - x[:, :1]).argmin(1)
    rows = np.abs(up[None] - x[:, 1:]).argmin(1)
    predicted = lead.argmax(0)[rows, columns]
    import torch

    counted = confusion_matrices(part.y, torch.from_numpy(predicted)[None], 3)[0].numpy()
    assert np.abs(counted - ring.confusion[0, 0]).sum() <= 0.03 * len(part)


def test_the_theory_lines_are_where_two_best_scores_are_equal():
    means, shares = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]]), np.array([0.6, 0.3, 0.1])
    weight, bias = bayes_rule(means, shares)
    segments = bayes_segments(means, shares, (-4, 4, -4, 4))
    assert len(segments) == 3
    for start, end in segments:
        for part in (0.01, 0.5, 0.99):
            point = np.array(start) * (1 - part) + np.array(end) * part
            scores = np.sort(weight @ point + bias)
            assert scores[-1] == pytest.approx(scores[-2], abs=1e-9)
            assert (np.abs(point) <= 4 + 1e-9).all()


def test_a_class_without_a_region_has_no_line():
    means = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert bayes_segments(means, np.array([0.5, 0.5, 0.0]), (-4, 4, -4, 4)) == bayes_segments(
        means[:2], np.array([0.5, 0.5]), (-4, 4, -4, 4)
    )


def test_no_dashed_line_where_theory_has_none():
    what = Experiment.from_dict({
        "data": {"source": "ring", "params": {"n": 100, "n_val": 50, "n_test": 50}}, "training": {"epochs": 1},
        "strategies": [{"name": "plain"}, {"name": "margins", "loss": "ldam"}, {"name": "hinge", "loss": "multi_margin"},
                       {"name": "squared hinge", "loss": "multi_margin", "loss_params": {"p": 2}}],
    })  # fmt: skip
    *_, last = train(what, load(what.data))
    lines = list(boundaries(last, dark=False).figure.select_traces({"mode": "lines"}))
    dashed = [line for line in lines if line.line.dash and line.showlegend is False]
    assert [len(line.x) > 0 for line in dashed] == [True, False, False, True]


def test_the_dashed_line_moves_with_the_weights_and_the_thin_one_stays(ring):
    lines = boundaries(ring, dark=False).figure.select_traces({"mode": "lines"})
    traces = [line for line in lines if line.name != "learned" and not line.showlegend]
    plain_thin, plain_dashed, balanced_thin, balanced_dashed = [np.array(t.x, dtype=float) for t in traces]
    assert np.allclose(plain_thin, plain_dashed, equal_nan=True)
    assert np.allclose(plain_thin, balanced_thin, equal_nan=True)
    assert not np.allclose(balanced_thin, balanced_dashed, equal_nan=True)
    assert [t.line.dash for t in traces] == [None, "10px,6px"] * 2


def test_balanced_weights_bring_the_best_boundaries_of_the_ring_to_its_centre(ring):
    dashed = list(boundaries(ring, dark=False).figure.select_traces({"mode": "lines"}))[-1]
    points = np.column_stack([np.array(dashed.x, dtype=float), np.array(dashed.y, dtype=float)])
    nearest = np.sort(np.linalg.norm(points[~np.isnan(points[:, 0])], axis=1))[:3]
    assert nearest == pytest.approx([0, 0, 0], abs=1e-5)


def test_points_are_a_sample_that_keeps_rare_classes(ring):
    chart = boundaries(ring, dark=False, max_points=60)
    points = list(chart.figure.select_traces({"mode": "none", "xaxis": "x"}))
    assert [int(np.isnan(np.array(trace.x)).sum()) for trace in points] == [40, 40, 30]  # each outline ends in a gap
    legend = list(chart.figure.select_traces({"mode": "markers"}))
    assert len({trace.marker.symbol for trace in legend}) == 3
    caption = " ".join(note.text.replace("<br>", " ") for note in chart.figure.layout.annotations)
    assert "110 of 300 validation rows. Rare classes: at least 40 points each." in caption


def test_a_run_that_diverged_shows_points_and_says_so(final):
    chart = boundaries(final, dark=False)
    assert "diverged in epoch 1" in [note.text for note in chart.figure.layout.annotations]
    assert "C too fast: diverged in epoch 1" in chart.alt
    assert "A plain says 0 " in chart.alt
    assert not [trace for trace in chart.figure.data if trace.mode == "lines" and trace.xaxis == "x3"]
    assert "x3" not in [image.xref for image in chart.figure.layout.images]


def test_the_legend_is_there_when_the_first_strategy_diverged(final):
    """It names marks and lines on traces of its own, not on those of a panel that may be empty."""
    import dataclasses

    gone = dataclasses.replace(final, diverged={**final.diverged, (0, 0): 1})
    named = [trace.name for trace in boundaries(gone, dark=False).figure.data if trace.showlegend]
    assert named == ["0", "1", "learned", "best without weights", "best for these weights"]


def test_before_the_first_batch_there_is_already_a_picture(snapshots):
    chart = boundaries(snapshots[0], dark=True)
    assert "before the first epoch" in chart.alt
    assert chart.figure.layout.height == chart.height


def test_other_than_two_features_are_refused(final):
    import dataclasses

    wide = dataclasses.replace(final.dataset.train, x=final.dataset.train.x[:, :1])
    with pytest.raises(ValueError, match="two features, got 1"):
        boundaries(dataclasses.replace(final, dataset=dataclasses.replace(final.dataset, train=wide)), dark=False)


def test_a_picture_of_a_live_training_is_small_and_quick(ring):
    start = time.perf_counter()
    payload = boundaries(ring, dark=False).payload()
    assert time.perf_counter() - start < 5  # 5 ms; only a mistake makes it seconds
    assert len(payload) < 30_000
