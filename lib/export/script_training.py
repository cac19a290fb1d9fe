"""The parts of an exported script that train: weights, model, rows of an epoch, and the loop."""

import torch
from torch import Tensor

from lib.export.program import Program, tensor
from lib.export.script_series import of_steps, series_model
from lib.export.source_text import indented, named
from lib.sequence_models import Lstm, Window
from lib.stack import widths_of

PER = "\n        for "


def endless(program: Program) -> bool:
    """Whether epochs are cut out of one stream of rows."""
    return not program.sampler.whole_passes or program.sampler.synthesise is not None


def class_weights(program: Program) -> list[str]:
    """The function that turns counts into weights; nothing where there are none."""
    if not program.weighted:
        return []
    params = program.run.strategy.weighting_params
    expression = program.scheme.code.format(**params)
    about = f"{program.scheme.label}: {program.scheme.scale}"
    if program.several:
        about += "; of each label a weight for no and one for yes [L, 2]"
        each = f"{expression} for counts in class_counts"
        expression = (
            f"torch.stack([{each}])" if len(each) < 90 else f"torch.stack([\n        {each.replace(' for ', PER)}\n    ])"
        )
    if program.empty_classes:  # where the formula divides by 0
        expression = tensor(_with_rows(program))
    elif program.several and program.run.strategy.weighting == "manual":  # one pos_weight each
        expression = tensor(program.run.class_weight)
    elif params["cap"] is not None:
        expression = f"({expression}).clamp(max={params['cap']})"
    counts = "class_counts" if program.several else "counts"
    lines = [f"def class_weights({counts}):", f'    """{about}."""', f"    weight = {expression}"]
    if program.settings.normaliser == "fixed":
        unit = "answers" if program.several else "steps" if program.series else "rows"
        lines.append(f"    weight = weight * {counts}.sum() / (weight * {counts}).sum()  # mean 1 over the {unit}")
    return ["\n".join([*lines, "    return weight.to(DTYPE)"])]


def _with_rows(program: Program) -> Tensor:
    """Class weights; a label that nobody denies has as "no" the weight of its yes, so that their ratio is a number."""
    weight = program.run.class_weight
    if not program.several:
        return weight
    return torch.stack([torch.where(weight[:, 0] > 0, weight[:, 0], weight[:, 1]), weight[:, 1]], dim=1)


def model(program: Program) -> str:
    if program.series:
        return series_model(widths_of(program.experiment, program.run))
    widths = widths_of(program.experiment, program.run)
    steps = [f"nn.Linear({a}, {b})" for a, b in zip(widths, widths[1:], strict=False)]
    if program.run.loss.head == "normalised":
        steps[-1] = steps[-1].replace("nn.Linear", "NormedLinear")
    inner = "".join(f"        {step},\n        nn.ReLU(),\n" for step in steps[:-1])
    made = f"nn.Sequential(\n{inner}        {steps[-1]},\n    )" if inner else f"nn.Sequential({steps[-1]})"
    return f"def make_model():\n    return {made}"


def endless_rows(program: Program) -> list[str]:
    """Of samplers whose passes are longer or shorter than the table: one stream of rows for all epochs."""
    if program.sampler.synthesise is not None:
        return [
            "def endless_rows(targets, generator):\n"
            '    """All rows, old and new, in one order after another. An epoch takes as many as there were before."""\n'
            "    while True:\n"
            "        yield from SubsetRandomSampler(range(len(targets)), generator=generator)"
        ]
    if program.sampler.whole_passes:
        return []
    return [
        "def endless_rows(targets, generator):\n"
        f'    """{program.sampler.label}: one pass after another. An epoch takes as many rows as the table has."""\n'
        f"    counts = {_drawn_by(program)}\n"
        "    while True:\n"
        f"{indented(program.sampler_code, 2)}\n"
        "        yield from sampler"
    ]


def train(program: Program) -> str:
    settings, rows = program.settings, ", row_weight" if program.weighs_rows else ""
    lr = settings.lr if program.lr is None else program.lr
    optimizer = {"adam": "Adam", "sgd": "SGD"}[settings.optimizer]
    decay = f", weight_decay={settings.weight_decay}" if settings.weight_decay else ""
    made, given = [], ", ".join(program.columns)
    if program.weighted and not program.late:
        made.append("    class_weight = class_weights(class_counts)")
    if not program.late:
        made += _apart(program.criterion, 1)
    return "\n".join([
        f"def train(seed, {given}{rows}):",
        '    """The trained model, and the mean loss of each epoch as it was optimised."""',
        "    torch.manual_seed(seed)",
        f"    model = {'Tagger' if program.series else 'make_model'}().to(DTYPE)",
        *_counts(program),
        *_first_bias(program),
        *_new_rows(program),
        f"    optimizer = torch.optim.{optimizer}(model.parameters(), lr={lr}{decay})",
        "    generator = torch.Generator().manual_seed(seed)",
        f"    dataset = TensorDataset({given}{rows})",
        *_loader(program),
        *made,
        "    history = []",
        "    for epoch in range(EPOCHS):",
        *_epoch_start(program),
        "        losses = []",
        f"        for inputs, targets{', steps' if program.series else ''}{', weight' if rows else ''} in loader:",
        f"            logits = {_logits(program)}",
        f"            loss = {_loss(program)}",
        "            optimizer.zero_grad()",
        "            loss.backward()",
        "            optimizer.step()",
        "            losses.append(loss.detach())",
        "        history.append(torch.stack(losses).mean().item())",
        "    return model, history",
    ])  # fmt: skip


def _counts(program: Program) -> list[str]:
    log_prior = program.experiment.model.bias_init == "log_prior"
    used = program.weighted or log_prior or "class_counts" in program.criterion
    return [f"    class_counts = {program.counts}"] if used else []


def _first_bias(program: Program) -> list[str]:
    if program.experiment.model.bias_init != "log_prior" or program.run.loss.head != "linear":
        return []
    counts = "class_counts.clamp(min=0.5)" if program.empty_classes else "class_counts"
    if program.several:
        ratio = "class_counts[:, 1] / class_counts[:, 0]"
        if program.empty_classes:
            ratio = "class_counts[:, 1].clamp(min=0.5) / class_counts[:, 0].clamp(min=0.5)"
        return [
            "    with torch.no_grad():  # start from the shares of yes",
            f"        model[-1].bias.copy_(torch.log({ratio}))",
        ]
    last = {Lstm: "model.head", Window: "model.layers[-1]"}.get(type(widths_of(program.experiment, program.run)), "model[-1]")
    value = "log_share[1:] - log_share[:1]" if program.one_logit else "log_share"
    return [
        "    with torch.no_grad():  # start from the class shares",
        f"        log_share = torch.log({counts} / {counts}.sum())",
        f"        {last}.bias.copy_({value})",
    ]


def _new_rows(program: Program) -> list[str]:
    """Of samplers that make rows: once, before the first epoch."""
    make = program.sampler.synthesise
    if make is None:
        return []
    params = ", ".join(f"{name}={value}" for name, value in program.run.strategy.sampler_params.items())
    lines = [
        "    rows_per_epoch = len(y)",
        f"    made = {make.__name__}(x, Strata(y), torch.Generator().manual_seed(seed), {params})",
    ]
    if program.weighs_rows:
        lines.append("    row_weight = torch.cat([row_weight, made.between(row_weight)])")
    return [*lines, "    x, y = torch.cat([x, made.between(x)]), torch.cat([y, y[made.start]])"]


def _loader(program: Program) -> list[str]:
    start = "    loader = DataLoader(dataset, batch_size=BATCH_SIZE, "
    if program.run.strategy.sampler == "shuffle":
        return [f"{start}shuffle=True, generator=generator)"]
    questions = program.several or program.series
    targets = "(y > 0).any(dim=1).long()  # rows are drawn by whether they hold any yes" if questions else "y"
    if endless(program):
        return [f"    targets = {targets}", "    rows = endless_rows(targets, generator)"] if questions else [
            "    rows = endless_rows(y, generator)"
        ]  # fmt: skip
    needs, lines = named(program.sampler_code), []
    if "targets" in needs:
        lines.append(f"targets = {targets}")
    if "counts" in needs:
        lines.append(f"counts = {_drawn_by(program)}")
    return [indented("\n".join([*lines, program.sampler_code]), 1), f"{start}sampler=sampler, generator=generator)"]


def _epoch_start(program: Program) -> list[str]:
    lines = []
    if endless(program):
        rows = "len(y)" if program.sampler.synthesise is None else "rows_per_epoch"
        lines.append(f"loader = DataLoader(dataset, BATCH_SIZE, sampler=islice(rows, {rows}), generator=generator)")
    if program.late:
        first = program.run.strategy.weights_from_epoch
        even = f"torch.ones(len({program.names}){', 2' if program.several else ''}, dtype=DTYPE)"
        lines.append(f"class_weight = class_weights(class_counts) if epoch >= {first} else {even}")
    made = _apart(program.criterion, 2) if program.late else []
    return [*([indented("\n".join(lines), 2)] if lines else []), *made]


def _apart(criterion: str, levels: int) -> list[str]:
    """The criterion among the lines of a function; a function has a blank line before and after it."""
    before = [""] if criterion.startswith("def ") else []
    return [*before, indented(criterion, levels), *([""] if "def criterion" in criterion else [])]


def _logits(program: Program) -> str:
    """The expression for the scores of a batch."""
    if program.several:
        return "model(inputs)"
    if program.series:
        return f"{of_steps(program, 'inputs', 'steps')}  # of the steps that count"
    return "model(inputs).squeeze(-1)" if program.one_logit else "model(inputs)"


def _drawn_by(program: Program) -> str:
    """How many rows the sampler finds of each kind: of each class, or without and with a yes."""
    kinds = "2" if program.several or program.series else "len(CLASSES)"
    return f"torch.bincount(targets, minlength={kinds}).double()"


def _loss(program: Program) -> str:
    """The expression that reduces the terms of a batch, as the strategy's normaliser does."""
    classes = "targets[steps]" if program.series else "targets"
    targets = f"{classes}.to(DTYPE)" if program.one_logit else classes
    if not program.per_row:
        return f"criterion(logits, {targets})"
    ignored = program.run.strategy.loss_params.get("ignore_index", -100)
    kept = [f"(targets != {ignored})"] if ignored >= 0 else []
    per_answer = program.several and "multilabel_soft_margin" not in program.criterion  # else the mean of a row
    row = ["weight[:, None]" if per_answer else "weight"] if program.weighs_rows else []
    outside = [f"class_weight[{classes}]"] if program.weighs_outside else []
    terms = " * ".join([*row, *outside, f"criterion(logits, {targets})"])
    if program.reduction == "sum":
        return f"({terms}).sum()"
    if program.reduction == "mean":
        return f"({terms}).sum() / {kept[0]}.sum()" if kept else f"({terms}).mean()"
    divisor = " * ".join([*row, *(["class_weight[targets]"] if program.weighted else []), *kept])
    return f"({terms}).sum() / ({divisor}).sum()"
