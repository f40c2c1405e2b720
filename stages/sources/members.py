"""The source kind `archive`: matching members of one pinned archive -> captures.

Reads   the archive (stages/sources/download.py finds or fetches it). Writes tables for stages/crawl.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import SourceError
from stages.sources.archive import glob_pattern, members
from stages.sources.captures import Located, Origin, Output, capture_tables
from stages.sources.download import archive_path
from stages.sources.entries import Member, Refused
from stages.sources.formats import Broken, UnreadableFile
from stages.sources.packed import UNREADABLE, TooLarge
from stages.sources.reading import Rated, read_ratings, read_rows
from stages.sources.rows import RowNames
from stages.sources.settings.archive import ArchiveSource, Pinned
from stages.sources.settings.reading import Reading


@dataclass(slots=True)
class Reader:
    """Reads the members of a source; `ratings` by the path of their member."""

    source: ArchiveSource
    path: Path
    uri: str
    ratings: dict[str, Rated] = field(default_factory=dict)

    def located(self) -> Iterator[Located]:
        """Every row and every refused member of the source, in the order of the archive."""
        self.ratings = self._ratings()
        readings = {reading.match: reading for reading in self.source.members}
        matched = set()
        for member in self._members(tuple(readings)):
            uri = f"{self.uri}/{member.path}"
            if isinstance(member, Refused):
                matched |= {glob for glob in readings if glob_pattern(glob).fullmatch(member.path)}
                yield Located(uri, Broken("", f"refused: {member.reason}"))
                continue
            matched.add(member.glob)
            yield from self._rows(member, uri, readings[member.glob])
        self._check_matched(set(readings) - matched)

    def _check_matched(self, unmatched: set[str]) -> None:
        """A glob that finds nothing is a mistake: rows that were meant to be read are missing."""
        if unmatched:
            globs = " or ".join(sorted(unmatched))
            raise SourceError(
                f"source {self.source.name}: no member of {self.uri} matches {globs}; "
                f"list them with `python -m zipfile -l` or `tar tf` on {self.path}, then edit crawl.sources"
            )

    def _members(self, globs: tuple[str, ...]) -> Iterator[Member | Refused]:
        with self.path.open("rb") as stream:
            yield from members(stream, self.uri, globs, self.source.limits)

    def _rows(self, member: Member, uri: str, reading: Reading) -> Iterator[Located]:
        names = RowNames(uri)
        rated = self.ratings.get(_ratings_member(member.path, reading))
        try:
            for row in read_rows(member.stream, member.path, reading, rated):
                yield Located(names.uri(row.key), row)
        except (TooLarge, UnreadableFile) as error:
            yield Located(uri, Broken("", str(error)))
        except UNREADABLE as error:
            yield Located(uri, Broken("", f"unreadable member: {type(error).__name__}: {error}"))

    def _ratings(self) -> dict[str, Rated]:
        """The ratings members, read before the texts because an archive may hold them in any order."""
        globs = {_ratings_member(one.match, one): one for one in self.source.members if one.ratings}
        rated, matched = {}, set()
        for member in self._members(tuple(globs)) if globs else ():
            if isinstance(member, Refused):
                raise SourceError(f"source {self.source.name}: the ratings {member.path} are refused: {member.reason}")
            matched.add(member.glob)
            try:
                rated[member.path] = read_ratings(member.stream, globs[member.glob])
            except (UnreadableFile, TooLarge) as error:
                raise SourceError(f"source {self.source.name}: {member.path}: {error}; correct `ratings`") from None
        self._check_matched(set(globs) - matched)
        return rated


def _ratings_member(path: str, reading: Reading) -> str:
    return path.replace(*reading.ratings.member) if reading.ratings else ""


def read_archive(pinned: Pinned, uri: str, forgotten: Sequence[str] = (), *, params: ArchiveSource) -> Iterator[Output]:
    """Tables of one archive, whose address is `uri`; a member that cannot be read is a row of the quarantine.

    The documents whose ids are `forgotten` are left out.
    Errors: SourceError when the archive is missing, not the pinned one, unreadable or a bomb.
    """
    reader = Reader(params, archive_path(pinned), uri)
    origin = Origin(source=params.name, licence=params.licence)
    return capture_tables(reader.located(), origin, frozenset(forgotten))
