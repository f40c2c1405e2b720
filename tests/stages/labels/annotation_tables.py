"""Answers of people for the tests of labels: rows of the log, and a project whose documents they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.annotations import add_annotations
from catalog.digests import canonical_json, file_sha256, sha256_of
from catalog.schema import ANNOTATIONS
from tests.stages.test_label import put

GUIDELINE = Path("data/guidelines/mood.md")
PEOPLE: dict[str, Any] = {
    "name": "mood", "kind": "classification", "labels": ["negative", "positive"], "guideline": GUIDELINE.as_posix(),
}  # fmt: skip
ENTITIES: dict[str, Any] = PEOPLE | {"name": "entities", "kind": "spans", "labels": ["PER", "LOC"]}


def guideline(text: str = "Is the author pleased?\n") -> str:
    """Write the guideline; its version."""
    GUIDELINE.parent.mkdir(parents=True, exist_ok=True)
    GUIDELINE.write_text(text, encoding="utf-8")
    return file_sha256(GUIDELINE)


def answer(document: str, text: str, value: Any, annotator: str = "ann", at: int = 1, **changes: Any) -> dict[str, Any]:
    """A row of `label/annotations`; without a value it is a skip."""
    return {
        "id": document, "task": "mood", "text_digest": sha256_of(text), "text": text, "about": None, "guideline": "",
        "origin": "", "annotator": annotator, "status": "answered" if value is not None else "skipped",
        "value": None if value is None else canonical_json(value), "created_at": f"2026-01-01T00:00:{at:02d}Z",
    } | changes  # fmt: skip


def table(*rows: dict[str, Any]) -> pa.Table:
    """Rows as the table."""
    return pa.Table.from_pylist(list(rows), schema=ANNOTATIONS.remove_metadata())


def log(*rows: dict[str, Any]) -> None:
    """Append answers to the log of their task."""
    add_annotations(rows[0]["task"], table(*rows))


def corpus(texts: dict[str, str], **sources: str) -> None:
    """The outputs of crawl, clean and dedup for some texts by id; equal texts are one kept document."""
    first: dict[str, str] = {}
    rows = []
    for name, text in texts.items():
        twin = first.setdefault(text, name)
        rows.append({
            "id": name, "source": sources.get(name, "shop"), "language": "en", "text": text,
            "text_digest": sha256_of(text), "cluster": sha256_of(text), "representative": twin,
        })  # fmt: skip
    put("crawl", {"one": rows})
    put("clean", {"one": rows})
    for row in rows:
        row["drop_reason"] = None if row["representative"] == row["id"] else "exact_duplicate"
    put("dedup", {"one": rows})
