"""A strategy as a standalone PyTorch script: the same rows, initial weights and batches, and the dashboard's numbers.

Put together from the records' own `code`, so that a new loss, scheme, sampler, decision or recipe needs no edit here. What a
strategy does not use does not occur. Names of strangers stand in it as literals or in comments only.
"""

import inspect
import re
import textwrap
from typing import Any

from lib.data import Dataset
from lib.data.upload import Table
from lib.experiment import Experiment
from lib.export import script_training
from lib.export.program import Program, literal, tensor
from lib.export.script_upload import upload_code
from lib.export.source_text import comment, companions, import_lines, indented, named


def script(
    experiment: Experiment, index: int, dataset: Dataset, table: Table | None = None, *, lr: float | None = None
) -> str:  # fmt: skip
    """The program of strategy number `index`. `table` is the visitor's file, which an experiment on an upload needs.

    `lr` is the learning rate that fair tuning chose, where there is a grid. Raises ValueError where either is missing, and for
    several labels, series and sources without code.
    """
    program = Program(experiment, index, dataset, table, lr)
    parts = [
        _constants(program), _data(program), *script_training.class_weights(program), script_training.model(program),
        *script_training.endless_rows(program), script_training.train(program), *_class_scores(program), *_offset(program),
        _main(program), 'if __name__ == "__main__":\n    main()',
    ]  # fmt: skip
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
    ])  # fmt: skip


def _constants(program: Program) -> str:
    experiment, settings, drawn = program.experiment, program.settings, program.dataset.drawn
    return "\n".join([
        f"CLASSES = {literal(list(program.dataset.class_names))}",
        f"DATA_SEED = {experiment.data.seed}  # makes the draw and the split",
        f"SEEDS = {literal(list(experiment.seeds))}  # initial weights and order of the batches",
        f"EPOCHS = {settings.epochs}",
        f"BATCH_SIZE = {settings.batch_size}",
        "DTYPE = torch.float32",
        *([f"ROWS = {literal([list(rows) for rows in drawn])}  # of each class: training, validation, test"] if drawn else []),
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


def _class_scores(program: Program) -> list[str]:
    if program.run.score_scale != 1:
        return [f"def class_scores(cosines):\n    return {program.run.score_scale} * cosines"]
    if not program.one_logit:
        return []
    return [
        "def class_scores(logits):\n"
        '    """Scores [N, 2] of logits [N, 1]: no has the score 0, and a tie is a no."""\n'
        "    return torch.cat([torch.zeros_like(logits), logits], dim=1)"
    ]


def _offset(program: Program) -> list[str]:
    """The function that makes what the decision adds to the scores; nothing where it adds nothing."""
    code, run = program.decision_code, program.run
    if not code:
        return []
    needs, lines = named(code), []
    if {"class_counts", "class_weight"} & needs:
        lines.append(f"class_counts = {program.counts}")
    if "seen_counts" in needs:
        same = program.run.strategy.sampler == "shuffle"
        lines.append("seen_counts = class_counts  # every row once" if same else
                     f"seen_counts = {tensor(run.seen_counts)}  # as the sampler shows them")  # fmt: skip
    if "class_weight" in needs:
        started = program.weighted and run.strategy.weights_from_epoch < program.settings.epochs
        own = "class_weights(class_counts).double()" if started else "torch.ones_like(class_counts)"
        if started and program.settings.normaliser == "fixed":  # without its scale, which no decision sees
            own = tensor(run.class_weight)
        lines.append(f"class_weight = {own}")
    if "loss_shift" in needs:
        moved = bool(run.loss_shift.any())
        lines.append(f"loss_shift = {tensor(run.loss_shift)}  # what the loss itself adds to the log odds" if moved else
                     "loss_shift = 0.0  # the loss itself moves nothing")  # fmt: skip
    lines.append(code)
    if program.empty_classes or not bool((run.class_weight > 0).all()):
        lines.append("offset = offset.nan_to_num(0.0, 0.0, 0.0)  # a class without rows or weight keeps its score")
    return ["\n".join([
        f"def fit_offset({', '.join(_fitted_on(program))}):",
        f'    """{program.decision.label}: what is added to the score of each class."""',
        indented("\n".join(lines), 1), "    return offset.to(DTYPE)",
    ])]  # fmt: skip


def _fitted_on(program: Program) -> dict[str, str]:
    """Arguments of `fit_offset`, and what `main` gives for them."""
    needs = named(program.decision_code)
    wanted = {"y": "y"} if "class_counts" in needs else {}
    if "scores" in needs or ("y" in needs and "class_counts" not in needs):
        wanted = {"scores": "scores", "y": "y_val"}
    return wanted


def _main(program: Program) -> str:
    rows = ", row_weight" if program.weighs_rows else ""
    resample, decided = program.experiment.data.resample, bool(program.decision_code)
    load = f"(x, y{rows}), (x_val, y_val), (x_test, y_test) = load_data({'DATA_SEED + seed' if resample else 'DATA_SEED'})"

    def scores(of: str) -> str:
        return f"class_scores(model({of}))" if _class_scores(program) else f"model({of})"

    graded = program.run.loss.link != "none"  # whether scores are probabilities
    lines = [*([load] if resample else []), f"model, history = train(seed, x, y{rows})", "with torch.no_grad():"]
    if graded or "scores" in _fitted_on(program):
        lines.append(f"    scores = {scores('x_val')}")
    if decided:
        lines.append(f"    offset = fit_offset({', '.join(_fitted_on(program).values())})")
    tested = f"({scores('x_test')} + offset)" if decided else scores("x_test")
    lines.append(f"    predicted = {tested}.argmax(dim=1)")
    lines += [
        "cells = y_test * len(CLASSES) + predicted",
        "confusion = torch.bincount(cells, minlength=len(CLASSES) ** 2).view(len(CLASSES), -1)  # [true, predicted]",
        "recall = confusion.diag() / confusion.sum(dim=1)",
        'print(f"seed {seed}: training loss {history[-1]:.6f}")',
    ]
    if graded:
        shown = "scores + offset" if program.decision.recalibrates else "scores"
        lines.append(f'print(f"  validation NLL {{F.cross_entropy({shown}, y_val).item():.6f}}")')
    lines += [
        'print(f"  test confusion {confusion.tolist()}")',
        'print("  test recall " + ", ".join(f"{name}: {value:.4f}" for name, value in zip(CLASSES, recall.tolist())))',
    ]
    head = ["def main():", "    torch.set_num_threads(1)  # a model this small only loses by more"]
    once = [] if resample else [f"    {load}"]
    return "\n".join([*head, *once, "    for seed in SEEDS:", *(f"        {line}" for line in lines)])
