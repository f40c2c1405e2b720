"""Trace: a model back to its documents, actions and captures."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from catalog.errors import GristmillError
from catalog.lineage.tracing import trace, write_documents
from tests.catalog.small_corpus import id_of, uri


def test_a_model_is_traced_to_what_it_read_and_came_of(shared_corpus: Path) -> None:
    """Files, parameters, documents by source, licence and split, and every action on the way to the captures."""
    found = trace("mlm")
    assert (found.stage, found.run) == ("pretrain", "mlm")
    assert [Path(row["path"]).name for row in found.files] == ["documents.txt", "exposure.json", "model.safetensors"]
    assert [(row["run"], row["documents"]) for row in found.models] == [("mlm", 2)]
    assert found.documents == [
        {"source": "reviews", "licence": "CC0-1.0", "split": "train", "documents": 2, "tokens": 5}
    ]  # fmt: skip
    assert [(row["stage"], row["operator"]) for row in found.upstream] == [
        ("crawl", "crawl.archive"), ("pretrain", "pretrain.write")
    ]  # fmt: skip
    assert "weights" in found.parameters.values()
    page = found.text()
    assert "pretrain/mlm  action" in page and "reviews  CC0-1.0  train" in page


def test_the_documents_are_written_as_csv(
    shared_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One row per document, with what it was captured as and which of the models read it."""
    found = trace("finetune/scratch-1")
    write_documents(found, tmp_path / "seen.csv")
    (row,) = csv.DictReader((tmp_path / "seen.csv").open(newline=""))
    assert (row["id"], row["uri"], row["split"]) == (id_of("train_en"), uri("train_en"), "train")
    assert row["models"] == "finetune/scratch-1" and len(row["body_digest"]) == 64
    write_documents(found, Path("-"))
    assert capsys.readouterr().out == (tmp_path / "seen.csv").read_text()


def test_a_run_that_is_none_is_answered_with_those_there_are(shared_corpus: Path) -> None:
    """By stage and name."""
    with pytest.raises(GristmillError, match=r"'bert' is no run .*finetune/scratch-1, pretrain/mlm"):
        trace("bert")
