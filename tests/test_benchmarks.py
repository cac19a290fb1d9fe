"""The benchmarks in a reduced form: every contender learns the same. Durations are nobody's business here."""

import json
import subprocess
import sys

import pytest
import torch

from tests.benchmarks import dial, scaling, sequence, sweep, training
from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.contenders import one_thread, ours, plain, sklearn, tuned, val_nll, work


def test_ours_is_the_plain_way_and_the_others_learn_as_much():
    experiment, dataset = work(rows=2000, epochs=6)
    with one_thread():
        nll = {contender: val_nll(contender(experiment, dataset), dataset) for contender in (ours, plain, tuned, sklearn)}
    # Our runs stand in the order of their stack; losses and settings are the same here, so that of the strategies.
    torch.testing.assert_close(nll[ours], nll[plain], rtol=0, atol=1e-3)
    torch.testing.assert_close(nll[tuned], nll[plain], rtol=0, atol=0.08)
    torch.testing.assert_close(nll[sklearn].to(nll[plain].dtype), nll[plain], rtol=0, atol=0.3)  # other initial weights


def test_training_has_its_keys():
    result = training.run(rounds=1, rows=300, epochs=1)
    wanted = {"ours_8", "ours_40", "plain_8", "tuned_8", "sklearn_8", "share_of_sgemm_8", "share_of_sgemm_40"}
    assert wanted <= set(result)
    assert all(isinstance(value, float) and value > 0 for value in result.values())
    assert result["val_nll_train_8"] == pytest.approx(result["val_nll_ours_8"], abs=1e-5)
    assert "Times faster" in training.text(result)


def test_an_lstm_learns_what_a_plain_loop_does():
    result = sequence.run(rounds=1, series=128, steps=20)
    assert result["ours_s"] > 0 and result["plain_s"] > 0 and result["losses_apart"] < 0.02
    assert "times as fast" in sequence.text(result)


def test_scaling_fills_its_table():
    result = scaling.run(axes={"runs": (1, 16), "batch": (32, 512)}, base={**scaling.BASE, "rows": 200})
    assert set(result) == {
        f"{name}_{cell}" for name in ("ours", "tuned") for cell in ("runs_1", "runs_16", "batch_32", "batch_512")
    }
    assert "tuned loop" in scaling.text(result)


def test_a_sweep_has_its_keys():
    result = sweep.run(shape=(2, 3), reruns=False)
    assert set(result) == {"loop_s", "stacked_s", "local_2_s", "per_cell_ms"}
    assert all(value > 0 for value in result.values())
    assert "stacking's gain" in sweep.text(result)


def test_dial_has_its_keys_and_its_rivals_agree():
    result = dial.run(small=(2000, 2), large=(3000, 5), rounds=1, large_rounds=1)
    assert {"ours_s", "sklearn_s", "sklearn_default_s", "ours_large_s", "sklearn_large_s", "sklearn_default_large_s"} <= set(
        result
    )
    assert result["off"] < 1e-5 and result["off_large"] < 1e-5 and max(result["step"], result["step_large"]) < 1e-9
    assert result["weights"] == 61 and "times as long" in dial.text(result)


def test_an_unknown_benchmark_is_refused_by_name():
    done = subprocess.run([sys.executable, "-m", "tests.benchmarks", "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and all(name in done.stderr for name in BENCHMARKS)


def test_json_is_one_flat_object(monkeypatch, capsys):
    from tests.benchmarks.__main__ import main

    monkeypatch.setattr(scaling, "run", lambda: {"ours_runs_8": 0.5})
    monkeypatch.setattr(sys, "argv", ["benchmarks", "scaling", "--json"])
    main()
    assert json.loads(capsys.readouterr().out) == {"ours_runs_8": 0.5}
