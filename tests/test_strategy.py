"""What a strategy refuses, and how strategies are moved to other data."""

import pytest

from lib.strategy import Strategy, adapt, check_fit


def test_weights_that_are_all_zero_are_refused() -> None:
    nothing = Strategy("a", weighting="manual", weighting_params={"weights": [0, 0]})
    with pytest.raises(ValueError, match="Strategy 'a': weights must not all be 0"):
        check_fit([nothing], "binary", 2)


def test_other_data_keep_what_fits_and_change_what_does_not_with_a_sentence() -> None:
    mine = Strategy("mine", loss="bce_with_logits", weighting="pos_weight", sampler="undersample", decision="threshold")
    fits = Strategy("other", loss="focal", weighting="balanced")
    moved, notices = adapt([mine, fits], "multiclass", 10)
    assert moved[1] == fits
    assert (moved[0].loss, moved[0].weighting, moved[0].sampler, moved[0].decision) == (
        "cross_entropy", "none", "undersample", "argmax",
    )  # fmt: skip
    assert len(notices) == 3 and notices[0].startswith("mine: loss bce_with_logits is for binary")
    assert notices[0].endswith("it now uses cross-entropy.")
    check_fit(moved, "multiclass", 10)


def test_data_that_fit_change_nothing() -> None:
    mine = (Strategy("mine", loss="bce_with_logits", weighting="pos_weight"),)
    assert adapt(mine, "binary", 2) == (mine, [])
