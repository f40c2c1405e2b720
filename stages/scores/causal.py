"""Perplexity of documents under a causal language model, of the size that a CPU can run (SmolLM2-135M).

Reads   clean/text; a folder with config.json, model.safetensors and a tokenizer, as `save_pretrained` writes it.
        Nothing is downloaded, and no code of the folder is run.
Writes  clean/perplexity, rows of SCORES: e to the mean cross-entropy of the first `width` tokens after the first one.

One document at a time on one thread of the CPU, so that a score depends on no other document.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from catalog.digests import check_pin
from stages.scores.params import CausalParams
from stages.scores.rows import scored

WEIGHTS = "model.safetensors"
DECIMALS = 2


def perplex(texts: pa.Table, *, params: CausalParams) -> dict[str, pa.Table]:
    """The perplexity of each document of two tokens or more."""
    weights = Path(params.folder, WEIGHTS)
    check_pin(weights, params.sha256, "clean.perplexity.causal", "save the model there with save_pretrained")
    given = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(params.folder, **given)
    model = AutoModelForCausalLM.from_pretrained(params.folder, use_safetensors=True, dtype=torch.float32, **given)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        values = [_perplexity(model.eval(), tokenizer, text, params.width) for text in texts["text"].to_pylist()]
    finally:
        torch.set_num_threads(threads)
    return {"perplexity": scored(texts["id"], "perplexity", np.array(values, float), DECIMALS)}


@torch.inference_mode()
def _perplexity(model: torch.nn.Module, tokenizer: AutoTokenizer, text: str, width: int) -> float:
    ids = tokenizer(text, truncation=True, max_length=width, return_tensors="pt")["input_ids"]
    if ids.shape[1] < 2:
        return math.nan
    return math.exp(float(model(input_ids=ids, labels=ids).loss))
