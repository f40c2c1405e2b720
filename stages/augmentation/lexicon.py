"""Synonym lexicons out of pinned files and archives, as a small table.

Reads   a file, or a member of an archive (stages/sources/archive.py), downloaded when the table is really built;
        jieba's dictionary.
Writes  augment/lexicon: one row per word that has synonyms; augment/synonyms: the rows of all languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa

from catalog.errors import SourceError
from catalog.segments import Segment
from stages.augmentation.synonyms import (
    Lexicon,
    cilin_lexicon,
    jieba_dictionary,
    omw_lexicon,
    table_lexicon,
    wordnet_lexicon,
)
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


Format = Literal["cilin", "omw", "wordnet", "tsv"]
LANGUAGES = {"cilin": "zh", "omw": "zh", "wordnet": "en"}  # of the formats that have one


@dataclass(frozen=True, slots=True, kw_only=True)
class LexiconParams:
    """One lexicon; `member` is a glob of the file or files inside an archive, null where the file itself is pinned."""

    language: str
    format: Format
    member: str | None = None

    def __post_init__(self) -> None:
        if self.format not in get_args(Format):
            raise ValueError(f"`format` is {self.format!r}, must be of {', '.join(get_args(Format))}")
        if (language := LANGUAGES.get(self.format, self.language)) != self.language:
            raise ValueError(f"`format` is {self.format}, which is read for {language} only")
        if not isinstance(self.member, str) and (self.member is not None or self.format == "wordnet"):
            raise ValueError(f"`member` is {self.member!r}, must be a path or glob inside the archive")


def build_lexicon(archive: Pinned, params: LexiconParams) -> Iterator[tuple[str, None, pa.Table]]:
    """Yield the rows of one language, ordered by word.

    Errors: SourceError when the file or member is missing or wrong, or no usable synonym comes out.
    """
    files = _read_members(archive, params.member) if params.member else {archive.uri: _read_file(archive)}
    place = ", ".join(files) or f"any member like `{params.member}`"
    try:
        lexicon = _lexicon(files, params)
        problem = "" if lexicon else f"no synonyms in {place}, read as {params.format}"
    except ValueError as error:
        problem = f"{place}, {error}"
    if problem:
        raise SourceError(
            f"{archive.uri}: {problem}; correct augment.synonyms.{params.language} in params.yaml, "
            "then `dvc repro augment`"
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


def _read_file(pinned: Pinned) -> list[str]:
    return archive_path(pinned).read_text(encoding="utf-8-sig").splitlines()


def _lexicon(files: dict[str, list[str]], params: LexiconParams) -> Lexicon:
    """The synonyms that the files hold. Errors: ValueError for a line that says none."""
    if params.format == "wordnet":
        return _wordnet(files)
    lines = [line for part in files.values() for line in part]
    if params.format == "tsv":
        return table_lexicon(lines, params.language)
    dictionary = jieba_dictionary(dictionary_lines())
    return cilin_lexicon(lines, dictionary) if params.format == "cilin" else omw_lexicon(lines, dictionary)


def _wordnet(files: dict[str, list[str]]) -> Lexicon:
    def joined(kind: str) -> list[str]:
        return [line for part in ("noun", "verb", "adj", "adv") for line in files.get(f"{kind}.{part}", [])]

    return wordnet_lexicon(joined("data"), joined("index"), files.get("cntlist.rev", []))
