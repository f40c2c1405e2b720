"""Request: tombstones, and a ledger by which an audit finds the content without holding a word of it."""

from __future__ import annotations

from pathlib import Path

from catalog.digests import document_id
from catalog.erasure.forget import host_id, read_tombstones
from catalog.erasure.ledger import LEDGER, Ledger
from catalog.erasure.plan import plan
from catalog.erasure.requests import carry_out
from catalog.erasure.selecting import Asked, choose
from catalog.erasure.shingles import Finder
from catalog.sql.database import ensure_database
from tests.catalog.small_corpus import TEXTS, id_of, uri


def found_in(content: str, ids: list[str]) -> set[tuple[str, str]]:
    """(document, kind) of what a ledger finds in a text."""
    with Ledger() as ledger:
        known = ledger.known(ids)
        hits = Finder(ledger.key, {digest: rolling for digest, (rolling, _) in known.items()}).find([content.encode()])
    return {pair for digest in hits for pair in known[digest][1]}


def test_the_ledger_finds_what_was_forgotten_and_says_no_word_of_it(corpus: Path) -> None:
    """By id, by the ids of copies, by address and by content; a text too short for a shingle by the others alone."""
    carry_out(plan(choose(Asked(names=(uri("train_en"), uri("short"), "https://example.org/never-seen-so-far")))), "x")
    ids = [stone.id for stone in read_tombstones()]
    assert set(ids) == {id_of("short"), id_of("train_en"), document_id("https://example.org/never-seen-so-far")}
    train = id_of("train_en")
    assert found_in(f'"{TEXTS["train_en"].upper()}"', ids) == {(train, "content")}
    assert found_in(uri("train_en"), ids) == {(train, "address")}
    assert found_in(f"x {train} y", ids) == found_in(id_of("child"), ids) == {(train, "id")}
    assert found_in(TEXTS["test_zh"] * 9 + TEXTS["conflict"], ids) == set()
    held = LEDGER.read_bytes().lower()
    for word in ("fine film", "john", "example.org", "train_en"):
        assert word.encode() not in held


def test_what_is_dropped_from_the_ledger_leaves_no_trace(corpus: Path) -> None:
    """Models are told per document; an empty ledger is no file."""
    carry_out(plan(choose(Asked(names=(uri("train_en"), uri("conflict"))))), "x")
    with Ledger() as ledger:
        models = {(one.run, one.documents) for one in ledger.exposed([id_of("train_en"), id_of("conflict")])}
        assert models == {("mlm", 2), ("scratch-1", 1)}
        ledger.drop([id_of("train_en")])
        assert [one.run for one in ledger.exposed([id_of("conflict")])] == ["mlm"]
        assert ledger.exposed([id_of("train_en")]) == []
    assert found_in(uri("train_en"), [id_of("train_en")]) == set()
    with Ledger() as ledger:
        ledger.drop([id_of("conflict")])
    assert not LEDGER.exists()


def test_addresses_of_a_host_are_found_though_they_were_no_documents(corpus: Path) -> None:
    """The crawl log has a page that failed: its address is known by the host, that of a document by its own id."""
    carry_out(plan(choose(Asked(domains=("example.org",)))), "opted out")
    stones = read_tombstones()
    ids = [stone.id for stone in stones]
    assert [stone.host for stone in stones].count(True) == 1
    assert found_in(uri("gone"), ids) == {(host_id("example.org"), "address")}
    assert (id_of("conflict"), "address") in found_in(uri("conflict"), ids)


def test_a_damaged_project_can_still_forget(corpus: Path) -> None:
    """What cannot be read is taken down, so that an audit says what it did not look for."""
    ensure_database()
    damaged = [*Path("data/clean/text").iterdir(), *Path("data/catalog/documents").iterdir()]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:-1])
    carry_out(plan(choose(Asked(names=(uri("train_en"),)))), "x")
    assert [stone.id for stone in read_tombstones()] == [id_of("train_en")]
    with Ledger() as ledger:
        assert ledger.unread()
    for path in (Path("data/catalog.duckdb"), Path("data/catalog/manifest.parquet")):
        path.write_bytes(b"broken")
    chosen = choose(Asked(names=(uri("test_zh"),)))
    assert chosen.unseen == (uri("test_zh"),) and "by id and address alone" in chosen.notes[0]
    carry_out(plan(chosen), "x")
    assert len(read_tombstones()) == 2
