"""Batches: documents cut to pieces, packed into rows, laid out as arrays; one form for pretraining and fine-tuning.

Everything is a pure function of (documents, seed, epoch), in NumPy; `network.Packed` hands the arrays to torch.
Shapes: R rows, W tokens a row (`width`), D documents (or pieces of one) in the batch, M guesses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.model.tokens.tokenizer import CLS_ID, PAD_ID, SEP_ID
from stages.model.training.packing import best_fit_rows
from stages.model.training.randomness import Keys, mixed, stream

Ints = npt.NDArray[np.int64]
_ORDER, _ROWS = 11, 12  # purposes of the draws that shuffle documents and rows


@dataclass(frozen=True, slots=True)
class Documents:
    """Token ids of many documents, end to end: `tokens` [all tokens], `offsets` [documents + 1], `keys` [documents]."""

    tokens: npt.NDArray[Any]  # integers of any width; a memory map where a corpus lies on disk
    offsets: Ints
    keys: Keys

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.keys)

    def lengths(self) -> Ints:
        """Tokens of each document."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class Example:
    """One framed piece of a document: `tokens` [n] with separators, `types` [n], where it starts, and its label."""

    tokens: Ints
    types: Ints
    key: np.uint64
    start: int
    label: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of packed examples, and what to compute at which of their tokens.

    `inputs`, `positions`, `types`, `owners` are [R, W]; `owners` numbers the examples from 1, and 0 is padding.
    `first` [D]: flat index of each example's [CLS]; `labels` [D]; `guesses` [M]: flat indices; `targets` [M]: ids.
    `keys`, `places` are [R * W]: the document key and the place in the document of each token.
    """

    inputs: Ints
    positions: Ints
    types: Ints
    owners: Ints
    first: Ints
    labels: Ints
    keys: Keys
    places: Ints
    guesses: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    targets: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def tokens(self) -> int:
        """Tokens that belong to a document, separators included."""
        return int((self.owners > 0).sum())


@dataclass(frozen=True, slots=True)
class Frames:
    """Examples as places in the tokens of a corpus, before they are laid out; every array is [examples].

    [CLS] tokens[head : head + head_length] [SEP], and where `paired`: tokens[tail : tail + tail_length] [SEP] after it.
    """

    head: Ints
    head_length: Ints
    tail: Ints
    tail_length: Ints
    keys: Keys
    start: Ints
    labels: Ints
    paired: bool

    def lengths(self) -> Ints:
        """Tokens of each example, separators included."""
        return self.head_length + 2 + (self.tail_length + 1 if self.paired else 0)

    def take(self, chosen: Ints) -> "Frames":
        """Some examples, in the order of `chosen`."""
        return Frames(
            self.head[chosen], self.head_length[chosen], self.tail[chosen], self.tail_length[chosen],
            self.keys[chosen], self.start[chosen], self.labels[chosen], self.paired,
        )  # fmt: skip


def documents(ids: Sequence[str], tokens: Sequence[Sequence[int]], keys: Keys) -> Documents:
    """Lay the token lists of documents end to end; raises ValueError if the lists differ in number."""
    if len(ids) != len(tokens):
        raise ValueError(f"{len(ids)} ids and {len(tokens)} token lists, must be equal")
    offsets = np.zeros(len(tokens) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in tokens], out=offsets[1:])
    flat = np.fromiter((token for row in tokens for token in row), dtype=np.int64, count=int(offsets[-1]))
    return Documents(tokens=flat, offsets=offsets, keys=keys)


def framed(content: Ints, key: np.uint64, start: int, label: int) -> Example:
    """[CLS] content [SEP]."""
    tokens = np.concatenate([[CLS_ID], content, [SEP_ID]])
    return Example(tokens=tokens, types=np.zeros(len(tokens), dtype=np.int64), key=key, start=start, label=label)


def pieces(corpus: Documents, longest: int) -> tuple[Ints, Ints, Ints]:
    """Cut every document into consecutive pieces of at most `longest` tokens: (document, start, end), none lost."""
    lengths = corpus.lengths()
    counts = -(-lengths // longest)
    owner = np.repeat(np.arange(len(corpus)), counts)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = number * longest
    return owner, start, np.minimum(start + longest, lengths[owner])


def shuffled(keys: Keys, seed: int, epoch: int) -> Ints:
    """The order of documents in one epoch: by a hash of (seed, epoch, document)."""
    return np.argsort(stream(keys, _ORDER, seed, epoch), kind="stable")


def packed_rows(
    lengths: Ints, keys: Keys, width: int, seed: int, epoch: int, order: Ints | None = None
) -> list[list[int]]:
    """One epoch's rows of example indices, packed best fit first and put in hash order.

    `order` are the examples to pack, as `shuffled` has them; by default all.
    """
    order = shuffled(keys, seed, epoch) if order is None else order
    rows = [[int(order[item]) for item in row] for row in best_fit_rows(lengths[order], width)]
    heads = np.array([keys[row[0]] for row in rows], dtype=np.uint64)
    ranks = np.argsort(stream(mixed(heads, np.uint64(_ROWS)), seed, epoch), kind="stable")
    return [rows[rank] for rank in ranks.tolist()]


def frames_laid_out(tokens: npt.NDArray[Any], frames: Frames, per_row: Ints, width: int, height: int) -> Batch:
    """`frames` as a batch of `height` rows: `per_row` [rows] of them side by side in each, empty rows at the end.

    The same batch as `laid_out` makes of examples, without a step for each of them.
    """
    lengths = frames.lengths()
    line = np.repeat(np.arange(len(per_row)), per_row)
    before = np.cumsum(lengths) - lengths  # tokens of earlier examples, in all rows
    row_begin = before[np.cumsum(per_row) - per_row]
    first = line * width + before - row_begin[line]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    inside = np.arange(len(owner)) - before[owner]  # place of each token in its example
    at = first[owner] + inside
    split = frames.head_length[owner] + 1  # place of the first [SEP]
    source = np.where(
        inside <= split, frames.head[owner] + inside - 1, frames.tail[owner] + inside - split - 1
    )  # separators point somewhere, and are overwritten
    content = tokens[np.clip(source, 0, max(len(tokens) - 1, 0))].astype(np.int64)
    ends = (inside == split) | (inside == lengths[owner] - 1)
    content = np.where(inside == 0, CLS_ID, np.where(ends, SEP_ID, content))

    def spread(values: npt.NDArray[Any], filler: int, kind: type = np.int64) -> npt.NDArray[Any]:
        flat: npt.NDArray[Any] = np.full(height * width, filler, dtype=kind)
        flat[at] = values
        return flat

    shape = (height, width)
    return Batch(
        inputs=spread(content, PAD_ID).reshape(shape),
        positions=spread(inside, 0).reshape(shape),
        types=spread(inside > split, 0).reshape(shape),
        owners=spread(owner + 1, 0).reshape(shape),
        first=first,
        labels=frames.labels,
        keys=spread(frames.keys[owner], 0, np.uint64),
        places=spread(inside + frames.start[owner], 0),
    )


def chunked(rows: Sequence[list[int]], size: int) -> Iterator[list[list[int]]]:
    """Runs of `size` rows; the last one may be shorter."""
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])


def laid_out(rows: Sequence[Sequence[Example]], width: int) -> Batch:
    """Write the examples of each row side by side, with positions that restart in each, padded to `width`."""
    shape = (len(rows), width)
    inputs = np.full(shape, PAD_ID, dtype=np.int64)
    positions, types, owners, places = (np.zeros(shape, dtype=np.int64) for _ in range(4))
    keys = np.zeros(shape, dtype=np.uint64)
    first: list[int] = []
    labels: list[int] = []
    for line, row in enumerate(rows):
        cursor = 0
        for example in row:
            here = slice(cursor, cursor + len(example.tokens))
            inputs[line, here] = example.tokens
            positions[line, here] = np.arange(len(example.tokens))
            types[line, here] = example.types
            owners[line, here] = len(first) + 1
            places[line, here] = positions[line, here] + example.start
            keys[line, here] = example.key
            first.append(line * width + cursor)
            labels.append(example.label)
            cursor = here.stop
    heads = {"first": np.array(first, dtype=np.int64), "labels": np.array(labels, dtype=np.int64)}
    return Batch(inputs, positions, types, owners, keys=keys.ravel(), places=places.ravel(), **heads)
