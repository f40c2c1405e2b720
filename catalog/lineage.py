"""Explain one document: from its capture to the models that saw it.

Reads   data/catalog.duckdb, data/catalog/documents (which segment a document is in) and, for the first characters of
        the text, data/clean/text where it is at hand. Nothing is computed anew: each fact is a row of the catalog.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from catalog.asking import connect, text_of
from catalog.database import EXTENSIONS_OFF
from catalog.errors import GristmillError, InputError
from catalog.layout import MANIFEST, stage_root
from catalog.render import cut, printable
from catalog.segments import read_segments

EXCERPT = 200  # characters of the text that are shown
SHOWN = 10  # twins and children listed; the rest is counted
LINE = 110  # columns of the page

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All that is known of one document; each field is rows of the catalog's tables of that name."""

    document: Row
    """Its row of `documents`: capture and text."""
    fetches: list[Row]
    excerpt: str | None
    """The first EXCERPT characters of its text; None where it has none or data/clean is not at hand."""
    signals: Row
    verdicts: list[Row]
    """stage, outcome (kept, dropped, quarantined), reason; in the order of the stages."""
    cluster: Row
    """cluster, representative, similarity and the number of documents in it; empty before dedup."""
    twins: list[Row]
    cuts: list[Row]
    """Spans of it that another document keeps; what stands in them, and what follows."""
    votes: list[Row]
    labels: list[Row]
    split: str | None
    children: list[Row]
    tokens: int | None
    models: list[Row]
    """stage, run: the models that were trained on it."""
    predictions: list[Row]
    segments: list[Row]
    """stage, table_name, path, operator, action, fingerprint: the files of the chain that it is in."""

    def text(self) -> str:
        """The page that `gristmill explain` prints; safe for a terminal."""
        return "\n".join(_page(self)) + "\n"


def explain(name: str) -> Explanation:
    """All that is known of the document whose id or URI is `name`, or begins with it.

    Errors: GristmillError when there is no such document, or more than one; InputError when the catalog was not built.
    """
    with connect() as connection:
        found = _find(connection, name)
        return _explanation(connection, found)


def _explanation(connection: duckdb.DuckDBPyConnection, document: Row) -> Explanation:
    def about(table: str, columns: str = "* EXCLUDE (id)", where: str = "id = ?", order: str = "ALL") -> list[Row]:
        return _rows(connection, f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order}", document["id"])

    cluster = about("clusters", "cluster, representative, similarity")
    split = about("splits", "split")
    tokens = about("tokens", "split, tokens")
    labels = about("labels")
    children = about("children LEFT JOIN child_verdicts USING (id)", "* EXCLUDE (parent)", "parent = ?")
    twins = "clusters JOIN documents USING (id)"
    return Explanation(
        document=document,
        fetches=_fetches(connection, document),
        excerpt=_excerpt(document["id"]),
        signals=next(iter(about("signals")), {}),
        verdicts=_rows(connection, _VERDICTS, document["id"], document["id"]),
        cluster=cluster[0] if cluster else {},
        twins=_rows(
            connection, f"SELECT id, uri, similarity FROM {twins} WHERE cluster = ? AND id <> ? ORDER BY id",
            cluster[0]["cluster"], document["id"],
        ) if cluster else [],
        cuts=about("cuts"),
        votes=about("votes"),
        labels=labels,
        split=split[0]["split"] if split else None,
        children=children,
        tokens=tokens[0]["tokens"] if tokens else None,
        models=_models(connection, document["id"]),
        predictions=about("predictions"),
        segments=_segments(connection, document["id"]),
    )  # fmt: skip


_VERDICTS = """
    WITH decisions AS (
        SELECT stage, if(drop_reason IS NULL, 'kept', 'dropped') AS outcome, drop_reason AS reason
        FROM verdicts WHERE id = ?
        UNION ALL
        SELECT stage, 'quarantined' AS outcome, error AS reason FROM quarantine WHERE id = ?
    )
    SELECT stage, outcome, reason FROM decisions JOIN stages USING (stage) ORDER BY position
"""


def _find(connection: duckdb.DuckDBPyConnection, name: str) -> Row:
    """The row of `documents` that `name` means."""
    exact = _rows(connection, "SELECT * FROM documents WHERE id = ? OR uri = ?", name, name)
    if exact:
        return exact[0]
    begin = "SELECT * FROM documents WHERE starts_with(id, ?) OR starts_with(uri, ?) ORDER BY uri LIMIT 4"
    found = _rows(connection, begin, name, name)
    if len(found) == 1:
        return found[0]
    if found:
        listed = "".join(f"\n  {row['id']}  {printable(row['uri'])}" for row in found[:3])
        raise GristmillError(f"{name!r} is the beginning of several documents:{listed}\nuse a whole id or URI")
    raise GristmillError(_unknown(connection, name))


def _unknown(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Why there is no document `name`, and how to find the one that was meant."""
    refused = _rows(connection, "SELECT uri, stage, error FROM quarantine WHERE id = ? OR uri = ?", name, name)
    if refused:
        row = refused[0]
        uri, error = printable(row["uri"]), printable(row["error"])
        return f"{uri} never became a document: {row['stage']} quarantined it ({error})"
    copies = _rows(connection, "SELECT parent, operator FROM children WHERE id = ?", name)
    if copies:
        row = copies[0]
        return f"{name} is a copy that augment made ({row['operator']}); run `gristmill explain {row['parent']}`"
    like = name.replace("'", "''")
    return (
        f"there is no document {name!r} in the catalog; search with "
        f"`gristmill sql \"select id, uri from documents where contains(uri, '{like}')\"`"
    )


def _fetches(connection: duckdb.DuckDBPyConnection, document: Row) -> list[Row]:
    """Every request for it; of a record of an interface, those for the answer that holds it."""
    requests = "SELECT * FROM fetches WHERE uri = ? AND source = ? ORDER BY fetched_at"
    found = _rows(connection, requests, document["uri"], document["source"])
    answer = None if found else _answer_of(document["id"])
    return _rows(connection, requests, answer, document["source"]) if answer else found


def _answer_of(document: str) -> str | None:
    """The request whose answer holds a record, by what its capture says; None where the captures are not at hand."""
    if not (stage_root("crawl") / MANIFEST).exists():
        return None
    paths = [str(segment.path) for segment in read_segments("crawl", "captures") if segment.path.exists()]
    with duckdb.connect(":memory:", config=EXTENSIONS_OFF) as files:
        sql = "SELECT json_extract_string(meta, '$.answer') FROM read_parquet(?) WHERE id = ?"
        found = files.execute(sql, [paths, document]).fetchone() if paths else None
    return found[0] if found else None


def _excerpt(document: str) -> str | None:
    if not (stage_root("clean") / MANIFEST).exists():
        return None
    try:
        text = text_of([document]).get(document)
    except InputError:
        return None
    return None if text is None else text[:EXCERPT]


def _models(connection: duckdb.DuckDBPyConnection, document: str) -> list[Row]:
    """The models whose training read it, by their own lists."""
    sql = "SELECT stage, run FROM exposure JOIN stages USING (stage) WHERE id = ? ORDER BY position, run"
    return _rows(connection, sql, document)


def _segments(connection: duckdb.DuckDBPyConnection, document: str) -> list[Row]:
    """The files that share the key of the segment the document is in."""
    sql = """
        SELECT stage, table_name, path, operator, action, fingerprint
        FROM segments JOIN stages USING (stage)
        WHERE key = ? AND rows > 0 ORDER BY position, table_name, path
    """
    return [row for key in sorted(keys_of([document])) for row in _rows(connection, sql, key)]


def keys_of(documents: list[str]) -> set[str]:
    """Keys of the segments that some documents (ids) are in."""
    keys = {str(segment.path): segment.key for segment in read_segments("catalog", "documents")}
    if not keys or not documents:
        return set()
    with duckdb.connect(":memory:", config=EXTENSIONS_OFF) as files:
        sql = "SELECT DISTINCT filename FROM read_parquet(?, filename = true) WHERE id IN (SELECT unnest(?))"
        return {keys[path] for (path,) in files.execute(sql, [list(keys), documents]).fetchall()}


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, *parameters: Any) -> list[Row]:
    cursor = connection.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _page(known: Explanation) -> Iterator[str]:
    document = known.document
    yield from _section("document", {name: document[name] for name in (
        "id", "uri", "canonical", "source", "licence", "title", "author", "published", "published_at", "given_label"
    )})  # fmt: skip
    yield from _section("capture", {name: document[name] for name in (
        "status", "mime", "charset", "body_digest", "body_bytes"
    )})  # fmt: skip
    yield from _list("fetched", known.fetches, "{fetched_at}  {outcome}  status {status}  body {body_digest}  {uri}")
    if document["text_digest"]:
        yield from _section("text", {name: document[name] for name in (
            "text_digest", "language", "language_score", "language_hint", "extractor", "extraction", "characters",
            "repairs", "redactions"
        )} | {"begins": known.excerpt})  # fmt: skip
    yield from _grid("signals", known.signals)
    yield from _list("verdicts", known.verdicts, "{stage:<10} {outcome:<12} {reason}")
    yield from _section("cluster", known.cluster)
    yield from _list("twins", known.twins, "{id}  {similarity}  {uri}")
    yield from _list("stands elsewhere", known.cuts, "{level}: characters {start} to {stop}, kept by {of}: {effect}")
    yield from _list("votes", known.votes, "{task}: {annotator} says {label}")
    yield from _list(
        "labels", [row | {"label": row["label"] or row["drop_reason"] or "text"} for row in known.labels],
        "{task}: {label}  by {method}, {confidence} per mille, {votes} votes",
    )  # fmt: skip
    yield from _section("use", {"split": known.split, "tokens": known.tokens})
    yield from _list("children", known.children, "{id}  {task}  {operator}, seed {seed}  {drop_reason}")
    yield from _list("models trained on it", known.models, "{stage}  {run}")
    yield from _list("predictions", [{"row": _joined(row)} for row in known.predictions], "{row}")
    yield from _list("segments", known.segments, "{operator:<16}  {path}  action {fingerprint:.12}", every=True)


def _section(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A title and a line per value that is known."""
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return
    yield title
    width = max(map(len, known))
    for name, value in known.items():
        yield f"  {name:<{width}}  {cut(printable(_spelled(value)), LINE - width)}"


def _grid(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A title and the values, two to a line."""
    if not values:
        return
    yield title
    cells = [f"{name:<32}{_spelled(value):>8}" for name, value in values.items()]
    yield from ("  " + "    ".join(cells[start : start + 2]) for start in range(0, len(cells), 2))


def _list(title: str, rows: list[Row], form: str, *, every: bool = False) -> Iterator[str]:
    """A title and a line per row; SHOWN of them unless `every`."""
    if not rows:
        return
    yield f"{title} ({len(rows)})"
    for row in rows if every else rows[:SHOWN]:
        known = {name: printable(_spelled(value)) for name, value in row.items()}
        yield f"  {form.format(**known)}".rstrip()
    if len(rows) > SHOWN and not every:
        yield f"  and {len(rows) - SHOWN} more"


def _joined(row: Row) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _spelled(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
