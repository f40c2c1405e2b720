"""The classifier: an encoder, a pooling and one linear layer; saved as plain files that need no code of ours to read.

A saved folder holds encoder/ (config.json, model.safetensors: `AutoModel.from_pretrained`), head.safetensors (`weight`
[classes, hidden], `bias` [classes]) and classifier.json (labels, pooling, width, kind).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from stages.model.networks.architectures import narrowed
from stages.model.networks.network import Packed, hidden_states, saved_encoder, states_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a reader of the weights must know: class names in the order of the scores, pooling, tokens a document."""

    labels: list[str]
    pooling: str
    width: int
    kind: str = "classification"  # or pairs, whose input is two texts; multilabel, where each score stands for itself


class Classifier(nn.Module):
    """`forward` returns the scores of each class before the softmax, [D, classes]."""

    def __init__(self, encoder: PreTrainedModel, classes: int, pooling: str, dropout: float) -> None:
        super().__init__()
        self.encoder, self.pooling = narrowed(encoder), pooling
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(encoder.config.hidden_size, classes)
        nn.init.normal_(self.output.weight, std=encoder.config.initializer_range)
        nn.init.zeros_(self.output.bias)

    def forward(self, packed: Packed) -> Tensor:
        """Scores of the documents of a batch, [D, classes]."""
        return self.output(self.dropout(self.pooled(packed)))

    def pooled(self, packed: Packed) -> Tensor:
        """One vector a document, [D, hidden]: the mean of its tokens, or BERT's pooler over its [CLS]."""
        if self.pooling == "cls":
            return self.encoder.pooler(states_at(self.encoder, packed, packed.first)[:, None])
        states = hidden_states(self.encoder, packed)
        numbers = torch.arange(1, len(packed.first) + 1, device=states.device)
        member = (packed.owners.flatten()[None] == numbers[:, None]).to(states.dtype)
        return (member @ states) / member.sum(1, keepdim=True)


def save(model: Classifier, description: Description, out: Path) -> None:
    """Write the folder described above."""
    save_parts(model.encoder, model.output, out)
    text = json.dumps(asdict(description), ensure_ascii=False, indent=1, sort_keys=True)
    (out / "classifier.json").write_text(text, encoding="utf-8")


def save_parts(encoder: PreTrainedModel, output: nn.Linear, out: Path) -> None:
    """Write encoder/ and head.safetensors."""
    encoder.save_pretrained(out / "encoder")
    head = {name: value.detach().cpu().contiguous() for name, value in output.state_dict().items()}
    save_file(head, out / "head.safetensors")


def load(folder: Path) -> tuple[Classifier, Description]:
    """Read the folder described above, ready to predict."""
    description = Description(**json.loads((folder / "classifier.json").read_text(encoding="utf-8")))
    encoder = saved_encoder(folder / "encoder")
    model = Classifier(encoder, len(description.labels), description.pooling, dropout=0.0)
    model.output.load_state_dict(load_file(folder / "head.safetensors"))
    return model.eval(), description
