"""Drift: how right each person is, month by month, so that a change in somebody's work shows.

Reads   label/annotations, clean/text, dedup/verdicts, the votes of the task, label/consensus; crawl/captures for tasks
        of two texts.
Writes  label/drift: answers that stand, by annotator and the month in which they were given, held to the gold labels
        and to the labels that two or more votes came to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import ANNOTATIONS, DRIFT, LABELS, VOTES
from stages.labels.annotators import gold_of
from stages.labels.documents import Readable, documents_of, positions, stacked, unit_names
from stages.labels.people.standing import StandingParams, standing
from stages.labels.resolve import PREFIXES
from stages.labels.values import written

MONTH = len("yyyy-mm")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftParams(StandingParams):
    """Which answers stand, and the annotators whose votes are gold."""

    gold: list[str]


def by_text(rows: pa.Table, documents: pa.Table) -> pa.Table:
    """Rows on known documents, with the column `unit`: text digest and second text."""
    place = positions(rows["id"], documents["id"])
    rows, place = rows.filter(pa.array(place >= 0)), place[place >= 0]
    return rows.append_column("unit", unit_names(documents["text_digest"].take(pa.array(place)), rows["about"]))


def settled(labels: pa.Table, documents: pa.Table) -> dict[str, str]:
    """Unit -> the label that two or more votes came to; `labels` of one task."""
    rows = by_text(labels.filter(pc.greater_equal(labels["votes"], 2)), documents)
    said = pc.coalesce(rows["label"], rows["target_text"]).to_pylist()
    return {unit: label for unit, label in zip(rows["unit"].to_pylist(), said, strict=True) if label is not None}


def drift(
    texts: Sequence[Readable], captures: Sequence[Readable], clusters: Sequence[Readable],
    annotations: Sequence[Readable], votes: Sequence[Readable], labels: Sequence[Readable], *, params: DriftParams,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """`drift` of one task, for the key `all`."""
    documents = documents_of(texts, clusters)
    gold = gold_of(by_text(stacked(votes, ["id", "annotator", "about", "label"], VOTES), documents), params.gold)
    ours = stacked(labels, ["id", "task", "about", "label", "target_text", "votes"], LABELS)
    known = settled(ours.filter(pc.equal(ours["task"], params.task)), documents)
    digests = dict(zip(documents["id"].to_pylist(), documents["text_digest"].to_pylist(), strict=True))
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for answer in standing(texts, captures, stacked(annotations, ANNOTATIONS.names, ANNOTATIONS), params):
        if answer.value is None or answer.document not in digests:
            continue
        unit, said = "\n".join((digests[answer.document], answer.about or "")), written(answer.value)
        counts[PREFIXES["people"] + answer.annotator, answer.created_at[:MONTH]] += Counter(
            documents=1, checked=unit in gold, correct=gold.get(unit) == said, compared=unit in known,
            agreed=known.get(unit) == said,
        )  # fmt: skip
    rows = [
        {"task": params.task, "annotator": annotator, "month": month} | {name: found[name] for name in DRIFT.names[3:]}
        for (annotator, month), found in sorted(counts.items())
    ]
    yield "drift", "all", pa.Table.from_pylist(rows, schema=DRIFT.remove_metadata())
