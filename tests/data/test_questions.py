"""The recipes of several labels and of series: their odds are those that they state, and padding is nothing."""

import pytest
import torch

from lib.data.events import chain
from lib.experiment import DataSpec
from lib.metrics import event_numbers
from lib.registry import Params
from lib.training import load


def multilabel(**params):
    return load(DataSpec("multilabel", Params({"n": 200_000, "n_val": 100, "n_test": 100, **params})))


def pictures(**params):
    return load(DataSpec("pictures", Params({"n": 20_000, "n_val": 100, "n_test": 100, **params}), seed=3))


def events(**params):
    return load(DataSpec("events", Params({"n": 4000, "n_val": 10, "n_test": 10, **params}), seed=1))


def test_the_pos_weights_are_those_of_the_population() -> None:
    """E8: negatives to positives of three labels with log odds b + 2x, b = -1, -3, -5."""
    counts = multilabel().class_counts()
    assert counts.shape == (3, 2) and (counts.sum(1) == 200_000).all()
    for found, exact in zip((counts[:, 0] / counts[:, 1]).tolist(), (1.839, 6.716, 30.009), strict=True):
        assert found == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_correlation_moves_no_label_by_itself(correlation) -> None:
    y = multilabel(correlation=correlation).train.y.double()
    plain = multilabel().train.y.double()
    torch.testing.assert_close(y.mean(0), plain.mean(0), rtol=0, atol=0.005)


def test_correlated_labels_meet_more_often() -> None:
    together = [(multilabel(correlation=rho).train.y[:, :2] > 0).all(1).double().mean().item() for rho in (0.0, 0.5, 1.0)]
    assert together == sorted(together) and together[2] > 1.3 * together[0]


def test_the_question_changes_the_targets_and_not_the_pictures() -> None:
    one, several = pictures(asked="one of"), pictures(asked="any of")
    assert (one.task, several.task) == ("multiclass", "multilabel") and one.class_names == several.class_names
    assert torch.equal(one.train.x, several.train.x) and torch.equal(one.test.x, several.test.x)
    assert (several.train.y[torch.arange(20_000), one.train.y] == 1).all()  # the main animal is there
    company = several.train.y.sum(1).double().mean().item() - 1
    assert company == pytest.approx(2 * 0.3, abs=0.02)


def test_noise_turns_its_share_of_answers_and_none_of_the_test() -> None:
    clean, noisy = multilabel(), multilabel(label_noise=0.2)
    assert (clean.train.y != noisy.train.y).double().mean().item() == pytest.approx(0.2, abs=0.005)
    assert torch.equal(clean.test.y, noisy.test.y)


@pytest.mark.parametrize("rate, length", [(0.01, 4.0), (0.3, 1.0), (0.5, 10.0)])
def test_the_chain_is_on_for_its_share_of_steps_and_for_so_long(rate, length) -> None:
    states = chain(3000, 400, rate, length, torch.Generator().manual_seed(0)).numpy() > 0
    assert states.mean() == pytest.approx(rate, rel=0.1)
    assert states[:, 0].mean() == pytest.approx(rate, abs=0.02)  # stationary from the first step on
    inner = states.copy()
    inner[:, 0] = inner[:, -1] = False
    assert inner.sum() / event_numbers(inner).max() == pytest.approx(length if rate < 0.5 or length == 1 else length, rel=0.1)


def test_an_event_lifts_the_measurement() -> None:
    part = events(distance=2.0, rate=0.1).train
    on = part.y > 0
    assert part.x[..., 0][on].mean().item() == pytest.approx(2.0, abs=0.05)
    assert part.x[..., 0][~on].mean().item() == pytest.approx(0.0, abs=0.02)


def test_series_of_unequal_length_are_padded_at_their_end_with_nothing() -> None:
    dataset = events(shortest=5, steps=20)
    part = dataset.train
    assert part.mask is not None
    lengths = part.mask.sum(1)
    assert lengths.min() == 5 and lengths.max() == 20
    assert torch.equal(part.mask, torch.arange(20) < lengths[:, None])
    assert not part.x[~part.mask].any() and not part.y[~part.mask].any()
    assert dataset.class_counts().sum() == lengths.sum() == part.decisions
