"""Labelled documents as classification examples, and their batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment
from stages.model.batches import Batch, Example, Ints, chunked, framed, laid_out, packed_rows
from stages.model.randomness import Keys, document_keys
from stages.model.tokenizing import token_lists

EVERY_SPLIT = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Labelled:
    """Examples of one split: `ids` [documents], what the network sees, and a key each."""

    ids: list[str]
    examples: list[Example]
    keys: Keys

    def __len__(self) -> int:
        """Number of documents."""
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


def labelled(tokens: list[Segment], rows: pa.Table, split: str, classes: list[str], width: int) -> Labelled:
    """The labelled documents of one split that have tokens, in the order of the tokens."""
    wanted = rows.filter(pc.equal(rows["split"], pa.scalar(split)))
    label_of = dict(zip(wanted["id"].to_pylist(), wanted["label"].to_pylist(), strict=True))
    ids, lists = token_lists(tokens, EVERY_SPLIT)
    chosen = [position for position, name in enumerate(ids) if name in label_of]
    return from_lists(
        [ids[i] for i in chosen], [lists[i] for i in chosen], [label_of[ids[i]] for i in chosen], classes, width
    )


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


def joined(first: Labelled, second: Labelled) -> Labelled:
    """Both, one after the other."""
    return Labelled(first.ids + second.ids, first.examples + second.examples, np.concatenate([first.keys, second.keys]))


def batch_rows(data: Labelled, width: int, rows: int, seed: int, epoch: int) -> list[list[list[int]]]:
    """Positions of the examples of each row of each batch of one epoch."""
    return list(chunked(packed_rows(data.lengths(), data.keys, width, seed, epoch), rows))


def epoch_batches(data: Labelled, width: int, rows: int, seed: int, epoch: int) -> Iterator[Batch]:
    """The batches of one epoch, every document once."""
    for chunk in batch_rows(data, width, rows, seed, epoch):
        yield laid_out([[data.examples[item] for item in row] for row in chunk], width)
