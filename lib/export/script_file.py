"""What every exported script on a visitor's file has: reading it, checked, and its columns as standardised numbers."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lib.data.columns import feature_columns
from lib.data.dataset import TRAINING_ROWS
from lib.data.delimited import NULLS
from lib.data.features import LARGEST
from lib.data.long_form import FRACTIONS, TRAINING_STEPS, Division, divide
from lib.data.roles import Column, Kind, kind_of
from lib.data.upload import Table
from lib.export.program import Program, literal
from lib.export.source_text import indented

MOST = int(TRAINING_ROWS / 0.6)  # rows of a file, of which six tenths are for training
SWITCH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


@dataclass(frozen=True, eq=False)
class File:
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
        names = ("label", "sample_weight", "features", "one_hot", "max_levels")
        taken = {"multilabel": self.params["labels"], "sequence": (self.params["series"], self.params["time"])}
        label, weight, features, one_hot, levels = (self.params[name] for name in names)
        questions = taken.get(self.program.dataset.task, ())
        return feature_columns(self.table, label, weight, features, one_hot, levels, questions)[0]

    @cached_property
    def division(self) -> Division:
        """Of a file of series, which steps go where."""
        names = ("label", "series", "time", "max_steps", "missing_labels")
        return divide(self.table, seed=self.program.experiment.data.seed, **{name: self.params[name] for name in names})

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows that are used."""
        if self.program.series:
            return self.table.frame.iloc[np.sort(self.division.steps.rows[self.division.used])]
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

    def kinds(self, numeric: bool) -> set[Kind]:
        """Kinds of the columns that are numbers, or of those that are categories."""
        return {kind_of(self.frame[name]) for name, levels in self.features.items() if (levels is None) == numeric}

    @cached_property
    def gaps(self) -> bool:
        """Whether a number is missing, or too large for float32, in a row that is used."""
        numbers = (self.frame[name] for name, levels in self.features.items() if levels is None)
        return any(v.isna().any() or (kind_of(v) == "number" and (v.abs() > LARGEST).any()) for v in numbers)

    def constants(self) -> list[str]:
        plain = all(levels is None for levels in self.features.values())
        lines = [
            f"FILE = {literal(self.params['file'])}", f"SHA256 = {literal(self.table.sha256)}",
            f"COLUMNS = {literal([str(name) for name in self.table.frame.columns])}",
            f"FEATURES = {literal(list(self.features))}" if plain else
            f"FEATURES = {literal(self.features)}  # the values of each category; None: numbers",
        ]  # fmt: skip
        if self.program.weighs_rows:
            lines.append(f"SAMPLE_WEIGHT = {literal(self.params['sample_weight'])}")
        if self.text:
            lines.append(f"MISSING = {literal(NULLS)}  # among numbers")
        return lines

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

    def conversions(self, kinds: set[Kind]) -> list[str]:
        """How cells become numbers, where columns do that are features or of these kinds."""
        kinds = (
            kinds
            | self.kinds(numeric=True)
            | (self.kinds(numeric=False) & {"number"} if self.text else set())
            | ({"number"} if self.weighs else set())
        )
        if not kinds & {"number", "switch"}:
            return []
        decimal = f'.str.replace({literal(self.table.reading.decimal)}, ".")' if self.table.reading.decimal != "." else ""
        cells = f"column.where(~column.isin(MISSING)){decimal}.astype(float)" if self.text else "column.astype(float)"
        made = [f"def numbers(column):\n    return {cells}"]
        if "switch" in kinds and self.text:
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

    @property
    def most_steps(self) -> float:
        """Steps of a file of series, of which six tenths are for training."""
        return TRAINING_STEPS / FRACTIONS[0]

    @property
    def weighs(self) -> bool:
        return self.program.weighs_rows

    def standardised(self) -> list[str]:
        """Lines of `load_data` that make x of `table` [n, D], as the rows that are `training` say."""
        return [
            f"columns = encode(table{self._training})",
            "x = torch.tensor(np.stack(columns, axis=1), dtype=torch.float32).to(DTYPE)",
            "shift = np.array([column[training].mean() for column in columns])",
            "spread = np.array([column[training].std(ddof=1) for column in columns])",
            "scale = np.where(spread > 1e-12 * np.abs(shift), spread, 1.0)  # a constant column stays as it is",
            "shift, scale = (torch.tensor(own, dtype=torch.float32).to(DTYPE) for own in (shift, scale))",
        ]

    def split_rows(self, classes: int | str, strata: str = "y") -> list[str]:
        """Lines of `load_data` that divide the rows of `table` and `y` class by class, and give them back."""
        weight = "weight = torch.tensor(numbers(table[SAMPLE_WEIGHT]).to_numpy(dtype=np.float32)).to(DTYPE)"
        result = "return [(*splits[0], weight[parts[0]]), *splits[1:]]" if self.weighs else "return splits"
        return [
            f"parts = stratified_split({strata}, (0.6, 0.2, 0.2), seed, classes={classes})",
            "training = np.zeros(len(y), dtype=bool)",
            "training[parts[0].numpy()] = True",
            *self.standardised(),
            *([weight] if self.weighs else []),
            "splits = [((x[part] - shift) / scale, y[part]) for part in parts]",
            result,
        ]

    def thinned(self, codes: str, answered: int) -> list[str]:
        """The line of `load_data` that leaves out rows of a large file; nothing where all `answered` rows are used."""
        return [f"rows = stratified_sample({codes}, rows, {MOST}, seed)"] if len(self.frame) < answered else []


@dataclass(frozen=True)
class Label:
    """How a file asks, as code: constants, functions (`load_data` the last), and the kinds of columns that `numbers` reads."""

    constants: list[str]
    code: list[str]
    kinds: set[Kind]


def loader(lines: list[str]) -> str:
    return "\n".join(["def load_data(seed):", *(f"    {line}" for line in lines)])
