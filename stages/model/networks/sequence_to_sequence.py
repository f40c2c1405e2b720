"""Sequence to sequence: an encoder-decoder that learns to write one text after another, as in translation.

Reads   pairs of token lists, and the tokenizer that made them.
Writes  a model's folder as `from_pretrained` reads it: its configuration, model.safetensors, the tokenizer
Sources the network: Vaswani et al. 2017, as Marian lays it out (transformers' MarianMTModel).

Pairs of similar length form a batch, of at most so many positions; batches come in hash order of (seed, epoch). The
loss is cross entropy over the tokens of the targets. `loop.train` trains: AdamW with warm-up, resumable to the bit.
Shapes: P pairs, S and T the longest source and target of a batch, with their frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

from stages.model.tokens.tokenizer import CLS, CLS_ID, MASK, PAD, PAD_ID, SEP, SEP_ID
from stages.model.training.batches import Ints
from stages.model.training.loop import Progress, Training, train
from stages.model.training.randomness import Keys, stream

NOTHING = -100  # the target of a position that is not asked
_BATCHES = 41  # purpose of the draw that orders batches


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatorShape:
    """Layers on each side, width of a token's vector and of the inner layer, tokens of the longest text."""

    layers: int
    hidden: int
    heads: int
    feed_forward: int
    longest: int
    vocabulary: int
    dropout: float

    def config(self) -> MarianConfig:
        """The transformers configuration; a text begins with padding, as Marian's do, and ends with [SEP]."""
        sides = {
            f"{side}_{name}": value
            for side in ("encoder", "decoder")
            for name, value in (
                ("layers", self.layers), ("attention_heads", self.heads), ("ffn_dim", self.feed_forward)
            )
        }  # fmt: skip
        return MarianConfig(
            vocab_size=self.vocabulary, d_model=self.hidden, max_position_embeddings=self.longest, dropout=self.dropout,
            attention_dropout=0.0, scale_embedding=True, share_encoder_decoder_embeddings=True, pad_token_id=PAD_ID,
            decoder_start_token_id=PAD_ID, bos_token_id=CLS_ID, eos_token_id=SEP_ID, forced_eos_token_id=SEP_ID,
            **sides,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pairs:
    """Framed token ids of sources ([CLS] ... [SEP]) and targets (... [SEP]), and a key each; all [pairs]."""

    sources: list[Ints]
    targets: list[Ints]
    keys: Keys


@dataclass(frozen=True, slots=True)
class PairBatch:
    """`inputs` [P, S] padded with [PAD]; `targets` [P, T], NOTHING where a target has ended."""

    inputs: Ints
    targets: Ints

    def tokens(self) -> int:
        """Tokens of the targets."""
        return int((self.targets != NOTHING).sum())


class PlacedPairs:
    """The arrays of a `PairBatch` as tensors on a device."""

    def __init__(self, batch: PairBatch, device: torch.device) -> None:
        self.inputs = torch.as_tensor(batch.inputs).to(device)
        self.targets = torch.as_tensor(batch.targets).to(device)


def paired(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], keys: Keys, longest: int) -> Pairs:
    """Frame token lists; a text that is too long for `longest` positions loses its end."""
    framed = [np.array([CLS_ID, *ids[: longest - 2], SEP_ID], dtype=np.int64) for ids in sources]
    ended = [np.array([*ids[: longest - 1], SEP_ID], dtype=np.int64) for ids in targets]
    return Pairs(framed, ended, keys)


def batch_members(pairs: Pairs, positions: int) -> list[list[int]]:
    """Pairs of similar length, in batches of at most `positions` padded positions a side, or of one pair."""
    lengths = np.array([max(len(s), len(t)) for s, t in zip(pairs.sources, pairs.targets, strict=True)])
    batches: list[list[int]] = []
    for place in np.lexsort((pairs.keys, lengths)).tolist():
        if not batches or (len(batches[-1]) + 1) * lengths[place] > positions:
            batches.append([])
        batches[-1].append(place)
    return batches


def epoch_batches(pairs: Pairs, positions: int, seed: int, epoch: int) -> Iterator[PairBatch]:
    """The batches of one epoch, every pair once, in hash order."""
    members = batch_members(pairs, positions)
    order = np.argsort(stream(np.arange(len(members), dtype=np.uint64), _BATCHES, seed, epoch), kind="stable")
    for number in order.tolist():
        yield PairBatch(
            _padded([pairs.sources[place] for place in members[number]], PAD_ID),
            _padded([pairs.targets[place] for place in members[number]], NOTHING),
        )


def _padded(rows: Sequence[Ints], filler: int) -> Ints:
    table = np.full((len(rows), max(map(len, rows))), filler, dtype=np.int64)
    for line, row in enumerate(rows):
        table[line, : len(row)] = row
    return table


def new_translator(shape: TranslatorShape, seed: int) -> MarianMTModel:
    """A network of random weights drawn from `seed`, as Vaswani et al. 2017 draw them.

    What transformers draws (0.02 everywhere) makes the vectors of tokens a fraction of those of places: after 2,000
    steps such a network still writes the same for every source.
    """
    torch.manual_seed(seed)
    model = MarianMTModel(shape.config())
    draw_wide(model)
    embeddings = model.get_input_embeddings().weight
    with torch.no_grad():
        nn.init.normal_(embeddings, std=shape.hidden**-0.5)  # of size 1 once they are scaled
        embeddings[PAD_ID].zero_()
    return model


def draw_wide(part: nn.Module) -> None:
    """Draw the matrices of linear layers again, by Glorot's rule, but for those that are vectors of tokens too.

    Drawn at 0.02, the layers of a narrow network hand on a fraction of what they read, and attention begins uniform.
    """
    embeddings = {id(found.weight) for found in part.modules() if isinstance(found, nn.Embedding)}
    for found in part.modules():
        if isinstance(found, nn.Linear) and id(found.weight) not in embeddings:
            nn.init.xavier_uniform_(found.weight)


def loss_of(model: MarianMTModel, placed: PlacedPairs) -> Tensor:
    """Mean cross entropy of the tokens of the targets, in nats."""
    logits = model(input_ids=placed.inputs, attention_mask=placed.inputs != PAD_ID, labels=placed.targets).logits
    return functional.cross_entropy(logits.flatten(0, 1), placed.targets.flatten(), ignore_index=NOTHING)


def steps_of(pairs: Pairs, positions: int, epochs: int) -> int:
    """Batches in so many epochs."""
    return epochs * len(batch_members(pairs, positions))


def fit_translator(
    model: MarianMTModel, pairs: Pairs, positions: int, how: Training, checkpoints: Path | None = None
) -> Progress:
    """Train `model` in place for `how.steps` batches; resumes from the checkpoints in a folder."""
    epochs = -(-how.steps // len(batch_members(pairs, positions)))
    batches = chain.from_iterable(epoch_batches(pairs, positions, how.seed, epoch) for epoch in range(epochs))
    device = next(model.parameters()).device
    return train(model, lambda placed: loss_of(model, placed), batches, how, device, checkpoints, place=PlacedPairs)


def save_translator(model: MarianMTModel, tokenizer: Tokenizer, out: Path) -> None:
    """Write the folder described above."""
    model.eval().save_pretrained(out)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, cls_token=CLS, sep_token=SEP, mask_token=MASK, eos_token=SEP,
        model_max_length=model.config.max_position_embeddings, clean_up_tokenization_spaces=False,
    ).save_pretrained(out)  # fmt: skip
