"""The stage catalog: small tables over every stage, rewritten only where something changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.errors import InputError
from catalog.schema import CATALOG
from catalog.segments import read_segments
from stages.accounts.models import Trained, models
from stages.catalog import TABLES, main
from tests.catalog.small_corpus import (
    digest,
    id_of,
    seen,
    write_clean,
    write_corpus,
    write_crawl,
    write_dedup,
    write_files_stage,
    write_predictions,
)  # fmt: skip


def rows(table: str) -> list[dict[str, Any]]:
    """All rows of a table of the catalog, in order."""
    return pa.concat_tables([segment.read() for segment in read_segments("catalog", table)]).to_pylist()


def stale() -> list[str]:
    """The operators that computed something in the last run, once per action."""
    lines = Path(".gristmill/traces/catalog.jsonl").read_text().splitlines()
    return [line["operator"] for line in map(json.loads, lines) if line["verdict"] == "stale"]


def test_a_document_has_one_row_with_its_text_measured_but_not_in_it(shared_corpus: Path) -> None:
    """A quarantined document keeps its row, with nulls for what its text would say."""
    documents = {row["id"]: row for row in rows("documents")}
    assert len(documents) == 6
    kept = documents[id_of("train_en")]
    assert (kept["characters"], kept["body_bytes"], kept["text_digest"]) == (23, 23, digest("train_en"))
    assert documents[id_of("test_zh")]["characters"] == 7 and documents[id_of("test_zh")]["body_bytes"] == 21
    broken = documents[id_of("broken")]
    assert broken["title"] == "Title of broken"
    assert {name for name, value in broken.items() if value is None} >= {"language", "text_digest", "characters"}


@pytest.mark.parametrize(
    ("table", "columns", "expected"),
    [
        ("quarantine", ("stage", "error"),
         [("crawl", "row 3 has 2 columns"), ("clean", "not text: 100% control characters")]),
        ("runs", ("run", "pretraining_steps"),
         [("scratch-seed-1", 0), ("scratch-seed-2", 0), ("pretrained-seed-1", 9), ("pretrained-seed-2", 9)]),
        ("tokens", ("split", "tokens"), [("train", 3), ("test", 2), ("train", 2)]),
    ],
)  # fmt: skip
def test_tables_say_what_their_stages_say(
    shared_corpus: Path, table: str, columns: tuple[str, ...], expected: list[tuple[Any, ...]]
) -> None:
    """Rows come in the order of the stages, and of the segments within them."""
    assert [tuple(row[name] for name in columns) for row in rows(table)] == expected


def test_models_that_read_the_same_documents_are_several(corpus: Path) -> None:
    """Each has its rows under its own name: two seeds of one system read the same."""
    write_files_stage("finetune", [], {f"scratch-{seed}": seen([2], "train_en") for seed in (1, 2)})
    main()
    found = [row["run"] for row in rows("exposure") if row["stage"] == "finetune"]
    assert sorted(found) == ["scratch-1", "scratch-2"]


def test_no_text_reaches_the_catalog(shared_corpus: Path) -> None:
    """Neither the text of a document nor a target text stands in any of its files."""
    values = [value for table in TABLES for row in rows(table) for value in row.values() if isinstance(value, str)]
    assert not [value for value in values if "said John" in value or value == "zusammen"]
    assert rows("labels")[0]["target_digest"] is not None


def test_lineage_joins_every_file_to_the_files_it_was_made_from(shared_corpus: Path) -> None:
    """Each input of an action of clean is a segment of crawl, found by its logical digest."""
    segments = {(row["stage"] + "/" + row["table_name"], row["logical"]) for row in rows("segments")}
    made = {row["fingerprint"] for row in rows("segments") if row["stage"] == "clean"}
    edges = [row for row in rows("lineage") if row["fingerprint"] in made]
    assert {row["input"] for row in edges} == {"crawl/captures"}
    assert all((row["input"], row["logical"]) in segments for row in edges)
    assert {row["key"] for row in edges} == {segment.key for segment in read_segments("crawl", "captures")}


def test_stages_that_are_not_built_give_empty_tables(project: Path) -> None:
    """A partial project has every table, and a stage that comes later fills its own."""
    write_crawl()
    main()
    assert {segment.table for segment in read_segments("catalog")} == set(TABLES)
    assert rows("labels") == [] and rows("signals") == [] and len(rows("documents")) == 6
    assert read_segments("catalog", "labels")[0].read().schema.names == CATALOG["labels"].names


def test_without_a_crawl_there_is_no_catalog(project: Path) -> None:
    """The message names the stage to build."""
    with pytest.raises(InputError, match="dvc repro crawl"):
        main()


def test_a_change_rewrites_only_what_depends_on_it(project: Path) -> None:
    """New verdicts of one stage leave documents, signals and all else alone."""
    captures = write_crawl()
    write_clean(captures)
    write_dedup(captures)
    main()
    main()
    assert stale() == []
    write_files_stage("pretrain", captures, {"mlm": {"model.safetensors": "weights"}})
    main()
    assert stale() == ["catalog.models", "catalog.manifests", "catalog.empty"]


def test_incremental_equals_clean(project: Path) -> None:
    """After stages were added one by one, the tables are byte for byte those of one run over all."""
    write_crawl()
    main()
    write_corpus()
    main()
    incremental = {path: path.read_bytes() for path in sorted(Path("data/catalog").rglob("*.parquet"))}
    shutil.rmtree(".gristmill")
    shutil.rmtree("data")
    write_corpus()
    main()
    assert {path: path.read_bytes() for path in sorted(Path("data/catalog").rglob("*.parquet"))} == incremental


def test_a_table_that_is_taken_over_as_it_stands_is_one_file(shared_corpus: Path) -> None:
    """Linked, not written again; its bytes are told once."""
    for table, source in (("signals", "clean/signals"), ("clusters", "dedup/verdicts"), ("votes", "label/votes")):
        stage, _, name = source.partition("/")
        pairs = zip(read_segments("catalog", table), read_segments(stage, name), strict=True)
        assert all(one.path.samefile(other.path) and one.logical == other.logical for one, other in pairs)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train_en", ("kept", None, None, "train_en", "train")),
        ("copy_en", ("dropped", "dedup", "exact_duplicate", "train_en", None)),
        ("short", ("dropped", "clean", "too_short", None, None)),
        ("broken", ("quarantined", "clean", "not text: 100% control characters", None, None)),
        ("conflict", ("kept", None, None, "conflict", "train")),
    ],
)
def test_what_became_of_a_document(shared_corpus: Path, name: str, expected: tuple[str | None, ...]) -> None:
    """By the stages before the corpus; what `label` drops is in it."""
    row = next(row for row in rows("outcomes") if row["id"] == id_of(name))
    cluster = digest(expected[3]) if expected[3] else None
    assert tuple(row.values()) == (id_of(name), *expected[:3], cluster, expected[4])


def test_a_model_has_a_row(shared_corpus: Path) -> None:
    """With the documents it was trained on, and the action that trained it."""
    actions = {row["fingerprint"] for row in rows("segments")}
    found = {(row["stage"], row["run"]): row for row in rows("models")}
    assert {name: row["documents"] for name, row in found.items()} == {
        ("pretrain", "mlm"): 2, ("finetune", "scratch-1"): 1
    }  # fmt: skip
    assert {row["fingerprint"] for row in found.values()} <= actions


def test_weights_are_counted_by_the_header_of_their_file(tmp_path: Path) -> None:
    """What is no such file has none."""
    header = json.dumps({"__metadata__": {}, "a": {"shape": [3, 4]}, "b": {"shape": []}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (tmp_path / "other.safetensors").write_bytes(b"weights")
    files = (tmp_path / "model.safetensors", tmp_path / "other.safetensors")
    settings = {"seed": 3, "tokens": 10}
    one = Trained(stage="pretrain", run="m", fingerprint="f", data="d", settings=settings, files=files)
    ((_, _, made),) = models(one)
    (row,) = made.to_pylist()
    assert (row["weights"], row["seed"], row["tokens"], row["epochs"], row["documents"]) == (13, 3, 10, None, None)


def test_predictions_are_copied_as_far_as_they_are_declared(project: Path) -> None:
    """Evaluate may write more columns than the catalog keeps."""
    write_predictions(write_crawl())
    main()
    assert [list(row.values()) for row in rows("predictions")] == [
        ["scratch-seed-1", id_of("test_zh"), None, "negative", "positive", False]
    ]


def test_every_column_is_described(project: Path) -> None:
    """The table `columns` has a sentence for each column of each table."""
    write_crawl()
    main()
    described = {(row["table_name"], row["column_name"]): row["unit"] for row in rows("columns")}
    assert described.keys() == {(table, name) for table, schema in TABLES.items() for name in schema.names}
    assert all(described.values())
