"""A sweep without a browser.

    python -m lib.sweeps sweep.json --out results.parquet [--engine local|dask --address tcp://...] [--data FILE]

The table is tidy: one row per cell, strategy, seed and metric. Ctrl-C keeps what is done; the same command goes on from there.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from lib.data import SOURCES
from lib.data.upload import Table, read_table
from lib.sweeps.cell import Outcome
from lib.sweeps.cluster import address, dask
from lib.sweeps.drive import sweep_cells
from lib.sweeps.local import local
from lib.sweeps.progress import Progress
from lib.sweeps.store import Store, default_path
from lib.sweeps.sweep import Sweep
from lib.sweeps.table import csv_bytes, parquet_bytes, tidy

WRITERS = {".parquet": parquet_bytes, ".csv": csv_bytes}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the table is written, 2 with one plain sentence when something does not fit, 130 when interrupted."""
    given = _arguments(arguments)
    try:
        sweep = Sweep.from_json(given.sweep.read_text(encoding="utf-8"))
        if given.out.suffix not in WRITERS:
            raise ValueError(f"The table is written as {' or '.join(WRITERS)}, got {given.out.name}.")
        table = None if given.data is None else read_table(given.data.name, given.data.read_bytes())
        if SOURCES[sweep.experiment.data.source].kind == "upload" and table is None:
            raise ValueError("This sweep is on an upload: name its file with --data.")
        store = Store(given.store or default_path())
        with _engine(given, table) as executor:
            outcomes, interrupted = _run(sweep, executor, store, table)
        given.out.write_bytes(WRITERS[given.out.suffix](tidy(sweep, outcomes)))
    except (ValueError, OSError) as error:
        print(f"{'' if isinstance(error, ValueError) else 'Cannot read or write: '}{error}", file=sys.stderr)
        return 2
    failed = sum(own.result.error is not None for own in outcomes)
    note = f"; {store.problem}" if store.problem else ""
    print(f"{len(outcomes)} of {sweep.size} cells, {failed} without a result, in {given.out}{note}", file=sys.stderr)
    return 130 if interrupted else 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lib.sweeps", description="Train every cell of a sweep.")
    parser.add_argument("sweep", type=Path, help="sweep.json: an experiment and one or two axes")
    parser.add_argument("--out", type=Path, required=True, help="where to write the table: .parquet or .csv")
    parser.add_argument("--engine", choices=("local", "dask"), default="local", help="worker processes, or a Dask cluster")
    parser.add_argument("--address", default=address(), help="the Dask scheduler (default: COUNTERWEIGHT_DASK)")
    parser.add_argument("--workers", type=int, help="worker processes of the local engine; 0: in a thread")
    parser.add_argument("--store", type=Path, help="file of finished cells (default: COUNTERWEIGHT_STORE, or the cache folder)")
    parser.add_argument("--data", type=Path, help="the file of a sweep on an upload")
    return parser.parse_args(arguments)


def _engine(given: argparse.Namespace, table: Table | None) -> Executor:
    if table is not None:
        return ThreadPoolExecutor(1)
    if given.engine == "local":
        return local(given.workers)
    if not given.address:
        raise ValueError("The engine dask needs --address, such as tcp://127.0.0.1:8786.")
    return dask(given.address)


def _run(sweep: Sweep, executor: Executor, store: Store, table: Table | None) -> tuple[list[Outcome], bool]:
    outcomes: list[Outcome] = []
    progress = Progress(sweep, getattr(executor, "workers", 1))
    try:
        for outcome in sweep_cells(sweep, executor, store, table=table):
            outcomes.append(outcome)
            progress.add(outcome)
            left = progress.remaining
            rest = f", {left[0]:.0f} to {left[1]:.0f} s left" if left else ""
            print(f"\r{progress.done}/{progress.cells} cells{rest}    ", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("\ninterrupted: what is done is written, and the same command goes on from there", file=sys.stderr)
        return outcomes, True
    print(file=sys.stderr)
    return outcomes, False


if __name__ == "__main__":
    sys.exit(main())
