"""Fine-tune a classifier, and predict with it.

Reads   tokenize/tokens, label/labels, pretrain's model (for the system `pretrained`), augment/children if asked.
Writes  the classifier's folder (`classifier.save`), the tokenizer, and curve.json: loss and validation scores by epoch.
The epoch with the best validation accuracy is kept, the earlier one of equals; the test split is not looked at.
"""

import copy
import json
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from catalog.errors import InputError
from catalog.segments import Segment
from stages.labels.splits import TRAIN, VALIDATION
from stages.model import classifier
from stages.model.batches import laid_out
from stages.model.classifier import Classifier, Description
from stages.model.examples import Labelled, batch_rows, epoch_batches, from_lists, joined, labelled
from stages.model.finetune_params import RunParams
from stages.model.labelled import labelled_rows
from stages.model.loop import Training, device_named, made_deterministic, train
from stages.model.network import Packed, random_encoder, saved_encoder
from stages.model.tokenizer import token_ids
from stages.model.tokenizing import write_tokenizer

PREDICTED_ROWS = 64  # rows a batch when predicting; part of the result: the batch decides the last bits


def finetune(
    tokens: list[Segment],
    vocabulary: list[Segment],
    labels: list[Segment],
    pretrained: list[Segment],
    children: list[Segment],
    params: RunParams,
    out: Path,
) -> None:
    """Train one classifier and write it with its learning curve."""
    made_deterministic(params.how.threads)
    rows = labelled_rows(labels, params.how.task, tokens)
    classes = sorted(set(rows["label"].to_pylist()))
    data = {split: labelled(tokens, rows, split, classes, params.how.width) for split in (TRAIN, VALIDATION)}
    _require(data, params.how.task)
    if params.how.use_augmented:
        data[TRAIN] = joined(data[TRAIN], copies(children, vocabulary, classes, params))
    model = starting_model(pretrained, len(classes), params)
    curve = fitted(model, data[TRAIN], data[VALIDATION], params)
    classifier.save(model, Description(labels=classes, pooling=params.how.pooling, width=params.how.width), out)
    write_tokenizer(vocabulary, out)
    (out / "documents.txt").write_text("".join(f"{name}\n" for name in data[TRAIN].ids), encoding="utf-8")
    (out / "curve.json").write_text(json.dumps(curve, indent=1), encoding="utf-8")
    print(f"finetune: {params.system} {params.seed}: validation {best(curve)['accuracy']:.4f}", file=sys.stderr)


def _require(data: dict[str, Labelled], task: str) -> None:
    for split, found in data.items():
        if not len(found):
            raise InputError(f"{task} has no labelled {split} document; see `gristmill sql 'FROM label_sizes'`")


def copies(children: list[Segment], vocabulary: list[Segment], classes: list[str], params: RunParams) -> Labelled:
    """The augmented documents of the task, as further training examples."""
    rows = pa.concat_tables([segment.read(["id", "task", "text", "label", "split"]) for segment in children])
    mine = [row for row in rows.to_pylist() if row["task"] == params.how.task and row["split"] == TRAIN]
    tokenizer = Tokenizer.from_str(vocabulary[0].read()["tokenizer"][0].as_py())
    lists = [np.array(ids, dtype=np.int64) for ids in token_ids(tokenizer, [row["text"] for row in mine])]
    return from_lists([row["id"] for row in mine], lists, [row["label"] for row in mine], classes, params.how.width)


def starting_model(pretrained: list[Segment], classes: int, params: RunParams) -> Classifier:
    """The network before fine-tuning: the same shape for both systems, and the same new head for equal seeds."""
    folder = next(segment.path.parent for segment in pretrained if segment.path.name == "config.json")
    encoder = (random_encoder if params.system == "scratch" else saved_encoder)(folder, params.seed)
    longest = encoder.config.max_position_embeddings
    if params.how.width > longest:
        raise InputError(f"finetune.width is {params.how.width}, but the network has {longest} positions; lower it")
    torch.manual_seed(params.seed)
    model = Classifier(encoder, classes, params.how.pooling, params.how.dropout)
    return model.to(device_named(params.how.device))


def fitted(model: Classifier, training: Labelled, validation: Labelled, params: RunParams) -> list[dict[str, float]]:
    """Train `model` in place, leave it at its best epoch, and return the learning curve, one entry an epoch."""
    how, device = params.how, next(model.parameters()).device
    curve: list[dict[str, float]] = []
    states: list[dict[str, Tensor]] = []
    steps = [len(batch_rows(training, how.width, how.rows, params.seed, epoch)) for epoch in range(how.epochs)]
    ends = np.cumsum(steps).tolist()

    def measure(done: int) -> None:
        if done in ends:
            curve.append({"epoch": len(curve) + 1, "accuracy": accuracy(model, validation, how.width)})
            states.append(copy.deepcopy(model.state_dict()))
            model.train()

    batches = chain.from_iterable(
        epoch_batches(training, how.width, how.rows, params.seed, epoch) for epoch in range(how.epochs)
    )
    progress = train(
        model,
        lambda packed: functional.cross_entropy(model(packed), packed.labels),
        batches,
        training_of(params, sum(steps)),
        device,
        observe=measure,
    )
    for point, losses in zip(curve, np.split(np.array(progress.losses), ends[:-1]), strict=True):
        point["loss"] = round(float(losses.mean()), 4)
    model.load_state_dict(states[int(best(curve)["epoch"]) - 1])
    return curve


def training_of(params: RunParams, steps: int) -> Training:
    """How a run of `steps` batches is optimised."""
    how = params.how
    return Training(
        steps=steps,
        learning_rate=how.learning_rate,
        muon_learning_rate=how.muon_learning_rate,
        optimiser=how.optimiser,
        weight_decay=how.weight_decay,
        warmup=how.warmup,
        clip=how.clip,
        seed=params.seed,
    )


def best(curve: list[dict[str, float]]) -> dict[str, float]:
    """The epoch of highest validation accuracy, the earliest of equals."""
    return max(curve, key=lambda point: (point["accuracy"], -point["epoch"]))


def accuracy(model: Classifier, data: Labelled, width: int) -> float:
    """Share of documents classified right, rounded to 4 places."""
    labels = np.array([example.label for example in data.examples])
    return round(float((labels == predicted(model, data, width)).mean()), 4)


def predicted(model: Classifier, data: Labelled, width: int) -> np.ndarray:
    """The class number of each document, [documents], in their order."""
    return scored(model, data, width).argmax(1)


def scored(model: Classifier, data: Labelled, width: int) -> np.ndarray:
    """The scores of each document before the softmax, [documents, classes], in their order."""
    model.eval()
    device = next(model.parameters()).device
    found = np.zeros((len(data), model.output.out_features), dtype=np.float32)
    with torch.inference_mode():
        for chunk in batch_rows(data, width, PREDICTED_ROWS, seed=0, epoch=0):
            order = [item for row in chunk for item in row]
            batch = laid_out([[data.examples[item] for item in row] for row in chunk], width)
            found[order] = model(Packed(batch, device)).float().cpu().numpy()
    return found
