"""The kind `warc`: two actions per file. The first takes down what stands in it; then, by the accounts of all files of
the source, the second reads what of it stands. Files are known by their digests, documents are forgotten by their URLs.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import digest_of
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action
from catalog.schema import WARC_RECORDS
from stages.sources.captures import WRITES
from stages.sources.kinds import Kind, Run, forgetting, some
from stages.sources.settings.warc import WarcSource
from stages.sources.warc import read_warc
from stages.sources.warc_files import WarcFile, ask_files, files_of
from stages.sources.warc_index import Standing, index_warc, standing

INDEX = Operator(name="warc_index", run=index_warc, writes={"warc_records": WARC_RECORDS}, libraries=("fastwarc",))


def warc_actions(source: WarcSource, run: Run) -> list[Action]:
    """The actions of a source, one per file; the others of its files are those that its revisits refer to."""
    files = files_of(source, run)
    if files is None:
        return [Action(name=source.name, inputs={"list": f"{source.listing} is not in the log"})]
    account = _account(source, run, files)
    actions = []
    for uri, stands in standing(account, list(files)).items():
        others = {place.file: files[place.file] for place in stands.originals.values()}
        inputs = {"file": files[uri].sha256, "uri": uri, "stands": _digest(stands, others)}
        forgotten = _forgotten(uri, account, run)
        args = (files[uri].path, uri, stands, {one: file.path for one, file in others.items()}, forgotten)
        inputs |= forgetting(forgotten)
        actions.append(
            Action(name=_name(source, uri), inputs=inputs, args=args, params=source.reading, owner=source.name)
        )
    return actions


def _account(source: WarcSource, run: Run, files: Mapping[str, WarcFile]) -> pa.Table:
    """What stands in the files of a source. In a rehearsal a file that is new has no rows yet."""
    actions = [
        Action(
            name=_name(source, uri), inputs={"file": file.sha256, "uri": uri}, args=(file.path, uri),
            params=source.indexing, owner=source.name,
        )
        for uri, file in files.items()
    ]  # fmt: skip
    segments = run.stage.act_all(INDEX, actions)["warc_records"]
    return pa.concat_tables([WARC_RECORDS.remove_metadata().empty_table(), *(one.read() for one in segments)])


def _name(source: WarcSource, uri: str) -> str:
    return f"{source.name}:{uri}"


def _digest(stands: Standing, others: Mapping[str, WarcFile]) -> str:
    revisits = [[offset, *place] for offset, place in sorted(stands.originals.items())]
    return digest_of([list(stands.older), revisits, {uri: file.sha256 for uri, file in others.items()}])


def _forgotten(uri: str, account: pa.Table, run: Run) -> list[str]:
    """Ids of the forgotten documents that a file holds; and of hosts, which an account without addresses may hide."""
    ids = run.tombstones.ids
    if not ids:
        return []
    mine = account.filter(pc.and_(pc.equal(account["file"], uri), pc.is_in(account["document"], pa.array(sorted(ids)))))
    return sorted({*run.tombstones.below(uri), *run.tombstones.hosts, *mine["document"].to_pylist()})


WARC = Kind(
    record=WarcSource,
    operator=Operator(name="warc", run=read_warc, writes=WRITES, libraries=("fastwarc",)),
    before=(INDEX,),
    actions=warc_actions,
    ask=ask_files,
    asks=lambda source: source.is_remote(source.base),
    pinned=lambda source: source.pinned if source.url else None,
    paths=lambda source: some(source.path, source.paths, None if source.is_remote(source.base) else source.base),
)
