"""Lineage: one document, from its capture to the models that saw it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import GristmillError, InputError
from catalog.lineage.document import Explanation, explain
from catalog.lineage.page import page
from catalog.parquet import write_parquet
from catalog.segments import read_segments
from stages.catalog import main
from tests.catalog.small_corpus import TEXTS, digest, id_of, uri, write_crawl, write_fetches


def printed(known: Explanation) -> str:
    return "\n".join(page(known))


def test_a_training_document_is_told_from_end_to_end(shared_corpus: Path) -> None:
    """Capture, text, verdicts, twins, votes, label, split, copies, tokens and models."""
    known = explain(uri("train_en"))
    assert known.document["id"] == id_of("train_en")
    assert [(row["fetched_at"], row["outcome"]) for row in known.fetches] == [("2026-01-02T03:04:05Z", "captured")]
    assert known.excerpt == TEXTS["train_en"]
    assert known.signals["words"] == len(TEXTS["train_en"])
    stages = ["crawl", "clean", "dedup", "label", "tokenize"]
    assert [(row["stage"], row["outcome"]) for row in known.verdicts] == [(stage, "kept") for stage in stages]
    assert known.cluster["cluster"] == digest("train_en")
    assert [row["uri"] for row in known.twins] == [uri("copy_en")]
    assert [(row["annotator"], row["label"]) for row in known.votes] == [
        ("given:reviews", "positive"), ("rater-01", "positive")
    ]  # fmt: skip
    assert (known.labels[0]["label"], known.split, known.tokens) == ("positive", "train", 3)
    assert [(row["operator"], row["drop_reason"]) for row in known.children] == [("swap", None)]
    assert [(row["stage"], row["run"]) for row in known.models] == [("pretrain", "mlm"), ("finetune", "scratch-1")]
    assert (known.rights, known.overlaps, known.answers) == ([], [], [])


def test_tokens_are_told_by_their_place(shared_corpus: Path) -> None:
    """The row of the segment, and which of its tokens; nothing of a document without tokens."""
    places = [explain(id_of(name)).place for name in ("train_en", "test_zh", "conflict", "short")]
    assert [(place.get("row"), place.get("start"), place.get("stop")) for place in places] == [
        (0, 0, 3), (0, 0, 2), (1, 2, 4), (None, None, None),
    ]  # fmt: skip
    assert places[1]["path"] == places[2]["path"] != places[0]["path"]
    assert f"{places[2]['path']} row 1, tokens 2 to 4" in printed(explain(id_of("conflict")))


def test_a_rule_is_shown_with_the_value_that_it_judges(shared_corpus: Path) -> None:
    """Kept or broken; a signal that a rule judges is not listed twice."""
    known = explain(id_of("train_en"))
    words = {"rule": "p.en.few_words", "signal": "words", "side": "at least", "threshold": 30.0}
    told = printed(replace(known, rules=[words, words | {"side": "at most", "signal": "lines"}]))
    assert re.search(r"breaks +words +23 +at least +30 +p\.en\.few_words", told)
    assert re.search(r"keeps +lines +23 +at most +30", told)
    assert "signals without a rule" in told and "\n  words  " not in told


def test_a_signal_that_a_project_declares_is_shown_with_a_rule_or_without(shared_corpus: Path) -> None:
    """Its values are rows of a table of their own; params.yaml may have no threshold for it, or no block at all."""
    known = explain(id_of("train_en"))
    assert known.signals["perplexity"] == 41.5
    assert "signals\n" in printed(known) and re.search(r"perplexity +41\.5", printed(known))
    rule = {"rule": "p.en.odd", "signal": "perplexity", "side": "at most", "threshold": 40.0}
    assert re.search(r"breaks +perplexity +41\.5 +at most +40 +p\.en\.odd", printed(replace(known, rules=[rule])))
    assert "perplexity" not in printed(explain(id_of("test_zh")))


def test_a_record_of_an_interface_is_told_by_the_request_that_gave_it(corpus: Path) -> None:
    """Its capture names the answer; the log says when that was asked for."""
    for segment in read_segments("crawl", "captures"):
        table = segment.read()
        meta = [
            f'{{"answer": "{uri("list")}"}}' if one == id_of("test_zh") else None for one in table["id"].to_pylist()
        ]
        at = table.schema.get_field_index("meta")
        segment.path.unlink()  # it may be a link to an object of the store
        write_parquet(table.set_column(at, table.schema.field(at), pa.array(meta, pa.string())), segment.path)
    write_fetches([("list", "captured", "ab" * 32)])
    assert [(row["uri"], row["outcome"]) for row in explain(id_of("test_zh")).fetches] == [(uri("list"), "captured")]
    assert explain(id_of("train_en")).fetches == []


def test_segments_are_the_files_of_its_own_chain(shared_corpus: Path) -> None:
    """Each file exists, and none is of the other segment."""
    known = explain(id_of("train_en"))
    other = explain(id_of("test_zh"))
    paths = {row["path"] for row in known.segments}
    assert paths and all(Path(path).is_file() for path in paths)
    assert {row["stage"] for row in known.segments} >= {"crawl", "clean", "dedup", "label", "tokenize"}
    assert not paths & {row["path"] for row in other.segments}


@pytest.mark.parametrize(
    ("name", "verdict", "models"),
    [
        ("short", ("clean", "dropped", "too_short"), []),
        ("broken", ("clean", "quarantined", "not text: 100% control characters"), []),
        ("copy_en", ("dedup", "dropped", "exact_duplicate"), []),
        ("conflict", ("label", "dropped", "label_conflict"), ["mlm"]),
        ("test_zh", None, []),
    ],
)
def test_models_are_those_whose_training_read_the_document(
    shared_corpus: Path, name: str, verdict: tuple[str, str, str] | None, models: list[str]
) -> None:
    """Each model lists what it read: here pretraining two documents, fine-tuning one of them."""
    known = explain(uri(name))
    losses = [tuple(row.values()) for row in known.verdicts if row["outcome"] != "kept"]
    assert losses == ([verdict] if verdict else [])
    assert [row["run"] for row in known.models] == models


def test_the_beginning_of_an_id_or_uri_is_enough(shared_corpus: Path) -> None:
    """As long as it is that of one document."""
    assert explain(id_of("train_en")[:10]).document["uri"] == uri("train_en")
    assert explain(uri("test")).document["uri"] == uri("test_zh")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://example.org/", r"(?s)beginning of several documents.*example\.org/broken.*whole id or URI"),
        ("nothing'", r"no document \"nothing'\".*contains\(uri, 'nothing'''\)"),
        (uri("unread"), r"never became a document: crawl quarantined it \(row 3 has 2 columns\)"),
        (id_of("child"), rf"a copy that augment made \(swap\); run `gristmill explain {id_of('train_en')}`"),
        ("", "beginning of several"),
    ],
)
def test_a_name_without_a_document_is_explained(shared_corpus: Path, name: str, message: str) -> None:
    """What it may be instead, and how to search."""
    with pytest.raises(GristmillError, match=message):
        explain(name)


def test_without_the_texts_all_else_is_told(corpus: Path) -> None:
    """`dvc pull data/catalog` is enough."""
    for folder in Path("data").iterdir():
        if folder.is_dir() and folder.name != "catalog":
            shutil.rmtree(folder)
    known = explain(id_of("train_en"))
    assert known.excerpt is None and known.split == "train" and known.segments


def test_a_project_that_has_only_crawled_is_told_as_far_as_it_goes(project: Path) -> None:
    """No stage is needed but crawl and catalog."""
    write_crawl()
    main()
    known = explain(id_of("train_en"))
    assert (known.cluster, known.signals, known.split, known.models) == ({}, {}, None, [])
    assert "fetched (1)" in printed(known)


def test_without_a_catalog_the_message_names_the_command(project: Path) -> None:
    """It is built by a stage, not by a question."""
    with pytest.raises(InputError, match="dvc repro catalog"):
        explain("x")


def test_the_page_names_what_it_shows_and_cannot_steer_a_terminal(shared_corpus: Path) -> None:
    """Each section has its title; what a website wrote is printed without control characters."""
    known = explain(id_of("train_en"))
    known.document["title"] = "red \x1b[31malert\x1b[0m \u202egnp.exe\nsecond line"
    told = printed(known)
    for title in (
        "document\n",
        "capture\n",
        "text\n",
        "signals\n",
        "twins (1)",
        "models trained on it (2)",
        "segments (",
    ):
        assert title in told
    assert "red alert gnp.exe second line" in told
    assert told.replace("\n", "").isprintable()
