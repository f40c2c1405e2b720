"""train-quality: a classifier from the labels of the corpus, for the signals quality, educational and toxicity.

Reads   clean/text, label/splits, and label/labels for a task, as they lie in data/
Writes  one file of safetensors (stages/scores/classifier.py), the same bytes for the same documents and options
Prints  accuracy and area under the ROC curve on the held-out documents, and the lines for params.yaml
Run     gristmill train-quality OUTPUT --task NAME --positive LABEL
        gristmill train-quality OUTPUT --good SOURCE --poor SOURCE

Documents of the splits validation and test are held out, so no near-duplicate of one was trained on.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import InputError, exit_on_error
from catalog.segments import read_segments
from stages.scores.classifier import written
from stages.scores.hashed import Weights, fit, predict
from stages.scores.tokenized import Tokenized, tokenized

GOOD, POOR = "good", "poor"  # classes of sources
TRAIN = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a classifier is trained."""

    epochs: int = 5  # fastText's default
    bucket_bits: int = 20  # 2^20 buckets
    rate: float = 0.5  # of the gradient descent at its start
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Documents with a class: which split each is in, its tokens and the number of its class."""

    ids: list[str]
    held_out: NDArray[np.bool_]
    labels: NDArray[np.int64]
    words: Tokenized

    def part(self, chosen: NDArray[np.bool_]) -> Labelled:
        """Only some documents."""
        at = np.flatnonzero(chosen)
        pieces = [self.words.digests[self.words.first[one] : self.words.first[one + 1]] for one in at]
        words = Tokenized(np.cumsum([0, *map(len, pieces)]), np.concatenate([np.zeros(0, np.uint64), *pieces]))
        return Labelled(
            ids=[self.ids[one] for one in at], held_out=self.held_out[at], labels=self.labels[at], words=words
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A classifier, and what it does on documents it has not seen."""

    weights: Weights
    classes: list[str]
    positive: list[str]
    trained: int
    held_out: int
    accuracy: float
    majority: float
    auc: float
    """Of the positive classes against the others; 0.5 is chance."""

    def content(self) -> bytes:
        """The bytes of the model file."""
        names = ("trained", "held_out", "accuracy", "majority", "auc")
        return written(
            self.weights, self.classes, self.positive, {name: f"{getattr(self, name):.6g}" for name in names}
        )


def by_task(task: str) -> dict[str, str]:
    """Document -> label of a classification task. Errors: InputError for a task without labels."""
    rows = _read("label", "labels", ["id", "task", "label", "drop_reason"])
    usable = pc.and_(pc.equal(rows["task"], task), pc.and_(pc.is_null(rows["drop_reason"]), pc.is_valid(rows["label"])))
    found = rows.filter(usable)
    if not found.num_rows:
        known = ", ".join(sorted(set(rows["task"].to_pylist()))) or "none"
        raise InputError(f"the task {task} has no labels; tasks with labels: {known}")
    return dict(zip(found["id"].to_pylist(), found["label"].to_pylist(), strict=True))


def by_source(good: Sequence[str], poor: Sequence[str]) -> dict[str, str]:
    """Document -> `good` or `poor`, by its source. Errors: InputError for a source without documents."""
    rows = _read("clean", "text", ["id", "source"])
    known = set(rows["source"].to_pylist())
    if missing := [name for name in (*good, *poor) if name not in known]:
        raise InputError(f"no document is of {', '.join(missing)}; sources: {', '.join(sorted(known))}")
    classes = dict.fromkeys(good, GOOD) | dict.fromkeys(poor, POOR)
    pairs = zip(rows["id"].to_pylist(), rows["source"].to_pylist(), strict=True)
    return {name: classes[source] for name, source in pairs if source in classes}


def _read(stage: str, table: str, columns: list[str]) -> pa.Table:
    return pa.concat_tables([segment.read(columns) for segment in read_segments(stage, table)])


def labelled(label_of: dict[str, str], classes: list[str]) -> Labelled:
    """The documents that have a label and a split, by id."""
    splits = _read("label", "splits", ["id", "split"])
    split_of = dict(zip(splits["id"].to_pylist(), splits["split"].to_pylist(), strict=True))
    wanted = pa.array(sorted(label_of.keys() & split_of.keys()), pa.string())
    parts = []
    for segment in read_segments("clean", "text"):
        rows = segment.read(["id", "text", "language"])
        parts.append(rows.filter(pc.is_in(rows["id"], value_set=wanted)))
    rows = pa.concat_tables(parts).sort_by("id")
    ids = rows["id"].to_pylist()
    return Labelled(
        ids=ids, held_out=np.array([split_of[name] != TRAIN for name in ids], np.bool_),
        labels=np.array([classes.index(label_of[name]) for name in ids], np.int64),
        words=tokenized(rows["text"], rows["language"]),
    )  # fmt: skip


def train(documents: Labelled, classes: list[str], positive: list[str], how: Training) -> Trained:
    """Train on the split `train`, measure on the others. Errors: InputError when one of them lacks a class."""
    seen, unseen = documents.part(~documents.held_out), documents.part(documents.held_out)
    wanted = [classes.index(name) for name in positive]
    for name, part in (("train on", seen), ("measure on", unseen)):
        if len(set(np.isin(part.labels, wanted).tolist())) < 2:
            raise InputError(f"{len(part.ids)} documents to {name}, not of both kinds; label more, or choose others")
    orders = np.array([_order(seen.ids, how.seed, epoch) for epoch in range(how.epochs)], np.int64)
    weights = fit(
        seen.words.first, seen.words.digests, seen.labels, orders,
        classes=len(classes), buckets=1 << how.bucket_bits, rate=how.rate,
    )  # fmt: skip
    found = predict(unseen.words.first, unseen.words.digests, weights)
    most = np.bincount(seen.labels).argmax()
    return Trained(
        weights=weights, classes=classes, positive=positive, trained=len(seen.ids), held_out=len(unseen.ids),
        accuracy=float((found.argmax(axis=1) == unseen.labels).mean()), majority=float((unseen.labels == most).mean()),
        auc=auc(found[:, wanted].sum(axis=1), np.isin(unseen.labels, wanted)),
    )  # fmt: skip


def _order(ids: Sequence[str], seed: int, epoch: int) -> list[int]:
    """A permutation of the documents that is a hash of (seed, epoch, id)."""
    drawn = [hashlib.blake2b(f"{seed}\0{epoch}\0{name}".encode(), digest_size=8).digest() for name in ids]
    return sorted(range(len(ids)), key=drawn.__getitem__)


def auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Share of pairs of a positive and another document in which the positive one scores higher; ties count half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    yes, no = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def lines(found: Trained, output: Path, content: bytes) -> Iterator[str]:
    """What is printed."""
    yield f"{found.trained:,} documents trained on, {found.held_out:,} held out; classes: {', '.join(found.classes)}"
    yield f"accuracy {found.accuracy:.4f} (always the commonest class: {found.majority:.4f})   AUC {found.auc:.4f}"
    yield f"wrote {output}; in the block clean of params.yaml:"
    yield f"  quality: {{path: {output.as_posix()}, sha256: {hashlib.sha256(content).hexdigest()}}}"


def main() -> None:
    """Parse, train, write, print; see the module."""
    usual = Training()
    parser = argparse.ArgumentParser(prog="gristmill train-quality")
    parser.add_argument("output", type=Path)
    parser.add_argument("--task", default="")
    for name in ("positive", "good", "poor"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--epochs", type=int, default=usual.epochs)
    parser.add_argument("--seed", type=int, default=usual.seed)
    given = parser.parse_args()
    if bool(given.task and given.positive) == bool(given.good and given.poor):
        raise InputError("needs --task NAME --positive LABEL, or --good SOURCE --poor SOURCE; each may be repeated")
    label_of = by_task(given.task) if given.task else by_source(given.good, given.poor)
    classes = sorted(set(label_of.values()))
    positive = given.positive if given.task else [GOOD]
    if unknown := [name for name in positive if name not in classes]:
        raise InputError(f"no document has the label {', '.join(unknown)}; labels: {', '.join(classes)}")
    how = Training(epochs=given.epochs, seed=given.seed)
    found = train(labelled(label_of, classes), classes, positive, how)
    content = found.content()
    given.output.parent.mkdir(parents=True, exist_ok=True)
    beside = given.output.with_name(given.output.name + ".tmp")
    beside.write_bytes(content)
    beside.replace(given.output)
    print("\n".join(lines(found, given.output, content)))


if __name__ == "__main__":
    exit_on_error(main)
