"""A column of texts, cut into the blocks that the compiled counters read, without a copy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 20  # text counted at once; the counters need some 70 bytes of memory per byte of it


def blocks(
    texts: pa.ChunkedArray, spelled: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]]:
    """(UTF-8 bytes, int64 offsets, are ideographs tokens?) of consecutive documents of about BLOCK_BYTES."""
    before = 0
    for chunk in texts.cast(pa.large_string()).chunks:
        _, offset_buffer, data_buffer = chunk.buffers()
        offsets = np.frombuffer(offset_buffer, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        data = np.frombuffer(data_buffer or b"", np.uint8)
        full = np.flatnonzero(np.diff((offsets - offsets[0]) // BLOCK_BYTES)) + 1
        bounds = [0, *full.tolist(), len(chunk)]
        for first, last in itertools.pairwise(bounds):
            if first < last:
                yield data, offsets[first : last + 1], spelled[before + first : before + last]
        before += len(chunk)
