"""Selecting: what each way to name documents means, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.erasure.selecting import Asked, choose, host_named
from catalog.errors import GristmillError, InputError
from tests.catalog.small_corpus import id_of, uri

ALL = {"train_en", "copy_en", "short", "test_zh", "conflict", "broken"}
NEW = "https://example.org/new"


@pytest.mark.parametrize(
    ("asked", "names", "unseen"),
    [
        ({"names": (id_of("short"), uri("test_zh"), NEW)}, {"short", "test_zh"}, (NEW,)),
        ({"names": (uri("unread"),)}, {"unread"}, ()),
        ({"authors": (" =CMD()",)}, ALL, ()),
        ({"sources": ("reviews",)}, ALL, ()),
        ({"patterns": ("/(test|train)_",)}, {"train_en", "test_zh"}, ()),
        ({"text_patterns": ("said John", "电影")}, {"train_en", "copy_en", "test_zh"}, ()),
        ({"domains": ("Example.ORG",)}, {*ALL, "unread"}, ()),
        ({"domains": ("*.example.org",), "names": (NEW,)}, {*ALL, "unread"}, (NEW,)),
    ],
)
def test_a_request_means_documents(
    shared_corpus: Path, asked: dict[str, Any], names: set[str], unseen: tuple[str, ...]
) -> None:
    """By name, author, source, pattern of the address or the text, and domain."""
    chosen = choose(Asked(**asked))
    assert chosen.documents == {id_of(name): uri(name) for name in names}
    assert chosen.unseen == unseen and chosen.names == [*chosen.documents.values(), *unseen]


def test_a_list_of_names(shared_corpus: Path, tmp_path: Path) -> None:
    """One a line; comments and empty lines are none."""
    (tmp_path / "list").write_text(f"\ufeff# asked on Monday\n\n {id_of('short')}\n{NEW}\n{NEW}\n", encoding="utf-8")
    chosen = choose(Asked(files=(tmp_path / "list",)))
    assert (list(chosen.documents), chosen.unseen) == ([id_of("short")], (NEW,))
    with pytest.raises(GristmillError, match="cannot be read as a list"):
        choose(Asked(files=(tmp_path / "none",)))


def test_a_domain_is_not_a_part_of_a_name(shared_corpus: Path) -> None:
    """`ample.org` has no document here, and is refused all the same; the host is told as addresses have it."""
    chosen = choose(Asked(domains=("ample.org",)))
    assert (chosen.documents, chosen.hosts) == ({}, ("ample.org",))
    assert "every address of ample.org" in chosen.notes[0]
    assert [host_named(name) for name in ("Bücher.Example", "127.0.0.1", "[::1]")] == [
        "xn--bcher-kva.example", "127.0.0.1", "::1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"names": ("example.org",)}, "neither a URI nor .* `--domain`"),
        ({"names": ("0" * 32,)}, "no captured document has the id"),
        ({"names": (id_of("child"),)}, f"a copy that augment made; .* {id_of('train_en')}"),
        ({"patterns": ("(",)}, "no regular expression: "),
        ({"text_patterns": ("[",)}, "no regular expression: "),
        ({"domains": ("https://example.org/",)}, "no domain; write it as example.org"),
        ({"sources": ("nobody",)}, "nothing in the corpus matches"),
        ({}, "nothing in the corpus matches"),
    ],
)
def test_what_names_nothing_is_refused(shared_corpus: Path, asked: dict[str, Any], message: str) -> None:
    """With what to say instead."""
    with pytest.raises(GristmillError, match=message):
        choose(Asked(**asked))


def test_without_a_catalog_addresses_and_domains_can_be_refused(project: Path) -> None:
    """What needs to be looked up cannot."""
    chosen = choose(Asked(names=(NEW,), domains=("example.org",)))
    assert (chosen.documents, chosen.unseen, chosen.hosts) == ({}, (NEW,), ("example.org",))
    with pytest.raises(InputError, match="dvc repro"):
        choose(Asked(sources=("reviews",)))
