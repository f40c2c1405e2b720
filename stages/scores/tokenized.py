"""Texts -> hashes of their tokens, in lower case and with one digit for all, as models of text read them.

A line ends in a token of its own, so that a model may learn how long lines are; the tokens are those of
`stages.text.signals.tokens`, by which MEASURE counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stages.text.signals import counting, kinds, tokens, wordcounts
from stages.text.signals.blocks import blocks
from stages.text.signals.spans import Block, Tokens, token_room

LINE_END = "\u2424"  # symbol for newline: a token by itself


class Tokenized(NamedTuple):
    """The hashes of the tokens of text i stand at `digests[first[i]:first[i + 1]]`."""

    first: NDArray[np.int64]
    digests: NDArray[np.uint64]


def tokenized(texts: pa.ChunkedArray, languages: pa.ChunkedArray) -> Tokenized:
    """The tokens of each text, by its language."""
    sizes, digests = [np.zeros(1, np.int64)], [np.zeros(0, np.uint64)]
    for block, spans in _spans(folded(texts), languages):
        wordcounts.count_tokens(block, kinds.stop_words(), spans)
        sizes.append(np.diff(spans.first))
        digests.append(spans.digest[: spans.first[-1]].copy())
    return Tokenized(np.cumsum(np.concatenate(sizes)), np.concatenate(digests))


def token_texts(texts: pa.ChunkedArray, languages: pa.ChunkedArray) -> Iterator[list[str]]:
    """The tokens of each text themselves, for models that want them spelled."""
    lowered = folded(texts)
    rows = iter(lowered.to_pylist())
    for _, spans in _spans(lowered, languages):
        for first, last in itertools.pairwise(spans.first.tolist()):
            text = next(rows)
            yield [text[start:end] for start, end in zip(spans.start[first:last], spans.end[first:last], strict=True)]


def folded(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """In lower case, `0` for each digit, a LINE_END for each end of a line."""
    lowered = pc.replace_substring_regex(pc.utf8_lower(texts), r"\p{Nd}", "0")
    return pc.replace_substring_regex(lowered, r"\s*\n\s*", f" {LINE_END} ")


def _spans(texts: pa.ChunkedArray, languages: pa.ChunkedArray) -> Iterator[tuple[Block, Tokens]]:
    """The characters and the tokens, not yet hashed, of one block of texts after the other."""
    known = kinds.kinds()
    for data, offsets, spelled in blocks(texts, kinds.is_spelled(languages)):
        _, block, pieces, _ = counting.count(data, offsets, known)
        spans = token_room(block)
        tokens.find_tokens(block, pieces, known.tokens, kinds.unit_names(), spelled, spans)
        yield block, spans
