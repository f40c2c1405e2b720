"""Captures -> the address under which equal pages are one, and the time of publication.

Reads   crawl/captures, clean/text (canonical).
Writes  dedup/addresses, one row per capture.

Two URLs are the same address when they differ only in: http or https, a `www.` before the host, the default port, a
slash at the end of the path, the fragment, and tracking parameters (`utm_...`, `fbclid`; stages/web/urls.py has the
list). Case of the path, other parameters and their order, and names like `index.html` tell pages apart. What is no URL
of the web (a row of an archive, a file) has no address.

A page that names its canonical URL has that one's address, where it lies on the page's own host, since a page may claim
what another wrote; and where it is not the front page, which badly made sites name on all of theirs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import ID, column, table
from stages.web.urls import UrlError, canonical_url

ADDRESSES = table(
    ID,
    column("address", pa.string(), "URL without what does not tell pages apart; null where it is none", null=True),
    column("published", pa.int64(), "time of publication: seconds since 1970, UTC; null where unknown", null=True),
)


def locate(captures: pa.Table, texts: pa.Table) -> dict[str, pa.Table]:
    """crawl/captures rows and the texts read from them -> {"addresses": ADDRESSES rows}, in the order of captures."""
    at = pc.index_in(captures["id"], value_set=texts["id"].combine_chunks())
    canonical = texts["canonical"].take(at).to_pylist()
    columns = [
        captures["id"],
        pa.array(map(known_address, captures["uri"].to_pylist(), canonical), pa.string()),
        pa.array(map(seconds_of, captures["published_at"].to_pylist()), pa.int64()),
    ]
    return {"addresses": pa.table(columns, schema=ADDRESSES)}


def address_of(uri: str) -> str | None:
    """The address of a URL of the web; None for others."""
    try:
        url = canonical_url(uri)
    except UrlError:
        return None
    host, slash, rest = url.partition("://")[2].partition("/")
    path, mark, query = rest.partition("?")
    return host.removeprefix("www.") + (slash + path).rstrip("/") + mark + query


def known_address(uri: str, canonical: str | None) -> str | None:
    """The address of a page that says that `canonical` is its URL."""
    own, said = address_of(uri), address_of(canonical or "")
    if own is None or said is None:
        return own
    host, _, page = said.partition("/")
    return said if page and host == own.partition("/")[0] else own


def seconds_of(written: str | None) -> int | None:
    """A time as ISO 8601 or an e-mail writes it, in seconds since 1970; without a zone it is taken for UTC."""
    if not written:
        return None
    try:
        time = datetime.fromisoformat(written.strip())
    except ValueError:
        try:
            time = parsedate_to_datetime(written)
        except ValueError:
            return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
