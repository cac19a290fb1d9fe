"""The recipe of events in series: a hidden switch that is rarely on, and a noisy measurement of it at every step."""

import torch
from torch import Tensor

from lib.data.dataset import Dataset, Split, generator
from lib.data.multilabel import flip_answers
from lib.data.source import source
from lib.registry import Param, Params

QUIET, EVENT = "no event", "event"


def events_code(params: Params) -> str:
    steps, shortest, noise = params["steps"], params["shortest"], params["label_noise"]
    least = steps if shortest is None else min(int(shortest), int(steps))  # type: ignore[arg-type, call-overload]
    return "\n".join([
        f"SERIES = {(params['n'], params['n_val'], params['n_test'])}  # training, validation, test",
        f"STEPS = {steps}", "", "",
        "def load_data(seed):",
        '    """Training, validation and test series, each from a generator of its own. Padding is 0, and masked."""',
        "    splits = []",
        "    for stream, rows in enumerate(SERIES):",
        "        g = generator(seed, stream)",
        f"        y = chain(rows, STEPS, {params['rate']}, {params['length']}, g).long()",
        f"        x = {params['distance']} * y + torch.randn(rows, STEPS, generator=g)",
        f"        lengths = torch.randint({least}, STEPS + 1, (rows,), generator=g)",
        "        mask = torch.arange(STEPS) < lengths[:, None]",
        *(["        if stream < 2:  # answers of test series stay true", f"            y = flip_answers(y, {noise}, g)"]
          if noise else []),
        "        splits.append(((x * mask).unsqueeze(-1).to(DTYPE), y * mask, mask))",
        "    return splits",
    ])  # fmt: skip


@source(
    key="events",
    label="Events in series",
    kind="recipe",
    summary="Series of steps; at each step an event is on or off, rarely on, and stays on for a while. One yes/no per step.",
    formula=r"P(y_{t+1} = 0 \mid y_t = 1) = \tfrac1m,\; P(y_t = 1) = r,\quad x_t \mid y_t \sim \mathcal{N}(\mu\, y_t, 1)",
    source="This project: a two-state Markov chain; after the PyTorch forum (LSTM, 100 zeros per one)",
    task="sequence",
    params=(
        Param("n", "n", 512, 3, 1_000_000, 100, help="Training series; validation and test series are drawn in addition."),
        Param("steps", "T", 50, 1, 2000, 10, help="Steps of a series."),
        Param("shortest", "T_{min}", None, 1, 2000, 10,
              help="Steps of the shortest series; lengths lie evenly between. Left out: all are equally long."),
        Param("rate", "r", 0.01, 0.0001, 0.5, 0.005, help="Share of steps with an event."),
        Param("length", "m", 4.0, 1.0, 100.0, 0.5, help="Steps that an event lasts, on average."),
        Param("distance", r"\mu", 2.5, 0.0, 20.0, 0.1, help="How far an event lifts the measurement, in standard deviations."),
        Param("n_val", "n_{val}", 512, 3, 1_000_000, 100, help="Validation series."),
        Param("n_test", "n_{test}", 1024, 3, 1_000_000, 100, help="Test series: used once, when training is over."),
        Param("label_noise", r"\epsilon", 0.0, 0.0, 0.5, 0.01, help="Share of training and validation answers turned."),
    ),
    classes=lambda params: (QUIET, EVENT),
    code=events_code,
)  # fmt: skip
def events(*, seed: int, n: int, steps: int, shortest: float | None, rate: float, length: float, distance: float, n_val: int,
           n_test: int, label_noise: float) -> Dataset:  # fmt: skip
    """Stationary from the first step on. Counts are as the chain runs."""
    splits: list[Split] = []
    for stream, rows in enumerate((n, n_val, n_test)):
        g = generator(seed, stream)
        y = chain(rows, steps, rate, length, g)
        x = distance * y + torch.randn(rows, steps, generator=g)
        least = steps if shortest is None else min(int(shortest), steps)
        lengths = torch.randint(least, steps + 1, (rows,), generator=g)
        mask = torch.arange(steps) < lengths[:, None]
        if label_noise and stream < 2:
            y = flip_answers(y, label_noise, g)
        splits.append(Split(x=(x * mask).unsqueeze(-1), y=y * mask, mask=mask))
    train, validation, test = splits
    return Dataset("sequence", (QUIET, EVENT), train, validation, test, feature_names=("x",))


def chain(rows: int, steps: int, rate: float, length: float, g: torch.Generator) -> Tensor:
    """States [rows, steps] of 0 and 1, int8: on with probability `rate` at each step, for `length` steps on average."""
    ends = 1 / length
    starts = rate * ends / (1 - rate)  # so that rate = starts / (starts + ends)
    coin = torch.rand(steps, rows, generator=g)
    states = torch.empty(steps, rows, dtype=torch.int8)
    states[0] = coin[0] < rate
    for t in range(1, steps):
        states[t] = coin[t] < torch.where(states[t - 1] > 0, 1 - ends, starts)
    return states.T.contiguous()
