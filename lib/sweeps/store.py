"""Results of cells, kept by fingerprint and library versions in one SQLite file, so that a cell is trained once.

A result on an upload is kept under its owner and never shown to another. The file is bounded: what was not asked for longest
goes first. What cannot be written (a full disk, a read-only file) is held in memory until it can be, and the page says so.
"""

import hashlib
import os
import platform
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from lib.experiment import Experiment
from lib.sweeps.cell import Result

VARIABLE = "COUNTERWEIGHT_STORE"
SCHEMA = 1
MAX_BYTES = 200_000_000
MAX_HELD = 50_000_000  # bytes of results that wait for a place on disk
LIBRARIES = ("torch", "numpy", "pandas")
Row = tuple[str, str, float, int, str]  # key, owner, when it was used, bytes, body
TABLE = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT NOT NULL, owner TEXT NOT NULL, used REAL NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (key, owner)
) WITHOUT ROWID
"""


def default_path() -> Path:
    """COUNTERWEIGHT_STORE, or a file in the visitor's cache folder."""
    if given := os.environ.get(VARIABLE, "").strip():
        return Path(given)
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache_home) / "counterweight" / "sweeps.sqlite"


@cache
def versions() -> str:
    """What a number depends on besides its experiment: the program's libraries and the kind of machine."""
    return " ".join([platform.machine(), *(f"{name} {version(name)}" for name in LIBRARIES)])


def key(experiment: Experiment) -> str:
    """Identifies a cell's result: sha256 of the experiment's fingerprint and the versions."""
    return hashlib.sha256(f"{SCHEMA} {experiment.fingerprint} {versions()}".encode()).hexdigest()


class Store:
    """Results in one SQLite file (write-ahead log); safe for threads and processes.

    Raises ValueError when the file belongs to a newer version of the program or is no store. `problem` says why nothing can
    be written, for as long as that is so.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path, self.max_bytes = path, max_bytes
        self.problem: str | None = None
        self._lock = threading.Lock()
        self._address = str(path)
        self._held: dict[tuple[str, str], Row] = {}  # by key and owner
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            if "not a database" in str(error):
                raise ValueError(f"The file {path.name} is no store of sweeps. Name another with {VARIABLE}.") from None
            self._give_up(error)
            if path.is_file() and ("readonly" in str(error) or "unable to open" in str(error)):
                self._read_only()

    def _prepare(self) -> None:
        with self._open() as connection:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > SCHEMA:
                raise ValueError(
                    f"The store {self.path.name} was written by a newer version of this program (format {found}; this one "
                    f"reads {SCHEMA}). Name another file with {VARIABLE}."
                )
            if not found:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(TABLE)
                connection.execute(f"PRAGMA user_version = {SCHEMA}")

    def get(self, experiments: Iterable[Experiment], owner: str = "") -> Mapping[str, Result]:
        """The results that there are, by `key`."""
        keys = [key(own) for own in experiments]
        found: dict[str, Result] = {}
        try:
            with self._open() as connection:
                for own in keys:
                    row = connection.execute("SELECT body FROM results WHERE key = ? AND owner = ?", (own, owner)).fetchone()
                    if row:
                        found[own] = Result.from_json(row[0])
                if found and not self.problem:  # a store that cannot be written is not asked to note who read
                    now = time.time()
                    connection.executemany(
                        "UPDATE results SET used = ? WHERE key = ? AND owner = ?", [(now, own, owner) for own in found]
                    )
        except sqlite3.Error as error:
            self._give_up(error)
        return found | {own: Result.from_json(self._held[own, owner][-1]) for own in keys if (own, owner) in self._held}

    def put(self, results: Sequence[tuple[Experiment, Result]], owner: str = "") -> None:
        """Keep results, all or none; one that is there already stays."""
        rows: list[Row] = []
        for experiment, result in results:
            body = result.to_json()
            rows.append((key(experiment), owner, time.time(), len(body), body))
        waiting = [*self._held.values(), *rows]
        try:
            with self._open() as connection:
                connection.executemany("INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?)", waiting)
                self._trim(connection)
        except sqlite3.Error as error:
            self._give_up(error)
            self._hold(rows)
            return
        self.problem = None
        for row in waiting:
            self._held.pop(row[:2], None)

    def forget(self, owner: str) -> None:
        """Drop all results of an owner's uploads."""
        for own in [own for own in list(self._held) if own[1] == owner]:
            self._held.pop(own, None)
        try:
            with self._open() as connection:
                connection.execute("DELETE FROM results WHERE owner = ?", (owner,))
        except sqlite3.Error as error:
            self._give_up(error)

    def __len__(self) -> int:
        with self._open() as connection:
            return int(connection.execute("SELECT COUNT(*) FROM results").fetchone()[0])

    def _trim(self, connection: sqlite3.Connection) -> None:
        total = connection.execute("SELECT COALESCE(SUM(bytes), 0) FROM results").fetchone()[0]
        while total > self.max_bytes:
            oldest = connection.execute("SELECT key, owner, bytes FROM results ORDER BY used LIMIT 100").fetchall()
            for own, owner, size in oldest:
                if total <= self.max_bytes:
                    break
                connection.execute("DELETE FROM results WHERE key = ? AND owner = ?", (own, owner))
                total -= size

    def _give_up(self, error: Exception) -> None:
        self.problem = f"New results are not written to the store: {error}. They last as long as the program runs."

    def _hold(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._held.setdefault(row[:2], row)
        size = sum(row[3] for row in self._held.values())
        while size > MAX_HELD:
            size -= self._held.pop(next(iter(self._held)))[3]

    def _read_only(self) -> None:
        """Read what there is where not even a lock can be written beside the file: nobody else writes it either."""
        self._address = f"{self.path.resolve().as_uri()}?mode=ro&immutable=1"
        with suppress(sqlite3.Error):  # nothing to be read either: the problem is known already
            self._prepare()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One connection per use: sqlite3 ties connections to threads. A transaction, and closed at the end."""
        with self._lock:
            connection = sqlite3.connect(self._address, timeout=10, uri=self._address.startswith("file:"))
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
