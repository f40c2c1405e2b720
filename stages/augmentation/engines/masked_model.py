"""A masked language model that `pretrain` saved, asked for the words that may stand in the place of others.

Reads   config.json, model.safetensors and tokenizer.json of a folder.
A question is one row: [CLS], what stands before the word, [MASK], what stands behind it, [SEP], as wide as the network
and with the word in the middle. Rows are asked in the order and number given: equal requests have equal answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import AutoModelForMaskedLM
from transformers.utils import logging

from stages.augmentation.proposals import Question, answers, best, kind
from stages.model.networks.architectures import guesser
from stages.model.tokens.tokenizer import CLS_ID, MASK_ID, PAD_ID, SEP_ID, token_ids
from stages.model.training.device import Device, one_thread

logging.disable_progress_bar()

ROWS = 16  # questions of a batch


class Proposer:
    """A model and its tokenizer."""

    def __init__(self, folder: Path, device: Device) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        size = self._tokenizer.get_vocab_size()
        self._vocabulary = [str(self._tokenizer.id_to_token(token)) for token in range(size)]
        self._allowed: dict[tuple[str, bool, int], NDArray[np.int64]] = {}
        self._device = torch.device(device)
        model = AutoModelForMaskedLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa", use_safetensors=True, local_files_only=True
        )
        self._model = model.to(self._device).eval()
        self._width = int(model.config.max_position_embeddings)

    def proposals(self, questions: Sequence[Question], top: int) -> list[list[str]]:
        """The best words for each question, at most `top`."""
        found: list[list[str]] = []
        with one_thread(), torch.inference_mode():
            for start in range(0, len(questions), ROWS):
                batch = questions[start : start + ROWS]
                for question, scores in zip(batch, self._scores(batch), strict=True):
                    found.append(best(scores, self._answers(question), self._vocabulary, question.word, top))
        return found

    def _scores(self, questions: Sequence[Question]) -> NDArray[np.float32]:
        """The score of each token in the place of each word, [questions, vocabulary]."""
        rows = [self._row(question) for question in questions]
        longest = max(map(len, rows))
        inputs = torch.tensor([row + [PAD_ID] * (longest - len(row)) for row in rows], device=self._device)
        states = self._model.base_model(input_ids=inputs, attention_mask=inputs != PAD_ID).last_hidden_state
        return guesser(self._model).scores(states[inputs == MASK_ID]).cpu().numpy()

    def _row(self, question: Question) -> list[int]:
        """The token ids of a question, with one [MASK]."""
        before = question.text[: question.start - question.spaced]
        left, right = token_ids(self._tokenizer, [before, question.text[question.stop :]])
        room = self._width - 3
        most = max(room - len(right), room // 2)
        left = left[max(len(left) - most, 0) :]
        return [CLS_ID, *left, MASK_ID, *right[: room - len(left)], SEP_ID]

    def _answers(self, question: Question) -> NDArray[np.int64]:
        key = kind(question)
        if key not in self._allowed:
            self._allowed[key] = answers(self._vocabulary, question)
        return self._allowed[key]


@lru_cache(maxsize=1)
def proposer(folder: Path, device: Device, digests: tuple[str, ...]) -> Proposer:
    """The model whose files have these digests, read once."""
    return Proposer(folder, device)
