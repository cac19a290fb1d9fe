"""The test split, once, in a panel of its own: recall, and the metrics of each strategy or what they differ by."""

import numpy as np
import pandas as pd
import streamlit as st

from lib.evaluation import Estimate, RunResult, clear_best, paired_differences, summarise
from lib.figures.recall import recall_bars
from lib.figures.text import number
from lib.metrics import metrics_of
from lib.runner import Job
from lib.tasks import READINGS
from lib.ui import state, task_view
from lib.ui.controls import segments
from lib.ui.live_plotly import live_plotly
from lib.ui.strategy_editor import letter
from lib.ui.text import inert
from lib.ui.verdict_view import baseline

WIDE = 4  # strategies up to which the table has room for both ends of each interval
TABLES = {"each": "each strategy", "difference": "difference"}


def draw(own: Job) -> None:
    """Nothing of it is there before the last epoch."""
    st.subheader("Test: once, when training is over", anchor=False)
    if own.state != "finished" or own.results is None or own.snapshot is None:
        st.caption("These rows are not looked at before the last epoch.")
        return
    dataset, seeds = own.snapshot.dataset, len(own.experiment.seeds)
    names = [strategy.name for strategy in own.experiment.strategies]
    recalls = np.array([[own.results[s, r].recall for r in range(seeds)] for s in range(len(names))])
    rows, unit, dark = task_view.rows_of(dataset, "test"), READINGS[dataset.task].unit, state.dark()
    chart = state.memo(
        ("test_recall", own.number, dark),
        lambda: recall_bars(
            names, recalls, dataset.class_names, rows, dark=dark, split="test", width=1000, unit=unit,
            train_rows=task_view.rows_of(dataset, "train"),
        ),
    )  # fmt: skip
    live_plotly(chart, key="test_recall")
    liked = state.remembered("results/table", "each")
    shown = segments("Metrics of", TABLES, liked, "results/table", labelled=False) if len(names) > 1 else "each"
    state.remember("results/table", shown if len(names) > 1 else liked)
    (_differences if shown == "difference" else _each)(own, names)


def _each(own: Job, names: list[str]) -> None:
    table = state.memo(("summary", own.number), lambda: summary_table(own))
    _table(table, "Metrics of each strategy on the test rows")
    seeds = len(own.experiment.seeds)
    st.caption(f"{task_view.size_of(own.dataset, 'test')}. " + (
        "One seed: no interval, and no winner." if seeds == 1 else
        f"Mean over {seeds} seeds; {_place(names)} the 95 % interval over seeds: "
        "training noise, not the luck of the draw of the rows. ◀ best, where the paired seeds allow to say so."
    ))  # fmt: skip


def _differences(own: Job, names: list[str]) -> None:
    against, seeds = baseline(names), len(own.experiment.seeds)
    who = f"{letter(against)} {names[against]}"
    table = state.memo(("differences", own.number, against), lambda: difference_table(own, against))
    _table(table, f"By how much the metrics of each strategy exceed those of {letter(against)} on the test rows")
    st.caption(f"{task_view.size_of(own.dataset, 'test')}. Minus **{inert(who)}**, seed by seed. " + (
        "One seed: no interval." if seeds == 1 else
        f"Mean over {seeds} seeds; {_place(names)} the 95 % interval of the paired differences: training noise. "
        "● where it leaves out 0. The box beside the verdict says against whom."
    ))  # fmt: skip


def _place(names: list[str]) -> str:
    return "behind ± half" if len(names) > WIDE else "in brackets"


def _table(table: pd.DataFrame, alt: str) -> None:
    narrow = (
        {name: st.column_config.TextColumn(width=100) for name in table.columns[1:]} if len(table.columns) > WIDE + 1 else None
    )
    st.dataframe(table, column_config=narrow, hide_index=True, height="content", alt=alt)


def _results(own: Job) -> list[list[RunResult]]:
    assert own.results is not None
    seeds = range(len(own.experiment.seeds))
    return [[own.results[s, r] for r in seeds] for s in range(len(own.experiment.strategies))]


def summary_table(own: Job) -> pd.DataFrame:
    """One row per metric, one column per strategy: mean over seeds, and the interval where there is more than one seed."""
    metrics = metrics_of(own.dataset.task)
    table: dict[str, list[str]] = {"metric": [metric.label for metric in metrics.values()]}
    strategies, results = own.experiment.strategies, _results(own)
    best = {key: clear_best(results, key) for key in metrics}
    for index, strategy in enumerate(strategies):
        summary = summarise(results[index])
        table[f"{letter(index)} {strategy.name}"] = [
            _with_interval(summary.metrics[key], metric.better, short=len(strategies) > WIDE)
            + (" ◀" if best[key] == index else "")
            for key, metric in metrics.items()
        ]
    return pd.DataFrame(table)


def difference_table(own: Job, against: int) -> pd.DataFrame:
    """One row per metric that strategies can differ in, one column per other strategy: paired difference and interval."""
    metrics = {key: metric for key, metric in metrics_of(own.dataset.task).items() if metric.better != "reference"}
    table: dict[str, list[str]] = {"metric": [metric.label for metric in metrics.values()]}
    strategies = own.experiment.strategies
    found = paired_differences(_results(own), against)
    for index, strategy in enumerate(strategies):
        if index != against:
            cells = [signed_interval(found[index][key], short=len(strategies) > WIDE) for key in metrics]
            table[f"{letter(index)} {strategy.name}"] = cells
    return pd.DataFrame(table)


def signed_interval(estimate: Estimate, *, short: bool) -> str:
    """A difference with its sign, its interval where there is one, and a mark where that leaves out 0."""
    sign, interval = "+" if estimate.mean > 0 else "", estimate.interval
    clear = interval is not None and (interval[0] > 0 or interval[1] < 0)
    return sign + _with_interval(estimate, "", short=short) + (" ●" if clear else "")


def _with_interval(estimate: Estimate, better: str, *, short: bool) -> str:
    mean, interval = number(estimate.mean), estimate.interval
    if interval is None or better == "reference":
        return mean
    if short:
        return f"{mean} ±{estimate.mean - interval[0]:.1g}"
    return f"{mean} [{', '.join(map(number, interval))}]"
