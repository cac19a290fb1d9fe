"""Scripts on uploads of several labels and of series: the same rows, splits and batches, whatever the file looks like."""

import datetime
import io
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lib.data.columns import params_of
from lib.data.upload import Table, read_table
from lib.experiment import Experiment
from lib.export.script import script
from lib.stack import standardise
from lib.training import load
from tests.export.scripts import executed, experiment
from tests.export.test_script import assert_repeats, trained

LABELS = {"loss": "bce_with_logits", "weighting": "balanced", "decision": "undo"}
TIMES = datetime.datetime(2026, 1, 2)


def on(folder: Path, name: str, data: bytes, strategy: dict[str, Any], **chosen: Any) -> tuple[Experiment, Table]:
    """An experiment on a file that lies in `folder`."""
    table = read_table(name, data)
    (folder / name).write_bytes(data)
    params = {k: list(v) if isinstance(v, tuple) else v for k, v in params_of(table, **chosen).items()}
    model = {"name": "lstm", "params": {"hidden": 3}} if chosen["task"] == "sequence" else {"params": {"hidden": [4]}}
    return experiment(strategy, {"source": "upload", "params": params}, model=model), table


def lines(header: str, rows: list[list[object]]) -> bytes:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]).encode()


def side_by_side(answers: list[tuple[str, str]], blank: bool = False) -> bytes:
    """Two features, a weight, and labels written as these words for yes and no."""
    g = random.Random(1)
    rows = [
        [f"{g.random():.4f}", g.choice("abc"), f"{g.random():.2f}",
         *("" if blank and g.random() < 0.05 else word[g.random() < 0.3] for word in answers)]
        for _ in range(150)
    ]  # fmt: skip
    return lines("x,k,weight," + ",".join(f"l{i}" for i in range(len(answers))), rows)


def lists(separator: str) -> bytes:
    g = random.Random(2)
    rows = [[f"{g.random():.4f}", separator.join(g.sample(["cat", " dog", "bird "], g.randint(0, 3)))] for _ in range(120)]
    return lines("x,tags", rows)


def single() -> bytes:
    g = random.Random(3)
    return lines("x,tags", [[f"{g.random():.4f}", g.choice(["1", "2", "3.0", ""])] for _ in range(100)])


def typed() -> bytes:
    g = random.Random(4)
    whole = io.BytesIO()
    pd.DataFrame({
        "x": [g.random() for _ in range(100)], "b": [g.random() < 0.4 for _ in range(100)],
        "w": [g.choice(["Yes", "no ", None]) for _ in range(100)], "n": [g.choice([0.0, 1.0]) for _ in range(100)],
    }).to_parquet(whole)  # fmt: skip
    return whole.getvalue()


def long_form(series: int, steps: int, g: random.Random, time: Any = str, answers: str = "01", mixed: bool = False) -> bytes:
    """Series of up to so many steps; `answers` are written for no and yes, a third one now and then for none."""
    rows: list[list[object]] = []
    for one in range(series):
        for step in range(g.randint(max(steps // 2, 1), steps)):
            event = g.random() < 0.2
            said = answers[event] if len(answers) < 3 or g.random() < 0.9 else ""
            rows.append([f"s{one}", time(step), f"{g.gauss(2 * event, 1):.4f}", g.choice("uv"), said])
    if mixed:
        g.shuffle(rows)
    return lines("series,time,x,k,event", rows)


def unanswered() -> bytes:
    """Whole series, and whole pieces of a long one, without any label."""
    g = random.Random(9)
    rows = [[one, step, f"{g.random():.4f}", "" if one in (2, 4) or (one == 3 and step > 9) else int(g.random() < 0.3)]
            for one in range(9) for step in range(16 if one == 3 else 6)]  # fmt: skip
    return lines("series,time,x,event", rows)


def labelled(folder: Path) -> dict[str, tuple[Experiment, Table]]:
    words = [("no", "yes"), ("False", "TRUE"), ("0", "1")]
    names = ("l0", "l1", "l2")
    soft = LABELS | {"loss": "multilabel_soft_margin", "overrides": {"normaliser": "fixed"}}
    several = {"task": "multilabel"}
    return {
        "words": on(folder, "words.csv", side_by_side(words), LABELS, labels=names, sample_weight="weight", **several),
        "blank": on(folder, "blank.csv", side_by_side(words, True), soft, labels=names, sample_weight="weight",
                    missing_labels="drop", **several),
        "numbers": on(folder, "numbers.csv", side_by_side([("0", "1")] * 3), LABELS | {"loss": "asymmetric"}, labels=names,
                      **several),
        "lists": on(folder, "lists.csv", lists(";"), LABELS | {"decision": "tuned"}, **several),
        "bars": on(folder, "bars.csv", lists("|"), LABELS, label="tags", separator="|", **several),
        "single": on(folder, "single.csv", single(), LABELS, label="tags", **several),
        "typed": on(folder, "typed.parquet", typed(), LABELS, labels=("b", "w", "n"), missing_labels="drop", **several),
    }  # fmt: skip


def of_series(folder: Path) -> dict[str, tuple[Experiment, Table]]:
    def made(name: str, data: bytes, **chosen: Any) -> tuple[Experiment, Table]:
        return on(folder, f"{name}.csv", data, LABELS, task="sequence", **chosen)

    def clock(step: int) -> str:
        return f"{TIMES + datetime.timedelta(hours=7 * step):%Y-%m-%d %H:%M:%S}"

    return {
        "plain": made("plain", long_form(12, 9, random.Random(5))),
        "mixed": made("mixed", long_form(12, 9, random.Random(6), mixed=True)),
        "dates": made("dates", long_form(10, 8, random.Random(7), clock, mixed=True)),
        "untimed": made("untimed", long_form(10, 8, random.Random(8)), time=""),
        "words": made("words", long_form(10, 8, random.Random(9), answers="NY").replace(b",N", b",no").replace(b",Y", b",Yes")),
        "cut": made("cut", long_form(10, 30, random.Random(10)), max_steps=7),
        "alone": made("alone", long_form(2, 60, random.Random(11)), max_steps=6),
        "gaps": made("gaps", long_form(14, 8, random.Random(12), answers="01?"), missing_labels="drop"),
        "unanswered": made("unanswered", unanswered(), missing_labels="drop", max_steps=5),
    }  # fmt: skip


@pytest.mark.parametrize("make", [labelled, of_series])
def test_every_kind_of_file_gives_the_same_rows_and_the_same_run(make: Any, tmp_path: Path) -> None:
    made = make(tmp_path)
    found = executed(tmp_path, {k: what for k, (what, _) in made.items()}, tables={k: table for k, (_, table) in made.items()})
    for name, (what, table) in made.items():
        dataset = load(what.data, table)
        for (x, y, *mask), part in zip(found[name]["data"], dataset.splits.values(), strict=True):
            there = slice(None) if part.mask is None else part.mask
            assert (x[there] - standardise(dataset, part.x.double())[there]).abs().max() == 0, name
            assert (y == part.y).all() and all((own == part.mask).all() for own in mask if part.mask is not None), name
        try:
            assert_repeats(found[name], trained(what, table=table))
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_large_files_are_thinned_to_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.data.columns.TRAINING_ROWS", 60)
    monkeypatch.setattr("lib.export.script_file.MOST", 100)
    for module in ("lib.data.long_form", "lib.export.script_file"):
        monkeypatch.setattr(f"{module}.TRAINING_STEPS", 30)
    labels = on(tmp_path, "lists.csv", lists(";"), LABELS, task="multilabel")
    series = on(tmp_path, "series.csv", long_form(20, 6, random.Random(1)), LABELS, task="sequence")
    made = {"labels": labels, "series": series}
    for what, table in made.values():
        assert load(what.data, table).all_counts is not None
        assert "stratified_sample" in (text := script(what, 0, load(what.data, table), table)) or "np.cumsum" in text
    found = executed(tmp_path, {k: what for k, (what, _) in made.items()}, tables={k: table for k, (_, table) in made.items()})
    for name, (what, table) in made.items():
        assert_repeats(found[name], trained(what, table=table))
