"""Duplicates: what is found, what is kept, and that nothing but the set of documents decides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import GristmillError, InputError
from catalog.parquet import conform
from stages.dedup import CLUSTER
from stages.duplicates.clustering import ClusterParams, cluster
from stages.text.clusters import WINDOW, connect, rank_order, shingle_sets
from stages.text.lsh import catch_probability, in_shared_bucket, near_any
from stages.text.minhash import signatures
from stages.text.shingles import shingle_hashes
from stages.text.signing import SignParams, sign

BASE = "the old mill stands by the river and grinds the corn of the whole valley every autumn until the snow"
NEAR = BASE + " again"
OTHER = "a completely different sentence about trains that leave the station at seven and arrive at nine"


@dataclass(frozen=True)
class Part:
    """A segment in memory."""

    key: str
    table: pa.Table

    def read(self, columns: list[str] | None = None) -> pa.Table:
        return self.table if columns is None else self.table.select(columns)


def document(name: str, text: str, source: str = "s", reason: str | None = None) -> dict[str, str | None]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"id": name, "source": source, "text": text, "text_digest": digest, "drop_reason": reason}


def run(parts: Sequence[Sequence[dict[str, str | None]]], **changed: float) -> dict[str, dict[str, object]]:
    """Verdict of each document by id, after signing and clustering the parts."""
    schema = pa.schema([(name, pa.string()) for name in ("id", "source", "text", "text_digest", "drop_reason")])
    tables = [pa.Table.from_pylist(list(part), schema=schema) for part in parts]
    texts = [Part(str(i), table) for i, table in enumerate(tables)]
    signed = [Part(part.key, sign(part.table, SignParams())["signatures"]) for part in texts]
    found = list(cluster(signed, texts, texts, ClusterParams(**changed)))  # type: ignore[arg-type]
    assert [key for _, key, _ in found] == [part.key for part in texts]
    rows = [conform(table, CLUSTER.writes["verdicts"], "verdicts") for _, _, table in found]
    return {row["id"]: row for table in rows for row in table.to_pylist()}


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


TEXTS = st.sampled_from(
    [BASE, NEAR, NEAR + " soon", "however " + BASE, OTHER, OTHER + "!", "", "short", "短评很好", "!!!", "???"]
)


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


def test_losing_most_of_a_source_is_refused() -> None:
    """Boilerplate that makes a whole source one cluster stops the run, naming source and figure."""
    rows = [document(f"{i:03}", BASE, source="shop") for i in range(120)]
    with pytest.raises(GristmillError, match=r"119 of the 120 documents of the source `shop` \(99.2%\)"):
        run([rows])
    assert sum(row["drop_reason"] is None for row in run([rows], max_dropped_fraction=1.0).values()) == 1
    assert sum(row["drop_reason"] is None for row in run([rows[:99]]).values()) == 1, "a small source is not guarded"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bands": 20}, "bands \\* rows is 20 \\* 8 = 160, must be <= num_perm = 112"),
        ({"rows_per_band": 0}, "must each be >= 1"),
        ({"min_jaccard": 0.0}, "min_jaccard is 0.0"),
        ({"max_dropped_fraction": 1.5}, "max_dropped_fraction is 1.5"),
    ],
)
def test_impossible_parameters(changed: dict[str, float], message: str) -> None:
    """Every impossible value is named with its bound."""
    with pytest.raises(ValueError, match=message):
        ClusterParams(**changed)  # type: ignore[arg-type]


def signed(texts: list[str]) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    offsets, hashes = shingle_hashes(pa.array(texts, pa.large_string()), words=5, characters=5)
    return signatures(offsets, hashes, num_perm=112, seed=1), shingle_sets(offsets, hashes)


def variants(count: int) -> list[str]:
    """Texts that differ in one word at another place each: pairs have a Jaccard similarity of about 0.7."""
    words = [f"w{i}" for i in range(60)]
    return [" ".join([*words[:i], f"x{i}", *words[i + 1 :]]) for i in range(count)]


@pytest.mark.parametrize(("texts", "least"), [(variants(12), 0.6), ([BASE, NEAR, OTHER, OTHER + " x", "!!!"], 0.8)])
def test_components_equal_brute_force(texts: list[str], least: float) -> None:
    """With bands of one row, small buckets give the components of the graph of all pairs."""
    matrix, sets = signed(texts)
    offsets, hashes = sets
    members = [set(hashes[a:b].tolist()) for a, b in pairwise(offsets)]
    expected = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if len(members[i] & members[j]) >= least * len(members[i] | members[j]):
                old, new = sorted((expected[i], expected[j]), reverse=True)
                expected = [new if root == old else root for root in expected]
    assert connect(matrix, sets, bands=112, rows=1, min_jaccard=least).tolist() == expected


def test_a_giant_bucket_costs_a_linear_number_of_comparisons() -> None:
    """A bucket of 30,000 texts, alike in one band and unlike in truth, ends in seconds, not hours."""
    count = 30_000
    matrix = np.ones((count, 1), np.uint32)
    sets = np.arange(count + 1), np.arange(count, dtype=np.uint32)
    assert WINDOW < 100
    assert (connect(matrix, sets, bands=1, rows=1, min_jaccard=0.8) == np.arange(count)).all()


def test_texts_alone_in_their_buckets_are_not_read() -> None:
    """Only texts that share a bucket need their shingles."""
    matrix, _ = signed([BASE, NEAR, OTHER])
    assert in_shared_bucket(matrix, 14, 8).tolist() == [True, True, False]


def test_near_any_finds_the_near_ones() -> None:
    """A query is near when an estimate reaches the threshold, and no base text means nothing is near."""
    matrix, _ = signed([BASE, NEAR, OTHER])
    assert near_any(matrix[1:], matrix[:1], bands=14, rows=8, min_jaccard=0.8).tolist() == [True, False]
    assert not near_any(matrix, matrix[:0], bands=14, rows=8, min_jaccard=0.8).any()


@pytest.mark.parametrize(("similarity", "expected"), [(0.5, 0.053), (0.7, 0.565), (0.8, 0.924), (0.9, 1.0)])
def test_s_curve_of_the_defaults(similarity: float, expected: float) -> None:
    """14 bands of 8 rows catch what FineWeb says they catch."""
    assert catch_probability(similarity, 14, 8) == pytest.approx(expected, abs=0.001)


def test_rank_is_length_then_digest() -> None:
    """The longest text leads; equal lengths are ordered by digest."""
    assert rank_order(np.array([3, 9, 3]), np.array([b"c", b"b", b"a"])).tolist() == [1, 2, 0]
