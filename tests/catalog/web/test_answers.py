"""Values as SQL writes them, and relations that are kept, against DuckDB itself."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import GristmillError
from catalog.web import relations
from catalog.web.answers import Asking, Catalog, filled, literal

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))),
)  # fmt: skip


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_a_literal_is_the_value(values: list[object]) -> None:
    """Whatever a text holds, it stays a value: quotes, backslashes, comments, `$name` and `@name` of others."""
    names = {f"v{place}": value for place, value in enumerate(values)}
    sql = filled("SELECT " + ", ".join(f"${name} AS {name}" for name in names), names)
    (row,) = duckdb.sql(sql).fetchall()
    for got, value in zip(row, values, strict=True):
        assert (pytest.approx(float(got)) if isinstance(value, float) else got) == value


def test_a_text_ends_at_no_nul_and_a_list_is_one() -> None:
    """What DuckDB would cut, or read as something else."""
    assert literal("a\0b'c") == "'ab''c'"
    assert duckdb.sql(f"SELECT {literal([1, 2])}").fetchall() == [([1, 2],)]


def test_what_is_kept_is_shown_as_what_it_is_made_from(shared_corpus: Path) -> None:
    """Relations that read each other come in their order; a statement with a WITH of its own goes on from it."""
    ask = Asking(Catalog())
    ask.keep("found", "SELECT * FROM @facets WHERE source = $source", source="reviews @facets' $x")
    answer = ask("WITH page AS (FROM @found) SELECT count(*) AS n FROM page")
    assert answer.rows == [{"n": 0}] and "@found" not in answer.sql
    names = [answer.sql.index(name) for name in ("WITH facets AS", "found AS", "page AS")]
    assert names == sorted(names) and answer.sql.count("WITH") == 1
    assert "'reviews @facets'' $x'" in answer.sql
    ask.close()


def test_a_statement_that_takes_too_long_is_stopped(shared_corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next one is answered."""
    monkeypatch.setattr(relations, "SECONDS", 0.5)
    ask = Asking(Catalog())
    with pytest.raises(GristmillError, match="took longer"):
        ask("SELECT sum(a.range * b.range % 7) FROM range(1000000) a, range(1000000) b")
    assert ask("SELECT 1 AS one").rows == [{"one": 1}]
    ask.close()
