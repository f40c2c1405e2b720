"""The kind `archive`: one action per archive, decided by its bytes, how they are read, and what is forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from catalog.digests import digest_of
from catalog.errors import SourceError
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action
from catalog.rehearsal.rehearsal import in_rehearsal
from stages.sources.captures import WRITES
from stages.sources.kinds import Asking, Kind, Run, forgetting, some
from stages.sources.members import read_archive
from stages.sources.notes import note
from stages.sources.pins import Pin, listed_rows, pins_of
from stages.sources.settings.archive import ArchiveSource
from stages.sources.settings.site import utc_now


def archive_actions(source: ArchiveSource, run: Run) -> list[Action]:
    """The action of an archive; its bytes are known by their pinned digest, or by that of the file.

    Of files of the hub, an action for each; the hub is asked where the log does not say which there are.
    """
    if source.archive.is_listing:
        return _listed_actions(source, run)
    path = Path(source.archive.path or "")
    digest = source.archive.sha256 or (run.stage.digests([path])[path.as_posix()] if path.is_file() else "missing")
    forgotten = run.tombstones.below(source.archive.uri)
    inputs = {"archive": digest} | forgetting(forgotten)
    args = (source.archive, source.archive.uri, forgotten)
    return [Action(name=source.name, inputs=inputs, args=args, params=source)]


def _listed_actions(source: ArchiveSource, run: Run) -> list[Action]:
    pins = _pins(source, run)
    if pins is None and in_rehearsal():
        return [Action(name=source.name, inputs={"list": f"{_listing(source)} is not in the log"})]
    if pins is None and not (run.as_of and run.as_of < utc_now()):
        ask_archive(source, Asking(log=run.log, tombstones=run.tombstones))
        pins = _pins(source, run)
    if pins is None:
        raise SourceError(
            f"source {source.name}: it had not been listed by as_of {run.as_of}; "
            "set `as_of` to a later time in params.yaml, or remove it, then `dvc repro crawl`"
        )
    actions = []
    for pin in pins:
        forgotten = run.tombstones.below(pin.uri)
        inputs = {"archive": str(pin.pinned.sha256), "uri": pin.uri} | forgetting(forgotten)
        name = f"{source.name}:{pin.uri.rpartition('/')[2]}:{digest_of(pin.uri)[:8]}"
        args = (replace(pin.pinned, auth=source.archive.auth), pin.uri, forgotten)
        actions.append(Action(name=name, inputs=inputs, args=args, params=source, owner=source.name))
    return actions


def _listing(source: ArchiveSource) -> str:
    return digest_of(str(source.archive.url))


def _pins(source: ArchiveSource, run: Run) -> list[Pin] | None:
    return pins_of(listed_rows(run.log, source.name, _listing(source)), run.as_of)


def ask_archive(source: ArchiveSource, asking: Asking) -> None:
    """List a data set of the hub as it is now, and pin its files in the log. Errors: SourceError."""
    from stages.sources.hub import hub_files
    from stages.sources.pins import pin_files

    url, auth = str(source.archive.url), source.archive.auth
    count = pin_files(source.name, _listing(source), hub_files(url, auth), asking.log, auth)
    note(source.name, f"{count} files of {source.archive.url}", files=count)


ARCHIVE = Kind(
    record=ArchiveSource,
    operator=Operator(name="archive", run=read_archive, writes=WRITES),
    actions=archive_actions,
    ask=ask_archive,
    asks=lambda source: source.archive.is_listing,
    pinned=lambda source: None if source.archive.is_listing else source.archive,
    paths=lambda source: some(source.archive.path),
)
