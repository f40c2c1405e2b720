"""gain: does pretraining pay? The same network from random and from pretrained weights, at 500 and 2,000 labels.

It reads the corpus that is built in this folder (`make repro`) and writes nothing into it. For each recipe below and
each of 3 seeds it pretrains on the unlabelled training text of the default task, on one thread, then fine-tunes on the
500 and on the 2,000 training texts of the smallest hash, from these weights and from random ones of the same shape, and
scores the epoch that is best on the validation split on the test split. TF-IDF with logistic regression on the same
texts stands beside. `--quick`: the default recipe, one seed, 500 labels.

Keys: `labels` -> number -> system -> accuracy in per cent (mean over the seeds) and its deviation, for a recipe also
its gain over scratch in points; `pretrain_cpu_s` -> recipe -> CPU seconds of one pretraining.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.augment import SEEDS, Trial, drawn, prepared
from catalog.params import load_params, read_block
from catalog.segments import Segment, read_segments
from stages.model.evaluation.baseline import by_tfidf
from stages.model.evaluation.baseline_params import BaselineParams, YardsticksParams
from stages.model.finetuning.kinds.training import fitted
from stages.model.finetuning.params import ClassParams, RunParams
from stages.model.finetuning.units import Unit
from stages.model.pretraining.params import PretrainParams
from stages.model.pretraining.rank import network, trained
from stages.model.pretraining.run import chosen_documents, focus_ids
from stages.model.tokens.tokenizing import vocabulary_size
from stages.model.training.corpus import listed, read_corpus, write_corpus
from stages.model.training.group import ALONE

SIZES = (500, 2000)
SEEN = 12_000  # texts that a fine-tuning sees, whatever the number of labels
RECIPES: Mapping[str, Mapping[str, Any]] = {  # what differs from the block `pretrain` of params.yaml
    "default": {},
    "mlm+nsp": {"objective": "mlm+nsp"},
    "rtd": {"objective": "rtd", "tokens": 3_000_000},  # two networks: half of the tokens cost about the same
    "modernbert": {"architecture": "modernbert"},
    "muon": {"optimiser": "muon"},
    "mixture": {"background_share": 1.0},
}


@dataclass(frozen=True)
class Study:
    """What all runs share: the task's texts, the tokens to pretrain on, and the recipe that others differ from."""

    trial: Trial
    tokens: list[Segment]
    focus: set[str]
    vocabulary: int
    base: PretrainParams


def run(quick: bool) -> dict[str, Any]:
    """Accuracies by number of labels and system."""
    study = opened()
    recipes = ["default"] if quick else list(RECIPES)
    seeds, sizes = (SEEDS[:1], SIZES[:1]) if quick else (SEEDS, SIZES)
    found: dict[str, Any] = {"labels": {size: {"tfidf": {"accuracy": linear(study, size)}} for size in sizes}}
    found["pretrain_cpu_s"] = {}
    for name in recipes:
        how = replace(study.base, **RECIPES[name])
        rows = [scored(study, replace(how, seed=seed), sizes) for seed in seeds]
        found["pretrain_cpu_s"][name] = round(float(np.mean([seconds for seconds, _ in rows])), 1)
        for size in sizes:
            found["labels"][size] |= compared(name, *zip(*[scores[size] for _, scores in rows], strict=True))
            print(f"{size} {name}: {found['labels'][size][name]}", file=sys.stderr, flush=True)
    return found


def opened() -> Study:
    """The corpus of this folder."""
    trial = prepared(read_block("finetune")["task"])
    base = load_params("pretrain", read_block("pretrain"), [PretrainParams])[PretrainParams]
    return Study(
        trial=trial,
        tokens=read_segments("tokenize", "tokens"),
        focus=focus_ids(read_segments("label", "labels"), trial.how.task),
        vocabulary=vocabulary_size(read_segments("tokenize", "vocabulary")),
        base=replace(base, device="cpu", precision="fp32", threads=1, checkpoint_every=0),
    )


def scored(study: Study, how: PretrainParams, sizes: tuple[int, ...]) -> tuple[float, dict[int, tuple[float, float]]]:
    """CPU seconds of one pretraining, and by number of labels the test accuracy (scratch, pretrained) in per cent."""
    with tempfile.TemporaryDirectory() as folder:
        found = listed(study.tokens)
        places = chosen_documents(study.focus, found, how)
        write_corpus(study.tokens, found, places, study.vocabulary, Path(folder, "corpus"))
        model = network(how, study.vocabulary)
        start = time.process_time()
        trained(model, read_corpus(Path(folder, "corpus")), how, study.vocabulary, torch.device("cpu"), ALONE, None)
        seconds = time.process_time() - start
        model.saved().save_pretrained(Path(folder, "model"))
        trial = replace(study.trial, start=Path(folder, "model"))
        return seconds, {
            size: (finetuned(trial, size, "scratch", how.seed), finetuned(trial, size, "pretrained", how.seed))
            for size in sizes
        }


def finetuned(trial: Trial, size: int, system: str, seed: int) -> float:
    """Test accuracy in per cent of a network that learned from `size` labels."""
    training = drawn(trial.training, size)
    how = replace(trial.how, epochs=max(1, round(SEEN / len(training))))
    params = RunParams(kind="classification", system=system, seed=seed, how=how, of_kind=ClassParams())  # type: ignore[arg-type]
    model = trial.kind.network(trial.start, params)
    fitted(trial.kind, model, trial.kind.examples(training), trial.validation, params)
    return percent(trial, trial.kind.predicted(model, trial.test))


def linear(study: Study, size: int) -> float:
    """Test accuracy in per cent of TF-IDF and logistic regression on the same texts."""
    block = read_block("evaluate")
    how = BaselineParams(**{spec.name: block[spec.name] for spec in fields(BaselineParams)})
    params = YardsticksParams(kind="classification", baseline=how)
    return percent(study.trial, by_tfidf(drawn(study.trial.training, size), study.trial.test, params))


def percent(trial: Trial, predicted: list[str]) -> float:
    """Share of the test texts that are told right."""
    units: list[Unit] = trial.test
    return round(100 * trial.kind.score(units, predicted), 2)


def compared(name: str, scratch: tuple[float, ...], pretrained: tuple[float, ...]) -> dict[str, dict[str, float]]:
    """Both systems of one recipe, a value a seed."""
    gains = summary(np.array(pretrained) - np.array(scratch))
    gained = {"gain": gains["accuracy"], "gain_deviation": gains["deviation"]}
    return {f"{name}, scratch": summary(scratch), name: summary(pretrained) | gained}


def summary(values: Any) -> dict[str, float]:
    """Mean and deviation."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"accuracy": round(float(np.mean(values)), 2), "deviation": round(deviation, 2)}
