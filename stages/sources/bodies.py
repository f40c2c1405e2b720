"""Bodies that the crawl log holds, found by URI and digest, one file of it in memory at a time.

A crawl asks for pages in the order of an earlier one, so the bodies it needs next stand in the file it has open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.parquet import read_parquet
from stages.sources.log import CrawlLog

Version = tuple[str, str]
"""(URI, digest of the body)."""


@dataclass(slots=True)
class Bodies:
    """The bodies of one source."""

    places: dict[Version, tuple[Path, int]]
    _path: Path | None = None
    _open: pa.Table | None = field(default=None)

    def __contains__(self, version: Version) -> bool:
        return version in self.places

    def get(self, version: Version) -> tuple[bytes, str | None]:
        """Body and declared charset of a version that is here."""
        path, row = self.places[version]
        if path != self._path or self._open is None:
            self._path, self._open = path, read_parquet(path, ["body", "charset"])
        return bytes(self._open["body"][row].as_py()), self._open["charset"][row].as_py()


def bodies_of(log: CrawlLog, source: str) -> Bodies:
    """Where every body of a source stands."""
    places: dict[Version, tuple[Path, int]] = {}
    for path in log.files("pages"):
        table = read_parquet(path, ["uri", "source", "body_digest"])
        if not pc.any(pc.equal(table["source"], source)).as_py():
            continue
        rows = zip(*(table[name].to_pylist() for name in ("uri", "source", "body_digest")), strict=True)
        places |= {(uri, digest): (path, row) for row, (uri, owner, digest) in enumerate(rows) if owner == source}
    return Bodies(places)
