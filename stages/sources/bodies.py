"""Bodies that the crawl log holds, found by digest, a few files of it in memory at a time.

A crawl asks for pages in the order of an earlier one, so the bodies it needs next stand in the file it has open, but
for those that pages share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.parquet import read_parquet
from stages.sources.log import CrawlLog

OPEN = 3  # files in memory


@dataclass(slots=True)
class Bodies:
    """The bodies of one source."""

    places: dict[str, tuple[Path, int]]
    _open: dict[Path, pa.Table] = field(default_factory=dict)

    def __contains__(self, digest: str) -> bool:
        return digest in self.places

    def get(self, digest: str) -> tuple[bytes, str | None]:
        """A body that is here, and its declared charset."""
        path, row = self.places[digest]
        table = self._open.pop(path, None) or read_parquet(path, ["body", "charset"])
        self._open[path] = table  # as the last one used
        if len(self._open) > OPEN:
            self._open.pop(next(iter(self._open)))
        return bytes(table["body"][row].as_py()), table["charset"][row].as_py()


def bodies_of(log: CrawlLog, source: str) -> Bodies:
    """Where every body of a source stands."""
    places: dict[str, tuple[Path, int]] = {}
    for path in log.files("pages"):
        table = read_parquet(path, ["source", "body_digest"])
        if not pc.any(pc.equal(table["source"], source)).as_py():
            continue
        rows = zip(table["source"].to_pylist(), table["body_digest"].to_pylist(), strict=True)
        places |= {digest: (path, row) for row, (owner, digest) in enumerate(rows) if owner == source}
    return Bodies(places)


def roughly_decoded(body: bytes, charset: str | None) -> str:
    """A page as text, well enough to find its links or to show it."""
    try:
        return body.decode(charset or "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
