"""A corpus of made-up metadata, written through the real stages' tables, writer and manifests, for bench/catalog.py.

Every value is a pure function of a document's number and edition, so equal calls give equal bytes. Bodies and texts are
a few words long: the catalog keeps none of them. Shares (dropped, twins, labelled, refused) are near those of a crawl.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import document_id, sha256_of
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.layout import CRAWL_LOG
from catalog.parquet import conform, write_parquet
from catalog.schema import FETCHES, schema_of
from catalog.segments import Segment
from stages.model.tables import TOKENS
from stages.model.training.corpus import listed
from stages.model.training.exposure import write_exposure
from stages.text.signals.table import SIGNALS

DOCUMENTS = 2000  # of a segment
HOSTS, SOURCES = 5000, 20
LANGUAGES = ("en", "zh", "de", "fr", "es", "ja", "ru", "und")
EXTRACTORS = ("resiliparse", "trafilatura")
REASONS = ("few_words", "symbol_fraction", "duplicate_lines", "rights:robots", "terminal_lines", "mean_word_length")
KEPT = pa.scalar(None, pa.string())

Draws = np.ndarray  # one 64-bit number a document, uint64
Tables = dict[str, pa.Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Which documents there are: `count` of them, in segments; `edited` are the numbers of those in another edition."""

    count: int
    edited: frozenset[int] = frozenset()

    def parts(self) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """(first, number of documents, those edited) of each segment."""
        for first in range(0, self.count, DOCUMENTS):
            size = min(DOCUMENTS, self.count - first)
            yield first, size, tuple(sorted(n for n in self.edited if first <= n < first + size))


def draws(ids: pa.ChunkedArray, salt: int) -> Draws:
    """A number for each document, by its id and the salt (splitmix64)."""
    digits = bytes.fromhex("".join(ids.to_pylist()))
    mixed = np.frombuffer(digits, ">u8")[::2].astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def share(ids: pa.ChunkedArray, salt: int) -> np.ndarray:
    """The same in [0, 1), float64."""
    return draws(ids, salt) / 2.0**64


def chosen(ids: pa.ChunkedArray, salt: int, names: tuple[str, ...]) -> pa.Array:
    """One of the names for each document, the first ones oftener."""
    places = (share(ids, salt) ** 2 * len(names)).astype(np.int32)
    return pa.array(names).take(pa.array(places))


def hexed(ids: pa.ChunkedArray, salt: int) -> list[str]:
    """A digest for each document."""
    return [f"{value:016x}" * 4 for value in draws(ids, salt).tolist()]


def filled(name: str, rows: int, schema: pa.Schema, columns: Mapping[str, Any]) -> pa.Table:
    """The table with these columns; the others are null, or the nothing of their type."""
    arrays = [columns[field.name] if field.name in columns else _nothing(field, rows) for field in schema]
    return conform(pa.table(arrays, schema.names), schema, name)


def _nothing(field: pa.Field, rows: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(rows, field.type)
    if pa.types.is_list(field.type):
        return pa.array([[]] * rows, field.type)
    return pa.repeat(pa.scalar("" if pa.types.is_string(field.type) else 0, field.type), rows)


def crawl(first: int, size: int, edited: tuple[int, ...]) -> Iterator[tuple[str, None, pa.Table]]:
    """A segment of captures, and their verdicts."""
    numbers = range(first, first + size)
    hosts = [n * 7919 % HOSTS for n in numbers]
    uris = [f"https://host{host}.example/{n % 97}/page-{n}" for n, host in zip(numbers, hosts, strict=True)]
    ids = pa.chunked_array([[document_id(uri) for uri in uris]])
    changed = set(edited)
    bodies = [f"page {n} in edition {2 if n in changed else 1}" for n in numbers]
    sources = [f"source-{host * SOURCES // HOSTS:02}" for host in hosts]
    refused = [{"signal": "robots", "value": "disallow: GPTBot", "where": "robots.txt"}]
    yield "captures", None, filled("captures", size, schema_of("crawl/captures"), {
        "id": ids, "uri": uris, "source": sources, "licence": ["CC-BY-4.0"] * size, "status": [200] * size,
        "mime": ["text/html"] * size, "body": [body.encode() for body in bodies],
        "body_digest": [sha256_of(body) for body in bodies], "title": [f"Page {n}" for n in numbers],
        "rights": [refused if value < 0.03 else None for value in share(ids, 1).tolist()],
    })  # fmt: skip
    yield "verdicts", None, pa.table({"id": ids, "drop_reason": pa.nulls(size, pa.string())})


def clean(captures: pa.Table) -> Tables:
    """Texts, signals and verdicts; one document in ten is dropped."""
    ids, rows = captures["id"], captures.num_rows
    texts = captures["body"].cast(pa.string())
    digests = [sha256_of(text) for text in texts.to_pylist()]
    signals = {field.name: _signal(ids, place, field) for place, field in enumerate(SIGNALS) if field.name != "id"}
    reasons = pc.if_else(pa.array(share(ids, 2) < 0.1), chosen(ids, 3, REASONS), KEPT)
    return {
        "text": filled("text", rows, schema_of("clean/text"), {
            "id": ids, "source": captures["source"], "text": texts, "text_digest": digests,
            "language": chosen(ids, 4, LANGUAGES), "language_score": (share(ids, 5) * 1000).astype(np.int16),
            "language_confidence": (share(ids, 6) * 1000).astype(np.int16), "script": ["Latn"] * rows,
            "script_share": [1000] * rows, "title": captures["title"], "extractor": chosen(ids, 7, EXTRACTORS),
            "extraction": ["a reader 1.0, its options"] * rows, "charset": ["utf-8"] * rows,
            "repairs": (share(ids, 8) ** 4 * 50).astype(np.int32),
        }),
        "signals": filled("signals", rows, SIGNALS, {"id": ids, **signals}),
        "verdicts": pa.table({"id": ids, "drop_reason": reasons}),
    }  # fmt: skip


def _signal(ids: pa.ChunkedArray, place: int, field: pa.Field) -> np.ndarray:
    values = share(ids, 100 + place)
    if pa.types.is_floating(field.type):
        return values.astype(np.float32)
    return (10 ** (values * 4)).astype(np.int32)


def dedup(verdicts: pa.Table, captures: pa.Table) -> Tables:
    """A cluster for each kept document; one in six is a near-duplicate of the one before it."""
    ids = verdicts.filter(pc.is_null(verdicts["drop_reason"]))["id"]
    twin = share(ids, 9) < 1 / 6
    twin[0] = False
    leader = np.maximum.accumulate(np.where(twin, 0, np.arange(len(ids))))
    similarity = pa.array((800 + share(ids, 10) * 200).astype(np.int16), mask=~twin)
    clusters = pa.array(hexed(ids, 11)).take(pa.array(leader))
    reasons = pc.if_else(pa.array(twin), "near_duplicate", KEPT)
    return {"verdicts": pa.table({
        "id": ids, "cluster": clusters, "representative": ids.combine_chunks().take(pa.array(leader)),
        "similarity": similarity, "copies": pc.if_else(pa.array(twin), pa.scalar(None, pa.int32()), 1),
        "drop_reason": reasons,
    })}  # fmt: skip


def label(verdicts: pa.Table) -> Tables:
    """Splits of all that dedup kept; votes and labels of one document in ten."""
    kept = verdicts.filter(pc.is_null(verdicts["drop_reason"]))
    ids, clusters = kept["id"], kept["cluster"]
    split = pa.array(("train", "validation", "test")).take(
        pa.array(np.searchsorted([0.8, 0.9], share(ids, 12)).astype(np.int32))
    )
    splits = pa.table({"id": ids, "cluster": clusters, "split": split})
    few = splits.filter(pa.array(share(ids, 13) < 0.1))
    said = chosen(few["id"], 14, ("positive", "negative"))
    common = {"id": few["id"], "task": ["sentiment"] * len(few)}
    votes = [
        filled("votes", len(few), schema_of("label/votes"), common | {"annotator": [name] * len(few), "label": said})
        for name in ("given:source-00", "function:praises_en")
    ]
    labels = {"label": said, "method": ["majority"] * len(few), "confidence": [900] * len(few), "votes": [2] * len(few)}
    verdicts = pa.table({"id": ids, "drop_reason": pa.nulls(len(ids), pa.string())})
    return {
        "votes": pa.concat_tables(votes), "splits": splits, "verdicts": verdicts,
        "labels": filled("labels", len(few), schema_of("label/labels"),
                         common | {"cluster": few["cluster"], "split": few["split"]} | labels),
    }  # fmt: skip


def tokenize(verdicts: pa.Table, splits: pa.Table) -> Tables:
    """From 10 to 60 tokens of each document in a split."""
    ids = splits["id"]
    offsets = np.concatenate([[0], np.cumsum(10 + share(ids, 15) * 50)]).astype(np.int32)
    tokens = pa.ListArray.from_arrays(offsets, pa.array(np.arange(offsets[-1], dtype=np.int32) % 8192))
    return {
        "tokens": pa.table({"id": ids, "split": splits["split"], "ids": tokens}),
        "verdicts": pa.table({"id": ids, "drop_reason": pa.nulls(len(ids), pa.string())}),
    }


def model(tokens: list[Segment], out: Path) -> None:
    """Which documents a model was trained on: the split train, once each."""
    ids = listed(tokens).ids.to_pylist()
    write_exposure(ids, np.ones(len(ids), dtype=np.int64), out)


def _map(name: str, run: Any, *tables: str, more: Mapping[str, pa.Schema] | None = None) -> Operator:
    stage = name.partition(".")[0]
    writes = {table: schema_of(f"{stage}/{table}") for table in tables} | dict(more or {})
    return Operator(name=name, run=run, writes=writes)


CRAWL = _map("crawl", crawl, "captures", "verdicts")
CLEAN = _map("clean", clean, "text", "verdicts", more={"signals": SIGNALS})
DEDUP = _map("dedup", dedup, "verdicts")
LABEL = _map("label", label, "votes", "splits", "labels", "verdicts")
TOKENIZE = _map("tokenize", tokenize, "verdicts", more={"tokens": TOKENS})
MODEL = Operator(name="model", run=model)


def write_corpus(corpus: Corpus, *, models: bool) -> None:
    """Write crawl to tokenize in the current directory, as their stages would; with `models`, what follows too.

    What is there already is found, not made again.
    """
    with Stage("crawl") as stage:
        stage.act_all(CRAWL, [
            Action(name=f"batch-{first}", inputs={"batch": sha256_of(repr((first, part)))}, args=(first, *part))
            for first, *part in corpus.parts()
        ])  # fmt: skip
    with Stage("clean") as stage:
        stage.map(CLEAN, stage.read("crawl/captures"))
    with Stage("dedup") as stage:
        stage.map(DEDUP, stage.read("clean/verdicts"), stage.read("crawl/captures"))
    with Stage("label") as stage:
        stage.map(LABEL, stage.read("dedup/verdicts"))
    with Stage("tokenize") as stage:
        stage.map(TOKENIZE, stage.read("dedup/verdicts"), stage.read("label/splits"))
    write_log(corpus)
    if models:
        with Stage("pretrain") as stage:
            stage.build(MODEL, stage.read("tokenize/tokens"), name="model")


def write_log(corpus: Corpus) -> None:
    """The fetch log: a row for each capture, a file for each segment; it only grows."""
    folder = CRAWL_LOG / "fetches"
    folder.mkdir(parents=True, exist_ok=True)
    for first, size, _ in corpus.parts():
        path = folder / f"{first:09}.parquet"
        if path.exists():
            continue
        _, _, captures = next(crawl(first, size, ()))
        write_parquet(filled("fetches", size, FETCHES, {
            "uri": captures["uri"], "source": captures["source"], "crawl": ["settings"] * size,
            "fetched_at": [f"2026-01-{n % 28 + 1:02}T00:00:{n % 60:02}Z" for n in range(size)], "status": [200] * size,
            "outcome": ["captured"] * size, "body_digest": captures["body_digest"],
        }), path)  # fmt: skip


def main() -> None:
    """python -m bench.support.made_up COUNT [batch] [scattered]: write a corpus here, some of it in a second edition.

    `batch` edits the first hundredth of the documents, `scattered` every hundredth.
    """
    count, edits = int(sys.argv[1]), sys.argv[2:]
    batch = range(count // 100 if "batch" in edits else 0)
    scattered = range(99, count if "scattered" in edits else 0, 100)
    write_corpus(Corpus(count=count, edited=frozenset([*batch, *scattered])), models=not edits)


if __name__ == "__main__":
    main()
