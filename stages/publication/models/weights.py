"""A run's folder -> a model of transformers' own classes, which plain `AutoModel….from_pretrained` loads.

    config.json, model.safetensors   a whole model already (pretrain): the class that its config names
    classifier.json, pooling cls     BertForSequenceClassification: pooler and linear layer are those of BERT
    classifier.json, pooling mean    BertForTokenClassification, GPT2ForTokenClassification: no class of these takes the
                                     mean. A linear layer commutes with it: the mean of the tokens' scores is the score
                                     of their mean, so the weights stay, and who loads them takes the mean
                                     ModernBertModel and head.safetensors: all classes of ModernBERT have a layer more
No weight is changed, and no code travels with the model: where one line or three must follow, the card has them.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import (
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2ForTokenClassification,
    PreTrainedModel,
)

from catalog.errors import InputError
from stages.model.classifier import Classifier, Description, load

Form = Literal["whole", "document", "mean of tokens", "vectors"]
AUTO = {"ForSequenceClassification": "AutoModelForSequenceClassification",
        "ForTokenClassification": "AutoModelForTokenClassification", "ForMaskedLM": "AutoModelForMaskedLM",
        "ForPreTraining": "AutoModelForPreTraining", "LMHeadModel": "AutoModelForCausalLM"}  # fmt: skip
"""End of the name of a model's class -> the Auto class that loads it."""
CLASSES: dict[tuple[str, str], tuple[Any, Form]] = {
    ("bert", "cls"): (BertForSequenceClassification, "document"),
    ("bert", "mean"): (BertForTokenClassification, "mean of tokens"),
    ("gpt2", "mean"): (GPT2ForTokenClassification, "mean of tokens"),
}
"""Type of a model in transformers and pooling -> a class with that head, and how its scores are read."""
HEAD = "head.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model of transformers, how its scores are read, its classes in their order, and the most tokens of a text."""

    model: PreTrainedModel
    form: Form
    width: int
    labels: tuple[str, ...] = ()
    head: dict[str, Tensor] | None = None
    """Of the form `vectors`: weight [classes, hidden] and bias [classes]."""

    @property
    def auto(self) -> str:
        """The Auto class that loads it."""
        name = type(self.model).__name__
        return next((auto for end, auto in AUTO.items() if name.endswith(end)), "AutoModel")

    @property
    def inputs(self) -> tuple[str, ...]:
        """What its tokenizer gives it; types of tokens, for pairs of texts, to BERT alone."""
        types = ("token_type_ids",) if self.model.config.model_type == "bert" else ()
        return ("input_ids", "attention_mask", *types)


def exported(folder: Path) -> Exported:
    """The model of a run's folder. Errors: InputError for a folder of another form."""
    if (folder / "classifier.json").exists():
        return _classifier(*load(folder), load_file(folder / HEAD))
    if (folder / "config.json").exists():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = getattr(transformers, config["architectures"][0])
        model = kind.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        return Exported(model=model.eval(), form="whole", width=model.config.max_position_embeddings)
    raise InputError(f"{folder} holds no model that can be exported: neither classifier.json nor config.json")


def _classifier(ours: Classifier, said: Description, head: dict[str, Tensor]) -> Exported:
    config = copy.deepcopy(ours.encoder.config)
    config.num_labels = len(said.labels)
    config.id2label = dict(enumerate(said.labels))
    config.label2id = {label: number for number, label in enumerate(said.labels)}
    known: dict[str, Any] = {"labels": tuple(said.labels), "width": said.width}
    if (config.model_type, said.pooling) not in CLASSES:
        ours.encoder.config = config
        return Exported(model=ours.encoder.eval(), form="vectors", head=head, **known)
    config.classifier_dropout = 0.0
    kind, form = CLASSES[config.model_type, said.pooling]
    model = kind(config)
    wanted = model.base_model.state_dict()  # of a pooler that nothing reads, it has none
    model.base_model.load_state_dict({name: ours.encoder.state_dict()[name] for name in wanted})
    model.classifier.load_state_dict(head)
    return Exported(model=model.eval(), form=form, **known)


class Scores(nn.Module):
    """What a tokenizer gives, [D, tokens] each -> the scores of each class before the softmax, [D, classes]."""

    def __init__(self, given: Exported) -> None:
        super().__init__()
        self.model, self.form = given.model, given.form
        for name, value in (given.head or {}).items():
            self.register_buffer(name, value)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """As the class says."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        found = self.model(input_ids=input_ids, attention_mask=attention_mask, **types)
        if self.form == "document":
            return found.logits
        tokens = found.last_hidden_state if self.form == "vectors" else found.logits
        kept = attention_mask[:, :, None].to(tokens.dtype)
        mean = (tokens * kept).sum(1) / kept.sum(1)
        return nn.functional.linear(mean, self.weight, self.bias) if self.form == "vectors" else mean


def save(given: Exported, run: Path, out: Path) -> None:
    """Write config.json, model.safetensors, the head where it stands alone, and the tokenizer.

    The tokenizer reads special tokens that are spelt in a text as letters, as it did in training.
    """
    given.model.save_pretrained(out)
    if given.head:
        (out / HEAD).write_bytes((run / HEAD).read_bytes())
    (out / "tokenizer.json").write_bytes((run / "tokenizer.json").read_bytes())
    config = json.loads((run / "tokenizer_config.json").read_text(encoding="utf-8"))
    config |= {"model_max_length": given.width, "split_special_tokens": True, "model_input_names": list(given.inputs)}
    (out / "tokenizer_config.json").write_text(f"{json.dumps(config, indent=2, sort_keys=True)}\n", encoding="utf-8")
