"""The kind `site`: a website is asked once into the crawl log, and replayed from it.

The HTTP client is imported by those alone who ask: a rebuild from the log needs none.
"""

from __future__ import annotations

from collections import Counter

from catalog.digests import digest_of
from catalog.operators import Operator
from catalog.rehearsal.rehearsal import in_rehearsal
from catalog.stage import Action
from stages.sources.captures import WRITES, Origin
from stages.sources.kinds import Asking, Kind, Run
from stages.sources.log import CrawlLog
from stages.sources.replay import replay_site
from stages.sources.settings.site import SiteSource, crawl_digest


def site_actions(source: SiteSource, run: Run) -> list[Action]:
    """A site as the log has it; it is crawled first where the log has no crawl with its settings."""
    crawl = crawl_digest(source)
    snapshot = run.log.snapshot(source.name, crawl)
    if snapshot is None and in_rehearsal():
        return [Action(name=source.name, inputs={"crawl": f"{crawl} is not in the log"})]
    if snapshot is None:
        ask_site(source, Asking(log=run.log, tombstones=run.tombstones))
        snapshot = run.log.snapshot(source.name, crawl)
    assert snapshot is not None, "record_site writes a crawl or raises"
    inputs = {"good": digest_of(dict(snapshot.good)), "failed": digest_of(dict(snapshot.failed))}
    params = Origin(source=source.name, licence=source.licence)
    return [Action(name=source.name, inputs=inputs, args=(snapshot, run.log.files("pages")), params=params)]


def ask_site(source: SiteSource, asking: Asking) -> None:
    """Crawl a site into the log and say how its requests ended."""
    from stages.sources.site import record_site

    record_site(source, asking.log, asking.tombstones.ids)
    print_outcomes(source, asking.log)


def print_outcomes(source: SiteSource, log: CrawlLog) -> None:
    """Say how the requests of a site's last crawl ended."""
    latest = {row["uri"]: row["outcome"] for row in log.fetches(source.name) if row["crawl"] == crawl_digest(source)}
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(Counter(latest.values()).items()))
    print(f"crawl: {source.name}: {counts}", flush=True)


SITE = Kind(
    record=SiteSource,
    operator=Operator(name="site", run=replay_site, writes=WRITES),
    actions=site_actions,
    ask=ask_site,
    pinned=lambda source: source.serve.archive if source.serve else None,
    path=lambda source: source.serve.archive.path if source.serve else None,
)
