"""Scripts on uploads: the file is read by pandas, checked, encoded and split as the dashboard does it."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lib.data.columns import params_of
from lib.data.upload import Table, read_table
from lib.experiment import Experiment
from lib.export.script import script
from lib.stack import standardise
from lib.training import load, train
from tests.export.scripts import executed, experiment, python
from tests.export.test_script import assert_repeats, printed, trained


def on(name: str, data: bytes, folder: Path, strategy: dict[str, Any] | None = None, **chosen: Any) -> tuple[Experiment, Table]:
    """An experiment on a file that lies in `folder`."""
    table = read_table(name, data)
    (folder / table.name).write_bytes(data)
    params = {k: list(v) if isinstance(v, tuple) else v for k, v in params_of(table, **chosen).items()}
    what = experiment({"weighting": "balanced"} | (strategy or {}), {"source": "upload", "params": params})
    return what, table


def messy() -> bytes:
    """Numbers with gaps and infinities, categories, true and false, weights, spaces around labels, a blank line at the end."""
    g = random.Random(1)
    lines = [
        f"{g.choice(['', 'NA', '1e40', f'{g.random():.5f}'])},{g.randint(1, 9)},{g.choice(['DE', 'FR', 'NA', ''])},"
        f"{g.choice(['', 'true', 'FALSE'])},{g.choice(['yes ', 'no', 'no'])},{g.random():.3f}"
        for _ in range(200)
    ]
    return ("amount,n,country,flag,fraud,sample_weight\n" + "\n".join(lines) + "\n\n").encode()


def german() -> bytes:
    g = random.Random(2)
    lines = [
        f"{g.random():.5f};{g.choice(['1,5', 'NA', '2'])};{g.choice(['1', '2', '3'])}".replace(".", ",") for _ in range(150)
    ]
    return ("\n\nä;b;class\n" + "\n".join(lines) + "\n").encode("cp1252")


def headless(encoding: str) -> bytes:
    g = random.Random(3)
    lines = [f"{g.randint(1, 4)}\t{g.random():.4f}\t{g.choice(['0', '1.0', '1'])}" for _ in range(150)]
    return ("\n".join(lines[:70]) + "\n\n" + "\n".join(lines[70:])).encode(encoding)


def frame() -> pd.DataFrame:
    g = np.random.default_rng(0)
    return pd.DataFrame({
        "a": g.normal(size=120), "b": [None if i % 7 == 0 else float(i % 5) for i in range(120)],
        "c": [["x", "y", None][i % 3] for i in range(120)], "t": [i % 3 == 0 for i in range(120)],
        "f": [None if i % 4 == 0 else bool(i % 3) for i in range(120)],
    })  # fmt: skip


def parquet() -> bytes:
    whole = io.BytesIO()
    frame().to_parquet(whole)
    return whole.getvalue()


def npy() -> bytes:
    whole = io.BytesIO()
    np.save(whole, np.random.default_rng(1).integers(0, 3, size=(90, 4)))
    return whole.getvalue()


FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "messy.csv": (messy(), {}),
    "german.csv": (german(), {}),
    "headless.tsv": (headless("utf-16"), {}),
    "marked.csv": (
        b"\xef\xbb\xbfk,v,y\n" + headless("ascii").replace(b"\t", b","),
        {"features": ("k", "v"), "one_hot": ("k",)},
    ),
    "words.csv": (
        b"k,v\n" + b"\n".join(b"%s,%s" % (b"ab"[i % 2 :][:1], b"xyz"[i % 3 :][:1]) for i in range(60)),
        {"label": "v"},
    ),
    "typed.parquet": (parquet(), {"label": "t"}),
    "array.npy": (npy(), {"label": "column 4"}),
}


def test_every_kind_of_file_gives_the_same_rows_and_the_same_run(tmp_path: Path) -> None:
    cases, tables = {}, {}
    for number, (name, (data, chosen)) in enumerate(FILES.items()):
        cases[f"case{number}"], tables[f"case{number}"] = on(name, data, tmp_path, **chosen)
    found = executed(tmp_path, cases, tables=tables)
    for name, what in cases.items():
        dataset = load(what.data, tables[name])
        for split, part in zip(found[name]["data"], dataset.splits.values(), strict=True):
            assert torch.equal(split[0], standardise(dataset, part.x.double())) and torch.equal(split[1], part.y), name
        assert_repeats(found[name], trained(what, table=tables[name]))


WEIGHED = {
    "ignored": {"loss": "nll", "loss_params": {"ignore_index": 1}},
    "fixed": {"loss": "focal", "overrides": {"normaliser": "fixed"}},
    "plain": {"loss": "bce", "weighting": "none"}, "yes": {"loss": "bce_with_logits", "weighting": "pos_weight"},
    "smooth": {"loss": "cross_entropy", "loss_params": {"label_smoothing": 0.2}, "overrides": {"normaliser": "fixed"}},
    "adjusted": {"loss": "logit_adjusted"}, "without": {"sample_weight": False},
}  # fmt: skip


def test_sample_weights_are_those_of_the_run(tmp_path: Path) -> None:
    made = {name: on("messy.csv", messy(), tmp_path, strategy) for name, strategy in WEIGHED.items()}
    assert all(what.data.params["sample_weight"] == "sample_weight" for what, _ in made.values())
    assert_all_repeat(made, tmp_path)


def assert_all_repeat(made: dict[str, tuple[Experiment, Table]], folder: Path) -> None:
    found = executed(
        folder, {name: what for name, (what, _) in made.items()}, tables={n: table for n, (_, table) in made.items()}
    )
    for name, (what, table) in made.items():
        try:
            assert_repeats(found[name], trained(what, table=table))
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_the_script_prints_the_numbers_of_the_dashboard_and_refuses_another_file(tmp_path: Path) -> None:
    what, table = on("messy.csv", messy(), tmp_path, {"decision": "undo"})
    (tmp_path / "it.py").write_text(script(what, 0, load(what.data, table), table), encoding="utf-8")
    ((nll, confusion),) = printed(python(tmp_path, "it.py"))
    *_, last = train(what, load(what.data, table))
    assert nll == pytest.approx(last.history.val_nll[0, 0, -1], abs=1e-3)
    assert sum(map(sum, confusion)) == len(load(what.data, table).test)
    (tmp_path / "messy.csv").write_bytes(messy() + b"1,2,DE,,no,1\n")
    with pytest.raises(AssertionError, match="is not the file that this script was made for"):
        python(tmp_path, "it.py")


def test_without_the_file_there_is_no_script(tmp_path: Path) -> None:
    what, table = on("messy.csv", messy(), tmp_path)
    dataset = load(what.data, table)
    with pytest.raises(ValueError, match="Expected the file 'messy.csv' of this experiment, got none. Upload it"):
        script(what, 0, dataset)
    with pytest.raises(ValueError, match="got 'other.csv'"):
        script(what, 0, dataset, read_table("other.csv", german()))


def test_a_large_file_is_thinned_to_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.data.columns.TRAINING_ROWS", 60)
    monkeypatch.setattr("lib.export.script_file.MOST", 100)
    what, table = on("german.csv", german(), tmp_path)
    dataset = load(what.data, table)
    assert len(dataset.train) < 90 and "stratified_sample" in script(what, 0, dataset, table)
    found = executed(tmp_path, {"it": what}, tables={"it": table})
    assert_repeats(found["it"], trained(what, table=table))
