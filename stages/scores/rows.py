"""Rows of SCORES: one per document and declared signal."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.schema import SCORES


def scored(ids: pa.ChunkedArray, signal: str, values: NDArray[np.float64], decimals: int) -> pa.Table:
    """Rows of a signal, for the documents whose value is a number."""
    known = np.isfinite(values)
    numbers = np.round(values[known], decimals).astype(np.float32)
    names = pa.array([signal] * len(numbers), pa.string())
    return pa.Table.from_arrays([ids.combine_chunks().filter(pa.array(known)), names, numbers], schema=SCORES)
