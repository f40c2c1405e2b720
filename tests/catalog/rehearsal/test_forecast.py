"""Forecast: what an open output reaches, and what it does not."""

from __future__ import annotations

from typing import Any

from catalog.incremental.journal import Rate
from catalog.rehearsal.forecast import Open, size_of
from catalog.rehearsal.rehearsal import Look

A, B = "a" * 32, "b" * 32


def look(operator: str, action: str, inputs: dict[str, Any], *outputs: tuple[str, str], reason: str = "") -> Look:
    """An action of ten documents; the logical digest of an output is `table:key`, but for empty tables."""
    made = [(table, key, 10, "empty" if table == "quarantine" else f"{table}:{key}") for table, key in outputs]
    return Look(
        operator=operator, action=action, fingerprint=f"{operator} {action}", rows=10, reason=reason, inputs=inputs,
        outputs=made, writes=list(dict.fromkeys(table for table, _ in outputs)) or ["captures"],
    )  # fmt: skip


def crawl(*, stale: str = "", new: bool = False) -> list[Look]:
    """Two files, one of which may have changed, and perhaps a new one."""
    files = [
        look("crawl.files", key, {"files": key}, ("captures", key), ("quarantine", key), reason="x" * (key == stale))
        for key in (A, B)
    ]
    return files + ([look("crawl.files", "c", {"files": "c"}, reason="new")] if new else [])


def extract() -> list[Look]:
    """A map over both captures."""
    return [look("clean.extract", key, {"crawl/captures": f"captures:{key}"}, ("text", key)) for key in (A, B)]


def names(looks: list[Look]) -> list[str]:
    """The actions by name."""
    return [look.action for look in looks]


def test_an_open_output_reaches_the_map_of_its_key_and_every_reduce() -> None:
    """And from there whatever reads them."""
    seen = Open()
    assert names(seen.outlook("crawl", crawl(stale=A)).certain) == [A]
    cluster = look("clean.cluster", "cluster", {"clean/text": [f"{A}:text:{A}", f"{B}:text:{B}"]}, ("verdicts", A))
    assert names(seen.outlook("clean", [*extract(), cluster]).possible) == [A, "cluster"]
    manifests = [look("catalog.m", stage, {f"{stage}/manifest.parquet": "1"}) for stage in ("clean", "label")]
    assert names(seen.outlook("catalog", manifests).possible) == ["clean"]


def test_equal_digests_of_other_keys_are_not_reached() -> None:
    """All empty tables have one digest; only the one of the same key is open."""
    seen = Open()
    seen.outlook("crawl", crawl(stale=A))
    copies = [look("catalog.copy", key, {"crawl/quarantine": "empty"}, ("copy", key)) for key in (A, B)]
    assert names(seen.outlook("catalog", copies).possible) == [A]


def test_one_segment_that_all_actions_of_a_map_share_reaches_all() -> None:
    """As a tokenizer does; its key is none of theirs."""
    seen = Open()
    vocabulary = look("tokenize.train", "train", {"clean/text": []}, ("vocabulary", "all"), reason="x")
    encode = [look("tokenize.encode", key, {"tokenize/vocabulary": "vocabulary:all"}, ("t", key)) for key in (A, B)]
    assert names(seen.outlook("tokenize", [vocabulary, *encode]).possible) == [A, B]


def test_a_new_segment_adds_an_action_to_every_map_below_and_reaches_reduces() -> None:
    """Its documents are not known yet."""
    seen = Open()
    assert len(seen.outlook("crawl", crawl(new=True)).certain) == 1
    outlook = seen.outlook("clean", extract())
    assert (outlook.possible, outlook.new) == ([], 1)
    cluster = look("dedup.cluster", "cluster", {"clean/text": [f"{A}:text:{A}"]}, ("verdicts", A))
    assert names(seen.outlook("dedup", [cluster]).possible) == ["cluster"]


def test_sizes_count_each_segment_and_document_once() -> None:
    """Three operators on one segment are one segment of ten documents, and three times the work."""
    looks = [look(f"clean.{name}", A, {"x": "1"}, (name, A)) for name in ("extract", "measure", "judge")]
    size = size_of(looks, {"clean.extract": Rate(0.5, 9.0), "clean.judge": Rate(0.1, 9.0)})
    assert (size.segments, size.documents) == (1, 10)
    assert abs(size.seconds - 6.0) < 1e-9


def test_a_new_action_costs_by_what_it_reads() -> None:
    """Training makes one model of all its documents: 88 seconds, not 88 seconds a document."""
    assert (
        size_of([look("pretrain.pretrain", "all", {"x": "1"})], {"pretrain.pretrain": Rate(88.0, 8.8)}).seconds == 88.0
    )
