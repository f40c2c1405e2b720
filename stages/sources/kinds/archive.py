"""The kind `archive`: one action per archive, decided by its bytes, how they are read, and what is forgotten."""

from __future__ import annotations

from pathlib import Path

from catalog.operators import Operator
from catalog.stage import Action
from stages.sources.captures import WRITES
from stages.sources.kinds import Kind, Run, forgetting
from stages.sources.members import read_archive
from stages.sources.settings.archive import ArchiveSource


def archive_actions(source: ArchiveSource, run: Run) -> list[Action]:
    """The action of an archive; its bytes are known by their pinned digest, or by that of the file."""
    path = Path(source.archive.path or "")
    digest = source.archive.sha256 or (run.stage.digests([path])[path.as_posix()] if path.is_file() else "missing")
    forgotten = run.tombstones.below(source.archive.uri)
    inputs = {"archive": digest} | forgetting(forgotten)
    return [Action(name=source.name, inputs=inputs, args=(forgotten,), params=source)]


ARCHIVE = Kind(
    record=ArchiveSource,
    operator=Operator(name="archive", run=read_archive, writes=WRITES),
    actions=archive_actions,
    pinned=lambda source: source.archive,
    path=lambda source: source.archive.path,
)
