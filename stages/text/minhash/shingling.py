"""How texts are cut into shingles: by words, by characters, or by the tokens of a tokenizer that is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.digests import check_pin
from stages.text.minhash.shingles import shingle_hashes, token_shingles

UNITS = ("words", "characters", "tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shingling:
    """What a shingle is.

    By words, a text of an unspaced script (Chinese) is cut into characters. Words and characters are folded
    (stages/text/minhash/shingles.py); a tokenizer sees the text as it is.
    """

    unit: str = "words"  # words, characters or tokens
    words: int = 5  # words per shingle (FineWeb, RefinedWeb)
    characters: int = 5  # characters per shingle: of unspaced scripts, or of all (Data-Juicer, zh)
    tokens: int = 5  # tokens per shingle (Duplodocus)
    tokenizer: str = ""  # path of a tokenizer.json, for tokens
    tokenizer_sha256: str = ""  # of that file

    def __post_init__(self) -> None:
        problems = [
            f"shingle_{name} is {value}, must be 1 to 100"
            for name, value in (("words", self.words), ("characters", self.characters), ("tokens", self.tokens))
            if not 1 <= value <= 100
        ]
        if self.unit not in UNITS:
            problems.append(f"shingle_unit is {self.unit}, must be one of {', '.join(UNITS)}")
        if self.unit == "tokens" and not (self.tokenizer and self.tokenizer_sha256):
            problems.append("shingle_unit is tokens and needs shingle_tokenizer: {path: tokenizer.json, sha256: ...}")
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose version decides the shingles, for an operator that cuts them."""
        return ("tokenizers",) if self.unit == "tokens" else ()

    def hashes(self, texts: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Hashes of the shingles of every text, as (offsets, hashes); every text has at least one.

        Errors: InputError when the tokenizer's file is missing or another one.
        """
        if self.unit == "tokens":
            encoded = _tokenizer(self.tokenizer, self.tokenizer_sha256).encode_batch_fast(
                texts.to_pylist(), add_special_tokens=False
            )
            return token_shingles([one.ids for one in encoded], self.tokens)
        words = self.words if self.unit == "words" else None
        return shingle_hashes(texts, words=words, characters=self.characters)


@lru_cache(maxsize=1)
def _tokenizer(path: str, digest: str) -> Any:
    """The tokenizer of a file. Errors: InputError when it is missing or its sha256 is another."""
    from tokenizers import Tokenizer  # here, because only who shingles by tokens needs it

    check_pin(Path(path), digest, "dedup.shingle_tokenizer")
    return Tokenizer.from_file(path)
