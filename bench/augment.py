"""augment: how fast each operator makes copies, what is refused, whether anything leaks, and what it does to a score.

It reads the corpus that is built in this folder (`make repro`) and writes nothing into it. For the labelled training
documents of one task and for every operator:
  docs_s    parents a second of CPU time, one process, after the dictionaries are loaded
  refused   copies by the reason for which the stage's own screen refuses them
  leaks     kept copies that equal an evaluation text or share 13 running words (characters, where words have no spaces)
            with one that their parent does not share; must be 0
  delta     test accuracy with the copies minus test accuracy without, in points, mean over 3 seeds: the classifier of
            `finetune` on the model of `pretrain`, which sees as many documents in both cases, trained on 500, 2,000 and
            all training documents (`--quick`: 500)
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import file_sha256
from catalog.params import read_block
from catalog.schema import DOCUMENTS, LABELS
from catalog.segments import read_segments
from stages.augmentation.back_translation import Translation
from stages.augmentation.copies import (
    BACK_TRANSLATION,
    Copying,
    OriginalParams,
    PerturbParams,
    TranslateParams,
    children,
    originals,
    perturb,
    translate,
    with_translations,
)
from stages.augmentation.engines.apertium import MODES
from stages.augmentation.leaks import CompareParams, compare, hold_out
from stages.augmentation.masked import (
    MASKED,
    WEIGHTS,
    MaskedModel,
    MaskedParams,
    drafts,
    substitutes,
    with_substitutes,
)
from stages.augmentation.perturb import PERTURBATIONS
from stages.augmentation.screening import ScreenParams, decisions, known_texts
from stages.labels.documents import stacked
from stages.labels.splits import TEST, TRAIN, VALIDATION
from stages.model.finetuning.kinds.classes import Classes, classes_of
from stages.model.finetuning.kinds.training import fitted, start_folder
from stages.model.finetuning.params import ClassParams, FinetuneParams, RunParams
from stages.model.finetuning.units import LABEL_COLUMNS, TEXT_COLUMNS, Unit, UnitParams, copies, read_units, units
from stages.model.networks.classifier import Description
from stages.model.tokens.tokenizing import tokenizer_of
from stages.model.training.loop import made_deterministic
from stages.model.training.randomness import document_keys

SEEDS = (1, 2, 3)
SIZES = (500, 2000, None)  # training documents; None: all
SMALLEST, SEEN = 500, 8  # at least 8 * 500 documents are seen, copies included; more where `finetune` has more
FIELDS = {spec.name for spec in dataclasses.fields(FinetuneParams)}
RUN = 13  # words or characters that a leak shares
TASKS = ("sentiment_zh", "sentiment_en")


@dataclass(frozen=True)
class Corpus:
    """What of the built corpus the copies of one task are made of; `labels` are those of the parents alone."""

    task: str
    labels: pa.Table
    texts: pa.Table
    lexicons: list[pa.Table]
    held_out: pa.Table
    evaluation: frozenset[str]


def run(quick: bool) -> dict[str, Any]:
    """Speed, refusals, leaks and deltas by task and operator."""
    found: dict[str, Any] = {"docs_s": {}, "refused": {}, "leaks": 0, "delta": {}}
    for task in TASKS:
        trial = prepared(task)
        sizes = SIZES[:1] if quick else SIZES
        corpus = read_corpus(task, [unit.id for unit in drawn(trial.training, sizes[-1])])
        kept: dict[str, pa.Table] = {}
        for operator in operators(corpus):
            copies, speed = made(corpus, operator)
            kept[operator], refused, leaks = screened(corpus, copies)
            name = f"{task}.{operator}"
            found["docs_s"][name], found["refused"][name] = round(speed), refused
            found["leaks"] += leaks
            print(f"{name}: {speed:.0f} documents/s, {kept[operator].num_rows} kept", file=sys.stderr, flush=True)
        for size in sizes:
            found["delta"] |= deltas(trial, kept, size)
    return found


def read_corpus(task: str, parents: list[str]) -> Corpus:
    """Labels of the parents of a task; the texts of everything are what a copy may not repeat."""
    labels = stacked(read_segments("label", "labels"), ["id", "task", "split", "label", "drop_reason"], LABELS)
    texts = stacked(read_segments("clean", "text"), ["id", "text", "text_digest", "language"], DOCUMENTS)
    lexicons = [segment.read() for segment in read_segments("augment", "synonyms")]
    mine = labels.filter(pc.equal(labels["task"], task))
    outside = mine.filter(pc.not_equal(mine["split"], TRAIN))["id"]
    evaluation = texts.filter(pc.is_in(texts["id"], value_set=outside.combine_chunks()))["text"].to_pylist()
    return Corpus(
        task, mine.filter(pc.is_in(mine["id"], value_set=pa.array(parents))), texts, lexicons,
        hold_out(labels, texts)["held_out"], frozenset().union(*map(runs, evaluation)),
    )  # fmt: skip


def operators(corpus: Corpus) -> list[str]:
    """Every perturbation, the masked model, and back-translation where Apertium and the language allow it."""
    english = corpus.task.endswith("_en") and (MODES / "eng-spa.mode").is_file()
    return [*PERTURBATIONS, MASKED, *([BACK_TRANSLATION] if english else [])]


def made(corpus: Corpus, operator: str) -> tuple[pa.Table, float]:
    """The copies of one operator, and parents per second of CPU time (wall time for another program's work)."""
    chosen = [operator] if operator in PERTURBATIONS else []
    copying = Copying(how=PerturbParams(tasks=[corpus.task], operators=chosen), marked=[])
    make, clock = {
        MASKED: (partial(substituted, corpus, copying), time.process_time),
        BACK_TRANSLATION: (partial(back_translated, corpus), time.monotonic),
    }.get(operator, (partial(perturbed, corpus, copying), time.process_time))
    make(corpus.labels.slice(0, 20))  # dictionaries and models are loaded
    start = clock()
    return make(corpus.labels), corpus.labels.num_rows / (clock() - start)


def perturbed(corpus: Corpus, copying: Copying, labels: pa.Table) -> pa.Table:
    """Copies by an operator of stages/augmentation/perturb.py."""
    return perturb(labels, corpus.texts, *corpus.lexicons, params=copying)["perturbed"]


def substituted(corpus: Corpus, copying: Copying, labels: pa.Table) -> pa.Table:
    """Copies by the model of `pretrain`, asked for all drafts at once."""
    (weights,) = [part for part in read_segments("pretrain", "model") if part.path.name == WEIGHTS]
    model = MaskedModel(folder=str(weights.path.parent), sha256=weights.sha256)
    digests = {path.name: file_sha256(path) for path in model.files()}
    how = MaskedParams(model=model, digests=digests, device="cpu", seed=copying.how.seed, alpha=copying.how.alpha)
    given = drafts(labels, corpus.texts, copying)["drafts"]
    masked = substitutes(given, how)["masked"]
    return with_substitutes(children([]), labels, corpus.texts, masked, copying)["substituted"]


def back_translated(corpus: Corpus, labels: pa.Table) -> pa.Table:
    """Copies by way of Spanish."""
    chosen = OriginalParams(tasks=[corpus.task], language="en")
    how = Translation(engine="apertium", language="en", there="eng-spa", back="spa-eng")
    given = originals(labels, corpus.texts, chosen)["originals"]
    translated = translate(given, TranslateParams(how=how, version="", code=""))["translated"]
    return with_translations(children([]), labels, translated, chosen)["copies"]


def screened(corpus: Corpus, copies: pa.Table) -> tuple[pa.Table, dict[str, int], int]:
    """The kept copies, the refused ones counted by reason, and how many of the kept leak."""
    compared = compare(copies, corpus.texts, CompareParams())["compared"]
    known = known_texts([Rows(corpus.held_out)], [Rows(corpus.texts)])  # type: ignore[list-item]
    reasons = decisions(compared.combine_chunks(), known, pa.array([], pa.string()), ScreenParams())
    kept = copies.filter(pc.is_null(reasons))
    refused = Counter(reason for reason in reasons.to_pylist() if reason)
    parents = corpus.texts.take(pc.index_in(kept["parent"], value_set=corpus.texts["id"]))["text"].to_pylist()
    leaks = sum(
        bool((runs(text) & corpus.evaluation) - runs(parent))
        for text, parent in zip(kept["text"].to_pylist(), parents, strict=True)
    )
    return kept, dict(sorted(refused.items())), leaks


def runs(text: str) -> set[str]:
    """All stretches of RUN words of a text; of characters, where words have no spaces between them."""
    words = text.split()
    pieces = words if len(words) > len(text) / 20 else list("".join(words))
    return {" ".join(pieces[start : start + RUN]) for start in range(len(pieces) - RUN + 1)}


def prepared(task: str) -> Trial:
    """The labelled texts of a task as `finetune` sees them, and its numbers."""
    made_deterministic(1)
    block = {name: value for name, value in read_block("finetune").items() if name in FIELDS}
    how = dataclasses.replace(FinetuneParams(**block), task=task, device="cpu")
    labels, texts = (
        stacked(read_segments(*table.split("/")), [*columns], schema)
        for table, columns, schema in (("label/labels", LABEL_COLUMNS, LABELS), ("clean/text", TEXT_COLUMNS, DOCUMENTS))
    )
    found = [Rows(units(labels, texts, params=UnitParams(task=task))["units"])]
    training, validation, test = (read_units(found, split) for split in (TRAIN, VALIDATION, TEST))  # type: ignore[arg-type]
    said = Description(
        labels=classes_of("classification", [unit.label for unit in training]), pooling="mean", width=how.width
    )
    kind = Classes(tokenizer_of(read_segments("tokenize", "vocabulary")), said)
    return Trial(how, kind, training, validation, test, start_folder(read_segments("pretrain", "model")))


def deltas(trial: Trial, kept: dict[str, pa.Table], size: int | None) -> dict[str, dict[str, Any]]:
    """Points of test accuracy by operator, for one number of training documents, with the scores they come from."""
    chosen = drawn(trial.training, size)
    seen = max(SEEN * SMALLEST, trial.how.epochs * len(chosen))
    plain = [trial.score(chosen, seen, seed) for seed in SEEDS]
    found = {}
    for operator, made in kept.items():
        children = made.filter(pc.is_in(made["parent"], value_set=pa.array([unit.id for unit in chosen])))
        more = copies([Rows(children)], trial.how.task)  # type: ignore[list-item]
        scores = [trial.score(chosen + more, seen, seed) for seed in SEEDS]
        name = f"{trial.how.task}.{operator}.{size or 'all'}"
        found[name] = {
            "points": round(100 * float(np.mean(scores) - np.mean(plain)), 2),
            "with": scores, "without": plain, "documents": len(chosen), "copies": len(more),
        }  # fmt: skip
        print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    return found


def drawn(training: list[Unit], size: int | None) -> list[Unit]:
    """`size` texts, those with the smallest keys, in their order; all of them for None."""
    if size is None or size >= len(training):
        return training
    keys = document_keys([unit.id for unit in training])
    return [training[place] for place in np.sort(np.argsort(keys, kind="stable")[:size]).tolist()]


@dataclass(frozen=True)
class Trial:
    """What all trainings of one task share."""

    how: FinetuneParams
    kind: Classes
    training: list[Unit]
    validation: list[Unit]
    test: list[Unit]
    start: Path

    def score(self, training: list[Unit], seen: int, seed: int) -> float:
        """Test accuracy of the epoch that is best on the validation split, after `seen` texts."""
        how = dataclasses.replace(self.how, epochs=max(1, round(seen / len(training))))
        params = RunParams(kind="classification", system="pretrained", seed=seed, how=how, of_kind=ClassParams())
        model = self.kind.network(self.start, params)
        fitted(self.kind, model, self.kind.examples(training), self.validation, params)
        return round(self.kind.score(self.test, self.kind.predicted(model, self.test)), 4)


@dataclass(frozen=True)
class Rows:
    """A table that is read as a segment is."""

    table: pa.Table

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Its rows, or some columns."""
        return self.table if columns is None else self.table.select(columns)
