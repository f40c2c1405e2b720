"""A saved run that answers texts, for a server: the network of `predicting`, given texts instead of tokens.

Reads   the folder of one run (`classifier.save`, the tokenizer); safetensors and JSON only.
A batch decides the last bits of a score, so an answer differs from the offline one by about 1e-7 of it.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from stages.model import classifier
from stages.model.classifier import Classifier, Description
from stages.model.examples import from_lists
from stages.model.kinds.training import outputs
from stages.model.loop import device_named, made_deterministic
from stages.model.tokenizer import token_ids

Answer = dict[str, Any]
SHORTEST = 16  # tokens of the narrowest row


def opened(folder: Path, device: str, threads: int) -> "TextClassifier":
    """The predictor of a run's folder, on a device (`auto`, `cpu`, `cuda`) and with so many threads of torch."""
    made_deterministic(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads are pinned, and those of a batch cost more than they save
    model, description = classifier.load(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return TextClassifier(model.to(device_named(device)), description, tokenizer)


class TextClassifier:
    """Answers are {"label", "probabilities", "logits"}, the latter two by class."""

    kind = "classification"

    def __init__(self, model: Classifier, description: Description, tokenizer: Tokenizer) -> None:
        self._model, self._width, self.tokenizer = model, description.width, tokenizer
        self.labels = description.labels

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """One answer a text, as JSON knows it, in their order."""
        logits = self.logits(texts)
        shares = torch.from_numpy(logits).softmax(1).tolist()
        return [
            {
                "label": self.labels[max(range(len(row)), key=row.__getitem__)],
                "probabilities": dict(zip(self.labels, share, strict=True)),
                "logits": dict(zip(self.labels, row, strict=True)),
            }
            for row, share in zip(logits.tolist(), shares, strict=True)
        ]

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Scores before the softmax, [texts, classes]; texts are packed into rows no wider than the longest needs."""
        lists = [np.array(ids, dtype=np.int64) for ids in token_ids(self.tokenizer, texts)]
        names = [str(place) for place in range(len(texts))]
        data = from_lists(names, lists, self.labels[:1] * len(texts), self.labels, self._width)
        return np.concatenate(outputs(self._model, data, row_width(int(data.lengths().max()), self._width)))


def row_width(longest: int, most: int) -> int:
    """Tokens of a row for examples of which the longest has so many: a power of two from SHORTEST, `most` at most."""
    return min(max(SHORTEST, 1 << (longest - 1).bit_length()), most)
