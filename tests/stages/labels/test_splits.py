"""Splits: a pure function of seed and cluster."""

from hashlib import sha256

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import ParameterError
from stages.labels.splits import SplitParams, assign, split_of, split_params
from tests.stages.label_tables import UNDECIDED

CLUSTERS = [sha256(str(number).encode()).hexdigest() for number in range(5000)]
FIXED = ["train", "train", "train", "train", "test", "train"]
FRACTIONS = {"seed": 1, "validation": 0.1, "test": 0.1}
PARAMS = SplitParams(seed=1, validation=0.1, test=0.2)


def test_splits_are_fixed() -> None:
    """These splits were written down once; a change of the rule would move documents between splits."""
    first = split_of(pa.array(["aa", "bb", "cc", "dd", "ee", "ff"]), PARAMS).to_pylist()
    assert first == FIXED


@settings(deadline=None)
@given(st.lists(st.sampled_from(CLUSTERS[:20]), max_size=30))
def test_a_cluster_has_one_split_wherever_it_stands(clusters: list[str]) -> None:
    """Near-duplicate twins share a split, in any order, batch and chunking."""
    alone = {cluster: split_of(pa.array([cluster]), PARAMS)[0].as_py() for cluster in clusters}
    chunked = pa.chunked_array([clusters[:3], clusters[3:]], pa.string())
    assert split_of(chunked, PARAMS).to_pylist() == [alone[cluster] for cluster in clusters]


def test_shares_are_near_the_fractions() -> None:
    """Of 5,000 clusters, about 10 % are validation and 20 % test (four standard errors)."""
    splits = split_of(pa.array(CLUSTERS), PARAMS).to_pylist()
    assert abs(splits.count("validation") / 5000 - 0.1) < 0.017
    assert abs(splits.count("test") / 5000 - 0.2) < 0.023


def test_more_validation_moves_nothing_out_of_test() -> None:
    """Raising `validation` takes from train only."""
    wider = SplitParams(seed=1, validation=0.3, test=0.2)
    for before, after in zip(split_of(pa.array(CLUSTERS), PARAMS), split_of(pa.array(CLUSTERS), wider), strict=True):
        assert (before.as_py() == "test") == (after.as_py() == "test")
        assert before.as_py() != "validation" or after.as_py() == "validation"


def test_another_seed_gives_other_splits() -> None:
    """The seed decides."""
    other = SplitParams(seed=2, validation=0.1, test=0.2)
    assert split_of(pa.array(CLUSTERS), other) != split_of(pa.array(CLUSTERS), PARAMS)


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_fractions_at_the_edge(fraction: float) -> None:
    """No fraction means no document in that split."""
    splits = split_of(pa.array(CLUSTERS), SplitParams(seed=1, validation=fraction, test=0.0)).to_pylist()
    assert "test" not in splits
    assert ("validation" in splits) == (fraction > 0)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"seed": 1, "validation": 0.5, "test": 0.5}, "sum to 1 or more"),
        ({"seed": 1, "validation": -0.1, "test": 0.5}, "validation is -0.1"),
        ({"seed": 1, "validation": 0.1}, "`test` is missing"),
        (
            {"seed": 1, "validation": 0.1, "test": 0.1, "given": {"press": "tests"}},
            "given.press is 'tests', must be train",
        ),
        (
            {"seed": 1, "validation": 0.1, "test": 0.1, "given": {"press": {"tests": 0.1}}},
            "must be a split or fractions",
        ),
        (
            {"seed": 1, "validation": 0.1, "test": 0.1, "given": {"press": {"test": 0.6, "validation": 0.4}}},
            "less than 1",
        ),
        ({"seed": 1, "validation": 0.1, "tests": 0.1, "test": 0.1}, "did you mean `test`"),
    ],
)
def test_impossible_fractions_are_refused(block: dict[str, object], says: str) -> None:
    """A wrong block names the parameter and its value."""
    with pytest.raises(ParameterError, match=says):
        split_params(block)


def test_every_kept_document_gets_a_split_and_no_other() -> None:
    """Documents that dedup dropped have no row."""
    clusters = pa.table({"id": ["1", "2"], "cluster": ["aa", "aa"], "drop_reason": pa.array([None, "near_duplicate"])})
    assert assign(clusters, UNDECIDED.table, params=PARAMS)["splits"].to_pylist() == [
        {"id": "1", "cluster": "aa", "split": FIXED[0]}
    ]


def test_a_source_decides_for_its_clusters_and_no_other() -> None:
    """What `given` lists follows it, wherever its cluster stands; everything else is as it was."""
    given = pa.table({"cluster": CLUSTERS[:2], "split": ["test", "validation"]})
    asked = pa.chunked_array([[CLUSTERS[0], CLUSTERS[7]], [CLUSTERS[1], CLUSTERS[0]]])
    hashed = split_of(pa.array([CLUSTERS[7]]), PARAMS)[0].as_py()
    assert split_of(asked, PARAMS, given).to_pylist() == ["test", hashed, "validation", "test"]


def test_a_document_without_a_cluster_is_an_error() -> None:
    """A null cluster is refused rather than put anywhere."""
    with pytest.raises(ValueError, match="1 documents have no cluster"):
        split_of(pa.array(["aa", None]), PARAMS)
