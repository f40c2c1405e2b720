"""A run's folder -> a model of transformers' own classes, which plain `AutoModel….from_pretrained` loads.

    config.json, model.safetensors   a whole model already (pretrain, tasks of generation): the class of its config
    classifier.json, pooling cls     BertForSequenceClassification: pooler and linear layer are those of BERT
    classifier.json, pooling mean    …ForTokenClassification of BERT and GPT-2: none of their classes takes the mean. A
                                     linear layer commutes with it: the mean of the tokens' scores is the score of their
                                     mean, so the weights stay, and who loads them takes the mean
    scorer.json                      …ForTokenClassification for spans, …ForQuestionAnswering for questions
    all else                         the body by AutoModel, and head.safetensors: relations, whose head reads two tokens
                                     at once, and ModernBERT, all of whose classes have a layer more
No weight is changed, and no code travels with the model: where a few lines must follow, the card has them.
"""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2ForQuestionAnswering,
    GPT2ForTokenClassification,
    PreTrainedModel,
)

from catalog.errors import InputError
from stages.model.finetuning.kinds.places import by_character
from stages.model.networks import classifier, token_scorer

Form = Literal["whole", "document", "mean", "tags", "answer", "mean vector", "token vectors", "two vectors"]
AUTO = {"ForSequenceClassification": "AutoModelForSequenceClassification",
        "ForTokenClassification": "AutoModelForTokenClassification", "ForMaskedLM": "AutoModelForMaskedLM",
        "ForQuestionAnswering": "AutoModelForQuestionAnswering", "ForPreTraining": "AutoModelForPreTraining",
        "LMHeadModel": "AutoModelForCausalLM", "EncoderDecoderModel": "AutoModelForSeq2SeqLM"}  # fmt: skip
"""End of the name of a model's class -> the Auto class that loads it."""
CLASSES: dict[tuple[Form, str], Any] = {
    ("document", "bert"): BertForSequenceClassification,
    ("mean", "bert"): BertForTokenClassification,
    ("mean", "gpt2"): GPT2ForTokenClassification,
    ("tags", "bert"): BertForTokenClassification,
    ("tags", "gpt2"): GPT2ForTokenClassification,
    ("answer", "bert"): BertForQuestionAnswering,
    ("answer", "gpt2"): GPT2ForQuestionAnswering,
}
"""Form and type of a model in transformers -> the class that has that head."""
ALONE: dict[Form, Form] = {
    "mean": "mean vector", "document": "mean vector", "tags": "token vectors", "answer": "token vectors",
}  # fmt: skip
"""Form -> the one that stands in for it where no class has that head: the body, and the head beside it."""
HEAD = "head.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model of transformers, how its scores are read, its classes in their order, and the most tokens of a text."""

    model: PreTrainedModel
    form: Form
    width: int
    labels: tuple[str, ...] = ()
    kind: str = ""
    """Of the task; "" for a whole model."""
    head: dict[str, Tensor] | None = None
    """Where it stands alone: weight [classes, hidden] and bias [classes]."""

    @property
    def auto(self) -> str:
        """The Auto class that loads it."""
        name = type(self.model).__name__
        return next((auto for end, auto in AUTO.items() if name.endswith(end)), "AutoModel")

    @property
    def inputs(self) -> tuple[str, ...]:
        """What its tokenizer gives it; types of tokens, for texts with a second one, to BERT alone."""
        types = ("token_type_ids",) if self.model.config.model_type == "bert" else ()
        return ("input_ids", "attention_mask", *types)


def exported(folder: Path) -> Exported:
    """The model of a run's folder. Errors: InputError for a folder of another form."""
    if (folder / "classifier.json").exists():
        ours, said = classifier.load(folder)
        return _with_head(folder, ours.encoder, said, said.kind, "document" if said.pooling == "cls" else "mean")
    if (folder / "scorer.json").exists():
        scorer, scores = token_scorer.load(folder)
        kind, form = _of_tokens(scores)
        return _with_head(folder, scorer.encoder, scores, kind, form)
    if (folder / "config.json").exists():
        return _whole(folder)
    raise InputError(f"{folder} holds no model that can be exported: neither classifier.json nor config.json")


def _of_tokens(said: token_scorer.Scores) -> tuple[str, Form]:
    """The kind of task that scores tokens so, and the form of its network."""
    if said.together == 2:
        return "relations", "two vectors"
    return ("questions", "answer") if said.labels == ["start", "end"] else ("spans", "tags")


def _whole(folder: Path) -> Exported:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = getattr(transformers, config["architectures"][0])
    model = kind.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    limits = folder / "limits.json"
    width = json.loads(limits.read_text(encoding="utf-8"))["width"] if limits.exists() else None
    return Exported(model=model.eval(), form="whole", width=width or model.config.max_position_embeddings)


def _with_head(
    folder: Path, body: PreTrainedModel, said: classifier.Description | token_scorer.Scores, kind: str, form: Form
) -> Exported:
    """The body with the linear layer that was trained on it, in one class where there is one that has no more."""
    config = copy.deepcopy(body.config)
    config.num_labels = len(said.labels)
    config.id2label = dict(enumerate(said.labels))
    config.label2id = {label: number for number, label in enumerate(said.labels)}
    config.problem_type = "multi_label_classification" if kind == "multilabel" else None
    config.classifier_dropout = 0.0
    head = load_file(folder / HEAD)
    known: dict[str, Any] = {"labels": tuple(said.labels), "width": said.width, "kind": kind}
    if (form, config.model_type) not in CLASSES:
        body.config = config
        return Exported(model=body.eval(), form=ALONE.get(form, form), head=head, **known)
    model = CLASSES[form, config.model_type](config)
    wanted = model.base_model.state_dict()  # of a pooler that nothing reads, it has none
    model.base_model.load_state_dict({name: body.state_dict()[name] for name in wanted})
    (model.qa_outputs if form == "answer" else model.classifier).load_state_dict(head)
    return Exported(model=model.eval(), form=form, **known)


class Scores(nn.Module):
    """Scores as a runtime gives them, of what a tokenizer gives, [D, tokens] each.

    Of a text [D, classes]; of each token [D, tokens, tags], for questions its score as beginning and as end; of
    relations, the two tokens of each text at `places` [D, 2], [D, classes].
    """

    def __init__(self, given: Exported) -> None:
        super().__init__()
        self.model, self.form = given.model, given.form
        for name, value in (given.head or {}).items():
            self.register_buffer(name, value)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None,
        places: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """As the class says."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        found = self.model(input_ids=input_ids, attention_mask=attention_mask, **types)
        if self.form in ("document", "tags"):
            return found.logits
        if self.form == "answer":
            return torch.stack([found.start_logits, found.end_logits], 2)
        tokens = found.logits if self.form == "mean" else found.last_hidden_state
        if places is not None:
            tokens = tokens.gather(1, places[:, :, None].expand(-1, -1, tokens.shape[2])).flatten(1)
        if self.form.startswith("mean"):
            kept = attention_mask[:, :, None].to(tokens.dtype)
            tokens = (tokens * kept).sum(1) / kept.sum(1)
        return tokens if self.form == "mean" else nn.functional.linear(tokens, self.weight, self.bias)


def save(given: Exported, run: Path, out: Path) -> None:
    """Write config.json, model.safetensors, the head where it stands alone, and the tokenizer.

    The tokenizer reads special tokens that are spelt in a text as letters, as it did in training.
    """
    given.model.save_pretrained(out)
    shutil.copymode(out / "config.json", out / "model.safetensors")  # which only its owner could read
    if given.head:
        (out / HEAD).write_bytes((run / HEAD).read_bytes())
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    if (run / "scorer.json").exists():  # whose labels name places: characters stand alone
        tokenizer = by_character(tokenizer)
    (out / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    config = json.loads((run / "tokenizer_config.json").read_text(encoding="utf-8"))
    config |= {"model_max_length": given.width, "split_special_tokens": True, "model_input_names": list(given.inputs)}
    (out / "tokenizer_config.json").write_text(f"{json.dumps(config, indent=2, sort_keys=True)}\n", encoding="utf-8")
