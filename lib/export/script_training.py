"""The parts of an exported script that train: weights, model, rows of an epoch, and the loop."""

from lib.export.program import Program, literal
from lib.export.source_text import indented, named
from lib.stack import widths_of


def endless(program: Program) -> bool:
    """Whether epochs are cut out of one stream of rows."""
    return not program.sampler.whole_passes or program.sampler.synthesise is not None


def class_weights(program: Program) -> list[str]:
    """The function that turns counts into weights; nothing where there are none."""
    if not program.weighted:
        return []
    params = program.run.strategy.weighting_params
    expression = program.scheme.code.format(**params)
    if program.empty_classes and program.run.strategy.weighting != "manual":  # where the formula divides by 0
        expression = f"torch.tensor({literal(program.run.class_weight.tolist())}).double()"
    elif params["cap"] is not None:
        expression = f"({expression}).clamp(max={params['cap']})"
    lines = [
        "def class_weights(counts):",
        f'    """{program.scheme.label}: {program.scheme.scale}."""',
        f"    weight = {expression}",
    ]
    if program.settings.normaliser == "fixed":
        lines.append("    weight = weight * counts.sum() / (weight * counts).sum()  # mean 1 over the rows")
    return ["\n".join([*lines, "    return weight.to(DTYPE)"])]


def model(program: Program) -> str:
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
        "    counts = torch.bincount(targets, minlength=len(CLASSES)).double()\n"
        "    while True:\n"
        f"{indented(program.sampler_code, 2)}\n"
        "        yield from sampler"
    ]


def train(program: Program) -> str:
    settings, rows = program.settings, ", row_weight" if program.weighs_rows else ""
    lr = settings.lr if program.lr is None else program.lr
    optimizer = {"adam": "Adam", "sgd": "SGD"}[settings.optimizer]
    decay = f", weight_decay={settings.weight_decay}" if settings.weight_decay else ""
    made = []
    if program.weighted and not program.late:
        made.append("    class_weight = class_weights(class_counts)")
    if not program.late:
        made.append(indented(program.criterion, 1))
    return "\n".join([
        f"def train(seed, x, y{rows}):",
        '    """The trained model, and the mean loss of each epoch as it was optimised."""',
        "    torch.manual_seed(seed)",
        "    model = make_model().to(DTYPE)",
        *_counts(program),
        *_first_bias(program),
        *_new_rows(program),
        f"    optimizer = torch.optim.{optimizer}(model.parameters(), lr={lr}{decay})",
        "    generator = torch.Generator().manual_seed(seed)",
        f"    dataset = TensorDataset(x, y{rows})",
        *_loader(program),
        *made,
        "    history = []",
        "    for epoch in range(EPOCHS):",
        *_epoch_start(program),
        "        losses = []",
        f"        for inputs, targets{', weight' if rows else ''} in loader:",
        f"            logits = model(inputs){'.squeeze(-1)' if program.one_logit else ''}",
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
    value = "log_share[1:] - log_share[:1]" if program.one_logit else "log_share"
    return [
        "    with torch.no_grad():  # start from the class shares",
        f"        log_share = torch.log({counts} / {counts}.sum())",
        f"        model[-1].bias.copy_({value})",
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
    if endless(program):
        return ["    rows = endless_rows(y, generator)"]
    needs, lines = named(program.sampler_code), []
    if "targets" in needs:
        lines.append("targets = y")
    if "counts" in needs:
        lines.append("counts = torch.bincount(y, minlength=len(CLASSES)).double()")
    return [indented("\n".join([*lines, program.sampler_code]), 1), f"{start}sampler=sampler, generator=generator)"]


def _epoch_start(program: Program) -> list[str]:
    lines = []
    if endless(program):
        rows = "len(y)" if program.sampler.synthesise is None else "rows_per_epoch"
        lines.append(f"loader = DataLoader(dataset, BATCH_SIZE, sampler=islice(rows, {rows}), generator=generator)")
    if program.late:
        first = program.run.strategy.weights_from_epoch
        even = "class_weights(class_counts)", "torch.ones(len(CLASSES), dtype=DTYPE)"
        lines += [f"class_weight = {even[0]} if epoch >= {first} else {even[1]}", program.criterion]
    return [indented("\n".join(lines), 2)] if lines else []


def _loss(program: Program) -> str:
    """The expression that reduces the terms of a batch, as the strategy's normaliser does."""
    targets = "targets.to(DTYPE)" if program.one_logit else "targets"
    if not program.per_row:
        return f"criterion(logits, {targets})"
    ignored = program.run.strategy.loss_params.get("ignore_index", -100)
    kept = [f"(targets != {ignored})"] if ignored >= 0 else []
    row = ["weight"] if program.weighs_rows else []
    terms = " * ".join([*row, *(["class_weight[targets]"] if program.weighs_outside else []), f"criterion(logits, {targets})"])
    if program.reduction == "sum":
        return f"({terms}).sum()"
    if program.reduction == "mean":
        return f"({terms}).sum() / {kept[0]}.sum()" if kept else f"({terms}).mean()"
    divisor = " * ".join([*row, *(["class_weight[targets]"] if program.weighted else []), *kept])
    return f"({terms}).sum() / ({divisor}).sum()"
