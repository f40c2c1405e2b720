"""Which document of a cluster is kept: the first one in an order that the parameters name.

The order is total, because it ends in digest and id whatever is named: nothing depends on how the documents
lie in segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.segments import Segment
from stages.duplicates.params import KeepParams
from stages.duplicates.reading import Beside


def beside(addresses: Sequence[Segment], signals: Sequence[Segment], params: KeepParams) -> Iterator[Beside]:
    """What the order asks for, besides what every document has; the lists may be empty where it does not."""
    if "oldest" in params.keep:
        yield Beside(addresses, "published", "published")
    if "quality" in params.keep:
        yield Beside(signals, params.quality_column, "quality")


def ranking(documents: pa.Table, params: KeepParams) -> NDArray[np.int64]:
    """Positions of the documents, the one to keep first, by `params.keep`.

    source_priority   sources as listed, then all others
    quality           the highest value of the column `quality`, or the lowest (`-` before its name); without one, last
    length            the longest text, in characters
    oldest            the earliest `published`; without it, last
    digest            the smallest digest of the text
    Ties are broken by the smallest digest, then by the smallest id.
    """
    keys = [_key(documents, name, params) for name in (*params.keep, "digest")]
    return np.lexsort((as_bytes(documents["id"]), *reversed(keys)))


def as_bytes(column: pa.ChunkedArray) -> NDArray[np.bytes_]:
    """A column of ASCII texts of one length, as NumPy sorts them."""
    return column.to_numpy(zero_copy_only=False).astype("S")


def _key(documents: pa.Table, name: str, params: KeepParams) -> NDArray[np.generic]:
    """What is smallest for the document to keep."""
    if name == "source_priority":
        place = pc.index_in(documents["source"], value_set=pa.array(params.source_priority, pa.string()))
        return pc.fill_null(place, len(params.source_priority)).to_numpy()
    if name == "quality":
        quality = pc.fill_null(documents["quality"].cast(pa.float64()), np.nan).to_numpy()
        return np.where(np.isnan(quality), np.inf, quality if params.quality.startswith("-") else -quality)
    if name == "oldest":
        return pc.fill_null(documents["published"], np.iinfo(np.int64).max).to_numpy()
    if name == "length":
        return -documents["characters"].to_numpy().astype(np.int64)
    return as_bytes(documents["text_digest"])
