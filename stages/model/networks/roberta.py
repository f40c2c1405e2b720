"""A RoBERTa as a BERT: the same network, but for where positions begin, the kinds of segments, and the names of parts.

RoBERTa counts positions from the number of its padding plus one, knows one kind of segment, and its head is that of
BERT under other names (Liu et al. 2019; transformers 5, models/roberta). XLM-RoBERTa and CamemBERT are RoBERTas. Scores
are equal; of a pair of texts they saw one separator more between both.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import BertConfig, CamembertForMaskedLM, PreTrainedModel, RobertaForMaskedLM, XLMRobertaForMaskedLM

ROBERTAS: dict[str, Any] = {
    "roberta": RobertaForMaskedLM, "xlm-roberta": XLMRobertaForMaskedLM, "camembert": CamembertForMaskedLM,
}  # fmt: skip
"""The model types that are RoBERTas -> the class that reads them with their head."""
_SAME = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "initializer_range", "layer_norm_eps",
)  # fmt: skip
_POSITIONS, _TYPES = "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"
_HEAD = {
    "lm_head.dense.weight": "cls.predictions.transform.dense.weight",
    "lm_head.dense.bias": "cls.predictions.transform.dense.bias",
    "lm_head.layer_norm.weight": "cls.predictions.transform.LayerNorm.weight",
    "lm_head.layer_norm.bias": "cls.predictions.transform.LayerNorm.bias",
    "lm_head.bias": "cls.predictions.bias", "lm_head.decoder.bias": "cls.predictions.decoder.bias",
    "lm_head.decoder.weight": "cls.predictions.decoder.weight",
}  # fmt: skip


def bert_config(theirs: Any) -> BertConfig:
    """The configuration of the BERT that computes the same."""
    return BertConfig(
        **{name: getattr(theirs, name) for name in _SAME}, type_vocab_size=max(2, theirs.type_vocab_size),
        max_position_embeddings=theirs.max_position_embeddings - theirs.pad_token_id - 1,
    )  # fmt: skip


def as_bert(theirs: PreTrainedModel, bert: PreTrainedModel) -> PreTrainedModel:
    """`bert`, of the configuration above, with the weights of `theirs`; what only it has stays as it was drawn."""
    weights = {_renamed(name, theirs): value for name, value in theirs.state_dict().items()}
    first = theirs.config.pad_token_id + 1
    weights[f"bert.{_POSITIONS}"] = weights[f"bert.{_POSITIONS}"][first:]
    weights[f"bert.{_TYPES}"] = _both_segments(weights[f"bert.{_TYPES}"])
    bert.load_state_dict(bert.state_dict() | weights)
    return bert


def _renamed(name: str, theirs: PreTrainedModel) -> str:
    return _HEAD.get(name) or name.replace(f"{theirs.base_model_prefix}.", "bert.", 1)


def _both_segments(types: Tensor) -> Tensor:
    """[2 or more, hidden]: the second text of a pair begins with the vector of the first."""
    return types if len(types) > 1 else types.repeat(2, 1)
