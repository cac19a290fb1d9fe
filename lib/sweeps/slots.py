"""Cells that train inside the app take turns with the visitors' trainings: the same slots, the same limits, the same Stop."""

import time
from collections.abc import Callable, Mapping

from lib.data import Dataset
from lib.evaluation import RunResult
from lib.experiment import Experiment
from lib.runner import GONE, Runner
from lib.snapshot import At
from lib.sweeps.cell import Read, StoppedError

LOOK = 0.02  # seconds between two looks


def in_slots(runner: Runner, visitor: str, stopped: Callable[[], bool]) -> Read:
    """Train as a training of `runner` under the name "visitor/sweep", which ends when the visitor leaves.

    Raises StoppedError soon after `stopped`, in the middle of a cell too, and ValueError with the runner's sentence.
    """

    def read(experiment: Experiment, dataset: Dataset) -> Mapping[At, RunResult]:
        if stopped():
            raise StoppedError
        job = runner.submit(f"{visitor}/sweep", experiment, dataset)
        while not job.ended:
            if stopped():
                job.stop()
            time.sleep(LOOK)
        if stopped() or job.error == GONE:
            raise StoppedError
        if job.results is None:
            raise ValueError(job.error or "The training of this cell was stopped. Run the sweep again to retry.")
        return job.results

    return read
