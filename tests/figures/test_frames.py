import json

import numpy as np
import pytest

from lib.figures.chart import Chart
from lib.figures.frames import animated, with_cursor

POINTS = np.arange(100.0)


def frame(i, title="same"):
    return Chart(
        {"data": [{"type": "scatter", "x": POINTS, "y": POINTS * i, "error_y": {"array": [i]}},
                  {"type": "scatter", "x": [1], "y": [2]}],
         "layout": {"height": 300, "annotations": [{"text": title, "x": 0}, {"text": f"at {i}", "x": i}]}}, f"frame {i}",
    )  # fmt: skip


def test_only_what_differs_becomes_a_slot_at_its_deepest_place():
    chart = animated([frame(i) for i in range(3)])
    slots = {slot.path: slot.values for slot in chart.slots}
    assert set(slots) == {
        ("data", 0, "y"), ("data", 0, "error_y", "array"), ("layout", "annotations", 1, "text"),
        ("layout", "annotations", 1, "x"), ("alt",),
    }  # fmt: skip
    assert slots["layout", "annotations", 1, "text"] == ["at 0", "at 1", "at 2"]
    assert slots["data", 0, "error_y", "array"] == [[0], [1], [2]]
    assert chart.alt == "frame 0" and len(json.loads(chart.payload())["arrays"]) == 4


def test_putting_a_frame_into_its_slots_gives_that_frame():
    frames = [frame(i) for i in range(3)]
    chart = animated(frames, start=1)
    assert chart.spec["layout"] == frames[1].spec["layout"]
    for i, wanted in enumerate(frames):
        spec = json.loads(json.dumps(chart.spec, default=np.ndarray.tolist))
        for slot in chart.slots:
            if slot.path == ("alt",):
                continue
            place = spec
            for step in slot.path[:-1]:
                place = place[step]
            place[slot.path[-1]] = slot.values[i]
        assert json.dumps(spec, default=np.ndarray.tolist) == json.dumps(wanted.spec, default=np.ndarray.tolist)


def test_nan_equals_nan_and_a_longer_list_is_one_slot():
    charts = [Chart({"data": [{"x": np.array([np.nan, 1.0]), "y": [0] * n}], "layout": {"height": 1}}, "") for n in (1, 2)]
    assert [slot.path for slot in animated(charts).slots] == [("data", 0, "y")]


def test_frames_that_are_all_the_same_need_no_slot_and_none_are_refused():
    assert animated([frame(1), frame(1)]).slots == ()
    with pytest.raises(ValueError, match="at least one frame"):
        animated([])


def test_a_line_stands_at_the_position_in_each_panel():
    grid = {"meta": {"grid": {"panels": 3}}, "height": 1}
    chart = with_cursor(Chart({"data": [], "layout": grid}, ""), [1, 4, 9], dark=False)
    lines = chart.spec["layout"]["shapes"]
    assert [(line["xref"], line["yref"]) for line in lines] == [("x", "y domain"), ("x2", "y2 domain"), ("x3", "y3 domain")]
    assert all(line["x0"] == line["x1"] == 9 for line in lines)
    assert [slot.path for slot in chart.slots] == [("layout", "shapes", at, end) for at in range(3) for end in ("x0", "x1")]
    assert all(slot.values == [1, 4, 9] for slot in chart.slots)
    one = with_cursor(Chart({"data": [], "layout": {"height": 1}}, ""), [2], dark=True).spec["layout"]["shapes"]
    assert [(line["xref"], line["yref"]) for line in one] == [("x", "paper")]
