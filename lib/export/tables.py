"""Results as tables: results.csv (one number a row; names of strangers are inert in it), and the tables of the report."""

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation import Estimate, RunResult, summarise
from lib.experiment import Experiment, Strategy
from lib.figures.confusion import mean_matrices
from lib.figures.text import count, interval, number
from lib.figures.theme import style
from lib.metrics import LABEL_METRICS, METRICS, SERIES_METRICS
from lib.registry import Params, inert_cell
from lib.snapshot import At, Snapshot
from lib.stack import Run
from lib.tasks import READINGS

COLUMNS = ("strategy", "seed", "epoch", "split", "metric", "value")
MAX_RECALLS = 500_000  # of more, those of the last epoch alone
LARGEST_MATRIX = 12
MOST_CELLS = 4000  # of a table in the report

ANSWERED = ("no, said no,", "no, said yes,", "yes, said no,", "yes, said yes,")  # cells of a label's matrix, row by row

Line = tuple[str, int, int, str, str, float]


@dataclass(frozen=True)
class Table:
    """Cells as they are shown; the first of a row is its heading."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def results_csv(snapshot: Snapshot, results: Mapping[At, RunResult] | None) -> str:
    """The table as text: history of each epoch, and, where there are results, the test split after the last one."""
    whole = io.StringIO()
    writer = csv.writer(whole, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for strategy, seed, epoch, split, metric, value in _lines(snapshot, results):
        writer.writerow([inert_cell(strategy), seed, epoch, split, inert_cell(metric), _plain(value)])
    return whole.getvalue()


def frame_csv(frame: pd.DataFrame) -> str:
    """Any table as text, its names and texts inert; numbers read back to the same."""
    whole = io.StringIO()
    writer = csv.writer(whole, lineterminator="\r\n")
    writer.writerow([inert_cell(str(name)) for name in frame.columns])
    columns = [map(_cell, frame[name].to_numpy()) for name in frame.columns]
    writer.writerows(zip(*columns, strict=True))
    return whole.getvalue()


def _cell(value: Any) -> str:
    """A number with the digits that its precision has, nothing where it is undefined; text that is inert."""
    if isinstance(value, np.floating):
        return str(value) if np.isfinite(value) else ""
    return str(value) if isinstance(value, np.integer) else inert_cell(str(value))


def _plain(value: float) -> str:
    """A number that reads back to the same; nothing where it is undefined."""
    return repr(float(value)) if math.isfinite(value) else ""


def _lines(snapshot: Snapshot, results: Mapping[At, RunResult] | None) -> Iterator[Line]:
    history = snapshot.history
    names = [f"recall of {name}" for name in snapshot.dataset.class_names]
    for run in snapshot.runs:
        own, epochs = (run.strategy.name, run.seed), snapshot.models[run.at].epoch
        recalls = range(epochs) if history.recall.size <= MAX_RECALLS else range(max(epochs - 1, 0), epochs)
        for epoch in range(epochs):
            yield *own, epoch + 1, "train", "loss", history.train_loss[run.at][epoch]
            yield *own, epoch + 1, "validation", "nll", history.val_nll[run.at][epoch]
            if epoch in recalls:
                for name, value in zip(names, history.recall[run.at][epoch], strict=True):
                    yield *own, epoch + 1, "validation", name, value
        if results is not None:
            yield from ((*own, epochs, "test", metric, value) for metric, value in _test(snapshot, results[run.at]))


def _test(snapshot: Snapshot, own: RunResult) -> Iterator[tuple[str, float]]:
    yield from own.metrics.items()
    for c, name in enumerate(snapshot.dataset.class_names):
        yield f"recall of {name}", own.recall[c]
        yield f"precision of {name}", own.precision[c]
    names, unit = snapshot.dataset.class_names, READINGS[snapshot.dataset.task].unit
    if own.confusion.ndim == 3:
        for name, matrix in zip(names, own.confusion, strict=True):
            for cell, text in zip(matrix.flat, ANSWERED, strict=True):
                yield f"{unit} with {text} to {name}", float(cell)
    elif len(names) <= LARGEST_MATRIX:
        for true, row in zip(names, own.confusion, strict=True):
            for predicted, cell in zip(names, row, strict=True):
                yield f"{unit} of {true} said to be {predicted}", float(cell)


def lettered(experiment: Experiment) -> list[str]:
    """Names of the strategies with the letters that they have in the charts."""
    return [f"{style(index, False).letter} {strategy.name}" for index, strategy in enumerate(experiment.strategies)]


def settings_table(experiment: Experiment) -> Table:
    """What was chosen: the parts of each strategy, with the numbers that are not their defaults."""
    rows = []
    for part, word in (("loss", "Loss"), ("weighting", "Weights"), ("sampler", "Sampler"), ("decision", "Decision")):
        params, registry = Strategy.PARTS[part]
        rows.append((word, *(named(registry[getattr(s, part)], getattr(s, params)) for s in experiment.strategies)))
    for name in sorted({name for strategy in experiment.strategies for name in strategy.overrides}):
        rows.append((name, *(str(s.overrides.get(name, "as all")) for s in experiment.strategies)))
    if any(strategy.weights_from_epoch for strategy in experiment.strategies):
        rows.append(("Epochs before weights", *(str(s.weights_from_epoch) for s in experiment.strategies)))
    return Table("Strategies", ("", *lettered(experiment)), tuple(rows))


def common_table(experiment: Experiment) -> Table:
    """What all strategies share: data, model, training, seeds."""
    data, model, training = experiment.data, experiment.model, experiment.training
    rows = [
        ("Data", named(data.PARTS["source"][1][data.source], data.params)),
        ("Data seed", f"{data.seed}{', drawn anew for each seed' if data.resample else ''}"),
        ("Model", named(model.PARTS["name"][1][model.name], model.params) + f", output bias: {model.bias_init}"),
        *((param.name.replace("_", " "), str(getattr(training, param.name))) for param in training.FIELDS),
        ("Seeds", ", ".join(map(str, experiment.seeds))),
    ]  # fmt: skip
    return Table("What all strategies share", ("Setting", "Value"), tuple(rows))


def named(record: Any, params: Params) -> str:
    """A record's label with the numbers that are not its defaults."""
    changed = [f"{p.name} {_short(params[p.name])}" for p in record.params if params[p.name] != p.default]
    return record.label + (f" ({', '.join(changed)})" if changed else "")


def _short(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_short, value[:8])) + (f" and {len(value) - 8} more" if len(value) > 8 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def weights_table(experiment: Experiment, runs: Sequence[Run], class_names: Sequence[str]) -> Table:
    """Rows of each class, and its weight under each strategy; `runs` are one of each strategy."""
    counts, shown = runs[0].class_counts.tolist(), _shown(class_names, len(runs))
    rows = [(name, _each(counts[c], count), *(_each(run.class_weight[c].tolist(), number) for run in runs))
            for c, name in enumerate(shown)]  # fmt: skip
    return Table(f"Class weights{_of(shown, class_names)}", ("Class", "Training rows", *lettered(experiment)), tuple(rows))


def _each(value: float | list[float], write: Callable[[float], str]) -> str:
    """A number of a class; of a label those of its no and its yes."""
    return " / ".join(map(write, value)) if isinstance(value, list) else write(value)


def metric_table(experiment: Experiment, results: Mapping[At, RunResult], class_names: Sequence[str]) -> Table:
    """Metrics and recall of each class on test: mean over the seeds and, of several, the 95 % interval of training noise."""
    seeds = range(len(experiment.seeds))
    summaries = [summarise([results[s, r] for r in seeds]) for s in range(len(experiment.strategies))]
    rows = [
        (metric.label, *(_estimate(summary.metrics[key], metric.better != "reference") for summary in summaries))
        for key, metric in {**METRICS, **LABEL_METRICS, **SERIES_METRICS}.items() if key in results[0, 0].metrics
    ]  # fmt: skip
    shown = _shown(class_names, len(summaries))
    rows += [(f"Recall of {name}", *(_estimate(own.recall[c]) for own in summaries)) for c, name in enumerate(shown)]
    return Table(
        f"On test: mean over seeds, and its 95 % interval{_of(shown, class_names)}", ("", *lettered(experiment)), tuple(rows)
    )


def _shown(class_names: Sequence[str], strategies: int) -> Sequence[str]:
    """As many classes as a table has room for."""
    return class_names[: max(MOST_CELLS // strategies, 1)]


def _of(shown: Sequence[str], class_names: Sequence[str]) -> str:
    return f" (the first {len(shown)} of {len(class_names)} classes)" if len(shown) < len(class_names) else ""


def _estimate(own: Estimate, spread: bool = True) -> str:
    return number(own.mean) + (f" {interval(*own.interval)}" if spread and own.interval else "")


def _label_tables(experiment: Experiment, results: Mapping[At, RunResult], names: Sequence[str]) -> list[Table]:
    """Of each label the test rows with a no and with a yes, by what was said, mean over seeds."""
    shown, tables = _shown(names, 5 * len(experiment.strategies)), []
    header = ("Label", *(text.rstrip(",") for text in ANSWERED))
    for s, title in enumerate(lettered(experiment)):
        matrices = np.array([results[s, r].confusion for r in range(len(experiment.seeds))], dtype=float)  # [R, L, 2, 2]
        means = mean_matrices(matrices.swapaxes(0, 1))  # [L, 2, 2]
        rows = tuple((name, *map(count, mean.flat)) for name, mean in zip(shown, means, strict=False))
        tables.append(Table(f"Confusion of {title}{_of(shown, names)}", header, rows))
    return tables


def confusion_tables(experiment: Experiment, results: Mapping[At, RunResult], class_names: Sequence[str]) -> list[Table]:
    """Test rows of each true class by what they were said to be, mean over seeds; nothing for many classes.

    Of several labels, one row for each.
    """
    if results[0, 0].confusion.ndim == 3:
        return _label_tables(experiment, results, class_names)
    if len(class_names) > LARGEST_MATRIX:
        return []
    strategies, seeds = range(len(experiment.strategies)), range(len(experiment.seeds))
    means = mean_matrices(np.array([[results[s, r].confusion for r in seeds] for s in strategies], dtype=float))
    return [
        Table(
            f"Confusion of {lettered(experiment)[s]}", ("True class", *(f"said to be {name}" for name in class_names)),
            tuple((name, *map(count, row)) for name, row in zip(class_names, means[s], strict=True)),
        )
        for s in strategies
    ]  # fmt: skip
