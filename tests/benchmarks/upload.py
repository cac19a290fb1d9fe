"""Reading an upload, beside the fastest pandas engine that parses the same bytes.

`run` returns seconds (medians of ROUNDS, contenders interleaved) and the peak memory of reading, measured in a process of
its own: resident memory at its highest while reading, less what was resident with the file's bytes already there.
"""

import hashlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from lib.data.upload import read_labels, read_table

ROUNDS = 5
ROWS, COLUMNS = 1_000_000, 20
LABELS = 10_000_000
SHARES = (0.9, 0.08, 0.02)

PEAK = """
import sys, threading, time
from pathlib import Path
from lib.data.upload import read_table
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
data = Path(sys.argv[1]).read_bytes()
read_table("warm.csv", data[: data.index(b"\\n", 100_000) + 1])
start, highest, done = resident(), [0], threading.Event()
def watch():
    while not done.is_set():
        highest[0] = max(highest[0], resident())
        time.sleep(0.002)
watcher = threading.Thread(target=watch)
watcher.start()
table = read_table("big.csv", data)
done.set()
watcher.join()
print((highest[0] - start) / 1e6)
"""


def run() -> dict[str, float]:
    """ours_s, pandas_s, hash_s, peak_mb, file_mb for the table; labels_ours_s, labels_pandas_s for the labels.

    Reading also hashes the file, which pandas has no counterpart for: hash_s stands apart and is not part of ours_s.
    """
    table, labels = table_csv(), labels_csv()
    seconds = interleaved(
        {
            "ours_and_hash": lambda: read_table("big.csv", table),
            "pandas_c": lambda: pd.read_csv(io.BytesIO(table), engine="c"),
            "pandas_pyarrow": lambda: pd.read_csv(io.BytesIO(table), engine="pyarrow"),
            "hash_s": lambda: hashlib.sha256(table).hexdigest(),
            "labels_ours_s": lambda: read_labels("labels.csv", labels),
            "labels_c": lambda: pd.read_csv(io.BytesIO(labels), engine="c")["label"].value_counts(),
            "labels_category": lambda: pd.read_csv(io.BytesIO(labels), dtype="category")["label"].value_counts(),
            "labels_pyarrow": lambda: pd.read_csv(io.BytesIO(labels), engine="pyarrow")["label"].value_counts(),
        }
    )
    return {
        "ours_s": seconds["ours_and_hash"] - seconds["hash_s"],
        "pandas_s": min(seconds["pandas_c"], seconds["pandas_pyarrow"]),
        "hash_s": seconds["hash_s"],
        "labels_ours_s": seconds["labels_ours_s"],
        "labels_pandas_s": min(seconds["labels_c"], seconds["labels_category"], seconds["labels_pyarrow"]),
        "peak_mb": peak_mb(table),
        "file_mb": len(table) / 1e6,
    }


def interleaved(contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each, one round after another so that all meet the same machine."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(ROUNDS + 1):
        for name, work in contenders.items():
            start = time.perf_counter()
            work()
            if turn:  # the first round warms allocators and thread pools
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def table_csv() -> bytes:
    """12 columns of measurements, 4 of whole numbers, 3 of words and a label."""
    draw = np.random.default_rng(0)
    words = np.array(["red", "green", "blue", "yellow"])
    columns = {f"measured_{i}": draw.normal(size=ROWS).round(4) for i in range(12)}
    columns |= {f"whole_{i}": draw.integers(0, 10_000, ROWS) for i in range(4)}
    columns |= {f"word_{i}": words[draw.integers(0, 4, ROWS)] for i in range(COLUMNS - 17)}
    return to_csv(columns | {"label": np.array(["cat", "dog", "bird"])[draw.choice(3, ROWS, p=SHARES)]})


def labels_csv() -> bytes:
    draw = np.random.default_rng(1)
    return to_csv({"label": np.array(["cat", "dog", "bird"])[draw.choice(3, LABELS, p=SHARES)]})


def to_csv(columns: dict[str, np.ndarray]) -> bytes:
    sink = io.BytesIO()
    pyarrow.csv.write_csv(pa.table(columns), sink)
    return sink.getvalue()


def peak_mb(data: bytes) -> float:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(data)
        file.flush()
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", PEAK, file.name], cwd=root, check=True, capture_output=True, text=True)
    return float(done.stdout)
