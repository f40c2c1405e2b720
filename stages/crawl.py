"""Crawl: sources -> captures, one row per document as the world gave it.

Reads   the sources of params.yaml: archives pinned by sha256, files of the repository, websites;
        data/tombstones.jsonl, the documents to leave out
Writes  data/crawl/snapshot/{captures,verdicts,quarantine}/   every document, kept; every row that could not be read
        data/crawl/log/   what the network answered and when; it persists, and websites are replayed from it
Run     dvc repro crawl; `python -m stages.crawl --refetch NAME` asks a website again (`gristmill recrawl NAME`),
        `python -m stages.crawl --check` only validates params.yaml
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from catalog.digests import digest_of
from catalog.errors import SourceError, exit_on_error
from catalog.forget import Tombstones, read_tombstones
from catalog.operators import Operator
from catalog.params import load_params, read_block
from catalog.rehearsal.rehearsal import in_rehearsal
from catalog.segments import Segment
from catalog.stage import Action, Stage
from stages.sources.captures import WRITES, Origin
from stages.sources.download import fetch_record
from stages.sources.files import (
    FilesReading,
    check_dependencies,
    file_groups,
    file_uri,
    group_digest,
    matching_files,
    read_files,
)
from stages.sources.log import CrawlLog
from stages.sources.members import read_archive
from stages.sources.parse import Source, parse_sources
from stages.sources.replay import replay_site
from stages.sources.settings.archive import ArchiveSource, Pinned
from stages.sources.settings.files import FilesSource
from stages.sources.settings.site import SiteSource, crawl_digest

READ_ARCHIVE = Operator(name="archive", run=read_archive, writes=WRITES)
READ_FILES = Operator(name="files", run=read_files, writes=WRITES)
REPLAY_SITE = Operator(name="site", run=replay_site, writes=WRITES)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlParams:
    """The block `crawl` of params.yaml."""

    sources: list[dict[str, Any]]

    def __post_init__(self) -> None:
        parse_sources(self.sources)


def archive_action(source: ArchiveSource, stage: Stage, tombstones: Tombstones) -> Action:
    """One archive: decided by its bytes (known by their pinned digest), how they are read, and what is forgotten."""
    path = Path(source.archive.path or "")
    digest = source.archive.sha256 or (stage.digests([path])[path.as_posix()] if path.is_file() else "missing")
    forgotten = tombstones.below(source.archive.uri)
    inputs = {"archive": digest} | _forgetting(forgotten)
    return Action(name=source.name, inputs=inputs, args=(forgotten,), params=source)


def _forgetting(ids: list[str]) -> dict[str, str]:
    """The input that says which documents an action leaves out; none where it leaves out none."""
    return {"tombstones": digest_of(ids)} if ids else {}


def file_actions(source: FilesSource, stage: Stage, tombstones: Tombstones) -> list[Action]:
    """The groups of a `files` source, each decided by the names and bytes of its files, and by what is forgotten."""
    params = FilesReading(name=source.name, licence=source.licence, reading=source.reading)
    paths = matching_files(source)
    sha256 = stage.digests(paths)
    actions = []
    for group in file_groups(paths, source.reading):
        forgotten = tombstones.below(*map(file_uri, group))
        inputs = {"files": group_digest(group, sha256)} | _forgetting(forgotten)
        action = Action(
            name=f"{source.name}:{group[0]}", inputs=inputs, args=(group, forgotten), params=params, owner=source.name
        )
        actions.append(action)
    return actions


def site_action(source: SiteSource, log: CrawlLog, tombstones: Tombstones) -> Action:
    """A site as the log has it; it is crawled first where the log has no crawl with its settings."""
    crawl = crawl_digest(source)
    snapshot = log.snapshot(source.name, crawl)
    if snapshot is None and in_rehearsal():
        return Action(name=source.name, inputs={"crawl": f"{crawl} is not in the log"})
    if snapshot is None:
        ask_network(source, log, tombstones)
        print_outcomes(source, log)
        snapshot = log.snapshot(source.name, crawl)
    assert snapshot is not None, "record_site writes a crawl or raises"
    inputs = {"good": digest_of(dict(snapshot.good)), "failed": digest_of(dict(snapshot.failed))}
    params = Origin(source=source.name, licence=source.licence)
    return Action(name=source.name, inputs=inputs, args=(snapshot, log.files("pages")), params=params)


def ask_network(source: SiteSource, log: CrawlLog, tombstones: Tombstones) -> None:
    """Crawl a site into the log; the HTTP client is loaded by those alone who need it."""
    from stages.sources.site import record_site

    record_site(source, log, tombstones.ids)


def print_outcomes(source: SiteSource, log: CrawlLog) -> None:
    """Say how the requests of a site's last crawl ended."""
    latest = {row["uri"]: row["outcome"] for row in log.fetches(source.name) if row["crawl"] == crawl_digest(source)}
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(Counter(latest.values()).items()))
    print(f"crawl: {source.name}: {counts}", flush=True)


def log_downloads(sources: Iterable[Source], log: CrawlLog) -> None:
    """Write a row of the log for every archive that was downloaded since the last time."""
    for source in sources:
        pinned = archive_of(source)
        record = fetch_record(pinned) if pinned else None
        if pinned is None or record is None:
            continue
        known = {(row["uri"], row["body_digest"]) for row in log.fetches(source.name)}
        if (pinned.uri, pinned.sha256) in known:
            continue
        row = {"crawl": digest_of(pinned.uri), "outcome": "captured", "body_digest": pinned.sha256}
        log.append([{**record, **row, "source": source.name}], [])


def archive_of(source: Source) -> Pinned | None:
    """The pinned archive that a source reads or serves."""
    if isinstance(source, ArchiveSource):
        return source.archive
    return source.serve.archive if isinstance(source, SiteSource) and source.serve else None


def stage_dependencies(path: Path = Path("dvc.yaml")) -> list[str]:
    """The deps of the stage `crawl`; none where there is no dvc.yaml."""
    graph = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    deps = graph.get("stages", {}).get("crawl", {}).get("deps", [])
    return [next(iter(dep)) if isinstance(dep, dict) else str(dep) for dep in deps]


def local_paths(sources: Iterable[Source]) -> dict[str, str]:
    """Source -> path in the repository, for the sources that read one."""
    paths = {source.name: source.path for source in sources if isinstance(source, FilesSource)}
    pinned = {source.name: archive_of(source) for source in sources}
    return paths | {name: one.path for name, one in pinned.items() if one and one.path}


def check_unique(captures: list[Segment]) -> None:
    """Every document comes from one place. Errors: SourceError naming a URI that two sources give."""
    ids = pa.chunked_array([segment.read(["id"])["id"].combine_chunks() for segment in captures], pa.string())
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    rows = pa.concat_tables([segment.read(["uri", "source"]) for segment in captures])
    twice = Counter(rows["uri"].to_pylist()).most_common(1)[0][0]
    names = sorted(set(rows.filter(pc.equal(rows["uri"], twice))["source"].to_pylist()))
    raise SourceError(f"{twice} is read twice, by {' and '.join(names)}; let one source of crawl.sources read it")


def refetch(sources: Iterable[Source], name: str, log: CrawlLog) -> None:
    """Ask one website again, page by page, and append its answers to the log. Errors: SourceError."""
    found = {source.name: source for source in sources}.get(name)
    if not isinstance(found, SiteSource):
        sites = ", ".join(source.name for source in sources if isinstance(source, SiteSource)) or "none"
        raise SourceError(f"{name} is not a website of crawl.sources, so it cannot be asked again; websites: {sites}")
    ask_network(found, log, Tombstones(read_tombstones()))
    print_outcomes(found, log)


def crawl(sources: tuple[Source, ...], log: CrawlLog) -> None:
    """Read every source whose result does not exist yet and write the snapshot."""
    check_dependencies(local_paths(sources), stage_dependencies())
    log.root.mkdir(parents=True, exist_ok=True)  # DVC wants every out, also of a corpus that asks no network
    tombstones = Tombstones(read_tombstones())
    with Stage("crawl", READ_ARCHIVE, READ_FILES, REPLAY_SITE, params=[CrawlParams]) as stage:
        log.forget(tombstones.ids)
        archives = [archive_action(one, stage, tombstones) for one in sources if isinstance(one, ArchiveSource)]
        files = [
            action for one in sources if isinstance(one, FilesSource) for action in file_actions(one, stage, tombstones)
        ]
        captures = stage.act_all(READ_ARCHIVE, archives)["captures"] + stage.act_all(READ_FILES, files)["captures"]
        sites = [site_action(one, log, tombstones) for one in sources if isinstance(one, SiteSource)]
        captures += stage.act_all(REPLAY_SITE, sites)["captures"]
        check_unique(captures)
        log_downloads(sources, log)


def main() -> None:
    """Run the stage; see the module."""
    parser = argparse.ArgumentParser(prog="python -m stages.crawl", description="sources -> captures")
    parser.add_argument("--refetch", metavar="NAME", help="ask a website again and add its answers to the crawl log")
    parser.add_argument("--check", action="store_true", help="validate the sources of params.yaml and list them")
    arguments = parser.parse_args()
    block = load_params("crawl", read_block("crawl"), [CrawlParams])[CrawlParams]
    sources = parse_sources(block.sources)
    if arguments.check:
        print(json.dumps([source.name for source in sources]))
    elif arguments.refetch:
        refetch(sources, arguments.refetch, CrawlLog())
    else:
        crawl(sources, CrawlLog())


if __name__ == "__main__":
    exit_on_error(main)
