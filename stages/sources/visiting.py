"""What one request of a crawl comes to: a page kept, found unchanged or left out, and the URLs it leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from stages.sources.bodies import roughly_decoded
from stages.sources.frontier import Waiting
from stages.sources.log import GOOD, Fetch
from stages.sources.past import Past
from stages.sources.recording import Page, Recorder
from stages.sources.rows import sha256_hex
from stages.web.feeds import FeedError, feed_links, read_feed
from stages.web.fetch import HTML, REDIRECTS, Answer, FetchError
from stages.web.links import links
from stages.web.refusals import Signal, as_rows
from stages.web.rights import page_signals
from stages.web.sitemaps import Sitemap, SitemapError, read_sitemap
from stages.web.traps import Traps
from stages.web.urls import UrlError, canonical_url

MAX_CHAIN = 10  # redirects on the way to one page

Rights = Callable[[str], tuple[Signal, ...]]
Add = Callable[..., None]
"""url, depth, kind, chain=, changed_at= -> queue it, if the crawl wants it."""


class Client(Protocol):
    """What asks for one URL (stages/web/fetch.py)."""

    async def get(self, url: str, headers: Any = None, *, html_only: bool = True) -> Answer:
        """The answer. Errors: FetchError."""


@dataclass(slots=True, kw_only=True)
class Visitor:
    """Asks for URLs, records the answers, and hands on the links; `had` is the bytes of the last good page."""

    recorder: Recorder
    past: Past
    traps: Traps
    add: Add
    find_feeds: bool
    had: int | None = None

    async def visit(self, one: Waiting, client: Client, rights: Rights) -> None:
        """Ask for one URL and go by its answer; `rights` is what its host says of the use of a page."""
        self.had = None
        known = self.past.known.get(one.url) if one.kind == "page" else None
        try:
            answer = await client.get(one.url, _conditions(known), html_only=one.kind == "page")
        except FetchError as error:
            self._refuse(one, f"{error}")
            return
        if answer.status in REDIRECTS:
            self._redirect(one, answer)
        elif answer.status == 304 and known:
            self._keep(one, answer, Page(digest=known["body_digest"], revisit="not-modified"), known, rights)
        elif answer.status != 200:
            self._refuse(one, f"status {answer.status}", answer)
        elif one.kind != "page":
            self._list(one, answer)
        elif answer.mime not in HTML:
            self.recorder.record(one.url, f"skipped:{answer.mime}", answer, one=one)
        else:
            self._keep(one, answer, self._page(one, answer, known), known, rights)

    def repeat(self, one: Waiting, row: Fetch) -> None:
        """Go by an answer that the log has from this crawl, without asking."""
        self.had = None
        if row["outcome"] in GOOD:
            self.traps.seen(one.url, row["body_digest"])
            self._follow(one, *self.past.bodies.get(row["body_digest"]))
        elif row["outcome"] == "skipped:redirect" and row["location"]:
            self._go_on(one, row["location"])

    def _refuse(self, one: Waiting, reason: str, answer: Answer | None = None) -> None:
        """A page that cannot be had is a failure; a sitemap or feed is none, since it is no document."""
        outcome = f"failed:{reason}" if one.kind == "page" else f"skipped:{one.kind}: {reason}"
        self.recorder.record(one.url, outcome, answer, one=one)

    def _redirect(self, one: Waiting, answer: Answer) -> None:
        """Treat a redirect as a link: the target passes scope, robots.txt and limits like any other."""
        if len(one.chain) >= MAX_CHAIN:
            self._refuse(one, "too many redirects", answer)
            return
        try:
            target = canonical_url(answer.location or "", one.url)
        except UrlError:
            self.recorder.record(one.url, "skipped:redirect", answer, one=one)
            return
        self.recorder.record(one.url, "skipped:redirect", replace(answer, location=target), one=one)
        self._go_on(one, target)

    def _go_on(self, one: Waiting, target: str) -> None:
        self.add(target, one.depth, one.kind, chain=(*one.chain, one.url))

    def _page(self, one: Waiting, answer: Answer, known: Fetch | None) -> Page:
        """A page that came with its body, which is stored unless one of the source had the very same before."""
        digest = sha256_hex(answer.body)
        before = known["body_digest"] if known else None
        if before == digest:
            return Page(digest=digest, revisit="same-digest")
        if digest in self.past.bodies or digest in self.recorder.stored:
            return Page(digest=digest, previous=before, revisit="identical-digest")
        return Page(digest=digest, previous=before, body=answer.body)

    def _keep(self, one: Waiting, answer: Answer, page: Page, known: Fetch | None, rights: Rights) -> None:
        """Record a page, with what is said of its use, and queue what it leads to."""
        body, mime, charset, language = answer.body, answer.mime, answer.charset, answer.content_language
        if answer.status == 304 and known:
            body, charset = self.past.bodies.get(page.digest)
            mime, charset = known["mime"], known["charset"] or charset  # a 304 need not repeat them
            language = language or known["content_language"]
        stated = _stated(one.url, answer, body, known, rights)
        page = replace(page, rights=stated, mime=mime, charset=charset, content_language=language)
        self.traps.seen(one.url, page.digest)
        outcome = "unchanged" if known and known["body_digest"] == page.digest else "captured"
        self.recorder.record(one.url, outcome, answer, one=one, page=page)
        self._follow(one, body, charset)

    def _follow(self, one: Waiting, body: bytes, charset: str | None) -> None:
        text = roughly_decoded(body, charset)
        self.had = len(body)
        for feed in feed_links(text, one.url) if self.find_feeds else ():
            self.add(feed, one.depth + 1, "feed")
        for link in links(text, one.url):
            self.add(link, one.depth + 1)

    def _list(self, one: Waiting, answer: Answer) -> None:
        """Queue what a sitemap or feed lists."""
        try:
            if one.kind == "feed":
                for item in read_feed(answer.body, one.url):
                    self.add(item.url, one.depth, changed_at=item.published)
            else:
                self._map(read_sitemap(answer.body, one.url))
        except (FeedError, SitemapError) as error:
            self._refuse(one, f"{error}", answer)
            return
        self.recorder.record(one.url, f"skipped:{one.kind}", answer, one=one)

    def _map(self, found: Sitemap) -> None:
        for page in found.pages:
            self.add(page.url, 0, changed_at=page.lastmod)
        for url in found.maps:
            self.add(url, 0, "sitemap")


def _stated(url: str, answer: Answer, body: bytes, known: Fetch | None, rights: Rights) -> list[dict[str, str]]:
    """What host, headers and page say of its use; a 304 need not repeat headers, so those before it hold on."""
    signals = list(as_rows((*rights(url), *page_signals(answer.headers, body))))
    if answer.status == 304 and known:
        signals += [one for one in known["rights"] or () if one["where"] == "header" and one not in signals]
    return signals


def _conditions(known: Fetch | None) -> dict[str, str]:
    names = {"If-None-Match": "etag", "If-Modified-Since": "last_modified"}
    return {header: known[name] for header, name in names.items() if known[name]} if known else {}
