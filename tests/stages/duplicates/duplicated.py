"""Made-up documents through the operators of `dedup`, in memory; and the same decided slowly, by the book."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from catalog.parquet import conform
from stages.dedup import CLUSTER
from stages.duplicates.addresses import known_address, locate, seconds_of
from stages.duplicates.clustering import cluster
from stages.duplicates.folding import fold, folded_digest
from stages.duplicates.params import ClusterParams
from stages.text.minhash.clusters import shingle_sets
from stages.text.minhash.shingles import shingle_hashes
from stages.text.minhash.signing import SignParams, sign
from tests.stages.label_tables import Part

BASE = "the old mill stands by the river and grinds the corn of the whole valley every autumn until the snow"
NEAR = BASE + " again"
OTHER = "a completely different sentence about trains that leave the station at seven and arrive at nine"

SCHEMA = pa.schema(
    [
        (name, pa.string())
        for name in ("id", "uri", "source", "title", "text", "text_digest", "published_at", "canonical")
    ]
    + [("words", pa.int32()), ("drop_reason", pa.string())]
)


def document(name: str, text: str, source: str = "s", reason: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of every table that `dedup` reads."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = {"id": name, "uri": f"file:{name}", "source": source, "text": text, "text_digest": digest}
    return row | {"drop_reason": reason} | more


def tables(parts: Sequence[Sequence[dict[str, Any]]]) -> list[list[Part]]:
    """What clustering reads, a segment per part: signatures, verdicts, texts, addresses, folded and signals."""
    texts = [Part(str(i), pa.Table.from_pylist(list(part), schema=SCHEMA)) for i, part in enumerate(parts)]
    signed = [Part(part.key, sign(part.table, SignParams())["signatures"]) for part in texts]
    placed = [Part(part.key, locate(part.table, part.table)["addresses"]) for part in texts]
    folded = [Part(part.key, fold(part.table)["folded"]) for part in texts]
    return [signed, texts, texts, placed, folded, texts]


def run(parts: Sequence[Sequence[dict[str, Any]]], **changed: Any) -> dict[str, dict[str, Any]]:
    """Verdict of each document by id, after signing and clustering the parts."""
    found = list(cluster(*tables(parts), params=ClusterParams(**changed)))  # type: ignore[arg-type]
    assert [key for _, key, _ in found] == [str(i) for i in range(len(parts))]
    rows = [conform(table, CLUSTER.writes["verdicts"], "verdicts") for _, _, table in found]
    return {row["id"]: row for table in rows for row in table.to_pylist()}


@cache
def shingles_of(text: str) -> set[int]:
    """The shingles of one text."""
    return set(shingle_sets(*shingle_hashes(pa.array([text]), words=5, characters=5))[1].tolist())


def jaccard(one: str, other: str) -> float:
    """Shared shingles / all shingles."""
    first, second = shingles_of(one), shingles_of(other)
    return len(first & second) / len(first | second)


def by_the_book(rows: Sequence[dict[str, Any]], params: ClusterParams) -> dict[str, tuple[str, str, str | None]]:
    """(cluster, representative, reason) of each document by id; every pair of texts is compared, in plain Python."""
    ranked = sorted((row for row in rows if row["drop_reason"] is None), key=lambda row: preference(row, params))
    follows = {row["id"]: row["id"] for row in ranked}
    clusters, reasons = dict(follows), dict.fromkeys(follows)
    keys = {
        "url": ("duplicate_url", lambda row: known_address(row["uri"], row.get("canonical"))),
        "exact": ("exact_duplicate", lambda row: row["text"]),
        "normalised": ("normalised_duplicate", lambda row: folded_digest(row["text"])),
    }
    for level, (reason, key_of) in keys.items():
        first: dict[str, str] = {}
        for row in [row for row in ranked if level in params.levels and reasons[row["id"]] is None]:
            key = key_of(row)
            leader = row["id"] if key is None else first.setdefault(key, row["id"])
            if leader != row["id"]:
                follows[row["id"]] = clusters[row["id"]] = leader
                reasons[row["id"]] = reason
    if "near" in params.levels:
        kept = [row for row in ranked if reasons[row["id"]] is None]
        for component in components(kept, params.min_jaccard):
            leaders: list[dict[str, Any]] = []
            for row in component:
                least = params.min_representative_similarity
                near = [one for one in leaders if jaccard(one["text"], row["text"]) >= least]
                leaders += [] if near else [row]
                clusters[row["id"]] = component[0]["id"]
                follows[row["id"]] = (near or [row])[0]["id"]
                reasons[row["id"]] = "near_duplicate" if near else None
    for names in (follows, clusters):
        for _ in params.levels:
            names.update({name: names[names[name]] for name in names})
    clusters = {name: clusters[clusters[name]] for name in clusters}
    smallest = {
        root: min(row["text_digest"] for row in ranked if clusters[row["id"]] == root) for root in clusters.values()
    }
    return {name: (smallest[clusters[name]], follows[name], reasons[name]) for name in follows}


def preference(row: dict[str, Any], params: ClusterParams) -> tuple[Any, ...]:
    """What is smallest for the document to keep."""
    places = {source: place for place, source in enumerate(params.source_priority)}
    time = seconds_of(row.get("published_at"))
    keys = {
        "source_priority": places.get(row["source"], len(places)),
        "quality": (row.get("words") is None, -(row.get("words") or 0)),
        "length": -len(row["text"]),
        "oldest": (time is None, time or 0),
        "digest": row["text_digest"],
    }
    return (*(keys[name] for name in params.keep), row["text_digest"], row["id"])


def components(rows: list[dict[str, Any]], least: float) -> list[list[dict[str, Any]]]:
    """Rows that are connected by similar pairs, each group in the order of the rows."""
    root = list(range(len(rows)))
    for i, row in enumerate(rows):
        for j in range(i):
            if root[i] != root[j] and jaccard(row["text"], rows[j]["text"]) >= least:
                old, new = max(root[i], root[j]), min(root[i], root[j])
                root = [new if one == old else one for one in root]
    return [[rows[i] for i in range(len(rows)) if root[i] == one] for one in sorted(set(root))]


def variants(count: int) -> list[str]:
    """Texts that differ in one word at another place each: pairs have a Jaccard similarity of about 0.7."""
    words = [f"w{i}" for i in range(60)]
    return [" ".join([*words[:i], f"x{i}", *words[i + 1 :]]) for i in range(count)]


def chain(count: int) -> list[str]:
    """Texts of 40 words of which each begins two words after the one before it: neighbours are near, the ends not."""
    words = [f"w{i}" for i in range(40 + 2 * count)]
    return [" ".join(words[2 * i : 2 * i + 40]) for i in range(count)]
