"""The kind `site`: a website is asked once into the crawl log, and replayed from it.

The HTTP client is imported by those alone who ask: a rebuild from the log needs none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from catalog.digests import digest_of
from catalog.errors import SourceError
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action
from catalog.rehearsal.rehearsal import in_rehearsal
from stages.sources.captures import WRITES, Origin
from stages.sources.kinds import Asking, Kind, Run, some
from stages.sources.log import END, Fetch, open_run, snapshot_of
from stages.sources.notes import note
from stages.sources.replay import replay_site
from stages.sources.settings.site import SiteSource, crawl_digest, moment, utc_now


def site_actions(source: SiteSource, run: Run) -> list[Action]:
    """A site as the log has it; it is crawled first, or crawled to its end, where no crawl with its settings is whole.

    Errors: SourceError where the corpus is built for a time before which there was none.
    """
    crawl, as_of = crawl_digest(source), moment(source.as_of) or run.as_of
    rows = [row for row in run.log.fetches(source.name) if row["crawl"] == crawl]
    snapshot = snapshot_of(rows, as_of)
    if snapshot and open_run(rows):
        note(source.name, f"a recrawl was cut off; `gristmill recrawl {source.name}` goes on")
    if snapshot is None and in_rehearsal():
        return [Action(name=source.name, inputs={"crawl": f"{crawl} is not in the log"})]
    if snapshot is None and snapshot_of(rows) is None and not (as_of and as_of < utc_now()):
        ask_site(source, Asking(log=run.log, tombstones=run.tombstones))
        snapshot = run.log.snapshot(source.name, crawl, as_of)
    if snapshot is None:
        raise SourceError(
            f"source {source.name}: no crawl with its settings had ended by as_of {as_of}; "
            "set `as_of` to a later time in params.yaml, or remove it, then `dvc repro crawl`"
        )
    inputs = {"good": digest_of(dict(snapshot.good)), "failed": digest_of(dict(snapshot.failed))}
    if snapshot.rights:
        inputs["rights"] = digest_of({uri: list(rights) for uri, rights in snapshot.rights.items()})
    if snapshot.types:
        inputs["types"] = digest_of({uri: list(types) for uri, types in snapshot.types.items()})
    params = Origin(source=source.name, licence=source.licence)
    return [Action(name=source.name, inputs=inputs, args=(snapshot, run.log.files("pages")), params=params)]


def ask_site(source: SiteSource, asking: Asking) -> None:
    """Crawl a site into the log and say how its requests ended, and which pages had changed."""
    from stages.sources.site import record_site

    run = record_site(source, asking.log, asking.tombstones.ids, due=asking.due)
    for line in outcome_lines(asking.log.fetches(source.name), run):
        note(source.name, line)


def outcome_lines(rows: Sequence[Fetch], run: str, shown: int = 10) -> list[str]:
    """How the requests of a crawl ended, and the pages that had another body before, the first ones by name."""
    mine = [row for row in rows if row["run"] == run and row["outcome"] != END]
    counts = Counter(row["outcome"] for row in mine)
    lines = [", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "nothing was due"]
    twins = sum(count - 1 for count in Counter(row["body_digest"] for row in mine if row["body_digest"]).values())
    if twins:
        lines.append(f"{twins} pages have the body of another page")
    changed = sorted((row for row in mine if row["previous_digest"]), key=lambda row: str(row["uri"]))
    for row in changed[:shown]:
        lines.append(f"changed: {row['uri']} was {row['previous_digest'][:12]}, is {row['body_digest'][:12]}")
    lines += [f"{len(changed) - shown} more pages changed"] if len(changed) > shown else []
    return lines + (["`gristmill versions URI` shows what changed in a page"] if changed else [])


SITE = Kind(
    record=SiteSource,
    operator=Operator(name="site", run=replay_site, writes=WRITES),
    actions=site_actions,
    ask=ask_site,
    pinned=lambda source: source.serve.archive if source.serve else None,
    paths=lambda source: some(source.serve.archive.path) if source.serve else (),
)
