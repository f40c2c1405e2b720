"""The kind `files`: an action per group of files, decided by their names and bytes, and by what is forgotten."""

from __future__ import annotations

from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action
from stages.sources.captures import WRITES
from stages.sources.files import FilesReading, file_groups, file_uri, group_digest, matching_files, read_files
from stages.sources.kinds import Kind, Run, forgetting
from stages.sources.settings.files import FilesSource


def file_actions(source: FilesSource, run: Run) -> list[Action]:
    """The actions of a `files` source."""
    params = FilesReading(name=source.name, licence=source.licence, reading=source.reading)
    paths = matching_files(source)
    sha256 = run.stage.digests(paths)
    actions = []
    for group in file_groups(paths, source.reading):
        forgotten = run.tombstones.below(*map(file_uri, group))
        inputs = {"files": group_digest(group, sha256)} | forgetting(forgotten)
        name = f"{source.name}:{group[0]}"
        actions.append(Action(name=name, inputs=inputs, args=(group, forgotten), params=params, owner=source.name))
    return actions


FILES = Kind(
    record=FilesSource,
    operator=Operator(name="files", run=read_files, writes=WRITES),
    actions=file_actions,
    paths=lambda source: (source.path,),
)
