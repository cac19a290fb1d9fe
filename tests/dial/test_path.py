"""Every point of the path is the optimum that scikit-learn finds for that class weight."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from sklearn.linear_model import LogisticRegression

from lib.dial import NoOptimumError, dial_weights, threshold_of, weight_path
from lib.dial.path import _Problem, _walk

HARDEST = (0.001, 0.02, 0.5, 1.0, 7.3, 50.0, 1000.0)


def rows(n=2000, features=2, positive=0.1, seed=0, gap=1.0):
    draw = np.random.default_rng(seed)
    y = (np.arange(n) < max(round(n * positive), 2)).astype(int)
    x = draw.normal(size=(n, features)) + gap * y[:, None]
    return torch.tensor(x), torch.tensor(y)


def oracle(x, y, weight, l2=0.0, sample_weight=None):
    """Coefficients and intercept by scikit-learn; its gradient is checked, because its own tolerance is not on coefficients."""
    model = LogisticRegression(
        C=1 / l2 if l2 else np.inf, solver="newton-cholesky", tol=1e-10, max_iter=1000, class_weight={0: 1.0, 1: weight}
    )
    model.fit(x.numpy(), y.numpy(), sample_weight=None if sample_weight is None else sample_weight.numpy())
    return np.append(model.coef_[0], model.intercept_[0])


def at(path, index):
    return np.append(path.coef[index].numpy(), float(path.intercept[index]))


def gradient(path, x, y, index, l2=0.0):
    """Of the loss per unit of weight, by hand."""
    z = path.scores(x, index).numpy()
    w = np.where(y.numpy() == 1, float(path.weights[index]), 1.0)
    residual = w * (1 / (1 + np.exp(-z)) - y.numpy())
    penalty = l2 * path.coef[index].numpy()
    return np.append(residual @ x.numpy() + penalty, residual.sum()) / w.sum()


@pytest.mark.parametrize("shape", [(2000, 2, 0.05), (500, 5, 0.4), (3000, 1, 0.02)])
def test_the_whole_dial_equals_scikit_learn(shape):
    x, y = rows(*shape)
    weights = dial_weights(19.0)
    path = weight_path(x, y, weights)
    for index in range(0, len(weights), 4):
        np.testing.assert_allclose(at(path, index), oracle(x, y, float(weights[index])), rtol=0, atol=1e-6)


@pytest.mark.parametrize("l2", [1e-3, 1.0, 30.0])
def test_with_l2_it_is_scikit_learns_c(l2):
    x, y = rows(400, 3)
    path = weight_path(x, y, HARDEST, l2)
    for index, weight in enumerate(HARDEST):
        np.testing.assert_allclose(at(path, index), oracle(x, y, weight, l2), rtol=0, atol=1e-6)


def test_rows_may_count_differently():
    x, y = rows(600, 2)
    own = torch.rand(600, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
    path = weight_path(x, y, HARDEST, sample_weight=own)
    for index, weight in enumerate(HARDEST):
        np.testing.assert_allclose(at(path, index), oracle(x, y, weight, sample_weight=own), rtol=0, atol=1e-6)


def test_a_row_that_counts_twice_is_two_rows():
    x, y = rows(300, 2)
    twice = weight_path(torch.cat([x, x[:50]]), torch.cat([y, y[:50]]), HARDEST)
    own = torch.ones(300)
    own[:50] = 2
    torch.testing.assert_close(weight_path(x, y, HARDEST, sample_weight=own).coef, twice.coef, rtol=0, atol=1e-8)


def test_weight_1_is_the_plain_model_and_the_order_of_weights_is_kept():
    x, y = rows()
    path = weight_path(x, y, [50.0, 1.0, 0.02])
    torch.testing.assert_close(path.coef[1], path.plain_coef, rtol=0, atol=1e-9)
    torch.testing.assert_close(path.scores(x, 1), path.plain_scores(x), rtol=0, atol=1e-8)
    for index, weight in enumerate((50.0, 1.0, 0.02)):
        np.testing.assert_allclose(at(path, index), oracle(x, y, weight), rtol=0, atol=1e-6)


@given(
    seed=some.integers(0, 10**6), features=some.integers(1, 4), scale=some.sampled_from([1e-3, 1.0, 1e3]),
    l2=some.sampled_from([0.0, 0.01, 1.0]), odd=some.sampled_from(["", "copy", "constant", "far"]),
)  # fmt: skip
def test_the_gradient_is_0_whatever_the_features(seed, features, scale, l2, odd):
    """Where scikit-learn gives up on Newton (copies of a feature), the gradient still tells."""
    x, y = rows(120, features, 0.3, seed)
    extra = {"copy": 2 * x[:, :1], "constant": torch.full((120, 1), 3.3), "far": x[:, :1] + 1e3}.get(odd)
    x = x * scale if extra is None else torch.cat([x, extra], dim=1) * scale
    try:
        path = weight_path(x, y, dial_weights(), l2)
    except NoOptimumError:
        assert l2 == 0
        return
    moving = x.std(0).clamp(min=1e-3 * scale).numpy()
    for index in range(0, 61, 6):
        assert np.abs(gradient(path, x, y, index, l2) / np.append(moving + np.abs(x.mean(0).numpy()), 1)).max() < 1e-9


def test_few_rows_and_a_large_weight_are_reached_in_small_steps():
    x, y = rows(400, 3, 0.2)
    problem = _Problem(x, y, torch.ones(400, dtype=torch.float64), 0.0)
    plain, turn, _ = problem.solve(torch.zeros(1, dtype=torch.float64), problem.start())
    log_w = torch.tensor(HARDEST, dtype=torch.float64).log()
    walked, _ = _walk(problem, log_w, plain, turn)
    path = weight_path(x, y, HARDEST)
    torch.testing.assert_close(problem.in_features(walked)[0], path.coef, rtol=0, atol=1e-8)


def test_seventeen_rows_at_which_a_leap_fails():
    found = 0
    for seed in range(60):
        x, y = rows(17, 3, 0.25, seed)
        try:
            path = weight_path(x, y, dial_weights())
        except NoOptimumError:
            continue
        found += 1
        for index in (0, 30, 60):
            assert np.abs(gradient(path, x, y, index)).max() < 1e-7
    assert found > 10


def test_classes_that_can_be_separated_have_no_optimum_but_a_path_with_l2():
    x, y = rows(100, 2, 0.3, gap=20.0)
    with pytest.raises(NoOptimumError, match="no finite optimum.*Take an L2 penalty"):
        weight_path(x, y, HARDEST)
    path = weight_path(x, y, HARDEST, 1.0)
    for index, weight in enumerate(HARDEST):
        np.testing.assert_allclose(at(path, index), oracle(x, y, weight, 1.0), rtol=0, atol=1e-6)


def test_a_feature_that_separates_all_but_its_ties_has_no_optimum():
    x = torch.tensor([[0.0], [0.0], [1.0], [1.0], [1.0]])
    with pytest.raises(NoOptimumError):
        weight_path(x, torch.tensor([0, 0, 0, 1, 1]), [1.0])


def test_features_that_never_change_are_named_and_get_0():
    x, y = rows(200, 2)
    path = weight_path(torch.cat([torch.full((200, 1), 7.0), x, torch.zeros(200, 1)], dim=1), y, HARDEST)
    assert path.constant == (0, 3) and (path.coef[:, [0, 3]] == 0).all()
    torch.testing.assert_close(path.coef[:, 1:3], weight_path(x, y, HARDEST).coef, rtol=0, atol=1e-8)


def test_without_any_feature_that_changes_the_weight_moves_the_share():
    path = weight_path(torch.ones(10, 1), torch.tensor([1] * 2 + [0] * 8), [4.0])
    assert float(path.intercept[0]) == pytest.approx(0, abs=1e-9)  # 4 x 2 against 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": torch.zeros(20)}, "both classes, got 0 of the weighted class and 20 others"),
        ({"y": torch.full((20,), 2)}, "targets of 0 and 1"),
        ({"weights": [0.0]}, "positive numbers"), ({"weights": [np.inf]}, "positive numbers"), ({"weights": []}, "positive"),
        ({"l2": -1.0}, "at least 0, got -1"), ({"l2": np.nan}, "at least 0"),
        ({"x": torch.full((20, 2), np.nan)}, "must be finite"), ({"x": torch.zeros(20)}, r"x \[N, D\]"),
        ({"sample_weight": -torch.ones(20)}, "at least 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(change, message):
    x, y = rows(20)
    with pytest.raises(ValueError, match=message):
        weight_path(**({"x": x, "y": y, "weights": [1.0]} | change))


def test_the_dial_spans_three_decades_to_each_side_and_holds_what_is_marked():
    weights = dial_weights(19.0, 1.0, 5000.0)
    assert len(weights) == 62 and float(weights[0]) == pytest.approx(1e-3) and float(weights[-1]) == pytest.approx(1e3)
    assert {1.0, 19.0} <= set(weights.tolist()) and (weights.diff() > 0).all()
    assert len(dial_weights(per_decade=2)) == 13


def test_a_weight_is_a_threshold_on_right_probabilities():
    assert threshold_of(torch.tensor([19.0, 1.0])).tolist() == [pytest.approx(0.05), 0.5]
