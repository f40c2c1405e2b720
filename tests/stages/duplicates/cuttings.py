"""Made-up documents through the levels after clustering, in memory; and the same decided slowly, by the book."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from catalog.parquet import conform
from stages.duplicates.clustering import cluster_first
from stages.duplicates.cutting import CUTS, DROP
from stages.duplicates.paragraphs import ParagraphParams, SplitParams, paragraph_cuts, split
from stages.duplicates.params import ClusterParams, KeepParams
from stages.duplicates.settling import settle_all
from stages.duplicates.substrings import SubstringParams, substring_cuts
from stages.text.minhash.signing import SignParams, sign
from tests.stages.duplicates.duplicated import SCHEMA, Part

Row = dict[str, Any]
Level = Callable[[list[Part], list[list[Part]]], list[Part]]


def paragraphs(effect: str, *, tokens: int = 3, newlines: int = 1, share: float = 0.5) -> Level:
    """The level `paragraphs` as operators, one after the other."""
    about = ParagraphParams(effect=effect, max_share=share, keep=KeepParams())

    def find(texts: list[Part], known: list[list[Part]]) -> list[Part]:
        how = SplitParams(newlines=newlines, tokens=tokens)
        hashed = [Part(part.key, split(part.table, how)["paragraphs"]) for part in texts]
        return parts_of(paragraph_cuts(hashed, *known, params=about))  # type: ignore[arg-type]

    return find


def substrings(effect: str, *, tokens: int = 3, share: float = 0.5, max_mib: int = 1) -> Level:
    """The level `substrings`."""
    sought = SubstringParams(effect=effect, tokens=tokens, max_mib=max_mib, max_share=share, keep=KeepParams())
    return lambda texts, known: parts_of(substring_cuts(texts, *known, params=sought))  # type: ignore[arg-type]


def parts_of(found: Iterator[tuple[str, str, pa.Table]]) -> list[Part]:
    """What a level yields, as segments."""
    return [Part(key, conform(rows, CUTS, "cuts")) for _, key, rows in found]


def run(parts: Sequence[Sequence[Row]], *levels: Level, **clustering: Any) -> tuple[dict[str, Row], list[Row]]:
    """(verdict of each document by id, cuts), after clustering and these levels."""
    texts = [Part(str(i), pa.Table.from_pylist(list(part), schema=SCHEMA)) for i, part in enumerate(parts)]
    signed = [Part(part.key, sign(part.table, SignParams())["signatures"]) for part in texts]
    params = ClusterParams(**{"levels": ("exact",)} | clustering)
    first = cluster_first(signed, texts, texts, params=params)  # type: ignore[arg-type]
    clusters = [Part(key, rows) for _, key, rows in first]
    known: list[list[Part]] = [signed, clusters, [], texts]
    for level in levels:
        known.append(level(texts, known))
    settled = list(settle_all(signed, clusters, texts, *known[4:], params=params.guards))  # type: ignore[arg-type]
    verdicts = {row["id"]: row for name, _, rows in settled if name == "verdicts" for row in rows.to_pylist()}
    return verdicts, [row for name, _, rows in settled if name == "cuts" for row in rows.to_pylist()]


@dataclass(frozen=True)
class Piece:
    """A span of a text, and what makes it equal to another."""

    start: int
    stop: int
    key: str


def tokens_of(text: str) -> list[tuple[int, int]]:
    """Words of letters, marks and digits, and Han characters one by one."""
    found = []
    for match in re.finditer(r"\w+", text):
        for run in re.finditer(r"[\u4e00-\u9fff]|[^\u4e00-\u9fff]+", match.group()):
            found.append((match.start() + run.start(), match.start() + run.end()))
    return found


def windows(text: str, tokens: int) -> list[Piece]:
    """Every run of so many tokens."""
    spans = tokens_of(text)
    ends = [(spans[i][0], spans[i + tokens - 1][1]) for i in range(len(spans) - tokens + 1)]
    return [Piece(start, stop, text[start:stop]) for start, stop in ends]


def lines(text: str, tokens: int) -> list[Piece]:
    """Every line that is long enough, with the newline that ends it."""
    found = []
    for match in re.finditer(r"[^\n]+\n*", text):
        words = [match.group()[start:stop] for start, stop in tokens_of(match.group())]
        if len(words) >= tokens:
            plain = unicodedata.normalize("NFD", " ".join(words)).lower()
            found.append(Piece(match.start(), match.end(), "".join(c for c in plain if not unicodedata.combining(c))))
    return found


def by_the_book(
    rows: Sequence[Row], pieces: Callable[[str], list[Piece]], effect: str, share: float
) -> tuple[set[str], set[tuple[str, int, str]]]:
    """(ids dropped, (id, position of a character that is cut, id that keeps it)); each text against all before it."""
    distinct = {row["text"]: row["id"] for row in sorted(rows, key=lambda row: row["id"], reverse=True)}
    order = sorted(distinct, key=lambda text: (-len(text), next(r["text_digest"] for r in rows if r["text"] == text)))
    keeper: dict[str, str] = {}
    dropped, cut = set(), set()
    for text in order:
        covered: dict[int, str] = {}
        for piece in pieces(text):
            if piece.key in keeper:
                covered |= {at: keeper[piece.key] for at in range(piece.start, piece.stop) if at not in covered}
        cut |= {(distinct[text], at, of) for at, of in covered.items()}
        if effect == DROP and len(covered) > share * len(text):
            dropped.add(distinct[text])
        else:
            for piece in pieces(text):
                keeper.setdefault(piece.key, distinct[text])
    return dropped, cut
