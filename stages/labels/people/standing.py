"""Standing: which of the answers that people ever gave count today, and the votes that follow from them.

Reads   data/annotations, clean/text
Writes  label/annotations: the log of answers as it is
        label/votes: one vote of `person:<name>` for each answer that stands

An answer is about the document it was asked for or, where that has gone, about the one with this very text. It stands
if the text is what the person saw, or if it can be carried to what cleaning made of it (carry.py). Of several answers
of one person the last counts; on one document, answers by the guideline of today outrank those by any earlier one,
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

from catalog.digests import canonical_json
from catalog.parquet import read_parquet
from catalog.schema import ANNOTATIONS, DOCUMENTS, VOTES
from stages.labels.documents import Readable, positions, stacked
from stages.labels.people.carry import carried
from stages.labels.resolve import PREFIXES

ANSWERED, SKIPPED = "answered", "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingParams:
    """The task, and the version of its guideline that is in force: sha256 of the file, hex."""

    task: str
    guideline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer that stands; `value` is decoded and about the text of today, None for a skip."""

    document: str
    annotator: str
    value: Any
    current: bool
    """Does it follow the guideline that is in force?"""
    carried_from: str | None
    created_at: str


def about(rows: pa.Table, documents: pa.Table) -> tuple[pa.Table, pa.Table]:
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


def standing(texts: Sequence[Readable], rows: pa.Table, guideline: str) -> list[Answer]:
    """The answers of one task that stand, sorted by document and annotator; `rows` as in `label/annotations`."""
    documents = stacked(texts, ["id", "text_digest"], DOCUMENTS)
    rows, documents = about(rows, documents)
    changed = pc.not_equal(rows["text_digest"], documents["text_digest"])
    today = texts_of(texts, pc.unique(documents["id"].filter(changed)))
    last: dict[tuple[str, str], Answer] = {}
    for row, document, differs in zip(rows.to_pylist(), documents["id"].to_pylist(), changed.to_pylist(), strict=True):
        answer = _standing(row, document, today[document] if differs else None, guideline)
        if answer is None:
            continue
        other = last.setdefault((document, answer.annotator), answer)
        if _rank(answer) > _rank(other):
            last[document, answer.annotator] = answer
    renewed = {answer.document for answer in last.values() if answer.current}
    return [last[key] for key in sorted(last) if last[key].current or key[0] not in renewed]


def _standing(row: Mapping[str, Any], document: str, text: str | None, guideline: str) -> Answer | None:
    """One answer on its document, whose text of today is given where it is not the one that the person saw."""
    value = json.loads(row["value"]) if row["status"] == ANSWERED else SKIPPED
    if text is not None:
        value = carried(value, row["text"], text)
        if value is None:
            return None
    return Answer(
        document=document, annotator=row["annotator"], value=value if row["status"] == ANSWERED else None,
        current=row["guideline"] == guideline,
        carried_from=row["text_digest"] if text is not None else None, created_at=row["created_at"],
    )  # fmt: skip


def _rank(answer: Answer) -> tuple[bool, str, str]:
    """What the last answer of one person on one document has most of; answers of one moment, by what they say."""
    return answer.current, answer.created_at, canonical_json(answer.value)


def written(value: Any) -> str:
    """An answer as the label of a vote: a class or a target text as it is, anything else as canonical JSON."""
    return value if isinstance(value, str) else canonical_json(value)


def imported(path: str) -> Iterator[tuple[str, None, pa.Table]]:
    """`label/annotations` of one file of the log, as it is."""
    yield "annotations", None, read_parquet(Path(path))


def people_votes(
    texts: Sequence[Readable], annotations: Sequence[Readable], *, params: StandingParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`votes` of one task, for the key `all`."""
    rows = stacked(annotations, ANNOTATIONS.names, ANNOTATIONS)
    votes = [
        {
            "id": answer.document, "task": params.task, "annotator": PREFIXES["people"] + answer.annotator,
            "label": written(answer.value), "carried_from": answer.carried_from,
        }
        for answer in standing(texts, rows, params.guideline)
        if answer.value is not None
    ]  # fmt: skip
    yield "votes", "all", pa.Table.from_pylist(votes, schema=VOTES.remove_metadata())
