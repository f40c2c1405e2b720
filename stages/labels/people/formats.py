"""Formats: what Label Studio, doccano and spreadsheets write, as answers; and questions as these read them.

A question carries `document`, `text_digest` and `guideline` beside its text; every tool gives unknown fields back.

Label Studio  JSON (every annotation, skips too), JSON_MIN and CSV (without skips, and without relations)
doccano       JSONL: it says neither who answered nor when, and an empty `label` is no answer
CSV           as `gristmill label queue` writes it, with `label` filled in; `status` skipped, `annotator`, `created_at`

Where a task has a second text, it is the field `about`, shown beside the text. The answer to a question is one span.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from catalog.errors import InputError
from stages.labels.people.told import Told, field, parsed, told
from stages.labels.values import ANSWER, TWO_TEXTS, spans_in

NAME = "label"  # of the control in Label Studio's interface, and so of the field in its flat exports
RESULTS = {"choices": "choices", "labels": "labels", "textarea": "text"}  # type of a result -> where its value is
DIRECTIONS = {"right": [("from_id", "to_id")], "left": [("to_id", "from_id")]}
DIRECTIONS["bi"] = [*DIRECTIONS["right"], *DIRECTIONS["left"]]
CONTROLS = {
    "spans": ("Labels", "Label"), "relations": ("Labels", "Label"), "questions": ("Labels", "Label"),
    "generation": ("TextArea", ""),
}  # fmt: skip
STUDIO = "label-studio:"  # before the number that a server has for a person


def read_answers(path: Path, kind: str) -> list[Told]:
    """Every answer of a file to a task; its format is told by its name and its first row. Errors: InputError."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        return _answers(path, kind)
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is not what a labelling tool writes ({type(error).__name__}: {error}); export it again"
        ) from None


def _answers(path: Path, kind: str) -> list[Told]:
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        content = stream.read()
    if path.suffix == ".jsonl":
        rows = [parsed(line, str(path)) for line in content.split("\n") if line.strip()]
        return [told(row, f"line {number}", _doccano(row, kind)) for number, row in enumerate(rows, 1)]
    if path.suffix == ".csv":
        return list(_flat(csv.DictReader(io.StringIO(content, newline="")), "row"))
    if path.suffix == ".json":
        found = parsed(content, str(path))
        whole = any("annotations" in row for row in found)
        return list(_studio(found, kind) if whole else _flat(found, "answer"))
    raise InputError(f"{path} is no .json, .jsonl or .csv; docs/labels.md says which formats can be imported")


def _doccano(row: Mapping[str, Any], kind: str) -> Any:
    """What a line of doccano's says; None for nothing."""
    if kind != "relations":
        return row.get("label") or None
    spans = [
        {"id": one.get("id"), "start": one.get("start_offset"), "end": one.get("end_offset"), "labels": [one["label"]]}
        for one in row.get("entities", ())
    ]
    links = [[one.get("from_id"), one.get("to_id"), one.get("type")] for one in row.get("relations", ())]
    return {"spans": spans, "relations": links} if spans else None


def _studio(tasks: Iterable[Mapping[str, Any]], kind: str) -> Iterator[Told]:
    """Answers of Label Studio's JSON."""
    for task in tasks:
        for annotation in task["annotations"]:
            person = annotation.get("completed_by")
            person = person.get("id") if isinstance(person, Mapping) else person
            label = _linked(annotation["result"]) if kind == "relations" else _label(annotation["result"])
            yield told(
                task["data"], f"task {task.get('id')}, annotation {annotation.get('id')}", label,
                annotator=f"{STUDIO}{person}", created_at=field(annotation, "updated_at"),
                skipped=bool(annotation.get("was_cancelled")),
            )  # fmt: skip


def _label(results: Sequence[Mapping[str, Any]]) -> Any:
    """What the results of one annotation say together: spans as they are, of choices and texts all."""
    ours = [result for result in results if result.get("from_name") == NAME]
    spans = [result["value"] for result in ours if result["type"] == "labels"]
    flat = [item for result in ours if result["type"] in ("choices", "textarea")
            for item in result["value"][RESULTS[result["type"]]]]  # fmt: skip
    return flat or spans


def _linked(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Spans with their ids, and the relations between them."""
    spans = [result["value"] | {"id": result.get("id")} for result in results if result.get("from_name") == NAME]
    links = [
        [*(result[end] for end in ends), *result.get("labels", ())]
        for result in results if result["type"] == "relation"
        for ends in DIRECTIONS.get(result.get("direction", "right"), ())
    ]  # fmt: skip
    return {"spans": spans, "relations": links}


def _flat(rows: Iterable[Mapping[str, Any]], what: str) -> Iterator[Told]:
    """Answers of Label Studio's JSON_MIN and CSV, and of plain CSV."""
    for number, row in enumerate(rows, 1):
        by_studio = "annotation_id" in row
        if by_studio and not field(row, "annotation_id"):
            continue  # a task without any annotation
        yield told(
            row, f"{what} {number}", row.get(NAME),
            annotator=f"{STUDIO if by_studio else ''}{field(row, 'annotator')}",
            created_at=field(row, "updated_at") or field(row, "created_at"), skipped=field(row, "status") == "skipped",
        )  # fmt: skip


def studio_tasks(questions: Sequence[Mapping[str, Any]], kind: str) -> str:
    """Questions as Label Studio imports them, with predictions as pre-annotations."""
    tasks = []
    for question in questions:
        data = {name: value for name, value in question.items() if name != "prediction"}
        task: dict[str, Any] = {"data": data}
        if guess := question.get("prediction"):
            result = _results(guess["label"], kind, question["text"])
            score = guess["confidence"] / 1000
            task["predictions"] = [{"model_version": guess["run"], "score": score, "result": result}]
        tasks.append(task)
    return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def _results(label: str, kind: str, text: str) -> list[dict[str, Any]]:
    """A label as the results of an annotation."""
    base = {"from_name": NAME, "to_name": "text"}
    if kind in ("classification", "pairs", "multilabel"):
        chosen = json.loads(label) if kind == "multilabel" else [label]
        return [base | {"type": "choices", "value": {"choices": chosen}}]
    if kind == "generation":
        return [base | {"type": "textarea", "value": {"text": [label]}}]
    value = json.loads(label)
    spans = [
        base | {"id": f"s{place}", "type": "labels",
                "value": {"start": start, "end": stop, "text": text[start:stop], "labels": [said]}}
        for place, (start, stop, said) in enumerate(spans_in(kind, value))
    ]  # fmt: skip
    links = value["relations"] if kind == "relations" else []
    return spans + [
        {"type": "relation", "from_id": f"s{start}", "to_id": f"s{stop}", "direction": "right", "labels": [said]}
        for start, stop, said in links
    ]


def studio_interface(kind: str, labels: Sequence[str], relations: Sequence[str] = ()) -> str:
    """The labelling interface of a task, as a project of Label Studio takes it."""
    labels = [ANSWER] if kind == "questions" else labels
    several = ' choice="multiple"' if kind == "multilabel" else ""
    element, item = CONTROLS.get(kind, ("Choices", "Choice"))
    control = f'<{element} name="{NAME}" toName="text"{several}'
    lines = [f"{control}>", *_items(item, labels), f"</{element}>"] if labels else [f"{control}/>"]
    if relations:
        lines += ["<Relations>", *_items("Relation", relations), "</Relations>"]
    if kind in TWO_TEXTS:
        lines.append('<Text name="about" value="$about"/>')
    return "\n  ".join(["<View>", *lines, '<Text name="text" value="$text"/>']) + "\n</View>\n"


def _items(item: str, values: Sequence[str]) -> list[str]:
    return [f"  <{item} value={quoteattr(value)}/>" for value in values]


def doccano_lines(questions: Sequence[Mapping[str, Any]]) -> str:
    """Questions as doccano imports them, one object a line."""
    rows = ({name: value for name, value in question.items() if name != "prediction"} for question in questions)
    return "".join(json.dumps(row | {"label": []}, ensure_ascii=False) + "\n" for row in rows)


def spreadsheet(questions: Sequence[Mapping[str, Any]]) -> str:
    """Questions as CSV, with columns to fill in."""
    about = ["about"] if any("about" in question for question in questions) else []
    columns = ["document", "text_digest", "guideline", "text", *about, NAME, "status", "annotator"]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(questions)
    return out.getvalue()
