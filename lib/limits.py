"""What one training may take in the app, checked before it starts. `python -m lib.run` has no such limits.

Each refusal names the limit, what was asked for and what to do. How long a training may run is the runner's to watch.
"""

from typing import Any

from lib.data import SOURCES, Dataset, count_classes
from lib.data.dataset import TRAINING_ROWS
from lib.data.synthetic import MAX_LABEL_AXES
from lib.experiment import DataSpec, Experiment
from lib.losses import LOSSES
from lib.memory import APP, budget, size
from lib.models import CHUNK, MODELS
from lib.sampling import SAMPLERS, short_of
from lib.sequence_models import CHUNK as SERIES_CHUNK
from lib.sequence_models import Tagging, parameters_of
from lib.snapshot import Snapshot
from lib.stack import CHUNK_BYTES, outputs_of
from lib.training import EVALUATED, moments_of
from lib.tuning import candidates

MAX_RUNS = 640
MAX_WORK = 5_000_000_000  # rows that go through a model: about 30 minutes of the smallest ones
MAX_BATCH_WORK = 10_000_000_000  # multiplications in one batch, which Stop has to wait for
MAX_NEIGHBOUR_WORK = 20_000_000_000  # about ten seconds, for which Stop has to wait
MAX_STEPS = 1_000_000_000  # the same in steps of series: an LSTM of 32 units takes about five times as long for one
SHARE = 4  # two trainings and an upload, which gets the other half, fit the budget
FLOOR = 64_000_000  # a small comparison trains on any machine
COPIES = 8  # of all parameters: values, gradients, two moments, and those of the snapshots that are shown and made
FLOAT = 4
MARGIN = 1.2  # measured peaks were 0.6 to 1.25 of the bare sum


def training_budget() -> int:
    """Bytes that one training may take at its peak."""
    return max((budget() - APP) // SHARE, FLOOR)


def check_limits(experiment: Experiment, dataset: Dataset) -> None:
    """Raises ValueError with one sentence for the visitor when the training is too large for a shared machine."""
    strategies, seeds = len(experiment.strategies), len(experiment.seeds)
    tuned = " and their learning rates" if experiment.training.lr_grid else ""
    experiment = candidates(experiment)
    runs = len(experiment.strategies) * seeds
    if runs > MAX_RUNS:
        raise ValueError(
            f"{strategies} strategies{tuned} x {seeds} seeds are {runs} runs; at most {MAX_RUNS} train together. "
            "Take fewer strategies or seeds."
        )
    epochs, rows, unit, most = experiment.training.epochs, len(dataset.train), "rows", MAX_WORK
    if dataset.task == "sequence":
        rows, unit, most = dataset.train.decisions, "steps", MAX_STEPS
    if epochs * rows * runs > most:
        raise ValueError(
            f"{epochs} epochs x {rows} {unit} x {runs} runs are {epochs * rows * runs:.2g} {unit} to train on; "
            f"at most {most:.0e} are. Take fewer epochs, {unit}, strategies or seeds."
        )
    if (work := batch_work(experiment, dataset)) > MAX_BATCH_WORK:
        raise ValueError(
            f"One batch of this training takes {work:.2g} multiplications; at most {MAX_BATCH_WORK:.0e} are allowed, "
            "so that Stop answers. Take smaller batches, a smaller model, or fewer strategies or seeds."
        )
    if (work := neighbour_work(experiment, dataset)) > MAX_NEIGHBOUR_WORK:
        raise ValueError(
            f"To find the neighbours of rare rows, SMOTE compares {work:.2g} pairs of numbers; at most "
            f"{MAX_NEIGHBOUR_WORK:.0e} are allowed. Take fewer rows or seeds, or the sampler oversample."
        )
    if (needed := memory(experiment, dataset)) > training_budget():
        raise ValueError(
            f"This training needs about {size(needed)} of memory; {size(training_budget())} are there for one. "
            "Take fewer rows, strategies or seeds, smaller batches, or a smaller model."
        )


def check_rows(spec: DataSpec) -> None:
    """Raises ValueError when a recipe would draw more numbers than there is memory for; called before it draws any."""
    source, params = SOURCES[spec.source], spec.params
    if source.kind != "recipe":
        return
    rows = params["n"] if "n" in params else min(sum(params["counts"]), TRAINING_ROWS)
    rows += params["n_val"] + params["n_test"]
    if "steps" in params:  # of a step: the noise twice, the feature, its mask, the answer, and a coin
        if (needed := rows * params["steps"] * 5 * FLOAT) > training_budget():
            raise ValueError(
                f"{rows} series of {params['steps']} steps take about {size(needed)} of memory; {size(training_budget())} are "
                "there for one visitor. Take fewer series or steps."
            )
        return
    labels = 3 * len(params.get("biases", ()))  # a coin of each, twice, and its odds
    features = params.get("dim") or len(params.get("priors", ())) or labels or MAX_LABEL_AXES
    if (needed := 2 * rows * max(features, 2) * FLOAT) > training_budget():  # the rows, and the noise they are made from
        raise ValueError(
            f"{rows} rows with {features} features take about {size(needed)} of memory; {size(training_budget())} are there "
            "for one visitor. Take fewer rows or features."
        )


def batch_work(experiment: Experiment, dataset: Dataset) -> int:
    """Multiplications of one batch of all runs, backward pass included."""
    steps = dataset.train.x.shape[1] if dataset.task == "sequence" else 1
    each = sum(3 * batch * steps * parameters(widths) for batch, widths in _models(experiment, dataset))
    return each * len(experiment.seeds)


def synthetic_rows(experiment: Experiment, dataset: Dataset) -> list[tuple[int, int]]:
    """For each strategy whose sampler makes rows: how many it makes, and how many pairs of rows it compares for that."""
    counts = count_classes(dataset.train.y, dataset.task, len(dataset.class_names)).long()
    made = [s.sampler_params["ratio"] for s in experiment.strategies if SAMPLERS[s.sampler].synthesise is not None]
    lacking = [short_of(counts, ratio) for ratio in made]
    return [(int(short.sum()), int((counts[short > 0] ** 2).sum())) for short in lacking]


def neighbour_work(experiment: Experiment, dataset: Dataset) -> int:
    """Numbers that are compared to find neighbours, over all strategies and seeds."""
    pairs = sum(pairs for _, pairs in synthetic_rows(experiment, dataset))
    return pairs * dataset.features * len(experiment.seeds)


def memory(experiment: Experiment, dataset: Dataset) -> int:
    """Bytes of one training at its peak, estimated: what grows with rows, runs, batches and parameters."""
    experiment = candidates(experiment)
    if dataset.task == "sequence":
        return _memory_of_series(experiment, dataset)
    seeds = len(experiment.seeds)
    models = [model for model in _models(experiment, dataset) for _ in range(seeds)]
    runs, classes, features = len(models), len(dataset.class_names), dataset.features
    rows, validation, test = (len(part) for part in dataset.splits.values())
    values = sum(parameters(widths) for _, widths in models)
    own = seeds if experiment.data.resample else 1
    tables = own * (rows * (features + 6) + (validation + test) * features)
    made = seeds * sum(made for made, _ in synthetic_rows(experiment, dataset))
    tables += (made + own * rows * (made > 0)) * (features + 12)  # beside the rows that all share
    history = 2 * runs * (experiment.training.epochs * (4 * classes + 2) + 4 * classes**2)
    history += _moments(dataset, runs, sum(parameters(widths) for _, widths in _models(experiment, dataset)))
    drawn = runs * rows * 6  # row numbers of an epoch: one int64 pass per run, stacked, shifted
    gathered = (features + 4) * max(min(CHUNK_BYTES // FLOAT // (features + 4), runs * rows), sum(batch for batch, _ in models))
    activations = 3 * sum(batch * sum(widths) for batch, widths in models)
    scored = 4 * min(EVALUATED, runs * validation * classes) + 2 * test * classes
    passed = 2 * min(CHUNK, runs * validation * max(max(widths) for _, widths in models))
    return int(MARGIN * FLOAT * (COPIES * values + tables + history + max(drawn + gathered + activations, scored + passed)))


def _memory_of_series(experiment: Experiment, dataset: Dataset) -> int:
    """As `memory`: steps instead of rows, and one run's batch at a time."""
    seeds, models = len(experiment.seeds), _models(experiment, dataset)
    runs = len(models) * seeds
    steps, features = dataset.train.x.shape[1], dataset.features
    train, validation, test = (part.y.numel() for part in dataset.splits.values())
    values = sum(parameters(widths) for _, widths in models) * seeds
    own = seeds if experiment.data.resample else 1
    tables = own * (train * (2 * features + 1) + (validation + test) * (features + 1))
    tables += 2 * (train + validation + test) * (dataset.train.step_rows is not None)
    history = 2 * runs * (experiment.training.epochs * 10 + 16)
    history += _moments(dataset, runs, values // seeds)
    batch = max(batch * steps * (widths.per_step + 12) for batch, widths in models)
    drawn = runs * len(dataset.train) * 6
    # Of the steps that are read: features, logits, two scores, their probabilities in float64, and what is sorted for a metric.
    at_once = max(min(EVALUATED // 2, runs * validation), validation)
    read = features * max(validation, test) + max(10 * at_once, 24 * test) + 2 * SERIES_CHUNK
    return int(MARGIN * FLOAT * (COPIES * values + tables + history + drawn + max(batch, read)))


def _moments(dataset: Dataset, runs: int, firsts: int) -> int:
    """Numbers in the moments that a training keeps; `firsts` are the parameters of all first seeds."""
    shape = dataset.class_counts("validation").shape
    most, with_parameters = moments_of(dataset, runs, firsts)
    return most * (runs * shape.numel() * shape[-1] + firsts * with_parameters)


def kept(snapshot: Snapshot) -> int:
    """Bytes that a finished training holds on to: its data, its parameters and its history."""
    datasets = {id(run.dataset): run.dataset for run in snapshot.runs}.values()
    parts = [part for dataset in datasets for part in dataset.splits.values()]
    tensors = [tensor for part in parts for tensor in (part.x, part.y, part.step_rows) if tensor is not None]
    tensors += [model.parameters for model in snapshot.models.values()]
    history = snapshot.history
    arrays = (*vars(history).values(), snapshot.confusion)
    moments = sum(moment.nbytes for moment in snapshot.moments)
    return moments + sum(t.numel() * t.element_size() for t in tensors) + sum(array.nbytes for array in arrays)


def parameters(widths: tuple[int, ...] | Tagging) -> int:
    """How many parameters a model has."""
    if not isinstance(widths, tuple):
        return parameters_of(widths)
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in zip(widths, widths[1:], strict=False))


def _models(experiment: Experiment, dataset: Dataset) -> list[tuple[int, Any]]:
    """Rows per batch and layer widths of each strategy (of series: series per batch, and the model's shape)."""
    architecture = MODELS[experiment.model.name]
    found = []
    for strategy in experiment.strategies:
        outputs = outputs_of(LOSSES[strategy.loss], dataset)
        widths = architecture.function(dataset.features, outputs, **experiment.model.params)
        found.append((min(strategy.training(experiment.training).batch_size, len(dataset.train)), widths))
    return found
