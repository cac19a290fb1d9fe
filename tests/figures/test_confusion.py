import numpy as np
import pytest

from lib.figures.confusion import (
    confusion_panels,
    crowded,
    difference_panels,
    frequency_groups,
    group_recalls,
    mean_matrices,
    signed,
    top_confusions,
)
from lib.figures.panels import fitted

TWO = np.array([[[[90, 10], [4, 6]]], [[[80, 20], [1, 9]]]], dtype=float)  # [S=2, R=1, C, C]


def cells(chart, panel=0):
    return list(list(chart.figure.select_traces({"mode": "text"}))[panel].text)


def notes(chart):
    return " ".join(note.text.replace("<br>", " ") for note in chart.figure.layout.annotations)


def test_every_cell_says_its_count_and_the_share_of_its_row():
    chart = confusion_panels(["plain", "balanced"], TWO, ["no", "yes"], dark=False)
    assert cells(chart) == ["<b>90</b><br>90%", "<b>10</b><br>10%", "<b>4</b><br>40%", "<b>6</b><br>60%"]
    assert cells(chart, 1) == ["<b>80</b><br>80%", "<b>20</b><br>20%", "<b>1</b><br>10%", "<b>9</b><br>90%"]


@pytest.mark.parametrize(("normalise", "last"), [("count", "60%"), ("column", "38%"), ("all", "5.5%")])
def test_other_wholes(normalise, last):
    chart = confusion_panels(["plain", "balanced"], TWO, ["no", "yes"], normalise=normalise, dark=True)
    assert cells(chart)[3] == f"<b>6</b><br>{last}"


def test_rows_are_the_true_classes_from_above_and_say_their_rows():
    chart = confusion_panels(["plain"], TWO[:1], ["no", "yes"], dark=False)
    layout, heat = chart.figure.layout, chart.figure.data[0]
    assert tuple(layout.xaxis.ticktext) == ("no", "yes")
    assert tuple(layout.yaxis.ticktext) == ("no<br>n = 100", "yes<br>n = 10")
    assert layout.yaxis.range[0] > layout.yaxis.range[1]
    assert heat.text[1][0] == "true: yes<br>predicted: no<br>4 of 10 rows of this true class<br>40% of the true class"
    assert np.allclose(heat.z, [[0.9, 0.1], [0.4, 0.6]])
    assert "Rows: true class, columns: predicted class (validation)." in notes(chart)


def test_all_panels_share_size_order_and_colours():
    chart = confusion_panels(list("abcdefgh"), np.repeat(TWO[:1], 8, axis=0), ["no", "yes"], dark=False)
    layout = chart.figure.layout
    widths = {round(layout[f"xaxis{i or ''}"].domain[1] - layout[f"xaxis{i or ''}"].domain[0], 6) for i in (0, 2, 3, 8)}
    assert len(widths) == 1
    assert layout.xaxis5.domain == layout.xaxis.domain
    assert {trace.coloraxis for trace in chart.figure.data if trace.type == "heatmap"} == {"coloraxis"}
    assert layout.meta["grid"]["columns"] == 4


def test_of_several_seeds_the_mean_is_shown_and_said():
    seeds = np.array([[[[90, 10], [4, 6]], [[91, 9], [3, 7]]]], dtype=float)
    chart = confusion_panels(["plain"], seeds, ["no", "yes"], dark=False)
    assert cells(chart)[0] == "<b>90.5</b><br>90%"
    assert "Mean counts of 2 seeds" in notes(chart)


def test_a_seed_that_diverged_does_not_pull_the_mean_down():
    seeds = np.array([[[[90, 10], [4, 6]], [[0, 0], [0, 0]]]], dtype=float)
    assert mean_matrices(seeds)[0].tolist() == [[90, 10], [4, 6]]


def test_a_strategy_without_result_says_so():
    chart = confusion_panels(["plain", "gone"], np.concatenate([TWO[:1], 0 * TWO[:1]]), ["no", "yes"], dark=False)
    assert "no result yet" in notes(chart)
    assert chart.figure.layout.yaxis2.ticktext == ("no", "yes")  # it has rows, and no result on them
    gone = confusion_panels(
        ["plain", "gone"], np.concatenate([TWO[:1], 0 * TWO[:1]]), ["no", "yes"], dark=False, diverged={1: 3}
    )
    assert "diverged in epoch 3" in notes(gone) and "B gone: diverged in epoch 3" in gone.alt
    assert len(list(chart.figure.select_traces({"mode": "text"}))) == 1


def test_a_class_without_rows_is_named_and_has_no_share():
    chart = confusion_panels(["plain"], np.array([[[[5, 5], [0, 0]]]], dtype=float), ["no", "yes"], dark=False)
    assert chart.figure.layout.yaxis.ticktext[1] == "yes<br>no rows"
    assert cells(chart)[2:] == ["0<br>no rows", "0<br>no rows"]
    assert "yes –" in chart.alt


def test_names_of_strangers_are_inert():
    chart = confusion_panels(["<b>x</b>"], TWO[:1], ["<a href='http://x'>no</a>", "%{z}"], dark=False)
    payload = chart.payload()
    assert "<a" not in payload and "<b>x" not in payload and "%{" not in payload.replace("%{text}", "")
    assert "&#60;b&#62;x&#60;/b&#62;" in payload


def test_the_alt_text_has_the_numbers():
    chart = confusion_panels(["plain", "balanced"], TWO, ["no", "yes"], dark=False)
    assert "A plain: no 0.900, yes 0.600; B balanced: no 0.800, yes 0.900" in chart.alt


def test_beyond_ten_classes_there_are_no_numbers():
    matrices = np.stack([np.eye(40) * 7 + 1] * 2)[:, None]
    chart = confusion_panels(["a", "b"], matrices, [f"c{i}" for i in range(40)], dark=False)
    assert all(trace.type == "heatmap" for trace in chart.figure.data)
    assert len(chart.figure.layout.xaxis.ticktext) <= 10


def test_a_hundred_classes_stay_small():
    matrices = np.random.default_rng(0).integers(0, 9, (8, 1, 100, 100)).astype(float)
    chart = confusion_panels(list("abcdefgh"), matrices, [f"class {i}" for i in range(100)], dark=False)
    assert len(chart.payload()) < 600_000


def test_top_confusions_are_sorted_and_leave_out_what_is_right():
    table = top_confusions(["plain"], np.array([[[[50, 3, 0], [9, 1, 2], [0, 0, 4]]]], dtype=float), ["a", "b", "c"])
    assert table.values.tolist() == [
        ["plain", "b", "a", 9.0, 0.75],
        ["plain", "a", "b", 3.0, pytest.approx(3 / 53)],
        ["plain", "b", "c", 2.0, pytest.approx(1 / 6)],
    ]


@pytest.mark.parametrize("classes", [2, 3, 7, 100])
def test_every_class_is_in_one_group_most_frequent_first(classes):
    groups = frequency_groups(np.arange(classes, 0, -1))
    assert list(groups) == ["head", "middle", "tail"]
    assert sum(groups.values(), []) == list(range(classes))


def test_group_recalls_leave_out_classes_without_rows():
    table = group_recalls(["plain"], np.array([[[0.9, 0.5, np.nan, 0.2, 0.7, 0.1]]]), np.array([60, 50, 0, 30, 40, 10]))
    assert table["head (2 classes)"][0] == pytest.approx(0.7)
    assert table["middle (2 classes)"][0] == pytest.approx(0.45)
    assert table["tail (2 classes)"][0] == pytest.approx(0.1)


@pytest.mark.parametrize("strategies", [1, 4, 8])
def test_a_presentation_fits_all_matrices_in_rows_of_four(strategies):
    counts = np.tile(np.array([[90, 10], [5, 15]]), (strategies, 1, 1))
    names = ["<b>a name that is far too long for a panel</b>"] * strategies
    shown = fitted(confusion_panels(names, counts, ["no", "yes"], dark=False), 350)
    assert len(shown.figure.data) == 2 * strategies
    layout, grid = shown.spec["layout"], shown.spec["layout"]["meta"]["grid"]
    assert grid["columns"] == min(strategies, 4) and grid["height"] >= 90
    assert layout["height"] == (352 if strategies == 8 else 350)  # a second row is not squeezed below what can be read
    texts = [text["text"] for text in layout["annotations"]]
    assert len(texts) == strategies and all("&#60;b&#62;a" in text for text in texts)
    assert strategies == 1 or not any("name that" in text for text in texts)


@pytest.mark.parametrize("numbers", [False, True])
def test_many_matrices_on_little_room_have_names_once_a_row_and_shares_or_shades(numbers):
    whole = confusion_panels(list("abcdefgh"), np.tile(np.diag([5, 6, 7, 8]), (8, 1, 1)), list("uvwx"), dark=False)
    bare = crowded(whole, 4, numbers=numbers)
    kinds = [trace.type for trace in bare.figure.data]
    assert kinds == (["heatmap", "scatter"] if numbers else ["heatmap"]) * 8 and bare.alt == whole.alt
    layout = bare.figure.layout
    named = [layout[f"yaxis{i or ''}"].showticklabels for i in (0, 2, 3, 4, 5, 6, 7, 8)]
    assert named == [True, False, False, False] * 2 and list(layout.yaxis.ticktext) == list("uvwx")
    assert not any(layout[f"xaxis{i or ''}"].showticklabels for i in (0, 2, 8))
    if numbers:
        assert bare.figure.data[1].text[:2] == ("100%", "0%")
    shown = fitted(bare, 330).spec["layout"]
    assert shown["meta"]["grid"]["gap_x"] == 24 and shown["height"] == 330


def test_a_difference_to_the_baseline_is_signed_in_percentage_points():
    matrices = np.array([[[[90, 10], [8, 2]]], [[[70, 30], [1, 9]]]], dtype=float)
    chart = difference_panels(["plain", "<b>"], matrices, ["no", "yes"], dark=False)
    heat, numbers = chart.figure.to_dict()["data"]
    assert np.asarray(chart.spec["data"][0]["z"]) == pytest.approx(np.array([[-0.2, 0.2], [-0.7, 0.7]]))
    assert list(numbers["text"]) == ["−20.0", "+20.0", "−70.0", "+70.0"] and "<b>" not in heat["name"]
    assert "no −20.0, yes +70.0" in chart.alt
    assert [signed(v) for v in (0.0, -0.0001, np.nan)] == ["0", "0", "no rows"]
    with pytest.raises(ValueError, match="needs two strategies"):
        difference_panels(["plain"], matrices[:1], ["no", "yes"], dark=True)
