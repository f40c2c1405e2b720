"""Splits that sources bring along."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.labels.given_splits import GIVEN, given_splits
from stages.labels.splits import SPLITS, SplitParams, split_of
from tests.stages.label_tables import digest, parts

DOCUMENTS = [
    ("a", "exam", "one"), ("b", "web", "one"), ("c", "web", "two"), ("d", "drill", "three"), ("e", "exam", "three"),
]  # fmt: skip
HOW = {"seed": 1, "validation": 0.1, "test": 0.2}


def splits(documents: list[tuple[str, str, str]], given: dict[str, object], size: int = 1000) -> dict[str, str]:
    """Cluster -> split, as the operator lists them."""
    segments = parts(documents, size)
    ((table, key, rows),) = given_splits(segments, segments, params=SplitParams(**HOW, given=given))  # type: ignore[arg-type]
    assert (table, key, rows.schema) == ("given_splits", "all", GIVEN)
    assert rows["cluster"].to_pylist() == sorted(rows["cluster"].to_pylist())
    return dict(zip(rows["cluster"].to_pylist(), rows["split"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"exam": "test"}, {"one": "test", "three": "test"}),
        ({"drill": "train"}, {"three": "train"}),
        ({"drill": "train", "exam": "test"}, {"one": "test", "three": "test"}),
        ({"drill": "train", "exam": "validation"}, {"one": "validation", "three": "validation"}),
        ({"web": "validation", "exam": "test"}, {"one": "test", "two": "validation", "three": "test"}),
        ({"nobody": "test"}, {}),
    ],
)
def test_a_source_decides_for_every_cluster_it_has_a_document_in(
    given: dict[str, object], expected: dict[str, str]
) -> None:
    """Dropped copies count too: what nearly repeats a test document is never trained on."""
    assert splits(DOCUMENTS, given) == {digest(text): split for text, split in expected.items()}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["exam", "drill", "web"]), st.integers(0, 30).map(str)), max_size=40),
    st.sampled_from([{"test": 0.5}, {"validation": 0.3}, {"test": 0.3, "validation": 0.3}]),
    st.integers(1, 7),
)
def test_fractions_of_a_source_are_those_of_all_under_other_numbers(
    drawn: list[tuple[str, str]], fractions: dict[str, float], size: int
) -> None:
    """However segments are cut, a source with fractions of its own is divided by the same hash."""
    documents = [(f"{place:02}", source, text) for place, (source, text) in enumerate(drawn)]
    mine = sorted({digest(text) for source, text in drawn if source == "drill"})
    how = SplitParams(**{"seed": 1, "validation": 0.0, "test": 0.0} | fractions)  # type: ignore[arg-type]
    hashed = {cluster: split_of(pa.array([cluster]), how)[0].as_py() for cluster in mine}
    found = splits(documents, {"drill": fractions}, size)
    assert found == hashed
    assert set(found.values()) <= set(SPLITS)
