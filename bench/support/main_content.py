"""How well an extractor finds the main content of saved pages: precision, recall and F1 of 4-token shingles.

Reads   `../shared/data/extract_readability`: the test pages of mozilla/readability (130, each with the main content
        that its authors expect). Not part of the project; without it there is nothing to measure.
Source  scrapinghub/article-extraction-benchmark, `evaluate.py`: shingles of 4 tokens with their counts; per page
        precision = common / found and recall = common / expected; both are averaged over the pages, and F1 is made of
        the averages. Tokens are `\\w+`, but each Han and kana character is one of its own: those scripts part no words,
        and a `\\w+` of theirs is whatever stands between two marks.
"""

from __future__ import annotations

import re
import tarfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import lxml.html  # type: ignore[import-untyped]

from stages.documents.xml import names

ARCHIVE = Path(__file__).resolve().parents[2] / "../shared/data/extract_readability/readability_pages.tar.xz"
SHINGLE = 4  # tokens
EAST_ASIAN = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
TOKEN = re.compile(f"[{EAST_ASIAN}]|[^\\W{EAST_ASIAN}]+")
CJK_SHARE = 0.10  # of the characters of the expected text, as `max_east_asian` has it
BLOCKS = names(
    "address article aside blockquote br dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main"
    " nav ol p pre section table td th tr ul"
)

Page = tuple[str, str]  # HTML, expected text


def saved_pages() -> list[Page]:
    """The pages in the order of their names; none where the archive is not there."""
    if not ARCHIVE.is_file():
        return []
    with tarfile.open(ARCHIVE) as archive:
        files = {member.name: member for member in archive if member.isfile()}
        folders = sorted({name.rpartition("/")[0] for name in files if name.endswith("/expected.html")})
        return [
            (_read(archive, files[f"{folder}/source.html"]), _text(_read(archive, files[f"{folder}/expected.html"])))
            for folder in folders
        ]


def scores(pages: Sequence[Page], extractor: Callable[[str], str]) -> dict[str, Any]:
    """Precision, recall and F1 over all pages, and F1 over those with Han or kana."""
    measured = [_matches(expected, extractor(page)) for page, expected in pages]
    cjk = [found for found, (_, expected) in zip(measured, pages, strict=True) if _is_cjk(expected)]
    precision, recall, f1 = _averaged(measured)
    return {
        "precision": round(precision, 3), "recall": round(recall, 3), "f1": round(f1, 3),
        "f1_cjk": round(_averaged(cjk)[2], 3), "pages": len(measured), "pages_cjk": len(cjk),
    }  # fmt: skip


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    return file.read().decode("utf-8", "replace") if file else ""


def _text(page: str) -> str:
    """All text of a page, its blocks apart."""
    parts: list[str] = []
    for step, element in lxml.etree.iterwalk(lxml.html.fromstring(page), events=("start", "end", "comment")):
        edge = " " if element.tag in BLOCKS else ""
        parts += [edge, (element.text or "")] if step == "start" else [edge, (element.tail or "")]
    return "".join(parts)


def _is_cjk(text: str) -> bool:
    return len(re.findall(f"[{EAST_ASIAN}]", text)) > CJK_SHARE * len(text)


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    tokens = TOKEN.findall(text)
    starts = range(max(1, len(tokens) - SHINGLE + 1)) if tokens else ()
    return Counter(tuple(tokens[start : start + SHINGLE]) for start in starts)


def _matches(expected: str, found: str) -> tuple[int, int, int]:
    """Shingles (in both, found, expected)."""
    wanted, got = _shingles(expected), _shingles(found)
    return (wanted & got).total(), got.total(), wanted.total()


def _averaged(measured: Sequence[tuple[int, int, int]]) -> tuple[float, float, float]:
    """(precision, recall, F1); a page counts in precision where something was found."""
    precision = mean(common / found for common, found, _ in measured if found)
    recall = mean(common / expected for common, _, expected in measured if expected)
    return precision, recall, 2 * precision * recall / (precision + recall)
