"""Sequences: an encoder reads a text, a decoder writes another: a translation, a summary.

Both sides are the network of `pretrain`, the decoder with attention over what the encoder read, which begins at random;
the system `pretrained` starts from its weights (Rothe, Narayan and Severyn 2020). What is random is drawn by Glorot's
rule (`draw_wide`), so that the decoder heeds its source from the first step. Decoding: decoding.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertLMHeadModel, EncoderDecoderModel

from catalog.errors import InputError
from catalog.segments import Segment
from stages.model.evaluation.predict_params import PredictParams
from stages.model.evaluation.scoring.texts import MEASURES
from stages.model.finetuning.kinds.predicting import loaded_tokenizer, predictions, run_folder
from stages.model.finetuning.kinds.training import Material, finetuning
from stages.model.finetuning.kinds.writing import load_limits, positions, save_limits, texts_of
from stages.model.finetuning.params import RunParams, WritingParams
from stages.model.finetuning.starting import require, starting_encoder
from stages.model.finetuning.units import Unit
from stages.model.networks.decoding import FromSource, Writer
from stages.model.networks.sequence_to_sequence import (
    NOTHING,
    PairBatch,
    Pairs,
    PlacedPairs,
    batch_members,
    draw_wide,
    epoch_batches,
    paired,
)
from stages.model.tokens.tokenizer import CLS_ID, PAD_ID, SEP_ID, token_ids
from stages.model.training.batches import Ints
from stages.model.training.randomness import document_keys


class Sequences:
    """The kind generation by an encoder-decoder; `width` and `longest_target` in tokens."""

    place = PlacedPairs

    def __init__(self, tokenizer: Tokenizer, width: int, how: WritingParams) -> None:
        self.tokenizer, self.width, self.how = tokenizer, width, how
        if how.longest_target > width:
            raise InputError(
                f"finetune.longest_target is {how.longest_target}, must be at most finetune.width, {width}; lower it"
            )

    def examples(self, units: Sequence[Unit]) -> Pairs:
        """Texts with what is to be produced."""
        sources, targets = (
            token_ids(self.tokenizer, side) for side in ([unit.text for unit in units], [unit.label for unit in units])
        )
        names = document_keys([unit.name for unit in units])
        cut = [ids[: self.how.longest_target - 1] for ids in targets]
        return paired(sources, cut, names, self.width)

    def network(self, start: Path, params: RunParams) -> EncoderDecoderModel:
        """Encoder and decoder of the shape of the model in `start`."""
        require(start, "bert", self.how.generator)
        encoder = starting_encoder(start, params)
        shape = {"is_decoder": True, "add_cross_attention": True, "attn_implementation": "sdpa"}
        config = BertConfig.from_pretrained(start, **shape)
        if params.from_scratch:
            decoder = BertLMHeadModel(config)
        else:
            decoder = BertLMHeadModel.from_pretrained(start, config=config, dtype=torch.float32, use_safetensors=True)
        model = EncoderDecoderModel(encoder=encoder, decoder=decoder)
        for part in [model] if params.from_scratch else cross_attentions(decoder):
            draw_wide(part)
        model.config.decoder_start_token_id = CLS_ID
        model.config.pad_token_id, model.config.eos_token_id = PAD_ID, SEP_ID
        return model

    def steps(self, data: Pairs, epoch: int, params: RunParams) -> int:
        """Batches of an epoch."""
        return len(batch_members(data, params.how.rows * self.width))

    def batches(self, data: Pairs, epoch: int, params: RunParams) -> Iterator[PairBatch]:
        """The batches of an epoch."""
        return epoch_batches(data, params.how.rows * self.width, params.seed, epoch)

    def loss(self, model: EncoderDecoderModel, placed: PlacedPairs) -> Tensor:
        """Mean cross entropy of the tokens to produce."""
        before = torch.cat([placed.targets.new_full((len(placed.targets), 1), CLS_ID), placed.targets[:, :-1]], 1)
        before = before.masked_fill(before == NOTHING, PAD_ID)
        mask = placed.inputs != PAD_ID
        logits = model(input_ids=placed.inputs, attention_mask=mask, decoder_input_ids=before).logits
        return functional.cross_entropy(logits.flatten(0, 1), placed.targets.flatten(), ignore_index=NOTHING)

    def predicted(self, model: EncoderDecoderModel, units: Sequence[Unit]) -> list[str]:
        """The texts that the network writes."""

        def begin(rows: list[Ints]) -> tuple[Writer, Tensor]:
            inputs = positions(rows, device)
            return FromSource(model, inputs), inputs.new_full((len(rows),), CLS_ID)

        device = next(model.parameters()).device
        return texts_of(self.examples(units).sources, begin, self.tokenizer, self.how)

    def score(self, units: Sequence[Unit], predicted: Sequence[str]) -> float:
        """chrF."""
        return MEASURES["generation"][0].of(units, predicted)

    def save(self, model: EncoderDecoderModel, out: Path) -> None:
        """The model as `EncoderDecoderModel.from_pretrained` reads it, and the limits."""
        model.save_pretrained(out)
        save_limits(self.width, self.how, out)


def cross_attentions(decoder: BertLMHeadModel) -> list[nn.Module]:
    """The attention of each layer over what the encoder read."""
    return [layer.crossattention for layer in decoder.bert.encoder.layer]


@finetuning
def finetune(given: Material, params: RunParams) -> Sequences:
    """The kind as a run trains it."""
    return Sequences(given.tokenizer, params.how.width, params.of_kind)


def saved(folder: Path) -> tuple[Sequences, EncoderDecoderModel]:
    """What the folder of a run holds."""
    model = EncoderDecoderModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    return Sequences(loaded_tokenizer(folder), *load_limits(folder)), model


def predict(run: list[Segment], units: list[Segment], params: PredictParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", a row for each test unit)."""
    yield from predictions(*saved(run_folder(run, "limits.json")), units, params)
