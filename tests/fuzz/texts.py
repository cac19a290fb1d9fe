"""Hostile links and JSON: sound experiments, sweeps and receipts with anything anywhere, and texts that are none."""

import dataclasses
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as some

from lib.data import SOURCES
from lib.digest import FIELD, read_digest, with_digest
from lib.experiment import Experiment
from lib.export.script import script
from lib.limits import check_limits, check_rows
from lib.receipt import PRESETS, take_apart
from lib.receipt.link import FIELDS as RECEIPT_FIELDS
from lib.receipt.link import from_fields, to_fields
from lib.receipt.snippet import snippet
from lib.receipt.words import sentence, warnings
from lib.registry import read_json
from lib.sweeps.axis import choices
from lib.sweeps.sweep import Sweep
from lib.training import load
from tests.examples import experiments
from tests.fuzz.uploads import CELLS
from tests.fuzz.watch import Tally, attempt, check_code
from tests.test_experiment_anything import ANYTHING, FIELDS, paths, put

SMALL_ROWS = 20_000  # datasets of links up to so many rows are made
SHOWN = 40  # cells of a sweep that are looked at
VALUES = some.sampled_from([
    *CELLS, "1e400", "-1", "0,0", "0.5,0.5", "1,2,3",
    "[" * 5000, "9" * 5000, "x" * 150_000, "0," * 20_000, "true", "null", "focal",
    "upload", "labels", "ring", "digits", "[\"a\",\"b\"]", "[[[]]]", "{}", "1/0", "a;b;c", "0.1/0.9",
    "0.1523/0.832", "%s%n", "%2e%2e",
    "%ff", "javascript:alert(1)", "//evil.example", "\n", "١", "1" * 30, "4x4x4", "2x2", "-100", "*",
    "0x1", "NaN", "Infinity",
]) | some.text(max_size=12)  # fmt: skip
ADDRESSES = some.sampled_from([
    *("data", "model", "seeds", "s1", "s2", "s3", "s0", "s01", "S1", "s1.name", "digest", "card", "lab",
    "present", "r", "__proto__", ""),
    *(f"{prefix}.{name}"
    for prefix in ("data", "model", "training", "s1", "s1.training", "r", "s1.loss", "s2.weighting") for name in FIELDS),
    *(f"r.{name}" for name in RECEIPT_FIELDS),
]) | some.text(max_size=8)  # fmt: skip
KEYS = some.sampled_from(FIELDS) | some.text(max_size=5)
RECEIPT_SPOILS = some.dictionaries(some.sampled_from(RECEIPT_FIELDS), VALUES, max_size=1)
ANY_LINK = some.dictionaries(ADDRESSES, VALUES, max_size=6)
SPOILS = some.dictionaries(ADDRESSES, VALUES, max_size=3)
BROKEN = some.sampled_from([
    '{"format":1,"format":1}', "[" * 100_000, '{"a":' * 50_000, "9" * 150_000, "NaN",
    '{"strategies":[{"name":"\\ud800"}]}', "\x00", "null", "1e999",
    '{"strategies":[' + '{"name":"a"},' * 9000 + '{"name":"b"}]}', '{"strategies":[' + ",".join(['{}'] * 40_000) + "]}",
    json.dumps({"strategies": [{"name": f"s{i}"} for i in range(100_000)]}), '{"seeds":[' + "0," * 60_000 + "0]}",
    "\ufeff{}", "'", "{" * 999,
    '{"strategies":[{"name":"a","overrides":{"lr":NaN}}]}', '{"strategies":[{"name":"a"}],"seeds":[1e999]}',
    '{"' + "k" * 190_000 + '":1}',
])  # fmt: skip


@functools.cache
def receipts() -> tuple[dict[str, str], ...]:
    """The links of all presets, written out."""
    written = []
    for preset in PRESETS.values():
        batch = preset.batch
        renamed = batch if batch.indexed else dataclasses.replace(batch, names=tuple(f"{name}'" for name in batch.names))
        written.append(to_fields(renamed))
    return tuple(written)


@some.composite
def links(draw: some.DrawFn) -> dict[str, str]:
    """The fields of an address: an experiment's or a receipt's, some of them wrong, or wrong altogether."""
    kind = draw(some.integers(0, 3))
    if kind == 0:
        return draw(ANY_LINK)
    if kind == 1:
        fields = dict(draw(some.sampled_from(receipts())))
        for name in draw(some.lists(some.sampled_from(sorted(fields)), max_size=2)):
            text, place = fields[name], draw(some.integers(0, 60))
            fields[name] = text[:place] + draw(VALUES)[:30_000] + text[place + draw(some.integers(0, 3)) :]
        return fields | {f"r.{name}": text for name, text in draw(RECEIPT_SPOILS).items()}
    fields = draw(experiments()).to_query()
    if kind == 2:
        for name in draw(some.lists(some.sampled_from(sorted(fields)), min_size=1, max_size=2)):
            fields[name] = draw(VALUES)
    if told := draw(some.just("") | some.just("0.1523/0.832") | VALUES):
        fields[FIELD] = told
    return fields | draw(SPOILS) if draw(some.booleans()) else fields


@some.composite
def experiment_texts(draw: some.DrawFn) -> str:
    """JSON of an experiment or a sweep with anything anywhere, or a wounded text."""
    kind = draw(some.integers(0, 5))
    if kind == 0:
        return draw(NO_EXPERIMENT)
    tree: Any = draw(experiments()).to_dict()
    if draw(some.booleans()):
        tree = {"format": 1, "experiment": tree, "axes": draw(some.lists(axes(tree), max_size=3))}
    for _ in range(draw(some.integers(0, 2))):
        tree = put(tree, draw(some.sampled_from(list(paths(tree)))), draw(ANYTHING))
    if isinstance(tree, dict) and draw(some.integers(0, 4)) == 0:
        tree[draw(KEYS)] = draw(ANYTHING)
    text = dumped(tree)
    if kind == 1:
        place = draw(some.integers(0, len(text)))
        text = text[:place] + draw(VALUES) + text[place + draw(some.integers(0, 9)) :]
    return text


def dumped(tree: object) -> str:
    """As a text that has all that Python's reader takes, NaN and 400 digits too."""
    return json.dumps(tree, ensure_ascii=False) if not _huge(tree) else '{"seeds": [' + "7" * 4400 + "]}"


def _huge(tree: object) -> bool:
    try:
        json.dumps(tree)
    except ValueError:  # more than 4300 digits
        return True
    return False


NUMBERS = some.integers(-5, 2000) | some.floats()
STEPS = some.lists(NUMBERS | some.sampled_from(CELLS) | ANYTHING, max_size=5)
COUNTS = some.integers(-1, 30) | some.just(10**9)
SCALES = some.sampled_from(["log", "linear", "x"])


@some.composite
def axes(draw: some.DrawFn, tree: dict[str, Any]) -> dict[str, Any]:
    known = list(choices(Experiment.from_dict(tree)))
    axis = {"address": draw(some.sampled_from(known) | some.text(max_size=6))}
    if draw(some.booleans()):
        return axis | {"values": draw(STEPS)}
    return axis | {"from": draw(NUMBERS), "to": draw(NUMBERS), "count": draw(COUNTS), "scale": draw(SCALES)}


NO_EXPERIMENT = BROKEN | some.text(max_size=80) | ANYTHING.map(dumped)
LINKS, TEXTS = links(), experiment_texts()


def try_link(tally: Tally, query: Mapping[str, str]) -> None:
    """As the pages do: the receipt's fields to the receipt, the rest to the experiment."""
    own = {name: text for name, text in query.items() if re.fullmatch(r"r(\..*)?", name, re.DOTALL)}

    def read() -> Iterator[str]:
        if own:
            yield from _receipt(own)
        if not own or len(own) < len(query):
            fields, told = read_digest({name: text for name, text in query.items() if name not in own})
            experiment = Experiment.from_query(fields)
            yield from _experiment(experiment)
            if told is not None:
                assert read_digest(with_digest(experiment.to_query(), told)) == (experiment.to_query(), told)

    attempt(tally, lambda: repr(dict(query)), read)


def _receipt(fields: Mapping[str, str]) -> Iterator[str]:
    batch = from_fields(fields)
    assert from_fields(to_fields(batch)) == batch
    found = take_apart(batch)
    yield from (sentence(found), *warnings(found), *batch.names)
    check_code(snippet(batch))


def _experiment(experiment: Experiment) -> Iterator[str]:
    """What every page does with an experiment; of those with few rows also the data, the limits and the scripts."""
    assert Experiment.from_json(experiment.to_json()) == experiment == Experiment.from_query(experiment.to_query())
    assert len(experiment.fingerprint) == 64
    yield from (strategy.name for strategy in experiment.strategies)
    yield from SOURCES[experiment.data.source].classes(experiment.data.params)
    check_rows(experiment.data)
    rows = sum(experiment.data.params.get(name, 0) for name in ("n", "n_val", "n_test")) + sum(
        experiment.data.params.get("counts", ())
    )
    if SOURCES[experiment.data.source].kind == "recipe" and rows * experiment.data.params.get("steps", 1) <= SMALL_ROWS:
        dataset = load(experiment.data)
        yield from (*dataset.class_names, *dataset.notices)
        check_limits(experiment, dataset)
        if dataset.task in ("binary", "multiclass"):
            check_code(
                script(experiment, len(experiment.strategies) - 1, dataset, lr=0.1 if experiment.training.lr_grid else None)
            )


def try_text(tally: Tally, text: str) -> None:
    """As the page Compare does with an experiment, and the page Sweep with a sweep."""

    def read() -> Iterator[str]:
        try:
            table = read_json(text, "an experiment")
        except ValueError:
            Experiment.from_json(text)  # says the same
            raise
        if not isinstance(table, dict) or "axes" not in table:
            yield from _experiment(Experiment.from_json(text))
            return
        sweep = Sweep.from_json(text)
        assert Sweep.from_json(sweep.to_json()) == sweep
        if sweep.size <= SHOWN:
            yield from (cell.error for cell in sweep.cells if cell.error is not None)

    attempt(tally, lambda: text, read)
