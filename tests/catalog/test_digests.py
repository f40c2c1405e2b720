"""Logical digests: equal rows, equal digest, however Arrow lays them out; different rows, different digest."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.digests import canonical_json, logical_digest

ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.text(max_size=6)),
        st.one_of(st.none(), st.integers(-5, 5)),
        st.one_of(st.none(), st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=3)),
        st.one_of(st.none(), st.booleans()),
        st.one_of(st.none(), st.binary(min_size=2, max_size=2)),
    ),
    max_size=8,
)
TYPES = {"t": pa.string(), "i": pa.int32(), "l": pa.list_(pa.int8()), "b": pa.bool_(), "f": pa.binary(2)}


def rows_table(rows: list[tuple]) -> pa.Table:
    """A table of all kinds of columns."""
    columns = zip(*rows, strict=True) if rows else [()] * len(TYPES)
    return pa.table({name: pa.array(list(c), kind) for (name, kind), c in zip(TYPES.items(), columns, strict=True)})


@given(ROWS, ROWS)
def test_digests_are_equal_exactly_when_rows_are(one: list[tuple], other: list[tuple]) -> None:
    """No two different tables collide, no equal tables differ."""
    assert (logical_digest(rows_table(one)) == logical_digest(rows_table(other))) == (one == other)


@given(ROWS, st.integers(0, 8))
def test_layout_does_not_matter(rows: list[tuple], cut: int) -> None:
    """Chunks, offsets into larger buffers and 64-bit offsets hash as the plain table does."""
    table = rows_table(rows)
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    sliced = pa.concat_tables([rows_table([("x", 1, [1], True, b"ab")]), table]).combine_chunks().slice(1)
    large = table.set_column(0, "t", table["t"].cast(pa.large_string()))
    assert {logical_digest(chunked), logical_digest(sliced), logical_digest(large)} == {logical_digest(table)}


def test_bytes_under_a_null_do_not_matter() -> None:
    """Garbage in a null slot is not content."""
    clean = pa.array([1, None, 3], pa.int32())
    dirty = pa.Array.from_buffers(
        pa.int32(), 3, [clean.buffers()[0], pa.array([1, 77, 3], pa.int32()).buffers()[1]], null_count=1
    )
    assert logical_digest(pa.table({"a": clean})) == logical_digest(pa.table({"a": dirty}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": pa.array(["x", "y"])}, {"a": pa.array(["xy", ""])}),
        ({"a": pa.array([1], pa.int32())}, {"a": pa.array([1], pa.int64())}),
        ({"a": pa.array([1])}, {"b": pa.array([1])}),
        ({"a": pa.array([None], pa.string())}, {"a": pa.array([""])}),
        ({"a": pa.array([[1], [2]])}, {"a": pa.array([[1, 2], []])}),
        ({"a": pa.array([])}, {"a": pa.array([], pa.string())}),
    ],
)
def test_tables_that_look_alike_differ(one: dict, other: dict) -> None:
    """Moved boundaries, other types, names and nulls are other content."""
    assert logical_digest(pa.table(one)) != logical_digest(pa.table(other))


def test_canonical_json_has_one_spelling() -> None:
    """Key order and spacing carry no meaning; not-a-number has no spelling."""
    assert canonical_json({"b": 1, "a": ["é"]}) == '{"a":["é"],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
