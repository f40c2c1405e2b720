"""A run's folder -> a model of transformers' own classes, which plain `AutoModelFor….from_pretrained` loads.

Three forms, by what lies in the folder:
    config.json, model.safetensors   a whole model already (pretrain): the class that its config names
    classifier.json, pooling cls     BertForSequenceClassification: pooler and linear layer are those of BERT
    classifier.json, pooling mean    BertForTokenClassification: BERT has no class that pools by the mean. A linear
                                     layer commutes with it: the mean of the tokens' scores is the score of their mean,
                                     so the weights are those that were trained, and who loads them takes the mean
No weight is changed, and no code travels with the model.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertForSequenceClassification, BertForTokenClassification, PreTrainedModel

from catalog.errors import InputError
from stages.model.classifier import Classifier, load

Form = Literal["whole", "document", "mean of tokens"]
AUTO = {"ForSequenceClassification": "AutoModelForSequenceClassification",
        "ForTokenClassification": "AutoModelForTokenClassification", "ForMaskedLM": "AutoModelForMaskedLM",
        "ForPreTraining": "AutoModelForPreTraining", "LMHeadModel": "AutoModelForCausalLM"}  # fmt: skip
"""End of the name of a model's class -> the Auto class that loads it."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # what the tokenizer gives, types for pairs of texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model of transformers, how its scores are read, its classes in their order, and the most tokens of a text."""

    model: PreTrainedModel
    form: Form
    labels: tuple[str, ...] = ()
    width: int

    @property
    def auto(self) -> str:
        """The Auto class that loads it."""
        name = type(self.model).__name__
        return next((auto for end, auto in AUTO.items() if name.endswith(end)), "AutoModel")


def exported(folder: Path) -> Exported:
    """The model of a run's folder. Errors: InputError for a folder of another form."""
    if (folder / "classifier.json").exists():
        return _classifier(folder)
    if (folder / "config.json").exists():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = getattr(transformers, config["architectures"][0])
        model = kind.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        return Exported(model=model.eval(), form="whole", width=model.config.max_position_embeddings)
    raise InputError(f"{folder} holds no model that can be exported: neither classifier.json nor config.json")


def _classifier(folder: Path) -> Exported:
    ours, said = load(folder)
    by_token = said.pooling == "mean"
    config = copy.deepcopy(ours.encoder.config)
    config.num_labels = len(said.labels)
    config.id2label = dict(enumerate(said.labels))
    config.label2id = {label: number for number, label in enumerate(said.labels)}
    config.classifier_dropout = 0.0
    model = (BertForTokenClassification if by_token else BertForSequenceClassification)(config)
    _fill(model.bert, ours, keep_pooler=not by_token)
    model.classifier.load_state_dict(load_file(folder / "head.safetensors"))
    form: Form = "mean of tokens" if by_token else "document"
    return Exported(model=model.eval(), form=form, labels=tuple(said.labels), width=said.width)


def _fill(encoder: nn.Module, ours: Classifier, *, keep_pooler: bool) -> None:
    """Put the trained weights into an encoder, all of them but a pooler that nothing reads."""
    state = ours.encoder.state_dict()
    encoder.load_state_dict({name: value for name, value in state.items() if keep_pooler or "pooler" not in name})


class Scores(nn.Module):
    """What a tokenizer gives, [D, tokens] each -> the scores of each class before the softmax, [D, classes]."""

    def __init__(self, given: Exported) -> None:
        super().__init__()
        self.model, self.by_token = given.model, given.form == "mean of tokens"

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """As the class says."""
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        logits = self.model(**given).logits
        if not self.by_token:
            return logits
        kept = attention_mask[:, :, None].to(logits.dtype)
        return (logits * kept).sum(1) / kept.sum(1)


def save(given: Exported, run: Path, out: Path) -> None:
    """Write config.json, model.safetensors and the tokenizer, which reads special tokens in a text as letters."""
    given.model.save_pretrained(out)
    (out / "tokenizer.json").write_bytes((run / "tokenizer.json").read_bytes())
    config = json.loads((run / "tokenizer_config.json").read_text(encoding="utf-8"))
    config |= {"model_max_length": given.width, "split_special_tokens": True, "model_input_names": list(INPUTS)}
    (out / "tokenizer_config.json").write_text(f"{json.dumps(config, indent=2, sort_keys=True)}\n", encoding="utf-8")
