"""The source kind `files`: a file, a folder or a glob of the repository -> captures.

Reads   files below the repository's root. Writes tables for stages/crawl.py.
A large table is an action of its own; other files are grouped at boundaries decided by a hash of their paths, so
that 10,000 pages give some 10 actions and a file that comes or goes touches one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.digests import digest_of
from catalog.errors import SourceError
from catalog.layout import is_watched, project_root, watched_path
from stages.sources.archive import glob_pattern
from stages.sources.captures import Located, Origin, Output, capture_tables
from stages.sources.formats import Broken, UnreadableFile
from stages.sources.formats.names import is_one_document
from stages.sources.reading import read_rows
from stages.sources.rows import RowNames
from stages.sources.settings.files import FilesSource
from stages.sources.settings.reading import Reading

LARGE = 1 << 18  # bytes from which a table is read by an action of its own
GROUP_BYTES = 64 << 20  # bytes of a group, at most
GROUP, MAX_GROUP = 1000, 4000  # files in a group on average, and at most


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesReading:
    """What decides the captures of a group of files, besides their paths and bytes."""

    name: str
    licence: str
    reading: Reading


def matching_files(source: FilesSource, root: Path = Path()) -> list[Path]:
    """Files of a source, relative to `root`, sorted by path; hidden ones and DVC's own left out.

    Errors: SourceError when there are none, or when a link leads out of the repository.
    """
    path = root / source.path
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = [one for one in path.rglob("*") if one.is_file()]
    else:
        found = [one for one in root.glob(source.path) if one.is_file()]
    relative = [one.relative_to(root) for one in found]
    pattern = glob_pattern(source.reading.match)
    start = len(Path(source.path).parts) if path.is_dir() else 0
    kept = [one for one in relative if _is_data(one) and pattern.fullmatch("/".join(one.parts[start:]))]
    if not kept:
        raise SourceError(
            f"source {source.name}: no file at {source.path}; put it there, or run `dvc pull`, or edit crawl.sources"
        )
    for one in kept:
        if not (root / one).resolve().is_relative_to(project_root(root)):
            raise SourceError(f"source {source.name}: {one} is a link out of the repository; copy the file into it")
    return sorted(kept)


def _is_data(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts) and path.suffix != ".dvc"


def file_groups(paths: Sequence[Path], reading: Reading, root: Path = Path()) -> list[list[Path]]:
    """Sorted paths as groups: each large table alone, others cut after a path whose hash is a multiple of GROUP."""
    groups: list[list[Path]] = []
    small: list[Path] = []
    held = 0
    for path in paths:
        size = (root / path).stat().st_size
        if size >= LARGE and not is_one_document(path.as_posix(), reading):
            groups.append([path])
            continue
        small.append(path)
        held += size
        if _ends_group(path) or len(small) == MAX_GROUP or held >= GROUP_BYTES:
            groups.append(small)
            small, held = [], 0
    return groups + ([small] if small else [])


def _ends_group(path: Path) -> bool:
    return int(hashlib.sha256(path.as_posix().encode()).hexdigest()[:8], 16) % GROUP == 0


def group_digest(paths: Sequence[Path], sha256: Mapping[str, str]) -> str:
    """Digest of the names and bytes of a group of files; `sha256` has the digest of each."""
    return digest_of([[path.as_posix(), sha256[path.as_posix()]] for path in paths])


def read_files(paths: Sequence[Path], forgotten: Sequence[str] = (), *, params: FilesReading) -> Iterator[Output]:
    """Tables of one group of files; a file that cannot be read is a row of the quarantine.

    The documents whose ids are `forgotten` are left out.
    """
    located = (one for path in paths for one in _rows(path, params.reading))
    return capture_tables(located, Origin(source=params.name, licence=params.licence), frozenset(forgotten))


def file_uri(path: Path) -> str:
    """The URI of a file; its rows add `#` and their key."""
    return f"file:{path.as_posix()}"


def _rows(path: Path, reading: Reading) -> Iterator[Located]:
    uri = file_uri(path)
    names = RowNames(uri)
    try:
        with path.open("rb") as stream:
            for row in read_rows(stream, path.as_posix(), reading):
                yield Located(names.uri(row.key), row)
    except (UnreadableFile, OSError) as error:
        yield Located(uri, Broken("", f"unreadable file: {error}"))


def check_dependencies(paths: Mapping[str, Sequence[str]], dependencies: Sequence[str]) -> None:
    """Every path that a source reads must be a dependency of the crawl stage, or DVC would not see it change.

    Errors: SourceError naming the first that is not, and the command that adds it.
    """
    for name, path in ((name, path) for name, some in paths.items() for path in some):
        wanted = watched_path(path)
        if not is_watched(wanted, dependencies):
            raise SourceError(
                f"source {name}: {wanted} is not in the deps of the stage `crawl` in dvc.yaml, so a change in it "
                "would not be seen; add it there, as `gristmill source add` does"
            )
