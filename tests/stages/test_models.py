"""tokenize, pretrain, finetune and evaluate on a toy corpus, from tables to the report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from catalog.errors import GristmillError
from catalog.segments import read_segments
from stages import evaluate, finetune, pretrain, tokenize
from tests.stages.model.model_tables import tiny_blocks, write_blocks, write_toy_corpus

STAGES = (tokenize, pretrain, finetune, evaluate)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the four stages have run."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GRISTMILL_WORKERS", "1")
        write_toy_corpus(300)
        write_blocks(folder, tiny_blocks())
        for stage in STAGES:
            stage.main()
    return folder


@pytest.fixture
def inside(built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory is the built project."""
    monkeypatch.chdir(built)
    monkeypatch.setenv("GRISTMILL_WORKERS", "1")
    return built


def verdicts(stage: str) -> set[str]:
    """What became of the actions of the last run of a stage."""
    lines = Path(f".gristmill/traces/{stage}.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["verdict"] for line in lines}


def test_the_report_has_every_number(inside: Path) -> None:
    """Four systems, the gain of pretraining, the leaky score and the numbers that are told first."""
    metrics = json.loads((inside / "data/evaluate/report/metrics.json").read_text(encoding="utf-8"))
    for name in ("score_tfidf", "score_scratch", "score_pretrained", "leaky_score"):
        assert 0 <= metrics[name] <= 1
    assert set(metrics["scratch"]) >= {"seed-1", "seed-2", "accuracy_mean", "accuracy_deviation"}
    gained = metrics["score_pretrained"] - metrics["score_scratch"]
    assert metrics["gain"]["accuracy_mean"] == pytest.approx(gained, abs=2e-4)
    assert metrics["tfidf"]["accuracy"] > metrics["majority"]["accuracy"] + 0.2


def test_the_network_learns_the_toy_task(inside: Path) -> None:
    """From random weights it beats the majority by far."""
    metrics = json.loads((inside / "data/evaluate/report/metrics.json").read_text(encoding="utf-8"))
    assert metrics["score_scratch"] > metrics["majority"]["accuracy"] + 0.2


def test_all_systems_are_scored_on_the_same_documents(inside: Path) -> None:
    """Six runs, one set of ids, all of the test split of the task."""
    rows = [row for part in read_segments("evaluate", "predictions") for row in part.read().to_pylist()]
    ids = {run: sorted(row["id"] for row in rows if row["run"] == run) for run in {row["run"] for row in rows}}
    assert len(ids) == 6
    assert len({tuple(found) for found in ids.values()}) == 1
    test = [
        row["id"]
        for part in read_segments("label", "labels")
        for row in part.read().to_pylist()
        if row["split"] == "test" and row["task"] == "toy"
    ]
    assert sorted(test) == next(iter(ids.values()))


def test_numbers_have_intervals_slices_and_runs_their_identity(inside: Path) -> None:
    """What a comparison asks is equal for all systems; the interval holds the value; contamination is told."""
    metrics = [row for part in read_segments("evaluate", "metrics") for row in part.read().to_pylist()]
    runs = [row for part in read_segments("evaluate", "runs") for row in part.read().to_pylist()]
    assert {(row["run"], row["seed"]) for row in runs} == {
        (f"{system}-seed-{seed}", seed) for system in ("scratch", "pretrained") for seed in (1, 2)
    }
    for name in ("recipe", "test_set", "training_set", "epochs"):
        assert len({row[name] for row in runs}) == 1
    assert {row["pretraining_steps"] for row in runs} == {0, 20}
    keys = [(row["run"], row["slice"], row["metric"]) for row in metrics]
    assert len(set(keys)) == len(keys)
    assert len([part for _, part, metric in keys if part.startswith("characters:") and metric == "accuracy"]) == 3 * 8
    assert all(row["low"] <= row["value"] <= row["high"] for row in metrics if row["low"] is not None)
    found = {(row["run"], row["metric"]) for row in metrics}
    assert {("test", "contamination"), ("pretraining", "bits_per_masked_byte"), ("leaky", "in_train")} <= found
    assert ("pretrained-seed-1 - scratch-seed-1", "mcnemar_p") in found


def test_a_second_run_computes_nothing_and_imports_no_torch(inside: Path) -> None:
    """Fresh stages end without paying for torch, duckdb or dvc."""
    script = (
        "import sys; from stages import pretrain, finetune, evaluate, tokenize\n"
        "for stage in (tokenize, pretrain, finetune, evaluate): stage.main()\n"
        "heavy = ('torch', 'transformers', 'sklearn', 'dvc', 'duckdb', 'datasets')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    root = str(Path(tokenize.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": root},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.splitlines()[-1] == "[]"
    assert all(verdicts(stage.__name__.split(".")[-1]) == {"fresh"} for stage in STAGES)


def test_the_saved_model_loads_with_plain_transformers(inside: Path) -> None:
    """Encoder and tokenizer of a run are files that need no code of ours."""
    folder = inside / "data/finetune/pretrained-seed-1"
    tokenizer, encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder / "encoder")
    encoded = tokenizer("这本书 好看", return_tensors="pt", return_token_type_ids=False)
    assert encoded["input_ids"][0, 0] == tokenizer.cls_token_id
    assert torch.isfinite(encoder(**encoded).last_hidden_state).all()


def test_equal_runs_give_equal_bytes(inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another project with the same corpus has the same manifests up to fine-tuning."""
    monkeypatch.chdir(tmp_path)
    write_toy_corpus(300)
    write_blocks(tmp_path, tiny_blocks(finetune={"seeds": [1]}))
    for stage in STAGES[:3]:
        stage.main()
    for path in (
        "pretrain/model/model.safetensors",
        "finetune/pretrained-seed-1/head.safetensors",
        "tokenize/manifest.parquet",
    ):
        assert (tmp_path / "data" / path).read_bytes() == (inside / "data" / path).read_bytes()


def test_test_documents_are_not_pretrained_on(inside: Path) -> None:
    """documents.txt lists the documents of the training split and no others."""
    history = json.loads((inside / "data/pretrain/model/history.json").read_text(encoding="utf-8"))
    splits = [split for part in read_segments("tokenize", "tokens") for split in part.read()["split"].to_pylist()]
    assert history["documents"] == splits.count("train") < len(splits)
    seen = set((inside / "data/pretrain/model/documents.txt").read_text(encoding="utf-8").split())
    rows = [row for part in read_segments("tokenize", "tokens") for row in part.read().to_pylist()]
    assert seen == {row["id"] for row in rows if row["split"] == "train"}
    stretches = json.loads((inside / "data/pretrain/model/exposure.json").read_text(encoding="utf-8"))["times"]
    assert sum(last + 1 - first for first, last, _ in stretches) == len(seen)
    assert {times for *_, times in stretches} <= {int(history["epochs"]), int(history["epochs"]) + 1}
    assert np.isfinite(history["loss"]).all()


def test_a_short_document_is_dropped_with_its_reason(project: Path) -> None:
    """Rows in = kept + dropped, and the tokens are those of the kept."""
    write_toy_corpus(60)
    write_blocks(project, tiny_blocks(tokenize={"min_tokens": 12}))
    tokenize.main()
    reasons = pq.read_table(next(Path("data/tokenize/verdicts").glob("*")))["drop_reason"].to_pylist()
    kept = pq.read_table(next(Path("data/tokenize/tokens").glob("*")))
    assert len(reasons) == 60
    assert 0 < reasons.count("too_few_tokens") == 60 - kept.num_rows


@pytest.mark.parametrize(
    ("block", "values", "message"),
    [
        ("pretrain", {"mask_rate": 1.5}, "mask_rate is 1.5"),
        ("pretrain", {"network": {"layers": 1, "hidden": 32, "heads": 3, "feed_forward": 64}}, "multiple of heads"),
        ("pretrain", {"network": "huge"}, "tiny, base, large"),
        ("pretrain", {"objective": "bert"}, "one of mlm"),
        ("pretrain", {"architecture": "gpt"}, "must be one of clm"),
        ("pretrain", {"processes": 3}, "multiple of processes"),
        ("pretrain", {"start": {"folder": "nowhere", "sha256": "0" * 64}}, "must have `folder`, `sha256`"),
        ("pretrain", {"tokens": 0}, "tokens is 0, must be >= 1; with `start`"),
        ("finetune", {"epochs": 0}, "epochs is 0"),
        ("finetune", {"width": 64}, "32 positions"),
        ("finetune", {"task": "no such task"}, "label.tasks has asked, says, second, summary, topics, toy, words"),
        ("finetune", {"systems": ["best"]}, "systems has best, must be among scratch"),
        ("finetune", {"task": "second", "systems": ["scratch-augmented"]}, "no copies of a task of kind pairs"),
        ("finetune", {"task": "summary", "longest_target": 40}, "longest_target is 40, must be at most finetune.width"),
        ("evaluate", {"leaky_sources": ["nowhere"]}, "no captured row"),
    ],
)
def test_a_wrong_parameter_is_named(
    inside: Path, block: str, values: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An impossible value ends with an error that names it, not with a traceback."""
    write_blocks(inside, tiny_blocks(**{block: values}))
    stage = {"pretrain": pretrain, "finetune": finetune, "evaluate": evaluate}[block]
    try:
        with pytest.raises(GristmillError, match=message):
            stage.main()
    finally:
        write_blocks(inside, tiny_blocks())
        stage.main()
