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
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from catalog.params import load_params, read_block
from catalog.schema import DOCUMENTS, LABELS
from catalog.segments import Segment, read_segments
from stages.augmentation.back_translation import Translation
from stages.augmentation.copies import (
    CHILDREN,
    Copying,
    OriginalParams,
    PerturbParams,
    TranslateParams,
    originals,
    perturb,
    translate,
    with_translations,
)
from stages.augmentation.engines.apertium import MODES
from stages.augmentation.leaks import CompareParams, compare, hold_out
from stages.augmentation.perturb import PERTURBATIONS
from stages.augmentation.screening import ScreenParams, decisions, known_texts
from stages.labels.documents import stacked
from stages.labels.splits import TEST, TRAIN, VALIDATION
from stages.model.classifying import accuracy, fitted, starting_model
from stages.model.examples import Labelled, from_lists, joined, labelled
from stages.model.finetune_params import FinetuneParams, RunParams, RunsParams
from stages.model.labelled import labelled_rows
from stages.model.loop import made_deterministic
from stages.model.tokenizer import token_ids

SEEDS = (1, 2, 3)
SIZES = (500, 2000, None)  # training documents; None: all
SMALLEST, SEEN = 500, 8  # at least 8 * 500 documents are seen, copies included; more where `finetune` has more
RUN = 13  # words or characters that a leak shares
TASKS = ("sentiment_zh", "sentiment_en")


@dataclass(frozen=True)
class Corpus:
    """What of the built corpus the copies of one task are made of."""

    task: str
    labels: pa.Table
    texts: pa.Table
    lexicons: list[pa.Table]


def run(quick: bool) -> dict[str, Any]:
    """Speed, refusals, leaks and deltas by task and operator."""
    found: dict[str, Any] = {"docs_s": {}, "refused": {}, "leaks": 0, "delta": {}}
    for task in TASKS:
        corpus = read_corpus(task)
        kept: dict[str, pa.Table] = {}
        for operator in operators(corpus):
            copies, speed = made(corpus, operator)
            kept[operator], refused, leaks = screened(corpus, copies)
            name = f"{task}.{operator}"
            found["docs_s"][name], found["refused"][name] = round(speed), refused
            found["leaks"] += leaks
        found["delta"] |= deltas(corpus, kept, SIZES[:1] if quick else SIZES)
    return found


def read_corpus(task: str) -> Corpus:
    """Labels and texts of the documents of a task; the texts of everything are what a copy may not repeat."""
    labels = stacked(read_segments("label", "labels"), ["id", "task", "split", "label", "drop_reason"], LABELS)
    texts = stacked(read_segments("clean", "text"), ["id", "text", "text_digest", "language"], DOCUMENTS)
    lexicons = [segment.read() for segment in read_segments("augment", "synonyms")]
    return Corpus(task, labels, texts, lexicons)


def operators(corpus: Corpus) -> list[str]:
    """Every perturbation, and back-translation where Apertium and the language allow it."""
    english = corpus.task.endswith("_en") and (MODES / "eng-spa.mode").is_file()
    return [*PERTURBATIONS, *(["back_translation"] if english else [])]


def made(corpus: Corpus, operator: str) -> tuple[pa.Table, float]:
    """The copies of one operator, and parents per second of CPU time (wall time for another program's work)."""
    mine = corpus.labels.filter(pc.equal(corpus.labels["task"], corpus.task))
    parents = pc.sum(pc.and_(pc.equal(mine["split"], TRAIN), pc.is_valid(mine["label"]))).as_py()
    start = time.monotonic() if operator == "back_translation" else time.process_time()
    if operator == "back_translation":
        chosen = OriginalParams(tasks=[corpus.task], language="en")
        how = Translation(engine="apertium", language="en", there="eng-spa", back="spa-eng")
        given = originals(mine, corpus.texts, chosen)["originals"]
        translated = translate(given, TranslateParams(how=how, version=""))["translated"]
        copies = with_translations(CHILDREN.remove_metadata().empty_table(), mine, translated, chosen)["copies"]
        return copies, parents / (time.monotonic() - start)
    params = Copying(how=PerturbParams(tasks=[corpus.task], operators=[operator]), marked=[])
    perturb(mine.slice(0, 50), corpus.texts, *corpus.lexicons, params=params)  # dictionaries are loaded
    start = time.process_time()
    copies = perturb(mine, corpus.texts, *corpus.lexicons, params=params)["perturbed"]
    return copies, parents / (time.process_time() - start)


def screened(corpus: Corpus, copies: pa.Table) -> tuple[pa.Table, dict[str, int], int]:
    """The kept copies, the refused ones counted by reason, and how many of the kept leak."""
    compared = compare(copies, corpus.texts, CompareParams())["compared"]
    held_out = hold_out(corpus.labels, corpus.texts)["held_out"]
    known = known_texts([Rows(held_out)], [Rows(corpus.texts)])  # type: ignore[list-item]
    reasons = decisions(compared.combine_chunks(), known, pa.array([], pa.string()), ScreenParams())
    kept = copies.filter(pc.is_null(reasons))
    refused = Counter(reason for reason in reasons.to_pylist() if reason)
    return kept, dict(sorted(refused.items())), _leaks(corpus, kept)


def _leaks(corpus: Corpus, kept: pa.Table) -> int:
    outside = pc.and_(pc.equal(corpus.labels["task"], corpus.task), pc.not_equal(corpus.labels["split"], TRAIN))
    evaluation = corpus.texts.filter(pc.is_in(corpus.texts["id"], value_set=corpus.labels.filter(outside)["id"]))
    runs = set().union(*(_runs(text) for text in evaluation["text"].to_pylist()))
    parents = dict(zip(corpus.texts["id"].to_pylist(), corpus.texts["text"].to_pylist(), strict=True))
    return sum(
        bool((_runs(row["text"]) & runs) - _runs(parents[row["parent"]]))
        for row in kept.select(["parent", "text"]).to_pylist()
    )


def _runs(text: str) -> set[str]:
    words = text.split()
    pieces = words if len(words) > len(text) / 20 else list("".join(words))  # no spaces: characters
    return {" ".join(pieces[start : start + RUN]) for start in range(len(pieces) - RUN + 1)}


def deltas(corpus: Corpus, kept: dict[str, pa.Table], sizes: tuple[int | None, ...]) -> dict[str, dict[str, Any]]:
    """Points of test accuracy by operator and number of training documents, with the scores they come from."""
    made_deterministic(1)
    how = load_params("finetune", read_block("finetune"), [FinetuneParams, RunsParams])[FinetuneParams]
    how = dataclasses.replace(how, task=corpus.task, device="cpu")
    tokens = read_segments("tokenize", "tokens")
    rows = labelled_rows(read_segments("label", "labels"), corpus.task, tokens)
    classes = sorted(set(rows["label"].to_pylist()))
    splits = {split: labelled(tokens, rows, split, classes, how.width) for split in (TRAIN, VALIDATION, TEST)}
    bench = Trial(how, classes, splits[VALIDATION], splits[TEST], read_segments("pretrain", "model"))
    tokenizer = Tokenizer.from_str(read_segments("tokenize", "vocabulary")[0].read()["tokenizer"][0].as_py())
    found: dict[str, dict[str, Any]] = {}
    for size in sizes:
        chosen = drawn(splits[TRAIN], size)
        seen = max(SEEN * SMALLEST, how.epochs * len(chosen))
        plain = [bench.score(chosen, seen, seed) for seed in SEEDS]
        for operator, copies in kept.items():
            mine = copies.filter(pc.is_in(copies["parent"], value_set=pa.array(chosen.ids)))
            ids = [np.array(coded, np.int64) for coded in token_ids(tokenizer, mine["text"].to_pylist())]
            more = from_lists(mine["id"].to_pylist(), ids, mine["label"].to_pylist(), classes, how.width)
            scores = [bench.score(joined(chosen, more), seen, seed) for seed in SEEDS]
            found[f"{corpus.task}.{operator}.{size or 'all'}"] = {
                "points": round(100 * float(np.mean(scores) - np.mean(plain)), 2),
                "with": scores, "without": plain, "documents": len(chosen), "copies": len(more),
            }  # fmt: skip
    return found


def drawn(data: Labelled, size: int | None) -> Labelled:
    """`size` documents, those with the smallest keys, in their order; all of them for None."""
    if size is None or size >= len(data):
        return data
    places = np.sort(np.argsort(data.keys, kind="stable")[:size])
    return Labelled([data.ids[i] for i in places], [data.examples[i] for i in places], data.keys[places])


@dataclass(frozen=True)
class Trial:
    """What all trainings of one task share."""

    how: FinetuneParams
    classes: list[str]
    validation: Labelled
    test: Labelled
    pretrained: list[Segment]

    def score(self, training: Labelled, seen: int, seed: int) -> float:
        """Test accuracy of the epoch that is best on the validation split, after `seen` documents."""
        how = dataclasses.replace(self.how, epochs=max(1, round(seen / len(training))))
        params = RunParams(system="pretrained", seed=seed, how=how)
        model = starting_model(self.pretrained, len(self.classes), params)
        fitted(model, training, self.validation, params)
        return accuracy(model, self.test, how.width)


@dataclass(frozen=True)
class Rows:
    """A table that is read as a segment is."""

    table: pa.Table

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Its rows, or some columns."""
        return self.table if columns is None else self.table.select(columns)
