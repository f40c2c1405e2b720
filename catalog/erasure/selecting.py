"""Selecting: the documents that a request to forget means, by name, domain, author, pattern or source.

Reads   the catalog, where there is one; data/clean/text for patterns of texts; lists of names
A tombstone holds digests, and no digest says what a pattern, an author or a source matches: these become the ids of the
documents that match today. A domain is refused as such, also where no address of it was ever seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb

from catalog.digests import document_id
from catalog.erasure.forget import ID, host_id, is_forgotten, refuse_nameless
from catalog.errors import GristmillError, InputError
from catalog.segments import read_segments
from catalog.sql.asking import lent
from catalog.sql.database import EXTENSIONS_OFF

HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|\[[0-9a-f:.]+\]", re.IGNORECASE)
ALL = "(SELECT id, uri, source, author FROM documents UNION ALL SELECT id, uri, NULL, NULL FROM quarantine)"

Found = dict[str, str]
"""Document (id) -> URI."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request; each field may name several."""

    names: tuple[str, ...] = ()
    """URIs and ids."""
    files: tuple[Path, ...] = ()
    """Lists of these, one a line; lines that are empty or begin with `#` are passed over."""
    domains: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    """Whole names, as the catalog has them; case is no difference."""
    patterns: tuple[str, ...] = ()
    """Regular expressions (RE2) that the URI has somewhere."""
    text_patterns: tuple[str, ...] = ()
    """The same over the cleaned text."""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a request means: documents of the corpus, URIs that are refused should they come, and hosts."""

    documents: Found
    unseen: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The URI of every document, seen or not."""
        return [*self.documents.values(), *self.unseen]


def choose(asked: Asked) -> Chosen:
    """What a request means today.

    Errors: GristmillError for a name that is none, a pattern that is none, or a request that matches nothing;
    InputError for a selector other than URIs and domains where the catalog was not built.
    """
    hosts = tuple(dict.fromkeys(map(host_named, asked.domains)))
    names = list(dict.fromkeys([*asked.names, *(name for path in asked.files for name in _listed(path))]))
    for name in names:
        refuse_nameless(name)
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(lent())
        except InputError as error:
            return _without_catalog(asked, names, hosts, error)
        found = _named(connection, names)
        unseen = _unseen(connection, names, found)
        found |= _matching(connection, asked, hosts)
    found |= _by_text(asked.text_patterns)
    if not found and not unseen and not hosts:
        raise GristmillError('nothing in the corpus matches; look with `gristmill sql "select id, uri from documents"`')
    return Chosen(documents=found, unseen=unseen, hosts=hosts, notes=tuple(_notes(asked, hosts)))


def _without_catalog(asked: Asked, names: list[str], hosts: tuple[str, ...], error: InputError) -> Chosen:
    """URIs and hosts need no catalog: they are refused when they come. Errors: InputError for what needs one."""
    if asked.authors or asked.patterns or asked.text_patterns or asked.sources or any(map(ID.fullmatch, names)):
        raise InputError(f"nobody knows which documents that are, as {error}; or give URIs")
    note = f"{error}; so nothing was counted, and an audit looks by id and address alone"
    return Chosen(documents={}, unseen=tuple(names), hosts=hosts, notes=(note,))


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GristmillError(f"{path} cannot be read as a list of names: {error}") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def host_named(domain: str) -> str:
    """The name of a host as addresses have it. Errors: GristmillError."""
    name = domain.strip().removeprefix("*.")
    if not HOST.fullmatch(name):
        raise GristmillError(f"{domain!r} is no domain; write it as example.org, without scheme and path")
    try:
        return name.strip("[].").encode("idna").decode().lower()
    except UnicodeError:
        return name.strip("[].").lower()


def _named(connection: duckdb.DuckDBPyConnection, names: list[str]) -> Found:
    """The documents of some ids and URIs; of a URI, the id follows."""
    sql = f"SELECT DISTINCT id, uri FROM {ALL} WHERE id IN (SELECT unnest(?))"
    return dict(connection.execute(sql, [[*names, *map(document_id, names)]]).fetchall()) if names else {}


def _unseen(connection: duckdb.DuckDBPyConnection, names: list[str], found: Found) -> tuple[str, ...]:
    """The URIs that are no documents. Errors: GristmillError for ids that are none."""
    known = {*found, *found.values()}
    left = [name for name in names if name not in known]
    ids = [name for name in left if ID.fullmatch(name)]
    sql = "SELECT id, parent FROM children WHERE id IN (SELECT unnest(?))"
    copies = dict(connection.execute(sql, [ids]).fetchall())
    for name in ids:
        if name in copies:
            raise GristmillError(f"{name} is a copy that augment made; forget what it was made from: {copies[name]}")
        raise GristmillError(f"no captured document has the id {name}; give its URI")
    return tuple(left)


def _matching(connection: duckdb.DuckDBPyConnection, asked: Asked, hosts: Iterable[str]) -> Found:
    """The documents of some hosts, authors, sources, and those whose URI has a pattern."""
    found: Found = {}
    for host in hosts:
        sql = f"SELECT DISTINCT id, uri FROM {ALL} WHERE contains(lower(uri), ?)"
        rows = connection.execute(sql, [host]).fetchall()
        found |= {name: uri for name, uri in rows if is_forgotten(uri, {host_id(host)})}
    where = [
        *((_AUTHOR, author) for author in asked.authors),
        *(("source = ?", source) for source in asked.sources),
        *(("regexp_matches(uri, ?)", _pattern(connection, pattern)) for pattern in asked.patterns),
    ]
    for condition, value in where:
        found |= dict(connection.execute(f"SELECT DISTINCT id, uri FROM {ALL} WHERE {condition}", [value]).fetchall())
    return found


_AUTHOR = "list_contains(list_transform(string_split(lower(author), ','), lambda one: trim(one)), trim(lower(?)))"


def _pattern(connection: duckdb.DuckDBPyConnection, pattern: str) -> str:
    """A pattern that can be asked for. Errors: GristmillError."""
    try:
        connection.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
    except duckdb.Error as error:
        raise GristmillError(f"{pattern!r} is no regular expression: {str(error).splitlines()[0]}") from None
    return pattern


def _by_text(patterns: Iterable[str]) -> Found:
    """The documents whose cleaned text has one of some patterns. Errors: InputError where the texts are not here."""
    patterns = list(patterns)
    if not patterns:
        return {}
    paths = [str(segment.path) for segment in read_segments("clean", "text") if segment.rows]
    with duckdb.connect(":memory:", config=EXTENSIONS_OFF) as files:
        likes = " OR ".join("regexp_matches(text, ?)" for _ in patterns)
        values = [paths, *(_pattern(files, pattern) for pattern in patterns)]
        try:
            hits = [row[0] for row in files.execute(f"SELECT id FROM read_parquet(?) WHERE {likes}", values).fetchall()]
        except duckdb.Error as error:
            raise InputError(f"data/clean/text cannot be read ({error}); run `dvc pull data/clean`") from None
    with lent() as connection:
        return _named(connection, hits)


def _notes(asked: Asked, hosts: Iterable[str]) -> Iterator[str]:
    """What a reader would not expect."""
    if asked.authors or asked.patterns or asked.text_patterns or asked.sources:
        yield "authors, patterns and sources mean the documents that match today; ask again for those to come"
    for host in hosts:
        yield f"every address of {host} and below it is refused from now on"
