"""How an exported script reads a visitor's file of several labels per row, or of series."""

from typing import Any

import numpy as np
import pandas as pd

from lib.data.answers import SAYS
from lib.data.labels import classes_of
from lib.data.roles import Kind, kind_of
from lib.export.program import literal
from lib.export.script_file import File, Label, loader

NUMBERS: set[Kind] = {"number", "switch"}  # kinds of columns that the script reads as numbers


def labels(file: File) -> Label:
    """Several labels per row: their columns side by side, or one column of lists."""
    constants, code, kinds = _side_by_side(file) if file.params["labels"] else _lists(file)
    counts = file.program.run.class_counts
    gaps = int(counts[0].sum()) < len(file.table.frame)  # rows without an answer are left out
    strata = "np.where(answered, strata_of(said.clip(min=0)), -1)" if gaps else "strata_of(said)"
    answered = ["answered = (said >= 0).all(axis=1)"] if gaps else []
    thinned = file.thinned("strata", int(counts[0].sum()))
    rows = ["rows = np.flatnonzero(strata >= 0)", *thinned] if gaps or thinned else []
    taken = (
        ["table, y = table.iloc[rows].reset_index(drop=True), torch.tensor(said[rows])"] if rows else ["y = torch.tensor(said)"]
    )
    lines = [
        '"""Training, validation and test rows (60/20/20, by the rarest label of a row), standardised by the training rows."""',
        "table = read_file()",
        "said = answers(table)",
        *answered,
        f"strata = {strata}",
        *rows, *taken,
        *file.split_rows("len(LABELS) + 1", f"torch.tensor(strata{'[rows]' if rows else ''})"),
    ]  # fmt: skip
    return Label(constants, [*code, loader(lines)], kinds)


def _answer(file: File, names: list[str]) -> tuple[list[str], list[str], set[Kind]]:
    """Constants and the function `answer(column)`: 1 of yes, 0 of no, -1 where there is none; and the kinds of the columns."""
    kinds = {kind_of(file.table.frame[name]) for name in names}
    if kinds <= NUMBERS:
        read = ["    return numbers(column).fillna(-1).to_numpy(dtype=np.int64)"]
    else:
        read = [
            "    words = column.astype(str).str.strip().str.lower()",
            "    return words.map(SAYS).fillna(-1).to_numpy(dtype=np.int64)",
        ]
        if kinds & NUMBERS:
            read = [
                "    if column.name in NUMBERS:",
                "        return numbers(column).fillna(-1).to_numpy(dtype=np.int64)",
                *read,
            ]
    made = [] if kinds <= NUMBERS else [f"SAYS = {literal(SAYS)}"]
    if kinds - NUMBERS and kinds & NUMBERS:
        numbers = [name for name in names if kind_of(file.table.frame[name]) in NUMBERS]
        made.append(f"NUMBERS = {literal(numbers)}  # labels that are written as numbers")
    return made, ["\n".join(["def answer(column):", '    """1: yes, 0: no, -1: no answer."""', *read])], kinds & NUMBERS


def _side_by_side(file: File) -> tuple[list[str], list[str], set[Kind]]:
    constants, code, kinds = _answer(file, list(file.program.dataset.class_names))
    stacked = "def answers(table):\n    return np.stack([answer(table[name]) for name in LABELS], axis=1)"
    return constants, [*code, stacked], kinds


def _lists(file: File) -> tuple[list[str], list[str], set[Kind]]:
    name, separator = file.params["label"], file.params["separator"]
    values = file.table.frame[name]
    kind = kind_of(values)
    constants = [f"LABEL = {literal(name)}", f"WORDS = {literal(_words(file, values))}  # the label of each word of a list"]
    lines = ["def answers(table):", '    """0 and 1 of each label [n, L]; an empty list is a no to all."""',
             "    said = np.zeros((len(table), len(LABELS)), dtype=np.int64)"]  # fmt: skip
    if kind in NUMBERS:
        lines += ["    for row, value in enumerate(numbers(table[LABEL])):", "        if value in WORDS:",
                  "            said[row, WORDS[value]] = 1"]  # fmt: skip
    else:
        cells = "table[LABEL]" if file.text else 'table[LABEL].fillna("")'
        lines += [
            f"    for row, cell in enumerate({cells}):",
            f"        words = [word.strip() for word in cell.split({literal(separator)})]",
            "        said[row, [WORDS[word] for word in words if word in WORDS]] = 1",
        ]
    return constants, ["\n".join([*lines, "    return said"])], {kind} & NUMBERS


def _words(file: File, values: pd.Series) -> dict[Any, int]:
    """The label of each word that names one; of columns of numbers, of each number."""
    distinct = list(pd.factorize(values)[1])
    separator, names = file.params["separator"], list(file.program.dataset.class_names)
    words = sorted({word.strip() for value in distinct for word in str(value).split(separator)} - {""})
    found = classes_of(words, na_words="class")
    label = {word: names.index(found.names[index]) for word, index in zip(words, found.index, strict=True) if index >= 0}
    if kind_of(values) in NUMBERS:
        return {float(value): label[str(value)] for value in distinct if str(value) in label}
    return label


def series(file: File) -> Label:
    """Series in long form: one row per step."""
    division, params = file.division, file.params
    steps = division.steps
    constants, code, kinds = _answer(file, [params["label"]])
    constants = [f"LABEL = {literal(params['label'])}", f"SERIES = {literal(params['series'])}", *constants]
    identity, of_series = _identity(file)
    order, of_time = _order(file, constants)
    piece = "series"
    if division.cut and int(division.piece[-1]) >= len(steps.names):
        constants.append(f"MAX_STEPS = {params['max_steps']}  # longer series are cut into equal pieces")
        code.append(PIECES)
        piece = "pieces(series)"
    unit = "piece" if division.alone else "series"
    lines = [
        '"""Training, validation and test series (60/20/20, by whether they hold an event), standardised and padded."""',
        "table = read_file()",
        "y = answer(table[LABEL])",
        f"series = pd.factorize({identity})[0]",
        order,
        *(["order = order[np.isin(series[order], series[y >= 0])]  # without series that have no label at all"]
          if len(steps.rows) < len(file.table.frame) else []),
        "table, y = table.iloc[order].reset_index(drop=True), y[order]",
        "series = np.unique(series[order], return_inverse=True)[1]",
        *([f"piece = {piece}"] if piece != "series" else []),
        *_divided(file, unit),
        *file.standardised(),
        "x, y = (x - shift) / scale, torch.tensor(y)",
        f"return [padded(x[split == part], y[split == part], {'piece' if piece != 'series' else 'series'}[split == part])"
        " for part in range(3)]",
    ]  # fmt: skip
    return Label(constants, [*code, _padded(file), loader(lines)], kinds | of_series | of_time)


PIECES = '''def pieces(series):
    """The piece of each step: a series of more than MAX_STEPS steps is cut into equal ones."""
    lengths = np.bincount(series)
    within = np.arange(len(series)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    parts = -(-lengths // MAX_STEPS)
    each = -(-lengths // parts)
    first = np.cumsum(parts) - parts
    return np.unique(np.repeat(first, lengths) + within // np.repeat(each, lengths), return_inverse=True)[1]'''


def _identity(file: File) -> tuple[str, set[Kind]]:
    """The expression for the series of each row, and the kind of its column."""
    kind = kind_of(file.table.frame[file.params["series"]])
    return ("numbers(table[SERIES])", {kind}) if kind in NUMBERS else ("table[SERIES]", set())


def _order(file: File, constants: list[str]) -> tuple[str, set[Kind]]:
    """The line that puts rows in order, series after series, and the kind of the column of times."""
    time = file.params["time"]
    if not time:
        return 'order = np.argsort(series, kind="stable")  # within a series as in the file', set()
    constants.append(f"TIME = {literal(time)}")
    kind = kind_of(file.table.frame[time])
    if kind == "number":
        return "order = np.lexsort((numbers(table[TIME]), series))", {kind}
    cells = 'pd.to_datetime(table[TIME], format="ISO8601")' if file.text else "table[TIME]"
    return f"order = np.lexsort(({cells}, series))", set()


def _divided(file: File, unit: str) -> list[str]:
    """Lines that say of each step its `split`, and whether it is of `training`; only steps that are used are left."""
    division = file.division
    units = division.piece if division.alone else division.steps.series
    if len(division.used) == len(units):
        return [
            f"events = torch.tensor(np.bincount({unit}, weights=y > 0) > 0).long()",
            "split = np.empty(len(events), dtype=np.int64)",
            "for part, members in enumerate(stratified_split(events, (0.6, 0.2, 0.2), seed, classes=2)):",
            "    split[members.numpy()] = part",
            f"split = split[{unit}]  # of each step",
            "training = split == 0",
        ]
    sizes = [
        "kept = kept[torch.randperm(len(kept), generator=generator(seed, stream=6)).numpy()]",
        f"kept = np.sort(kept[np.cumsum(np.bincount({unit})[kept]) <= {file.most_steps:.1f}])  # as many as are trained on",
    ] if division.thinned else []  # fmt: skip
    moved = ["piece = piece[used]"] if int(division.piece[-1]) + 1 > len(division.steps.names) else ["series = series[used]"]
    return [
        f"events = torch.tensor(np.bincount({unit}, weights=y > 0) > 0).long()",
        f"kept = np.flatnonzero(np.bincount({unit}, weights=y >= 0))  # those with a label",
        *sizes,
        "split = np.full(len(events), -1)",
        "for part, members in enumerate(stratified_split(events[kept], (0.6, 0.2, 0.2), seed, classes=2)):",
        "    split[kept[members.numpy()]] = part",
        f"split = split[{unit}]  # of each step",
        "used = split >= 0",
        "table, y, split = table[used].reset_index(drop=True), y[used], split[used]",
        *moved,
        "training = split == 0",
    ]


def _padded(file: File) -> str:
    division = file.division
    answered = np.bincount(division.piece[division.used], weights=division.steps.y[division.used] >= 0)
    sizes = np.bincount(division.piece[division.used])
    empty = bool(((answered == 0) & (sizes > 0)).any())
    return "\n".join([
        "def padded(x, y, piece):",
        '    """Series x [N, T, D], answers y [N, T] and mask [N, T] of steps that stand one series after another."""',
        "    lengths = np.unique(piece, return_counts=True)[1].tolist()",
        "    x = pad_sequence(x.split(lengths), batch_first=True)",
        "    y = pad_sequence(y.split(lengths), batch_first=True, padding_value=-1)",
        *(["    some = (y >= 0).any(dim=1)  # a piece without any label has nothing to count", "    x, y = x[some], y[some]"]
          if empty else []),
        "    return x, y.clamp(min=0), y >= 0",
    ])  # fmt: skip
