"""Duplicates: what is found, what is kept, and that nothing but the set of documents decides."""

from __future__ import annotations

import hashlib
from itertools import permutations
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.errors import InputError
from stages.duplicates.params import ClusterParams
from tests.stages.duplicates.duplicate_strategies import ALL_PAIRS, CHOICES, ROWS, TEXTS
from tests.stages.duplicates.duplicated import BASE, NEAR, OTHER, by_the_book, chain, document, jaccard, run


def test_exact_and_near_duplicates() -> None:
    """Equal texts keep the smallest id, a cluster its longest text, and each says why and how similar."""
    found = run(
        [
            [document("b", BASE), document("c", BASE), document("d", NEAR)],
            [document("e", OTHER), document("a", NEAR)],
        ]
    )
    smallest = min(hashlib.sha256(text.encode()).hexdigest() for text in (BASE, NEAR))
    assert {name: row["drop_reason"] for name, row in found.items()} == {
        "a": None, "b": "near_duplicate", "c": "exact_duplicate", "d": "exact_duplicate", "e": None,
    }  # fmt: skip
    assert {found[name]["cluster"] for name in "abcd"} == {smallest}
    assert {found[name]["representative"] for name in "abcd"} == {"a"}
    assert [found[name]["similarity"] for name in "abcde"] == [None, 941, 941, 1000, None]


def test_dropped_documents_do_not_count() -> None:
    """A document that `clean` dropped neither appears nor represents."""
    found = run([[document("a", NEAR, reason="too_short"), document("b", BASE)]])
    assert list(found) == ["b"] and found["b"]["drop_reason"] is None


def test_a_removed_representative_sets_its_twins_free() -> None:
    """Without the longest text the next one is kept; with it back, all is as before."""
    twins = [document("b", BASE), document("c", BASE)]
    assert run([twins])["b"]["drop_reason"] is None
    assert run([[*twins, document("a", NEAR)]])["b"]["drop_reason"] == "near_duplicate"
    assert run([[*twins, document("a", NEAR, reason="bad")]]) == run([twins])


@settings(deadline=None, max_examples=60)
@given(st.lists(ROWS, max_size=14), CHOICES, st.randoms(use_true_random=False), st.integers(1, 5))
@example(  # a text without letters equals another one, where an address that is missing equals none
    [document("", "", uri=uri) for uri in ("https://a.test/2", "file:1", "file:2")],
    {"levels": ("url", "exact"), "keep": ("length",), "min_representative_similarity": 0.0},
    Random(0),
    1,
)
def test_levels_and_order_equal_the_book(rows, choice, random, parts: int) -> None:  # type: ignore[no-untyped-def]
    """Whatever the levels, the order of keeping and the limit, every verdict is what the slow reading gives, whatever
    the segments."""
    documents = [row | {"id": f"{i:02}"} for i, row in enumerate(rows)]
    random.shuffle(documents)
    found = run([documents[i::parts] for i in range(parts)], **ALL_PAIRS, **choice)
    expected = by_the_book(documents, ClusterParams(**ALL_PAIRS, **choice))
    assert {
        name: (row["cluster"], row["representative"], row["drop_reason"]) for name, row in found.items()
    } == expected
    texts = {row["id"]: row["text"] for row in documents}
    for name, row in found.items():
        near = int(1000 * jaccard(texts[name], texts[row["representative"]]) + 1e-9)
        assert row["similarity"] == (near if row["drop_reason"] else None)
        assert row["copies"] == (None if row["drop_reason"] else 1)


@settings(deadline=None, max_examples=40)
@given(st.lists(TEXTS, max_size=12), st.randoms(use_true_random=False), st.integers(1, 5))
def test_only_the_set_of_documents_decides(texts: list[str], random, parts: int) -> None:  # type: ignore[no-untyped-def]
    """Shuffled rows, other segments, and a document added and removed again leave every verdict as it was."""
    documents = [document(f"{i:02}", text) for i, text in enumerate(texts)]
    expected = run([documents])
    random.shuffle(documents)
    pieces = [documents[i::parts] for i in range(parts)]
    assert run(pieces) == expected
    assert run([*pieces, [document("zz", NEAR, reason="removed")]]) == expected


def test_no_documents() -> None:
    """An empty corpus gives empty verdicts."""
    assert run([[]]) == {}


def test_repeated_id_is_refused() -> None:
    """Two rows with one id cannot both be accounted for."""
    with pytest.raises(InputError, match="the first is a"):
        run([[document("a", BASE)], [document("a", OTHER)]])


def test_one_page_under_two_urls_is_kept_once() -> None:
    """Versions of one page differ in text; the one kept stands for them, and says how like they are."""
    rows = [
        document("a", BASE, uri="https://a.test/page"),
        document("b", OTHER, uri="http://www.a.test/page/#top"),
        document("c", BASE, uri="https://b.test/page"),
    ]
    found = run([rows], levels=("url",))
    assert {name: row["drop_reason"] for name, row in found.items()} == {"a": None, "b": "duplicate_url", "c": None}
    assert (found["b"]["representative"], found["b"]["similarity"]) == ("a", 0)
    assert found["b"]["cluster"] == found["a"]["cluster"], "a split must not part them"
    both = run([rows], levels=("url", "exact"))
    assert (both["c"]["drop_reason"], both["c"]["representative"]) == ("exact_duplicate", "a")


def test_spelling_apart_equal_texts_are_one() -> None:
    """Case, width, white space and punctuation do not count, digits do; near-duplicates need not be looked for."""
    texts = [BASE, BASE.upper() + "!", "price 10", "price 11", "价格：１０元", "价格10元"]
    found = run([[document(str(i), text) for i, text in enumerate(texts)]], levels=("normalised",))
    dropped = {name for name, row in found.items() if row["drop_reason"] == "normalised_duplicate"}
    assert len(dropped) == 2 and dropped & {"0", "1"} and dropped & {"4", "5"}


@pytest.mark.parametrize("least", [0.5, 0.7])
def test_a_chain_is_cut_where_its_ends_have_nothing_in_common(least: float) -> None:
    """With a limit, nothing is dropped for a document unlike it, every kept one is unlike the others that lead, and the
    whole chain stays one cluster."""
    texts = dict(enumerate(chain(30)))
    rows = [document(f"{i:02}", text) for i, text in texts.items()]
    loose = run([rows], bands=112, rows_per_band=1, min_jaccard=0.7)
    assert sum(row["drop_reason"] is None for row in loose.values()) == 1
    assert min(row["similarity"] or 1000 for row in loose.values()) < 100, "this is what the limit is for"
    tight = run([rows], bands=112, rows_per_band=1, min_jaccard=0.7, min_representative_similarity=least)
    assert {row["cluster"] for row in tight.values()} == {loose["00"]["cluster"]}
    assert min(row["similarity"] or 1000 for row in tight.values()) >= 1000 * least
    kept = [int(name) for name, row in tight.items() if row["drop_reason"] is None]
    assert 1 < len(kept) < 30
    assert all(jaccard(texts[one], texts[other]) < least for one in kept for other in kept if one < other)


@pytest.mark.parametrize("keep", list(permutations(("source_priority", "quality", "oldest"))))
def test_the_order_of_keeping_is_the_order_of_its_names(keep: tuple[str, ...]) -> None:
    """Of three copies, each best in one respect, the one is kept that is best in the respect named first."""
    rows = [
        document("source_priority", BASE, source="best", words=1, published_at="2020"),
        document("quality", BASE, words=9, published_at="2020-01-01"),
        document("oldest", BASE, words=1, published_at="1999-01-01"),
    ]
    found = run([rows], keep=keep, source_priority=("best",), quality="words")
    assert [name for name, row in found.items() if row["drop_reason"] is None] == [keep[0]]
    lower = run([rows[1:]], keep=("quality",), quality="-words")
    assert lower["quality"]["drop_reason"] == "exact_duplicate"


@pytest.mark.parametrize(("size", "copies"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 5), (99, 5), (100, 8), (1000, 1)])
def test_rehydration_repeats_by_cluster_size(size: int, copies: int) -> None:
    """The document kept says how often FineWeb 2 would repeat it; the others say nothing."""
    rows = [document(f"{i:04}", BASE if i % 2 else NEAR) for i in range(size)]
    steps = ((1, 1), (2, 2), (3, 3), (5, 5), (100, 8), (1000, 1))
    found = run([rows], rehydrate=steps, max_dropped_fraction=1.0)
    assert sorted(str(row["copies"]) for row in found.values()) == sorted([str(copies), *["None"] * (size - 1)])


def test_estimates_need_no_text() -> None:
    """Verified by signatures, near-duplicates are found, and `similarity` is the share of equal values."""
    rows = [document("a", NEAR), document("b", BASE), document("c", OTHER)]
    found = run([rows], verify="estimate")
    assert [found[name]["drop_reason"] for name in "abc"] == [None, "near_duplicate", None]
    assert abs(found["b"]["similarity"] - 941) < 100 and found["b"]["similarity"] != 941
