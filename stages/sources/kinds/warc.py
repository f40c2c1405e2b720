"""The kind `warc`: one action per source, since of several captures of one URL, in whatever file, one stands."""

from __future__ import annotations

from pathlib import Path

from catalog.operators import Operator
from catalog.rehearsal.rehearsal import in_rehearsal
from catalog.stage import Action
from stages.sources.captures import WRITES
from stages.sources.download import archive_path
from stages.sources.files import file_uri, group_digest, matching_files
from stages.sources.kinds import Kind, Run, forgetting
from stages.sources.settings.files import FilesSource
from stages.sources.settings.warc import WarcSource
from stages.sources.warc import read_warcs


def warc_actions(source: WarcSource, run: Run) -> list[Action]:
    """The action of a source; its bytes are known by their digests. Documents are forgotten by their URLs."""
    forgotten = sorted(run.tombstones.ids)
    if source.path:
        paths = matching_files(FilesSource(name=source.name, licence=source.licence, path=source.path))
        places = [file_uri(path) for path in paths]
        digest = group_digest(paths, run.stage.digests(paths))
    else:
        paths = [Path()] if in_rehearsal() else [archive_path(source.pinned)]
        places, digest = [source.pinned.uri], str(source.sha256)
    inputs = {"files": digest} | forgetting(forgotten)
    return [Action(name=source.name, inputs=inputs, args=(paths, places, forgotten), params=source)]


WARC = Kind(
    record=WarcSource,
    operator=Operator(name="warc", run=read_warcs, writes=WRITES, libraries=("fastwarc",)),
    actions=warc_actions,
    pinned=lambda source: source.pinned if source.url else None,
    path=lambda source: source.path,
)
