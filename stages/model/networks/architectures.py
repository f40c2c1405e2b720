"""Architectures by name: `bert` and `modernbert` (encoders), `gpt` (decoder), each transformers' own classes.

A `Shape` gives the size; this file alone knows how each architecture names its parts: the body that turns tokens into
vectors, its layers, and the head that guesses tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PretrainedConfig,
    PreTrainedModel,
)

from stages.model.tokens.tokenizer import CLS_ID, PAD_ID, SEP_ID

_OURS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "embedding_dropout", "mlp_dropout", "attention_dropout",
    "resid_pdrop", "embd_pdrop", "attn_pdrop", "use_cache", "pad_token_id", "cls_token_id", "sep_token_id",
    "bos_token_id", "eos_token_id",
)  # fmt: skip
INNER = ("encoder.layer.", "layers.", ".h.")  # in the names of weights inside layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Size of a network; `feed_forward`, `width` and `vocabulary` in units, tokens a row and token types."""

    layers: int
    hidden: int
    heads: int
    feed_forward: int
    width: int
    vocabulary: int
    dropout: float
    architecture: str = "bert"

    def config(self) -> PretrainedConfig:
        """The transformers configuration; attention dropout is off because packed attention kernels lack it."""
        return _CONFIGS[self.architecture](self)


def _bert(shape: Shape) -> PretrainedConfig:
    return BertConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, intermediate_size=shape.feed_forward, max_position_embeddings=shape.width,
        hidden_dropout_prob=shape.dropout, attention_probs_dropout_prob=0.0, pad_token_id=PAD_ID, use_cache=False,
        attn_implementation="sdpa",
    )  # fmt: skip


def _modernbert(shape: Shape) -> PretrainedConfig:
    return ModernBertConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, intermediate_size=shape.feed_forward, max_position_embeddings=shape.width,
        embedding_dropout=shape.dropout, mlp_dropout=shape.dropout, attention_dropout=0.0, pad_token_id=PAD_ID,
        cls_token_id=CLS_ID, bos_token_id=CLS_ID, sep_token_id=SEP_ID, eos_token_id=SEP_ID,
        attn_implementation="sdpa",
    )  # fmt: skip


def _gpt(shape: Shape) -> PretrainedConfig:
    return GPT2Config(
        vocab_size=shape.vocabulary, n_embd=shape.hidden, n_layer=shape.layers, n_head=shape.heads,
        n_inner=shape.feed_forward, n_positions=shape.width, resid_pdrop=shape.dropout, embd_pdrop=shape.dropout,
        attn_pdrop=0.0, pad_token_id=PAD_ID, bos_token_id=CLS_ID, eos_token_id=SEP_ID, use_cache=False,
        attn_implementation="sdpa",
    )  # fmt: skip


_CONFIGS: dict[str, Callable[[Shape], PretrainedConfig]] = {"bert": _bert, "modernbert": _modernbert, "gpt": _gpt}
_CLASSES: dict[tuple[str, str], Any] = {
    ("bert", "mlm"): BertForMaskedLM,
    ("bert", "mlm+nsp"): BertForPreTraining,
    ("modernbert", "mlm"): ModernBertForMaskedLM,
    ("gpt", "clm"): GPT2LMHeadModel,
}


def class_of(architecture: str, objective: str) -> Any:
    """transformers' class with the heads of `objective`."""
    return _CLASSES[architecture, objective]


def language_model(shape: Shape, objective: str) -> PreTrainedModel:
    """A network of random weights with the heads of `objective`."""
    model: PreTrainedModel = class_of(shape.architecture, objective)(shape.config())
    return model


def shape_of(config: PretrainedConfig) -> dict[str, int]:
    """layers, hidden, heads and feed_forward of a configuration."""
    feed_forward = config.n_inner or 4 * config.n_embd if config.model_type == "gpt2" else config.intermediate_size
    return {
        "layers": config.num_hidden_layers, "hidden": config.hidden_size, "heads": config.num_attention_heads,
        "feed_forward": feed_forward,
    }  # fmt: skip


def with_parts_of(config: PretrainedConfig, shape: Shape) -> PretrainedConfig:
    """`config` with the dropout, the attention and the signs that a network of `shape` has."""
    ours = shape.config()
    for name in _OURS:
        if hasattr(ours, name) and hasattr(config, name):
            setattr(config, name, getattr(ours, name))
    config._attn_implementation = "sdpa"
    return config


@dataclass(frozen=True, slots=True)
class Guesser:
    """The head that guesses tokens: `transform` of vectors [M, hidden], then a linear layer onto the vocabulary."""

    transform: Callable[[Tensor], Tensor]
    weight: Tensor  # [vocabulary, hidden]
    bias: Tensor | None  # [vocabulary]

    def scores(self, states: Tensor) -> Tensor:
        """Scores of every token at each place, [M, vocabulary]."""
        return functional.linear(self.transform(states), self.weight, self.bias)


def guesser(model: Any) -> Guesser:
    """The head of a network that `language_model` made."""
    if hasattr(model, "cls"):
        decoder = model.cls.predictions.decoder
        return Guesser(model.cls.predictions.transform, decoder.weight, decoder.bias)
    if hasattr(model, "lm_head"):
        return Guesser(nn.Identity(), model.lm_head.weight, None)
    return Guesser(model.head, model.decoder.weight, model.decoder.bias)


def layers_of(body: Any) -> list[nn.Module]:
    """The layers of a body, first to last."""
    if hasattr(body, "encoder"):
        return list(body.encoder.layer)
    return list(body.h if hasattr(body, "h") else body.layers)


def narrowed(body: Any) -> Any:
    """The same body; a BERT's can from now on be told `places` [M], flat: after the last attention it goes on with the
    tokens there alone, since all that follows treats tokens one by one, and its states are [1, M, hidden]."""
    if body.config.model_type == "bert" and not is_narrowed(body):
        body.encoder.layer[-1].attention.register_forward_hook(_at_places, with_kwargs=True)
        body.is_narrowed = True
    return body


def is_narrowed(body: Any) -> bool:
    """Can it be told places?"""
    return getattr(body, "is_narrowed", False)


def _at_places(_: nn.Module, given: Any, named: dict[str, Any], made: tuple[Tensor, Any]) -> tuple[Tensor, Any]:
    """A hook of torch, on what attention `made`."""
    places = named.get("places")
    return made if places is None else (made[0].flatten(0, 1)[places][None], made[1])
