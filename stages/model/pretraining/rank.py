"""One process of a pretraining run: builds the network, trains on its rows of every batch, writes what it learned.

Reads   the folder `corpus` beside `out`; checkpoints beside it.
Writes  `out`: config.json, model.safetensors, history.json (by the first process alone)
Run by `launch`, in the process that asks for it or as `torchrun ... -m stages.model.pretraining.rank JOB`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from catalog.errors import InputError, exit_on_error
from catalog.events import say
from stages.model.networks.architectures import Shape, class_of, layers_of
from stages.model.networks.attention import implementation
from stages.model.networks.foreign import network_to_go_on_from
from stages.model.networks.network import LanguageModel, Packed
from stages.model.pretraining.objectives import WHOLE, Recipe, Share, cut, epoch_batches
from stages.model.pretraining.params import PretrainParams
from stages.model.pretraining.replaced import ReplacedTokens
from stages.model.training.batches import Batch, Documents
from stages.model.training.corpus import read_corpus
from stages.model.training.group import Group, entered, left
from stages.model.training.launch import Job, given_job
from stages.model.training.loop import Progress, Training, device_named, made_deterministic, train
from stages.model.training.prefetch import prefetched

_POINTS = 50  # points of the loss curve

Network = LanguageModel | ReplacedTokens


def main(job: Job) -> None:
    """Train and write the model, alone or as one of a group."""
    params, out = PretrainParams(**job["params"]), Path(job["out"])
    made_deterministic(params.threads)
    device = device_named(params.device)
    group = entered(params.parallel, device)
    if group.world != params.processes:
        raise InputError(f"pretrain.processes is {params.processes}, but torchrun started {group.world}")
    corpus = read_corpus(out.parent / "corpus")
    model = network(params, job["vocabulary"]).to(device)
    progress = trained(model, corpus, params, job["vocabulary"], device, group, out.parent / "checkpoints")
    _write(model, corpus, progress, params, group, out)
    left(group)


def network(params: PretrainParams, vocabulary: int) -> Network:
    """The network of a run, with random weights or those to go on from, for a tokenizer of `vocabulary` tokens."""
    shape = Shape(
        **params.sizes, width=params.width, vocabulary=vocabulary, dropout=params.dropout,
        architecture=params.architecture,
    )  # fmt: skip
    torch.manual_seed(params.seed)
    rtd, begun = params.objective == "rtd", None
    if params.start is not None:
        kind = class_of(params.architecture, "mlm" if rtd else params.objective)
        begun = network_to_go_on_from(Path(params.start["folder"]), params, shape, kind)
    if rtd:
        return ReplacedTokens(shape, params.candidates, begun)
    return LanguageModel(shape, params.objective, params.candidates, begun)


def trained(
    model: Network, corpus: Documents, params: PretrainParams, vocabulary: int, device: torch.device,
    group: Group, checkpoints: Path | None, observe: Callable[[int], None] | None = None,
) -> Progress:  # fmt: skip
    """Train `model` in place on the rows of `group` of every batch; `observe` as in `loop.train`."""
    bf16 = params.precision == "bf16"
    for part in model.bodies():
        part.set_attn_implementation(implementation(device, bf16))
    if params.compile:
        model.compile(dynamic=True)
    layers = [layer for part in model.bodies() for layer in layers_of(part)]
    called = group.joined(model, layers)
    low = torch.autocast(device.type, torch.bfloat16, enabled=bf16, cache_enabled=True)

    def loss(packed: Packed) -> Tensor:
        with low:
            return group.loss(called(packed))

    how = Training.of(params, steps=params.steps, seed=params.seed, checkpoint_every=params.checkpoint_every)
    stream = batches(corpus, recipe_of(params, vocabulary), group.share)
    if device.type == "cuda":
        stream = prefetched(stream)
    return train(model, loss, stream, how, device, checkpoints, observe, group=group)


def recipe_of(params: PretrainParams, vocabulary: int) -> Recipe:
    """How the batches of a run are made."""
    return Recipe(
        objective=params.objective,
        width=params.width,
        rows=params.rows,
        mask_rate=params.mask_rate,
        seed=params.seed,
        vocabulary=vocabulary,
    )


def batches(corpus: Documents, recipe: Recipe, share: Share = WHOLE) -> Iterator[Batch]:
    """Batches without end, epoch after epoch; a pure function of the corpus and the recipe."""
    parts = cut(corpus, recipe)
    for epoch in count():
        yield from epoch_batches(parts, recipe, epoch, share)


def _write(
    model: Network, corpus: Documents, progress: Progress, params: PretrainParams, group: Group, out: Path
) -> None:
    """The model and its history, by the first process."""
    saved = model.saved()
    weights = group.weights(saved)
    if weights is None:
        return
    saved.save_pretrained(out, state_dict=weights)
    (out / "history.json").write_text(json.dumps(history(corpus, progress, params), indent=1), encoding="utf-8")
    rate = progress.tokens * group.world / max(progress.seconds, 1e-9)
    stalled = 100 * progress.stalled / max(progress.seconds, 1e-9)
    tokens = progress.tokens * group.world
    say(
        f"pretrain: {tokens:,} tokens, {rate:,.0f} tokens/s on {params.processes} x {params.device}, "
        f"{stalled:.1f}% of it waiting for data",
        event="training", tokens=tokens, tokens_s=round(rate), waiting=round(stalled / 100, 4),
    )  # fmt: skip


def history(corpus: Documents, progress: Progress, params: PretrainParams) -> dict[str, object]:
    """What is worth keeping of a run, without times: sizes, and the mean loss of each stretch of steps."""
    points = min(_POINTS, len(progress.losses))
    stretches = np.array_split(np.array(progress.losses), points) if points else []
    return {
        "loss": [round(float(stretch.mean()), 4) for stretch in stretches],
        "documents": len(corpus),
        "corpus_tokens": len(corpus.tokens),
        "steps": params.steps,
        "epochs": round(params.tokens / max(len(corpus.tokens), 1), 3),
    }


if __name__ == "__main__":
    exit_on_error(lambda: main(given_job()))
