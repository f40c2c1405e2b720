"""Sets: classes that may stand together, each decided by itself, beside a count by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.labels.test_resolve import labels_of

CLASSES = ["arts", "news", "sport"]
SETS = st.lists(st.lists(st.sampled_from(CLASSES), unique=True).map(sorted), min_size=1, max_size=6)


def outcome(sets: list[list[str]], kind: str = "rater", **changes: object) -> tuple[str | None, int, str | None]:
    """Label, confidence and reason of one text on which each of some people named a set."""
    names = [f"rater-{place + 1:02d}" if kind == "rater" else "given:shop" for place in range(len(sets))]
    votes = [("a", name, json.dumps(one, separators=(",", ":"))) for name, one in zip(names, sets, strict=True)]
    (row,) = labels_of([("a", "shop", "text")], votes, kind="multilabel", labels=CLASSES, **changes)
    return row["label"], row["confidence"], row["drop_reason"]


@settings(deadline=None, max_examples=80)
@given(SETS)
def test_each_class_is_decided_by_the_majority(sets: list[list[str]]) -> None:
    """A class applies where more than half name it; half and half is no consensus."""
    named = {name: sum(name in one for one in sets) for name in CLASSES}
    tied = any(2 * count == len(sets) for count in named.values())
    won = [name for name in CLASSES if 2 * named[name] > len(sets)]
    label, confidence, reason = outcome(sets)
    assert (label is None, reason) == ((True, "no_consensus") if tied else (False, None))
    assert label is None or json.loads(label) == won
    least = min(max(count, len(sets) - count) for count in named.values())
    assert confidence == int(least * 1000 / len(sets) + 0.5)


@pytest.mark.parametrize(
    ("sets", "changes", "expected"),
    [
        ([["arts"], ["arts"]], {}, ('["arts"]', 1000, None)),
        ([["arts"], ["arts", "news"]], {}, (None, 500, "label_conflict")),
        ([["arts"], ["arts"], ["news"]], {"given_conflict": "majority"}, ('["arts"]', 667, None)),
        ([["arts"], ["arts"], ["news"]], {"given_conflict": "majority", "min_confidence": 700},
         (None, 667, "low_confidence")),
    ],
)  # fmt: skip
def test_given_sets_that_differ_are_a_conflict(
    sets: list[list[str]], changes: dict[str, object], expected: tuple[object, ...]
) -> None:
    """As given classes are, unless the majority decides."""
    assert outcome(sets, "given", **changes) == expected
