import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from lib.data import SOURCES
from lib.figures.data import class_counts, scatter, scheme_weights, thumbnail
from lib.figures.recall import recall_bars


def notes(chart):
    return [note.text.replace("<br>", " ") for note in chart.figure.layout.annotations]


@pytest.mark.parametrize("log", [False, True])
def test_class_counts_stand_over_their_bars(log):
    chart = class_counts(np.array([9500.0, 500.0, 0.0]), ["no", "<b>fraud</b>", "other"], log=log, dark=False)
    trace = chart.figure.data[0]
    assert tuple(trace.text) == ("9\u2009500", "500", "no rows")
    tops = np.array(trace.y, dtype=float) + trace.base
    assert tops[:2].tolist() == [9500, 500]
    assert tuple(chart.figure.layout.xaxis.ticktext) == ("no", "• &#60;b&#62;fraud&#60;/b&#62;", "• other")
    assert "The largest class has 19.0 times the rows of the smallest." in notes(chart)[0]
    assert chart.alt.startswith("Rows per class: no 9\u2009500, <b>fraud</b> 500, other no rows.")


def test_many_classes_are_sorted_and_keep_few_names():
    chart = class_counts(np.arange(1, 501), [str(i) for i in range(500)], dark=False)
    assert chart.figure.data[0].text is None
    assert list(chart.figure.data[0].y[:3]) == [500, 499, 498]
    assert len(chart.figure.layout.xaxis.ticktext) <= 40


@pytest.mark.parametrize("log", [False, True])
def test_weights_of_every_scheme_stand_in_their_panel(log):
    table = pd.DataFrame({"no": [1.0, 0.526, np.nan], "yes": [1.0, 10.0, np.nan]}, index=["None", "Balanced", "pos_weight"])
    chart = scheme_weights(table, dark=False, log=log)
    assert [tuple(trace.text) for trace in chart.figure.data] == [("1.00", "1.00"), ("0.526", "10.0"), ("–", "–")]
    assert notes(chart) == [
        "<b>None</b> max/min 1.00",
        "<b>Balanced</b> max/min 19.0",
        "<b>pos_weight</b> not for these classes",
    ]
    tops = np.array(chart.figure.data[1].y) + chart.figure.data[1].base
    assert tops == pytest.approx([0.526, 10.0])
    assert "Balanced (max/min 19.0): no 0.526, yes 10.0" in chart.alt


def test_two_features_are_drawn_as_they_are(ring):
    chart = scatter(ring.dataset, dark=False)
    first = chart.figure.data[0]
    assert first.name == "0 (360)"
    assert np.allclose(np.column_stack([first.x, first.y]), ring.dataset.train.x[ring.dataset.train.y == 0])
    assert chart.figure.layout.xaxis.title.text == "x1"


def test_more_features_are_said_to_be_principal_components():
    dataset = SOURCES["breast_cancer"].function(seed=0, **{p.name: p.default for p in SOURCES["breast_cancer"].params})
    chart = scatter(dataset, dark=False)
    assert chart.figure.layout.xaxis.title.text == "first principal component"
    scaled = StandardScaler().fit_transform(dataset.train.x.numpy())
    part = PCA(2).fit(scaled).explained_variance_ratio_.sum()
    assert f"First two principal components: {part:.0%} of the variance." in notes(chart)[-1]


def test_a_thumbnail_is_the_figure_without_text(ring):
    names = [strategy.name for strategy in ring.experiment.strategies]
    rows = ring.dataset.class_counts("validation").numpy()
    chart = thumbnail(recall_bars(names, ring.history.recall[:, :, -1], ring.dataset.class_names, rows, dark=False))
    assert chart.height == 120
    assert len(chart.figure.data) > 0
    assert not chart.figure.layout.annotations
    assert chart.figure.layout.xaxis.visible is False
    assert "A plain" in chart.alt
