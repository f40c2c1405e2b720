"""The frontier of one crawl under way: what waits, what was asked, and answers that are not yet in the crawl log.

Reads, writes   .gristmill/frontier/<source>.sqlite (WAL), local and disposable: a crawl whose frontier is lost is taken
                up from the log, and asks again for what had not got there

The order of commits makes kill -9 harmless at any moment:
    1. `take` commits that a URL is being asked for, before it is; and with it the answer and the links of the last one
    2. `held` answers go into the log, pages first, then fetches; the log names files by their digest, so that the same
       answers written twice are one file
    3. `release` drops them here, last
So an answer is fetched again only where it was in flight, and a URL that was in flight twice is given up.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from catalog.erasure.forget import is_forgotten
from catalog.errors import BusyError
from catalog.layout import LOCAL
from stages.sources.log import without_ways

FRONTIERS = LOCAL / "frontier"
WAITS, ASKED, DONE = 0, 1, 2
MOST_ATTEMPTS = 2  # a URL that was in flight when the process died so often is given up
TABLES = """
create table if not exists run (name text primary key, value text) without rowid;
create table if not exists urls (
    url text primary key, position integer, origin text, kind text, depth integer, chain text, state integer,
    attempts integer default 0
) without rowid;
create index if not exists waiting on urls (origin, position) where state = 0;
create table if not exists hosts (
    origin text primary key, pages integer default 0, bytes integer default 0, seconds real default 0,
    requests integer default 0, refusals integer default 0, frozen_until real default 0, opened_at real default 0,
    opened text default ''
) without rowid;
create table if not exists held (
    number integer primary key, fetch text, headers blob, mime text, charset text, body blob
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One URL to ask for; `kind` is page, sitemap or feed, `chain` the URLs whose redirects led to it."""

    url: str
    kind: str
    depth: int
    chain: tuple[str, ...] = ()
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a crawl has taken from one host, and since when and until when the host is left alone (Unix seconds)."""

    pages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    requests: int = 0
    refusals: int = 0
    frozen_until: float = 0.0
    opened_at: float = 0.0
    opened: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One row of the log; `body` is a new version of a page, with what its capture says beside it."""

    fetch: Mapping[str, Any]
    headers: bytes | None = None
    body: bytes | None = None
    mime: str = ""
    charset: str | None = None


class Frontier:
    """The frontier of a source; a context manager. Errors: BusyError where another process crawls the source."""

    def __init__(self, source: str, root: Path = FRONTIERS) -> None:
        self.path = root / f"{source}.sqlite"

    def __enter__(self) -> Frontier:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = locked(self.path.with_suffix(".lock"))
        try:
            self._open()
        except sqlite3.DatabaseError:  # it is disposable: the log has what matters
            self._database.close()
            self._delete()
            self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        self._lock.close()

    def _open(self) -> None:
        self._database = sqlite3.connect(self.path, isolation_level="IMMEDIATE")
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")
        self._database.execute("pragma secure_delete = on")
        self._database.executescript(TABLES)
        self._database.execute("update urls set state = ? where state = ?", (WAITS, ASKED))
        self.commit()
        self.spent("")  # fails where an earlier version wrote the file, with fewer columns
        self._position: int = self._one("select coalesce(max(position), 0) from urls")

    def _one(self, query: str, *values: Any) -> Any:
        return self._database.execute(query, values).fetchone()[0]

    def _delete(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def drop(self) -> None:
        """Delete the frontier: its crawl is over, or its place in the log is not known."""
        self._database.close()
        self._delete()
        self._open()

    def remove(self) -> None:
        """Delete the frontier for good; only leaving the context may follow."""
        self._database.close()
        self._delete()

    @property
    def run(self) -> dict[str, str]:
        """What the crawl under way is: its settings and when it began; empty where there is none."""
        return dict(self._database.execute("select name, value from run").fetchall())

    def begin(self, run: Mapping[str, str]) -> None:
        """Note which crawl this is."""
        self._database.executemany("insert or replace into run values (?, ?)", run.items())
        self.commit()

    def add(self, one: Waiting, origin: str, state: int = WAITS) -> bool:
        """Queue a URL, or with DONE note that it is not to be asked; False where it is known."""
        self._position += 1
        values = (one.url, self._position, origin, one.kind, one.depth, json.dumps(one.chain), state)
        columns = "url, position, origin, kind, depth, chain, state"
        added = self._database.execute(f"insert or ignore into urls ({columns}) values (?, ?, ?, ?, ?, ?, ?)", values)
        return added.rowcount == 1

    def wake(self, url: str) -> None:
        """Queue a URL that was noted as not to be asked."""
        self._database.execute("update urls set state = ? where url = ? and attempts = 0", (WAITS, url))

    def take(self, origin: str) -> Waiting | None:
        """The next URL of a host, marked as being asked for, and all before it durable; None where none waits."""
        found = self._database.execute(
            "select url, kind, depth, chain, attempts from urls "
            "where state = 0 and origin = ? order by position limit 1",
            (origin,),
        ).fetchone()
        if found is None:
            self.commit()
            return None
        self._database.execute("update urls set state = ?, attempts = attempts + 1 where url = ?", (ASKED, found[0]))
        self.commit()
        url, kind, depth, chain, attempts = found
        return Waiting(url=url, kind=kind, depth=depth, chain=tuple(json.loads(chain)), attempts=attempts)

    def untake(self, url: str) -> None:
        """A URL whose asking was called off as if it had not begun."""
        self._database.execute("update urls set state = ?, attempts = attempts - 1 where url = ?", (WAITS, url))
        self.commit()

    def done(self, url: str) -> None:
        """A URL whose answer is held, or known, is not asked for again."""
        self._database.execute("update urls set state = ? where url = ?", (DONE, url))

    def origins(self) -> list[str]:
        """The hosts with waiting URLs, the longest waiting first."""
        return [row[0] for row in self._database.execute(
            "select origin from urls where state = 0 group by origin order by min(position)"
        )]  # fmt: skip

    def waiting(self) -> int:
        """URLs that wait."""
        return int(self._one("select count(*) from urls where state = 0"))

    def spent(self, origin: str) -> Spent:
        """What was taken from a host so far."""
        columns = ", ".join(Spent.__dataclass_fields__)
        found = self._database.execute(f"select {columns} from hosts where origin = ?", (origin,)).fetchone()
        return Spent(**dict(zip(Spent.__dataclass_fields__, found, strict=True))) if found else Spent()

    def spend(self, origin: str, spent: Spent) -> None:
        """Note what was taken from a host."""
        values = [getattr(spent, name) for name in Spent.__dataclass_fields__]
        places = ", ".join("?" * (len(values) + 1))
        columns = ", ".join(("origin", *Spent.__dataclass_fields__))
        self._database.execute(f"insert or replace into hosts ({columns}) values ({places})", (origin, *values))

    def requests(self) -> int:
        """Requests made of all hosts, by whichever process of the crawl."""
        return int(self._one("select coalesce(sum(requests), 0) from hosts"))

    def pages(self) -> dict[str, int]:
        """Pages taken from each host."""
        return dict(self._database.execute("select origin, pages from hosts").fetchall())

    def hold(self, one: Held) -> None:
        """Keep a row for the log."""
        self._database.execute(
            "insert into held (fetch, headers, mime, charset, body) values (?, ?, ?, ?, ?)",
            (json.dumps(one.fetch), one.headers, one.mime, one.charset, one.body),
        )

    def held(self) -> Iterator[Held]:
        """The rows for the log, in the order in which they came."""
        rows = self._database.execute("select fetch, headers, mime, charset, body from held order by number")
        for fetch, headers, mime, charset, body in rows:
            yield Held(fetch=json.loads(fetch), headers=headers, body=body, mime=mime, charset=charset)

    def release(self) -> None:
        """Drop the rows that are in the log now."""
        self._database.execute("delete from held")
        self.commit()

    def commit(self) -> None:
        """Make what was said since the last commit durable against the death of the process."""
        self._database.commit()

    def sync(self) -> None:
        """Make it durable against the death of the machine too."""
        self.commit()
        self._database.execute("pragma wal_checkpoint(full)").fetchall()

    def forget(self, ids: frozenset[str]) -> None:
        """Remove every trace of the documents `ids`."""
        if not ids:
            return
        urls = [row[0] for row in self._database.execute("select url from urls") if is_forgotten(row[0], ids)]
        chained = self._database.execute("select url, chain from urls where chain != '[]'").fetchall()
        self._database.executemany("delete from urls where url = ?", [(url,) for url in urls])
        for url, chain in chained:
            left = [step for step in json.loads(chain) if not is_forgotten(step, ids)]
            self._database.execute("update urls set chain = ? where url = ?", (json.dumps(left), url))
        self._forget_held(ids)
        self.sync()
        self._database.execute("pragma wal_checkpoint(truncate)").fetchall()

    def _forget_held(self, ids: frozenset[str]) -> None:
        """Of rows for the log those of forgotten documents go, of others the way through one; bodies pass to twins."""
        rows = {number: json.loads(text) for number, text in self._database.execute("select number, fetch from held")}
        gone = {number: fetch for number, fetch in rows.items() if is_forgotten(fetch["uri"], ids)}
        twins: dict[str, int] = {}
        for number, fetch in rows.items():
            if number not in gone:
                left = without_ways(fetch, ids)
                headers = "null" if left["location"] != fetch["location"] else "headers"
                change = f"update held set fetch = ?, headers = {headers} where number = ?"
                self._database.execute(change, (json.dumps(left), number))
                twins.setdefault(fetch["body_digest"] or "", number)
        for number, fetch in gone.items():
            body = "coalesce(body, (select body from held where number = ?))"
            values = (number, twins.get(fetch["body_digest"]))
            self._database.execute(f"update held set body = {body} where number = ?", values)
            self._database.execute("delete from held where number = ?", (number,))


def locked(path: Path) -> IO[str]:
    """The lock of a crawl; closing it lets go. Errors: BusyError."""
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise BusyError(f"{path.stem} is being crawled by another process; wait for it, or stop it") from None
    return lock


def forget_everywhere(ids: frozenset[str], root: Path = FRONTIERS) -> None:
    """Remove the documents `ids` from every frontier there is."""
    for path in sorted(root.glob("*.sqlite")) if ids else ():
        with Frontier(path.stem, root) as frontier:
            frontier.forget(ids)
