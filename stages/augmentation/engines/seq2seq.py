"""Translation by a model of transformers: Marian, M2M-100, NLLB or another encoder-decoder in a folder.

Reads   the folder alone: safetensors, no pickles, no code of the model's, nothing from the network.
Lines are translated in batches of similar length; on a GPU in bfloat16. A batch is a function of the lines given, so
equal requests give equal translations.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.utils import logging

from stages.augmentation.engines.models import ModelFolder, by_length
from stages.model.training.device import one_thread

logging.disable_progress_bar()

ROWS = 16  # lines of a batch
BEAMS = 4
MAX_GROWTH, MARGIN = 2, 16  # tokens out are at most MAX_GROWTH * tokens in + MARGIN, where a decoder goes in circles


class Seq2Seq:
    """One direction. Errors: ParameterError where the folder holds no model."""

    def __init__(self, direction: str) -> None:
        self._folder = ModelFolder.parse(direction, "transformers", "config.json")
        on_gpu = torch.cuda.is_available()
        self._device, self._kind = ("cuda", torch.bfloat16) if on_gpu else ("cpu", torch.float32)
        self.version = f"{self._folder.version('transformers', 'torch')} {self._device} beams {BEAMS}"

    def translate(self, lines: list[str]) -> list[str]:
        """One line out per line in."""
        found = [""] * len(lines)
        if not lines:
            return found
        tokenizer, model = self._loaded
        first = tokenizer.convert_tokens_to_ids(self._folder.target) if self._folder.target else None
        longest = getattr(model.config, "max_position_embeddings", tokenizer.model_max_length)
        shape = {"padding": True, "truncation": True, "max_length": min(longest, tokenizer.model_max_length)}
        for batch in by_length(lines, ROWS):
            given = tokenizer([lines[place] for place in batch], return_tensors="pt", **shape)
            limit = min(MAX_GROWTH * given["input_ids"].shape[1] + MARGIN, longest - 1)
            with one_thread(), torch.inference_mode():
                made = model.generate(
                    **given.to(self._device), num_beams=BEAMS, do_sample=False, max_new_tokens=limit, max_length=None,
                    **({} if first is None else {"forced_bos_token_id": first}),
                )  # fmt: skip
            texts = tokenizer.batch_decode(made, skip_special_tokens=True)
            for place, text in zip(batch, texts, strict=True):
                found[place] = " ".join(text.split())
        return found

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """The tokenizer and the model, read once."""
        given = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(self._folder.path, **given, **self._languages())
        model = AutoModelForSeq2SeqLM.from_pretrained(
            self._folder.path, use_safetensors=True, dtype=self._kind, **given
        )
        return tokenizer, model.to(self._device).eval()

    def _languages(self) -> dict[str, str]:
        source = self._folder.source
        return {} if source is None else {"src_lang": source, "tgt_lang": str(self._folder.target)}
