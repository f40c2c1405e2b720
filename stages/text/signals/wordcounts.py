"""Compiled counters over tokens: words, their lengths, and stop words.

Reads the characters and kinds that `.counting` wrote and the spans of `.tokens`. Writes the hash
of each token, by which `.lines` and `.repetition` compare them, and one row of integers per document, one
column per name in `COUNTERS`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.text.signals.kernels import entry, kernel
from stages.text.signals.spans import Block, Tokens

# What a kind of character is here: the same bits as in `.tokens`.
LETTER, LOWER, UPPER, OTHER = 1 << 1, 1 << 3, 1 << 4, 1 << 20

COUNTERS = (
    "tokens", "words", "word_characters", "letter_words", "capital_words", "longest_word", "stop_words_en",
    "stop_words_zh",
)  # fmt: skip
TOKENS, WORDS, WORD_CHARACTERS, LETTER_WORDS, CAPITAL_WORDS, LONGEST_WORD, STOP_WORDS_EN, STOP_WORDS_ZH = range(8)

STOP_SLOTS = 1024


class StopWords(NamedTuple):
    """A word is a stop word when its hash stands in its slot; `number` is its bit: 0-31 English, 32-63 Chinese."""

    digest: NDArray[np.uint64]  # shape (STOP_SLOTS,)
    number: NDArray[np.int64]


@kernel
def _digest(points, start, end):  # type: ignore[no-untyped-def]
    """64-bit hash of some characters: by pairs, and the last one always, so that no branch asks for odd lengths.

    One character never gives 0, which is a free slot among the stop words.
    """
    digest, index, last = np.uint64(end - start) | np.uint64(1 << 63), np.uint64(start), np.uint64(end - 1)
    while index < last:
        pair = np.uint64(points[index]) | (np.uint64(points[index + np.uint64(1)]) << np.uint64(32))
        digest = (digest ^ pair) * np.uint64(0x9E3779B97F4A7C15)
        digest ^= digest >> np.uint64(29)
        index += np.uint64(2)
    digest = (digest ^ np.uint64(points[last])) * np.uint64(0x9E3779B97F4A7C15)
    return digest ^ (digest >> np.uint64(29))


@kernel
def _count(points, tokens, stops, row):  # type: ignore[no-untyped-def]
    """Hashes the tokens of one document and counts them."""
    starts, ends, somes, digests = tokens
    words, characters, letters, capitals, longest, seen = 0, 0, 0, 0, 0, np.int64(0)
    for token in range(starts.size):
        start, end, some = np.int64(starts[token]), np.int64(ends[token]), somes[token]
        digest = _digest(points, start, end)
        digests[token] = digest
        word = np.int64(some & OTHER != 0)
        words += word
        characters += word * (end - start)
        letters += word * np.int64(some & LETTER != 0)
        capitals += np.int64(some & (UPPER | LOWER) == UPPER)
        longest = max(longest, word * (end - start))
        slot = digest & np.uint64(STOP_SLOTS - 1)
        if stops.digest[slot] == digest:
            seen |= np.int64(1) << stops.number[slot]
    row[TOKENS], row[WORDS], row[WORD_CHARACTERS] = starts.size, words, characters
    row[LETTER_WORDS], row[CAPITAL_WORDS] = letters, capitals
    row[LONGEST_WORD], row[STOP_WORDS_EN] = longest, seen


@entry
def _count_all(block, stops, tokens, rows):  # type: ignore[no-untyped-def]
    for document in range(rows.shape[0]):
        first, last = tokens.first[document], tokens.first[document + 1]
        spans = (tokens.start[first:last], tokens.end[first:last], tokens.some[first:last], tokens.digest[first:last])
        _count(block.points[block.first[document] : block.first[document + 1]], spans, stops, rows[document])


def count_tokens(block: Block, stops: StopWords, tokens: Tokens) -> NDArray[np.int64]:
    """Counters of each document: shape (documents, len(COUNTERS)); the hashes are written into `tokens`."""
    rows = np.zeros((len(block.first) - 1, len(COUNTERS)), np.int64)
    _count_all(block, stops, tokens, rows)
    seen = rows[:, STOP_WORDS_EN].copy()
    rows[:, STOP_WORDS_EN], rows[:, STOP_WORDS_ZH] = (np.bitwise_count(seen & 0xFFFFFFFF), np.bitwise_count(seen >> 32))
    return rows


def stop_words(english: tuple[str, ...], chinese: tuple[str, ...]) -> StopWords:
    """The table of stop words. Errors: ValueError when two want one slot, which another list may."""
    found = StopWords(np.zeros(STOP_SLOTS, np.uint64), np.zeros(STOP_SLOTS, np.int64))
    for first, words in ((0, english), (32, chinese)):
        for number, word in enumerate(words, first):
            digest = np.uint64(_digest(np.array([ord(character) for character in word], np.int32), 0, len(word)))
            slot = int(digest) % STOP_SLOTS
            if found.digest[slot]:
                raise ValueError(f"the stop word `{word}` needs a slot that another has; raise STOP_SLOTS")
            found.digest[slot], found.number[slot] = digest, number
    return found
