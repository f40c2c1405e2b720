"""Synonym lexicons out of pinned archives, as a small table.

Reads   a member of an archive (stages/sources/archive.py), downloaded when the table is really built; jieba's
        dictionary.
Writes  augment/lexicon: one row per word that has synonyms; augment/synonyms: the rows of all languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from catalog.errors import SourceError
from catalog.segments import Segment
from stages.augmentation.synonyms import Lexicon, cilin_lexicon, jieba_dictionary, wordnet_lexicon
from stages.augmentation.wording import dictionary_lines
from stages.sources.archive import members
from stages.sources.download import archive_path
from stages.sources.entries import Member
from stages.sources.settings.archive import ArchiveLimits, Pinned

LEXICON = pa.schema(
    [
        pa.field("language", pa.string(), False, {"unit": "ISO 639-1 code"}),
        pa.field("word", pa.string(), False, {"unit": "lower-case word"}),
        pa.field(
            "synonyms",
            pa.list_(pa.string()),
            False,
            {"unit": "words that may stand for it, most frequent first"},
        ),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LexiconParams:
    """One lexicon; `member` is a glob of the file (cilin) or files (wordnet) inside the archive."""

    language: str
    format: Literal["cilin", "wordnet"]
    member: str


def build_lexicon(archive: Pinned, params: LexiconParams) -> Iterator[tuple[str, None, pa.Table]]:
    """Yield the rows of one language, ordered by word.

    Errors: SourceError when the archive or the member is missing, or no usable synonym comes out.
    """
    files = _read_members(archive, params.member)
    lexicon = _cilin(files) if params.format == "cilin" else _wordnet(files)
    if not lexicon:
        place = ", ".join(files) or f"any member like `{params.member}`"
        raise SourceError(
            f"{archive.uri}: no synonyms in {place}, read as {params.format}; "
            f"correct augment.synonyms.{params.language} in params.yaml, then `dvc repro augment`"
        )
    words = sorted(lexicon)
    columns = [[params.language] * len(words), words, [list(lexicon[word]) for word in words]]
    yield "lexicon", None, pa.table(columns, schema=LEXICON)


def unite_lexicons(lexicons: list[Segment]) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("synonyms", "all", the rows of all lexicons), in the order of params.yaml."""
    yield "synonyms", "all", pa.concat_tables([lexicon.read() for lexicon in lexicons])


def _read_members(archive: Pinned, member: str) -> dict[str, list[str]]:
    """Lines of the wanted members, by file name."""
    files: dict[str, list[str]] = {}
    with archive_path(archive).open("rb") as stream:
        for found in members(stream, archive.uri, (member,), ArchiveLimits()):
            if not isinstance(found, Member):
                raise SourceError(f"{archive.uri}!{found.path} is refused: {found.reason}; choose another archive")
            files[found.path.rpartition("/")[2]] = found.stream.read().decode("utf-8").splitlines()
    return files


def _cilin(files: dict[str, list[str]]) -> Lexicon:
    return cilin_lexicon([line for lines in files.values() for line in lines], jieba_dictionary(dictionary_lines()))


def _wordnet(files: dict[str, list[str]]) -> Lexicon:
    def joined(kind: str) -> list[str]:
        return [line for part in ("noun", "verb", "adj", "adv") for line in files.get(f"{kind}.{part}", [])]

    return wordnet_lexicon(joined("data"), joined("index"), files.get("cntlist.rev", []))
