"""Marks: spans that people labelled stand in every copy, word for word, where its label says."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import OperatorError
from stages.augmentation.copies import Copying, PerturbParams, perturb
from stages.augmentation.lexicon import LEXICON
from stages.augmentation.marks import moved_label, spans_of
from stages.augmentation.perturb import PERTURBATIONS, free_places, worded
from stages.augmentation.wording import Original, Wording, split_words
from tests.stages.test_augment import documents, labels

PIECES = [
    "The ", "old ", "mill", " stands", ", ", "in York", "shire", " a ", "good ", "day. ", "Not ", "never", "!\n", "😀",
    " 👨‍👩‍👧 ",
    "我们在北京", "购买了", "电影票", "。", "不好", "王小明", "很高兴！", "  ", "3.5", "don't ", "(NATO) ",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), min_size=8, max_size=30).map("".join)
SYNONYMS = pa.Table.from_pylist(
    [
        {"language": "en", "word": "old", "synonyms": ["ancient"]},
        {"language": "en", "word": "good", "synonyms": ["excellent"]},
        {"language": "zh", "word": "购买", "synonyms": ["采购"]},
        {"language": "zh", "word": "高兴", "synonyms": ["快活"]},
    ],
    schema=LEXICON,
)


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, list[list[Any]]]:
    """A text and any spans of it: nested, crossing, inside words, around emoji."""
    text = draw(TEXTS)
    places = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 12), st.sampled_from(["PER", "LOC"]))
    spans = draw(st.lists(places, max_size=5))
    return text, sorted([start, min(start + size, len(text)), name] for start, size, name in spans)


def said(spans: list[list[Any]]) -> pa.Table:
    """label/labels of one training document."""
    return labels(("p", "train"), task="names").set_column(3, "label", pa.array([json.dumps(spans)]))


@settings(deadline=None, max_examples=150)
@given(marked(), st.sampled_from(["en", "zh"]), st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 99))
def test_every_operator_keeps_every_span(
    given: tuple[str, list[list[Any]]], language: str, alpha: float, seed: int
) -> None:
    """Whatever is changed around them, the spans of a copy read as those of its parent, in the same classes."""
    text, spans = given
    table = documents(("p", text)).set_column(3, "language", pa.array([language]))
    how = PerturbParams(tasks=["names"], operators=[*PERTURBATIONS], copies=2, alpha=alpha, seed=seed)
    copies = perturb(said(spans), table, SYNONYMS, params=Copying(how=how, marked=["names"]))["perturbed"].to_pylist()
    for copy in copies:
        moved = json.loads(copy["label"])
        assert [(copy["text"][start:stop], name) for start, stop, name in moved] == [
            (text[start:stop], name) for start, stop, name in spans
        ]


@settings(deadline=None, max_examples=80)
@given(marked(), st.sampled_from(["en", "zh"]))
def test_words_that_a_span_touches_are_not_free(given: tuple[str, list[list[Any]]], language: str) -> None:
    """The text stays what it is, and a free word is a whole one that shares no character with any span."""
    text, spans = given
    wording = worded(Original(text, language, spans_of(json.dumps(spans), text)))
    if wording is None:
        return
    assert wording.text == text
    free = {wording.bounds()[place] for place in free_places(wording, language)}
    assert free <= set((split_words(text, language) or wording).bounds())
    assert not [span for span in spans for start, stop in free if start < span[1] and span[0] < stop]


def test_spans_are_remapped() -> None:
    """Half a word marks the whole word; what comes in front moves what stands behind it."""
    text = "The old mill stands in Yorkshire 😀 by the river."
    spans = [[4, 7, "AGE"], [23, 27, "LOC"], [33, 34, "FACE"]]
    how = PerturbParams(tasks=["names"], operators=["delete_words"], alpha=0.9)
    made = perturb(said(spans), documents(("p", text)), params=Copying(how=how, marked=["names"]))["perturbed"]
    assert (made["text"][0].as_py(), made["label"][0].as_py()) == (
        "old Yorkshire 😀.", '[[0,3,"AGE"],[4,8,"LOC"],[14,15,"FACE"]]',
    )  # fmt: skip


def test_a_span_that_was_lost_is_an_error() -> None:
    """Labels of other texts, and operators that edit a span, must not pass."""
    with pytest.raises(OperatorError, match="the span 5-9 lies outside its text of 4 characters"):
        spans_of('[[5, 9, "PER"]]', "mill")
    wording = Wording.cut("old mill", [(0, 3), (4, 8)]).keeping(((0, 3),))
    with pytest.raises(OperatorError, match=r"lost its span 0-3 \('old'\)"):
        moved_label('[[0, 3, "AGE"]]', "old mill", wording.with_words({0: "new"}))
