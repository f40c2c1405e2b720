"""Exports: the library `datasets` reads back the rows of the corpus; what may not be passed on stays out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.digests import file_sha256
from catalog.errors import GristmillError, InputError
from catalog.sql.asking import query
from stages.publication.export import export, lines
from stages.publication.folder import Record
from stages.publication.rows import Columns
from stages.publication.selection import Selection
from tests.catalog.small_corpus import TEXTS, uri
from tests.stages.publication.published import built_rights, rights

__all__ = ["built_rights", "rights"]

ALL = ("opted_out", "licence_unknown", "licence_no_derivatives")


def exported(form: str = "hf", largest: int = 1, columns: Columns | None = None, **asked: Any) -> Record:
    """An export into `out`; a shard ends after each segment."""
    return export(Path("out"), form, Selection(**asked), columns or Columns(), largest)


def loaded(folder: str, **how: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of each split as the library gives them."""
    import datasets

    datasets.disable_progress_bars()
    found = datasets.load_dataset(folder, cache_dir=str(Path("cached").absolute()), **how)
    return {split: list(rows) for split, rows in found.items()}


def test_the_library_loads_what_the_catalog_and_the_texts_say(rights: Path) -> None:
    """Every column of every document, by split; the same from JSON, and whatever the size of a file."""
    columns = Columns(signals=("words",))
    record = exported(allow=ALL, columns=columns)
    assert sorted(file.path for file in record.files) == [
        "data/test-00000.parquet", "data/train-00000.parquet", "data/train-00001.parquet"
    ]  # fmt: skip
    found = loaded("out")
    asked = "id, uri, language, source, licence, title, author, published, split, words"
    rows = query(f"SELECT {asked} FROM kept_documents JOIN signals USING (id)").table().to_pylist()
    text_of = {uri(name): text for name, text in TEXTS.items()} | {uri("conflict"): "what it is."}  # without its cut
    label_of = {uri("train_en"): "positive", uri("test_zh"): "negative"}
    for row in rows:
        label = label_of.get(row["uri"])
        row["text"] = text_of[row["uri"]]
        row["labels"] = [{"task": "sentiment", "about": None, "label": label, "target": "zusammen"}] if label else []
    assert len(rows) == 3
    for split in ("train", "test"):
        wanted = [{**row} for row in rows if row["split"] == split]
        assert _sorted({**one, "split": split} for one in found[split]) == _sorted(wanted)
    exported("jsonl", largest=1 << 20, allow=ALL, columns=columns)
    files = {split: f"out/data/{split}-00000.jsonl.gz" for split in ("train", "test")}
    assert loaded("json", data_files=files) == found


def _sorted(rows: Any) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["id"]))


@pytest.mark.parametrize(
    ("asked", "account"),
    [
        ({}, {"published": 1, "opted_out": 1, "licence_no_derivatives": 1}),
        ({"allow": ALL[2:]}, {"published": 1, "opted_out": 1, "licence_unknown": 1}),
        ({"allow": ALL}, {"published": 3}),
        ({"allow": ALL, "splits": ("test",)}, {"published": 1, "not_asked_for": 2}),
        ({"allow": ALL, "languages": ("en",), "sources": ("reviews",)}, {"published": 1, "not_asked_for": 2}),
        ({"where": "characters > 17"}, {"published": 1, "not_asked_for": 2}),
        ({"where": "words > 0 -- all", "allow": ("opted_out",)}, {"published": 2, "licence_no_derivatives": 1}),
        ({"task": "sentiment", "allow": ALL}, {"published": 2, "no_label": 1}),
    ],
)
def test_every_document_is_written_or_left_out_for_a_reason(
    rights: Path, asked: dict[str, Any], account: dict[str, int]
) -> None:
    """What is not asked for is said first, then what may not be passed on; together they are the corpus."""
    record = exported("parquet", columns=Columns(task=asked.get("task", "")), **asked)
    assert record.account == account
    assert sum(file.rows for file in record.files) == account["published"]
    assert f"{3:>9} documents =" in lines(Path("out"), record.account, record.files)


def test_the_same_corpus_gives_the_same_bytes(rights: Path) -> None:
    """Every file, reports included; a second export takes the place of the first."""
    digests = []
    for _ in range(2):
        exported()
        digests.append({path: file_sha256(path) for path in Path("out").rglob("*") if path.is_file()})
    assert digests[0] == digests[1] and len(digests[0]) == 6


def test_a_row_of_a_task_is_a_label(rights: Path) -> None:
    """With its class and target beside the text."""
    exported(task="sentiment", columns=Columns(document=("text",), task="sentiment"))
    label = {"about": None, "label": "positive", "target": "zusammen"}
    assert loaded("out") == {"train": [{"text": TEXTS["train_en"], **label}]}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"splits": ("tset",)}, "known: train, validation, test"),
        ({"languages": ("fr",)}, "known: en, zh"),
        ({"sources": ("review",)}, "reviews"),
        ({"task": "mood"}, "known: sentiment"),
        ({"allow": ("all",)}, "known: opted_out, licence_unknown"),
        ({"where": "charcters > 3"}, "--where charcters"),
        ({"where": "true) ; DROP TABLE documents; --"}, "--where"),
    ],
)
def test_what_is_unknown_is_named_and_writes_nothing(rights: Path, asked: dict[str, Any], message: str) -> None:
    """With what there is."""
    with pytest.raises(GristmillError, match=message):
        exported(**asked)
    assert not Path("out").exists() and not list(Path().glob(".out*"))


def test_a_folder_of_somebody_else_is_left_alone(rights: Path) -> None:
    """It is named, and nothing in it is touched."""
    Path("out").mkdir()
    Path("out/diary.txt").write_text("mine")
    with pytest.raises(InputError, match="out exists and is no export"):
        exported()
    assert Path("out/diary.txt").read_text() == "mine"
