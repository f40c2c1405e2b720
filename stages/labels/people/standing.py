"""Standing: which of the answers that people ever gave count today, and the votes that follow from them.

Reads   data/annotations, clean/text; crawl/captures for tasks of two texts
Writes  label/annotations: the log of answers as it is
        label/votes: one vote of `person:<name>` for each answer that stands

An answer is about the document it was asked for or, where that has gone, about the one with this very text. It stands
if the text is what the person saw, or if it can be carried to what cleaning made of it (stages/labels/carry.py); one
about a second text too, while a source still has this beside the text. Of several answers
of one person the last counts; on one unit, answers by the guideline of today outrank those by any earlier one,
which count until somebody answers anew. A skip stands, so that it is not asked again, and is no vote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.annotations import answers_in
from catalog.digests import canonical_json
from catalog.schema import ANNOTATIONS, DOCUMENTS, VOTES
from stages.labels.carry import carried
from stages.labels.documents import Readable, positions, second_texts, stacked
from stages.labels.resolve import PREFIXES
from stages.labels.values import TWO_TEXTS, Kind, written
from stages.text.privacy.redact import redacted_text

ANSWERED, SKIPPED = "answered", "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingParams:
    """The task, and the version of its guideline that is in force: sha256 of the file, hex."""

    task: str
    kind: Kind
    sources: list[str]
    guideline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer that stands; `value` is decoded and about the text of today, None for a skip."""

    document: str
    about: str | None
    annotator: str
    value: Any
    current: bool
    """Does it follow the guideline that is in force?"""
    carried_from: str | None
    created_at: str


def beside(rows: pa.Table, documents: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The answers whose document is there, and beside each the id and text digest of that document."""
    place = positions(rows["id"], documents["id"])
    same = positions(rows["text_digest"], documents["text_digest"])
    place[place < 0] = same[place < 0]
    found = pa.array(place >= 0)
    return rows.filter(found), documents.take(pa.array(place[place >= 0]))


def texts_of(segments: Sequence[Readable], ids: pa.Array) -> dict[str, str]:
    """The texts of some documents; one segment in memory at a time."""
    found: dict[str, str] = {}
    for segment in segments if len(ids) else ():
        if pc.any(pc.is_in(segment.read(["id"])["id"], value_set=ids)).as_py():
            rows = segment.read(["id", "text"])
            rows = rows.filter(pc.is_in(rows["id"], value_set=ids))
            found |= dict(zip(rows["id"].to_pylist(), rows["text"].to_pylist(), strict=True))
    return found


def standing(
    texts: Sequence[Readable], captures: Sequence[Readable], rows: pa.Table, params: StandingParams
) -> list[Answer]:
    """The answers of one task that stand, sorted by unit and annotator; `rows` as in `label/annotations`."""
    documents = stacked(texts, ["id", "text_digest"], DOCUMENTS)
    seconds = second_texts(captures, documents, params.sources) if params.kind in TWO_TEXTS else None
    rows, documents = beside(rows, documents)
    changed = pc.not_equal(rows["text_digest"], documents["text_digest"])
    today = texts_of(texts, pc.unique(documents["id"].filter(changed)))
    last: dict[tuple[str, str, str], Answer] = {}
    for row, document, differs in zip(rows.to_pylist(), documents.to_pylist(), changed.to_pylist(), strict=True):
        about = None if seconds is None else redacted_text(row["about"] or "")  # older files have it as it came
        if seconds is not None and about not in seconds.get(document["text_digest"], ()):
            continue
        answer = _standing(row | {"about": about}, document["id"], today[document["id"]] if differs else None, params)
        if answer is None:
            continue
        key = (answer.document, answer.about or "", answer.annotator)
        if _rank(answer) > _rank(last.setdefault(key, answer)):
            last[key] = answer
    renewed = {key[:2] for key, answer in last.items() if answer.current}
    return [last[key] for key in sorted(last) if last[key].current or key[:2] not in renewed]


def _standing(row: Mapping[str, Any], document: str, text: str | None, params: StandingParams) -> Answer | None:
    """One answer on its document, whose text of today is given where it is not the one that the person saw."""
    skipped = row["status"] == SKIPPED
    value = SKIPPED if skipped else json.loads(row["value"])
    if text is not None:
        value = carried("classification" if skipped else params.kind, value, row["text"], text)
        if value is None:
            return None
    return Answer(
        document=document, about=row["about"], annotator=row["annotator"], value=None if skipped else value,
        current=row["guideline"] == params.guideline,
        carried_from=row["text_digest"] if text is not None else None, created_at=row["created_at"],
    )  # fmt: skip


def _rank(answer: Answer) -> tuple[bool, str, str]:
    """What the last answer of one person on one document has most of; answers of one moment, by what they say."""
    return answer.current, answer.created_at, canonical_json(answer.value)


def imported(path: str) -> Iterator[tuple[str, None, pa.Table]]:
    """`label/annotations` of one file of the log, as it is."""
    yield "annotations", None, answers_in(Path(path))


def people_votes(
    texts: Sequence[Readable], captures: Sequence[Readable], annotations: Sequence[Readable], *, params: StandingParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`votes` of one task, for the key `all`."""
    rows = stacked(annotations, ANNOTATIONS.names, ANNOTATIONS)
    votes = [
        {
            "id": answer.document, "task": params.task, "annotator": PREFIXES["people"] + answer.annotator,
            "about": answer.about, "label": written(answer.value), "carried_from": answer.carried_from,
        }
        for answer in standing(texts, captures, rows, params)
        if answer.value is not None
    ]  # fmt: skip
    yield "votes", "all", pa.Table.from_pylist(votes, schema=VOTES.remove_metadata())
