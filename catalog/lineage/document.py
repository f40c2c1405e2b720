"""Explain one document: from its capture to the models that saw it.

Reads   data/catalog.duckdb and, for the first characters of the text, data/clean/text where it is at hand. Nothing is
        computed anew: each fact is a row of the catalog.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc

from catalog.digests import document_id
from catalog.erasure.forget import ID
from catalog.errors import GristmillError
from catalog.history.versions import tables_here, versions_with
from catalog.layout import MANIFEST, stage_root
from catalog.parquet import read_parquet
from catalog.segments import read_segments
from catalog.sql.asking import lent
from catalog.sql.database import EXTENSIONS_OFF
from catalog.sql.placing import keys_of
from catalog.sql.render import printable

EXCERPT = 200  # characters of the text that are shown

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
    """Value by name: those measured of every document, then those that the project declares."""
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
    """stage, run, times: the models that were trained on it, and in how many epochs they saw it."""
    predictions: list[Row]
    segments: list[Row]
    """stage, table_name, path, operator, action, fingerprint: the files of the chain that it is in."""

    rights: list[Row]
    """What the site said of its use: signal, value, place, refuses."""
    overlaps: list[Row]
    """Evaluation items that it holds a share of."""
    answers: list[Row]
    """What people answered about it, of today and of before: who, when, status and value."""
    place: Row
    """Where its tokens stand: path of the segment, row, and first and last token (exclusive) among those of the
    segment; empty where it has none or data/tokenize is not at hand."""
    rules: list[Row] = field(default_factory=list)
    """rule, signal, side, threshold: what judges it (`with_rules`)."""
    versions: list[Row] = field(default_factory=list)
    """version, day, text_digest, body_digest: what older versions had (`with_versions`)."""


def explain(name: str) -> Explanation:
    """All that is known of the document whose id or URI is `name`, or begins with it.

    Errors: GristmillError when there is no such document, or more than one; InputError when the catalog was not built.
    """
    with lent() as connection:
        found = _find(connection, name)
    keys = keys_of([found["id"]])
    with lent() as connection:
        return _explanation(connection, found, _segments(connection, keys))


def _explanation(connection: duckdb.DuckDBPyConnection, document: Row, segments: list[Row]) -> Explanation:
    def about(table: str, columns: str = "* EXCLUDE (id)", where: str = "id = ?", order: str = "ALL") -> list[Row]:
        return rows_of(connection, f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order}", document["id"])

    cluster = about("clusters", "cluster, representative, similarity")
    split = about("splits", "split")
    tokens = about("tokens", "split, tokens")
    labels = about("labels")
    children = about("children LEFT JOIN child_verdicts USING (id)", "* EXCLUDE (parent)", "parent = ?")
    twins = "clusters JOIN documents USING (id)"
    return Explanation(
        document=document,
        fetches=_fetches(connection, document),
        excerpt=_excerpt(document["id"], segments),
        signals=next(iter(about("signals")), {}) | {
            row["signal"]: row["value"] for row in about("declared_signals", order="signal")
        },
        verdicts=rows_of(connection, _VERDICTS, document["id"], document["id"]),
        cluster=cluster[0] if cluster else {},
        twins=rows_of(
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
        segments=segments,
        rights=about("rights"),
        overlaps=about('"overlaps"'),  # the name is a word of SQL
        answers=about("annotations", "task, annotator, status, value, created_at, about"),
        place=_place(document["id"], segments),
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
    wanted = name if ID.fullmatch(name) else document_id(name)
    exact = rows_of(connection, "SELECT * FROM documents WHERE id = ?", wanted)
    if exact:
        return exact[0]
    begin = "SELECT * FROM documents WHERE starts_with(id, ?) OR starts_with(uri, ?) ORDER BY uri LIMIT 4"
    found = rows_of(connection, begin, name, name)
    if len(found) == 1:
        return found[0]
    if found:
        listed = "".join(f"\n  {row['id']}  {printable(row['uri'])}" for row in found[:3])
        raise GristmillError(f"{name!r} is the beginning of several documents:{listed}\nuse a whole id or URI")
    raise GristmillError(_unknown(connection, name))


def _unknown(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Why there is no document `name`, and how to find the one that was meant."""
    refused = rows_of(connection, "SELECT uri, stage, error FROM quarantine WHERE id = ? OR uri = ?", name, name)
    if refused:
        row = refused[0]
        uri, error = printable(row["uri"]), printable(row["error"])
        return f"{uri} never became a document: {row['stage']} quarantined it ({error})"
    copies = rows_of(connection, "SELECT parent, operator FROM children WHERE id = ?", name)
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
    found = rows_of(connection, requests, document["uri"], document["source"])
    answer = None if found else _answer_of(document["id"])
    return rows_of(connection, requests, answer, document["source"]) if answer else found


def _answer_of(document: str) -> str | None:
    """The request whose answer holds a record, by what its capture says; None where the captures are not at hand."""
    if not (stage_root("crawl") / MANIFEST).exists():
        return None
    paths = [str(segment.path) for segment in read_segments("crawl", "captures") if segment.path.exists()]
    with duckdb.connect(":memory:", config=EXTENSIONS_OFF) as files:
        sql = "SELECT json_extract_string(meta, '$.answer') FROM read_parquet(?) WHERE id = ?"
        found = files.execute(sql, [paths, document]).fetchone() if paths else None
    return found[0] if found else None


def _excerpt(document: str, segments: list[Row]) -> str | None:
    for path in _at_hand(segments, "clean", "text"):
        rows = read_parquet(path, ["id", "text"])
        at = pc.index(rows["id"], document).as_py()
        if at >= 0:
            return str(rows["text"][at].as_py()[:EXCERPT])
    return None


def _at_hand(segments: list[Row], stage: str, table: str) -> list[Path]:
    """The files of a table among some segments that are here."""
    found = [Path(one["path"]) for one in segments if (one["stage"], one["table_name"]) == (stage, table)]
    return [path for path in found if path.exists()]


def _models(connection: duckdb.DuckDBPyConnection, document: str) -> list[Row]:
    """The models whose training read it, by their own lists."""
    sql = "SELECT stage, run, times FROM exposure JOIN stages USING (stage) WHERE id = ? ORDER BY position, run"
    return rows_of(connection, sql, document)


def _segments(connection: duckdb.DuckDBPyConnection, keys: set[str]) -> list[Row]:
    """The files that share the keys of some segments."""
    sql = """
        SELECT stage, table_name, path, operator, action, fingerprint
        FROM segments JOIN stages USING (stage)
        WHERE key = ? AND rows > 0 ORDER BY position, table_name, path
    """
    return [row for key in sorted(keys) for row in rows_of(connection, sql, key)]


def _place(document: str, segments: list[Row]) -> Row:
    """The row of its segment that holds the tokens of a document, and which of the segment's tokens they are."""
    for path in _at_hand(segments, "tokenize", "tokens"):
        rows = read_parquet(path, ["id", "ids"])
        row = pc.index(rows["id"], document).as_py()
        if row >= 0:
            ends = pc.cumulative_sum(pc.list_value_length(rows["ids"]).cast("int64")).to_pylist()
            return {"path": str(path), "row": row, "start": ends[row - 1] if row else 0, "stop": ends[row]}
    return {}


def with_rules(known: Explanation) -> Explanation:
    """The same with the rules that judge it today; none where the stages' parameters are not at hand."""
    return replace(known, rules=rules_of(known.document["source"], known.document["language"] or "und"))


def rules_of(source: str, language: str) -> list[Row]:
    """The rules for documents of a source in a language; none where the stages' parameters are not at hand."""
    command = [sys.executable, "-m", "stages.text.rules.rules_of", "--", source, language]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    rules: list[Row] = json.loads(said.stdout) if said.returncode == 0 else []
    return rules


def with_versions(known: Explanation, last: int) -> Explanation:
    """The same with what the `last` older versions had of it, of those whose catalogs DVC's cache has."""
    tables = {one: tables_here(one.commit, "catalog", "documents") for one in versions_with("catalog", last)}
    paths = sorted({str(path) for listed in tables.values() for path in listed})
    sql = "SELECT filename, text_digest, body_digest FROM read_parquet(?, filename = true) WHERE id = ?"
    with duckdb.connect(":memory:", config=EXTENSIONS_OFF) as connection:
        found = rows_of(connection, sql, paths, known.document["id"]) if paths else []
    had = {row.pop("filename"): row for row in found}
    rows = [
        {"version": version.short, "day": version.day, **had[str(path)]}
        for version, listed in tables.items()
        for path in listed
        if str(path) in had
    ]
    return replace(known, versions=rows)


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, *parameters: Any) -> list[Row]:
    cursor = connection.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
