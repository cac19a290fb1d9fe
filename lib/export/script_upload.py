"""The part of an exported script that reads a visitor's file: checked, encoded, split and standardised as here."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lib.data.columns import feature_columns
from lib.data.dataset import TRAINING_ROWS
from lib.data.delimited import NULLS
from lib.data.features import LARGEST
from lib.data.labels import class_text, classes_of
from lib.data.roles import Column, kind_of
from lib.data.upload import Table
from lib.export.program import Program, literal
from lib.export.source_text import indented
from lib.registry import brief

MOST = int(TRAINING_ROWS / 0.6)  # rows of a file, of which six tenths are for training
SWITCH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


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
    file = _File(program, table)
    return "\n\n\n".join([file.constants(), file.reader(), *file.conversions(), file.encoder(), file.loader()])


@dataclass(frozen=True, eq=False)
class _File:
    program: Program
    table: Table

    @property
    def params(self) -> Any:
        return self.program.experiment.data.params

    @property
    def text(self) -> bool:
        """Whether cells are read as text; Parquet and NPY have types."""
        return self.table.reading.kind == "text"

    @cached_property
    def columns(self) -> list[Column]:
        chosen = (self.params[name] for name in ("label", "sample_weight", "features", "one_hot", "max_levels"))
        return feature_columns(self.table, *chosen)[0]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows that are used."""
        parts = self.program.dataset.splits.values()
        return self.table.frame.iloc[np.sort(np.concatenate([part.rows for part in parts if part.rows is not None]))]

    @cached_property
    def features(self) -> dict[str, list[Any] | None]:
        """The values of each category in order; None for a number."""
        return {column.name: self._levels(column) for column in self.columns}

    def _levels(self, column: Column) -> list[Any] | None:
        if column.role == "numeric":
            return None
        return [v.item() if isinstance(v, np.generic) else v for v in pd.factorize(self.frame[column.name], sort=True)[1]]

    def kinds(self, numeric: bool) -> set[str]:
        """Kinds of the columns that are numbers, or of those that are categories."""
        return {kind_of(self.frame[name]) for name, levels in self.features.items() if (levels is None) == numeric}

    @cached_property
    def gaps(self) -> bool:
        """Whether a number is missing, or too large for float32, in a row that is used."""
        numbers = (self.frame[name] for name, levels in self.features.items() if levels is None)
        return any(v.isna().any() or (kind_of(v) == "number" and (v.abs() > LARGEST).any()) for v in numbers)

    def constants(self) -> str:
        plain = all(levels is None for levels in self.features.values())
        lines = [
            f"FILE = {literal(self.params['file'])}", f"SHA256 = {literal(self.table.sha256)}",
            f"COLUMNS = {literal([str(name) for name in self.table.frame.columns])}",
            f"LABEL = {literal(self.params['label'])}",
            f"LABELS = {literal(self._label_values())}  # the class of each value",
            f"FEATURES = {literal(list(self.features))}" if plain else
            f"FEATURES = {literal(self.features)}  # the values of each category; None: numbers",
        ]  # fmt: skip
        if self.program.weighs_rows:
            lines.append(f"SAMPLE_WEIGHT = {literal(self.params['sample_weight'])}")
        if self.text:
            lines.append(f"MISSING = {literal(NULLS)}  # among numbers")
        return "\n".join(lines)

    def _label_values(self) -> dict[Any, int]:
        values = self.table.frame[self.params["label"]]
        distinct = list(pd.factorize(values)[1])
        classes = classes_of(distinct, na_words=self.params["na_words"])
        number = kind_of(values) == "number"
        place = {name: index for index, name in enumerate(self.program.dataset.class_names)}
        return {
            float(value) if number else class_text(value): place[classes.names[index]]
            for value, index in zip(distinct, classes.index, strict=True) if index >= 0
        }  # fmt: skip

    def reader(self) -> str:
        reading = self.table.reading
        options = [
            *([f"sep={literal(reading.delimiter)}"] if reading.delimiter != "," else []),
            *([f"encoding={literal(reading.encoding)}"] if reading.encoding != "utf-8" else []),
            *([f"skiprows={reading.above}"] if reading.above else []),
            *([] if reading.header else ["header=None"]),
            "dtype=str", "keep_default_na=False", "skip_blank_lines=False", "index_col=False",
        ]  # fmt: skip
        read = {
            "text": f'pd.read_csv(io.BytesIO(data), {", ".join(options)}).fillna("")',
            "parquet": "pd.read_parquet(io.BytesIO(data))",
            "npy": "pd.DataFrame(np.load(io.BytesIO(data)))",
        }
        return "\n".join([
            "def read_file():",
            '    """The table. Another file than the one that was chosen in the dashboard is refused."""',
            "    data = Path(FILE).read_bytes()",
            "    if hashlib.sha256(data).hexdigest() != SHA256:",
            '        raise SystemExit(f"{FILE} is not the file that this script was made for.")',
            f"    table = {read[reading.kind]}",
            "    table.columns = COLUMNS",
            "    return table",
        ])  # fmt: skip

    def conversions(self) -> list[str]:
        """How cells become numbers."""
        decimal = f'.str.replace({literal(self.table.reading.decimal)}, ".")' if self.table.reading.decimal != "." else ""
        cells = f"column.where(~column.isin(MISSING)){decimal}.astype(float)" if self.text else "column.astype(float)"
        made = [f"def numbers(column):\n    return {cells}"]
        if "switch" in self.kinds(numeric=True) and self.text:
            made = [
                f'def numbers(column):\n    if column.str.lower().isin([*SWITCH, ""]).all():\n'
                "        return column.str.lower().map(SWITCH)\n"
                f"    return {cells}"
            ]
            made.insert(0, f"SWITCH = {literal(SWITCH)}")
        return made

    def encoder(self) -> str:
        """The function that makes numbers of all features, without branches that this file does not need."""
        of_numbers = "columns.append(numbers(table[name]))"
        if self.gaps:
            of_numbers = (
                f"values = numbers(table[name])\nvalues = values.where(values.abs() <= {LARGEST:g})\n"
                "columns.append(values.fillna(values[training].median()).fillna(0.0))\n"
                "if values.isna().any():\n    columns.append(values.isna())"
            )
        cells = "numbers(table[name])" if self.text and "number" in self.kinds(numeric=False) else "table[name]"
        of_words = f"cells = {cells}\ncolumns += [cells == level for level in levels]"
        if any(levels is not None and self.frame[name].isna().any() for name, levels in self.features.items()):
            of_words += "\nif not cells.isin(levels).all():\n    columns.append(~cells.isin(levels))  # missing"
        numeric = [levels is None for levels in self.features.values()]
        if all(numeric):
            loop = f"for name in FEATURES:\n{indented(of_numbers, 1)}"
        elif any(numeric):
            loop = (
                f"for name, levels in FEATURES.items():\n    if levels is None:\n{indented(of_numbers, 2)}\n"
                f"    else:\n{indented(of_words, 2)}"
            )
        else:
            loop = f"for name, levels in FEATURES.items():\n{indented(of_words, 1)}"
        about = "; a missing number is the median of the training rows, and says so in a column of its own" if self.gaps else ""
        return (
            f"def encode(table{self._training}):\n"
            f'    """The features, one column of numbers after another{about}."""\n    columns = []\n{indented(loop, 1)}\n'
            "    return [column.to_numpy(dtype=float) for column in columns]"
        )

    @property
    def _training(self) -> str:
        return ", training" if self.gaps else ""

    def _labels(self) -> str:
        """The label column as `LABELS` spells its values."""
        kind = kind_of(self.table.frame[self.params["label"]])
        if kind == "number":
            return "numbers(table[LABEL])"
        if kind == "text":
            return "table[LABEL].str.strip()"
        return "table[LABEL].str.strip().str.capitalize()" if self.text else "table[LABEL].astype(str)"

    def loader(self) -> str:
        weight = "weight = torch.tensor(numbers(table[SAMPLE_WEIGHT]).to_numpy(dtype=np.float32)).to(DTYPE)"
        result = "return splits"
        if self.program.weighs_rows:
            result = "return [(*splits[0], weight[parts[0]]), *splits[1:]]"
        lines = [
            '"""Training, validation and test rows (60/20/20, class by class), standardised by the training rows."""',
            "table = read_file()",
            f"classes = {self._labels()}.map(LABELS).fillna(-1).to_numpy(dtype=np.int64)",
            "rows = np.flatnonzero(classes >= 0)  # those with a label",
            *([f"rows = stratified_sample(classes, rows, {MOST}, seed)"] if len(self.frame) < self._labelled else []),
            "table, y = table.iloc[rows].reset_index(drop=True), torch.tensor(classes[rows])",
            "parts = stratified_split(y, (0.6, 0.2, 0.2), seed, classes=len(CLASSES))",
            "training = np.zeros(len(y), dtype=bool)",
            "training[parts[0].numpy()] = True",
            f"columns = encode(table{self._training})",
            "x = torch.tensor(np.stack(columns, axis=1), dtype=torch.float32).to(DTYPE)",
            "shift = np.array([column[training].mean() for column in columns])",
            "spread = np.array([column[training].std(ddof=1) for column in columns])",
            "scale = np.where(spread > 1e-12 * np.abs(shift), spread, 1.0)  # a constant column stays as it is",
            "shift, scale = (torch.tensor(own, dtype=torch.float32).to(DTYPE) for own in (shift, scale))",
            *([weight] if self.program.weighs_rows else []),
            "splits = [((x[part] - shift) / scale, y[part]) for part in parts]",
            result,
        ]
        return "\n".join(["def load_data(seed):", *(f"    {line}" for line in lines)])

    @property
    def _labelled(self) -> int:
        return int(self.program.run.class_counts.sum())
