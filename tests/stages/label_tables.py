"""Small segments for the tests of labels: documents, clusters and votes from a few words each."""

from dataclasses import dataclass
from hashlib import sha256

import pyarrow as pa

from catalog.schema import CLUSTERS, DOCUMENTS, VOTES
from stages.labels.resolve import ConsensusParams

COLUMNS = pa.schema(
    [DOCUMENTS.field(name) for name in ("id", "source", "language", "text_digest")]
    + [CLUSTERS.field(name) for name in ("cluster", "drop_reason")]
).remove_metadata()


@dataclass(frozen=True)
class Part:
    """A segment in memory."""

    key: str
    table: pa.Table

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Its rows, or some columns."""
        return self.table if columns is None else self.table.select(columns)


UNDECIDED = Part("all", pa.table({"cluster": pa.array([], pa.string()), "split": pa.array([], pa.string())}))
"""The splits that sources decide, where none does."""


def digest(text: str) -> str:
    """sha256 of a text, hex."""
    return sha256(text.encode()).hexdigest()


def parts(documents: list[tuple[str, str, str]], size: int = 1000) -> list[Part]:
    """Segments of `size` documents given as (id, source, text), as clean and dedup together would write them.

    Equal texts are one cluster, represented by the smallest id.
    """
    kept = {text: min(name for name, _, other in documents if other == text) for _, _, text in documents}
    rows = [
        (name, source, "en", digest(text), digest(text), None if kept[text] == name else "exact_duplicate")
        for name, source, text in documents
    ]
    table = pa.Table.from_pylist([dict(zip(COLUMNS.names, row, strict=True)) for row in rows], schema=COLUMNS)
    return [Part(f"segment-{start // size}", table.slice(start, size)) for start in range(0, max(len(rows), 1), size)]


def votes_part(votes: list[tuple[str, str, str]], scores: list[int] | None = None) -> Part:
    """A segment of votes given as (id, annotator, label) on the task `mood`."""
    rows = [
        {"id": name, "task": "mood", "annotator": who, "label": label, "score": scores[place] if scores else None}
        for place, (name, who, label) in enumerate(votes)
    ]
    return Part("votes", pa.Table.from_pylist(rows, schema=VOTES.remove_metadata()))


def consensus(**changes: object) -> ConsensusParams:
    """Parameters of the task `mood`, with some changed."""
    defaults = {
        "task": "mood", "kind": "classification", "labels": ["bad", "good"], "given_conflict": "drop",
        "priority": ["given", "ratings", "functions"], "consensus": "majority", "iterations": 10,
        "min_confidence": 0, "class_balance": None,
    }  # fmt: skip
    return ConsensusParams(**{**defaults, **changes})  # type: ignore[arg-type]
