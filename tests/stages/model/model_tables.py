"""Small stages for the model tests: upstream tables written as if their stages had run, and a toy sentiment corpus."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from catalog.digests import file_digests, logical_digest
from catalog.layout import MANIFEST, stage_root
from catalog.parquet import conform, write_parquet
from catalog.schema import schema_of
from catalog.segments import Entry, Segment, write_manifest

GOOD = ("好看", "喜欢", "满意", "great", "lovely")
BAD = ("难看", "讨厌", "失望", "awful", "boring")
FILLER = ("这本书", "那家酒店", "the film", "昨天", "我觉得", "，", "really", "非常", "电影", "the food")
SPLIT = {"seed": 1, "validation": 0.15, "test": 0.2}


def write_stage(stage: str, tables: Mapping[str, pa.Table]) -> dict[str, Segment]:
    """Write one segment of each table, and the manifest; the segments by table name."""
    entries = [_entry(stage, name, rows) for name, rows in tables.items()]
    write_manifest(stage_root(stage) / MANIFEST, entries, {"r": "{}"})
    return {entry.table: entry.segment(stage) for entry in entries}


def _entry(stage: str, name: str, rows: pa.Table) -> Entry:
    schema = schema_of(f"{stage}/{name}")
    full = pa.table({f.name: rows[f.name] if f.name in rows.column_names else _blank(f, len(rows)) for f in schema})
    table = conform(full, schema, name)
    path = stage_root(stage) / name / "0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(table, path)
    sha256, md5 = file_digests(path)
    return Entry(
        path=f"{name}/0.parquet", table=name, key="k", rows=len(rows), bytes=path.stat().st_size, sha256=sha256,
        md5=md5, logical=logical_digest(table), operator="test", action="k", fingerprint=sha256, part=0, recipe="r",
        inputs="{}",
    )  # fmt: skip


def _blank(field: pa.Field, rows: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(rows, field.type)
    if pa.types.is_list(field.type):
        return pa.array([[]] * rows, field.type)
    zero = "" if pa.types.is_string(field.type) or pa.types.is_large_string(field.type) else 0
    return pa.array([zero] * rows).cast(field.type)


def toy_texts(count: int) -> list[tuple[str, str]]:
    """(text, label): filler words around one word that decides the label; a function of the position alone."""
    found = []
    for number in range(count):
        bits = hashlib.sha256(str(number).encode()).digest()
        words = [FILLER[bit % len(FILLER)] for bit in bits[: 4 + bits[0] % 12]]
        label = "positive" if bits[20] % 2 else "negative"
        words.insert(bits[21] % len(words), (GOOD if label == "positive" else BAD)[bits[22] % 5])
        found.append((" ".join(words) + f" {number}", label))
    return found


def write_toy_corpus(count: int, *, split: Mapping[str, float] = SPLIT) -> None:
    """Stages crawl, clean, dedup and label of a toy corpus of `count` labelled documents."""
    from stages.labels.splits import SplitParams, split_of

    texts = toy_texts(count)
    ids = [hashlib.sha256(text.encode()).hexdigest()[:32] for text, _ in texts]
    clusters = pa.array([hashlib.sha256(name.encode()).hexdigest() for name in ids])
    splits = split_of(clusters, SplitParams(**split))
    labels = pa.array([label for _, label in texts])
    same = {"id": pa.array(ids), "cluster": clusters, "split": splits}
    bodies = pa.array([text.encode() for text, _ in texts])
    sources = pa.array(["toy"] * count)
    write_stage("crawl", {"captures": pa.table({"id": ids, "source": sources, "body": bodies, "given_label": labels})})
    languages = pa.array(["zh"] * count)
    write_stage("clean", {"text": pa.table({"id": ids, "text": [text for text, _ in texts], "language": languages})})
    write_stage("dedup", {"verdicts": pa.table({"id": ids, "cluster": clusters, "representative": ids})})
    tables = [toy_labels(kind, texts, same) for kind in KINDS]
    write_stage("label", {
        "labels": pa.concat_tables(tables), "tasks": pa.table({"task": list(KINDS.values()), "kind": list(KINDS)}),
    })  # fmt: skip


KINDS = {
    "classification": "toy", "multilabel": "topics", "pairs": "second", "spans": "words", "relations": "says",
    "questions": "asked", "generation": "summary",
}  # fmt: skip


def toy_labels(kind: str, texts: list[tuple[str, str]], same: Mapping[str, pa.Array]) -> pa.Table:
    """The labels of a task of some kind on the toy texts; all follow from the one word that decides the sentiment."""
    found = [toy_label(kind, text, label, number) for number, (text, label) in enumerate(texts)]
    abouts, labels, targets = (pa.array(side, pa.string()) for side in zip(*found, strict=True))
    task = pa.array([KINDS[kind]] * len(texts))
    return pa.table({**same, "task": task, "about": abouts, "label": labels, "target_text": targets})


def toy_label(kind: str, text: str, label: str, number: int) -> tuple[str | None, str | None, str | None]:
    """(about, label, target text) of one toy text."""
    word = next(word for word in GOOD + BAD if word in text)
    place = [text.index(word), text.index(word) + len(word)]
    if kind == "pairs":
        return (
            f"{GOOD[number % 5]} 昨天" if number % 2 else f"昨天 {BAD[number % 5]}",
            ("bad", "good")[number % 2],
            None,
        )
    if kind == "questions":
        return "which word praises", json.dumps(place if label == "positive" else [], separators=(",", ":")), None
    if kind == "generation":
        return None, None, "great film" if label == "positive" else "boring food"
    values = {
        "classification": label,
        "multilabel": [topic for topic in ("film", "food") if f"the {topic}" in text],
        "spans": [[*place, label]],
        "relations": {
            "relations": [[0, 1, label]],
            "spans": [[*place, "word"], next_span(text, place[1])],
        },
    }
    value = values[kind]
    return None, value if isinstance(value, str) else json.dumps(value, separators=(",", ":")), None


def next_span(text: str, stop: int) -> list[Any]:
    """The word that comes next in a toy text, as a span; its number is the last."""
    start = text.index(" ", stop) + 1
    return [start, (text + " ").index(" ", start), "next"]


def tiny_blocks(**changes: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """params.yaml blocks of a model that trains in a second; `changes` replace values of a block."""
    blocks: dict[str, dict[str, object]] = {
        "label": {"split": SPLIT},
        "tokenize": {"vocabulary": 400, "alphabet": 100, "min_frequency": 2, "sample_characters": 100_000},
        "pretrain": {
            "objective": "mlm", "network": {"layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64}, "width": 32,
            "dropout": 0.1, "mask_rate": 0.3, "candidates": "batch", "tokens": 20 * 8 * 32, "rows": 8,
            "focus_task": "toy", "background_share": 0.0, "optimiser": "adamw", "learning_rate": 0.01,
            "muon_learning_rate": 0.01, "weight_decay": 0.01, "warmup": 0.1, "clip": 1.0, "seed": 1,
            "checkpoint_every": 5, "threads": 1, "device": "cpu",
        },
        "finetune": {
            "task": "toy", "pooling": "mean", "width": 32, "epochs": 3, "rows": 8, "optimiser": "adamw",
            "learning_rate": 0.01, "muon_learning_rate": 0.01, "weight_decay": 0.01, "warmup": 0.1, "clip": 1.0,
            "dropout": 0.0, "threads": 1, "device": "cpu", "seeds": [1, 2],
        },
        "evaluate": {"leaky_sources": ["toy"], "threads": 1, "bootstrap_draws": 200},
    }  # fmt: skip
    for name, values in changes.items():
        blocks[name] |= values
    return blocks


def write_blocks(folder: Path, blocks: Mapping[str, Mapping[str, object]]) -> None:
    """Write params.yaml."""
    (folder / "params.yaml").write_text(yaml.safe_dump(dict(blocks)), encoding="utf-8")
