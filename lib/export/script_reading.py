"""The parts of an exported script that read a trained model: scores, the decision, and what is printed."""

from collections.abc import Sequence

from lib.export.program import Program, literal, tensor
from lib.export.script_series import of_steps
from lib.export.source_text import indented, named


def class_scores(program: Program) -> list[str]:
    """The function that makes a score for each class of what the model puts out; nothing where it puts out just that."""
    if program.run.score_scale != 1:
        return [f"def class_scores(cosines):\n    return {program.run.score_scale} * cosines"]
    if not program.one_logit:
        return []
    if program.several:
        return [
            "def class_scores(logits):\n"
            '    """Scores [L, N, 2] of logits [N, L]: of each label, no has the score 0, and a tie is a no."""\n'
            "    return torch.stack([torch.zeros_like(logits.T), logits.T], dim=-1)"
        ]
    logits, join = ("[M]", "stack") if program.series else ("[N, 1]", "cat")
    shape = "[M, 2]" if program.series else "[N, 2]"
    return [
        "def class_scores(logits):\n"
        f'    """Scores {shape} of logits {logits}: no has the score 0, and a tie is a no."""\n'
        f"    return torch.{join}([torch.zeros_like(logits), logits], dim=1)"
    ]


def offset(program: Program) -> list[str]:
    """The function that makes what the decision adds to the scores; nothing where it adds nothing."""
    lines = _offset(program)
    return ["\n".join([
        f"def fit_offset({', '.join(_fitted_on(program, lines))}):",
        f'    """{program.decision.label}: what is added to the score of each class."""',
        indented("\n".join(lines), 1), "    return offset.to(DTYPE)",
    ])] if lines else []  # fmt: skip


def _offset(program: Program) -> list[str]:
    """Lines that define `offset`."""
    code, run = program.decision_code, program.run
    if not code:
        return []
    needs, lines = named(code), []
    if {"class_counts", "class_weight"} & needs:
        lines.append(f"class_counts = {program.counts}")
    if "seen_counts" in needs:
        lines += _seen_counts(program)
    if "class_weight" in needs:
        started = program.weighted and run.strategy.weights_from_epoch < program.settings.epochs
        own = "class_weights(class_counts).double()" if started else "torch.ones_like(class_counts)"
        lines.append(f"class_weight = {own}")
    if "loss_shift" in needs:
        lines.append(_loss_shift(program))
    lines.append(code)
    if program.empty_classes or not bool((run.class_weight > 0).all() and run.loss_shift.isfinite().all()):
        lines.append("offset = offset.nan_to_num(0.0, 0.0, 0.0)  # a class without rows or weight keeps its score")
    return lines


def _seen_counts(program: Program) -> list[str]:
    """Lines that make the class counts in the proportions that the sampler shows."""
    run, code = program.run, program.sampler.seen_code
    if run.strategy.sampler == "shuffle" and bool((run.seen_counts == run.class_counts).all()):
        return ["seen_counts = class_counts  # every row once"]
    if not (program.several or program.series or program.empty_classes):
        seen = code.format(counts="class_counts", **run.strategy.sampler_params)
        return [f"seen_counts = {seen}  # as the sampler shows them"]
    if not program.experiment.data.resample or program.empty_classes:
        return [f"# As the sampler shows them.\nseen_counts = {tensor(run.seen_counts)}"]
    no, yes, dim = ("(1 - y)", "y", "dim=0") if program.several else ("(1 - y) * mask", "y * mask", "")
    return [
        "drawn_by = (y > 0).any(dim=1).long()  # rows are drawn by whether they hold any yes",
        "rows = torch.bincount(drawn_by, minlength=2).double()",
        f"often = ({code.format(counts='rows', **run.strategy.sampler_params)} / rows)[drawn_by, None]  # of each row",
        f"seen_counts = torch.stack([(often * {no}).sum({dim}), (often * {yes}).sum({dim})], dim=-1)",
    ]


def _loss_shift(program: Program) -> str:
    """The line that says what the loss itself adds to the log odds; drawn anew, classes have other counts in each draw.

    It is minus infinity for a class that the loss weighs with nothing: only a function can say so.
    """
    run, shift = program.run, program.run.loss.log_shift
    if shift is None or not bool(run.loss_shift.any()):
        return "loss_shift = 0.0  # the loss itself moves nothing"
    if (program.experiment.data.resample or not run.loss_shift.isfinite().all()) and shift.__name__.isidentifier():
        return f"loss_shift = {shift.__name__}(class_counts, {literal(dict(run.strategy.loss_params))})"
    return f"# What the loss itself adds to the log odds.\nloss_shift = {tensor(run.loss_shift)}"


def _fitted_on(program: Program, lines: Sequence[str] = ()) -> dict[str, str]:
    """Arguments of `fit_offset`, whose `lines` may read training targets, and what `main` gives for them."""
    if "scores" in named(program.decision_code):
        return {"scores": "scores", "y": "y_val[mask_val]" if program.series else "y_val"}
    return {name: name for name in ("y", "mask") if name in named("\n".join(lines))}


def main(program: Program) -> str:
    resample = program.experiment.data.resample
    seed = "DATA_SEED + seed" if resample else "DATA_SEED"
    given = ", ".join([*program.columns, *(["row_weight"] if program.weighs_rows else [])])
    unused = program.dataset.train.sample_weight is not None and program.source.kind == "recipe" and not program.weighs_rows
    splits = [
        given + (", _" if unused else ""),
        *(", ".join(f"{name}_{of}" for name in program.columns) for of in ("val", "test")),
    ]
    load = f"{', '.join(f'({split})' for split in splits)} = load_data({seed})"
    lines = [*([load] if resample else []), f"model, history = train(seed, {given})", *_predicted(program), *_printed(program)]
    head = ["def main():", "    torch.set_num_threads(1)  # a model this small only loses by more"]
    once = [] if resample else [f"    {load}"]
    return "\n".join([*head, *once, "    for seed in SEEDS:", *(f"        {line}" for line in lines)])


def _scores(program: Program, of: str) -> str:
    outputs = of_steps(program, f"x_{of}", f"mask_{of}") if program.series else f"model(x_{of})"
    return f"class_scores({outputs})" if class_scores(program) else outputs


def _graded(program: Program) -> bool:
    """Whether scores are probabilities."""
    return program.run.loss.link != "none"


def _predicted(program: Program) -> list[str]:
    """Lines that make `scores` of validation, `offset` and `predicted` of test."""
    lines, decided = ["with torch.no_grad():"], bool(program.decision_code)
    if _graded(program) or "scores" in _fitted_on(program):
        lines.append(f"    scores = {_scores(program, 'val')}")
    if decided:
        fitted = ", ".join(_fitted_on(program, _offset(program)).values())
        each = program.several and "scores" in _fitted_on(program)
        lines.append("    offset = torch.stack([fit_offset(own, truth) for own, truth in zip(scores, y_val.T)])" if each else
                     f"    offset = fit_offset({fitted})")  # fmt: skip
    tested = _scores(program, "test")
    if decided:
        tested = f"({tested} + {_added(program)})"
    return [*lines, f"    predicted = {tested}.argmax(dim={-1 if program.several else 1})"]


def _added(program: Program) -> str:
    return "offset.unsqueeze(-2)" if program.several else "offset"


def _printed(program: Program) -> list[str]:
    lines = ['print(f"seed {seed}: training loss {history[-1]:.6f}")']
    if _graded(program):
        shown = f"scores + {_added(program)}" if program.decision.recalibrates else "scores"
        truth = "y_val[mask_val]" if program.series else "y_val"
        if program.several:
            shown, truth = f"{f'({shown})' if program.decision.recalibrates else shown}.flatten(0, 1)", "y_val.T.flatten()"
        lines += [f"nll = F.cross_entropy({shown}, {truth})", 'print(f"  validation NLL {nll.item():.6f}")']
    return lines + (_of_labels() if program.several else _of_classes("y_test[mask_test]" if program.series else "y_test"))


def _of_classes(truth: str) -> list[str]:
    return [
        f"cells = {truth} * len(CLASSES) + predicted",
        "confusion = torch.bincount(cells, minlength=len(CLASSES) ** 2).view(len(CLASSES), -1)  # [true, predicted]",
        "recall = confusion.diag() / confusion.sum(dim=1)",
        'print(f"  test confusion {confusion.tolist()}")',
        'print("  test recall " + ", ".join(f"{name}: {value:.4f}" for name, value in zip(CLASSES, recall.tolist())))',
    ]


def _of_labels() -> list[str]:
    return [
        "for name, truth, said in zip(LABELS, y_test.T, predicted):",
        "    confusion = torch.bincount(truth * 2 + said, minlength=4).view(2, 2)  # [true, predicted], no before yes",
        "    recall = (confusion[1, 1] / confusion[1].sum()).item()",
        '    print(f"  test confusion {confusion.tolist()}, recall {recall:.4f}: {name}")',
    ]
