"""Plan: what goes with a document is counted before anything is written."""

from __future__ import annotations

from pathlib import Path

from catalog.erasure.forget import TOMBSTONES
from catalog.erasure.plan import plan
from catalog.erasure.selecting import Asked, choose
from tests.catalog.small_corpus import id_of, uri


def test_all_that_a_training_document_reached_is_told(shared_corpus: Path) -> None:
    """Capture, request, text, votes, label, copies, tokens, split, models, the twin that it kept out, and the work."""
    found = plan(choose(Asked(names=(uri("train_en"),))))
    assert {name: count for name, count in found.counts.items() if count} == {
        "captures": 1, "requests in the crawl log": 1, "texts": 1, "votes": 2, "labels": 1, "augmented copies": 1,
        "tokens": 3,
    }  # fmt: skip
    assert found.splits == {"train": 1}
    assert [(model.stage, model.run, model.documents) for model in found.exposed] == [
        ("finetune", "scratch-1", 1), ("pretrain", "mlm", 1),
    ]  # fmt: skip
    assert all(len(model.fingerprint) == 64 for model in found.exposed)
    assert found.twins == ((id_of("copy_en"), uri("copy_en")),)
    assert found.segments > 5 and found.bytes > 0 and found.seconds > 0
    page = found.text()
    assert "may come back: " in page and "trains again: pretrain/mlm" in page and "at most" in page
    assert not TOMBSTONES.exists()


def test_the_twin_of_a_document_that_goes_too_does_not_come_back(shared_corpus: Path) -> None:
    """Both are asked for; models count documents."""
    found = plan(choose(Asked(sources=("reviews",))))
    assert found.twins == ()
    assert {model.run: model.documents for model in found.exposed} == {"mlm": 2, "scratch-1": 1}


def test_an_address_that_nobody_has_seen_reaches_nothing(shared_corpus: Path) -> None:
    """It is only refused from now on; what a website wrote cannot steer a terminal."""
    found = plan(choose(Asked(names=("https://example.org/\x1b[31mnew",))))
    assert not any(found.counts.values()) and found.exposed == ()
    assert "refused when it comes: https://example.org/new" in found.text()


def test_without_a_catalog_there_is_nothing_to_count(project: Path) -> None:
    """An empty project may refuse addresses."""
    found = plan(choose(Asked(names=("https://example.org/new",))))
    assert found.counts == {} and "refused when it comes" in found.text()
