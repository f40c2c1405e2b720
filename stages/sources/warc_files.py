"""The files of a `warc` source: those of the repository, one download, or those that a list names.

Reads   the repository, or the crawl log, which has the addresses and digests of what a list with a URL as `base` names
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import SourceError
from catalog.rehearsal.rehearsal import in_rehearsal
from stages.sources.download import archive_path
from stages.sources.entries import path_refusal
from stages.sources.files import file_uri, matching_files
from stages.sources.kinds import Asking, Run
from stages.sources.notes import note
from stages.sources.packed import UNREADABLE, TooLarge, packing, unpacked
from stages.sources.pins import Listed, listed_rows, pin_files, pins_of
from stages.sources.settings.archive import Pinned
from stages.sources.settings.files import FilesSource
from stages.sources.settings.site import utc_now
from stages.sources.settings.warc import WarcSource

MAX_RATIO = 200  # bytes out / bytes in of a compressed list
MAX_LINE = 4096  # bytes of a line of a list


@dataclass(frozen=True, slots=True)
class WarcFile:
    """A file on disk; a rehearsal, which downloads nothing, has no path of a download."""

    path: Path
    sha256: str


def files_of(source: WarcSource, run: Run) -> dict[str, WarcFile] | None:
    """Address -> file, in the order in which they are read; None in a rehearsal where a list is not in the log yet.

    Errors: SourceError for a file that is not there, or cannot be had.
    """
    if source.url:
        return {source.pinned.uri: _downloaded(source.pinned)}
    if source.paths and source.is_remote(source.base):
        return _listed(source, run)
    found = list(_lines(source)) if source.paths else [str(source.path)]
    paths = sorted({path for one in found for path in _matching(source, one)})
    sha256 = run.stage.digests(paths)
    return {file_uri(path): WarcFile(path, sha256[path.as_posix()]) for path in paths}


def _matching(source: WarcSource, path: str) -> list[Path]:
    return matching_files(FilesSource(name=source.name, licence=source.licence, path=path))


def _downloaded(pinned: Pinned) -> WarcFile:
    return WarcFile(Path() if in_rehearsal() else archive_path(pinned), str(pinned.sha256))


def _listed(source: WarcSource, run: Run) -> dict[str, WarcFile] | None:
    pins = pins_of(listed_rows(run.log, source.name, source.listing), run.as_of)
    if pins is None and in_rehearsal():
        return None
    if pins is None and not (run.as_of and run.as_of < utc_now()):
        ask_files(source, Asking(log=run.log, tombstones=run.tombstones))
        pins = pins_of(listed_rows(run.log, source.name, source.listing), run.as_of)
    if pins is None:
        raise SourceError(
            f"source {source.name}: its files had not been had by as_of {run.as_of}; "
            "set `as_of` to a later time in params.yaml, or remove it, then `dvc repro crawl`"
        )
    return {pin.uri: _downloaded(pin.pinned) for pin in pins}


def ask_files(source: WarcSource, asking: Asking) -> None:
    """Download what the list names and the log does not have yet. Errors: SourceError."""
    files = (Listed(uri=url, url=url) for url in _lines(source))
    count = pin_files(source.name, source.listing, files, asking.log)
    note(source.name, f"{count} files of {source.paths}", files=count)


def _lines(source: WarcSource) -> Iterator[str]:
    """The lines of a list below `base`, the first ones. Errors: SourceError."""
    path = Path(str(source.paths))
    base = source.base.rstrip("/") + "/" if source.base else ""
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            stream.seek(0)
            text = io.TextIOWrapper(unpacked(stream, packing(start), MAX_RATIO), encoding="utf-8")
            lines = [line.strip() for line in iter(lambda: text.readline(MAX_LINE), "")]
    except (TooLarge, UnicodeDecodeError, *UNREADABLE) as error:
        raise SourceError(f"source {source.name}: {path}: {error}; put a whole list there") from None
    given = [line for line in lines if line][: source.first]
    for line in given:
        if reason := path_refusal(line):
            raise SourceError(f"source {source.name}: {path} names {line!r}: {reason}; correct the list")
    if not given:
        raise SourceError(f"source {source.name}: {path} names no file; put a list there, as `warc.paths.gz`")
    return iter([base + line for line in given])
