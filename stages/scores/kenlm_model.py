"""Perplexity of documents under a KenLM model that the project has, where the package `kenlm` is installed.

Reads   clean/text; a binary or ARPA file. Each line is a sentence of tokens between spaces, in lower case and with `0`
        for every digit, as `stages.scores.tokenized` reads them: train it on such lines (`lmplz -o 5`).
Writes  clean/perplexity, rows of SCORES: 10 to the mean of -log10 per token, where an end of a line is one (cc_net).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kenlm
import numpy as np
import pyarrow as pa

from catalog.digests import check_pin
from stages.scores.params import PinnedFile
from stages.scores.rows import scored
from stages.scores.tokenized import LINE_END, token_texts

DECIMALS = 2


def perplex(texts: pa.Table, *, params: PinnedFile) -> dict[str, pa.Table]:
    """The perplexity of each document that has a token."""
    model = _model(params)
    values = [_perplexity(model, tokens) for tokens in token_texts(texts["text"], texts["language"])]
    return {"perplexity": scored(texts["id"], "perplexity", np.array(values, float), DECIMALS)}


def _perplexity(model: Any, tokens: list[str]) -> float:
    lines = [line.strip() for line in " ".join(tokens).split(LINE_END)]
    lines = [line for line in lines if line]
    size = sum(line.count(" ") + 2 for line in lines)
    return float(10 ** (-sum(map(model.score, lines)) / size)) if lines else float("nan")


def _model(params: PinnedFile) -> Any:
    """The model. Errors: InputError where the file is missing, or not the pinned one."""
    check_pin(Path(params.path), params.sha256, "clean.perplexity.kenlm")
    return kenlm.Model(params.path)
