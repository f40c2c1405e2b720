"""Sources over loopback sites, their crawls, and what the log says of them; shared by the tests of crawling."""

from __future__ import annotations

from typing import Any

from stages.sources.log import END, CrawlLog
from stages.sources.settings.site import SiteSource
from stages.sources.site import record_site as crawl_site


def source(port: int, **options: Any) -> SiteSource:
    """A source over a loopback site, without pauses."""
    settings: dict[str, Any] = {
        "delay": 0.0,
        "attempts": 1,
        "allow_networks": ("127.0.0.0/8",),
        "sitemaps": (),
        "well_known": False,
    } | options
    return SiteSource(name="site", licence="MIT", base=f"http://127.0.0.1:{port}/docs/", **settings)


def record_site(site: SiteSource, log: CrawlLog, **options: Any) -> str:
    """A crawl whose frontier lies beside its log."""
    return crawl_site(site, log, root=log.root / "frontier", **options)


def outcomes(log: CrawlLog, port: int) -> dict[str, str]:
    """Path -> outcome of the last request."""
    prefix = f"http://127.0.0.1:{port}/docs/"
    rows = [row for row in log.fetches("site") if row["outcome"] != END]
    return {row["uri"].removeprefix(prefix): row["outcome"] for row in rows}


def link(*targets: str) -> str:
    """A page with links."""
    return "".join(f'<a href="{target}">x</a>' for target in targets)
