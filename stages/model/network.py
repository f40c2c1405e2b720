"""Networks: BERT by transformers' own classes, fed packed rows under a mask that keeps documents apart.

Reads a `Shape` or a saved model folder; returns torch modules. transformers 5 lets a packed BERT attend
across documents (its bidirectional mask ignores positions), so the block-diagonal mask is made here.
The language-model head runs on the asked tokens only: projecting every token onto the vocabulary is most of the cost
of a small network.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining, BertLMHeadModel, BertModel
from transformers.utils import logging

from stages.model.batches import Batch
from stages.model.tokenizer import PAD_ID

logging.set_verbosity_error()  # reading an encoder out of a model with other heads is meant
logging.disable_progress_bar()

_CLASSES = {"mlm": BertForMaskedLM, "mlm+nsp": BertForPreTraining, "clm": BertLMHeadModel}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Size of a BERT network; `feed_forward`, `width` and `vocabulary` in units, tokens and token types."""

    layers: int
    hidden: int
    heads: int
    feed_forward: int
    width: int
    vocabulary: int
    dropout: float

    def config(self, objective: str) -> BertConfig:
        """The transformers configuration; attention dropout is off because CPU attention kernels lack it."""
        return BertConfig(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.feed_forward,
            max_position_embeddings=self.width,
            hidden_dropout_prob=self.dropout,
            attention_probs_dropout_prob=0.0,
            pad_token_id=PAD_ID,
            is_decoder=objective == "clm",
            use_cache=False,
            attn_implementation="sdpa",
        )


def attention_mask(owners: Tensor, causal: bool) -> Tensor:
    """True where a token may look, [R, 1, W, W]: at tokens of its own example, and not ahead if `causal`."""
    allowed = owners[:, :, None] == owners[:, None, :]
    return (allowed.tril() if causal else allowed)[:, None]


class Packed:
    """The arrays of a `Batch` as tensors on a device; shapes as there."""

    def __init__(self, batch: Batch, device: torch.device) -> None:
        def moved(array: object) -> Tensor:
            return torch.as_tensor(array).to(device, non_blocking=True)

        self.inputs, self.positions = moved(batch.inputs), moved(batch.positions)
        self.types, self.owners = moved(batch.types), moved(batch.owners)
        self.first, self.labels = moved(batch.first), moved(batch.labels)
        self.guesses, self.targets = moved(batch.guesses), moved(batch.targets)


def hidden_states(encoder: BertModel, packed: Packed) -> Tensor:
    """The last layer's vector of every token, [R * W, hidden]; documents do not see each other."""
    output = encoder(
        input_ids=packed.inputs,
        position_ids=packed.positions,
        token_type_ids=packed.types,
        attention_mask=attention_mask(packed.owners, encoder.config.is_decoder),
    )
    return output.last_hidden_state.flatten(0, 1)


class LanguageModel(nn.Module):
    """A BERT with the heads of `objective`; `forward` returns the summed loss of its questions.

    `candidates`: a token is guessed among the whole `vocabulary`, or among the distinct answers of the `batch`. The
    latter is softmax over in-batch samples: wrong answers come by frequency, and the loss is not a likelihood.
    """

    def __init__(self, shape: Shape, objective: str, candidates: str = "vocabulary") -> None:
        super().__init__()
        self.objective, self.candidates = objective, candidates
        self.model = _CLASSES[objective](shape.config(objective))

    def forward(self, packed: Packed) -> Tensor:
        """Mean cross entropy of the guessed tokens, plus that of the pair labels for `mlm+nsp`; in nats."""
        states = hidden_states(self.model.bert, packed)
        loss = self._guessing(states[packed.guesses], packed.targets)
        if self.objective != "mlm+nsp":
            return loss
        pooled = self.model.bert.pooler(states[packed.first][:, None])
        return loss + functional.cross_entropy(self.model.cls.seq_relationship(pooled), packed.labels)

    def _guessing(self, states: Tensor, targets: Tensor) -> Tensor:
        """Mean cross entropy of the guesses, from the states at their places [M, hidden] and the answers [M]."""
        if self.candidates == "vocabulary":
            return functional.cross_entropy(self.model.cls.predictions(states), targets)
        answers, places = torch.unique(targets, return_inverse=True)
        decoder = self.model.cls.predictions.decoder
        vectors = self.model.cls.predictions.transform(states)
        return functional.cross_entropy(
            functional.linear(vectors, decoder.weight[answers], decoder.bias[answers]), places
        )


def random_encoder(folder: Path, seed: int) -> BertModel:
    """An encoder of the shape that the config.json of a saved model gives, with random weights drawn from `seed`."""
    config = BertConfig.from_pretrained(folder, attn_implementation="sdpa")
    torch.manual_seed(seed)
    return BertModel(config)


def saved_encoder(folder: Path, seed: int = 0) -> BertModel:
    """The encoder of a saved model (safetensors), in fp32; a pooler that it lacks is drawn from `seed`."""
    torch.manual_seed(seed)
    return BertModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa", use_safetensors=True)
