import numpy as np
import pytest
from sklearn import metrics as sk

from lib.metrics import wilson_interval
from lib.operating.intervals import FEW, Metric, difference, few_rows, interval


def draw_rows(draw, n, share, hit, alarm):
    """Answers that find a class's rows with chance `hit` and others with `alarm`."""
    y = np.zeros(n, dtype=np.int64)
    y[: round(n * share)] = 1
    return y, (draw.random(n) < np.where(y == 1, hit, alarm)).astype(np.int64)


@pytest.mark.parametrize("name, truth", [("recall", 0.8), ("balanced_accuracy", (0.8 + 0.95) / 2)])
def test_intervals_cover_the_truth(name, truth):
    """400 worlds of 100 positives in 1000 rows. The binomial noise of the share itself is 1 % here."""
    draw, covered = np.random.default_rng(0), 0
    for _ in range(400):
        y, said = draw_rows(draw, 1000, 0.1, 0.8, 0.05)
        found = interval(y, said, Metric(name))
        assert found.kind == "bootstrap"
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.97


def test_paired_differences_cover_the_truth():
    draw, covered = np.random.default_rng(1), 0
    for _ in range(400):
        y, first = draw_rows(draw, 1000, 0.15, 0.7, 0.05)
        second = np.where(draw.random(1000) < 0.3 * (y == 1), 1, first)  # finds 30 % of what was missed
        found = difference(y, first, second, Metric("recall"))
        covered += found.low <= 0.3 * 0.3 <= found.high
    assert 0.92 <= covered / 400 <= 0.97


def test_a_paired_difference_is_surer_than_two_intervals():
    draw = np.random.default_rng(0)
    y, first = draw_rows(draw, 2000, 0.1, 0.7, 0.05)
    second = np.where(draw.random(2000) < 0.05, 1, first)
    found, alone = difference(y, first, second, Metric("recall")), interval(y, second, Metric("recall"))
    assert found.value == pytest.approx(sk.recall_score(y, second) - sk.recall_score(y, first))
    assert found.high - found.low < 0.6 * (alone.high - alone.low)


@pytest.mark.parametrize("name", ["recall", "precision", "mcc"])
def test_few_rare_rows_take_wilsons_interval(name):
    y, said = draw_rows(np.random.default_rng(0), 500, (FEW - 1) / 500, 0.8, 0.05)
    found = interval(y, said, Metric(name))
    hits = int((y & said).sum())
    if name == "mcc":
        assert found.kind == "none" and np.isnan(found.low) and found.value == pytest.approx(sk.matthews_corrcoef(y, said))
        return
    assert (found.low, found.high) == wilson_interval(hits, int((y if name == "recall" else said).sum()))
    assert found.kind == "wilson" and few_rows(y, Metric(name))
    assert difference(y, said, said, Metric(name)).kind == "none"


def test_one_class_of_several_is_read_against_the_others():
    draw = np.random.default_rng(0)
    y, said = draw.integers(0, 3, 900), draw.integers(0, 3, 900)
    for c in range(3):
        found = interval(y, said, Metric("recall", 3, positive=c))
        assert found.value == pytest.approx(sk.recall_score(y, said, average=None)[c]) and found.low < found.value < found.high
    assert interval(y, said, Metric("f_beta", 3)).value == pytest.approx(sk.f1_score(y, said, average="macro"))


def test_undefined_values_have_no_interval():
    y = np.repeat([0, 1], 50)
    assert interval(y, np.zeros(100, int), Metric("precision")).kind == "none"
    assert np.isnan(interval(np.zeros(0, int), np.zeros(0, int), Metric("recall")).value)
    assert few_rows(np.zeros(50, int), Metric("recall"))
