"""The part of an exported script that reads a visitor's file: checked, encoded, split and standardised as here."""

from typing import Any

import pandas as pd

from lib.data.labels import class_text, classes_of
from lib.data.roles import kind_of
from lib.export import script_answers
from lib.export.program import Program, literal
from lib.export.script_file import File, Label, loader
from lib.registry import brief


def upload_code(program: Program) -> str:
    """Code that defines `load_data(seed)`; training rows come with their weights where the file has some.

    Raises ValueError when the file is not at hand: how its columns were read is not in the experiment.
    """
    params, table = program.experiment.data.params, program.table
    if table is None or (params["sha256"] and table.sha256 != params["sha256"]):
        came = "none" if table is None else brief(table.name)
        raise ValueError(
            f"Expected the file {brief(params['file'])} of this experiment, got {came}. Upload it, or name it with --data."
        )
    file = File(program, table)
    label = {"multilabel": script_answers.labels, "sequence": script_answers.series}.get(program.dataset.task, _exclusive)(file)
    constants = "\n".join([*file.constants(), *label.constants])
    return "\n\n\n".join([constants, file.reader(), *file.conversions(label.kinds), file.encoder(), *label.code])


def _exclusive(file: File) -> Label:
    """One class per row."""
    name = file.params["label"]
    kind = kind_of(file.table.frame[name])
    cells = {
        "number": "numbers(table[LABEL])", "text": "table[LABEL].str.strip()",
        "switch": "table[LABEL].str.strip().str.capitalize()" if file.text else "table[LABEL].astype(str)",
    }[kind]  # fmt: skip
    lines = [
        '"""Training, validation and test rows (60/20/20, class by class), standardised by the training rows."""',
        "table = read_file()",
        f"classes = {cells}.map(LABELS).fillna(-1).to_numpy(dtype=np.int64)",
        "rows = np.flatnonzero(classes >= 0)  # those with a label",
        *file.thinned("classes", int(file.program.run.class_counts.sum())),
        "table, y = table.iloc[rows].reset_index(drop=True), torch.tensor(classes[rows])",
        *file.split_rows("len(CLASSES)"),
    ]
    constants = [f"LABEL = {literal(name)}", f"LABELS = {literal(_label_values(file))}  # the class of each value"]
    return Label(constants, [loader(lines)], {kind} & {"number"})


def _label_values(file: File) -> dict[Any, int]:
    values = file.table.frame[file.params["label"]]
    distinct = list(pd.factorize(values)[1])
    classes = classes_of(distinct, na_words=file.params["na_words"])
    number = kind_of(values) == "number"
    place = {name: index for index, name in enumerate(file.program.dataset.class_names)}
    return {
        float(value) if number else class_text(value): place[classes.names[index]]
        for value, index in zip(distinct, classes.index, strict=True) if index >= 0
    }  # fmt: skip
