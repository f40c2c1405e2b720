"""Rounds with people: what is asked, in which order, and what is taken in of what comes back."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.annotations import read_annotations
from catalog.digests import sha256_of
from catalog.errors import InputError
from catalog.segments import read_segments
from stages.labels.offsets import Misfit
from stages.labels.people.formats import doccano_lines, spreadsheet, studio_tasks
from stages.labels.people.importing import Imported, Unsaid, take_in
from stages.labels.people.queue import askable, ordered, questions, read_predictions
from stages.labels.tasks import Task, parse_tasks
from stages.labels.values import Form, value_of
from tests.stages.labels.annotation_tables import ENTITIES, PEOPLE, corpus, guideline
from tests.stages.test_label import label

TEXTS = {name: f"text {name}" for name in "abcdefgh"}
FAMILY = "👩‍👩‍👧 met Anna"  # five characters, eight UTF-16 units, one visible character
PER = Form(task="entities", kind="spans", labels=["PER"])
UNSAID = Unsaid(annotator="me", guideline="", created_at="2026-02-01T00:00:00.000000Z")

Row = dict[str, Any]


@pytest.fixture
def version(project: Path) -> str:
    """A project with a guideline and eight documents; the guideline's version."""
    corpus(TEXTS)
    label(PEOPLE)
    return guideline()


def task(of: Row = PEOPLE) -> Task:
    """The task as the commands see it."""
    return parse_tasks([of])[0]


def asked(version: str, by: str = "random", answers: int = 1, predictions: Row | None = None) -> list[Row]:
    """All that would be asked, in order."""
    texts = read_segments("clean", "text")
    rows = ordered(by, task(), askable(task(), texts, version, answers), predictions or {}, 1)
    return questions(rows, texts, version, predictions or {})


def names(found: list[Row]) -> str:
    """The documents, in order."""
    return "".join(question["document"] for question in found)


def studio(found: list[Row], results: list[list[Row]], person: int = 1, **changes: Any) -> list[Row]:
    """Label Studio's export of answers to some questions."""
    tasks = json.loads(studio_tasks(found, "classification"))
    return [
        task | {"id": place, "annotations": [
            {"id": place, "completed_by": person, "result": result, "was_cancelled": not result,
             "updated_at": "2026-01-01T10:00:00.5Z"} | changes
        ]}
        for place, (task, result) in enumerate(zip(tasks, results, strict=False))
    ]  # fmt: skip


def choice(name: str) -> list[Row]:
    """A result of one choice."""
    return [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [name]}}]


def take(content: Any, name: str = "export.json", of: Row = PEOPLE) -> Imported:
    """Import one file."""
    path = Path(name)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8", newline="")
    return take_in(task(of), [path], UNSAID)


def test_the_queue_is_the_same_each_time_and_asks_each_text_once(version: str) -> None:
    """A twin is not asked about, nor what was answered or skipped."""
    corpus(TEXTS | {"z": TEXTS["a"]})
    found = asked(version)
    assert found == asked(version) and sorted(names(found)) == sorted(TEXTS) and names(found) != "abcdefgh"
    done = take(studio(found[:3], [choice("positive"), choice("negative"), []]))
    assert len(done.added) == 3 and done.added[-1]["status"] in ("answered", "skipped")
    assert names(asked(version)) == names(found)[3:]
    assert len(asked(version, answers=2)) == len(TEXTS)


def test_a_changed_text_or_guideline_is_asked_again(version: str) -> None:
    """A change of white space is none."""
    take(studio(asked(version), [choice("positive")] * 8))
    assert asked(version) == []
    corpus(TEXTS | {"a": "text  a", "b": "another text"})
    assert names(asked(version)) == "b"
    assert len(asked(guideline("Is the author really pleased?\n"))) == 8


def test_stratified_takes_of_each_group_in_turn(version: str) -> None:
    """One document of the press among the first two, whatever the hash."""
    corpus(TEXTS, h="press")
    assert "h" in names(asked(version, "stratified"))[:2]


def test_disagreement_asks_where_votes_differ_most(version: str) -> None:
    """Documents without two votes are left out."""
    split, agreed = [choice("positive"), choice("negative")], [choice("positive")] * 2
    two = [row for row in asked(version) if row["document"] in "ab"]
    for person, results in ((1, agreed), (2, split if two[1]["document"] == "b" else split[::-1])):
        take(studio(two, results, person))
    label(PEOPLE)
    found = asked(version, "disagreement", answers=3)
    assert names(found) == "ba"


def test_uncertainty_needs_predictions(version: str) -> None:
    """The least sure come first, as pre-annotations too; without a table the error says where it should be."""
    with pytest.raises(InputError, match=r"\.gristmill/predictions; run `gristmill label predict mood`"):
        asked(version, "uncertainty")
    Path("p.csv").write_text("id,label,confidence,run\na,positive,900,m1\nb,negative,510,m1\n", encoding="utf-8")
    predictions = read_predictions("mood", Path("p.csv"))
    found = asked(version, "uncertainty", predictions=predictions)
    assert names(found) == "ba"
    (guess,) = json.loads(studio_tasks(found, "classification"))[0]["predictions"]
    assert guess["score"] == 0.51 and guess["result"][0]["value"] == {"choices": ["negative"]}


def test_a_second_import_adds_nothing_and_a_change_of_mind_one_row(version: str) -> None:
    """The same answers in other formats are the same answers; going back to the first one is a third row."""
    found = asked(version)[:3]
    export = studio(found, [choice("positive"), choice("negative"), []])
    assert len(take(export).added) == 3
    assert (len(take(export).added), take(export).known) == (0, 3)
    flat = [
        {
            **row["data"],
            "id": 1,
            "label": name,
            "annotator": 1,
            "annotation_id": 1,
            "updated_at": "2026-01-01T10:00:00.5Z",
        }
        for row, name in zip(export, ("positive", "negative"), strict=False)
    ]
    assert take(flat, "min.json").known == 2
    for at, name in ((1, "negative"), (2, "positive")):
        again = studio(found[:1], [choice(name)], updated_at=f"2026-01-02T10:00:0{at}Z")
        assert len(take(again).added) == 1
    assert read_annotations("mood").num_rows == 5
    assert len(take(export).added) == 0, "an old export says nothing new"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"document": "nobody"}, "its document is not in clean/text"),
        ({"text": "text A"}, "its text is not the one of its digest"),
        ({"guideline": ""}, "it does not say which guideline it follows"),
        ({"label": "fine"}, "the label 'fine' is not in the task's"),
        ({"updated_at": "yesterday"}, "the time 'yesterday' is not ISO 8601"),
    ],
)
def test_what_does_not_fit_is_set_aside_with_the_reason(version: str, change: Row, reason: str) -> None:
    """The rest of the file is taken in."""
    rows = [row | {"label": "positive", "annotation_id": 1, "annotator": 1} for row in asked(version)[:2]]
    done = take([rows[0], rows[1] | change])
    assert len(done.added) == 1
    assert [misfit["reason"].startswith(reason) for misfit in done.misfits] == [True]
    assert "1 added (0 of them skips), 0 known, 0 unanswered, 1 do not fit" in done.text()


def test_doccano_and_spreadsheets_come_back(version: str) -> None:
    """Rows that nobody filled in are unanswered; a skip is said in its own column."""
    found = asked(version)
    lines = [json.loads(line) for line in doccano_lines(found).splitlines()]
    lines[0]["label"] = ["positive"]
    done = take("\n".join(map(json.dumps, lines)), "all.jsonl")
    assert (len(done.added), done.unanswered) == (1, 7)
    rows = list(csv.DictReader(spreadsheet(found).splitlines()))
    rows[1]["label"], rows[2]["status"] = "negative", "skipped"
    with Path("s.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    done = take_in(task(), [Path("s.csv")], UNSAID)
    assert Counter(row["status"] for row in done.added) == {"answered": 1, "skipped": 1}
    assert {row["annotator"] for row in done.added} == {"me"}


@pytest.mark.parametrize(
    ("span", "value"),
    [
        ({"start": 10, "end": 14, "text": "Anna"}, [[10, 14, "PER"]]),
        ({"start": 13, "end": 17, "text": "Anna"}, [[10, 14, "PER"]]),
        ({"start": 0, "end": 8, "text": "👩‍👩‍👧"}, [[0, 5, "PER"]]),
        ({"start": 11, "end": 15, "text": "Anna"}, "at 11-15 stands 'nna', and the answer says 'Anna'"),
        ({"start": 10, "end": 14}, "the span 10-14 came without its text"),
        ({"start": 10, "end": 99}, "the span 10-99 ends behind its text of 14 characters"),
        ({"start": 4, "end": 4, "text": ""}, "the span 4-4 is none"),
    ],
)
def test_offsets_of_spans_survive_emoji(span: Row, value: Any) -> None:
    """In characters or in UTF-16 units: the text of the span decides, and without it nothing is guessed."""
    said = [span | {"labels": ["PER"]}]
    if isinstance(value, str):
        with pytest.raises(Misfit, match=value):
            value_of(PER, said, FAMILY)
    else:
        assert value_of(PER, said, FAMILY) == value
        assert value_of(PER, json.dumps(said), FAMILY) == value


def test_spans_become_rows_of_the_log(project: Path) -> None:
    """An annotation without spans says that there are none; doccano's triples need no text where counts agree."""
    corpus({"a": FAMILY, "b": "Anna met Bob"})
    base = {"text_digest": sha256_of("Anna met Bob"), "guideline": guideline(), "text": "Anna met Bob", "document": "b"}
    done = take(json.dumps(base | {"label": [[9, 12, "PER"], [0, 4, "PER"]]}), "d.jsonl", ENTITIES)
    assert [row["value"] for row in done.added] == ['[[0,4,"PER"],[9,12,"PER"]]']
    export = [{"id": 1, "data": base, "annotations": [{"id": 1, "completed_by": {"id": 7}, "result": []}]}]
    done = take(export, "none.json", ENTITIES)
    assert [(row["value"], row["annotator"]) for row in done.added] == [("[]", "label-studio:7")]


def test_ten_thousand_annotations_are_imported_in_seconds(project: Path) -> None:
    """And again, to add nothing."""
    texts = {f"{number:05d}": f"text number {number}, some words long " * 8 for number in range(10_000)}
    corpus(texts)
    version = guideline()
    found = [
        {"document": name, "text_digest": sha256_of(text), "guideline": version, "text": text}
        for name, text in texts.items()
    ]
    export = studio(found, [choice("positive")] * len(found))
    start = time.process_time()
    assert len(take(export).added) == 10_000
    assert len(take(export).added) == 0
    assert time.process_time() - start < 30


def test_a_task_without_guideline_or_of_no_name_is_an_error(project: Path) -> None:
    """With what to write."""
    from stages.labels.people.asked import guideline_of, task_named

    Path("params.yaml").write_text(yaml.safe_dump({"label": {"tasks": [PEOPLE | {"guideline": ""}]}}))
    with pytest.raises(InputError, match=r"no guideline for those who label; write data/guidelines/mood\.md"):
        guideline_of(task_named("mood"))
    with pytest.raises(InputError, match=r"no task is called moods; label\.tasks in params\.yaml has mood"):
        task_named("moods")


def test_an_import_that_was_cut_off_before_dvc_saw_the_answers_is_made_whole_by_the_next(version: str) -> None:
    """It adds nothing, and yet has DVC track the log and `label` depend on it."""
    Path("params.yaml").write_text(yaml.safe_dump({"label": {"tasks": [PEOPLE]}}))
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"label": {"cmd": "true", "deps": ["stages"]}}}))
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True)
    export = studio(asked(version), [choice("positive")] * 8)
    take(export)  # the answers are in the log, and here the import ended
    importing = [sys.executable, "-m", "stages.labels.people.importing", "mood", "export.json"]
    done = subprocess.run(importing, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("0 added (0 of them skips), 8 known"), done.stdout
    assert Path("data/annotations.dvc").exists()
    assert "data/annotations" in yaml.safe_load(Path("dvc.yaml").read_text())["stages"]["label"]["deps"]
