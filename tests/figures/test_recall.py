import numpy as np
import pytest

from lib.figures.recall import bar, rare_classes, recall_bars
from lib.metrics import t_interval, wilson_interval

RECALLS = np.array([[[0.98, 0.5], [0.97, 0.6]], [[0.9, 0.8], [0.91, 0.9]]])  # [S=2, R=2, C=2]
ROWS = np.array([900.0, 46.0])


def bars(chart):
    return [trace for trace in chart.figure.data if trace.type == "bar"]


def notes(chart):
    return " ".join(note.text.replace("<br>", " ") for note in chart.figure.layout.annotations)


def test_a_bar_is_the_mean_over_seeds_and_says_what_stands_behind_it():
    chart = recall_bars(["plain", "balanced"], RECALLS, ["no", "fraud"], ROWS, dark=False)
    assert list(bars(chart)[1].y) == pytest.approx([0.905, 0.85])
    assert tuple(chart.figure.layout.xaxis.ticktext) == ("no<br>n = 900", "• fraud<br>n = 46")
    low, high = t_interval(RECALLS[1, :, 1])
    assert "<b>B balanced</b><br>fraud: recall 0.850" in bars(chart)[1].hovertext[1]
    assert "39.1 of 46 rows found" in bars(chart)[1].hovertext[1]
    assert low < 0.85 < high


def test_whiskers_are_the_t_interval_within_0_and_1_and_the_caption_says_so():
    chart = recall_bars(["plain", "balanced"], RECALLS, ["no", "fraud"], ROWS, dark=False)
    low, high = t_interval(RECALLS[0, :, 0])
    error = bars(chart)[0].error_y
    assert error.arrayminus[0] == pytest.approx(0.975 - low)
    assert error.array[0] == pytest.approx(min(high, 1) - 0.975)
    assert "Whiskers: 95% interval over 2 seeds (t)." in notes(chart)


def test_few_rows_get_wilsons_interval():
    own = bar(np.array([0.5]), 10.0)
    assert (own.low, own.high) == pytest.approx(wilson_interval(5, 10))
    chart = recall_bars(["plain"], RECALLS[:1], ["no", "fraud"], np.array([900.0, 20.0]), dark=False)
    assert "Wilson's below 30 rows" in notes(chart)


def test_one_seed_has_no_whisker():
    chart = recall_bars(["plain"], RECALLS[:1, :1], ["no", "fraud"], ROWS, dark=False)
    assert bars(chart)[0].error_y.visible is False
    assert "Whiskers" not in notes(chart)


def test_a_class_without_rows_says_so():
    recalls = np.array([[[0.9, np.nan, 0.4]]])
    chart = recall_bars(["plain"], recalls, ["a", "b", "c"], np.array([500.0, 0.0, 100.0]), dark=True)
    assert chart.figure.layout.xaxis.ticktext[1] == "• b<br>no rows"
    assert "no rows" in notes(chart)
    assert bars(chart)[0].hovertext[1].endswith("b: no rows")
    assert "b no rows" in chart.alt


def test_each_bar_has_its_letter():
    chart = recall_bars(["plain", "balanced"], RECALLS, ["no", "fraud"], ROWS, dark=False)
    letters = [text for trace in chart.figure.select_traces({"mode": "text"}) for text in trace.text if text.startswith("<b>")]
    assert letters == ["<b>A</b>", "<b>A</b>", "<b>B</b>", "<b>B</b>"]


def test_bars_of_a_class_do_not_overlap():
    chart = recall_bars(list("abcdefgh"), np.full((8, 1, 3), 0.5), ["a", "b", "c"], np.array([9.0, 9.0, 9.0]), dark=False)
    edges = [(trace.x[0] - trace.width / 2, trace.x[0] + trace.width / 2) for trace in bars(chart)]
    assert all(left[1] <= right[0] + 1e-9 for left, right in zip(edges, edges[1:], strict=False))
    assert -0.5 < edges[0][0] and edges[-1][1] < 0.5


def test_beyond_ten_classes_markers_follow_frequency():
    rows = np.arange(1, 31, dtype=float)
    recalls = np.linspace(0, 1, 30)[None, None]
    chart = recall_bars(["plain"], recalls, [f"c{i}" for i in range(30)], rows, dark=False)
    trace = chart.figure.data[0]
    assert trace.type == "scatter" and trace.marker.symbol == "circle"
    assert list(trace.y) == pytest.approx(list(np.linspace(1, 0, 30)))
    assert chart.figure.layout.xaxis.ticktext[0] == "c29"
    assert "Most frequent class first." in notes(chart)


def test_names_of_strangers_are_inert():
    payload = recall_bars(["<b>x</b>"], RECALLS[:1], ["<i>no</i>", "$x$"], ROWS, dark=False).payload()
    assert "<i>" not in payload and "<b>x" not in payload and "$x$" not in payload


def test_rare_is_a_tenth_of_the_largest():
    assert rare_classes(np.array([1000, 100, 101, 0])) == [False, True, False, True]


def test_which_class_is_rare_is_said_of_the_training_rows():
    """Uploads keep one row per part of a tiny class: its share of the validation rows says little."""
    values = np.full((1, 1, 2), 0.5)
    arguments = (["plain"], values, ["no", "yes"], np.array([100.0, 20.0]))
    assert not recall_bars(*arguments, dark=False).figure.layout.xaxis.ticktext[1].startswith("•")
    marked = recall_bars(*arguments, dark=False, train_rows=np.array([1000.0, 90.0]))
    assert marked.figure.layout.xaxis.ticktext[1].startswith("• yes")
