"""carry: an answer moves with its words or not at all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.labels.carry import carried, moved_spans

UNIQUE = st.lists(
    st.text("abcdefgh", min_size=2, max_size=6) | st.sampled_from("你好世界😀👩"), min_size=3, unique=True
)
TEXT = st.text("ab 你好。😀\n", max_size=60)


def edited(text: str, choose: random.Random, edits: int) -> str:
    """The text after some insertions, deletions and replacements of a few characters anywhere."""
    for _ in range(edits):
        at, size = choose.randint(0, len(text)), choose.randint(0, 4)
        text = text[:at] + "".join(choose.choices("ab 你。😀\n", k=choose.randint(0, 4))) + text[at + size :]
    return text


@settings(deadline=None, max_examples=60)
@given(TEXT, st.integers(0, 8), st.randoms(use_true_random=False), st.data())
def test_a_carried_span_has_the_text_it_had(text: str, edits: int, choose: random.Random, data: st.DataObject) -> None:
    """Whatever the edits and the spans; order is kept too."""
    ends = data.draw(st.lists(st.tuples(*[st.integers(0, len(text))] * 2).map(sorted), max_size=4))
    spans = sorted((start, stop, "X") for start, stop in ends if start < stop)
    new = edited(text, choose, edits)
    moved = moved_spans(spans, text, new)
    if moved is not None:
        assert [new[start:stop] for start, stop, _ in moved] == [text[start:stop] for start, stop, _ in spans]
        assert moved == sorted(moved)


@settings(deadline=None, max_examples=60)
@given(UNIQUE, st.data())
def test_edits_between_spans_carry_them_to_their_true_place(words: list[str], data: st.DataObject) -> None:
    """Words that stand once: others may go, and new ones come, around those that are labelled."""
    labelled = data.draw(st.sets(st.integers(0, len(words) - 1), min_size=1))
    old, new, spans, wanted = "", "", [], []
    for place, word in enumerate(words):
        if place in labelled:
            spans.append((len(old), len(old) + len(word), "X"))
            wanted.append([len(new), len(new) + len(word), "X"])
        old += word + " "
        kept = place in labelled or data.draw(st.booleans())
        new += (word + " " if kept else "") + (f"Z{place} " if data.draw(st.booleans()) else "")
    assert moved_spans(spans, old, new) == wanted


@pytest.mark.parametrize(
    ("old", "new", "span", "moved"),
    [
        ("We met Anna in York.", "We met Anna  in York.", (15, 19), (16, 20)),
        ("Cookies? OK.\nWe met Anna in York.", "We met Anna in York.", (28, 32), (15, 19)),
        ("We met Anna in York.", "We met Anna in Yorkshire.", (15, 19), None),
        ("We met Anna in York.", "We met Anne in York.", (7, 11), None),
        ("😀 Anna", "Anna", (2, 6), (0, 4)),
        ("她在北京工作。", "她在北京市工作。", (2, 4), (2, 4)),
        ("她在北京工作。", "她在南京工作。", (2, 4), None),
    ],
)
def test_spans_by_example(old: str, new: str, span: tuple[int, int], moved: tuple[int, int] | None) -> None:
    """A word that grew or changed is another word."""
    assert carried("spans", [[*span, "X"]], old, new) == (None if moved is None else [[*moved, "X"]])
    assert carried("questions", [*span], old, new) == (None if moved is None else [*moved])
    linked = {"spans": [[*span, "X"]], "relations": [[0, 0, "is"]]}
    assert carried("relations", linked, old, new) == (moved and linked | {"spans": [[*moved, "X"]]})


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("A fine\n film", " A fine film ", True),
        ("ﬁne", "fine", True),  # a ligature
        ("fine :)", "fine :(", False),
        ("a US film", "a us film", False),
    ],
)
def test_a_class_is_carried_where_only_form_and_white_space_changed(old: str, new: str, same: bool) -> None:
    """The same goes for a target text, and for an answer that there is no span."""
    for kind, value in (("classification", "good"), ("spans", []), ("multilabel", ["good"]), ("questions", [])):
        assert carried(kind, value, old, new) == (value if same else None)
