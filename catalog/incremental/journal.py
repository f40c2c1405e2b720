"""The action cache: fingerprint -> result, in one SQLite file beside the repo's cache.

Local and disposable. What is lost is found again in the manifests of git's history (catalog/history/manifests.py); only
results of a run that crashed before DVC stored its output live here alone.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from catalog.layout import LOCAL

JOURNAL = LOCAL / "journal.sqlite"
VERSION = 3  # of the tables below; a file of a version that cannot be brought up to it is replaced by an empty one
UPGRADES = {2: "ALTER TABLE rates ADD COLUMN read REAL NOT NULL DEFAULT 0"}
TABLES = """
CREATE TABLE IF NOT EXISTS recipes (digest TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    fingerprint TEXT UNIQUE NOT NULL, operator TEXT NOT NULL, recipe TEXT NOT NULL, inputs TEXT NOT NULL,
    outputs TEXT NOT NULL, seconds REAL
);
CREATE INDEX IF NOT EXISTS results_by_recipe ON results (recipe);
CREATE TABLE IF NOT EXISTS makers (logical TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rates (
    operator TEXT PRIMARY KEY, seconds REAL NOT NULL, rows REAL NOT NULL, read REAL NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, inode INTEGER, bytes INTEGER, modified INTEGER, sha256 TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS directories (md5 TEXT PRIMARY KEY, read INTEGER NOT NULL) WITHOUT ROWID;
"""


class Rate(NamedTuple):
    """Seconds that an operator takes, per row."""

    produced: float
    read: float
    """0 where it reads no rows."""


class Output(NamedTuple):
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
    """What an action produced, the digest of the recipe it followed, and its inputs (canonical JSON)."""

    operator: str
    recipe: str
    inputs: str
    outputs: tuple[Output, ...]
    seconds: float | None = None


class Seen(NamedTuple):
    """A source file as it was when its bytes were hashed."""

    inode: int
    bytes: int
    modified: int
    """Nanoseconds."""
    sha256: str


class Journal:
    """The results of this clone; a damaged or older file is replaced by an empty one."""

    def __init__(self, path: Path = JOURNAL) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open(path)
        except sqlite3.OperationalError:  # locked, or the disk is full: nothing is wrong with the file
            raise
        except sqlite3.DatabaseError:
            for part in path.parent.glob(f"{path.name}*"):  # the file and its write-ahead log
                part.unlink(missing_ok=True)
            self._open(path)

    def _open(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        empty = self._database.execute("SELECT 1 FROM sqlite_master").fetchone() is None
        version = self._version() if empty else self._upgraded()
        if version != VERSION and not empty:
            self._database.close()
            raise sqlite3.DatabaseError(f"journal of version {version}")
        # A power cut may lose the last results, never mix them up; what is lost is computed again.
        self._database.execute("PRAGMA synchronous = NORMAL")
        if empty:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA user_version").fetchone()[0])

    def _upgraded(self) -> int:
        """The version of the tables, after an upgrade that another process may be doing as well."""
        if self._version() in UPGRADES:
            with self._transaction() as database:
                if upgrade := UPGRADES.get(self._version()):
                    database.execute(upgrade)
                    database.execute(f"PRAGMA user_version = {VERSION}")
        return self._version()

    def find(self, fingerprints: Iterable[str]) -> dict[str, Result]:
        """The recorded results among `fingerprints`."""
        rows = self._database.execute(
            "SELECT fingerprint, operator, recipe, inputs, outputs, seconds FROM results "
            "WHERE fingerprint IN (SELECT value FROM json_each(?))",
            (json.dumps(list(fingerprints)),),
        )
        return {row[0]: _result(row[1:]) for row in rows}

    def following(self, recipe: str, limit: int) -> dict[str, Result]:
        """The latest results, newest first, that followed a recipe."""
        rows = self._database.execute(
            "SELECT fingerprint, operator, recipe, inputs, outputs, seconds FROM results WHERE recipe = ? "
            "ORDER BY rowid DESC LIMIT ?",
            (recipe, limit),
        )
        return {row[0]: _result(row[1:]) for row in rows}

    def makers(self, logical: Iterable[str]) -> dict[str, Output]:
        """A file for each logical digest that some action produced."""
        wanted = json.dumps(list(logical))
        rows = self._database.execute(
            "SELECT logical, outputs FROM makers JOIN results USING (fingerprint) "
            "WHERE logical IN (SELECT value FROM json_each(?))",
            (wanted,),
        )
        found = {}
        for digest, outputs in rows:
            found[digest] = next(made for made in map(Output._make, json.loads(outputs)) if made.logical == digest)
        return found

    def definition(self, recipe: str) -> str | None:
        """A recipe as canonical JSON, by its digest."""
        row = self._database.execute("SELECT definition FROM recipes WHERE digest = ?", (recipe,)).fetchone()
        return row and str(row[0])

    def record(self, results: Iterable[tuple[str, Result]], recipes: Mapping[str, str]) -> None:
        """Remember results by fingerprint, in one transaction; a known one keeps its measured seconds."""
        results = list(results)
        rows = [
            (fingerprint, result.operator, result.recipe, result.inputs, json.dumps(result.outputs), result.seconds)
            for fingerprint, result in results
        ]
        made = [(output.logical, name) for name, result in results for output in result.outputs]
        with self._transaction() as database:
            database.executemany("INSERT OR IGNORE INTO recipes VALUES (?, ?)", recipes.items())
            database.executemany(
                "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE SET "
                "outputs = excluded.outputs, seconds = coalesce(excluded.seconds, seconds)",
                rows,
            )
            database.executemany("INSERT OR REPLACE INTO makers VALUES (?, ?)", made)

    def forget(self, fingerprints: Iterable[str]) -> None:
        """Drop results whose bytes are gone or wrong."""
        names = json.dumps(list(fingerprints))
        with self._transaction() as database:
            database.execute("DELETE FROM makers WHERE fingerprint IN (SELECT value FROM json_each(?))", (names,))
            database.execute("DELETE FROM results WHERE fingerprint IN (SELECT value FROM json_each(?))", (names,))

    def forget_files(self, md5: Iterable[str]) -> None:
        """Drop the results with one of some files, by the names that DVC has for them."""
        sql = (
            "SELECT fingerprint FROM results, json_each(outputs) AS made "
            f"WHERE made.value ->> {Output._fields.index('md5')} IN (SELECT value FROM json_each(?))"
        )
        self.forget([row[0] for row in self._database.execute(sql, (json.dumps(list(md5)),))])

    def seen(self, paths: Iterable[str]) -> dict[str, Seen]:
        """Those of `paths` whose bytes were hashed before."""
        rows = self._database.execute(
            "SELECT * FROM files WHERE path IN (SELECT value FROM json_each(?))", (json.dumps(list(paths)),)
        )
        return {path: Seen(*rest) for path, *rest in rows}

    def note_seen(self, files: Mapping[str, Seen]) -> None:
        """Remember source files whose bytes were hashed."""
        with self._transaction() as database:
            rows = [(path, *seen) for path, seen in files.items()]
            database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows)

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

    def note_rate(self, operator: str, seconds: float, *, produced: int, read: int) -> None:
        """Remember what a run of an operator took for the rows it `read` and `produced`; older runs count for half."""
        with self._transaction() as database:
            database.execute(
                "INSERT INTO rates VALUES (?, ?, ?, ?) ON CONFLICT (operator) DO UPDATE SET seconds = seconds / 2 + "
                "excluded.seconds, rows = rows / 2.0 + excluded.rows, read = read / 2.0 + excluded.read",
                (operator, seconds, max(produced, 1), read),
            )

    def rates(self) -> dict[str, Rate]:
        """What was measured, by operator; for estimates."""
        query = "SELECT operator, seconds / rows, coalesce(seconds / nullif(read, 0), 0) FROM rates"
        return {operator: Rate(produced, read) for operator, produced, read in self._database.execute(query)}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN on entry; COMMIT, or ROLLBACK on an error, on exit."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _result(row: tuple[str, str, str, str, float | None]) -> Result:
    operator, recipe, inputs, outputs, seconds = row
    made = tuple(map(Output._make, json.loads(outputs)))
    return Result(operator=operator, recipe=recipe, inputs=inputs, outputs=made, seconds=seconds)


def measured_rates() -> dict[str, Rate]:
    """What operators took, as measured in this clone; none where it has no journal."""
    if not JOURNAL.exists():
        return {}
    with contextlib.closing(Journal()) as journal:
        return journal.rates()
