"""A sweep of 400 cells x 3 seeds beside a plain loop in one process, and what it costs other visitors meanwhile.

The loop trains cell after cell, one run alone at a time, as a script would. Ours: one worker with cells stacked, two workers,
and the overhead of a cell that needs no training (it is in the store). The rerun figure is of an app beside two busy workers.
"""

import dataclasses
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import numpy as np

from lib.evaluation import evaluate
from lib.experiment import Experiment, Strategy
from lib.sweeps.drive import sweep_cells
from lib.sweeps.local import Processes
from lib.sweeps.store import Store
from lib.sweeps.sweep import Sweep
from lib.training import load, train
from tests.benchmarks.contenders import one_thread
from tests.benchmarks.server import serve
from tests.benchmarks.visitor import Visitor

CELLS = (20, 20)


def small(shape: tuple[int, int]) -> Sweep:
    """Learning rates x weights on two Gaussians: cells that share their rows."""
    return Sweep.from_json(json.dumps({
        "experiment": {
            "data": {"source": "gaussians", "params": {"n": 500, "n_val": 100, "n_test": 500}},
            "model": {"name": "mlp", "params": {"hidden": [16]}},
            "strategies": [{"name": "w", "weighting": "manual", "weighting_params": {"weights": [1, 19]}}],
            "training": {"epochs": 5, "batch_size": 64}, "seeds": [0, 1, 2],
        },
        "axes": [
            {"address": "training.lr", "from": 0.001, "to": 0.1, "count": shape[0], "scale": "log"},
            {"address": "s1.weight", "from": 1, "to": 100, "count": shape[1], "scale": "log"},
        ],
    }))  # fmt: skip


def run(*, shape: tuple[int, int] = CELLS, reruns: bool = True) -> dict[str, float]:
    """Seconds: `loop_s`, `stacked_s` (one worker), `local_2_s` (two); `per_cell_ms`; `rerun_p95_ms` of the app meanwhile."""
    sweep = small(shape)
    with one_thread(), tempfile.TemporaryDirectory() as folder, Processes(1) as one, Processes(2) as two:
        for executor in (one, two):  # workers start and import before the clock does
            list(sweep_cells(small((2, 2)), executor, Store(Path(folder) / f"warm{executor.workers}")))
        result = {"loop_s": _loop(sweep)}
        for key, executor in (("stacked_s", one), ("local_2_s", two)):
            store = Store(Path(folder) / key)
            start = time.perf_counter()
            done = sum(own.result.error is None for own in sweep_cells(sweep, executor, store))
            result[key] = time.perf_counter() - start
            assert done == sweep.size
        start = time.perf_counter()
        with ThreadPoolExecutor(1) as nothing:
            assert all(own.stored for own in sweep_cells(sweep, nothing, store))
        result["per_cell_ms"] = 1000 * (time.perf_counter() - start) / sweep.size
        if reruns:
            result["rerun_p95_ms"] = _reruns(sweep, two, folder)
    return result


def _loop(sweep: Sweep) -> float:
    """One run after another, each alone."""
    start = time.perf_counter()
    for cell in sweep.cells:
        assert cell.experiment is not None
        dataset = load(cell.experiment.data)
        for seed in cell.experiment.seeds:
            *_, last = train(dataclasses.replace(cell.experiment, seeds=(seed,)), dataset)
            evaluate(last)
    return time.perf_counter() - start


def _reruns(sweep: Sweep, executor: Processes, folder: str) -> float:
    """Milliseconds of 95 % of a visitor's widget reruns while the workers are busy with a sweep."""
    store = Store(Path(folder) / "again")
    busy = Thread(target=lambda: list(sweep_cells(sweep, executor, store)))
    took = []
    with serve() as server, Visitor(server.address, "compare", Experiment(strategies=(Strategy("plain"),)).to_query()) as guest:
        guest.click("Train")
        guest.wait(lambda: guest.says("· finished"))
        name = guest.widget("text_input", "Name").id
        busy.start()
        while busy.is_alive() and len(took) < 100:
            took.append(1000 * guest.run(id=name, string_value=f"name {len(took)}"))
        busy.join()
    return float(np.quantile(took, 0.95))


def text(result: dict[str, float]) -> str:
    loop, stacked = result["loop_s"], result["stacked_s"]
    return "\n".join([
        f"400 cells x 3 seeds of a small experiment: {loop:.1f} s in a plain loop, one run after another",
        f"  one worker, cells stacked {stacked:10.1f} s  {loop / stacked:.1f} times faster: stacking's gain",
        f"  two workers               {result['local_2_s']:10.1f} s  {loop / result['local_2_s']:.1f} times faster",
        f"  overhead of a cell that is known {result['per_cell_ms']:.2f} ms",
        f"  rerun of another visitor meanwhile, 95 % {result.get('rerun_p95_ms', float('nan')):.0f} ms",
        "Other work on the machine slows all of it; a cell of a large experiment gains less from stacking.",
    ])  # fmt: skip
