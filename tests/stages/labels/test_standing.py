"""standing: which answers of people count, and what the stage makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.errors import InputError
from stages.labels.people.standing import Answer, StandingParams, standing
from tests.stages.label_tables import Part, parts
from tests.stages.labels.annotation_tables import ENTITIES, GUIDELINE, PEOPLE, answer, corpus, guideline, log, table
from tests.stages.test_label import label, rows


def documents(**texts: str) -> list[Part]:
    """Segments of `clean/text` for some texts by id."""
    return [
        Part(part.key, part.table.append_column("text", [list(texts.values())]))
        for part in parts([(name, "shop", text) for name, text in texts.items()])
    ]


def stands(texts: list[Part], rows: pa.Table, guideline: str) -> list[Answer]:
    """The answers that stand of those to the task `mood`."""
    params = StandingParams(task="mood", kind="classification", sources=[], guideline=guideline)
    return standing(texts, [], rows, params)


def counted(answers: list[Answer]) -> list[tuple[str, str, Any]]:
    """Document, annotator and value of each answer."""
    return [(answer.document, answer.annotator, answer.value) for answer in answers]


def test_the_last_answer_of_a_person_counts_in_any_order_of_the_log() -> None:
    """Two people on one document, one of whom changed her mind."""
    said = [answer("a", "x", "positive", at=1), answer("a", "x", "negative", at=2), answer("a", "x", "positive", "bob")]
    for order in (said, said[::-1]):
        found = stands(documents(a="x"), table(*order), "")
        assert counted(found) == [("a", "ann", "negative"), ("a", "bob", "positive")]


def test_an_answer_by_the_guideline_of_today_outranks_earlier_ones() -> None:
    """On its document; elsewhere the earlier ones count on, and are known to be of an earlier version."""
    said = [
        answer("a", "x", "positive", at=9, guideline="old"), answer("a", "x", "negative", "bob", guideline="new"),
        answer("b", "y", "positive", guideline="old"),
    ]  # fmt: skip
    found = stands(documents(a="x", b="y"), table(*said), "new")
    assert counted(found) == [("a", "bob", "negative"), ("b", "ann", "positive")]
    assert [answer.current for answer in found] == [True, False]


def test_an_answer_follows_its_text() -> None:
    """To what cleaning made of it, or to the document that has this very text; else it stands no more."""
    said = [
        answer("a", "a  fine film", "positive"), answer("gone", "dull", "negative"), answer("c", "old", "negative"),
        answer("d", "old", None),
    ]  # fmt: skip
    found = stands(documents(a="a fine film", b="dull", c="new", d="new one"), table(*said), "")
    assert counted(found) == [("a", "ann", "positive"), ("b", "ann", "negative")]
    assert [answer.carried_from is not None for answer in found] == [True, False]


def test_people_outrank_the_source_and_a_skip_is_no_vote(project: Path) -> None:
    """Votes, labels and the log as tables of the stage; the same log again computes nothing."""
    version = guideline()
    corpus({"a": "a boring film", "b": "a great film", "c": "a film"})
    log(answer("a", "a boring film", "positive", guideline=version), answer("c", "a film", None, guideline=version))
    task = PEOPLE | {"functions": ["complains_en", "praises_en"]}
    label(task)
    labels = {row["id"]: (row["label"], row["method"], row["votes"]) for row in rows("labels")}
    assert labels == {"a": ("positive", "majority", 1), "b": ("positive", "majority", 1)}
    votes = [row for row in rows("votes") if row["annotator"].startswith("person:")]
    assert votes == [
        {
            "id": "a",
            "task": "mood",
            "annotator": "person:ann",
            "about": None,
            "label": "positive",
            "score": None,
            "carried_from": None,
        }
    ]
    assert [row["status"] for row in rows("annotations")] == ["answered", "skipped"]
    assert label(task) == []


def test_a_second_import_computes_the_votes_of_people_and_what_follows(project: Path) -> None:
    """The functions are not asked again, nor is the first file read again."""
    version = guideline()
    corpus({"a": "a boring film", "b": "a great film"})
    task = PEOPLE | {"functions": ["complains_en"]}
    log(answer("a", "a boring film", "positive", guideline=version))
    label(task)
    log(answer("b", "a great film", "positive", guideline=version))
    ran = label(task)
    assert {"annotations.mood", "people.mood", "resolve"} <= set(ran)
    assert not any("function" in operator for operator in ran)


def test_spans_are_carried_with_their_offsets_or_lost(project: Path) -> None:
    """The vote names the text that the person saw."""
    version = guideline()
    corpus({"a": "Anna went to Rome.", "b": "Bob went away."})
    told = {"task": "entities", "guideline": version}
    log(
        answer("a", "Menu\nAnna went to  Rome.", [[5, 9, "PER"], [19, 23, "LOC"]], **told),
        answer("b", "Bobby went away.", [[0, 5, "PER"]], **told),
    )
    label(ENTITIES)
    (vote,) = rows("votes")
    assert (vote["id"], vote["label"]) == ("a", '[[0,4,"PER"],[13,17,"LOC"]]')
    assert vote["carried_from"] == answer("", "Menu\nAnna went to  Rome.", None)["text_digest"]
    assert [row["label"] for row in rows("labels")] == [vote["label"]]


def test_answers_without_their_guideline_are_an_error(project: Path) -> None:
    """It is named, with what to do."""
    version = guideline()
    corpus({"a": "x"})
    log(answer("a", "x", "positive", guideline=version))
    GUIDELINE.unlink()
    with pytest.raises(InputError, match=r"the task mood, whose guideline is data/guidelines/mood\.md; restore"):
        label(PEOPLE)
