"""Rounds with people for every kind of task: what a tool is given, and what comes back from it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from catalog.annotations import annotation_files, read_annotations
from catalog.digests import sha256_of
from catalog.parquet import read_parquet, write_parquet
from catalog.segments import read_segments
from stages.labels.people.formats import doccano_lines, spreadsheet, studio_tasks
from stages.labels.people.importing import Imported, Unsaid, take_in
from stages.labels.people.queue import askable, ordered, questions
from stages.labels.tasks import Task, parse_tasks
from tests.stages.labels.annotation_tables import PEOPLE, guideline
from tests.stages.test_label import label, put, rows

TEXT = "😀 Anna moved to Rome, and Rome was kind."
WHERE, WHO = "Where did she move?", "Who moved?"
SPANS = [[2, 6, "PER"], [16, 20, "LOC"]]
LINKED = {"relations": [[0, 1, "in"]], "spans": SPANS}
KINDS: dict[str, dict[str, Any]] = {
    "classification": {"labels": ["no", "yes"]},
    "multilabel": {"labels": ["arts", "news", "sport"]},
    "pairs": {"labels": ["no", "yes"]},
    "spans": {"labels": ["PER", "LOC"]},
    "relations": {"labels": ["PER", "LOC"], "relations": ["in"]},
    "questions": {"labels": []},
    "generation": {"labels": []},
}
SAID: dict[str, Any] = {
    "classification": "yes", "multilabel": ["arts", "sport"], "pairs": "yes", "spans": SPANS, "relations": LINKED,
    "questions": [16, 20], "generation": "She moved.",
}  # fmt: skip


def task_of(kind: str) -> tuple[Task, dict[str, Any]]:
    """A task of one kind, as the commands and as params.yaml have it."""
    entry = PEOPLE | {"kind": kind} | KINDS[kind]
    return parse_tasks([entry])[0], entry


def asked(kind: str) -> list[dict[str, Any]]:
    """All that would be asked about one text that has two second texts."""
    task, _ = task_of(kind)
    texts = read_segments("clean", "text")
    units = ordered("random", task, askable(task, texts, guideline(), 1), {}, 1)
    return questions(units, texts, guideline(), {})


@pytest.fixture
def corpus(project: Path) -> None:
    """Two captures of one text with a question each."""
    corpus_of(WHERE, WHO)


def corpus_of(*seconds: str) -> None:
    """The outputs of crawl, clean and dedup for two captures of one text."""
    found = [
        {"id": name, "source": "shop", "language": "en", "text": TEXT, "text_digest": sha256_of(TEXT),
         "second_text": about, "cluster": sha256_of(TEXT), "representative": "a",
         "drop_reason": None if name == "a" else "exact_duplicate"}
        for name, about in zip("ab", seconds, strict=True)
    ]  # fmt: skip
    put("crawl", {"one": [row | {"drop_reason": None} for row in found]})
    put("clean", {"one": [row | {"drop_reason": None} for row in found]})
    put("dedup", {"one": found})


def take(kind: str, content: str, name: str) -> Imported:
    """Import one file."""
    Path(name).write_text(content, encoding="utf-8", newline="")
    unsaid = Unsaid(annotator="me", guideline="", created_at="2026-02-01T00:00:00.000000Z")
    return take_in(task_of(kind)[0], [Path(name)], unsaid)


def studio(kind: str, question: dict[str, Any]) -> str:
    """Label Studio's export of an answer, made of what it was given as a prediction of this answer."""
    said = SAID[kind] if isinstance(SAID[kind], str) else json.dumps(SAID[kind])
    guess = {"label": said, "confidence": 900, "run": "m"}
    (task,) = json.loads(studio_tasks([question | {"prediction": guess}], kind))
    answer = {"id": 1, "completed_by": 7, "result": task["predictions"][0]["result"], "was_cancelled": False,
              "updated_at": "2026-01-01T10:00:00Z"}  # fmt: skip
    return json.dumps([{"id": 1, "data": task["data"], "annotations": [answer]}])


def doccano(kind: str, question: dict[str, Any]) -> str:
    """doccano's export of an answer."""
    row = json.loads(doccano_lines([question]))
    if kind == "relations":
        spans = [{"id": 10 + at, "start_offset": one[0], "end_offset": one[1], "label": one[2]}
                 for at, one in enumerate(SPANS)]  # fmt: skip
        links = [{"id": 1, "from_id": 10, "to_id": 11, "type": "in"}]
        return json.dumps(row | {"entities": spans, "relations": links})
    said = [[*SAID[kind], "answer"]] if kind == "questions" else SAID[kind]
    return json.dumps(row | {"label": [said] if isinstance(said, str) else said})


def filled(kind: str, question: dict[str, Any]) -> str:
    """A spreadsheet, as a person fills it in."""
    cells = {"multilabel": "sport; arts"}
    (row,) = csv.DictReader(io.StringIO(spreadsheet([question])))
    said = cells.get(kind, SAID[kind])
    row["label"] = said if isinstance(said, str) else json.dumps(said)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, row.keys())
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue()


FORMS = {"a.json": studio, "a.jsonl": doccano, "a.csv": filled}
EMOJI = {("a.jsonl", kind) for kind in ("spans", "relations", "questions")} | {
    ("a.csv", kind) for kind in ("spans", "relations", "questions")
}  # offsets without their words, behind an emoji: nobody knows how they were counted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMS)
def test_an_answer_of_every_kind_comes_back_from_every_tool(corpus: None, kind: str, name: str) -> None:
    """And is a vote and a label of its unit, which is asked about no more; the same file again adds nothing."""
    _, entry = task_of(kind)
    label(entry)
    found = asked(kind)
    assert [one.get("about") for one in found] in ([WHERE, WHO], [WHO, WHERE], [None])
    question = found[0]
    done = take(kind, FORMS[name](kind, question), name)
    if (name, kind) in EMOJI:
        assert [misfit["reason"].split(" came without")[-1][:9] for misfit in done.misfits] == [" its text"]
        return
    assert (len(done.added), done.misfits) == (1, [])
    assert json.loads(done.added[0]["value"]) == SAID[kind]
    assert (len(take(kind, FORMS[name](kind, question), name).added)) == 0
    label(entry)
    (row,) = rows("labels")
    said = SAID[kind] if isinstance(SAID[kind], str) else json.dumps(SAID[kind], separators=(",", ":"))
    assert (row["about"], row["target_text"] if kind == "generation" else row["label"]) == (question.get("about"), said)
    assert asked(kind) == found[1:]


def test_nobody_is_shown_personal_data_of_a_question(project: Path) -> None:
    """Answers to the question as it came, of a queue from before it was redacted, are taken in as answers to it."""
    secret, shown = "Did ann@example.com move?", "Did <EMAIL> move?"
    corpus_of(secret, WHO)
    _, entry = task_of("pairs")
    label(entry)
    (question,) = [one for one in asked("pairs") if one["about"] != WHO]
    assert question["about"] == shown
    done = take("pairs", studio("pairs", question | {"about": secret}), "a.json")
    assert ([one["about"] for one in done.added], done.misfits) == ([shown], [])
    (path,) = annotation_files("mood")
    rewritten = read_parquet(path)
    write_parquet(rewritten.set_column(rewritten.column_names.index("about"), "about", [[secret]]), path)
    label(entry)
    assert [row["about"] for row in rows("votes")] == [shown]


def test_an_answer_stands_while_a_source_has_its_question(corpus: None) -> None:
    """A question that was withdrawn takes its answers along; one that the file made up is set aside."""
    _, entry = task_of("questions")
    label(entry)
    (where,) = [one for one in asked("questions") if one["about"] == WHERE]
    done = take("questions", studio("questions", where), "a.json")
    forged = take("questions", studio("questions", where | {"about": "Why?"}), "b.json")
    assert (len(done.added), [misfit["about"] for misfit in forged.misfits]) == (1, ["Why?"])
    label(entry)
    assert [row["about"] for row in rows("votes")] == [WHERE]
    corpus_of(WHO, "When?")
    label(entry)
    assert (rows("votes"), {one["about"] for one in asked("questions")}) == ([], {WHO, "When?"})


def test_a_log_from_before_there_were_second_texts_is_read_on(corpus: None) -> None:
    """Its files lack the column."""
    _, entry = task_of("classification")
    label(entry)
    take("classification", studio("classification", asked("classification")[0]), "a.json")
    (path,) = annotation_files("mood")
    write_parquet(read_parquet(path).drop_columns("about"), path)
    label(entry)
    assert [row["label"] for row in rows("labels")] == ["yes"]
    assert read_annotations("mood")["about"].to_pylist() == [None]
