"""Real texts to measure on: the pages of bench/support/debian.py, extracted by the bulk tier of `clean`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.support.debian import pages
from stages.web.extract import READS, ExtractParams, UnreadableError, document

Text = tuple[str, str]


def texts(limit: int | None = None) -> list[Text]:
    """(path, text) of every page that has text, or of `limit` pages; sorted by path."""
    params = ExtractParams(extractor="resiliparse")
    found = []
    for path, body in pages(limit):
        capture = dict.fromkeys(READS) | {
            "id": path,
            "uri": path,
            "source": "debian",
            "mime": "text/html",
            "body": body,
        }
        try:
            row = document(capture, params)
        except UnreadableError:
            continue
        if row["text"]:
            found.append((path, str(row["text"])))
    return found


def write_jsonl(rows: Sequence[Text], path: Path) -> None:
    """One object of `id` and `text` per line, as the programs of the peers read it."""
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n" for name, text in rows)
