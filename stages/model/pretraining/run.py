"""Pretrain a network on the training split's unlabelled text.

Reads   tokenize/tokens, tokenize/vocabulary, label/labels (which documents belong to the focus task).
Writes  config.json and model.safetensors (load with plain `from_pretrained`), the tokenizer, documents.txt and
        exposure.json (which documents it was trained on, and how often) and history.json: loss per stretch of steps,
        documents, tokens. No clock times: they go to stderr, so that equal runs give equal bytes.
This file chooses the documents; `pretraining_rank` trains on them, in this process or in several. Its checkpoints lie
beside `out` while the run lasts; a killed run resumes from them with the same bits.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment
from stages.model.networks.foreign import check_start
from stages.model.pretraining import rank as pretraining_rank
from stages.model.pretraining.params import PretrainParams
from stages.model.tokens.foreign import FILE
from stages.model.tokens.tokenizing import vocabulary_size, write_tokenizer
from stages.model.training.batches import Ints
from stages.model.training.corpus import Listed, listed, read_corpus, write_corpus
from stages.model.training.exposure import times_seen, write_exposure
from stages.model.training.launch import launch
from stages.model.training.randomness import stream

_BACKGROUND = 31  # purpose of the draw that chooses background documents


def pretrain(
    tokens: list[Segment], vocabulary: list[Segment], labels: list[Segment], params: PretrainParams, out: Path
) -> None:
    """Train and write the model; resumes from the checkpoints beside `out`."""
    found = listed(tokens)
    chosen = chosen_documents(focus_ids(labels, params.focus_task), found, params)
    size = vocabulary_size(vocabulary)
    write_corpus(tokens, found, chosen, size, out.parent / "corpus")
    write_tokenizer(vocabulary, out)
    if params.start is not None:
        check_start(params.start, out / FILE)
    launch(pretraining_rank.main, {"params": asdict(params), "vocabulary": size, "out": str(out)}, params.processes)
    corpus = read_corpus(out.parent / "corpus")
    times = times_seen(corpus, pretraining_rank.recipe_of(params, size), params.steps)
    write_exposure(found.ids.take(pa.array(chosen)).to_pylist(), times, out)


def focus_ids(labels: list[Segment], task: str) -> set[str]:
    """Documents that somebody labelled for `task`; their text is used, their labels are not."""
    found: set[str] = set()
    for segment in labels:
        rows = segment.read(["id", "task"])
        found.update(rows.filter(pc.equal(rows["task"], pa.scalar(task)))["id"].to_pylist())
    return found


def chosen_documents(focus: set[str], documents: Listed, params: PretrainParams) -> Ints:
    """Places of the documents to train on, ascending: the focus documents, and hash-chosen others up to the background
    share. Without any focus document, all of them."""
    lengths, keys = documents.lengths, documents.keys
    found = pc.is_in(documents.ids, value_set=pa.array(sorted(focus), pa.string()))
    focused = found.to_numpy(zero_copy_only=False)
    if not focused.any():
        return np.arange(len(lengths))
    others = np.flatnonzero(~focused)
    others = others[np.argsort(stream(keys[others], _BACKGROUND, params.seed), kind="stable")]
    allowed = params.background_share * lengths[focused].sum()
    others = others[np.cumsum(lengths[others]) <= allowed]
    return np.sort(np.concatenate([np.flatnonzero(focused), others]))
