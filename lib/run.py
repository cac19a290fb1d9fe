"""The command line: train an experiment without a browser.

    python -m lib.run experiment.json --out result.json [--data FILE] [--models DIR] [--report FILE] [--csv FILE]
        [--script STRATEGY]

`result.json` holds the experiment, its fingerprint, the library versions, and for each strategy the class counts, the
weights, every run (history on train and validation; confusion, recall, precision and metrics on test) and the summary.
What is undefined is null. `--models` saves each run as a plain `state_dict`, SLUG-seedS.pt; `--report` writes the
comparison as one HTML file, `--csv` its numbers one a row, `--script` the strategy of that name as a PyTorch script, SLUG.py
beside result.json.
"""

import argparse
import json
import math
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lib.data.upload import Table, read_table
from lib.digest import digest
from lib.evaluation import RunResult, Summary, evaluate, summarise
from lib.experiment import Experiment
from lib.export.models import file_names
from lib.export.report import report
from lib.export.script import script
from lib.export.tables import results_csv
from lib.registry import brief
from lib.snapshot import At, Snapshot
from lib.training import load, train
from lib.tuning import METRIC, Tuned
from lib.verdict import verdict

LIBRARIES = ("torch", "numpy", "scikit-learn", "pandas")


def result(snapshot: Snapshot, results: Mapping[At, RunResult], seconds: float) -> dict[str, Any]:
    """What result.json holds, of a finished training and its results on test."""
    experiment = snapshot.experiment
    return {
        "experiment": experiment.to_dict(),
        "fingerprint": experiment.fingerprint,
        "digest": digest(snapshot, results),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "seconds": round(seconds, 3),
        "task": snapshot.dataset.task,
        "class_names": list(snapshot.dataset.class_names),
        "notices": list(snapshot.dataset.notices),
        "strategies": [_strategy(snapshot, index, results) for index in range(len(experiment.strategies))],
    }


def _strategy(snapshot: Snapshot, index: int, results: Mapping[At, RunResult]) -> dict[str, Any]:
    members = [run for run in snapshot.runs if run.at[0] == index]
    summary = summarise([results[run.at] for run in members])
    return {
        "name": members[0].strategy.name,
        "class_counts": plain(members[0].class_counts),
        "weights": plain(members[0].class_weight),
        **({"tuning": _tuning(snapshot.tuned[index])} if snapshot.tuned else {}),
        "runs": [_run(snapshot, run.at, run.seed, results[run.at]) for run in members],
        "summary": _summary(summary),
    }


def _tuning(tuned: Tuned) -> dict[str, Any]:
    """The learning rate that was chosen, and by what."""
    return plain({"lr": tuned.lr, "tried": tuned.rates, "chosen_by": METRIC, "scores": tuned.scores})


def _run(snapshot: Snapshot, at: At, seed: int, own: RunResult) -> dict[str, Any]:
    history = snapshot.history
    return {
        "seed": seed,
        "diverged_at_epoch": snapshot.diverged.get(at),
        "history": {
            "train_loss": plain(history.train_loss[at]),
            "val_nll": plain(history.val_nll[at]),
            "recall": plain(history.recall[at]),
        },
        "confusion": plain(own.confusion),
        "recall": plain(own.recall),
        "precision": plain(own.precision),
        "metrics": plain(own.metrics),
        "closed_form_recall": plain(own.closed_form_recall),
    }


def _summary(summary: Summary) -> dict[str, Any]:
    """Mean and interval over the seeds, of each metric and, class by class, of recall and precision."""
    table: dict[str, Any] = {key: {"mean": own.mean, "interval": own.interval} for key, own in summary.metrics.items()}
    for name, classes in (("recall", summary.recall), ("precision", summary.precision)):
        table[name] = {"mean": [own.mean for own in classes], "interval": [own.interval for own in classes]}
    return plain(table)


def plain(value: Any) -> Any:
    """Numbers, lists and tables that JSON knows; what is not a finite number becomes null."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: plain(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [plain(own) for own in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _table(data: Path | None) -> Table | None:
    return None if data is None else read_table(data.name, data.read_bytes())


def _index(experiment: Experiment, name: str) -> int:
    """Raises ValueError that lists the strategies."""
    names = [strategy.name for strategy in experiment.strategies]
    if name not in names:
        raise ValueError(f"Unknown strategy {brief(name)}; choose one of {', '.join(map(brief, names))}.")
    return names.index(name)


def _write(given: argparse.Namespace, snapshot: Snapshot, table: Table | None, seconds: float) -> None:
    """All files that were asked for."""
    experiment, results = snapshot.experiment, evaluate(snapshot)
    whole = json.dumps(result(snapshot, results, seconds), indent=1, ensure_ascii=False, allow_nan=False)
    given.out.write_text(whole, "utf-8")
    if given.models:
        given.models.mkdir(parents=True, exist_ok=True)
        for at, name in file_names(experiment.strategies, experiment.seeds).items():
            torch.save(snapshot.models[at].state_dict(), given.models / name)
    if given.report:
        given.report.write_text(report(snapshot, results, verdict(snapshot, results, 0)), "utf-8")
    if given.csv:
        given.csv.write_text(results_csv(snapshot, results), "utf-8", newline="")
    for name in given.script:
        index = _index(experiment, name)
        path = given.out.with_name(f"{experiment.strategies[index].slug}.py")
        lr = snapshot.tuned[index].lr if snapshot.tuned else None
        path.write_text(script(experiment, index, snapshot.dataset, table, lr=lr), "utf-8")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lib.run", description="Train an experiment and write its result.")
    parser.add_argument("experiment", type=Path, help="experiment.json, as the app exports it (format 1)")
    parser.add_argument("--out", type=Path, required=True, help="where to write result.json")
    parser.add_argument("--models", type=Path, help="folder for one state_dict per run")
    parser.add_argument("--report", type=Path, help="where to write the comparison as one HTML file")
    parser.add_argument("--csv", type=Path, help="where to write the numbers, one a row")
    parser.add_argument("--script", action="append", default=[], metavar="STRATEGY", help="strategy to write as a script")
    parser.add_argument("--data", type=Path, help="the file of an experiment on an upload")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the result is written, 2 with one plain sentence when something does not fit."""
    given = _arguments(arguments)
    torch.set_num_threads(1)  # models this small only lose by a second thread
    try:
        experiment = Experiment.from_json(given.experiment.read_text(encoding="utf-8"))
        for name in given.script:
            _index(experiment, name)
        table = _table(given.data)
        dataset = load(experiment.data, table)
        start = time.perf_counter()
        for snapshot in train(experiment, dataset):
            print(f"\repoch {snapshot.epoch}/{experiment.training.epochs}", end="", file=sys.stderr, flush=True)
        seconds = time.perf_counter() - start
        print(f", {seconds:.1f} s", file=sys.stderr)
        _write(given, snapshot, table, seconds)
    except (ValueError, OSError) as error:
        print(f"{'' if isinstance(error, ValueError) else 'Cannot read or write: '}{error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
