"""The command line: what result.json holds, what the models are, and what is said when something does not fit."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import confusion_matrix
from torch import nn

from lib.experiment import DataSpec, Experiment
from lib.metrics import METRICS
from lib.run import main, plain
from lib.training import load

SMALL = {
    "format": 1,
    "data": {"source": "gaussians", "params": {"n": 400, "n_val": 200, "n_test": 1000}},
    "model": {"name": "linear"},
    "strategies": [{"name": "../../plain"}, {"name": "plain", "weighting": "balanced"}],
    "training": {"epochs": 3, "lr": 0.05},
    "seeds": [0, 7],
}


def run(tmp_path: Path, raw: object, *more: str) -> tuple[int, dict]:
    (tmp_path / "experiment.json").write_text(raw if isinstance(raw, str) else json.dumps(raw))
    out = tmp_path / "result.json"
    code = main([str(tmp_path / "experiment.json"), "--out", str(out), *more])
    return code, json.loads(out.read_text()) if out.exists() else {}


def test_the_result_holds_everything_that_is_promised(tmp_path: Path) -> None:
    code, result = run(tmp_path, SMALL)
    assert code == 0
    assert result["fingerprint"] == Experiment.from_dict(SMALL).fingerprint
    assert Experiment.from_dict(result["experiment"]) == Experiment.from_dict(SMALL)
    assert result["seconds"] > 0 and result["versions"]["torch"] == torch.__version__
    plain_one, balanced = result["strategies"]
    assert plain_one["class_counts"] == [380, 20] and plain_one["weights"] == [1, 1]
    assert balanced["weights"] == pytest.approx([400 / 760, 10])
    assert [own["seed"] for own in balanced["runs"]] == [0, 7]
    for own in balanced["runs"]:
        assert {len(values) for values in own["history"].values()} == {3}
        assert sum(map(sum, own["confusion"])) == 1000 and set(own["metrics"]) == set(METRICS)
        assert own["recall"] == pytest.approx([own["confusion"][c][c] / sum(own["confusion"][c]) for c in (0, 1)])
        assert own["closed_form_recall"] == pytest.approx(own["recall"], abs=0.1)
    mean = sum(own["metrics"]["mcc"] for own in balanced["runs"]) / 2
    assert balanced["summary"]["mcc"]["mean"] == pytest.approx(mean)
    low, high = balanced["summary"]["recall"]["interval"][1]
    assert low <= balanced["summary"]["recall"]["mean"][1] <= high


def test_the_models_are_plain_state_dicts_that_give_the_same_matrix(tmp_path: Path) -> None:
    _, result = run(tmp_path, SMALL, "--models", str(tmp_path / "models"))
    files = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert len(files) == 4 and all(path.endswith((".pt",)) and "/" not in path and ".." not in path for path in files)
    model = nn.Sequential(nn.Linear(2, 2))
    model.load_state_dict(torch.load(tmp_path / "models" / files[-1], weights_only=True))
    test = load(DataSpec(**SMALL["data"])).test  # type: ignore[arg-type]
    ours = [own["confusion"] for strategy in result["strategies"] for own in strategy["runs"]]
    assert confusion_matrix(test.y, model(test.x).argmax(1)).tolist() in ours


def test_report_table_and_scripts_are_written_too(tmp_path: Path) -> None:
    report, table = tmp_path / "report.html", tmp_path / "results.csv"
    code, result = run(tmp_path, SMALL, "--report", str(report), "--csv", str(table), "--script", "plain")
    assert code == 0
    assert result["digest"] in report.read_text("utf-8") and "../../plain" in report.read_text("utf-8")
    rows = pd.read_csv(table)
    mcc = rows[(rows.metric == "mcc") & (rows.strategy == "plain") & (rows.seed == 7)].value.item()
    assert mcc == pytest.approx(result["strategies"][1]["runs"][1]["metrics"]["mcc"])
    own = subprocess.run([sys.executable, "-I", "plain.py"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    for shown, expected in zip(re.findall("test confusion (.+)", own), result["strategies"][1]["runs"], strict=True):
        assert np.abs(np.array(json.loads(shown)) - expected["confusion"]).sum() / 2 <= 0.005 * 1000


def test_a_script_of_an_unknown_strategy_is_refused_before_training(tmp_path: Path, capsys) -> None:
    code, result = run(tmp_path, SMALL, "--script", "other")
    assert code == 2 and not result
    assert "Unknown strategy 'other'; choose one of '../../plain', 'plain'." in capsys.readouterr().err


def test_an_upload_is_given_beside_the_experiment(tmp_path: Path) -> None:
    from lib.data.columns import params_of
    from lib.data.upload import read_table

    data = ("a,b,kind\n" + "\n".join(f"{i % 7},{i % 5},{'x' if i % 9 == 0 else 'y'}" for i in range(180))).encode()
    (tmp_path / "rows.csv").write_bytes(data)
    spec = DataSpec("upload", params_of(read_table("rows.csv", data)))
    raw = SMALL | {
        "data": {"source": "upload", "params": {k: list(v) if isinstance(v, tuple) else v for k, v in spec.params.items()}}
    }
    code, result = run(tmp_path, raw, "--data", str(tmp_path / "rows.csv"))
    assert code == 0 and sum(result["strategies"][0]["class_counts"]) == 180
    assert run(tmp_path, raw)[0] == 2  # without the file


@pytest.mark.parametrize(
    "raw, message",
    [
        ("{", "This is not JSON"),
        ('{"strategies": [{"name": "a", "name": "b"}]}', "'name' is there twice"),
        (SMALL | {"colour": 1}, "has no field 'colour'"),
        (
            SMALL | {"strategies": [{"name": "a", "loss": "bce"}], "data": {"source": "digits"}},
            "these are multiclass (10 classes)",
        ),
        (SMALL | {"training": {"lr": -1}}, "lr must be in [1e-07, 1000], got -1."),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(tmp_path: Path, capsys, raw: object, message: str) -> None:
    code, result = run(tmp_path, raw)
    assert code == 2 and not result
    told = capsys.readouterr().err
    assert message in told and "Traceback" not in told and told.count("\n") == 1


def test_a_missing_file_is_said(tmp_path: Path, capsys) -> None:
    assert main([str(tmp_path / "none.json"), "--out", str(tmp_path / "r.json")]) == 2
    assert "Cannot read or write" in capsys.readouterr().err


def test_what_is_undefined_is_null() -> None:
    assert plain({"a": [float("nan"), 1.5], "b": (float("inf"),)}) == {"a": [None, 1.5], "b": [None]}


@pytest.mark.parametrize(
    "data, shape, extra",
    [
        ({"source": "ring", "params": {"n": 100, "n_val": 50, "n_test": 90}}, (3, 3), set()),
        ({"source": "multilabel", "params": {"n": 100, "n_val": 50, "n_test": 90}}, (3, 2, 2), {"micro_f1", "exact_match"}),
        (
            {"source": "events", "params": {"n": 20, "steps": 9, "rate": 0.3, "n_val": 10, "n_test": 10}}, (2, 2),
            {"event_recall", "false_alarms"},
        ),
    ],
)  # fmt: skip
def test_every_task_is_trained_and_written(tmp_path: Path, data, shape, extra) -> None:
    raw = {"data": data, "strategies": [{"name": "a"}, {"name": "b", "weighting": "balanced"}], "training": {"epochs": 2}}
    report, table = tmp_path / "report.html", tmp_path / "results.csv"
    code, result = run(tmp_path, raw, "--models", str(tmp_path / "models"), "--report", str(report), "--csv", str(table),
                       "--script", "b")  # fmt: skip
    assert code == 0 and result["task"] == {3: "multiclass", 4: "multilabel", 2: "sequence"}[len(shape) + (shape[0] == 3)]
    for own in (run for strategy in result["strategies"] for run in strategy["runs"]):
        assert np.array(own["confusion"]).shape == shape and set(own["metrics"]) == set(METRICS) | extra
        assert len(own["recall"]) == len(own["precision"]) == len(result["class_names"])
        assert np.array(own["history"]["recall"]).shape == (2, len(result["class_names"]))
    assert set(result["strategies"][0]["summary"]) >= extra
    state = torch.load(tmp_path / "models" / "a-seed0.pt", weights_only=True)
    assert ("lstm.weight_ih_l0" in state) == (result["task"] == "sequence")
    assert result["digest"] in report.read_text("utf-8") and set(pd.read_csv(table).strategy) == {"a", "b"}
    own = subprocess.run([sys.executable, "-I", "b.py"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    shown = [json.loads(matrix) for matrix in re.findall(r"test confusion (\[\[.*?\]\])", own)]
    trained = result["strategies"][1]["runs"][0]
    assert np.abs(np.array(shown).reshape(shape) - trained["confusion"]).sum() / 2 <= 1
    nll = float(re.findall(r"validation NLL (\S+)", own)[0])
    assert nll == pytest.approx(trained["history"]["val_nll"][-1], abs=1e-3)
