"""What a network is asked during pretraining: `mlm`, `mlm+nsp` (BERT) or `clm` (GPT), as batches of questions.

Masked LM: guess masked tokens (`masking`). Next-sentence prediction (Devlin et al. 2019, section 3.1): a document
is cut into two consecutive segments, the second is replaced by another document's second segment for half of the
documents, and the network tells which. Causal LM: guess each next token of the same document.
Every choice is a hash of (seed, epoch, document), so a batch needs no stored state and resuming is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from stages.model.batches import (
    Batch,
    Documents,
    Example,
    Ints,
    chunked,
    framed,
    laid_out,
    packed_rows,
    pieces,
)
from stages.model.masking import masked_tokens
from stages.model.randomness import Keys, mixed, stream, uniform
from stages.model.tokenizer import CLS_ID, FIRST_WORD, MASK_ID, SEP_ID

OBJECTIVES = ("mlm", "mlm+nsp", "clm")
_CUT, _REPLACE, _OTHER = 21, 22, 23  # purposes of the draws behind a pair
IS_NEXT, IS_RANDOM = 0, 1  # labels of BertForPreTraining's next-sentence head


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How batches are made: tokens a row, rows a batch, share of masked tokens, size of the vocabulary."""

    objective: str
    width: int
    rows: int
    mask_rate: float
    seed: int
    vocabulary: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """Consecutive pieces of documents: owning document, start and end in it, and a key each; all [pieces]."""

    corpus: Documents
    owner: Ints
    start: Ints
    end: Ints
    keys: Keys

    def content(self, index: int) -> Ints:
        """The token ids of one piece."""
        base = self.corpus.offsets[self.owner[index]]
        return self.corpus.tokens[base + self.start[index] : base + self.end[index]]


def cut(corpus: Documents, recipe: Recipe) -> Pieces:
    """Pieces that fit a row with their separators; every token of the corpus is in exactly one."""
    separators = 3 if recipe.objective == "mlm+nsp" else 2
    owner, start, end = pieces(corpus, recipe.width - separators)
    return Pieces(corpus, owner, start, end, mixed(corpus.keys[owner], start.astype(np.uint64)))


def pair_cuts(lengths: Ints, keys: Keys) -> Ints:
    """Where each piece is cut into two segments: a hash-chosen point in its middle half."""
    share = 0.25 + 0.5 * uniform(stream(keys, _CUT))
    return np.clip((lengths * share).astype(np.int64), 1, np.maximum(lengths - 1, 1))


def pair_labels(keys: Keys, seed: int, epoch: int) -> Ints:
    """IS_NEXT or IS_RANDOM for each piece: a fair coin by hash of (seed, epoch, piece)."""
    return (uniform(stream(keys, _REPLACE, seed, epoch)) < 0.5).astype(np.int64)


def pair(parts: Pieces, index: int, other: int, cuts: Ints, label: int) -> Example:
    """[CLS] first segment [SEP] second segment [SEP]; the second is `other`'s when `label` says so.

    A replacement is cut to the length of what it replaces, so that length does not give the answer away.
    """
    content = parts.content(index)
    head, tail = content[: cuts[index]], content[cuts[index] :]
    if label == IS_RANDOM:
        tail = parts.content(other)[cuts[other] :][: len(tail)]
    tokens = np.concatenate([[CLS_ID], head, [SEP_ID], tail, [SEP_ID]])
    types = np.repeat([0, 1], [len(head) + 2, len(tail) + 1])
    return Example(tokens, types, parts.corpus.keys[parts.owner[index]], int(parts.start[index]), label)


def examples(parts: Pieces, recipe: Recipe, epoch: int) -> list[Example]:
    """One epoch's framed pieces, in the order of the pieces."""
    keys = parts.corpus.keys
    if recipe.objective != "mlm+nsp":
        return [
            framed(parts.content(index), keys[owner], int(parts.start[index]), IS_NEXT)
            for index, owner in enumerate(parts.owner)
        ]
    cuts = pair_cuts(parts.end - parts.start, parts.keys)
    labels = pair_labels(parts.keys, recipe.seed, epoch)
    others = stream(parts.keys, _OTHER, recipe.seed, epoch) % np.uint64(max(len(parts.keys), 1))
    return [pair(parts, index, int(others[index]), cuts, int(label)) for index, label in enumerate(labels.tolist())]


def epoch_batches(parts: Pieces, recipe: Recipe, epoch: int) -> Iterator[Batch]:
    """The batches of one epoch, with questions and answers, in order."""
    items = examples(parts, recipe, epoch)
    lengths = np.array([len(item.tokens) for item in items], dtype=np.int64)
    rows = packed_rows(lengths, parts.keys, recipe.width, recipe.seed, epoch)
    for chunk in chunked(rows, recipe.rows):
        yield asked(laid_out([[items[item] for item in row] for row in chunk], recipe.width), recipe, epoch)


def asked(batch: Batch, recipe: Recipe, epoch: int) -> Batch:
    """The batch with the questions of the objective: masked inputs, or each next token."""
    flat = batch.inputs.ravel()
    if recipe.objective == "clm":
        owners = batch.owners.ravel()
        guesses = np.flatnonzero((owners[:-1] == owners[1:]) & (owners[1:] > 0))
        return replace(batch, guesses=guesses, targets=flat[guesses + 1])
    hidden = masked_tokens(
        flat,
        batch.keys,
        batch.places,
        rate=recipe.mask_rate,
        seed=recipe.seed,
        epoch=epoch,
        mask_id=MASK_ID,
        first_word=FIRST_WORD,
        vocabulary=recipe.vocabulary,
    )
    inputs = hidden.inputs.reshape(batch.inputs.shape)
    return replace(batch, inputs=inputs, guesses=hidden.positions, targets=hidden.targets)
