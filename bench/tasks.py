"""tasks: one network of every kind, trained from random weights on real texts, with several seeds each.

Reads   `../shared/data`: sentence polarity (Pang and Lee), product reviews and comparative sentences (Hu and Liu),
        WikiANN, LibreOffice's help (MPL-2.0), WikiText-2. Nothing of it is part of this repository; real_tasks.py
        says what the labels are.
One object a task:
  metric, value, deviation, seeds   on the test texts: mean and sample deviation over the seeds, and the score of each
  yardstick   the same metric without a network: TF-IDF, words seen as spans, the text itself, or nothing said
  texts       texts that were trained on; `--quick` takes fewer, and fewer epochs
  made        true where the labels are not of the data set but follow from its texts
  cpu_s       CPU seconds of all seeds, on one thread
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tokenizers import Tokenizer

from bench.support.real_tasks import TASKS, RealTask, units_of
from stages.labels.splits import TEST, TRAIN, VALIDATION
from stages.model.evaluation.baseline import by_tfidf, looked_up, nothing
from stages.model.evaluation.baseline_params import BaselineParams, YardsticksParams
from stages.model.evaluation.scoring import measures_of
from stages.model.finetuning.kinds.classes import Classes, classes_of
from stages.model.finetuning.kinds.dialogue import Dialogue
from stages.model.finetuning.kinds.questions import Questions
from stages.model.finetuning.kinds.relations import Relations, classes_between
from stages.model.finetuning.kinds.sequences import Sequences
from stages.model.finetuning.kinds.spans import Spans, tag_names
from stages.model.finetuning.kinds.training import fitted
from stages.model.finetuning.params import PARAMS_OF, FinetuneParams, RunParams
from stages.model.finetuning.units import Unit
from stages.model.networks.architectures import Shape, language_model
from stages.model.networks.classifier import Description
from stages.model.networks.token_scorer import Scores
from stages.model.tokens.tokenizer import trained_tokenizer
from stages.model.training.loop import made_deterministic

WIDTH = 96  # tokens a row
BASELINE = BaselineParams(longest_run=3, min_documents=2, inverse_penalty=10.0)


@dataclass(frozen=True)
class Size:
    """Texts of each split, epochs, seeds, and the network."""

    train: int
    held_out: int
    epochs: int
    seeds: tuple[int, ...]
    layers: int
    hidden: int


QUICK = Size(train=300, held_out=100, epochs=5, seeds=(1, 2, 3), layers=2, hidden=64)
FULL = Size(train=6000, held_out=600, epochs=12, seeds=(1, 2, 3), layers=2, hidden=128)


def run(quick: bool) -> dict[str, Any]:
    """Every task."""
    made_deterministic(1)
    size = QUICK if quick else FULL
    found = {}
    for task in TASKS:
        found[task.name] = measured(task, size)
        print(f"{task.name}: {found[task.name]}", file=sys.stderr, flush=True)
    return found


def measured(task: RealTask, size: Size) -> dict[str, Any]:
    """Train one network a seed, and score it."""
    parts = units_of(task, size.train, size.held_out)
    written = [unit.label for unit in parts[TRAIN]] if task.kind == "generation" else []
    texts = [text for unit in parts[TRAIN] for text in (unit.text, unit.about) if text] + written
    tokenizer = trained_tokenizer(texts, vocabulary=4000, lowercase=True, alphabet=300, min_frequency=2)
    one = measures_of(task.kind)[0]
    start = time.process_time()
    scores = [one.of(parts[TEST], said_by_network(task, size, parts, tokenizer, seed)) for seed in size.seeds]
    return {
        "metric": one.name,
        "value": round(mean(scores), 4),
        "deviation": round(stdev(scores), 4),
        "seeds": [round(score, 4) for score in scores],
        "yardstick": round(one.of(parts[TEST], said_without(task, parts)), 4),
        "texts": len(parts[TRAIN]),
        "made": task.made,
        "cpu_s": round(time.process_time() - start, 1),
    }


def said_by_network(
    task: RealTask, size: Size, parts: dict[str, list[Unit]], tokenizer: Tokenizer, seed: int
) -> list[str]:
    """What a network that was trained from random weights says of the test texts."""
    causal = task.more.get("generator") == "causal"
    how = FinetuneParams(
        task=task.name, width=WIDTH, epochs=size.epochs * task.epochs, patience=0, rows=2, optimiser="adamw",
        learning_rate=0.003, muon_learning_rate=0.01, weight_decay=0.01, warmup=0.1, clip=1.0, dropout=0.1, threads=1,
        device="cpu",
    )  # fmt: skip
    params = RunParams(kind=task.kind, system="scratch", seed=seed, how=how, of_kind=PARAMS_OF[task.kind](**task.more))
    shape = Shape(
        layers=size.layers, hidden=size.hidden, heads=size.hidden // 32, feed_forward=4 * size.hidden, width=WIDTH,
        vocabulary=tokenizer.get_vocab_size(), dropout=0.0, architecture="gpt" if causal else "bert",
    )  # fmt: skip
    kind = kind_of(params, Tokenizer.from_str(tokenizer.to_str()), parts[TRAIN])
    with tempfile.TemporaryDirectory() as folder:
        language_model(shape, "clm" if causal else "mlm").save_pretrained(folder)
        model = kind.network(Path(folder), params)
    fitted(kind, model, kind.examples(parts[TRAIN]), parts[VALIDATION], params)
    model.eval()
    said: list[str] = kind.predicted(model, parts[TEST])
    return said


def kind_of(params: RunParams, tokenizer: Tokenizer, training: list[Unit]) -> Any:
    """What the kind of a task brings along."""
    of_kind = params.of_kind
    if params.kind == "spans":
        return Spans(tokenizer, Scores(labels=tag_names(training), width=WIDTH))
    if params.kind == "relations":
        return Relations(tokenizer, Scores(labels=classes_between(training), width=WIDTH, together=2))
    if params.kind == "questions":
        more = {"stride": of_kind.stride, "longest_answer": of_kind.longest_answer}
        return Questions(tokenizer, Scores(labels=["start", "end"], width=WIDTH, more=more))
    if params.kind == "generation":
        return (Dialogue if of_kind.generator == "causal" else Sequences)(tokenizer, WIDTH, of_kind)
    labels = classes_of(params.kind, [unit.label for unit in training])
    return Classes(tokenizer, Description(labels=labels, pooling=of_kind.pooling, width=WIDTH, kind=params.kind))


def said_without(task: RealTask, parts: dict[str, list[Unit]]) -> list[str]:
    """What the yardstick of the kind says of the test texts."""
    test = parts[TEST]
    if task.kind == "spans":
        return looked_up(parts[TRAIN], test)
    if task.kind in ("questions", "relations"):
        return [nothing(unit, task.kind) for unit in test]
    if task.kind == "generation":
        return [unit.text for unit in test]
    return by_tfidf(parts[TRAIN], test, YardsticksParams(kind=task.kind, baseline=BASELINE))
