"""Packing: documents of different lengths laid into rows of one fixed length, best fit first.

Best-fit decreasing: the longest document first, each into the fullest row that still has room. On language data with
short documents this fills more than 99 % of the tokens (Ding et al. 2024, "Fewer truncations
improve language modeling"). Attention must then be kept inside each document: see `network.attention_mask`.
"""

import numpy as np
import numpy.typing as npt


def best_fit_rows(lengths: npt.NDArray[np.int64], capacity: int) -> list[list[int]]:
    """Rows of document indices: every document exactly once, no row longer than `capacity` tokens.

    Documents of equal length keep their given order, so that the caller decides ties. Raises ValueError if a document
    is empty or longer than a row: the caller cuts long documents, so that no token is lost in silence.
    """
    if len(lengths) and (lengths.min() < 1 or lengths.max() > capacity):
        raise ValueError(f"document lengths are {lengths.min()}..{lengths.max()}, must be 1..{capacity}")
    rows: list[list[int]] = []
    rows_with_room: list[list[int]] = [[] for _ in range(capacity + 1)]  # index: free tokens; value: row numbers
    occupied = 0  # bit i is set when rows_with_room[i] is not empty: the smallest sufficient room is found in one step
    for document in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[document])
        fitting = occupied >> length
        room = length + ((fitting & -fitting).bit_length() - 1) if fitting else capacity
        if fitting:
            row = rows_with_room[room].pop()
            occupied &= ~(0 if rows_with_room[room] else 1 << room)
            rows[row].append(document)
        else:
            row = len(rows)
            rows.append([document])
        rows_with_room[room - length].append(row)
        occupied |= 1 << (room - length)
    return rows
