"""What each scenario found, kept beside it so that the gallery draws real results without training.

    python -m lib.scenarios.results [KEY ...]

trains every scenario (or those named, keeping what is known of the others) and writes results.json anew; a test trains them
again and compares.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from lib.scenarios.scenario import SCENARIOS, Scenario
from lib.tasks import behind
from lib.training import load, train

STORE = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Found:
    """Validation recall [S][R][C] after the last epoch, the rows behind it, and how long the training took here."""

    names: list[str]
    class_names: list[str]
    rows: list[int]
    recall: list[list[list[float]]]
    seconds: float


def measure(scenario: Scenario) -> Found:
    """Train a scenario."""
    experiment = scenario.experiment
    dataset = load(experiment.data)
    start = time.perf_counter()
    *_, last = train(experiment, dataset)
    seconds = time.perf_counter() - start
    recall = last.history.recall[:, :, -1].round(3).tolist()
    names = [strategy.name for strategy in experiment.strategies]
    rows = behind(dataset.class_counts("validation"), dataset.task).long().tolist()
    return Found(names, list(dataset.class_names), rows, recall, round(seconds, 1))


@cache
def stored() -> Mapping[str, Found]:
    """The kept results by scenario."""
    return {key: Found(**own) for key, own in json.loads(STORE.read_text("utf-8")).items()}


def main(keys: Sequence[str]) -> None:
    import torch

    import lib.scenarios  # noqa: F401 - fills the registry

    torch.set_num_threads(1)
    known = stored() if keys else {}
    found = {}
    for key, scenario in SCENARIOS.items():
        found[key] = asdict(known[key] if key in known and key not in keys else measure(scenario))
        print(f"{key}: {found[key]['seconds']} s", file=sys.stderr)
    lines = [f"{json.dumps(key)}: {json.dumps(own, ensure_ascii=False)}" for key, own in found.items()]
    STORE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
