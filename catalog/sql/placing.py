"""In which segment a document is, by its place in the database: no segment is opened to look for it.

Reads   data/catalog.duckdb: `judged_documents` holds the rows of its pieces one after the other (catalog/sql/pieces.py)
        data/catalog/manifest.parquet: the key of the segment that each piece was made from
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from catalog.errors import InputError
from catalog.layout import MANIFEST, stage_root
from catalog.segments import read_segments
from catalog.sql.asking import query
from catalog.sql.content import state

Numbers = npt.NDArray[np.int64]
Stamp = tuple[str, int, int, int]
"""Path and state of a manifest: what changes when its stage is built anew."""


def key_of(place: int) -> str:
    """The key of the segment that a document is in, by its rowid in `judged_documents`."""
    numbers, keys, ends = _documents(stamp("catalog"))
    return keys[bisect_right(ends, int(np.searchsorted(numbers, place)))]


def keys_of(documents: Iterable[str]) -> set[str]:
    """Keys of the segments that some documents (ids) are in. Errors: InputError where the catalog cannot be read."""
    stamp("catalog")
    sql = "SELECT rowid AS place FROM judged_documents WHERE id IN (SELECT unnest(?::VARCHAR[]))"
    return {key_of(place) for place in query(sql, [list(documents)]).table()["place"].to_pylist()}


def stamp(stage: str) -> Stamp:
    """Of today's build of a stage. Errors: InputError when there is none."""
    path = stage_root(stage) / MANIFEST
    if not path.exists():
        raise InputError(f"{path} is missing; run `dvc repro {stage}`, or `dvc pull {path.parent}`")
    return str(path.absolute()), *state(path)


@lru_cache(maxsize=2)
def _documents(_stamp: Stamp) -> tuple[Numbers, list[str], list[int]]:
    """The rowids of the documents; the key of each piece of them in its order, and the position behind its last."""
    numbers = query("SELECT rowid AS number FROM judged_documents").table()["number"].to_numpy()
    pieces = query("SELECT name, rows FROM build.pieces WHERE table_name = 'judged_documents' ORDER BY rowid").table()
    keys = {segment.sha256: segment.key for segment in read_segments("catalog", "documents")}
    found = [keys[name.partition(" ")[0]] for name in pieces["name"].to_pylist()]
    return np.sort(numbers), found, list(accumulate(pieces["rows"].to_pylist()))
