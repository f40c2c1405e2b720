"""What a network is asked during pretraining, as batches of questions.

mlm      guess masked tokens (`masking`)
mlm+nsp  BERT (Devlin et al. 2019, section 3.1): also, a document is cut into two consecutive segments, the second is
         replaced by another document's second segment for half of the documents, and the network tells which
rtd      ELECTRA (Clark et al. 2020): tell which tokens a small masked language model put in place of the right ones
clm      GPT: guess each next token of the same document
Every choice is a hash of (seed, epoch, document), so a batch needs no stored state and resuming is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from stages.model.pretraining.masking import masked_tokens
from stages.model.tokens.tokenizer import FIRST_WORD, MASK_ID
from stages.model.training.batches import Batch, Documents, Frames, Ints, frames_laid_out, packed_rows, pieces, shuffled
from stages.model.training.randomness import Keys, mixed, stream, uniform

OBJECTIVES = ("mlm", "mlm+nsp", "rtd", "clm")
_CUT, _REPLACE, _OTHER = 21, 22, 23  # purposes of the draws behind a pair
IS_NEXT, IS_RANDOM = 0, 1  # labels of BertForPreTraining's next-sentence head
POOL = 1 << 16  # pieces packed together: bounds the memory and the wait, and fills rows as well as more would


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


@dataclass(frozen=True, slots=True)
class Share:
    """The rows of each batch that one of `world` processes trains on: those of its `rank`."""

    rank: int = 0
    world: int = 1


WHOLE = Share()


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


def frames(parts: Pieces, recipe: Recipe, epoch: int) -> Frames:
    """One epoch's examples, in the order of the pieces."""
    base, lengths = parts.corpus.offsets[parts.owner] + parts.start, parts.end - parts.start
    keys, nothing = parts.corpus.keys[parts.owner], np.zeros(len(lengths), dtype=np.int64)
    if recipe.objective != "mlm+nsp":
        return Frames(base, lengths, nothing, nothing, keys, parts.start, nothing, paired=False)
    return _pairs(parts, base, lengths, keys, recipe, epoch)


def _pairs(parts: Pieces, base: Ints, lengths: Ints, keys: Keys, recipe: Recipe, epoch: int) -> Frames:
    """Pieces cut in two, the second part another piece's for half of them.

    A replacement is cut to the length of what it replaces, so that length does not give the answer away.
    """
    cuts, labels = pair_cuts(lengths, parts.keys), pair_labels(parts.keys, recipe.seed, epoch)
    own = np.arange(len(lengths))
    drawn = (stream(parts.keys, _OTHER, recipe.seed, epoch) % np.uint64(max(len(own), 1))).astype(np.int64)
    other = np.where(labels == IS_RANDOM, drawn, own)
    tail_length = np.minimum(lengths - cuts, (lengths - cuts)[other])
    return Frames(base, cuts, (base + cuts)[other], tail_length, keys, parts.start, labels, paired=True)


def epoch_batches(parts: Pieces, recipe: Recipe, epoch: int, share: Share = WHOLE) -> Iterator[Batch]:
    """The batches of one epoch, with questions and answers, in order; of each, the rows of `share`."""
    made, mine = frames(parts, recipe, epoch), recipe.rows // share.world
    here = slice(share.rank * mine, (share.rank + 1) * mine)
    for rows in _packed(made.lengths(), parts.keys, recipe, epoch):
        chosen = rows[here]
        members = np.array([item for row in chosen for item in row], dtype=np.int64)
        per_row = np.array([len(row) for row in chosen], dtype=np.int64)
        batch = frames_laid_out(parts.corpus.tokens, made.take(members), per_row, recipe.width, mine)
        yield asked(batch, recipe, epoch)


def epoch_rows(parts: Pieces, recipe: Recipe, epoch: int) -> Iterator[list[list[int]]]:
    """The pieces of each row of each batch of one epoch."""
    return _packed(frames(parts, recipe, epoch).lengths(), parts.keys, recipe, epoch)


def _packed(lengths: Ints, keys: Keys, recipe: Recipe, epoch: int) -> Iterator[list[list[int]]]:
    """The rows of each batch of one epoch, as lists of pieces, in hash order; the last batch may have fewer."""
    order = shuffled(keys, recipe.seed, epoch)
    waiting: list[list[int]] = []
    for at in range(0, len(order), POOL):
        waiting += packed_rows(lengths, keys, recipe.width, recipe.seed, epoch, order[at : at + POOL])
        while len(waiting) >= recipe.rows:
            yield waiting[: recipe.rows]
            waiting = waiting[recipe.rows :]
    if waiting:
        yield waiting


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
