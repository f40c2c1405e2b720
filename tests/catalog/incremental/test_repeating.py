"""Repeating: the first row that differs, in words short enough to read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.execution.action import perform
from catalog.incremental.planning import Planner
from catalog.rehearsal.repeating import chosen, differing_row, first_difference, shortened
from catalog.segments import read_segments
from tests.catalog.incremental.test_stage import FAIL, LOSE, MEASURE, LengthParams, crawl

BEFORE = {"id": ["a", "b", "c"], "text": ["x", "y", "z"], "n": [1, 2, 3]}


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"text": ["x", "q", "z"]}, "row 1 (id b), text: was 'y', is 'q'"),
        ({"text": ["x", "y", "q"], "n": [1, 5, 3]}, "row 1 (id b), n: was 2, is 5"),
        ({"text": ["x", None, "z"]}, "row 1 (id b), text: was 'y', is None"),
        ({"id": ["a", "b"], "text": ["x", "y"], "n": [1, 2]}, "had 3 rows, has 2"),
        ({"more": [0, 0, 0]}, "its columns were id, text, n, are id, text, n, more"),
    ],
)
def test_the_first_differing_row_is_told(after: dict[str, list[object]], said: str) -> None:
    """The topmost row, and in it the leftmost column."""
    assert differing_row(pa.table(BEFORE), pa.table(BEFORE | after)) == said


def test_long_values_are_cut_to_where_they_part() -> None:
    """Thirty characters on each side."""
    before, after = "a" * 500 + "x" + "b" * 500, "a" * 500 + "y" + "b" * 500
    assert shortened(before, after) == (f"…{'a' * 30}x{'b' * 29}…", f"…{'a' * 30}y{'b' * 29}…")
    assert shortened("short", "shirt") == ("short", "shirt")


def test_a_sample_follows_from_the_seed() -> None:
    """The same seed the same items, whatever their order; another seed others."""
    items = [str(number) for number in range(100)]
    assert chosen(items, 5, "1", str) == chosen(reversed(items), 5, "1", str)
    assert chosen(items, 5, "1", str) != chosen(items, 5, "2", str)
    assert len(chosen(items[:2], 5, "1", str)) == 2


def test_nan_is_no_difference() -> None:
    """Two columns of the same bits are equal, also where no number is."""
    table = pa.table({"x": [float("nan"), 1.0]})
    assert differing_row(table, table) == "had 2 rows, has 2"


def test_a_repeated_action_that_fails_or_comes_out_different_is_told(project: Path) -> None:
    """Whatever comes instead of the earlier result is told, and nothing is stored."""
    crawl(("a", ["x", "yy"]))
    (plan,) = Planner("clean", MEASURE, LengthParams()).map((read_segments("crawl", "captures"),))
    outputs = perform(plan.task).outputs
    find = {output: Path(f".gristmill/objects/{output.sha256}.{output.md5}") for output in outputs}.get
    before = sorted(Path(".gristmill/objects").iterdir())
    assert first_difference(plan.task, outputs, find) is None
    for task, said in (
        (replace(plan.task, operator=FAIL), "it fails now: ZeroDivisionError: boom"),
        (replace(plan.task, operator=LOSE), "lengths: had 2 rows, has 1"),
        (replace(plan.task, params=LengthParams(extra=3)), "lengths: row 0 (id x), length: was 1, is 4"),
    ):
        assert str(first_difference(task, outputs, find)).endswith(said)
    assert str(first_difference(plan.task, outputs[:1], find)).endswith("verdicts: is written, was not")
    assert sorted(Path(".gristmill/objects").iterdir()) == before
