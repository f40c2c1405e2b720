"""Exact substrings: runs of tokens that stand byte for byte in an earlier document too.

Reads   clean/text, and what says which documents are kept and in which order (stages/duplicates/standing.py).
Writes  dedup/substring_cuts.
Sources Lee et al. 2022, *Deduplicating Training Data Makes Language Models Better*: exact substrings of 50 tokens.

All kept texts lie end to end, a separator after each. Their suffix array brings equal substrings together; of it, the
suffixes at which a run of `substring_tokens` tokens begins are compared, each with those before it. Whatever is longer
consists of such runs, which are joined again (stages/duplicates/spans.py).

Memory, in bytes per byte of text: 8 for English and 11 for Chinese, where each character is a token; time: 0.3 CPU
seconds per MB (measured on made-up text: 200 MB of English took 64 CPU seconds and 1.8 GB in all, 30 MB of Chinese 9
CPU seconds). All of it is done again when a document changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.segments import Segment
from stages.duplicates.cutting import SUBSTRINGS
from stages.duplicates.params import KeepParams
from stages.duplicates.pieces import in_characters, windows
from stages.duplicates.reading import Corpus
from stages.duplicates.spans import Pieces, cuts
from stages.duplicates.standing import standing
from stages.text.minhash.shingles import utf8_buffers

MIB = 1 << 20

Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstringParams:
    """What is looked for, and what becomes of it."""

    effect: str
    tokens: int
    max_mib: int
    max_share: float
    keep: KeepParams


def substring_cuts(
    texts: list[Segment], signatures: list[Segment], clusters: list[Segment], addresses: list[Segment],
    signals: list[Segment], *earlier: list[Segment], params: SubstringParams,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """Yield ("substring_cuts", key, rows) per segment.

    Errors: InputError when the kept texts are larger than `max_mib`.
    """
    corpus, order = standing(signatures, clusters, addresses, signals, *earlier, keep=params.keep)
    data, bounds = end_to_end(texts, corpus, params.max_mib)
    pieces = repeated_windows(data, bounds, params.tokens)
    found = cuts(corpus, order, pieces, level=SUBSTRINGS, effect=params.effect, max_share=params.max_share)
    yield from (("substring_cuts", key, rows) for key, rows in found)


def end_to_end(texts: Sequence[Segment], corpus: Corpus, max_mib: int) -> tuple[Bytes, Longs]:
    """(bytes, bounds): text i of the corpus, and a byte that no text has, is bytes[bounds[i]:bounds[i + 1]]."""
    parts, lengths, size = [], [np.zeros(1, np.int64)], 0
    for segment, ids in zip(texts, corpus.ids(), strict=True):
        rows = segment.read(["id", "text"])
        starts, data = utf8_buffers(rows["text"].take(pc.index_in(ids, value_set=rows["id"])))
        parts.append(_separated(data, starts))
        lengths.append(np.diff(starts) + 1)
        size += len(parts[-1])
        if size > max_mib * MIB:
            raise InputError(
                f"the kept texts are larger than dedup.substring_mib = {max_mib} MiB; raise it where there are "
                f"{11 * max_mib} MiB of memory and more, or take `substrings` out of dedup.levels; `dvc repro dedup`"
            )
    return np.concatenate([*parts, np.empty(0, np.uint8)]), np.cumsum(np.concatenate(lengths))


def repeated_windows(data: Bytes, bounds: Longs, tokens: int) -> Pieces:
    """The runs of `tokens` tokens that stand in `data` more than once, in characters of their text."""
    offsets, starts, stops = windows(data, bounds, tokens)
    group = _groups(data, starts, stops, _sorted(data, starts))
    chosen = np.flatnonzero(group >= 0)
    text = np.searchsorted(offsets, chosen, "right") - 1
    return Pieces(
        offsets=np.searchsorted(chosen, offsets),
        group=group[chosen].astype(np.int64),
        start=in_characters(data, bounds[text], starts[chosen]),
        stop=in_characters(data, bounds[text], stops[chosen]),
    )


def _sorted(data: Bytes, starts: Ints) -> Ints:
    """Positions in `starts`, by the bytes from there to the end of `data`."""
    from pydivsufsort import divsufsort  # of the extra `substrings`

    chosen = np.zeros(len(data), bool)
    chosen[starts] = True
    suffixes = _only(divsufsort(data), chosen) if len(data) else np.empty(0, np.int32)
    place = np.empty(len(data), np.int32)
    place[starts] = np.arange(len(starts), dtype=np.int32)
    return place[suffixes]


@njit(nogil=True, cache=True)
def _separated(data, starts):  # type: ignore[no-untyped-def]
    """The texts data[starts[i]:starts[i + 1]] with a byte that is none of UTF-8 after each."""
    texts = len(starts) - 1
    found, used = np.empty(starts[texts] - starts[0] + texts, np.uint8), 0
    for i in range(texts):
        size = starts[i + 1] - starts[i]
        found[used : used + size] = data[starts[i] : starts[i + 1]]
        found[used + size] = 0xFF
        used += size + 1
    return found


@njit(nogil=True, cache=True)
def _only(suffixes, chosen):  # type: ignore[no-untyped-def]
    """The suffixes that are chosen, in their order."""
    used = 0
    for suffix in suffixes:
        if chosen[suffix]:
            suffixes[used] = suffix
            used += 1
    return suffixes[:used].copy()


@njit(nogil=True, cache=True)
def _groups(data, starts, stops, order):  # type: ignore[no-untyped-def]
    """For each window the number of its group, shared by those of equal bytes; -1 where it has no equal.

    `order` sorts the windows by the bytes from their start on. Open are the windows that the last one begins with,
    the longest on top: the end of one may be the middle of a longer word of another, hence several.
    """
    group, below, top, groups = np.full(len(starts), -1, np.int32), np.empty(len(starts), np.int32), -1, 0
    for window in order:
        size = stops[window] - starts[window]
        shared = 0
        if top >= 0:
            longest = stops[top] - starts[top]
            while shared < longest and data[starts[window] + shared] == data[starts[top] + shared]:
                shared += 1
        while top >= 0 and stops[top] - starts[top] > shared:
            top = below[top]
        if top >= 0 and stops[top] - starts[top] == size:
            if group[top] < 0:
                group[top], groups = groups, groups + 1
            group[window] = group[top]
        else:
            below[window], top = top, window
    return group
