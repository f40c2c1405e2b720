"""Texts -> digests of their letters and digits alone, so that spelling apart, equal texts are equal.

Reads   clean/text.
Writes  dedup/folded, one row per document.

Case, accents, compatibility forms (full-width letters), white space, punctuation and invisible characters do not count:
the fold is that of the shingles. A text without letters and digits stands for itself.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa

from catalog.schema import ID, column, table
from stages.text.minhash.shingles import folded_letters

FOLDED = table(ID, column("folded_digest", pa.string(), "sha256 of the folded letters and digits of the text, hex"))


def fold(documents: pa.Table) -> dict[str, pa.Table]:
    """clean/text rows -> {"folded": FOLDED rows}, same order."""
    digests = [folded_digest(text) for text in documents["text"].to_pylist()]
    return {"folded": pa.table([documents["id"], pa.array(digests, pa.string())], schema=FOLDED)}


def folded_digest(text: str) -> str:
    """sha256 of the letters and digits of a text, hex; of the text itself where it has none."""
    return hashlib.sha256(folded_letters(text) or text.encode()).hexdigest()
