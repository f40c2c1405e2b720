"""translate: a translation model of our own, English and Chinese both ways, and documents sent there and back by it.

Reads   `../shared/data/parallel_libreoffice`: 24,924 aligned paragraphs of LibreOffice's help (MPL-2.0). Nothing of
        it is part of this repository.
For each direction a small encoder-decoder (stages/model/networks/sequence_to_sequence.py) is trained from random
weights and saved; then the stage `augment` runs on a project of the held-out Chinese paragraphs, with these two folders
as engine:
  pairs       pairs that were trained on; `--quick` takes 4,000 of the shortest and a smaller network
  chrf        chrF of the held-out translations, by direction (sacrebleu's, over the whole set, 0 to 100)
  copied      the same where the source itself is handed in: what a model that learned nothing would get
  train_cpu_s CPU seconds of training on one thread, by direction; tokens_cpu_s: tokens of targets per CPU second
  docs_s      documents there and back a second, through the stage
  refused     copies by the reason for which the stage refused them
  kept        copies that it kept
  again       documents that a second run of the stage, with one more document, translated
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import yaml
from sacrebleu.metrics import CHRF
from tokenizers import Tokenizer

from catalog.segments import read_segments
from stages.augmentation.engines.seq2seq import Seq2Seq
from stages.model.networks.sequence_to_sequence import (
    TranslatorShape,
    fit_translator,
    new_translator,
    paired,
    save_translator,
    steps_of,
)
from stages.model.tokens.tokenizer import token_ids, trained_tokenizer
from stages.model.training.loop import Training, made_deterministic
from stages.model.training.randomness import document_keys

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "../shared/data/parallel_libreoffice/en-zh-CN.tsv.gz"
STAGES = ("crawl", "clean", "dedup", "label", "augment")
POSITIONS, LONGEST = 256, 128  # positions of a batch; tokens of a text
SHORTEST = 4  # characters of a Chinese document that is translated


@dataclass(frozen=True)
class Size:
    """How much is trained and translated."""

    pairs: int
    held_out: int
    documents: int
    epochs: int
    layers: int
    hidden: int
    vocabulary: int


QUICK = Size(pairs=4000, held_out=100, documents=100, epochs=12, layers=2, hidden=128, vocabulary=2500)
FULL = Size(pairs=30_000, held_out=200, documents=300, epochs=8, layers=2, hidden=192, vocabulary=8000)

Pair = tuple[str, str]


def run(quick: bool) -> dict[str, Any]:
    """Train, translate, send documents there and back."""
    size = QUICK if quick else FULL
    made_deterministic(1)
    training, held_out = divided(read_pairs(), size)
    texts = [text for pair in training for text in pair]
    tokenizer = trained_tokenizer(
        texts, vocabulary=size.vocabulary, lowercase=False, alphabet=size.vocabulary // 3, min_frequency=2
    )
    found: dict[str, Any] = {"pairs": len(training), "chrf": {}, "copied": {}, "train_cpu_s": {}, "tokens_cpu_s": {}}
    with tempfile.TemporaryDirectory() as home:
        for name, turned in (("en-zh", False), ("zh-en", True)):
            oriented = [pair[::-1] if turned else pair for pair in training]
            seconds, tokens = trained(oriented, tokenizer, size, Path(home, name))
            found["train_cpu_s"][name], found["tokens_cpu_s"][name] = round(seconds, 1), round(tokens / seconds)
            judged = [pair[::-1] if turned else pair for pair in held_out]
            found["chrf"][name], found["copied"][name] = judgement(f"{home}/{name}", judged)
        texts = [text for _, text in held_out if len(text) >= SHORTEST]
        return found | sent_back(texts[: size.documents], Path(home))


def read_pairs() -> list[Pair]:
    """The aligned paragraphs, each once, in the order of a hash."""
    if not CORPUS.exists():
        raise SystemExit(f"{CORPUS} is missing; it holds `English<TAB>Chinese`, a line a paragraph")
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        found = {tuple(line.rstrip("\n").split("\t")) for line in lines}
    pairs = [(pair[0], pair[1]) for pair in found if len(pair) == 2 and all(pair)]
    return sorted(pairs, key=lambda pair: blake2b("\t".join(pair).encode(), digest_size=8).digest())


def divided(pairs: list[Pair], size: Size) -> tuple[list[Pair], list[Pair]]:
    """Of the shortest pairs those to train on, and those to judge by; they share neither side."""
    shortest = sorted(range(len(pairs)), key=lambda place: sum(map(len, pairs[place])))[: size.pairs + size.held_out]
    chosen = [pairs[place] for place in sorted(shortest)]
    held_out = chosen[: size.held_out]
    sides = {text for pair in held_out for text in pair}
    return [pair for pair in chosen if not sides.intersection(pair)], held_out


def trained(pairs: list[Pair], tokenizer: Tokenizer, size: Size, out: Path) -> tuple[float, int]:
    """Train one direction and save it; CPU seconds, and tokens of targets that it has seen."""
    sources, targets = (token_ids(tokenizer, side) for side in zip(*pairs, strict=True))
    data = paired(sources, targets, document_keys(["\t".join(pair) for pair in pairs]), LONGEST)
    shape = TranslatorShape(
        layers=size.layers, hidden=size.hidden, heads=4, feed_forward=4 * size.hidden, longest=LONGEST,
        vocabulary=tokenizer.get_vocab_size(), dropout=0.1,
    )  # fmt: skip
    model = new_translator(shape, seed=1)
    how = Training(
        steps=steps_of(data, POSITIONS, size.epochs), learning_rate=0.002, muon_learning_rate=0.0, optimiser="adamw",
        weight_decay=0.01, warmup=0.1, clip=1.0, seed=1,
    )  # fmt: skip
    start = time.process_time()
    progress = fit_translator(model, data, POSITIONS, how)
    seconds = time.process_time() - start
    print(f"{out.name}: {how.steps} steps, loss {progress.losses[-1]:.2f}", file=sys.stderr, flush=True)
    save_translator(model, tokenizer, out)
    return seconds, progress.tokens


def judgement(folder: str, pairs: list[Pair]) -> tuple[float, float]:
    """chrF of a model's translations, and of the sources themselves."""
    sources, wanted = (list(side) for side in zip(*pairs, strict=True))
    said = Seq2Seq(folder).translate(sources)
    for source, target in list(zip(sources, said, strict=True))[:3]:
        print(f"{Path(folder).name}: {source} -> {target}", file=sys.stderr, flush=True)
    return tuple(round(CHRF().corpus_score(texts, [wanted]).score, 1) for texts in (said, sources))  # type: ignore[return-value]


def sent_back(texts: list[str], home: Path) -> dict[str, Any]:
    """A project of these texts with both models as engine, through the stages up to `augment`, twice."""
    project = home / "project"
    (project / "data").mkdir(parents=True)
    (project / "data/tombstones.jsonl").touch()
    (project / "stages").symlink_to(ROOT / "stages")
    (project / "params.yaml").write_text(yaml.safe_dump(parameters(home), allow_unicode=True), encoding="utf-8")
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    graph["stages"]["crawl"]["deps"].append("texts.jsonl")
    (project / "dvc.yaml").write_text(yaml.safe_dump(graph), encoding="utf-8")
    write_texts(project, texts[:-1])
    for stage in STAGES[:-1]:
        stage_seconds(project, stage)
    seconds = stage_seconds(project, "augment")
    verdicts = read_verdicts(project)
    write_texts(project, texts)
    for stage in STAGES:
        stage_seconds(project, stage)
    lines = [json.loads(line) for line in (project / ".gristmill/traces/augment.jsonl").read_text().splitlines()]
    again = sum(
        line["rows"] - line["reused"]
        for line in lines
        if line["operator"] == "augment.translate" and line["verdict"] == "stale"
    )
    refused = Counter(reason for reason in verdicts if reason)
    return {
        "docs_s": round(len(verdicts) / seconds, 2), "refused": dict(sorted(refused.items())),
        "kept": len(verdicts) - refused.total(), "again": again,
    }  # fmt: skip


def parameters(home: Path) -> dict[str, Any]:
    """Ours, for one source of texts that are all labelled and all in the training split."""
    block = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    block["crawl"] = {"sources": [{
        "name": "paragraphs", "kind": "files", "path": "texts.jsonl", "licence": "MPL-2.0",
        "columns": {"text": "text", "id": "id", "label": "label"},
    }]}  # fmt: skip
    block["clean"] |= {"preset": "short", "presets": {}}
    block["label"] = {"split": block["label"]["split"] | {"validation": 0.0, "test": 0.0}, "tasks": [{
        "name": "help", "kind": "classification", "sources": [], "labels": ["short", "long"], "given": {},
    }]}  # fmt: skip
    engine = {"engine": "transformers", "language": "zh", "there": f"{home}/zh-en", "back": f"{home}/en-zh"}
    block["augment"] |= {"tasks": ["help"], "operators": [], "synonyms": {}, "back_translation": engine}
    return {name: block[name] for name in STAGES}


def write_texts(project: Path, texts: list[str]) -> None:
    """The project's only source."""
    rows = [
        {"id": str(n), "text": text, "label": "long" if len(text) > 30 else "short"} for n, text in enumerate(texts)
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (project / "texts.jsonl").write_text("".join(lines), encoding="utf-8")


def stage_seconds(project: Path, stage: str) -> float:
    """Run one stage; its wall seconds."""
    start = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-m", f"stages.{stage}"], cwd=project, env=environment, check=True, stdout=sys.stderr
    )
    return time.monotonic() - start


def read_verdicts(project: Path) -> list[str | None]:
    """Why each copy was refused, None for those that were kept."""
    with contextlib.chdir(project):
        return [
            reason for part in read_segments("augment", "verdicts") for reason in part.read()["drop_reason"].to_pylist()
        ]
