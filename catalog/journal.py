"""The action cache: fingerprint -> result, in one SQLite file beside the repo's cache.

Local and disposable. What is lost is found again in the manifests of git's history (catalog/history.py); only results
of a run that crashed before DVC stored its output live here alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.layout import LOCAL

TABLES = """
CREATE TABLE IF NOT EXISTS results (
    fingerprint TEXT PRIMARY KEY, operator TEXT NOT NULL, recipe TEXT NOT NULL, outputs TEXT NOT NULL, seconds REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS directories (md5 TEXT PRIMARY KEY, read INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, kw_only=True)
class Output:
    """One file that an action produced."""

    table: str
    key: str | None
    """Key that a reduce gave it; null where the key follows from the input."""
    name: str | None
    """Relative path of a file written by a build; null for the segment of a table."""
    rows: int
    bytes: int
    sha256: str
    md5: str
    logical: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an action produced, and the recipe it followed (canonical JSON)."""

    operator: str
    recipe: str
    outputs: tuple[Output, ...]
    seconds: float | None = None


class Journal:
    """The results of this clone; a damaged file is replaced by an empty one."""

    def __init__(self, path: Path = LOCAL / "journal.sqlite") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open(path)
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            self._open(path)

    def _open(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(TABLES)

    def find(self, fingerprint: str) -> Result | None:
        """The recorded result of a fingerprint."""
        row = self._database.execute(
            "SELECT operator, recipe, outputs, seconds FROM results WHERE fingerprint = ?", (fingerprint,)
        ).fetchone()
        if row is None:
            return None
        outputs = tuple(Output(**output) for output in json.loads(row[2]))
        return Result(operator=row[0], recipe=row[1], outputs=outputs, seconds=row[3])

    def record(self, results: Iterable[tuple[str, Result]]) -> None:
        """Remember results by fingerprint, in one transaction; a known one keeps its measured seconds."""
        rows = [
            (fingerprint, result.operator, result.recipe, json.dumps([asdict(output) for output in result.outputs]),
             result.seconds)
            for fingerprint, result in results
        ]  # fmt: skip
        with self._transaction() as database:
            database.executemany(
                "INSERT INTO results VALUES (?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE SET "
                "outputs = excluded.outputs, seconds = coalesce(excluded.seconds, seconds)",
                rows,
            )

    def forget(self, fingerprint: str) -> None:
        """Drop a result whose bytes are gone or wrong."""
        self._database.execute("DELETE FROM results WHERE fingerprint = ?", (fingerprint,))

    def unseen_blobs(self, names: Iterable[str]) -> list[str]:
        """Those of `names` (git blobs of dvc.lock) that were not read yet."""
        known = {row[0] for row in self._database.execute("SELECT name FROM blobs")}
        return [name for name in dict.fromkeys(names) if name not in known]

    def note_directories(self, directories: Iterable[str], blobs: Iterable[str] = ()) -> None:
        """Remember directory outputs to look into, and the blobs of dvc.lock that named them."""
        with self._transaction() as database:
            database.executemany("INSERT OR IGNORE INTO directories VALUES (?, 0)", [(name,) for name in directories])
            database.executemany("INSERT OR IGNORE INTO blobs VALUES (?)", [(name,) for name in blobs])

    def unread_directories(self) -> list[str]:
        """md5 of directory outputs whose manifest was not read yet."""
        return [row[0] for row in self._database.execute("SELECT md5 FROM directories WHERE read = 0 ORDER BY md5")]

    def mark_read(self, directory: str) -> None:
        """Remember that the manifest of a directory output was read, or that it has none."""
        self._database.execute("UPDATE directories SET read = 1 WHERE md5 = ?", (directory,))

    def seconds_per_row(self) -> dict[str, float]:
        """Measured seconds per row produced, by operator; for estimates."""
        totals: dict[str, list[float]] = {}
        for operator, outputs, seconds in self._database.execute(
            "SELECT operator, outputs, seconds FROM results WHERE seconds IS NOT NULL"
        ):
            total = totals.setdefault(operator, [0.0, 0.0])
            total[0] += seconds
            total[1] += max(sum(output["rows"] for output in json.loads(outputs)), 1)
        return {operator: seconds / rows for operator, (seconds, rows) in totals.items()}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _transaction(self) -> _Transaction:
        return _Transaction(self._database)


class _Transaction:
    """BEGIN on entry; COMMIT, or ROLLBACK on an error, on exit."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> sqlite3.Connection:
        self._database.execute("BEGIN IMMEDIATE")
        return self._database

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")
