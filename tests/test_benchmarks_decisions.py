"""The benchmark of Decisions in a reduced form: what is timed is what the page shows."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lib.operating.scored import Sample
from tests.benchmarks import decisions
from tests.benchmarks.server import CHROMIUM


def test_every_threshold_is_precomputed():
    samples = decisions.scores(2000, 3)
    points, grid = decisions.precompute(samples)
    assert [len(one.cuts.low) for one in points] == [2001] * 3 and isinstance(samples[0], Sample)
    assert all(np.isin(one.best("balanced_accuracy")[0], grid) for one in points)


def test_the_figures_have_their_keys():
    result = decisions.run(rows=500, strategies=2, rounds=1, chromium=False)
    assert set(result) == {"precompute_s", "frames_s"} and all(value > 0 for value in result.values())
    assert "every threshold" in decisions.text(result) and "drag" not in decisions.text(result)
    assert "a move of the slider" in decisions.text(result | {"drag_ms": 9.0, "drag_ms_low": 8.0, "drag_ms_high": 12.0})


@pytest.mark.parametrize("strategies", [2])
def test_a_drag_is_answered_in_the_browser(strategies):
    with ThreadPoolExecutor(1) as apart:  # this thread may have a browser already
        result = apart.submit(decisions.drag, strategies, moves=3).result()
    assert set(result) == ({"drag_ms", "drag_ms_low", "drag_ms_high"} if CHROMIUM.exists() else set())
    assert all(0 < value < 60_000 for value in result.values())
