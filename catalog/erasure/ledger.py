"""Ledger: what an audit needs to find a content that must no longer be known, kept until it has found nothing.

Reads and writes  data/forgotten.sqlite, written by `gristmill forget` before the documents go, ignored by git and DVC,
                  and emptied by a clean audit. It holds no word of a document: digests of its shingles under a secret
                  key that never leaves this file, and the models that had read it.
Without it (another clone, or after a clean audit) an audit looks for the ids of the tombstones alone.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from catalog.erasure.shingles import Key, Shingle
from catalog.layout import DATA

LEDGER = DATA / "forgotten.sqlite"
TABLES = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS secret (key BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, contents INTEGER NOT NULL, short INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shingles (
    digest INTEGER NOT NULL, rolling INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (digest, id, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exposed (
    stage TEXT NOT NULL, run TEXT NOT NULL, fingerprint TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (stage, run, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS purged (what TEXT NOT NULL, version TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS unread (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""
ID_KIND, ADDRESS, CONTENT = "id", "address", "content"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model whose training read forgotten documents."""

    stage: str
    run: str
    fingerprint: str
    """Of the action that trained it: another one, and it was trained again."""
    documents: int


class Ledger:
    """The ledger of this project; an absent one is empty. Use it as a context."""

    def __init__(self) -> None:
        LEDGER.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(LEDGER, isolation_level=None)
        self._database.executescript(TABLES)
        if self._database.execute("SELECT 1 FROM secret").fetchone() is None:
            self._database.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
        self.key = Key(self._database.execute("SELECT key FROM secret").fetchone()[0])

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        empty = self._is_empty()
        self._database.close()
        if empty:
            LEDGER.unlink(missing_ok=True)

    def note(self, document: str, address: str, contents: Iterable[bytes], names: Iterable[str] = ()) -> None:
        """Take down by what a document (id) is found: its address, its contents, and ids of its copies."""
        contents = list(contents)
        rows = [(ADDRESS, shingle) for shingle in self.key.shingles(address.encode())]
        found = [self.key.shingles(content) for content in contents]
        rows += [(ID_KIND, shingle) for name in names for shingle in self.key.shingles(name.encode(), most=1)]
        rows += [(CONTENT, shingle) for shingles in found for shingle in shingles]
        count, short = len(contents), sum(not shingles for shingles in found)
        self._database.execute(
            "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "contents = contents + excluded.contents, short = short + excluded.short",
            (document, count, short),
        )
        self._add(document, rows)

    def _add(self, document: str, rows: Iterable[tuple[str, Shingle]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT OR IGNORE INTO shingles VALUES (?, ?, ?, ?)",
            [(digest, rolling, document, kind) for kind, (rolling, digest) in rows],
        )
        self._database.execute("COMMIT")

    def note_unread(self, path: str) -> None:
        """Take down a file that could not be read when something was forgotten."""
        self._database.execute("INSERT OR IGNORE INTO unread VALUES (?)", (path,))

    def unread(self) -> list[str]:
        """Files that could not be read when something was forgotten: what they said is not looked for."""
        return [row[0] for row in self._database.execute("SELECT path FROM unread ORDER BY path")]

    def note_exposed(self, stage: str, run: str, fingerprint: str, documents: Iterable[str]) -> None:
        """Take down that a model has read some documents."""
        self._database.executemany(
            "INSERT OR REPLACE INTO exposed VALUES (?, ?, ?, ?)", [(stage, run, fingerprint, one) for one in documents]
        )

    def note_purged(self, what: Iterable[str], versions: Collection[str]) -> None:
        """Take down what a purge deleted, and the versions that had it."""
        rows = [(one, version) for one in what for version in versions or ("",)]
        self._database.executemany("INSERT INTO purged VALUES (?, ?)", rows)

    def known(self, documents: Collection[str]) -> dict[int, tuple[int, set[tuple[str, str]]]]:
        """Digest -> (rolling, {(document, kind)}) of all by which some documents are found; at least by their ids."""
        found: dict[int, tuple[int, set[tuple[str, str]]]] = {}
        for document in documents:
            for rolling, digest in self.key.shingles(document.encode(), most=1):
                found.setdefault(digest, (rolling, set()))[1].add((document, ID_KIND))
        for digest, rolling, document, kind in self._database.execute("SELECT * FROM shingles"):
            if document in documents:
                found.setdefault(digest, (rolling, set()))[1].add((document, kind))
        return found

    def noted(self) -> dict[str, tuple[int, int]]:
        """Document -> (contents taken down, those of them too short to have a shingle)."""
        rows = self._database.execute("SELECT * FROM documents")
        return {document: (contents, short) for document, contents, short in rows}

    def exposed(self, documents: Collection[str]) -> list[Trained]:
        """The models that had read some of the documents."""
        rows: dict[tuple[str, str, str], int] = {}
        for stage, run, fingerprint, document in self._database.execute("SELECT * FROM exposed ORDER BY stage, run"):
            if document in documents:
                rows[stage, run, fingerprint] = rows.get((stage, run, fingerprint), 0) + 1
        return [
            Trained(stage=stage, run=run, fingerprint=fingerprint, documents=count)
            for (stage, run, fingerprint), count in rows.items()
        ]

    def purged(self) -> tuple[int, list[str]]:
        """(what purges deleted, the versions that had it)."""
        what = self._database.execute("SELECT count(DISTINCT what) FROM purged").fetchone()[0]
        versions = self._database.execute("SELECT DISTINCT version FROM purged WHERE version <> '' ORDER BY version")
        return int(what), [row[0] for row in versions]

    def drop(self, documents: Collection[str]) -> None:
        """Delete all that is known of some documents, without a trace in the file."""
        for table in ("shingles", "documents", "exposed"):
            self._database.executemany(f"DELETE FROM {table} WHERE id = ?", [(one,) for one in documents])
        if self._database.execute("SELECT 1 FROM documents").fetchone() is None:
            self._database.execute("DELETE FROM purged")
            self._database.execute("DELETE FROM unread")
        self._database.execute("VACUUM")

    def _is_empty(self) -> bool:
        tables = ("documents", "purged")
        return all(self._database.execute(f"SELECT 1 FROM {table}").fetchone() is None for table in tables)
