"""Crawl: sources -> captures, one row per document as the world gave it.

Reads   the sources of params.yaml: archives pinned by sha256, files of the repository, websites;
        data/tombstones.jsonl, the documents to leave out
Writes  data/crawl/snapshot/{captures,verdicts,quarantine}/   every document, kept; every row that could not be read
        data/crawl/log/   what the network answered and when; it persists, and websites are replayed from it
Run     dvc repro crawl; `python -m stages.crawl --refetch [NAME] [--due]` asks a website, or all, again
        (`gristmill recrawl`), `python -m stages.crawl --check` only validates params.yaml
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from catalog.digests import digest_of
from catalog.erasure.forget import Tombstones, read_tombstones
from catalog.errors import SourceError, exit_on_error
from catalog.incremental.stage import Stage
from catalog.params import load_params, read_block
from catalog.rehearsal.rehearsal import in_rehearsal
from stages.sources.download import fetch_record
from stages.sources.files import check_dependencies
from stages.sources.frontier import forget_everywhere
from stages.sources.kinds import Asking, Kind, Run
from stages.sources.kinds.api import API
from stages.sources.kinds.archive import ARCHIVE
from stages.sources.kinds.files import FILES
from stages.sources.kinds.site import SITE
from stages.sources.kinds.warc import WARC
from stages.sources.log import CrawlLog, fetch_row
from stages.sources.overlap import OVERLAP, keep_first
from stages.sources.parse import Source, parse_sources
from stages.sources.settings.site import moment

KINDS: tuple[Kind, ...] = (ARCHIVE, FILES, SITE, API, WARC)
"""Every kind of source; their captures follow each other in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlParams:
    """The block `crawl` of params.yaml; `as_of` is the time that websites are shown at, ISO 8601, None = now."""

    sources: list[dict[str, Any]]  # name, kind, licence and the fields of the kind
    as_of: str | None = None  # ISO 8601; the corpus as it was then; null: now

    def __post_init__(self) -> None:
        moment(self.as_of)
        parse_sources(self.sources)


def kind_of(source: Source) -> Kind:
    """The kind of a source."""
    return next(kind for kind in KINDS if isinstance(source, kind.record))


def log_downloads(sources: Iterable[Source], log: CrawlLog) -> None:
    """Write a row of the log for every archive that was downloaded since the last time."""
    for source in sources:
        pinned = kind_of(source).pinned(source)
        record = fetch_record(pinned) if pinned else None
        if pinned is None or record is None:
            continue
        known = {(row["uri"], row["body_digest"]) for row in log.fetches(source.name)}
        if (pinned.uri, pinned.sha256) in known:
            continue
        row = fetch_row(
            pinned.uri, source=source.name, crawl=digest_of(pinned.uri), outcome="captured",
            fetched_at=record["fetched_at"], body_digest=pinned.sha256,
        )  # fmt: skip
        log.append([row], [])


def stage_dependencies(path: Path = Path("dvc.yaml")) -> list[str]:
    """The deps of the stage `crawl`; none where there is no dvc.yaml."""
    graph = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    deps = graph.get("stages", {}).get("crawl", {}).get("deps", [])
    return [next(iter(dep)) if isinstance(dep, dict) else str(dep) for dep in deps]


def local_paths(sources: Iterable[Source]) -> dict[str, Sequence[str]]:
    """Source -> the paths in the repository that it reads."""
    return {source.name: kind_of(source).paths(source) for source in sources}


def refetch(sources: Iterable[Source], name: str | None, asking: Asking) -> None:
    """Ask one source again, or without a name every one that can be asked, and add the answers to the log.

    Errors: SourceError for a name that cannot be asked, and after the last source for those that gave nothing.
    """
    can_be = [source for source in sources if kind_of(source).ask and kind_of(source).asks(source)]
    asked = [source for source in can_be if name in (None, source.name)]
    if name and not asked:
        names = ", ".join(source.name for source in can_be) or "none"
        raise SourceError(f"{name} is no source of crawl.sources that can be asked again; those that can: {names}")
    problems = []
    for source in asked:
        ask = kind_of(source).ask
        assert ask is not None, "only sources that can be asked are"
        try:
            ask(source, asking)
        except SourceError as error:
            problems.append(str(error))
    if problems:
        raise SourceError("\n".join(problems))


def crawl(sources: tuple[Source, ...], log: CrawlLog, as_of: str | None = None) -> None:
    """Read every source whose result does not exist yet and write the snapshot."""
    check_dependencies(local_paths(sources), stage_dependencies())
    log.root.mkdir(parents=True, exist_ok=True)  # DVC wants every out, also of a corpus that asks no network
    tombstones = Tombstones(read_tombstones())
    operators = [OVERLAP, *(operator for kind in KINDS for operator in (*kind.before, kind.operator))]
    with Stage("crawl", *operators, params=[CrawlParams]) as stage:
        log.forget(tombstones.ids)
        if not in_rehearsal():
            forget_everywhere(tombstones.ids)
        run = Run(stage=stage, log=log, tombstones=tombstones, as_of=moment(as_of))
        for kind in KINDS:
            actions = [action for source in sources if kind_of(source) is kind for action in kind.actions(source, run)]
            stage.act_all(kind.operator, actions)
        keep_first(stage, [source.name for source in sources])
        log_downloads(sources, log)


def main() -> None:
    """Run the stage; see the module."""
    parser = argparse.ArgumentParser(prog="python -m stages.crawl", description="sources -> captures")
    parser.add_argument(
        "--refetch", metavar="NAME", nargs="?", const="", help="ask a website, or all, again into the crawl log"
    )
    parser.add_argument("--due", action="store_true", help="with --refetch: ask only for what the schedule says is due")
    parser.add_argument("--check", action="store_true", help="validate the sources of params.yaml and list them")
    arguments = parser.parse_args()
    block = load_params("crawl", read_block("crawl"), [CrawlParams])[CrawlParams]
    sources = parse_sources(block.sources)
    if arguments.check:
        print(json.dumps([source.name for source in sources]))
    elif arguments.refetch is not None:
        asking = Asking(log=CrawlLog(), tombstones=Tombstones(read_tombstones()), due=arguments.due)
        refetch(sources, arguments.refetch or None, asking)
    else:
        crawl(sources, CrawlLog(), block.as_of)


if __name__ == "__main__":
    exit_on_error(main)
