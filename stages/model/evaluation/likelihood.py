"""How well the pretrained network knows the test texts: bits for each byte that it has to guess.

Reads   finetune/units, pretrain's model with its tokenizer.
Writes  evaluate/likelihood: bits and bytes of each test text, so that they add up.

A causal network guesses each token from those before it in its row: bits per byte, which do not depend on the
tokenizer. A masked one guesses a fixed 15 % of the tokens from all others: bits per masked byte, to be compared among
masked networks. Masks are a function of the text alone. Bytes are those of the text in UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from catalog.segments import Segment
from stages.labels.splits import TEST
from stages.model.evaluation.likelihood_params import LikelihoodParams
from stages.model.finetuning.examples import Labelled
from stages.model.finetuning.kinds.training import outputs, start_folder
from stages.model.finetuning.units import read_units
from stages.model.networks.architectures import guesser, narrowed
from stages.model.networks.network import Packed, saved_model, states_at
from stages.model.tokens.foreign import spells_bytes
from stages.model.tokens.tokenizer import BYTES, MASK_ID
from stages.model.training.batches import Ints, framed
from stages.model.training.loop import device_named, made_deterministic
from stages.model.training.randomness import document_keys, stream, uniform

MASKED = 0.15  # share of the tokens
_MASKS = 51  # purpose of the draw


class Guesses(nn.Module):
    """`forward` returns the bits that the right token costs at each asked place, [M, 1]."""

    def __init__(self, folder: Path, causal: bool) -> None:
        super().__init__()
        kind = AutoModelForCausalLM if causal else AutoModelForMaskedLM
        self.model = saved_model(kind, folder)
        narrowed(self.model.base_model)

    def forward(self, packed: Packed) -> Tensor:
        """See the class."""
        scores = guesser(self.model).scores(states_at(self.model.base_model, packed, packed.guesses))
        nats = functional.cross_entropy(scores.float(), packed.targets, reduction="none")
        return nats[:, None] / np.log(2)


def likelihood(
    units: list[Segment], model: list[Segment], params: LikelihoodParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("likelihood", "all", a row for each test text)."""
    made_deterministic(params.threads)
    folder = start_folder(model)
    config = AutoConfig.from_pretrained(folder)
    causal, width = config.model_type == "gpt2", config.max_position_embeddings
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = {unit.id: unit.text for unit in read_units(units, TEST)}
    data, sizes = questions(tokenizer, texts, width, causal)
    guesses = Guesses(folder, causal).to(device_named(params.device))
    bits: dict[str, list[float]] = {name: [] for name in texts}
    for name, rows in zip(data.ids, outputs(guesses, data, width), strict=True):
        bits[name] += rows[:, 0].tolist()
    yield "likelihood", "all", pa.table({
        "id": pa.array(list(texts), pa.string()),
        "measure": pa.array(["bits_per_byte" if causal else "bits_per_masked_byte"] * len(texts), pa.string()),
        "bits": pa.array([round(sum(bits[name]), 3) for name in texts], pa.float64()),
        "bytes": pa.array([sizes[name] for name in texts], pa.int64()),
    })  # fmt: skip


def questions(tokenizer: Tokenizer, texts: dict[str, str], width: int, causal: bool) -> tuple[Labelled, dict[str, int]]:
    """The pieces of each text, each asked for the tokens that are to be guessed, and how many bytes these have."""
    tokenizer.encode_special_tokens = True
    spelt = spells_bytes(tokenizer)
    data, names = Labelled([], [], document_keys([]), [], []), []
    sizes = dict.fromkeys(texts, 0)
    for (name, text), key in zip(texts.items(), document_keys(list(texts)), strict=True):
        encoded = tokenizer.encode(text, add_special_tokens=False)
        lengths = token_bytes(text, encoded.tokens, encoded.offsets, spelt)
        ids = np.array(encoded.ids, dtype=np.int64)
        hidden = np.ones(len(ids), bool) if causal else masked(key, len(ids))
        for start in range(0, len(ids), width - 2):
            piece = slice(start, start + width - 2)
            asked = np.flatnonzero(hidden[piece])
            shown = ids[piece] if causal else np.where(hidden[piece], MASK_ID, ids[piece])
            names.append(f"{name}\n{start}")
            data.ids.append(name)
            data.examples.append(framed(shown, document_keys(names[-1:])[0], start, 0))
            data.asked.append(asked + (0 if causal else 1))  # from the token before it, or in its own place
            data.answers.append(ids[piece][asked])
            sizes[name] += int(lengths[piece][asked].sum())
    return Labelled(data.ids, data.examples, document_keys(names), data.asked, data.answers), sizes


def masked(key: np.uint64, length: int) -> np.ndarray:
    """Which of so many tokens are to be guessed: by hash, and one at least."""
    drawn = uniform(stream(np.arange(length, dtype=np.uint64), int(key) % 2**31, _MASKS))
    return drawn < max(MASKED, drawn.min(initial=1.0) + 1e-12)


def token_bytes(text: str, tokens: Sequence[str], offsets: Sequence[tuple[int, int]], spelt: bool = False) -> Ints:
    """Bytes of the text that each token stands for; a token of one byte is one.

    `spelt`: each character of a token is a byte; several such tokens may share a character of the text.
    """
    if spelt:
        return np.array([len(token) for token in tokens], dtype=np.int64)
    sizes = (len(text[start:stop].encode()) for start, stop in offsets)
    found = [1 if token in BYTES else size for token, size in zip(tokens, sizes, strict=True)]
    return np.array(found, dtype=np.int64)
