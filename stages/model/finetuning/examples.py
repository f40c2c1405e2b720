"""Units as examples: framed tokens, and what is asked of each; and their batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from stages.model.tokens.tokenizer import CLS_ID, SEP_ID
from stages.model.training.batches import Batch, Example, Ints, chunked, framed, laid_out, packed_rows
from stages.model.training.randomness import Keys, document_keys

EVERY_SPLIT = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Labelled:
    """Examples: the unit of each, what the network sees, and a key each.

    `asked` are places among the tokens of an example and `answers` the right number at each; where the label is about
    the whole, the example has it and there are none. An example of a long text is one of several of the same unit.
    """

    ids: list[str]
    examples: list[Example]
    keys: Keys
    asked: list[Ints] = field(default_factory=list)
    answers: list[Ints] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.ids)

    def lengths(self) -> Ints:
        """Tokens of each example."""
        return np.array([len(example.tokens) for example in self.examples], dtype=np.int64)


def shortened(tokens: Ints, longest: int) -> Ints:
    """The first and the last half of a document that is too long: reviews conclude at their end."""
    if len(tokens) <= longest:
        return tokens
    head = longest // 2
    return np.concatenate([tokens[:head], tokens[head - longest :]])


def from_lists(
    ids: list[str], lists: Sequence[Ints], labels: Sequence[str], classes: list[str], width: int
) -> Labelled:
    """Frame and shorten token lists into examples."""
    keys = document_keys(ids)
    number = {label: position for position, label in enumerate(classes)}
    framed_examples = [
        framed(shortened(np.asarray(tokens, dtype=np.int64), width - 2), key, 0, number[label])
        for tokens, key, label in zip(lists, keys, labels, strict=True)
    ]
    return Labelled(ids, framed_examples, keys)


def framed_pair(first: Ints, second: Ints, key: np.uint64, label: int = 0, start: int = 0) -> Example:
    """[CLS] first [SEP] second [SEP], the second of type 1; `start` says where in its text the second begins."""
    tokens = np.concatenate([[CLS_ID], first, [SEP_ID], second, [SEP_ID]]).astype(np.int64)
    types = np.repeat(np.array([0, 1]), [len(first) + 2, len(second) + 1]).astype(np.int64)
    return Example(tokens=tokens, types=types, key=key, start=start, label=label)


def windows(length: int, size: int, stride: int) -> list[tuple[int, int]]:
    """[start, stop) of the stretches of at most `size` that cover `length` places, one `stride` after the other."""
    starts = range(0, max(1, length - size + stride), stride)
    return [(min(start, max(0, length - size)), min(start + size, length)) for start in starts]


def batch_rows(data: Labelled, width: int, rows: int, seed: int, epoch: int) -> list[list[list[int]]]:
    """Positions of the examples of each row of each batch of one epoch."""
    return list(chunked(packed_rows(data.lengths(), data.keys, width, seed, epoch), rows))


def batch_of(data: Labelled, rows: Sequence[Sequence[int]], width: int) -> Batch:
    """The batch of some rows of examples, with what is asked of them."""
    batch = laid_out([[data.examples[item] for item in row] for row in rows], width)
    if not data.asked:
        return batch
    order = [item for row in rows for item in row]
    guesses = np.concatenate([start + data.asked[item] for start, item in zip(batch.first, order, strict=True)])
    return replace(batch, guesses=guesses, targets=np.concatenate([data.answers[item] for item in order]))


def epoch_batches(data: Labelled, width: int, rows: int, seed: int, epoch: int) -> Iterator[Batch]:
    """The batches of one epoch, every example once."""
    for chunk in batch_rows(data, width, rows, seed, epoch):
        yield batch_of(data, chunk, width)
