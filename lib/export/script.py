"""A strategy as a standalone PyTorch script: the same rows, initial weights and batches, and the dashboard's numbers.

Put together from the records' own `code`, so that a new loss, scheme, sampler, decision or recipe needs no edit here. What a
strategy does not use does not occur. Names of strangers stand in it as literals or in comments only.
"""

import inspect
import re
import textwrap
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from lib.data import Dataset
from lib.data.upload import Table
from lib.experiment import Experiment
from lib.export import script_reading, script_training
from lib.export.program import Program, literal, tensor
from lib.export.script_upload import upload_code
from lib.export.source_text import comment, companions, import_lines, named

LINE = 120  # characters
LINK_LINES = 8


def script(
    experiment: Experiment, index: int, dataset: Dataset, table: Table | None = None, *, lr: float | None = None
) -> str:  # fmt: skip
    """The program of strategy number `index`. `table` is the visitor's file, which an experiment on an upload needs.

    `lr` is the learning rate that fair tuning chose, where there is a grid. Raises ValueError where either is missing.
    """
    program = Program(experiment, index, dataset, table, lr)
    rest = [
        _data(program), *script_training.class_weights(program), script_training.model(program),
        *script_training.endless_rows(program), script_training.train(program), *script_reading.class_scores(program),
        *script_reading.offset(program), script_reading.main(program), 'if __name__ == "__main__":\n    main()',
    ]  # fmt: skip
    parts = [_constants(program, named("\n".join(rest))), *rest]
    names: dict[str, Any] = {}
    for function in program.functions:
        names |= vars(inspect.getmodule(function))
    sources, imports = companions(parts, names)
    constants, *rest = [part.strip("\n") for part in parts]
    whole = "\n\n\n".join([constants, *sources, *rest])
    whole = re.sub(r"(?<![\w.])generator\(", "data_generator(", whole)  # beside the generator of the batches
    return "\n\n".join([_heading(program, whole), import_lines(whole, imports), whole]) + "\n"


def _heading(program: Program, code: str) -> str:
    needs = ["torch"] + [name for name, word in (("scikit-learn", "load_"), ("scikit-learn", "sklearn"), ("pandas", "pd."))
                         if word in code and (word != "load_" or program.source.kind == "bundled")]  # fmt: skip
    beside = ", and the file beside it" if program.source.kind == "upload" else ""
    parts = {"loss": program.run.loss.label, "weights": program.scheme.label, "sampler": program.sampler.label,
             "decision": program.decision.label}  # fmt: skip
    chosen = "; ".join(f"{word}: {label}" for word, label in parts.items())
    return "\n".join([
        '"""One strategy of a comparison in Counterweight, as plain PyTorch.', "",
        *textwrap.wrap(f"{chosen}. Data: {program.source.label}.", 100), "",
        "Trains a model for each seed and prints what the dashboard shows of it. Another machine, or another version of torch,",
        f"may differ by rounding. Needs {' and '.join(dict.fromkeys(needs))}{beside}.", '"""',
        f"# Strategy: {comment(program.run.strategy.name)}",
        *_origin(program.experiment),
    ])  # fmt: skip


def _origin(experiment: Experiment) -> list[str]:
    """Comments that lead back to the dashboard."""
    fields = [f"{field}&" for field in f"/compare?{urlencode(experiment.to_query(), safe='/,:')}".split("&")]
    lines = ["# "]
    for field in fields:
        if len(lines[-1]) + len(field) > LINE and lines[-1] != "# ":
            lines.append("#     ")
        lines[-1] += field
    short = len(lines) <= LINK_LINES and max(map(len, lines)) <= LINE
    opened = ["# Address, in one line, after that of a running Counterweight:", *lines[:-1], lines[-1].removesuffix("&")]
    return [f"# Fingerprint of the experiment: {experiment.fingerprint}", *(opened if short else [])]


def _constants(program: Program, used: Collection[str]) -> str:
    """What can be changed, and what the code `used` needs besides."""
    experiment, settings, drawn = program.experiment, program.settings, program.dataset.drawn
    counts = [f"# Of all rows of which training has a part.\nCLASS_COUNTS = {tensor(program.run.class_counts)}"]
    return "\n".join([
        f"{program.names} = {literal(list(program.dataset.class_names))}",
        f"DATA_SEED = {experiment.data.seed}  # makes the draw and the split",
        f"SEEDS = {literal(list(experiment.seeds))}  # initial weights and order of the batches",
        f"EPOCHS = {settings.epochs}",
        f"BATCH_SIZE = {settings.batch_size}",
        "DTYPE = torch.float32",
        *([f"ROWS = {literal([list(rows) for rows in drawn])}  # of each class: training, validation, test"]
          if "ROWS" in used and drawn else []),
        *(counts if "CLASS_COUNTS" in used else []),
    ])  # fmt: skip


def _data(program: Program) -> str:
    """Code that defines `load_data(seed)`."""
    if program.source.code is None:
        return upload_code(program)
    params = program.experiment.data.params
    code = program.source.code(params).strip()
    if "def load_data" in code:
        return code
    flipped = [
        "        if stream < 2:  # labels of test rows stay true",
        f"            y = flip(y, {params['label_noise']}, len(CLASSES), g)",
    ]
    return "\n".join([
        code, "", "", "def load_data(seed):", '    """Training, validation and test rows, each from a generator of its own."""',
        "    splits = []",
        "    for stream, rows in enumerate(ROWS):",
        "        g = generator(seed, stream)",
        "        y = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(rows))",
        "        x = draw(y, g)",
        *(flipped if params["label_noise"] else []),
        "        splits.append((x.to(DTYPE), y))",
        "    return splits",
    ])  # fmt: skip
