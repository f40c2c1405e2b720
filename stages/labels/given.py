"""Given: what sources say of their texts in other forms than one class for a text, as votes.

Reads   crawl/captures and clean/text of one segment
Writes  rows of label/votes, and of label/misfits for what is no vote, with the reason

`given_label` holds the label: a class (pairs), classes as a JSON list or parted by `separator` (multilabel), JSON as in
stages/labels/values.py (spans, relations), or where the answer starts, its words being `target_text` (questions; lists
of both where a source has several answers, empty lists where the text gives none). `second_text` is the other text of
a pair, or the question. Places are those of the text as the source wrote it, and are held to its words; they are moved
to what cleaning made of it, or the label is a misfit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import MISFITS, VOTES
from stages.labels.carry import carried
from stages.labels.offsets import Misfit
from stages.labels.values import TWO_TEXTS, Form, Kind, Unanswered, spans_in, value_of, written
from stages.labels.votes import within
from stages.text.privacy.redact import redacted_text

COLUMNS = ("id", "source", "charset", "body", "given_label", "target_text", "second_text")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenValues:
    """What a given label looks like; `given` maps a class as written to that of the task."""

    task: str
    kind: Kind
    sources: list[str]
    labels: list[str]
    relations: list[str]
    separator: str
    given: Mapping[str, str] = field(default_factory=dict)

    def form(self) -> Form:
        """The same, for reading values."""
        return Form(
            task=self.task, kind=self.kind, labels=self.labels, relations=self.relations, separator=self.separator,
            names=self.given,
        )  # fmt: skip


def given_values(captures: pa.Table, texts: pa.Table, *, params: GivenValues) -> dict[str, pa.Table]:
    """{"votes": one for each label that a source gave, "misfits": the labels that are none}."""
    wanted = pc.and_(within(captures["source"], params.sources), pc.is_valid(captures["given_label"]))
    rows = captures.select(COLUMNS).filter(wanted).to_pylist()
    clean = dict(zip(texts["id"].to_pylist(), texts["text"].to_pylist(), strict=True))
    votes: list[dict[str, Any]] = []
    misfits: list[dict[str, Any]] = []
    for row in rows:
        about = redacted_text((row["second_text"] or "").strip()) if params.kind in TWO_TEXTS else ""
        said = {"id": row["id"], "task": params.task, "annotator": f"given:{row['source']}", "about": about or None}
        try:
            votes += [said | {"label": label} for label in _labels(row, about, clean.get(row["id"]), params)]
        except Unanswered:
            continue
        except Misfit as why:
            misfits.append(said | {"label": redacted_text(row["given_label"]), "reason": redacted_text(str(why))})
    return {
        "votes": pa.Table.from_pylist(votes, schema=VOTES.remove_metadata()),
        "misfits": pa.Table.from_pylist(misfits, schema=MISFITS.remove_metadata()),
    }


def _labels(row: Row, about: str, text: str | None, params: GivenValues) -> list[str]:
    """What a row says, as votes write it. Errors: Misfit, Unanswered."""
    if params.kind in TWO_TEXTS and not about:
        raise Misfit("its row has no second text; map the column `second_text` of its source")
    if text is None:
        raise Misfit("its document has no text; `quarantine` says why")
    form, before = params.form(), _as_written(row)
    told = _answers(row) if params.kind == "questions" else [row["given_label"]]
    return [written(_moved(form.kind, value_of(form, label, before), before, text)) for label in told]


def _as_written(row: Row) -> str:
    """The text as its source has it."""
    try:
        return str(row["body"].decode(row["charset"] or "utf-8", "replace"))
    except LookupError:  # a charset that Python does not know
        return str(row["body"].decode("utf-8", "replace"))


def _moved(kind: Kind, value: Any, before: str, text: str) -> Any:
    """The value with the places that it has in the clean text; one without places is as good for any text."""
    if not spans_in(kind, value):
        return value
    moved = carried(kind, value, before, text)
    if moved is None:
        raise Misfit("cleaning changed the text where it points")
    return moved


def _answers(row: Row) -> Iterator[Any]:
    """The answers to a question: {start, text} of each, one [] where the text gives none."""
    starts, words = _listed(row["given_label"]), _listed(row["target_text"])
    if len(starts) != len(words):
        raise Misfit(f"it has {len(starts)} starts and {len(words)} texts; map `label` and `target_text` to them")
    for start, text in zip(starts, words, strict=True):
        yield {"start": int(start) if str(start).isdigit() else start, "text": text}
    if not starts:
        yield []


def _listed(cell: str | None) -> list[Any]:
    """A list in JSON, or one value as a list of one."""
    if not cell or not cell.startswith("["):
        return [cell] if cell else []
    try:
        return list(json.loads(cell))
    except ValueError:
        return [cell]
