"""Dialogue: a causal network goes on where the text ends, with the reply.

A row holds [CLS] text [SEP] reply [SEP], and only the tokens of the reply and its end are asked. Of a text that is too
long, the last words stay: what was said just before is what a reply answers to. Only a network that `pretrain` made
causal (`architecture: gpt`) can do this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from catalog.errors import InputError
from catalog.segments import Segment
from stages.model.evaluation.predict_params import PredictParams
from stages.model.evaluation.scoring.texts import MEASURES
from stages.model.finetuning.examples import Labelled
from stages.model.finetuning.kinds.predicting import loaded_tokenizer, predictions, run_folder
from stages.model.finetuning.kinds.training import Material, PackedKind, finetuning
from stages.model.finetuning.kinds.writing import load_limits, positions, save_limits, texts_of
from stages.model.finetuning.params import RunParams, WritingParams
from stages.model.finetuning.starting import require
from stages.model.finetuning.units import Unit
from stages.model.networks.architectures import guesser
from stages.model.networks.decoding import FromPrompt, Writer
from stages.model.networks.network import Packed, hidden_states, saved_model
from stages.model.tokens.tokenizer import CLS_ID, SEP_ID, token_ids
from stages.model.training.batches import Example, Ints
from stages.model.training.randomness import document_keys


class Dialogue(PackedKind):
    """The kind generation by a causal network."""

    def __init__(self, tokenizer: Tokenizer, width: int, how: WritingParams) -> None:
        self.tokenizer, self.width, self.how = tokenizer, width, how
        if how.longest_target > width - 8:
            raise InputError(
                f"finetune.longest_target is {how.longest_target}, must leave 8 of the {width} tokens of "
                "finetune.width to the text; lower it"
            )

    def prompts(self, units: Sequence[Unit]) -> list[Ints]:
        """[CLS] text [SEP] of each unit, as long as leaves room for a reply."""
        room = self.width - 2 - self.how.longest_target
        lists = token_ids(self.tokenizer, [unit.text for unit in units])
        return [np.array([CLS_ID, *ids[-room:], SEP_ID], np.int64) for ids in lists]

    def examples(self, units: Sequence[Unit]) -> Labelled:
        """Each text with its reply."""
        names = [unit.name for unit in units]
        keys = document_keys(names)
        data = Labelled(names, [], keys, [], [])
        replies = token_ids(self.tokenizer, [unit.label for unit in units])
        for prompt, reply, key in zip(self.prompts(units), replies, keys, strict=True):
            answer = np.array([*reply[: self.how.longest_target - 1], SEP_ID], np.int64)
            tokens = np.concatenate([prompt, answer])
            data.examples.append(Example(tokens=tokens, types=np.zeros_like(tokens), key=key, start=0, label=0))
            data.asked.append(np.arange(len(prompt) - 1, len(tokens) - 1))
            data.answers.append(answer)
        return data

    def network(self, start: Path, params: RunParams) -> PreTrainedModel:
        """A causal network of the shape of the model in `start`."""
        require(start, "gpt2", self.how.generator)
        config = AutoConfig.from_pretrained(start, attn_implementation="sdpa")
        if self.width > config.max_position_embeddings:
            raise InputError(
                f"finetune.width is {self.width}, but the network has {config.max_position_embeddings} positions; "
                "lower it"
            )
        torch.manual_seed(params.seed)
        if params.from_scratch:
            model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
            return model
        return saved_model(AutoModelForCausalLM, start)

    def loss(self, model: PreTrainedModel, placed: Packed) -> Tensor:
        """Mean cross entropy of the tokens of the replies."""
        states = hidden_states(model.base_model, placed)[placed.guesses]
        return functional.cross_entropy(guesser(model).scores(states), placed.targets)

    def predicted(self, model: PreTrainedModel, units: Sequence[Unit]) -> list[str]:
        """The replies that the network writes."""

        def begin(rows: list[Ints]) -> tuple[Writer, Tensor]:
            prompts = positions(rows, device, before=True)
            return FromPrompt(model, prompts), prompts[:, -1]

        device = next(model.parameters()).device
        return texts_of(self.prompts(units), begin, self.tokenizer, self.how)

    def score(self, units: Sequence[Unit], predicted: Sequence[str]) -> float:
        """chrF."""
        return MEASURES["generation"][0].of(units, predicted)

    def save(self, model: PreTrainedModel, out: Path) -> None:
        """The model as `AutoModelForCausalLM.from_pretrained` reads it, and the limits."""
        model.save_pretrained(out)
        save_limits(self.width, self.how, out)


@finetuning
def finetune(given: Material, params: RunParams) -> Dialogue:
    """The kind as a run trains it."""
    return Dialogue(given.tokenizer, params.how.width, params.of_kind)


def saved(folder: Path) -> tuple[Dialogue, PreTrainedModel]:
    """What the folder of a run holds."""
    model = saved_model(AutoModelForCausalLM, folder)
    return Dialogue(loaded_tokenizer(folder), *load_limits(folder)), model


def predict(run: list[Segment], units: list[Segment], params: PredictParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", a row for each test unit)."""
    yield from predictions(*saved(run_folder(run, "limits.json")), units, params)
