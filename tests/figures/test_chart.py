import base64
import json

import numpy as np
import pytest

from lib.figures.chart import INLINE, Chart, Slot, Track, pack


def test_an_array_that_several_panels_share_travels_once():
    points = np.arange(1000, dtype=float)
    chart = Chart({"data": [{"type": "scatter", "x": points, "y": points}], "layout": {"height": 300}}, "")
    sent = json.loads(chart.payload())
    assert sent["data"][0]["x"] == sent["data"][0]["y"] == {"$": 0}
    assert np.frombuffer(base64.b64decode(sent["arrays"][0]["bdata"]), "<f4").tolist() == points.tolist()
    assert chart.height == 300


def test_short_arrays_are_written_out_and_nan_is_null():
    assert pack(np.array([1.0, np.nan, 1 / 3])) == [1.0, None, 0.333333]
    assert pack(np.array([[1, 2], [3, 4]])) == [[1, 2], [3, 4]]
    assert pack(np.array([], dtype=float)) == []


@pytest.mark.parametrize(("high", "dtype"), [(100, "i1"), (30_000, "i2"), (2_000_000, "i4"), (2**40, "f8")])
def test_whole_numbers_take_the_smallest_type_that_holds_them(high, dtype):
    array = np.full(INLINE + 1, high)
    packed = pack(array)
    assert packed["dtype"] == dtype
    assert np.frombuffer(base64.b64decode(packed["bdata"]), f"<{dtype}").tolist() == array.tolist()


def test_a_matrix_says_its_shape():
    assert pack(np.zeros((10, 20), dtype=np.int8))["shape"] == "10,20"


def test_what_is_neither_plain_nor_array_is_refused():
    with pytest.raises(TypeError, match="plain values and numpy arrays, got set"):
        Chart({"data": [{1}], "layout": {}}, "").payload()


def test_slots_travel_with_their_arrays():
    lines = [np.arange(100.0), np.arange(100.0) * 2]
    chart = Chart(
        {"data": [{"type": "scatter", "y": lines[0]}], "layout": {"height": 300}}, "", (Slot(("data", 0, "y"), lines),)
    )
    sent = json.loads(chart.payload())
    assert sent["slots"] == [{"path": ["data", 0, "y"], "values": [{"$": 0}, {"$": 1}]}]
    assert len(sent["arrays"]) == 2
    assert "slots" not in json.loads(Chart(chart.spec, "").payload())


def test_slots_of_a_chart_have_as_many_values_each():
    with pytest.raises(ValueError, match="as many values each"):
        Chart({"data": [], "layout": {}}, "", (Slot(("alt",), ["a"]), Slot(("alt",), ["a", "b"])))


@pytest.mark.parametrize(("start", "ticks"), [(-1, {}), (2, {}), (0, {2: "x"})])
def test_a_slider_stays_within_its_positions(start, ticks):
    with pytest.raises(ValueError, match="A slider with 2 positions"):
        Track("weight", ("1", "2"), start, ticks)
