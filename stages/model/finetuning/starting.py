"""The encoder that a run of fine-tuning starts from: the same shape for all, random or pretrained weights."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, PreTrainedModel

from catalog.errors import InputError
from stages.model.finetuning.params import RunParams
from stages.model.networks.network import random_encoder, saved_encoder


def starting_encoder(start: Path, params: RunParams) -> PreTrainedModel:
    """The encoder; what is drawn next, a head, is equal for equal seeds.

    Errors: InputError where a row is wider than the network.
    """
    encoder = (random_encoder if params.from_scratch else saved_encoder)(start, params.seed)
    longest = encoder.config.max_position_embeddings
    if params.how.width > longest:
        raise InputError(f"finetune.width is {params.how.width}, but the network has {longest} positions; lower it")
    torch.manual_seed(params.seed)
    return encoder


def require(start: Path, model_type: str, generator: str) -> None:
    """Errors: InputError where the network of `pretrain` cannot write texts in this way."""
    found = AutoConfig.from_pretrained(start).model_type
    if found != model_type:
        how = {"bert": "architecture: bert", "gpt2": "architecture: gpt and objective: clm"}[model_type]
        raise InputError(
            f"finetune.generator is {generator}, which needs pretrain.{how}; data/pretrain has a {found}. Set either"
        )
