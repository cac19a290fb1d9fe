"""A script computes what the run did: every loss, scheme, sampler and decision with every other, executed outside."""

import ast
import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.data import SOURCES
from lib.evaluation import evaluate
from lib.experiment import DataSpec, Experiment
from lib.export.script import script
from lib.losses import LOSSES
from lib.losses.loss import Loss
from lib.metrics import confusion_matrices
from lib.sequence_models import MODELS
from lib.snapshot import Snapshot, TrainedModel
from lib.stack import standardise
from lib.strategy import Strategy
from lib.tasks import READINGS
from lib.training import load, train
from tests.export.scripts import LABELS, MODEL, SERIES, THREE, TWO, executed, experiment, pairwise, python

DATA = {"binary": TWO, "multiclass": THREE, "multilabel": LABELS, "sequence": SERIES}
TASKS = list(DATA)
# Numbers that are not the defaults, where the default would hide a mistake.
UNUSUAL: dict[str, dict[str, Any]] = {
    "cross_entropy": {"label_smoothing": 0.1}, "logit_adjusted": {"tau": 0.7}, "sigmoid_focal": {"alpha": 0.3, "gamma": 0.5},
    "weighted_random": {"power": 0.6}, "oversample": {"ratio": 0.7}, "undersample": {"ratio": 0.6}, "sqrt": {"cap": 1.5},
    "threshold": {"threshold": 0.2}, "tuned": {"metric": "f_beta", "beta": 2.0},
    "logit_adjust": {"tau": 1.5}, "nll": {"ignore_index": 1}, "label_thresholds": {"thresholds": [0.5, 0.1, 0.02]},
    "asymmetric": {"gamma_neg": 0.5, "gamma_pos": 0.5},
}  # fmt: skip
SHAPED: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [8]}, "window_mlp": {"window": 3, "hidden": [4]},
    "lstm": {"hidden": 4, "layers": 2, "bidirectional": True},
}  # fmt: skip


TRAINED = {"sequence": {"name": "lstm", "params": {"hidden": 4}}}


def fitting(part: str, task: str) -> list[str]:
    """Keys of a part that suit a task."""
    return [key for key, record in Strategy.PARTS[part][1].items() if task in getattr(record, "tasks", (task,))]


def fitting_models(task: str) -> list[str]:
    return [key for key, model in MODELS.items() if task in model.tasks]


def covering(task: str) -> list[dict[str, Any]]:
    """Strategies in which every two parts meet."""
    return pairwise({part: fitting(part, task) for part in Strategy.PARTS} | {
        "normaliser": ["torch", "fixed"], "optimizer": ["adam", "sgd"], "bias_init": ["default", "log_prior"],
        "weights_from_epoch": [0, 1], "model": fitting_models(task),
    })  # fmt: skip


def built(row: dict[str, Any], task: str) -> Experiment:
    strategy: dict[str, Any] = {"weights_from_epoch": row["weights_from_epoch"]}
    for part in ("loss", "weighting", "sampler", "decision"):
        strategy |= {part: row[part], f"{part}_params": UNUSUAL.get(row[part], {})}
    if row["weighting"] == "manual":
        strategy["weighting_params"] = {"weights": [0.5, 4.0, 2.0][: 2 if task in ("binary", "sequence") else 3]}
    model = {"name": row["model"], "params": SHAPED.get(row["model"], {}), "bias_init": row["bias_init"]}
    epochs = 1 + row["weights_from_epoch"]
    training = {"epochs": epochs, "normaliser": row["normaliser"], "optimizer": row["optimizer"]}
    return experiment(strategy, DATA[task], model=model, training=training)


def trained(what: Experiment, dtype: torch.dtype = torch.float64, table: Any = None) -> Snapshot:
    *_, last = train(what, load(what.data, table), dtype=dtype)
    return last


def scores_of(model: TrainedModel, split: str) -> torch.Tensor:
    part = model.run.dataset.splits[split]
    return model.scores(part.x, part.mask)


def truth_of(model: TrainedModel, split: str) -> torch.Tensor:
    return READINGS[model.run.dataset.task].targets(model.run.dataset.splits[split])


def assert_repeats(found: Any, last: Snapshot) -> None:
    """Parameters and losses to 1e-8, validation scores to 1e-6, and the same test predictions."""
    results = evaluate(last)
    for r, own in enumerate(found["runs"]):
        model = last.models[0, r]
        torch.testing.assert_close(own["parameters"], model.parameters, rtol=0, atol=1e-8, equal_nan=True)
        np.testing.assert_allclose(own["history"], last.history.train_loss[0, r], rtol=0, atol=1e-8)
        torch.testing.assert_close(own["scores"], scores_of(model, "validation"), rtol=0, atol=1e-6, equal_nan=True)
        matrix = confusion_matrices(truth_of(model, "test"), own["predicted"][None], own["scores"].shape[-1])[0]
        assert matrix.tolist() == results[0, r].confusion.tolist()


@pytest.mark.parametrize("task", TASKS)
def test_after_an_epoch_in_float64_a_script_is_the_run(task: str, tmp_path: Path) -> None:
    cases = {f"case{number}": built(row, task) for number, row in enumerate(covering(task))}
    found = executed(tmp_path, cases)
    for name, what in cases.items():
        try:
            assert_repeats(found[name], trained(what))
        except AssertionError as error:
            raise AssertionError(f"{what.to_dict()['strategies']} {what.to_dict()['training']}: {error}") from error


def test_every_part_is_covered() -> None:
    rows = [row for task in TASKS for row in covering(task)]
    for part, registry in [*((part, registry) for part, (_, registry) in Strategy.PARTS.items()), ("model", MODELS)]:
        assert {row[part] for row in rows} == set(registry)


def test_after_full_training_in_float32_a_script_ends_where_the_run_does(tmp_path: Path) -> None:
    long = {"epochs": 20, "lr": 0.005}
    cases = {
        f"{task}_{loss}": experiment(
            {"loss": loss, "weighting": "balanced", "sampler": sampler}, DATA[task], training=long,
            model=TRAINED.get(task, MODEL),
        )
        for task in TASKS
        for loss, sampler in zip(fitting("loss", task), itertools.cycle(fitting("sampler", task)), strict=False)
    }  # fmt: skip
    found = executed(tmp_path, cases, dtype="float32")
    for name, what in cases.items():
        last, own = trained(what, torch.float32), found[name]["runs"][0]
        if LOSSES[what.strategies[0].loss].link != "none":
            truth = truth_of(last.models[0, 0], "validation").flatten()
            nll = torch.nn.functional.cross_entropy(own["scores"].flatten(0, -2), truth).item()
            assert nll == pytest.approx(last.history.val_nll[0, 0, -1], abs=1e-3), name
        ours = scores_of(last.models[0, 0], "test").argmax(-1)
        assert (ours != own["predicted"]).float().mean() <= 0.005, name


SHAPES = {
    "gaussians": [{"dim": 3}, {"label_noise": 0.1}], "ring": [{}, {"priors": [0.25] * 4, "label_noise": 0.2}],
    "labels": [{"names": ["a", "b", "c"]}, {"counts": [40] * 25}, {"counts": [250_000, 3000, 0, 12]}],
    "digits": [{"head": 60}], "breast_cancer": [{"share": 0.1}], "unreliable": [{"label_noise": 0.1}, {"n": 300}],
    "points": [{}, {"label_noise": 0.3}], "multilabel": [{"correlation": 0.4, "label_noise": 0.1}],
    "pictures": [{"asked": asked, "label_noise": noise} for asked in ("one of", "any of") for noise in (0.0, 0.2)],
    "events": [{"steps": 9, "label_noise": 0.1}, {"steps": 9, "shortest": 2}],
}  # fmt: skip


def on(data: dict[str, Any]) -> Experiment:
    """A short training on data of any task."""
    of = DataSpec(**data)
    task = SOURCES[of.source].task_of(of.params)
    strategy, model = {"loss": fitting("loss", task)[0], "weighting": "balanced"}, {"name": fitting_models(task)[0]}
    return experiment(strategy, data, training={"batch_size": 4000}, model=model)


def test_the_rows_are_the_same_bit_for_bit(tmp_path: Path) -> None:
    cases = {}
    for key, source in SOURCES.items():
        if source.kind == "upload":
            continue
        small = {"n_val": 50, "n_test": 60} if source.kind == "recipe" else {}
        for number, params in enumerate(SHAPES.get(key, [{}])):
            data = {"source": key, "params": small | params, "seed": 7}
            cases[f"{key}{number}"] = on(data)
    found = executed(tmp_path, cases, dtype="float32")
    for name, what in cases.items():
        dataset = load(what.data)
        for (x, y, *rest), part in zip(found[name]["data"], dataset.splits.values(), strict=True):
            assert torch.equal(x, standardise(dataset, part.x)) and torch.equal(y, part.y.long()), name
            ours = [own for own in (part.mask, part.sample_weight) if own is not None]
            assert len(rest) == len(ours) and all(map(torch.equal, rest, ours)), name


def test_the_same_after_an_epoch_whatever_the_rows(tmp_path: Path) -> None:
    """Empty classes, a class of weight 0 in both forms, fresh rows for each seed."""
    sure = {"source": "multilabel", "params": {"n": 90, "biases": [-20.0, 0.0, 20.0], "n_val": 50, "n_test": 60}}
    empty = {"source": "labels", "params": {"counts": [300, 0, 40], "n_val": 50, "n_test": 80}}
    cases = {
        "empty": experiment({"weighting": "balanced", "sampler": "oversample", "decision": "undo"}, empty),
        "empty_bias": experiment({"weighting": "inverse"}, empty, model={"bias_init": "log_prior"}),
        "zero": experiment({"loss": "bce", "weighting": "manual", "weighting_params": {"weights": [0, 2]}}),
        "digits": experiment({"loss": "logit_adjusted", "decision": "undo"}, {"source": "digits"}),
        "rare": experiment({"weighting": "balanced", "sampler": "undersample"}, {"source": "breast_cancer"}),
        "seeds": experiment({"weighting": "enet", "sampler": "oversample"}, seeds=[1, 9], training={"epochs": 3}),
        "no_label": experiment(
            {"loss": "bce", "weighting": "balanced", "sampler": "weighted_random", "decision": "undo"},
            sure,
            model={"bias_init": "log_prior"},
        ),
        "soft_no_label": experiment(
            {
                "loss": "multilabel_soft_margin",
                "weighting": "manual",
                "decision": "logit_adjust",
                "weighting_params": {"weights": [2, 3, 4]},
            },
            sure,
        ),
        "steps_zero": experiment(
            {"loss": "bce", "weighting": "manual", "weighting_params": {"weights": [0, 2]}},
            SERIES,
            model={"name": "lstm", "params": {"hidden": 3}},
        ),
        "hurried": experiment(
            {"weighting": "balanced"}, {"source": "unreliable", "params": {"n": 203, "n_val": 50, "n_test": 60}}
        ),
        "careless": experiment(
            {"sample_weight": False}, {"source": "unreliable", "params": {"n": 203, "n_val": 50, "n_test": 60}}
        ),
        "smooth": experiment(
            {"weighting": "manual", "weighting_params": {"weights": [1, 5, 2]}, "loss_params": {"label_smoothing": 0.2}}, empty
        ),
        "capped": experiment({"loss": "asymmetric", "weighting": "inverse", "weighting_params": {"cap": 1.1}}, LABELS),
        "fresh_labels": experiment(
            {"loss": "bce_with_logits", "weighting": "balanced", "sampler": "oversample", "decision": "undo"},
            LABELS | {"resample": True},
            seeds=[1, 4],
        ),
        "fresh_noise": experiment(
            {"loss": "logit_adjusted", "weighting": "sqrt", "sampler": "undersample", "decision": "undo"},
            TWO | {"resample": True, "params": TWO["params"] | {"label_noise": 0.2}},
            seeds=[1, 4],
            training={"normaliser": "fixed"},
        ),
        "silenced": experiment({"loss": "sigmoid_focal", "loss_params": {"alpha": 1.0}, "decision": "undo"}, TWO),
        "silenced_labels": experiment({"loss": "sigmoid_focal", "loss_params": {"alpha": 0.0}, "decision": "undo"}, LABELS),
        "tiny": experiment({"sampler": "undersample", "loss": "focal"}, training={"epochs": 4, "batch_size": 7}),
    }
    found = executed(tmp_path, cases)
    for name, what in cases.items():
        assert_repeats(found[name], trained(what))


def printed(text: str) -> list[tuple[float, list[list[int]]]]:
    """Validation NLL and test confusion of each seed, as they were printed."""
    nll = [float(value) for value in re.findall(r"validation NLL (\S+)", text)]
    return list(zip(nll, [ast.literal_eval(cells) for cells in re.findall(r"test confusion (.+)", text)], strict=True))


def test_the_script_prints_the_numbers_of_the_dashboard(tmp_path: Path) -> None:
    parts = {"loss": "bce_with_logits", "weighting": "pos_weight", "decision": "undo"}
    fresh = TWO | {"resample": True}
    what = experiment(parts, fresh, seeds=[0, 3], training={"epochs": 8})
    (tmp_path / "it.py").write_text(script(what, 0, load(what.data)), encoding="utf-8")
    shown = printed(python(tmp_path, "it.py"))
    last = trained(what, torch.float32)
    results = evaluate(last)
    assert len(shown) == 2
    for r, (nll, confusion) in enumerate(shown):
        assert nll == pytest.approx(last.history.val_nll[0, r, -1], abs=1e-3)
        assert np.abs(np.array(confusion) - results[0, r].confusion).sum() / 2 <= 0.005 * 1000


def test_what_is_not_used_does_not_occur() -> None:
    text = script(experiment({}), 0, load(experiment({}).data))
    for word in ("class_weight", "class_counts", "offset", "islice", "flip", "label_smoothing", "ignore_index", "weight_decay"):
        assert word not in text, word
    assert "nn.CrossEntropyLoss()" in text and "shuffle=True" in text
    compile(text, "script", "exec")


def test_a_strict_reader_finds_nothing_to_mend(tmp_path: Path) -> None:
    """No unused import, name or line that is too long, in any script of the cover; and each says where it came from."""
    for task in TASKS:
        for number, row in enumerate(covering(task)):
            what = built(row, task)
            text = script(what, 0, load(what.data))
            (tmp_path / f"{task}{number}.py").write_text(text, encoding="utf-8")
            assert f"# Fingerprint of the experiment: {what.fingerprint}\n" in text
    (tmp_path / "ruff.toml").write_text('line-length = 128\n[lint]\nselect = ["E", "F", "I", "W", "UP", "C4", "PLW"]\n')
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("source, allowed", [("ring", {"torch"}), ("digits", {"torch", "sklearn"})])
def test_a_script_needs_torch_and_for_a_bundled_set_scikit_learn(source: str, allowed: set[str]) -> None:
    what = experiment({"weighting": "effective_number", "sampler": "undersample"}, {"source": source})
    modules = {
        (name.name if isinstance(node, ast.Import) else str(node.module)).split(".")[0]
        for node in ast.walk(ast.parse(script(what, 0, load(what.data))))
        if isinstance(node, ast.Import | ast.ImportFrom) for name in node.names
    }  # fmt: skip
    assert modules <= allowed | {"math", "itertools", "collections"} and allowed <= modules


HOSTILE = ['"""\nimport os; os.remove("x")', "\\", "'''", "a\u202eb", "{x} %s", "</script><script>"]


def test_names_of_strangers_cannot_leave_their_literal(tmp_path: Path) -> None:
    data = {"source": "labels", "params": {"counts": [60] * len(HOSTILE), "names": HOSTILE, "n_val": 50, "n_test": 50}}
    for number, name in enumerate(['"""; raise SystemExit("hacked") #', "\\", "{0}", "\u202ename"]):
        what = experiment({"name": name}, data)
        text = script(what, 0, load(what.data))
        assert "\u202e" not in text
        names = {"__name__": "exported"}
        exec(compile(text.split("def data_generator")[0], "it.py", "exec"), names)
        assert names["CLASSES"] == HOSTILE
        (tmp_path / f"it{number}.py").write_text(text, encoding="utf-8")
    assert "seed 5" in python(tmp_path, "it0.py")


def test_a_new_loss_needs_no_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    focal = LOSSES["focal"]
    code = "def criterion(logits, targets):\n    picked = logits.softmax(-1).gather(1, targets[:, None]).squeeze(1)\n" \
           "    return (class_weight[targets] * (1 - picked)).sum() / class_weight[targets].sum()"  # fmt: skip

    def mean_absolute(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return 1 - logits.softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)

    new = Loss("mean_absolute", "MAE", "", "", "", focal.link, focal.scores, focal.tasks, "weighted_mean", code, mean_absolute)
    monkeypatch.setitem(LOSSES._records, "mean_absolute", new)
    cases = {
        norm: experiment({"loss": "mean_absolute", "weighting": "balanced"}, THREE, training={"normaliser": norm})
        for norm in ("torch", "fixed")
    }
    found = executed(tmp_path, cases)
    for name, what in cases.items():
        assert_repeats(found[name], trained(what))


@pytest.mark.parametrize("what, message", [
    ({"strategies": [{"name": "a"}], "training": {"lr_grid": [0.1, 0.01]}}, "Fair tuning chooses .* Train first"),
])  # fmt: skip
def test_what_no_script_can_be_written_for_is_said(what: dict[str, Any], message: str) -> None:
    asked = Experiment.from_dict(what)
    with pytest.raises(ValueError, match=message):
        script(asked, 0, load(asked.data))


def test_the_learning_rate_of_fair_tuning_is_the_one_that_was_chosen() -> None:
    asked = experiment({}, training={"lr_grid": [0.1, 0.02]})
    assert "Adam(model.parameters(), lr=0.02)" in script(asked, 0, load(asked.data), lr=0.02)
