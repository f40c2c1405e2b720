"""Every kind of task is learned from random weights: units, network, predictions in the form of labels, scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.segments import read_segments
from stages import evaluate, finetune, pretrain, tokenize
from tests.stages.model.model_tables import KINDS, tiny_blocks, write_blocks, write_stage, write_toy_corpus

LEARNED = {"epochs": 6, "seeds": [1], "systems": ["scratch"], "width": 64, "learning_rate": 0.01}
CASES: list[tuple[str, dict[str, Any], str, float]] = [
    # kind, parameters, measure, what must be reached
    ("multilabel", {"class_weights": "balanced", "rows": 4}, "micro_f1", 0.85),
    ("pairs", {"patience": 2}, "accuracy", 0.9),
    ("spans", {}, "span_f1", 0.9),
    ("relations", {"class_weights": "balanced"}, "relation_f1", 0.75),
    ("questions", {"width": 32, "stride": 8}, "answer_f1", 0.8),
    ("generation", {"longest_target": 8, "beams": 2, "rows": 2, "learning_rate": 0.005, "epochs": 6}, "chrf", 0.8),
    (
        "generation",
        {"longest_target": 8, "generator": "causal", "epochs": 5, "rows": 2, "learning_rate": 0.02},
        "chrf",
        0.4,
    ),
]


GPT = {"architecture": "gpt", "objective": "clm", "candidates": "vocabulary", "width": 64}


@pytest.fixture(scope="module")
def tokenized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one corpus with a task of every kind, with its tokens."""
    folder = tmp_path_factory.mktemp("kinds")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GRISTMILL_WORKERS", "1")
        write_toy_corpus(260)
        write_blocks(folder, tiny_blocks())
        tokenize.main()
    return folder


def rows(table: str) -> list[dict[str, Any]]:
    """All rows of a table of evaluate."""
    return [row for segment in read_segments("evaluate", table) for row in segment.read().to_pylist()]


@pytest.mark.parametrize(
    ("kind", "params", "measure", "least"), CASES, ids=[f"{c[0]}-{c[1].get('generator', '')}" for c in CASES]
)
def test_a_kind_is_learned_and_scored(
    tokenized: Path, monkeypatch: pytest.MonkeyPatch, kind: str, params: dict[str, Any], measure: str, least: float
) -> None:
    """Predictions of a saved network have the form of labels, and reach a score that the yardstick does not."""
    monkeypatch.chdir(tokenized)
    monkeypatch.setenv("GRISTMILL_WORKERS", "1")
    start = GPT if params.get("generator") == "causal" else {"width": 64}
    blocks = tiny_blocks(
        pretrain=start, finetune={"task": KINDS[kind], **LEARNED, **params}, evaluate={"leaky_sources": []}
    )
    write_blocks(tokenized, blocks)
    pretrain.main()
    finetune.main()
    evaluate.main()
    score = {row["run"]: row["value"] for row in rows("metrics") if row["metric"] == measure and row["slice"] == "all"}
    assert score["scratch-seed-1"] >= least
    said = [row for row in rows("predictions") if row["run"] == "scratch-seed-1"]
    assert sum(row["correct"] for row in said) == sum(row["label"] == row["predicted"] for row in said) > 0
    assert [row["about"] is not None for row in said] == [kind in ("pairs", "questions")] * len(said)
    if kind == "generation":
        assert {len(row["predicted"]) for row in said} == {64} and all(row["text"] for row in said)
    run = json.loads(Path("data/finetune/scratch-seed-1/run.json").read_text(encoding="utf-8"))
    assert (run["kind"], run["units"]) == (kind, len(read_units("train")))


def read_units(split: str) -> list[str]:
    """The documents of a split among the units."""
    units = [row for part in read_segments("finetune", "units") for row in part.read(["id", "split"]).to_pylist()]
    return [row["id"] for row in units if row["split"] == split]


def test_copies_are_learned_beside_their_texts(tokenized: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the systems that ask for them alone; what copies bought is a number of its own."""
    monkeypatch.chdir(tokenized)
    monkeypatch.setenv("GRISTMILL_WORKERS", "1")
    systems = {"systems": ["scratch", "scratch-augmented"], "seeds": [1], "epochs": 1}
    write_blocks(tokenized, tiny_blocks(finetune=systems, evaluate={"leaky_sources": []}))
    pretrain.main()
    copied = [row for part in read_segments("label", "labels") for row in part.read().to_pylist()]
    copied = [row for row in copied if row["task"] == "toy" and row["split"] == "train"]
    write_stage("augment", {"children": pa.table({
        "id": [f"copy-{row['id']}" for row in copied], "parent": [row["id"] for row in copied],
        "task": ["toy"] * len(copied), "text": [f"really {row['label']}" for row in copied],
        "label": [row["label"] for row in copied], "split": ["train"] * len(copied),
    })})  # fmt: skip
    finetune.main()
    evaluate.main()
    read = {
        system: Path(f"data/finetune/{system}-seed-1/documents.txt").read_text(encoding="utf-8").split()
        for system in ("scratch", "scratch-augmented")
    }
    assert read["scratch-augmented"] == read["scratch"] + [f"copy-{row['id']}" for row in copied]
    found = {(row["run"], row["metric"]) for row in rows("metrics")}
    assert ("scratch-augmented - scratch", "accuracy") in found and ("evaluate", "score_scratch-augmented") in found
