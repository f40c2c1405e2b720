"""Pretrain a network on the training split's unlabelled text.

Reads   tokenize/tokens, tokenize/vocabulary, label/labels (which documents belong to the focus task).
Writes  config.json and model.safetensors (load with plain `from_pretrained`), the tokenizer, documents.txt (the id of
        each document it was trained on) and history.json: loss per stretch of steps, documents, tokens. No times: they
        go to stderr, so that equal runs give equal bytes.
Checkpoints lie beside `out` while the run lasts; a killed run resumes from them with the same bits.
"""

import json
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from catalog.segments import Segment
from stages.labels.splits import TRAIN
from stages.model.batches import Batch, Documents, Ints, documents
from stages.model.loop import Progress, Training, device_named, made_deterministic, train
from stages.model.network import LanguageModel, Shape
from stages.model.objectives import Recipe, cut, epoch_batches
from stages.model.pretrain_params import PretrainParams
from stages.model.randomness import document_keys, stream
from stages.model.tokenizing import token_lists, vocabulary_size, write_tokenizer

_BACKGROUND = 31  # purpose of the draw that chooses background documents
_POINTS = 50  # points of the loss curve


def pretrain(
    tokens: list[Segment], vocabulary: list[Segment], labels: list[Segment], params: PretrainParams, out: Path
) -> None:
    """Train and write the model; resumes from the checkpoints beside `out`."""
    made_deterministic(params.threads)
    device = device_named(params.device)
    ids, corpus = training_documents(tokens, focus_ids(labels, params.focus_task), params)
    shape = shape_of(params, vocabulary_size(vocabulary))
    torch.manual_seed(params.seed)
    model = LanguageModel(shape, params.objective, params.candidates).to(device)
    progress = train(
        model, model, batches(corpus, recipe_of(params, shape)), training_of(params), device, out.parent / "checkpoints"
    )
    model.model.save_pretrained(out)
    write_tokenizer(vocabulary, out)
    (out / "documents.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    (out / "history.json").write_text(json.dumps(history(corpus, progress, params), indent=1), encoding="utf-8")
    rate = progress.tokens / max(progress.seconds, 1e-9)
    print(f"pretrain: {progress.tokens:,} tokens, {rate:,.0f} tokens/s on {device}", file=sys.stderr)


def shape_of(params: PretrainParams, vocabulary: int) -> Shape:
    """The network's shape for a tokenizer of `vocabulary` tokens."""
    return Shape(
        layers=params.layers,
        hidden=params.hidden,
        heads=params.heads,
        feed_forward=params.feed_forward,
        width=params.width,
        vocabulary=vocabulary,
        dropout=params.dropout,
    )


def recipe_of(params: PretrainParams, shape: Shape) -> Recipe:
    """How the batches of this run are made."""
    return Recipe(
        objective=params.objective,
        width=params.width,
        rows=params.rows,
        mask_rate=params.mask_rate,
        seed=params.seed,
        vocabulary=shape.vocabulary,
    )


def training_of(params: PretrainParams) -> Training:
    """How this run is optimised."""
    return Training(
        steps=params.steps,
        learning_rate=params.learning_rate,
        muon_learning_rate=params.muon_learning_rate,
        optimiser=params.optimiser,
        weight_decay=params.weight_decay,
        warmup=params.warmup,
        clip=params.clip,
        seed=params.seed,
        checkpoint_every=params.checkpoint_every,
    )


def focus_ids(labels: list[Segment], task: str) -> set[str]:
    """Documents that somebody labelled for `task`; their text is used, their labels are not."""
    found: set[str] = set()
    for segment in labels:
        rows = segment.read(["id", "task"])
        found.update(rows.filter(pc.equal(rows["task"], pa.scalar(task)))["id"].to_pylist())
    return found


def training_documents(tokens: list[Segment], focus: set[str], params: PretrainParams) -> tuple[list[str], Documents]:
    """Ids and tokens of the training split's focus documents, and of hash-chosen others up to the background share.

    Without any focus document, all of the training split.
    """
    ids, lists = token_lists(tokens, (TRAIN,))
    keys = document_keys(ids)
    lengths = np.array([len(item) for item in lists], dtype=np.int64)
    chosen = chosen_documents(np.array([name in focus for name in ids], dtype=bool), lengths, keys, params)
    names = [ids[i] for i in chosen]
    return names, documents(names, [lists[i] for i in chosen], keys[chosen])


def chosen_documents(focused: np.ndarray, lengths: Ints, keys: np.ndarray, params: PretrainParams) -> Ints:
    """Positions of the documents to train on, in their order."""
    if not focused.any():
        return np.arange(len(lengths))
    others = np.flatnonzero(~focused)
    others = others[np.argsort(stream(keys[others], _BACKGROUND, params.seed), kind="stable")]
    allowed = params.background_share * lengths[focused].sum()
    others = others[np.cumsum(lengths[others]) <= allowed]
    return np.sort(np.concatenate([np.flatnonzero(focused), others]))


def batches(corpus: Documents, recipe: Recipe) -> Iterator[Batch]:
    """Batches without end, epoch after epoch; a pure function of the corpus and the recipe."""
    parts = cut(corpus, recipe)
    for epoch in count():
        yield from epoch_batches(parts, recipe, epoch)


def history(corpus: Documents, progress: Progress, params: PretrainParams) -> dict[str, object]:
    """What is worth keeping of a run, without times: sizes, and the mean loss of each stretch of steps."""
    stretches = np.array_split(np.array(progress.losses), min(_POINTS, len(progress.losses)))
    return {
        "loss": [round(float(stretch.mean()), 4) for stretch in stretches],
        "documents": len(corpus),
        "corpus_tokens": len(corpus.tokens),
        "steps": params.steps,
        "epochs": round(params.tokens / max(len(corpus.tokens), 1), 3),
    }
