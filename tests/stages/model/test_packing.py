"""Packing: every document once, rows nearly full, nothing cut in silence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.model.training.packing import best_fit_rows


@given(st.lists(st.integers(1, 64), max_size=300), st.just(64))
@settings(max_examples=60, deadline=None)
def test_every_document_is_in_exactly_one_row_that_holds_it(lengths: list[int], capacity: int) -> None:
    """No document is lost, repeated or cut, whatever the lengths."""
    rows = best_fit_rows(np.array(lengths, dtype=np.int64), capacity)
    assert sorted(item for row in rows for item in row) == list(range(len(lengths)))
    assert all(sum(lengths[item] for item in row) <= capacity for row in rows)


def test_rows_of_random_lengths_are_99_percent_full() -> None:
    """Short documents of a log-normal length fill rows of 128 tokens to 99 % and more."""
    lengths = np.clip(np.random.default_rng(1).lognormal(3.6, 0.8, 20_000), 3, 128).astype(np.int64)
    assert lengths.sum() / (128 * len(best_fit_rows(lengths, 128))) >= 0.99


@pytest.mark.parametrize("lengths", [[0, 3], [129]])
def test_a_document_that_does_not_fit_is_refused(lengths: list[int]) -> None:
    """An empty or too long document raises instead of vanishing."""
    with pytest.raises(ValueError, match=r"must be 1\.\.128"):
        best_fit_rows(np.array(lengths, dtype=np.int64), 128)
