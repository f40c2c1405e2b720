"""A classifier that `gristmill train-quality` trained, applied to documents: the probability of its positive classes.

Reads   clean/text; a file of safetensors with the tensors `weights` (buckets, classes), of float32, and `positive`, the
        numbers of the classes whose probability is the signal. No code is loaded from it.
Writes  clean/classifier_<signal>, the file in one row, so that a score depends on its bytes and not on its path;
        clean/<signal>, rows of SCORES.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from catalog.digests import canonical_json, check_pin
from catalog.errors import InputError
from catalog.schema import column, table
from stages.scores.hashed import Weights, predict
from stages.scores.rows import scored
from stages.scores.tokenized import tokenized

MODEL = table(column("file", pa.binary(), "the classifier, as a file of safetensors"))
DECIMALS = 4


def written(weights: Weights, classes: Sequence[str], positive: Sequence[str], said: dict[str, str]) -> bytes:
    """The bytes of a model file; the names of the classes and what else is said of it stand in its metadata.

    All in one entry, because safetensors writes several in any order.
    """
    numbers = np.array([classes.index(name) for name in positive], np.int64)
    metadata = {"gristmill": canonical_json({"classes": list(classes), **said})}
    return bytes(save({"positive": numbers, "weights": weights}, metadata))


def read_model(signal: str, path: str, sha256: str) -> Iterator[tuple[str, None, pa.Table]]:
    """The model file. Errors: InputError when it is missing, or not the pinned one, or no classifier."""
    check_pin(Path(path), sha256, f"clean.{signal}", f"run `gristmill train-quality {path}`")
    content = Path(path).read_bytes()
    try:
        _tensors(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"clean.{signal}: {path} is no model of `gristmill train-quality` ({error})") from None
    yield f"classifier_{signal}", None, pa.table({"file": pa.array([content], pa.binary())})


def _tensors(content: bytes) -> tuple[Weights, NDArray[np.int64]]:
    """(weights, positive classes). Errors: SafetensorError, KeyError, ValueError."""
    found = load(content)
    weights, positive = found["weights"], found["positive"]
    buckets, classes = weights.shape
    if weights.dtype != np.float32 or buckets & (buckets - 1) or not set(positive.tolist()) <= set(range(classes)):
        raise ValueError("its tensors do not fit together")
    return weights, positive


def classify(texts: pa.Table, model: pa.Table) -> NDArray[np.float64]:
    """The probability of the positive classes of each document; NaN for one without a token."""
    weights, positive = _tensors(model["file"][0].as_py())
    words = tokenized(texts["text"], texts["language"])
    found = predict(words.first, words.digests, weights)[:, positive].sum(axis=1)
    return np.where(np.diff(words.first) > 0, found, np.nan)


def quality(texts: pa.Table, model: pa.Table) -> dict[str, pa.Table]:
    """The signal `quality`."""
    return {"quality": scored(texts["id"], "quality", classify(texts, model), DECIMALS)}


def educational(texts: pa.Table, model: pa.Table) -> dict[str, pa.Table]:
    """The signal `educational`."""
    return {"educational": scored(texts["id"], "educational", classify(texts, model), DECIMALS)}


def toxicity(texts: pa.Table, model: pa.Table) -> dict[str, pa.Table]:
    """The signal `toxicity`."""
    return {"toxicity": scored(texts["id"], "toxicity", classify(texts, model), DECIMALS)}
