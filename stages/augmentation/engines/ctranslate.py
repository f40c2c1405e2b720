"""Translation by CTranslate2, where it is installed: the same models, converted, two to four times as fast on a CPU.

Reads   a folder made by `ct2-transformers-converter --copy_files <tokenizer files>`: model.bin and the tokenizer.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from transformers import AutoTokenizer

from catalog.errors import ParameterError
from stages.augmentation.engines.models import ModelFolder, by_length

ROWS, BEAMS = 32, 4
MAX_GROWTH, MARGIN = 2, 16  # as in seq2seq.py


class CTranslate:
    """One direction. Errors: ParameterError where the program or the model is missing."""

    def __init__(self, direction: str) -> None:
        self._program = _program()
        self._folder = ModelFolder.parse(direction, "CTranslate2", "model.bin")
        self.version = f"{self._folder.version('ctranslate2', 'transformers')} beams {BEAMS}"

    def translate(self, lines: list[str]) -> list[str]:
        """One line out per line in."""
        found = [""] * len(lines)
        if not lines:
            return found
        folder, (tokenizer, translator) = self._folder, self._loaded
        for batch in by_length(lines, ROWS):
            tokens = [tokenizer.convert_ids_to_tokens(tokenizer.encode(lines[place])) for place in batch]
            made = translator.translate_batch(
                tokens, target_prefix=[[folder.target]] * len(batch) if folder.target else None, beam_size=BEAMS,
                max_decoding_length=MAX_GROWTH * max(map(len, tokens)) + MARGIN - 1,  # the end is not counted
            )  # fmt: skip
            for place, result in zip(batch, made, strict=True):
                said = result.hypotheses[0][1 if folder.target else 0 :]
                text = tokenizer.decode(tokenizer.convert_tokens_to_ids(said), skip_special_tokens=True)
                found[place] = " ".join(text.split())
        return found

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """The tokenizer and the translator, read once."""
        folder = self._folder
        languages = {} if folder.source is None else {"src_lang": folder.source, "tgt_lang": folder.target}
        tokenizer = AutoTokenizer.from_pretrained(
            folder.path, local_files_only=True, trust_remote_code=False, **languages
        )
        return tokenizer, self._program.Translator(str(folder.path), device="cpu", inter_threads=1, intra_threads=1)


def _program() -> Any:
    try:
        import ctranslate2
    except ImportError:
        raise ParameterError(
            "augment.back_translation asks for ctranslate2, which is not installed; run "
            "`pip install 'gristmill[translation]'`, or set augment.back_translation.engine to transformers"
        ) from None
    return ctranslate2
